"""The medicines a person takes now, and how regularly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.programmes.wording import Wording
from careloop.stats.adherence import ADHERENT, proportion_of_days_covered
from careloop.web.care.person.considered import Known, medicines_now

_YEAR = 365
_LAST = ("_last_on", "_started_on")


@dataclass(frozen=True, slots=True)
class Medicine:
    """One medicine: since when, what else is recorded of it, and the share of days covered."""

    name: str
    since: date | None
    told: tuple[tuple[str, str], ...]
    covered: float | None
    """PDC of the last year from supplies with a beginning and an end; None: not known."""
    adherent: bool | None


@dataclass(frozen=True, slots=True)
class Medicines:
    """All medicines, and what was recorded about taking them."""

    now: tuple[Medicine, ...]
    taking: tuple[tuple[str, str, date | None], ...]
    """Recorded answers about adherence: name, value, day."""


def medicines(known: Known, wording: Wording) -> Medicines:
    """Current medicines with their adherence, from facts that stand."""
    row = known.row
    return Medicines(
        tuple(_medicine(key, known, wording) for key in medicines_now(row)),
        tuple(
            (wording.name(key), _share(key, row[key], wording), _day(key, row))
            for key in wording.programme.record().adherence
            if row.get(key) is not None
        ),
    )


def _medicine(key: str, known: Known, wording: Wording) -> Medicine:
    facts = known.standing.filter(pl.col("variable") == key, pl.col("number") == 1.0)
    stem = key.removesuffix("_current")
    dictionary = load()
    told = [
        (wording.name(name), wording.value(name, known.row[name]))
        for name in (f"{stem}{end}" for end in _LAST)
        if name in dictionary and known.row.get(name) is not None
    ]
    covered = _covered(facts, known.today)
    return Medicine(
        wording.name(key),
        facts["effective_at"].min().date() if facts.height else None,  # type: ignore[union-attr]
        tuple(told),
        covered,
        None if covered is None else covered >= ADHERENT,
    )


def _covered(facts: pl.DataFrame, today: date) -> float | None:
    """PDC over the last year (or since the first supply), from two or more supplies.

    A supply is a fact with a beginning and an end; the end is the first day without.
    """
    supplies = facts.filter(pl.col("until").is_not_null()).select("effective_at", "until").unique()
    if supplies.height < 2:
        return None
    spans = [(start.date(), end.date()) for start, end in supplies.iter_rows()]
    start = max(min(day for day, _ in spans), today - timedelta(days=_YEAR))
    days = (today - start).days
    if days < 1:
        return None
    return proportion_of_days_covered(
        [((day - start).days, max((end - day).days, 0)) for day, end in spans], days
    )


def _share(key: str, value: Any, wording: Wording) -> str:
    return f"{value:.0%}" if isinstance(value, float) else wording.value(key, value)


def _day(key: str, row: Mapping[str, Any]) -> date | None:
    age, as_of = row.get(f"{key}__age_d"), row.get("as_of")
    return as_of - timedelta(days=int(age)) if age is not None and as_of is not None else None
