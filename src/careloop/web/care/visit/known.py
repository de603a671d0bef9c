"""What is known of a person before a form is filled in: values, their days, and first values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from careloop.care.form import FIRST, Forms
from careloop.care.schedule import Schedule
from careloop.records.withdrawal import standing
from careloop.web.care.models import Visit
from careloop.web.care.recording import moment_of
from careloop.web.care.standing import bedside, the_programme
from careloop.web.registry.resident import Resident

Known = dict[str, Any]
"""Variables, `<key>__age_d` (days since), and `<key>__first` of numbers."""


def forms() -> Forms:
    """The programme's forms."""
    make = the_programme().forms
    return make() if make else Forms(())


def schedule() -> Schedule:
    """The programme's schedule."""
    make = the_programme().schedule
    return make() if make else Schedule(())


def read_by(kind: str) -> list[str]:
    """Every column that the form of a kind, its consequences and the schedule read."""
    return list(dict.fromkeys([*forms().reads(kind), *schedule().reads()]))


def known(
    resident: Resident,
    facts: pl.DataFrame,
    names: Iterable[str],
    *,
    as_of: date,
    but: Visit | None = None,
    before: date | None = None,
) -> Known:
    """What is known of a person.

    Parameters
    ----------
    resident
        Their register entry tells sex and age where no fact does.
    facts
        All their facts, as `Gate.facts` gives them.
    names
        Variables, or `<key>__first`.
    but
        Whose facts are left out: the visit that is being corrected.
    before
        The day of a contact: only what held by then, whenever it was recorded. Of that day's
        visits, those recorded after `but` came later.
    """
    wanted = list(dict.fromkeys(name.removesuffix(FIRST) for name in names))
    told = facts.filter(pl.col("effective_at") != moment_of(but)) if but else facts
    if before is not None:
        end = datetime.combine(before, time.max)
        if but is not None and but.happened_on == before:
            end = moment_of(but)
        told = told.filter(pl.col("effective_at") <= end)
    row: Known = dict.fromkeys(wanted)
    if taken := bedside().known(told, as_of):
        row |= taken[0]
        for name in names:
            if name.endswith(FIRST):
                row[name] = _first(told, name.removesuffix(FIRST))
    if not row.get("sex"):
        row["sex"] = resident.sex or None
    if row.get("age_y") is None and (age := resident.age_on(as_of)) is not None:
        row["age_y"] = float(age)
    return row


def day_of(row: Known, key: str, as_of: date) -> date | None:
    """The day from which a value is known."""
    age = row.get(f"{key}__age_d")
    return None if age is None else as_of - timedelta(days=int(age))


def _first(facts: pl.DataFrame, key: str) -> float | None:
    """The first number recorded of a variable that nobody has withdrawn."""
    told = standing(facts.filter(pl.col("variable") == key, pl.col("number").is_not_null()))
    numbers = told.sort("effective_at", "recorded_at", "number")["number"]
    return None if numbers.is_empty() else float(numbers[0])
