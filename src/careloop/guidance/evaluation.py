"""Guidance over a table: every guideline's answers and every medicine's status, vectorised."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from careloop.dictionary.condition import condition, names_in
from careloop.guidance.guidance import Guidance
from careloop.guidance.guideline import Guideline
from careloop.guidance.medicines import concern_columns


def guided(table: pl.LazyFrame, guidance: Guidance) -> pl.LazyFrame:
    """Add what the guidelines and the medicine table say to an assessed table.

    Parameters
    ----------
    table
        One row a person: the columns of `careloop.programmes.assessment.assessed` and `as_of`
        (Date), which `guidance.stage` may read.
    guidance
        Whose rules to use.

    Returns
    -------
    pl.LazyFrame
        With the stage's columns; per guideline `<guideline>_risk_class`, `<guideline>_treatment`
        and `<guideline>_referral`, each with `…_because` (keys of the clauses that held) and
        `…_unknown` (keys of those that could not be told); per medicine `<medicine>_status`,
        `<medicine>_stops`, `<medicine>_unknown`, `<medicine>_cautions` and `<medicine>_checks`
        (keys that hold); per choice of medicines with a condition `<guideline>_first_<number>`.
    """
    if stage := list(guidance.stage()):
        table = table.with_columns(stage)
    for level in _levels(guidance):
        table = table.with_columns(level)
    rest = [column for each in guidance.medicines for column in each.columns()]
    rest += concern_columns(guidance.medicines)
    rest += [column for each in guidance.guidelines for column in _situations(each)]
    return table.with_columns(rest)


def _situations(guideline: Guideline) -> Iterable[pl.Expr]:
    """`<guideline>_first_<number>`: whether the condition of a choice of medicines holds."""
    for number, choice in enumerate(guideline.first):
        if choice.when:
            yield condition(choice.when).alias(f"{guideline.key}_first_{number}")


def _levels(guidance: Guidance) -> Iterable[list[pl.Expr]]:
    """The tables of all guidelines side by side: first every risk class, then every treatment."""
    for number in range(3):
        columns = [
            column
            for each in guidance.guidelines
            for table in each.decisions()[number : number + 1]
            for column in table.columns()
        ]
        if columns:
            yield columns


def made_by(guidance: Guidance) -> list[str]:
    """Every column that `guided` adds."""
    names = [column.meta.output_name() for column in guidance.stage()]
    for each in guidance.guidelines:
        for table in each.decisions():
            names += [table.key, f"{table.key}_because", f"{table.key}_unknown"]
        names += [column.meta.output_name() for column in _situations(each)]
    for medicine in guidance.medicines:
        parts = ("status", "stops", "unknown", "cautions", "checks")
        names += [f"{medicine.key}_{part}" for part in parts]
    return names


def guidance_reads(guidance: Guidance) -> list[str]:
    """Every column that must be in the table before `guided`: variables, results and `as_of`."""
    names: dict[str, None] = {}
    for column in guidance.stage():
        names.update(dict.fromkeys(column.meta.root_names()))
    before = set(names)  # a stage may read the very column it completes
    conditions = [clause.sql for each in guidance.medicines for clause in each.stops]
    conditions += [clause.sql for each in guidance.medicines for clause in each.cautions]
    conditions += [clause.sql for each in guidance.medicines for clause in each.checks]
    conditions += [each.sql for each in guidance.interactions]
    conditions += [flag.sql for flag in guidance.flags]
    conditions += [choice.when for each in guidance.guidelines for choice in each.first]
    for each in guidance.guidelines:
        for table in each.decisions():
            names.update(dict.fromkeys(table.reads()))
    for sql in conditions:
        names.update(dict.fromkeys(names_in(sql)))
    names.update((medicine.current, None) for medicine in guidance.medicines if medicine.current)
    for rule in (*guidance.advice, *guidance.monitoring):
        names.update(dict.fromkeys(rule.reads()))
    for before_others in guidance.precedence:
        names.update(dict.fromkeys(before_others.reads()))
    made = set(made_by(guidance))
    return [name for name in names if name not in made or name in before]
