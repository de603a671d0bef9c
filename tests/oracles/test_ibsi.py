"""Radiomic features against the IBSI's reference values, and the table in the docs made from it.

The Image Biomarker Standardisation Initiative computed the features of a small digital phantom with
independent programs and published the values on which they agree, each with a tolerance.
"""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from careloop.imaging.radiomics import AGGREGATIONS, FAMILIES, extract, feature_table

pytestmark = pytest.mark.realdata

PLANE = ("", "2d", "2.5d", *AGGREGATIONS)
PAGE = "reference/ibsi.md"
PREFACE = """# Agreement with the IBSI

Made by `tests/oracles/test_ibsi.py`; do not edit. Digital phantom and reference values: Image
Biomarker Standardisation Initiative (IBSI-1), CC BY 4.0. A value agrees if, rounded to three
significant digits, it is within the published tolerance.

The table holds every planar (2-D and 2.5-D) value of the families below on which the IBSI reached
consensus. Three-dimensional aggregations, morphology, local intensity and the intensity–volume
histogram are not computed."""


@pytest.fixture(scope="module")
def references(data_dir):
    """Every two-dimensional reference value of the phantom on which there is consensus."""
    with (data_dir / "ibsi" / "ibsi1_reference_values.csv").open(encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["dataset"] == "digital_phantom"
            and row["family"] in FAMILIES
            and row["aggregation"] in PLANE
            and row["value"]
        ]
    assert len(rows) == 313
    return rows


@pytest.fixture(scope="module")
def measured(data_dir):
    """All features of the phantom under every aggregation, by IBSI id."""
    text = (data_dir / "ibsi" / "ibsi1_digital_phantom.json").read_text(encoding="utf-8")
    phantom = json.loads(text)["phantom"]
    found = {}
    for aggregation in AGGREGATIONS:
        found |= extract(
            phantom["image"],
            phantom["mask"],
            spacing=phantom["spacing_mm_zyx"],
            bins=None,
            aggregation=aggregation,
            names="ibsi",
        )
    return found


def _key(row):
    return ".".join(filter(None, (row["ibsi_id"], row["aggregation_ibsi_id"])))


def _within(row, value):
    rounded, reference = float(f"{value:.3g}"), float(row["value"])
    return abs(rounded - reference) <= float(row["tolerance"]) + 1e-12 * abs(reference)


def test_every_planar_value_is_within_tolerance(references, measured):
    outside = [
        (row["tag"], measured[_key(row)], row["value"])
        for row in references
        if not _within(row, measured[_key(row)])
    ]
    assert outside == []


def test_the_comparison_can_fail(references, measured):
    row = next(row for row in references if _key(row) == "ACUI.BTW3")
    assert not _within(row, measured["ACUI.BTW3"] * 1.01)


def test_no_planar_feature_of_the_ibsi_is_left_out(references, measured):
    assert {_key(row) for row in references} == set(measured)
    assert {row["ibsi_id"] for row in references} == {f.ibsi_id for f in feature_table()}


def test_table_in_the_docs(references, measured, written_page):
    feature = {f.ibsi_id: f for f in feature_table()}
    by_group: dict[tuple[str, str], list[bool]] = {}
    lines = []
    for row in references:
        value = measured[_key(row)]
        good = _within(row, value)
        by_group.setdefault((row["family"], row["aggregation"] or "–"), []).append(good)
        lines.append(
            f"| {_key(row)} | `{feature[row['ibsi_id']].key}` | {row['aggregation'] or '–'} "
            f"| {float(row['value']):g} | {float(row['tolerance']):g} | {value:.6g} "
            f"| {'yes' if good else '**no**'} |"
        )
    summary = [
        f"| {family} | {aggregation} | {sum(good)} of {len(good)} |"
        for (family, aggregation), good in by_group.items()
    ]
    right = sum(sum(good) for good in by_group.values())
    written_page(
        PAGE,
        [
            *PREFACE.splitlines(),
            "",
            f"**{right} of {len(references)} values agree ({right / len(references):.0%}).**",
            "",
            "| family | aggregation | agree |",
            "|---|---|---|",
            *summary,
            "",
            "| IBSI id | key | aggregation | reference | tolerance | careloop | agrees |",
            "|---|---|---|---|---|---|---|",
            *lines,
        ],
    )


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_a_single_slice_has_the_same_values_in_2d_and_2_5d(measured, data_dir, aggregation):
    text = (data_dir / "ibsi" / "ibsi1_digital_phantom.json").read_text(encoding="utf-8")
    phantom = json.loads(text)["phantom"]
    image, mask = np.array(phantom["image"])[0], np.array(phantom["mask"])[0]
    twin = aggregation.replace("2.5d_direction_merged", "2d_averaged")
    twin = twin.replace("2.5d_merged", "2d_slice_merged")
    got = extract(image, mask, bins=None, aggregation=aggregation)
    assert got == pytest.approx(extract(image[None], mask[None], bins=None, aggregation=twin))
