"""A sender's table, written from the very mapping file that will read it.

The mapping says which column holds which variable, in which unit and under which words. Read
backwards, it says how a recorded value is written: headers, units and words stand in one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from careloop.programmes.osteoporosis.demo.assumption import assumptions
from careloop.programmes.osteoporosis.demo.trait import Array, Bools
from careloop.records.mapping import Rule, TableMapping

DIGITS = 3
"""Decimals of a converted number: a centre's own unit never shows more."""


@dataclass(slots=True)
class Sheet:
    """Headers and cells as text, row by row; `mapping` tells what each column is for."""

    mapping: TableMapping
    headers: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def column(self, key: str) -> int | None:
        """Position of the (first) column of a variable; None if the sheet has none."""
        for rule in self.mapping.rules:
            if rule.variable.key == key:
                return self.headers.index(rule.columns[0])
        return None


@dataclass(frozen=True, slots=True)
class Entries:
    """What is to be written, one row an entry.

    `recorded` has the values by variable, None where nothing was recorded; `fillers` the texts of
    columns that stand for no variable. `asked` marks the rows in which every question was put: only
    there does a blank mean no answer.
    """

    person_id: Array
    effective: Array
    recorded: Mapping[str, Array]
    fillers: Mapping[str, Array] = field(default_factory=dict)
    asked: Bools | None = None


def write_sheet(
    rng: np.random.Generator,
    mapping: TableMapping,
    entries: Entries,
    *,
    no_answer: Sequence[str] = (),
) -> Sheet:
    """Write entries as the mapping's sender would.

    Parameters
    ----------
    no_answer
        Words that the sender sometimes writes where there was no answer.
    """
    recorded, effective, asked = entries.recorded, entries.effective, entries.asked
    size = len(effective)
    form = mapping.formats[0] if mapping.formats else "%Y-%m-%d"
    cells: dict[str, list[str]] = {mapping.person_column: list(entries.person_id)}
    for name, values in entries.fillers.items():
        cells[name] = list(values)
    cells[mapping.effective_column] = [_day(day, form) for day in effective]
    for rule in mapping.rules:
        if rule.columns[0] in cells:
            continue  # a column that feeds a second variable
        if rule.effective and rule.effective not in cells:
            cells[rule.effective] = cells[mapping.effective_column]
        values = recorded.get(rule.variable.key, np.full(size, None))
        if len(rule.columns) > 1:
            _write_any_of(rng, rule, values, cells)
        else:
            cells[rule.columns[0]] = _column(rng, values, rule, form)
        if no_answer and asked is not None:
            sex = rule.variable.sex
            put = asked if sex is None else asked & (recorded["sex"] == sex)
            for column in rule.columns:
                _fill_blanks(rng, cells[column], no_answer, put)
    headers = _order(mapping, cells)
    rows = [list(row) for row in zip(*(cells[name] for name in headers), strict=True)]
    return Sheet(mapping, headers, rows)


def _order(mapping: TableMapping, cells: Mapping[str, list[str]]) -> list[str]:
    first = [name for name in mapping.ignored[:1] if name in cells]
    named = [name for name in mapping.columns() if name in cells]
    return list(dict.fromkeys([*first, *named, *cells]))


def _column(rng: np.random.Generator, values: Array, rule: Rule, form: str) -> list[str]:
    cells = [_cell(value, rule, form) for value in values]
    words: dict[Any, list[str]] = {}
    for word, meaning in (rule.values or {}).items():
        words.setdefault(meaning, []).append(word)
    if any(len(same) > 1 for same in words.values()):
        # people write the same answer in more than one word
        for at in np.flatnonzero(rng.random(len(cells)) < _share("other_spelling")):
            if values[at] is not None:
                cells[at] = str(rng.choice(words[values[at]]))
    return cells


def _cell(value: Any, rule: Rule, form: str) -> str:
    """Write one recorded value as its sender does; nothing for None."""
    if value is None:
        return ""
    if rule.values:
        same = (word for word, meaning in rule.values.items() if meaning == value)
        return next(same, "")
    match rule.variable.kind:
        case "date":
            return _day(value, rule.formats[0] if rule.formats else form)
        case "number":
            own = (float(value) - rule.conversion.offset) / rule.conversion.factor
            return f"{round(own, DIGITS):.10g}"
        case _:
            return str(value)


def _write_any_of(
    rng: np.random.Generator, rule: Rule, values: Array, cells: dict[str, list[str]]
) -> None:
    """Spread a yes over one of several columns that the mapping reads together."""
    chosen = rng.integers(0, len(rule.columns), len(values))
    for at, column in enumerate(rule.columns):
        parts = [
            None if value is None else bool(value) and at == one
            for value, one in zip(values, chosen, strict=True)
        ]
        cells[column] = [_cell(part, rule, "") for part in parts]


def _fill_blanks(
    rng: np.random.Generator, cells: list[str], words: Sequence[str], asked: Bools
) -> None:
    empty = [at for at, cell in enumerate(cells) if not cell and asked[at]]
    odd = rng.random(len(empty)) < _share("odd_blank")
    which = rng.integers(0, len(words), len(empty))
    for at, strange, one in zip(empty, odd, which, strict=True):
        if strange:
            cells[at] = words[one]


def _day(day: Any, form: str) -> str:
    if day is None:
        return ""
    return day.strftime(form) if isinstance(day, date) else str(day)


def _share(name: str) -> float:
    return float(assumptions()["mistakes"][name])
