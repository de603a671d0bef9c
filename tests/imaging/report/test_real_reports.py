"""The Hologic PDF and the GE iDXA pages against what a person read on them.

The pages are drawn as words for the fast test (their tables as a text layer would give them) and
read by OCR for the slow one: nothing wrong, and nearly everything there.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from careloop.imaging.report import read_page_reports, read_report

ORACLE = Path(__file__).parents[2] / "oracles" / "dxa_reports.csv"
QUANTITIES = ("area", "bmc", "bmd", "t", "z")


def _truth() -> dict[str, dict[tuple[int, str, str, str], float]]:
    found: dict[str, dict[tuple[int, str, str, str], float]] = defaultdict(dict)
    with ORACLE.open(encoding="utf-8") as file:
        lines = (line for line in file if not line.startswith("#"))
        for row in csv.DictReader(lines):
            for quantity in QUANTITIES:
                if row[quantity]:
                    place = int(row["page"]), row["site"], row["side"], quantity
                    found[row["file"]][place] = float(row[quantity])
    return dict(found)


TRUTH = _truth()
EXPECTED = {
    "hologic_horizon_report.pdf": ("hologic", "Horizon A"),
    "ge_idxa_report_ls.png": ("ge_lunar", "Lunar iDXA"),
    "ge_idxa_report_hip.png": ("ge_lunar", "Lunar iDXA"),
    "ge_idxa_report_rad.png": ("ge_lunar", "Lunar iDXA"),
}


def _values(reports):
    return {
        (each.page, each.site, each.side, each.quantity): each
        for report in reports
        for each in report.values
    }


def _words_of(page_number: int, file: str) -> tuple[list[list[str]], list[list[str]]]:
    """The table of a page as its heads and rows, from what was read by eye."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    with ORACLE.open(encoding="utf-8") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            if (row["file"], int(row["page"])) == (file, page_number):
                rows[row["site"], row["side"]] = row
    cells = [
        [_printed(site, side), *(row[quantity] or "-" for quantity in QUANTITIES)]
        for (site, side), row in rows.items()
    ]
    return [["Region", "Area", "BMC", "BMD", "T-score", "Z-score"]], cells


def _printed(site: str, side: str) -> str:
    """A region's name as GE prints it."""
    names = {
        "femoral_neck": "Neck", "total_hip": "Total", "wards": "Wards", "trochanter": "Troch",
        "intertrochanter": "Inter", "lumbar_spine": "L1-L4", "forearm_combined": "Both Total",
        "total_body": "Total", "total_body_less_head": "Subtotal",
    }  # fmt: skip
    if site.startswith("l") and site not in names:
        return site.upper().replace("_AND_", ",").replace("_", "-")
    if site in names:
        hip = site in {"femoral_neck", "total_hip", "wards", "trochanter", "intertrochanter"}
        return f"{names[site]} {side.title()}" if hip and side else names[site]
    bone, _, part = site.replace("forearm_combined", "both").rpartition("_")
    part = {"33": "33%", "ud": "UD", "mid": "MID", "total": "Total"}[part]
    return f"{bone.title()} {part}"


@pytest.mark.parametrize(
    ("file", "number"), sorted({(file, key[0]) for file, keys in TRUTH.items() for key in keys})
)
def test_tables_as_a_text_layer(file, number, page, table, text):
    words = table(*_words_of(number, file))
    side = next((key[2] for key in TRUTH[file] if key[0] == number and key[2]), "")
    title = {"left": "Left Forearm", "right": "Right Forearm"}.get(side, "")
    if any("radius" in key[1] or "forearm" in key[1] for key in TRUTH[file] if key[0] == number):
        words += text(50, 100, title)
    reports = read_page_reports([page(words, number=number)])
    expected = {key: value for key, value in TRUTH[file].items() if key[0] == number}
    read = _values(reports)
    assert {key: each.value for key, each in read.items()} == expected
    assert {each.status for each in read.values()} == {"checked"}


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("file", EXPECTED)
def test_pages_read_by_ocr(file, data_dir):
    """No wrong value at all, and at least seven of eight read."""
    reports = read_report(data_dir / "dxa" / file)
    read, expected = _values(reports), TRUTH[file]
    wrong = {key: each.raw for key, each in read.items() if expected.get(key) != each.value}
    assert wrong == {}
    assert len(read) >= 0.875 * len(expected)
    maker, device = EXPECTED[file]
    assert {each.maker for each in reports} == {maker}
    assert max(each.device for each in reports) == device
    assert all(device.startswith(each.device) for each in reports)  # page 5 prints no letter
    if file.endswith(".pdf"):
        assert {each.scanned_on for each in reports} <= {date(2019, 12, 4), None}
        assert {each.software[:8] for each in reports} == {"13.6.0.5"}
        proven = {key for key, each in read.items() if each.status == "checked"}
        bmd = {key for key in expected if key[3] == "bmd"}
        assert len(bmd & proven) >= 0.9 * len(bmd)
        assert not [key for key in read if key[3] == "t"]  # none printed under 50
    else:
        assert {each.reference[:3] for each in reports} == {"USA"}
