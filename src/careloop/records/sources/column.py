"""A whole column of cells at once: the fast twin of `cell.read_cell`.

Clean cells are cast by Polars; only the distinct texts that the cast does not understand are read
one at a time, and remembered from chunk to chunk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import polars as pl

from careloop.records.finding import declare
from careloop.records.mapping import IDENTITY, Rule, Value
from careloop.records.sources.cell import (
    BLANKS,
    EARLIEST,
    Cell,
    is_missing,
    missing_numbers,
    read_cell,
    read_date,
    tidy,
)

OUT_OF_RANGE = declare(
    "T130",
    "error",
    zh="数值超出合理范围",
    en="a value outside the plausible range",
    remedy_zh="核对数值与单位后改正",
    remedy_en="check the number and its unit",
)

_REMEMBERED = 200_000
_FEW = 8
_FAST_DATES = (
    (r"^\d{4}-\d{2}-\d{2}$", "%Y-%m-%d", "Y-m-d"),
    (r"^\d{4}/\d{2}/\d{2}$", "%Y/%m/%d", "Y/m/d"),
    (r"^\d{8}$", "%Y%m%d", "YMD"),
    (r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$", "%Y-%m-%d %H:%M:%S", "Y-m-d"),
    (r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$", "%Y-%m-%dT%H:%M:%S", "Y-m-d"),
    (r"^\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}$", "%Y/%m/%d %H:%M:%S", "Y/m/d"),
)
_LOOKUP = {
    "number": pl.Float64(),
    "text": pl.String(),
    "factor": pl.Float64(),
    "offset": pl.Float64(),
    "fault": pl.String(),
    "note": pl.String(),
    "changed": pl.Boolean(),
    "at": pl.Datetime("us"),
    "form": pl.String(),
}


@dataclass(slots=True)
class Parsed:
    """A column read: all series have the column's length.

    `value` is Float64 (numbers; booleans as 1 and 0) or String, null where nothing is taken.
    `fault` and `note` hold finding numbers; `raw` the cell's text where the value is not simply
    what stands there. Each of the three is None where it would be null throughout.
    """

    value: pl.Series
    fault: pl.Series | None = None
    note: pl.Series | None = None
    raw: pl.Series | None = None
    number: pl.Series | None = None  # as it stands in the cell, in the column's unit
    at: pl.Series | None = None  # dates
    forms: dict[str, int] = field(default_factory=dict)

    def refuse(self, mask: pl.Series, code: str) -> None:
        """Take the values under `mask` back, with finding `code` as the reason."""
        old = self.fault if self.fault is not None else nothing(len(mask), pl.String())
        fault = pl.select(pl.when(mask).then(pl.lit(code)).otherwise(old)).to_series()
        self.fault = fault
        self.value = keep(self.value, ~mask)
        if self.at is not None:
            self.at = keep(self.at, ~mask)


class ColumnReader:
    """Reads the chunks of one column under one rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.cells: dict[str, Cell] = {}
        self.numbers = missing_numbers(rule.missing)
        self.longest = max(len(code) for code in ("", *rule.missing))
        self.keys = [_number_of(key) for key in rule.values or {}]

    def read(self, column: pl.Series) -> Parsed:
        """Read `column` (strings) as values of the rule's variable."""
        kind = self.rule.variable.kind
        if kind == "number":
            return self._numbers(column)
        if kind == "date":
            return self._dates(column)
        if kind == "text" and self.rule.values is None:
            return self._texts(column)
        return self._looked_up(column)

    def _texts(self, column: pl.Series) -> Parsed:
        value = column.str.strip_chars(BLANKS)
        short = value.str.len_chars() <= self.longest
        if short.any():
            missing = pl.Series([text for text in value.filter(short).unique() if self._gone(text)])
            value = keep(value, ~value.is_in(missing.cast(pl.String).implode()))
        return Parsed(value)

    def _gone(self, text: str | None) -> bool:
        return text is not None and is_missing(tidy(text), self.rule.missing)

    def _numbers(self, column: pl.Series) -> Parsed:
        rule = self.rule
        number = column.cast(pl.Float64, strict=False)
        if rule.decimal == ",":
            number = nothing(len(column), pl.Float64())
        number = keep(number, number.is_finite())
        odd = number.is_null() & column.is_not_null()
        if self.numbers or self.keys:
            special = number.is_in([*self.numbers, *(key for key in self.keys if key is not None)])
            odd, number = odd | special, keep(number, ~special)
        converted = rule.conversion != IDENTITY
        value = _convert(number, rule) if converted else number
        parsed = Parsed(value, number=number, raw=column if converted else None)
        if odd.any():
            self._add_odd(parsed, column, odd)
        self._check_range(parsed)
        return parsed

    def _add_odd(self, parsed: Parsed, column: pl.Series, odd: pl.Series) -> None:
        table, at = self._lookup(keep(column, odd))
        value = (
            pl.when(factor=1.0, offset=0.0)
            .then("number")
            .otherwise((pl.col("number") * pl.col("factor") + pl.col("offset")).round(10))
        )
        values = table.select(value.alias("value"))["value"].gather(at)
        parsed.value = parsed.value.zip_with(~odd, values)
        parsed.fault = _gathered(table["fault"], at)
        parsed.note = _gathered(table["note"], at)
        changed = table["changed"].gather(at).fill_null(value=False)
        raw = keep(column, changed)
        parsed.raw = _some(raw) if parsed.raw is None else parsed.raw.zip_with(~odd, raw)

    def _check_range(self, parsed: Parsed) -> None:
        low, high = self.rule.variable.low, self.rule.variable.high
        least, most = parsed.value.min(), parsed.value.max()
        if least is None or most is None:
            return
        below = low is not None and least < low  # type: ignore[operator]
        above = high is not None and most > high  # type: ignore[operator]
        if below or above:
            inside = pl.Series([True]).new_from_index(0, len(parsed.value))
            if low is not None:
                inside &= parsed.value >= low
            if high is not None:
                inside &= parsed.value <= high
            parsed.refuse(~inside.fill_null(value=True), OUT_OF_RANGE)

    def _looked_up(self, column: pl.Series) -> Parsed:
        table, at = self._lookup(column)
        number = self.rule.variable.kind == "boolean"
        value = table["number" if number else "text"].gather(at)
        raw = keep(column, table["changed"].gather(at)) if table["changed"].any() else None
        return Parsed(
            value,
            at=table["at"].gather(at) if self.rule.variable.kind == "date" else None,
            fault=_gathered(table["fault"], at),
            note=_gathered(table["note"], at),
            raw=raw,
        )

    def _dates(self, column: pl.Series) -> Parsed:
        if self.rule.values is not None:
            return self._looked_up(column)
        parsed = DateReader(self.rule.formats, self.rule.missing, self.cells).read(column)
        parsed.value = parsed.value.dt.to_string("%Y-%m-%d")
        parsed.raw = _some(keep(column, (parsed.value != column).fill_null(value=False)))
        return parsed

    def _lookup(self, column: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """Read the distinct texts one at a time; say for each cell which of them it is."""
        texts = column.unique()
        texts = texts.filter(texts.is_not_null())
        return _table([self._cell(text) for text in texts]), _places(column, texts)

    def _cell(self, text: str) -> Cell:
        cell = self.cells.get(text)
        if cell is None:
            if len(self.cells) >= _REMEMBERED:
                self.cells.clear()
            cell = self.cells[text] = read_cell(text, self.rule)
        return cell


class DateReader:
    """Reads columns of dates into wall-clock moments (`Parsed.at`)."""

    def __init__(
        self,
        formats: tuple[str, ...],
        missing: tuple[str, ...],
        cells: dict[str, Cell] | None = None,
    ) -> None:
        self.formats, self.missing = formats, missing
        self.cells: dict[str, Cell] = {} if cells is None else cells

    def read(self, column: pl.Series) -> Parsed:
        """Read `column` (strings) as moments, in `value` and in `at`."""
        at = nothing(len(column), pl.Datetime("us"))
        forms: dict[str, int] = {}
        odd = column.is_not_null()
        first = column.first(ignore_nulls=True)
        fast = next((one for one in _FAST_DATES if first and re.match(one[0], str(first))), None)
        codes = missing_numbers(self.missing)
        if fast and not codes and (not self.formats or self.formats[0] == fast[1]):
            pattern, form, name = fast
            sound = column.str.contains(pattern).fill_null(value=False)
            at = keep(column, sound).str.to_datetime(form, strict=False, time_unit="us")
            at = keep(at, at >= EARLIEST)
            odd &= at.is_null()
            forms[name] = len(at) - at.null_count()
        parsed = Parsed(at, at=at)
        parsed.forms = forms
        if odd.any():
            self._add_odd(parsed, keep(column, odd))
        return parsed

    def _add_odd(self, parsed: Parsed, odd: pl.Series) -> None:
        texts = odd.unique()
        texts = texts.filter(texts.is_not_null())
        table, at = _table([self._cell(text) for text in texts]), _places(odd, texts)
        parsed.value = parsed.at = parsed.value.zip_with(odd.is_null(), table["at"].gather(at))
        parsed.fault = _gathered(table["fault"], at)
        parsed.note = _gathered(table["note"], at)
        forms = table["form"].gather(at).drop_nulls().value_counts()
        for form, count in forms.iter_rows():
            parsed.forms[form] = parsed.forms.get(form, 0) + count

    def _cell(self, text: str) -> Cell:
        cell = self.cells.get(text)
        if cell is None:
            if len(self.cells) >= _REMEMBERED:
                self.cells.clear()
            plain = tidy(text)
            missing = is_missing(plain, self.missing)
            cell = self.cells[text] = Cell() if missing else read_date(plain, self.formats)
        return cell


def keep(series: pl.Series, mask: pl.Series) -> pl.Series:
    """Return `series` where `mask` is true, else null."""
    return pl.select(pl.when(mask).then(series)).to_series()


def nothing(length: int, kind: pl.DataType) -> pl.Series:
    """Make a series of nulls."""
    return pl.Series([None], dtype=kind).new_from_index(0, length)


def _gathered(series: pl.Series, at: pl.Series) -> pl.Series | None:
    return None if series.null_count() == len(series) else _some(series.gather(at))


def _some(series: pl.Series) -> pl.Series | None:
    return None if series.null_count() == len(series) else series


def _convert(number: pl.Series, rule: Rule) -> pl.Series:
    return (number * rule.conversion.factor + rule.conversion.offset).round(10)


def _number_of(key: Value | str) -> float | None:
    try:
        return float(tidy(str(key)))
    except ValueError:
        return None


def _places(column: pl.Series, texts: pl.Series) -> pl.Series:
    if not len(texts):
        return nothing(len(column), pl.UInt32())
    if len(texts) <= _FEW:  # comparing is much faster than looking up
        place = pl.lit(None, pl.UInt32)
        for at, text in enumerate(texts):
            place = pl.when(column == text).then(pl.lit(at, pl.UInt32)).otherwise(place)
        return pl.select(place).to_series()
    order = pl.int_range(len(texts), dtype=pl.UInt32, eager=True)
    return column.replace_strict(texts, order, default=None, return_dtype=pl.UInt32)


def _table(cells: list[Cell]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "number": [None if isinstance(cell.value, str) else cell.value for cell in cells],
            "text": [cell.value if isinstance(cell.value, str) else None for cell in cells],
            "factor": [cell.factor for cell in cells],
            "offset": [cell.offset for cell in cells],
            "fault": [cell.fault or None for cell in cells],
            "note": [cell.note or None for cell in cells],
            "changed": [cell.changed for cell in cells],
            "at": [cell.at for cell in cells],
            "form": [cell.form or None for cell in cells],
        },
        schema=_LOOKUP,
    )
