"""A read report: values with their place on the page, and what was refused and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from careloop.imaging.image import Subject
from careloop.imaging.report.word import Box
from careloop.records.finding import Finding

Status = Literal["checked", "to_confirm", "refused"]
"""checked: text layer, or read from a picture and proven by a second figure. to_confirm: read from
a picture with nothing to check it by: no fact before a person confirmed it. refused: contradicted
by the report itself, outside of what is possible, or not legible."""


@dataclass(frozen=True, slots=True)
class RegionValue:
    """One printed number of one region, and where it stands.

    `side` is "left", "right", "mean" (of both, as printed) or ""; `reasons` are codes of findings.
    """

    site: str
    quantity: Literal["area", "bmc", "bmd", "t", "z"]
    value: float
    unit: str
    side: str
    label: str  # the region's name as printed
    raw: str  # the number as printed
    page: int
    box: Box
    confidence: float
    status: Status
    checks: tuple[str, ...] = ()  # "ratio", "sum", "sides", "repeat": what vouches for it
    reasons: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The variable of the dictionary: `bmd_l1_g_cm2`, `t_total_hip`."""
        return variable_of(self.site, self.quantity)

    @property
    def key(self) -> str:
        """What names it within its document: variable, side and page."""
        return f"{self.variable}/{self.side}/page {self.page}"

    @property
    def place(self) -> str:
        """Where it stands: `page 1 (x0,y0,x1,y1)` in pixels of the page's picture."""
        box = self.box
        return f"page {self.page} ({box.x0:.0f},{box.y0:.0f},{box.x1:.0f},{box.y1:.0f})"


@dataclass(frozen=True, slots=True)
class DxaReport:
    """One results table of a DXA report: what was measured, on what, when, and the values.

    `values` holds what was read, checked or to be confirmed; `refused` what must not be used.
    `side` is "both" where the rows name the sides. `subject` is identifying.
    """

    maker: Literal["hologic", "ge_lunar", "norland", ""]
    device: str
    software: str
    scanned_on: date | None
    scanned_on_checked: bool  # from a text layer, or proven by a second date or the age
    analysed_on: date | None
    subject: Subject
    subject_checked: bool  # False where name and id were read by OCR
    age_y: float | None
    ethnicity: str
    site: Literal["spine", "hip", "forearm", "body"]
    side: str
    reference: str  # population of the T-scores as printed
    reference_key: str  # our name of the database, "" where the report names none of ours
    reference_z: str
    scan_id: str
    page: int
    values: tuple[RegionValue, ...]
    refused: tuple[RegionValue, ...] = ()
    findings: tuple[Finding, ...] = ()

    def value(self, site: str, quantity: str, *, side: str = "") -> RegionValue | None:
        """The value of a region, if it was read and not refused."""
        for each in self.values:
            if (each.site, each.quantity) == (site, quantity) and (not side or each.side == side):
                return each
        return None

    @property
    def to_confirm(self) -> tuple[RegionValue, ...]:
        """Values that a person must confirm before they become facts."""
        return tuple(each for each in self.values if each.status == "to_confirm")

    def to_json(self) -> dict[str, Any]:
        """What JSON can hold: every value with its box; dates as ISO texts. Identifying."""
        told = asdict(self)
        for name in ("scanned_on", "analysed_on"):
            told[name] = told[name].isoformat() if told[name] else None
        born = told["subject"]["born_on"]
        told["subject"]["born_on"] = born.isoformat() if born else None
        for rows, objects in (("values", self.values), ("refused", self.refused)):
            for row, each in zip(told[rows], objects, strict=True):
                row |= {"key": each.key, "variable": each.variable}
        return told


def variable_of(site: str, quantity: str) -> str:
    """The dictionary's key of a site's quantity.

    Examples
    --------
    >>> variable_of("l2_l4", "bmd"), variable_of("femoral_neck", "t")
    ('bmd_l2_l4_g_cm2', 't_femoral_neck')
    """
    unit = {"bmd": "_g_cm2", "bmc": "_g", "area": "_cm2"}.get(quantity, "")
    return f"{quantity}_{site}{unit}"


_SITES = {
    "spine": ("脊柱正位", "AP spine"),
    "hip": ("髋部", "Hip"),
    "forearm": ("前臂", "Forearm"),
    "body": ("全身", "Total body"),
}
_SIDES = {
    "left": ("左", "left"),
    "right": ("右", "right"),
    "both": ("双侧", "both sides"),
    "mean": ("均值", "mean"),
    "": ("", ""),
}
_HEADS = (
    ("部位", "Region"),
    ("侧", "Side"),
    ("面积 cm²", "Area cm²"),
    ("骨矿含量 g", "BMC g"),
    ("骨密度 g/cm²", "BMD g/cm²"),
    ("T值", "T"),
    ("Z值", "Z"),
)
_NOTE = (
    "? 由图片识别且无法核对,须对照图片确认;× 已拒绝",
    "? read from a picture and not provable: confirm beside it; × refused",
)


def render_text(report: DxaReport, language: str = "zh") -> str:
    """The report as a table in plain text, for the command line.

    Every number as printed; "?" behind one to be confirmed, "×" for a refused one. Names and ids
    are left out.
    """
    zh = language.startswith("zh")
    pick = 0 if zh else 1
    head = " · ".join(
        text
        for text in (
            _SITES[report.site][pick],
            _SIDES[report.side][pick],
            report.device or report.maker,
            report.software,
            report.scanned_on.isoformat() if report.scanned_on else "",
            report.reference,
        )
        if text
    )
    regions: dict[tuple[str, str], dict[str, str]] = {}
    for each in (*report.values, *report.refused):
        mark = {"checked": "", "to_confirm": "?", "refused": "×"}[each.status]
        row = regions.setdefault((each.label, each.side), {})
        row[each.quantity] = f"{each.raw}{mark}"
    rows = [tuple(pair[pick] for pair in _HEADS)]
    for (label, side), cells in regions.items():
        quantities = (cells.get(name, "") for name in ("area", "bmc", "bmd", "t", "z"))
        rows.append((label, _SIDES[side][pick], *quantities))
    lines = [head, *_aligned(rows)]
    if any(mark in cell for row in rows[1:] for cell in row[2:] for mark in "?×"):
        lines.append(_NOTE[pick])
    return "\n".join(lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(_width(row[index]) for row in rows) for index in range(len(rows[0]))]
    return ["  ".join(map(_padded, range(len(row)), row, widths)).rstrip() for row in rows]


def _padded(index: int, cell: str, width: int) -> str:
    """Names to the left of their column, numbers to the right."""
    blanks = " " * (width - _width(cell))
    return cell + blanks if index < 2 else blanks + cell


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if "\u2e80" <= letter <= "\uffef" else 1 for letter in text)
