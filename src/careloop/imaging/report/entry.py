"""What the checks work on: each number of the tables with its site, and what speaks for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from careloop.imaging.report import finding
from careloop.imaging.report.number import Number
from careloop.imaging.report.particulars import Particulars, Title
from careloop.imaging.report.region import Name, spine_key
from careloop.imaging.report.table import Row, Table
from careloop.imaging.report.vocabulary import plain
from careloop.imaging.report.word import Word
from careloop.records.finding import Finding

_HIP = {
    "neck": "femoral_neck",
    "total": "total_hip",
    "wards": "wards",
    "troch": "trochanter",
    "inter": "intertrochanter",
    "shaft": "femoral_shaft",
}
_BODY = {"total": "total_body", "less_head": "total_body_less_head"}
_PREFIX = {"radius": "radius", "ulna": "ulna", "both": "forearm_combined"}
_PART = {
    "ud": "ud",
    "mid": "mid",
    "one_third": "33",
    "total": "total",
    "distal": "distal",
    "proximal": "proximal",
}


@dataclass
class Entry:
    """One number in hand. `site` is "" where the region is known but no site of ours."""

    site: str
    kind: str
    stat: str  # "left", "right", "mean", "diff" or ""
    quantity: str
    number: Number
    label: str
    word: Word
    page: int
    ocr: bool
    table: int
    bone: str = ""
    part: str = ""
    vertebrae: tuple[str, ...] = ()
    mended: bool = False  # the region's name was read with doubt
    passed: set[str] = field(default_factory=set)  # checks that vouch for it
    failed: set[str] = field(default_factory=set)  # codes of findings
    doubts: set[str] = field(default_factory=set)  # codes of findings

    @property
    def value(self) -> float:
        """The number."""
        return self.number.value

    @property
    def confidence(self) -> float:
        """How surely number and region were read, 0 to 1."""
        return self.word.confidence

    @property
    def region(self) -> tuple[int, str, str]:
        """Which row of which table it stands in."""
        return self.table, self.site or self.label, self.stat


@dataclass(frozen=True, slots=True)
class Placed:
    """A table with its site and side, and its numbers."""

    kind: str
    side: str  # "left", "right", "both", or "" where it has none or it is not told
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]


def place(
    table: Table,
    particulars: Particulars,
    *,
    others: Sequence[Table],
    text: str,
    page: int,
    number: int,
    ocr: bool,
    where: str,
) -> Placed:
    """The numbers of a table with the sites that its rows, its head and the titles name.

    `others` are all tables of the page, `text` all its words, `number` counts tables in a document.
    """
    findings = list(table.findings)
    kind = _kind(table, particulars.titles)
    if not kind:
        if table.rows:
            findings.append(Finding(finding.UNKNOWN_SITE, where))
        return Placed("", "", (), tuple(findings))
    side = _side(table, kind, particulars.titles, others)
    if kind in {"hip", "forearm"} and not side:
        findings.append(Finding(finding.NO_SIDE, where))
    bone, doubts = _bone(table, text)
    entries: list[Entry] = []
    for row in table.rows:
        name = row.name
        bare = kind == "hip" and table.bilateral and not name.stat
        if bare or (kind == "forearm" and not (name.bone or bone)):
            findings.append(Finding(finding.UNKNOWN_SITE, where, value=row.label.text))
            continue
        vertebrae = name.vertebrae
        if kind == "spine" and name.key == "total":
            vertebrae = _total(row, table.rows)
            if not vertebrae:
                findings.append(Finding(finding.UNKNOWN_SITE, where, value=row.label.text))
                continue
        row_bone = name.bone or bone
        row_doubts = {finding.REPAIRED} if name.mended else set()
        row_doubts |= doubts if kind == "forearm" and not name.bone else set()
        for column, cell in row.cells.items():
            entry = Entry(
                site=_site(kind, name, row_bone, vertebrae),
                kind=kind,
                stat=name.stat or (side if side != "both" else ""),
                quantity=cell.quantity,
                number=cell.number,
                label=row.label.text,
                word=Word(
                    cell.word.text,
                    cell.word.box,
                    min(cell.word.confidence, 1.0 if name.vertebrae else row.label.confidence),
                ),
                page=page,
                ocr=ocr,
                table=number,
                bone=row_bone,
                part=_PART.get(name.key, ""),
                vertebrae=vertebrae,
                mended=name.mended,
                doubts=set(row_doubts),
            )
            if cell.number.repaired:
                entry.doubts.add(finding.REPAIRED)
            if column.endswith("?"):
                entry.doubts.add(finding.BAD_NUMBER)
            entries.append(entry)
    return Placed(kind, side, tuple(entries), tuple(findings))


def _kind(table: Table, titles: Iterable[Title]) -> str:
    """The site of the rows; for rows that name none, that of the page's titles if they agree."""
    if not table.rows:
        return ""
    kinds = {title.kind for title in titles}
    if table.kind == "spine":
        return "" if "lateral" in kinds and "spine" not in kinds else "spine"
    if table.kind:
        return table.kind
    if table.header.bone:
        return "forearm"
    return kinds.pop() if len(kinds) == 1 and "lateral" not in kinds else ""


def _side(table: Table, kind: str, titles: Sequence[Title], others: Sequence[Table]) -> str:
    """The side by the rows, else by the titles: all agree, or the nearest above the table."""
    if kind not in {"hip", "forearm"}:
        return ""
    if table.bilateral:
        return "both"
    named = [title for title in titles if title.kind == kind and title.side]
    sides = {title.side for title in named}
    same = [other for other in others if other is not table and other.kind == kind]
    if len(sides) == 1 and not same:
        return sides.pop()
    top, height = table.header.region.box.y0, table.header.height
    floor = max((other.header.bottom for other in same if other.header.bottom < top), default=-1.0)
    above = [title for title in named if floor < title.box.middle[1] < top]
    if not above:
        return ""
    lowest = max(title.box.middle[1] for title in above)
    nearest = {title.side for title in above if lowest - title.box.middle[1] < 1.5 * height}
    return nearest.pop() if len(nearest) == 1 else ""


def _bone(table: Table, text: str) -> tuple[str, set[str]]:
    """The bone that the head of the names says; refused where the page speaks of both bones.

    A head of one bone may be what is left of "Radius + Ulna": unless the page names that bone a
    second time the values are to be confirmed.
    """
    bone = table.header.bone
    if bone not in {"radius", "ulna"}:
        return bone, set()
    low = plain(text).replace(" ", "")
    if any(words in low for words in ("radius+ulna", "r+u", "桡骨+尺骨", "桡尺骨")):
        return "", set()
    return bone, {finding.BONE}


def _site(kind: str, name: Name, bone: str, vertebrae: tuple[str, ...]) -> str:
    if kind == "spine":
        return spine_key(vertebrae) if vertebrae else ""
    if kind == "hip":
        return _HIP.get(name.key, "")
    if kind == "body":
        return _BODY.get(name.key, "")
    part = _PART.get(name.key, "")
    if bone == "both" and part == "total":
        return "forearm_combined"
    return f"{_PREFIX[bone]}_{part}" if part else ""


def _total(row: Row, rows: Sequence[Row]) -> tuple[str, ...]:
    """The vertebrae that "Total" of a spine means: those of the table, if the sums prove it.

    Where neither area nor BMC is printed, only a table of exactly L1 to L4 is believed.
    """
    singles = [other for other in rows if len(other.name.vertebrae) == 1]
    members = tuple(other.name.vertebrae[0] for other in singles)
    if len(set(members)) != len(members) or not members:
        return ()
    proven = False
    for quantity in ("area", "bmc"):
        whole = row.cells.get(quantity)
        parts = [other.cells.get(quantity) for other in singles]
        if whole is None or any(part is None for part in parts):
            continue
        total = sum(part.number.value for part in parts if part)
        if abs(total - whole.number.value) > (len(parts) + 1) * whole.number.half_unit + 1e-9:
            return ()
        proven = True
    return members if proven or members == ("l1", "l2", "l3", "l4") else ()
