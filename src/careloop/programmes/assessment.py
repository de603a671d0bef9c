"""Assessing people: a snapshot in, every instrument, class, diagnosis and next step out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from careloop.programmes.programme import Programme, Stage
from careloop.records.snapshot import Snapshot
from careloop.risk.instruments.evaluation import (
    assumed_of,
    evaluate,
    input_variables,
    missing_inputs,
)
from careloop.risk.wording import listed


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a programme found as of a date: one row a person."""

    frame: pl.DataFrame
    programme: Programme
    as_of: date
    language: str
    note: str = ""
    """What every reader must know about the data (that they are simulated)."""


def assess(
    snapshot: Snapshot, programme: Programme, *, language: str = "zh", note: str = ""
) -> Assessment:
    """Assess everybody in a snapshot.

    Parameters
    ----------
    snapshot
        What was known about each person as of a date.
    programme
        Whose instruments and decisions to use.
    language
        Of the reasons in the table: "zh" or "en".
    note
        Shown at the head of everything made from this assessment.

    Returns
    -------
    Assessment
        `frame` has `person_id`, the programme's shown columns, per instrument its outputs,
        `<key>_class`, `<key>_applies`, `<key>_reason` and (where inputs were assumed)
        `<key>_assumed`, per decision `<key>`, `<key>_because`, `<key>_unknown` and `<key>_assumed`,
        and `missing`: the
        variables that some instrument made for this person needs and nobody recorded.
    """
    frame = snapshot.with_columns_for(reads(programme)).frame
    flags = missing_inputs(programme.instruments)
    missing = listed(list(flags.values()), list(flags))
    also = [missing.alias("missing")]
    table = assessed(frame.lazy(), programme, language=language, also=also)
    names = columns(programme, table.collect_schema().names())
    return Assessment(table.select(names).collect(), programme, snapshot.as_of, language, note)


def assessed(
    table: pl.LazyFrame,
    programme: Programme,
    *,
    language: str = "zh",
    also: Sequence[pl.Expr] = (),
) -> pl.LazyFrame:
    """Add a programme's results to a snapshot's table; works on millions, lazily, in batches.

    Every column of `reads(programme)` must exist. `also` as in `evaluate`.
    """
    for stage in programme.before:
        table = table.with_columns(stage.columns())
    table = evaluate(table, programme.instruments, language=language, also=also)
    for stage in programme.after:
        table = table.with_columns(stage.columns())
    based_on = origins(programme)
    for decision in programme.decisions:
        have = table.collect_schema().names()
        assumed = assumed_of(based_on[decision.key], have, name=f"{decision.key}_assumed")
        table = table.with_columns(*decision.columns(), *assumed)
    return table


def origins(programme: Programme) -> dict[str, list[str]]:
    """For every column the programme makes, the snapshot columns it rests on, in order."""
    known: dict[str, list[str]] = {}

    def rest_on(names: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(one for name in names for one in (name, *known.get(name, ()))))

    def stage(of: Stage) -> None:
        for expression in of.columns():
            known[expression.meta.output_name()] = rest_on(expression.meta.root_names())

    for each in programme.before:
        stage(each)
    for instrument in programme.instruments:
        names = rest_on(input_variables([instrument]))
        made = (*instrument.outputs, f"{instrument.key}_class", f"{instrument.key}_applies")
        known.update(dict.fromkeys(made, names))
    for each in programme.after:
        stage(each)
    for decision in programme.decisions:
        known[decision.key] = rest_on(decision.reads())
    return known


def reads(programme: Programme) -> list[str]:
    """Every snapshot column the programme reads."""
    made: set[str] = set()
    names: dict[str, None] = dict.fromkeys(programme.shown)
    for stage in programme.before:
        names.update(dict.fromkeys(stage.reads))
        for expression in stage.columns():
            names.update(dict.fromkeys(expression.meta.root_names()))
        made |= {expression.meta.output_name() for expression in stage.columns()}
    names.update(dict.fromkeys(input_variables(programme.instruments)))
    for each in programme.instruments:
        made |= {*each.outputs, f"{each.key}_class", f"{each.key}_applies"}
    for stage in programme.after:
        for expression in stage.columns():
            names.update(dict.fromkeys(expression.meta.root_names()))
        made |= {expression.meta.output_name() for expression in stage.columns()}
    for decision in programme.decisions:
        names.update(dict.fromkeys(decision.reads()))
        made.add(decision.key)
    first = {name for stage in programme.before for name in _roots(stage)}
    return [name for name in names if name not in made or name in first]


def _roots(stage: Stage) -> list[str]:
    return [name for expression in stage.columns() for name in expression.meta.root_names()]


def columns(programme: Programme, have: list[str]) -> list[str]:
    """The result columns in the order a reader expects them."""
    order = ["person_id", *programme.shown]
    for stage in (*programme.before, *programme.after):
        order += [expression.meta.output_name() for expression in stage.columns()]
    order += [decision.key for decision in programme.decisions]
    order += [f"{decision.key}_because" for decision in programme.decisions]
    order += [f"{decision.key}_unknown" for decision in programme.decisions]
    order += [f"{decision.key}_assumed" for decision in programme.decisions]
    for each in programme.instruments:
        order += [*each.outputs]
        order += [f"{each.key}_{part}" for part in ("class", "applies", "reason", "assumed")]
    order.append("missing")
    present = set(have)
    return [name for name in dict.fromkeys(order) if name in present]
