"""Risk in full and over time: every instrument today, and what could be known at past days.

A past day is judged with the facts that were known then, by today's rules. All days are evaluated
in one pass, as if they were people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.programmes.cards import driver_name, main_drivers
from careloop.programmes.evidence import Score, score
from careloop.programmes.reasons import Finding, Reasons, reasons
from careloop.programmes.wording import Wording
from careloop.records.snapshot import DTYPES, Snapshot
from careloop.web.care.person import figure
from careloop.web.care.person.considered import Known
from careloop.web.care.person.fact import known_days
from careloop.web.care.person.kept import Kept
from careloop.web.care.standing import bedside, the_programme

MOST = 8
"""Points in time that are judged, today included."""
_SPAN = 4.0
"""Points that the scale of a score spans at least: a drift by age must not look like a fall."""
_kept: Kept[Course | None] = Kept(64)


@dataclass(frozen=True, slots=True)
class Driven(Score):
    """An instrument's result with the parts that raised it most."""

    drivers: tuple[str, ...] = ()
    disclaimer: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """What could be said on a day: the answers, and each ranked measure's value."""

    on: date
    answers: tuple[str, ...]
    values: tuple[str, ...]
    news: int
    """Facts that had become known since the point before."""


@dataclass(frozen=True, slots=True)
class Course:
    """All instruments today, and the points in time, newest first."""

    scores: tuple[Driven, ...]
    heads: tuple[str, ...]
    measures: tuple[str, ...]
    points: tuple[Point, ...]
    figures: tuple[figure.Line, ...]
    left_out: int


def course(known: Known, language: str) -> Course | None:
    """The course of a person's risk; None where nothing usable is recorded."""
    key = (known.mark, known.today, language)
    return _kept.get(key, lambda: _course(known, language))


def _course(known: Known, language: str) -> Course | None:
    days = [day for day in known_days(known.standing) if day < known.today]
    chosen = days[-(MOST - 1) :]
    found = _judged(known, [*chosen, known.today], language)
    if not found:
        return None
    programme = the_programme()
    wording = Wording(load(), programme, language=language)
    # Scores of scans are left out: from day to day they may be of different databases (`trend`).
    scans = {each.key for each in programme.results if each.unit.endswith("-score}")}
    measures = [
        each
        for each in programme.ranking
        if each.key not in scans and any(_usable(one, each.key) for one in found)
    ]
    points = []
    before = 0
    for each in found:
        day = date.fromisoformat(each.person_id)
        count = _count(known.standing, day)
        points.append(
            Point(
                day,
                tuple(verdict.label[language] for verdict in each.verdicts),
                tuple(
                    wording.value(one.key, each.row[one.key]) if _usable(each, one.key) else "—"
                    for one in measures
                ),
                count - before,
            )
        )
        before = count
    lines = []
    for one in measures:
        values = [
            (date.fromisoformat(each.person_id), float(each.row[one.key]))
            for each in found
            if _usable(each, one.key)
        ]
        if len({value for _, value in values}) > 1:
            unit = wording.unit(one.key)
            name = wording.name(one.key)
            title = f"{name} ({unit})" if unit else name
            share = unit == "%"
            lines.append(figure.line(title, values, zero=share, least=0 if share else _SPAN))
    return Course(
        tuple(_driven(each, found[-1], wording) for each in found[-1].findings),
        tuple(wording.name(each.key) for each in programme.decisions),
        tuple(wording.name(each.key) for each in measures),
        tuple(reversed(points)),
        tuple(lines),
        len(days) - len(chosen),
    )


def _judged(known: Known, days: Sequence[date], language: str) -> list[Reasons]:
    """Each day's answers; none where nothing usable was known on any."""
    table = of_days(known.facts, days)
    if table.is_empty():
        return []
    taken = Snapshot(table, known.today, load())
    return reasons(taken, the_programme(), table["person_id"].to_list(), language=language)


def of_days(facts: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """One person's snapshots of several days, a row each: the day's ISO text is the `person_id`.

    As `records.snapshot` gives them, days on which nothing was known left out. A column that only
    other days have is null here, false where it tells what is assumed.
    """
    rows = [
        {**row, "person_id": day.isoformat()}
        for day in dict.fromkeys(days)
        for row in bedside().known(facts, day)
    ]
    names = dict.fromkeys(["person_id", *(name for row in rows for name in row)])
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names},
        schema={name: _dtype(name) for name in names},
    ).with_columns(pl.col("^.*__assumed$").fill_null(value=False))


def _dtype(column: str) -> pl.DataType:
    key, _, beside = column.partition("__")
    if not beside and key in load():
        return DTYPES[load()[key].kind]
    return {"age_d": pl.Int32(), "assumed": pl.Boolean()}.get(beside, pl.String())


def _usable(each: Reasons, column: str) -> bool:
    """Whether a value is known and its instrument was made for this person."""
    if each.row.get(column) is None:
        return False
    owner = next((one for one in each.findings if column in one.outputs), None)
    return owner is None or owner.applies is True


def _count(facts: pl.DataFrame, day: date) -> int:
    known_on = pl.max_horizontal("effective_at", pl.coalesce("recorded_at", "effective_at"))
    return facts.filter(known_on.dt.date() <= day).height


def _driven(finding: Finding, person: Reasons, wording: Wording) -> Driven:
    instrument, language = finding.instrument, wording.language
    ranked = [each.key for each in wording.programme.ranking]
    output = next((key for key in ranked if key in finding.outputs), instrument.value)
    value = finding.outputs[output]
    said = score(instrument, person.row, wording)
    missing: tuple[str, ...] = ()
    if value is None:
        names = [one.variable for one in instrument.inputs]
        missing = tuple(
            dict.fromkeys(wording.name(name) for name in names if name in person.missing)
        )
    drivers = []
    for each in main_drivers(finding, wording) if value is not None else ():
        told = [wording.value(key, one) for key, one in each.values.items() if one is not True]
        drivers.append(" ".join([driver_name(each, wording), " / ".join(told)]).strip())
    return Driven(
        instrument.key,
        instrument.name[language],
        wording.value(output, value) if value is not None else "",
        finding.risk_class[language] if finding.risk_class else "",
        finding.refer,
        finding.applies,
        said.why,
        missing,
        instrument.citation,
        instrument.unconfirmed,
        tuple(drivers),
        instrument.disclaimer[language] if instrument.disclaimer else "",
    )
