"""What is known of a person before a form is filled in: values, their days, and first values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from careloop.care.form import FIRST, Forms
from careloop.care.schedule import Schedule
from careloop.dictionary.catalogue import load
from careloop.records.snapshot import snapshot
from careloop.web.care.standing import the_programme
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
    but: str = "",
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
        A source whose facts are left out: the visit that is being corrected.
    """
    dictionary = load()
    wanted = list(dict.fromkeys(name.removesuffix(FIRST) for name in names))
    told = facts.filter(pl.col("source") != but) if but else facts
    row: Known = {}
    taken = snapshot(told, as_of, dictionary, variables=wanted).frame
    if taken.height:
        row = taken.row(0, named=True)
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
    told = facts.filter(pl.col("variable") == key, pl.col("number").is_not_null())
    withdrawn: dict[tuple[float, datetime], datetime] = {}
    for row in told.filter(pl.col("status") == "entered_in_error").iter_rows(named=True):
        same = (row["number"], row["effective_at"])
        withdrawn[same] = max(row["recorded_at"], withdrawn.get(same, row["recorded_at"]))
    stands = [
        (row["effective_at"], row["recorded_at"], row["number"])
        for row in told.filter(pl.col("status") != "entered_in_error").iter_rows(named=True)
        if (row["number"], row["effective_at"]) not in withdrawn
        or row["recorded_at"] > withdrawn[row["number"], row["effective_at"]]
    ]
    return min(stands)[2] if stands else None
