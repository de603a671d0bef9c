"""Counting an assessment for the report: every number on the page, from aggregates only.

Nothing here holds a person: millions of rows become a few hundred numbers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10

import polars as pl

from careloop.dictionary.condition import condition
from careloop.dictionary.variable import Text
from careloop.programmes.assessment import Assessment, assessed, reads
from careloop.programmes.programme import Distribution
from careloop.programmes.results import cascade
from careloop.records.snapshot import Snapshot
from careloop.risk.decision import Decision, NamedClause
from careloop.risk.instruments.definition import Instrument, RiskClass
from careloop.risk.instruments.evaluation import missing_inputs

_BARS = 24
"""The most bars a histogram may have before the next wider step is taken."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the cascade: people in it, of them those also in the step before."""

    label: Text
    sql: str
    people: int
    from_before: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome of a decision table: people and how many of them each clause speaks for."""

    key: str | None
    label: Text
    people: int
    clauses: tuple[tuple[NamedClause, int], ...]


@dataclass(frozen=True, slots=True)
class DecisionTally:
    """How a decision fell: its outcomes, then the undecided with the clauses nobody could judge."""

    decision: Decision
    answers: tuple[Answer, ...]
    undecided: Answer
    assumed: tuple[tuple[str, int], ...]
    """Variables that a source assumed and answers may rest on, each with the number of people."""


@dataclass(frozen=True, slots=True)
class InstrumentTally:
    """What an instrument gave: `usable` are people it applies to and whose value is known."""

    instrument: Instrument
    known: int
    unknown: int
    applies: int
    applies_not: int
    cannot_tell: int
    usable: int
    classes: tuple[tuple[RiskClass, int, int], ...]
    """Each class with its people among the usable and among all with a value."""
    unclassified: tuple[int, int]
    assumed: tuple[tuple[str, int], ...]
    """Input variables that a source assumed, each with the number of people."""
    reasons: tuple[tuple[str, int], ...]
    """Why there is no usable value, each with the number of people."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in intervals [start, start + step) by class; quartiles over the same people."""

    key: str
    by: str
    step: float
    bars: tuple[tuple[float, str | None, int], ...]
    people: int
    quartiles: tuple[float, float, float]
    whole: bool
    """Whether every value is a whole number."""
    open_end: bool
    """Whether the last interval also holds the few values above it."""


def steps(assessment: Assessment) -> list[Step]:
    """The cascade; a step may hold people who skipped the step before, so both are counted."""
    programme = assessment.programme
    flags = [condition(sql).fill_null(value=False) for _, sql in programme.cascade]
    both = [*flags[:1], *(here & before for before, here in pairwise(flags))]
    shared = assessment.frame.select(
        flag.sum().alias(str(number)) for number, flag in enumerate(both)
    )
    return [
        Step(words, sql, people, int(shared[str(number)][0] or 0))
        for number, ((words, people), (_, sql)) in enumerate(
            zip(cascade(assessment), programme.cascade, strict=True)
        )
    ]


def decisions(assessment: Assessment) -> list[DecisionTally]:
    """Every decision of the programme, counted."""
    return [_decision(assessment.frame, each) for each in assessment.programme.decisions]


def instruments(assessment: Assessment) -> list[InstrumentTally]:
    """Every instrument of the programme, counted."""
    return [_instrument(assessment.frame, each) for each in assessment.programme.instruments]


def missing(assessment: Assessment, taken: Snapshot) -> list[tuple[str, int]]:
    """Variables with the number of people for whom an instrument needs them, commonest first."""
    programme = assessment.programme
    flags = missing_inputs(programme.instruments)
    if not flags:
        return []
    table = assessed(
        taken.with_columns_for(reads(programme)).frame.lazy(),
        programme,
        also=[flag.alias(f"missing\n{name}") for name, flag in flags.items()],
    )
    sums = table.select(pl.col(f"missing\n{name}").sum().alias(name) for name in flags).collect()
    found = [(name, int(sums[name][0] or 0)) for name in flags]
    return sorted(((name, count) for name, count in found if count), key=lambda pair: -pair[1])


def ages(assessment: Assessment) -> Histogram | None:
    """Age in steps of five years, by sex."""
    frame = assessment.frame
    if not {"age_y", "sex"} <= set(frame.columns):
        return None
    return _histogram(frame.select("age_y", "sex"), "age_y", "sex", step=5.0)


def distribution(assessment: Assessment, drawn: Distribution) -> Histogram | None:
    """A result column over the people whose value may be used; None where nobody has one."""
    frame, by = assessment.frame, drawn.by
    if drawn.key not in frame.columns or not frame[drawn.key].dtype.is_numeric():
        return None
    usable = usable_flag(assessment, drawn.key)
    names = list(dict.fromkeys([drawn.key, *([by] if by in frame.columns else [])]))
    table = frame.lazy().filter(usable).select(names).collect(engine="streaming")
    return _histogram(table, drawn.key, by if by in frame.columns else "")


def owner(assessment: Assessment, column: str) -> Instrument | None:
    """The instrument whose output a result column is."""
    for each in assessment.programme.instruments:
        if column in each.outputs:
            return each
    return None


def usable_flag(assessment: Assessment, column: str) -> pl.Expr:
    """True where a column's value is known and its instrument was made for the person."""
    instrument = owner(assessment, column)
    known = pl.col(column).is_not_null()
    if instrument is None:
        return known
    return known & pl.col(f"{instrument.key}_applies").fill_null(value=False)


def _decision(frame: pl.DataFrame, decision: Decision) -> DecisionTally:
    because, unknown = f"{decision.key}_because", f"{decision.key}_unknown"
    table = frame.lazy().group_by(decision.key, because, unknown).len().collect(engine="streaming")
    people: Counter[str | None] = Counter()
    fired: Counter[tuple[str | None, str]] = Counter()
    unjudged: Counter[str] = Counter()
    left_open = {None, decision.undecided}
    for key, held, open_, count in table.iter_rows():
        people[key] += count
        for clause in (held or "").split():
            fired[key, clause] += count
        for clause in (open_ or "").split() if key in left_open else ():
            unjudged[clause] += count
    answers = tuple(
        Answer(
            outcome.key,
            outcome.label,
            people[outcome.key],
            tuple((clause, fired[outcome.key, clause.key]) for clause in outcome.clauses),
        )
        for outcome in decision.outcomes
    )
    undecided = Answer(
        decision.undecided,
        decision.label(decision.undecided),
        sum(people[key] for key in left_open),
        tuple((decision.clause(key), count) for key, count in unjudged.most_common()),
    )
    assumed = f"{decision.key}_assumed"
    return DecisionTally(
        decision,
        answers,
        undecided,
        _words(frame.lazy(), assumed) if assumed in frame.columns else (),
    )


def _instrument(frame: pl.DataFrame, each: Instrument) -> InstrumentTally:
    value = pl.col(each.value).is_not_null()
    applies = pl.col(f"{each.key}_applies")
    usable = value & applies.fill_null(value=False)
    class_, assumed, why = (
        pl.col(f"{each.key}_{part}") if f"{each.key}_{part}" in frame.columns else None
        for part in ("class", "assumed", "reason")
    )
    sums = {
        "known": value,
        "applies": applies.fill_null(value=False),
        "applies_not": (~applies).fill_null(value=False),
        "usable": usable,
    }
    if class_ is not None:
        for number, one in enumerate(each.classes):
            here = (class_ == one.key).fill_null(value=False)
            sums |= {f"{number} usable": here & usable, f"{number} known": here & value}
        sums |= {
            "none usable": class_.is_null() & usable,
            "none known": class_.is_null() & value,
        }
    row = frame.select(flag.sum().alias(name) for name, flag in sums.items()).row(0, named=True)
    found = {name: int(count or 0) for name, count in row.items()}
    return InstrumentTally(
        instrument=each,
        known=found["known"],
        unknown=frame.height - found["known"],
        applies=found["applies"],
        applies_not=found["applies_not"],
        cannot_tell=frame.height - found["applies"] - found["applies_not"],
        usable=found["usable"],
        classes=tuple(
            (one, found[f"{place} usable"], found[f"{place} known"])
            for place, one in enumerate(each.classes)
            if class_ is not None
        ),
        unclassified=(found.get("none usable", 0), found.get("none known", 0)),
        assumed=() if assumed is None else _words(frame.lazy(), f"{each.key}_assumed"),
        reasons=() if why is None else _texts(frame.lazy().filter(~usable), f"{each.key}_reason"),
    )


def _words(frame: pl.LazyFrame, column: str) -> tuple[tuple[str, int], ...]:
    """Words of a column of words with the number of rows that hold each, commonest first."""
    found: Counter[str] = Counter()
    for words, count in _texts(frame, column):
        for word in words.split():
            found[word] += count
    return tuple(found.most_common())


def _texts(frame: pl.LazyFrame, column: str) -> tuple[tuple[str, int], ...]:
    """Texts of a column, each with its number of rows, commonest first."""
    found = frame.select(column).drop_nulls().group_by(column).len()
    table = found.collect(engine="streaming")
    return tuple(sorted(table.iter_rows(), key=lambda pair: (-pair[1], pair[0])))


def _histogram(
    table: pl.DataFrame, key: str, by: str, *, step: float | None = None
) -> Histogram | None:
    values = table[key].cast(pl.Float64)
    values = values.filter(values.is_finite())
    if values.is_empty():
        return None
    low, highest = float(values.min()), float(values.max())  # type: ignore[arg-type]
    quartiles = tuple(float(values.quantile(q, "linear") or 0.0) for q in (0.25, 0.5, 0.75))
    high = highest if step else _before_the_tail(values, quartiles[1], highest)
    whole = bool((values == values.round()).all())
    width = step or _nice_step((high - low) / _BARS, whole=whole)
    names = ["start", *([by] if by else [])]
    counts = (
        table.lazy()
        .with_columns(pl.col(key).cast(pl.Float64))
        .filter(pl.col(key).is_finite())
        .with_columns((pl.col(key).clip(upper_bound=high) / width).round(9).floor().alias("start"))
        .group_by(names)
        .len()
        .sort(names, nulls_last=True)
        .collect(engine="streaming")
    )
    bars = tuple(
        (round(row["start"] * width, 9), row[by] if by else None, row["len"])
        for row in counts.iter_rows(named=True)
    )
    return Histogram(
        key=key,
        by=by,
        step=width,
        bars=bars,
        people=values.len(),
        quartiles=(quartiles[0], quartiles[1], quartiles[2]),
        whole=whole,
        open_end=high < highest,
    )


def _before_the_tail(values: pl.Series, median: float, highest: float) -> float:
    """Where to end the axis: at the 99th percentile if the last hundredth would fill half of it."""
    most = float(values.quantile(0.99, "linear") or 0.0)
    return most if median < most and highest - median > 2 * (most - median) else highest


def _nice_step(least: float, *, whole: bool) -> float:
    """The next of 1, 2, 5, 10, … not below `least`; at least 1 for whole numbers."""
    if least <= 0:
        return 1.0
    power = 10.0 ** floor(log10(least))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= least * (1 - 1e-9))
    return max(step, 1.0) if whole else step
