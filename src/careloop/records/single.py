"""The snapshot of one person, row by row: the same answers as for a population, at once.

Polars prepares a snapshot in tens of milliseconds, which is nothing for a million people and too
long for one whose nurse waits. The rules of memory (`memory`) are told here once more, as they read
for one person; derived variables come from the very expressions of `derived`, compiled for rows.
Tests hold both ways against each other on random facts.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Memory, Variable
from careloop.records.derived import AGE, BIRTH, derivations
from careloop.records.rowwise import compile_levels, run
from careloop.records.snapshot import DTYPES

_COLUMNS = (
    "person_id",
    "variable",
    "number",
    "text",
    "effective_at",
    "recorded_at",
    "until",
    "row",
    "source",
    "context",
    "field",
    "status",
)
_NEVER = datetime.fromisoformat("9999-12-31T23:59:59.999999")
"""Stands for the end of a period that has none."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
Row = dict[str, Any]


class SingleSnapshot:
    """Takes snapshots of few people, one after the other.

    Parameters
    ----------
    dictionary
        Declares kind, memory, qualifiers and derivation of every variable.

    Raises
    ------
    NotRowwise
        If a derivation holds an operation that is compiled for tables only.
    """

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        levels = [
            [column.alias(name) for name, column in columns.items()]
            for columns in derivations(dictionary, DTYPES)
        ]
        self._levels = compile_levels(levels)
        read = {
            name for level in levels for column in level for name in column.meta.root_names()
        } | {column.meta.output_name() for level in levels for column in level}
        self._unknown: Row = {name: False if name.endswith("__assumed") else None for name in read}

    def rows(self, facts: pl.DataFrame, as_of: date) -> list[Row]:
        """The rows of `snapshot(facts, as_of, dictionary).frame`, a dict a person.

        Parameters
        ----------
        facts
            Facts in the columns of `FACT_SCHEMA`, in any order, repeated or not.
        as_of
            The date. No fact effective or recorded on a later date is used.

        Returns
        -------
        list of dict
            In the order of people's first usable facts. What is unknown is None or left out, and
            what is not assumed is False or left out.
        """
        people: defaultdict[str, list[_Fact]] = defaultdict(list)
        for fact in _usable(facts, as_of):
            people[fact.person].append(fact)
        return [self._row(person, known, as_of) for person, known in people.items()]

    def _row(self, person: str, facts: Iterable[_Fact], as_of: date) -> Row:
        of_variable: defaultdict[str, list[_Fact]] = defaultdict(list)
        for fact in facts:
            of_variable[fact.variable].append(fact)
        row: Row = {"person_id": person} | self._unknown
        for key, told in of_variable.items():
            if key in self.dictionary:
                row |= _columns(self.dictionary[key], told, as_of)
        _add_age(row, as_of)
        return run(self._levels, row)


@dataclass(frozen=True, slots=True)
class _Fact:
    """A usable fact; times are naive, `until` is None where there is no end."""

    person: str
    variable: str
    number: float | None
    text: str | None
    effective: datetime
    recorded: datetime
    until: datetime | None
    row: int
    source: str | None
    context: str | None
    field: str | None
    assumed: bool

    @property
    def moment(self) -> tuple[datetime, datetime, int]:
        """By which one fact is later than another."""
        return self.effective, self.recorded, self.row

    @property
    def content(self) -> tuple[tuple[bool, Any], ...]:
        """Tells apart what is equal in time; nothing comes before something."""
        told = (self.source, self.number, self.text, self.until, self.context, self.field)
        return tuple((value is not None, value) for value in told)


def _usable(facts: pl.DataFrame, as_of: date) -> Iterator[_Fact]:
    """Facts that count at the date, without those entered in error and those they withdraw."""
    end = datetime.combine(as_of, time()) + timedelta(days=1)
    lacking = [pl.lit(None).alias(name) for name in _COLUMNS if name not in facts.columns]
    known = []
    withdrawn: dict[tuple[Any, ...], datetime] = {}
    for row in facts.with_columns(lacking).select(_COLUMNS).iter_rows():
        person, variable, number, text, effective, recorded, *others, status = row
        recorded = recorded or effective
        if effective is None or effective >= end or recorded >= end:
            continue
        text = text or None
        same = (person, variable, "nan" if number != number else number, text, effective)  # noqa: PLR0124
        if status == "entered_in_error":
            withdrawn[same] = max(recorded, withdrawn.get(same, recorded))
            continue
        until, place, source, context, field = others
        fact = _Fact(
            person=person,
            variable=variable,
            number=number,
            text=text,
            effective=effective,
            recorded=recorded,
            until=until,
            row=-1 if place is None else place,
            source=source,
            context=context,
            field=field,
            assumed=status == "assumed",
        )
        known.append((same, fact))
    for same, fact in known:
        if same not in withdrawn or fact.recorded > withdrawn[same]:
            yield fact


# --- the value of one variable


def _columns(variable: Variable, told: Iterable[_Fact], as_of: date) -> Row:
    """The variable's columns: value, age, qualifiers and whether it was assumed."""
    values = [(fact, value) for fact in told if (value := _value(variable, fact)) is not None]
    if not values:
        return {}
    known = [fact for fact, _ in values if not fact.assumed] or [fact for fact, _ in values]
    chosen, at, yes = _chosen(known, variable.memory, as_of)
    key = variable.key
    value = yes if variable.kind == "boolean" else _value(variable, chosen)
    columns: Row = {key: value, f"{key}__age_d": (as_of - at.date()).days}
    for name in variable.context:
        columns[f"{key}__{name}"] = _qualifier(chosen.context, name)
    if any(fact.assumed for fact, _ in values):
        columns[f"{key}__assumed"] = chosen.assumed
    return columns


def _value(variable: Variable, fact: _Fact) -> Any:
    """What a fact says, None if nothing of the variable's kind."""
    if variable.kind in ("number", "boolean"):
        number = fact.number
        return number if number is not None and math.isfinite(number) else None
    return _day(fact.text) if variable.kind == "date" and fact.text else fact.text


def _day(text: str) -> date | None:
    if _DATE.fullmatch(text[:10]):
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            return None
    # Rare: what else may be a date is for Polars to say.
    read: date | None = pl.Series([text[:10]]).str.to_date("%Y-%m-%d", strict=False)[0]
    return read


def _qualifier(context: str | None, name: str) -> str | None:
    if context is None:
        return None
    try:
        value = json.loads(context).get(name)
    except (ValueError, AttributeError):
        value = 0
    if value is None or isinstance(value, str):
        return value
    matched: str | None = pl.Series([context]).str.json_path_match(f"$.{name}")[0]
    return matched


def _chosen(facts: Sequence[_Fact], memory: Memory, as_of: date) -> tuple[_Fact, datetime, bool]:
    """The fact that counts, the moment its age is counted from, and its yes or no."""
    if memory == "period":
        return _period(facts, as_of)
    if memory == "ever":
        facts = [fact for fact in facts if fact.number] or facts
    last = _last(facts)
    return last, last.effective, bool(last.number)


def _last(facts: Iterable[_Fact]) -> _Fact:
    return max(facts, key=lambda fact: (fact.moment, fact.content))


def _period(facts: Sequence[_Fact], as_of: date) -> tuple[_Fact, datetime, bool]:
    """Yes while a yes lasts; else no, counted from the last word (see `memory`)."""
    midnight = datetime.combine(as_of, time()) + timedelta(days=1)
    nos = [fact for fact in facts if not fact.number]
    last_no = _last(nos).moment if nos else None
    active, words = [], [(fact.effective, fact) for fact in nos]
    yeses = [fact for fact in facts if fact.number]
    for yes, end in zip(yeses, _ends(yeses), strict=True):
        if end is None:
            if last_no is None or yes.moment >= last_no:
                active.append(yes)
        elif end >= midnight:
            active.append(yes)
        else:
            words.append((max(end, yes.effective), yes))
    if active:
        last = _last(active)
        return last, last.effective, True
    at, last = max(
        words, key=lambda word: (word[0], word[1].recorded, word[1].row, word[1].content)
    )
    return last, at, False


def _ends(yeses: Sequence[_Fact]) -> list[datetime | None]:
    """End of each yes, as the newest source of the same statement has it."""
    if len({yes.source for yes in yeses}) < 2:
        return [yes.until for yes in yeses]
    statements: defaultdict[Any, defaultdict[Any, list[_Fact]]]
    statements = defaultdict(lambda: defaultdict(list))
    for yes in yeses:
        statements[yes.effective, yes.field][yes.source].append(yes)
    ends = {}
    for statement, sources in statements.items():
        told = [
            (max(yes.recorded for yes in said), max(yes.until or _NEVER for yes in said))
            for said in sources.values()
        ]
        newest = max(recorded for recorded, _ in told)
        ends[statement] = min(end for recorded, end in told if recorded == newest)
    return [None if (end := ends[yes.effective, yes.field]) == _NEVER else end for yes in yeses]


# --- age


def _add_age(row: Row, as_of: date) -> None:
    """`age_y` as `derived.complete` gives it."""
    if row.get(AGE) is not None:
        row[AGE] += _years(as_of - timedelta(days=row[f"{AGE}__age_d"]), as_of)
    born = row.get(BIRTH)
    if born is not None and born <= as_of:
        row[AGE], row[f"{AGE}__age_d"] = float(_years(born, as_of)), 0
        row[f"{AGE}__assumed"] = row.get(f"{BIRTH}__assumed", False)


def _years(since: date, as_of: date) -> int:
    return as_of.year - since.year - ((as_of.month, as_of.day) < (since.month, since.day))
