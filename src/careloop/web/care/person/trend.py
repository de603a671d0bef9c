"""Measurements over time. Values are joined only where they can be compared.

One series is one variable on one device, by one reference database, on one side: T-scores of two
databases, or densities of two makes of device, are never in the same line or the same sum.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.programmes.wording import Wording
from careloop.web.care.person import figure
from careloop.web.care.person.word import device as device_name
from careloop.web.care.person.word import groups
from careloop.web.care.standing import the_programme

_SEPARATES = ("device", "reference_db", "side")
_SIDES = {"left", "right"}
_UNNAMED = {"", "other"}
"""Devices that may be several: values told so are not joined."""


@dataclass(frozen=True, slots=True)
class Change:
    """From the value before to this one. `real` is None where no LSC is known for the site."""

    amount: str
    percent: str
    lsc: str
    lsc_assumed: bool
    real: bool | None
    down: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    on: date
    value: str
    change: Change | None


@dataclass(frozen=True, slots=True)
class Series:
    """Measurements that can be compared with each other, oldest first."""

    variable: str
    name: str
    device: str
    database: str
    side: str
    scored: bool
    """A score against a reference database (else a measured quantity)."""
    rows: tuple[Row, ...]
    drawn: figure.Line | None

    @property
    def apart(self) -> bool:
        """Whether there are several values that nobody may join: by what they are is not known."""
        return len(self.rows) > 1 and self.drawn is None

    @property
    def judged(self) -> bool:
        """Whether some change was compared with the least significant change."""
        return any(row.change is not None for row in self.rows)

    @property
    def assumed(self) -> bool:
        """Whether some LSC is the largest acceptable one, for want of the site's own."""
        return any(row.change and row.change.lsc_assumed for row in self.rows)


def trends(facts: pl.DataFrame, language: str) -> tuple[Series, ...]:
    """All series of the programme's measurements, the diagnostic ones first.

    Parameters
    ----------
    facts
        The facts of one person that stand (`fact.standing`).
    """
    programme, dictionary = the_programme(), load()
    if not programme.measures:
        return ()
    keys = _variables()
    told = facts.filter(pl.col("variable").is_in(keys), pl.col("number").is_not_null())
    if told.is_empty():
        return ()
    parts = _parts(told)
    changes = _changes(parts, told.schema)
    wording = Wording(dictionary, programme, language=language)
    order = {key: place for place, key in enumerate(dict.fromkeys([*programme.measures, *keys]))}
    made = [_series(key, frame, changes.get(key, {}), wording) for key, frame in parts.items()]
    sites = {key.partition("_")[2]: place for place, key in enumerate(programme.measures)}

    def rank(one: Series) -> tuple[int, int, int, str, str]:
        site = next((place for name, place in sites.items() if name in one.variable), len(sites))
        newest = one.rows[-1].on.toordinal()
        return site, -newest, order[one.variable], one.device, one.side

    return tuple(sorted(made, key=rank))


def title() -> str:
    """What the programme measures, as the group of its measures is called."""
    return groups().get(_group(), "")


@cache
def _group() -> str:
    measures = the_programme().measures
    return load()[measures[0]].group if measures else ""


@cache
def _variables() -> tuple[str, ...]:
    """Numbers that a device measures, of the group that the programme's measures are in."""
    dictionary, group = load(), _group()
    return tuple(
        key
        for key in dictionary
        if dictionary[key].group == group
        and dictionary[key].kind == "number"
        and "device" in dictionary[key].context
    )


Key = tuple[str, str, str, str]
Values = list[dict[str, Any]]


def _parts(told: pl.DataFrame) -> dict[Key, Values]:
    """The facts of each series by day, the last recorded of a day."""
    by_day: dict[Key, dict[date, dict[str, Any]]] = {}
    for row in sorted(told.to_dicts(), key=lambda row: (row["effective_at"], row["recorded_at"])):
        context = json.loads(row["context"]) if row["context"] else {}
        device, database, side = (str(context.get(name) or "") for name in _SEPARATES)
        if not _scored(row["variable"]):
            database = ""  # a quantity does not depend on the database of its score
        key = row["variable"], device, database, side
        by_day.setdefault(key, {})[row["effective_at"].date()] = row
    return {key: list(days.values()) for key, days in by_day.items()}


def _scored(variable: str) -> bool:
    """Whether it is a score against young or equally old adults, not a quantity."""
    return "score" in load()[variable].unit


def _changes(
    parts: dict[Key, Values], schema: Mapping[str, Any]
) -> dict[Key, dict[date, dict[str, Any]]]:
    """The programme's changes of each series by the day of the later value.

    Where no device is recorded, two values may be of two devices: they are not compared.
    """
    make = the_programme().changes
    names = {str(number): key for number, key in enumerate(parts)}
    rows = [
        row | {"person_id": name}
        for name, key in names.items()
        if key[1] not in _UNNAMED and len(parts[key]) > 1 and not _scored(key[0])
        for row in parts[key]
    ]
    found: dict[Key, dict[date, dict[str, Any]]] = {}
    if make is not None and rows:
        for row in make(pl.DataFrame(rows, schema=schema)).iter_rows(named=True):
            found.setdefault(names[row["person_id"]], {})[row["to_on"]] = row
    return found


def _series(
    key: Key, told: Values, changes: dict[date, dict[str, Any]], wording: Wording
) -> Series:
    variable, device, database, side = key
    values = [(row["effective_at"].date(), row["number"]) for row in told]
    qualifier = wording.programme.qualifiers.get(database)
    scored = _scored(variable)
    rows = tuple(
        Row(day, _value(variable, value, wording), _change(changes.get(day), variable, wording))
        for day, value in values
    )
    unit = wording.unit(variable)
    name = wording.name(variable)
    drawn = None
    if len(values) > 1 and (database if scored else device not in _UNNAMED):
        drawn = figure.line(
            f"{name} ({unit})" if unit else name,
            values,
            limits=_limits(values, changes),
            places=1 if scored else 3 if "cm2" in wording.dictionary[variable].unit else None,
        )
    return Series(
        variable,
        name,
        device_name(device),
        qualifier[wording.language] if qualifier else database,
        side if side in _SIDES else "",
        scored,
        rows,
        drawn,
    )


def _limits(
    values: Sequence[tuple[date, float]], changes: dict[date, dict[str, Any]]
) -> list[tuple[date, date, float, float]]:
    """Around each value, until the next: where the next is no real change."""
    found = []
    for (start, before), (end, _) in pairwise(values):
        lsc = changes.get(end, {}).get("lsc_g_cm2")
        if lsc is not None:
            found.append((start, end, before - lsc, before + lsc))
    return found


def _value(variable: str, value: float, wording: Wording) -> str:
    """A density with three decimals, as devices print it; else as everywhere."""
    if wording.dictionary[variable].unit == "g/cm2":
        return f"{value:.3f} {wording.unit(variable)}"
    return wording.value(variable, value)


def _change(row: dict[str, Any] | None, variable: str, wording: Wording) -> Change | None:
    if row is None:
        return None
    amount, lsc = row["change_g_cm2"], row["lsc_g_cm2"]
    return Change(
        _signed(amount, 3),
        _signed(row["change_pct"], 1),
        "" if lsc is None else f"{lsc:.3f} {wording.unit(variable)}",
        bool(row["lsc_assumed"]),
        row["real"],
        amount < 0,
    )


def _signed(value: float, places: int) -> str:
    return f"{value:+.{places}f}".replace("-", "−")
