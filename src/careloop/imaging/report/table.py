"""A results table put together from words: rows by region names, columns by heads, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from careloop.imaging.report import finding
from careloop.imaging.report.header import Column, Header, find_headers
from careloop.imaging.report.line import joined, lines, overlap
from careloop.imaging.report.number import Number, is_blank, is_number, read_number
from careloop.imaging.report.region import Name, read_name
from careloop.imaging.report.vocabulary import tight
from careloop.imaging.report.word import Word
from careloop.records.finding import Finding

VALUE_CONFIDENCE = 0.60
"""Below this the reader's own estimate, a number is refused; `check.SURE` is what proof needs."""
NAME_CONFIDENCE = 0.40
"""The same for region names, which must in addition be in the vocabulary as a whole."""
SURE_NAME = 0.60
"""Below this a region's name must be proven by the sums of its table, or be confirmed."""
_SAME_LINE = 0.42
_RANKS = {"left": 0, "right": 1, "mean": 2, "diff": 3}


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a table and where it stands."""

    quantity: str
    number: Number
    word: Word


@dataclass(frozen=True, slots=True)
class Row:
    """One region's row: its name as printed, what that means, and its numbers by quantity."""

    label: Word
    name: Name
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """A results table of one site ("spine", "hip", "forearm", "body"; "" where it is not told)."""

    header: Header
    kind: str
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def bilateral(self) -> bool:
        """Whether its rows name the sides."""
        return any(row.name.stat for row in self.rows)


@dataclass
class _Reading:
    """What is gathered while one table is read."""

    header: Header
    ocr: bool
    where: str
    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def find(self, code: str, value: str = "", detail: str = "") -> None:
        self.findings.append(Finding(code, self.where, value=value, detail=detail))


def find_tables(words: Sequence[Word], *, ocr: bool, where: str) -> list[Table]:
    """Every results table on a page, with what had to be left out of each.

    Parameters
    ----------
    words
        Words of the page cut at blanks (`line.tokens`), in any order.
    ocr
        Whether they were read from a picture: then some look-alikes are exchanged.
    where
        What to call the page in findings.
    """
    headers = find_headers(words)
    tables = []
    for header in headers:
        reading = _Reading(header, ocr, where)
        if header.trend:
            reading.find(finding.TREND)
            tables.append(Table(header, "", (), tuple(reading.findings)))
            continue
        _read_rows(reading, words, headers)
        kind = _kind(reading)
        rows = tuple(reading.rows) if kind is not None else ()
        tables.append(Table(header, kind or "", rows, tuple(reading.findings)))
    return tables


# --- rows


def _read_rows(reading: _Reading, words: Sequence[Word], headers: Sequence[Header]) -> None:
    header = reading.header
    height, right = header.height, header.columns[-1].box.x1 + 2 * header.height
    end = min(
        (
            other.region.box.y0 - height
            for other in headers
            if other.region.box.y0 > header.bottom
            and other.region.box.x0 < right
            and other.columns[-1].box.x1 > header.region.box.x0
        ),
        default=float("inf"),
    )
    below = [
        word
        for word in words
        if header.bottom - 0.4 * height < word.box.middle[1] < end
        and header.region.box.x0 - 0.8 * height <= word.box.middle[0]
        and word.box.middle[0] < right
    ]
    below = [word for word in below if not _in_head(word, header)]
    names = [
        word
        for word in below
        if word.box.middle[0] < header.left and _column_of(word, header.columns) is None
    ]
    values = [word for word in below if word not in names]
    labels = _label_lines(names)
    if _is_skewed(header, labels, values):
        reading.find(finding.SKEWED)
        return
    _take_lines(reading, labels, values)


def _is_skewed(header: Header, labels: Sequence[Word], values: Sequence[Word]) -> bool:
    """Whether the numbers do not stand on the lines of the names.

    On a slanting page some columns fall between the lines and others slip by a whole one: more than
    a fifth of the numbers has no name beside it, or the first name has no number while numbers
    stand below the last.
    """
    known = [label for label in labels if read_name(label.text, ocr=True)]
    if not known:
        return False
    height, step = header.height, _pitch(labels) or 1.2 * header.height
    first, last = known[0].box.middle[1] - 0.8 * step, known[-1].box.middle[1]
    numbers = [
        value
        for value in values
        if first < value.box.middle[1] < last + 1.6 * step
        and is_number(value.text)
        and _column_of(value, header.columns) is not None
    ]
    homeless = [value for value in numbers if not _has_line(value, labels, height)]
    below = any(value.box.middle[1] > last + 0.5 * height for value in homeless)
    rows = [label for label in known if _is_row(label)]
    slipped = below and bool(rows) and not _beside(rows[0], numbers, height)
    return slipped or len(homeless) > 0.2 * len(numbers)


def _has_line(value: Word, labels: Sequence[Word], height: float) -> bool:
    """Whether a name stands beside a number, or around it on two lines."""
    return any(_beside(label, [value], height) for label in labels) or any(
        _between(upper, lower, [value], height) for upper, lower in pairwise(labels)
    )


def _is_row(label: Word) -> bool:
    """Whether a name must have numbers beside it: it is no heading ("Neck")."""
    name = read_name(label.text, ocr=True)
    return bool(name and (name.vertebrae or name.bone or (name.stat and name.key)))


def _in_head(word: Word, header: Header) -> bool:
    boxes = [header.region.box, *(column.box for column in header.columns)]
    x, y = word.box.middle
    return any(box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1 for box in boxes)


def _label_lines(words: Sequence[Word]) -> list[Word]:
    found = [joined(line) for line in lines(words, tolerance=_SAME_LINE)]
    kept: list[Word] = []
    for label in found:
        if kept and label.box.y0 - kept[-1].box.y1 > 3.5 * max(label.box.height, 1):
            break
        kept.append(label)
    return kept


def _take_lines(reading: _Reading, labels: Sequence[Word], values: Sequence[Word]) -> None:
    height = reading.header.height
    pitch = _pitch(labels) or 1.2 * height
    beside = {index: _beside(label, values, height) for index, label in enumerate(labels)}
    group: Name | None = None
    heading = ""
    rank, last, skip = -1, -float("inf"), False
    for index, label in enumerate(labels):
        if skip:
            skip = False
            continue
        row_values, row_label = beside[index], label
        if index + 1 < len(labels) and (
            between := _between(label, labels[index + 1], values, height)
        ):
            row_values, row_label, skip = between, joined([label, labels[index + 1]]), True
        name = read_name(row_label.text, ocr=reading.ocr)
        middle = row_label.box.middle[1]
        if middle - last > 1.6 * pitch:
            group = None
        last = middle
        if name is not None and row_label.confidence < NAME_CONFIDENCE:
            reading.find(finding.LOW_CONFIDENCE, row_label.text, "region")
            name = None
        if name is not None and row_label.confidence < SURE_NAME:
            name = replace(name, mended=True)
        if not row_values:
            is_heading = name is not None and name.kind in {"hip", ""} and not name.stat
            group, rank, heading = (name if is_heading else None), -1, row_label.text
            continue
        if name is not None and name.stat and not name.key:
            # "Left" below the heading "Neck"; out of order means that a heading was lost
            if group is None or not group.key or _RANKS[name.stat] <= rank:
                group = None
                _unknown(reading, row_label, row_values)
                continue
            rank = _RANKS[name.stat]
            name = Name("hip", group.key, name.stat, mended=group.mended or name.mended)
            row_label = Word(f"{heading} {row_label.text}", row_label.box, row_label.confidence)
        else:
            group = None  # a row with a name of its own ends what a heading began
        if name is None:
            _unknown(reading, row_label, row_values)
            continue
        cells = _cells(reading, row_values, name)
        if cells:
            reading.rows.append(Row(row_label, name, cells))


def _unknown(reading: _Reading, label: Word, values: Sequence[Word]) -> None:
    """Say that a row was left out, where it is one and not a remark below the table."""
    if {"bmd", "bmc", "cv", "cvs", "bmd:"} & {tight(part) for part in label.text.split()}:
        return
    columns = reading.header.columns
    held = ((_column_of(value, columns), value.text) for value in values)
    if any(
        column is not None
        and column.quantity in {"bmd", "bmc"}
        and read_number(text, column.quantity, repair=False)
        for column, text in held
    ):
        reading.find(finding.UNKNOWN_REGION, label.text)


def _pitch(labels: Sequence[Word]) -> float:
    steps = [after.box.middle[1] - before.box.middle[1] for before, after in pairwise(labels)]
    return median(steps) if steps else 0.0


def _beside(label: Word, values: Sequence[Word], height: float) -> list[Word]:
    """The words on a label's line: so near that no other line's word is taken."""
    near = _SAME_LINE * max(min(label.box.height, 1.6 * height), 0.8 * height)
    middle = label.box.middle[1]
    return [value for value in values if abs(value.box.middle[1] - middle) <= near]


def _between(upper: Word, lower: Word, values: Sequence[Word], height: float) -> list[Word]:
    """The values that stand between two lines of one name ("Fem" above "Neck")."""
    above, below = upper.box.middle[1], lower.box.middle[1]
    if below - above > 1.3 * height:
        return []
    least, most = 0.2 * (below - above), 0.8 * (below - above)
    return [value for value in values if least <= value.box.middle[1] - above <= most]


# --- cells


def _cells(reading: _Reading, values: Sequence[Word], name: Name) -> dict[str, Cell]:
    found: dict[str, Cell] = {}
    for column in reading.header.columns:
        if column.quantity == "other":
            continue
        quantity = column.quantity.rstrip("?")
        words = [word for word in values if _column_of(word, reading.header.columns) is column]
        word = _one_number(words)
        if word is None:
            if len(words) > 1:
                reading.find(finding.BAD_NUMBER, joined(words).text, f"{name.key} {quantity}")
            continue
        if is_blank(word.text):
            continue
        number = read_number(word.text, quantity, repair=reading.ocr)
        if number is None:
            reading.find(finding.BAD_NUMBER, word.text, f"{name.key} {quantity}")
            continue
        if word.confidence < VALUE_CONFIDENCE:
            reading.find(finding.LOW_CONFIDENCE, word.text, f"{name.key} {quantity}")
            continue
        found[column.quantity] = Cell(quantity, number, word)
    return found


def _one_number(words: Sequence[Word]) -> Word | None:
    """The only word of a cell; a minus that was cut off goes back to its figure."""
    if len(words) == 1:
        return words[0]
    if len(words) == 2:
        first, second = sorted(words, key=lambda word: word.box.x0)
        close = second.box.x0 - first.box.x1 < 0.5 * second.box.height
        if is_blank(first.text) and len(first.text) == 1 and first.text != "*" and close:
            both = joined([first, second])
            return Word(f"-{second.text}", both.box, both.confidence)
    return None


def _column_of(word: Word, columns: Sequence[Column]) -> Column | None:
    """The column a word stands under; None between two columns or beside all of them."""
    shares = sorted(
        ((overlap(word.box, column.box), index) for index, column in enumerate(columns)),
        reverse=True,
    )
    best, second = shares[0], shares[1] if len(shares) > 1 else (0.0, -1)
    if best[0] >= 0.25 and best[0] > 2 * second[0]:
        return columns[best[1]]
    return None


# --- which site


def _kind(reading: _Reading) -> str | None:
    """The one site that the names of the rows belong to; None for several."""
    kinds = {row.name.kind for row in reading.rows if row.name.kind}
    if kinds == {"body", "hip"} and all(
        row.name.key == "total" for row in reading.rows if row.name.kind == "hip"
    ):  # "Total Left": half of the body
        reading.rows = [row for row in reading.rows if row.name.kind != "hip"]
        return "body"
    if len(kinds) > 1:
        reading.find(finding.MIXED, detail=" ".join(sorted(kinds)))
        return None
    return kinds.pop() if kinds else ""
