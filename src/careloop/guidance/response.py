"""Does the treatment work? Decision tables over what was measured since it began.

The tables are data of a programme (`read_response`): each may read the answers of those before it.
Numbers come from outside: this module knows neither a disease nor a marker.

The file::

    [[table]]
    key = "btm_response"
    outcome = [ … ]                # see careloop.risk.decision

    [items]                        # which answers of the last table become items of a plan
    improve_adherence = { kind = "alert", priority = 8, patient = { zh = "…", en = "…" } }
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import polars as pl

from careloop.dictionary.condition import condition
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.guidance.plan import KINDS, Kind, PlanItem, Reason
from careloop.risk.decision import Decision, decision


@dataclass(frozen=True, slots=True)
class Step:
    """How an answer of the last table stands in a plan."""

    kind: Kind
    priority: int
    patient: Text | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """The tables in the order of evaluation, and the steps that follow from the last."""

    tables: tuple[Decision, ...]
    steps: Mapping[str, Step]

    def reads(self) -> tuple[str, ...]:
        """The numbers needed from outside."""
        made = {table.key for table in self.tables}
        names = dict.fromkeys(name for table in self.tables for name in table.reads())
        return tuple(name for name in names if name not in made)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One table's answer for one person; `outcome` is None where it cannot be told."""

    key: str
    outcome: str | None
    label: Text
    because: tuple[Reason, ...]
    unknown: tuple[str, ...]


def read_response(file: Traversable) -> Response:
    """Read the tables.

    Raises
    ------
    ConfigError
        Naming the file and the fault.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        tables = tuple(decision(each, each["key"], where=file.name) for each in content["table"])
        steps = {
            key: Step(
                each["kind"],
                each["priority"],
                Text(**each["patient"]) if "patient" in each else None,
            )
            for key, each in content["items"].items()
        }
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), where=file.name, remedy="mend the TOML syntax") from error
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{type(error).__name__}: {error}",
            where=file.name,
            remedy="see careloop.guidance.response",
        ) from error
    answers = {outcome.key for outcome in tables[-1].outcomes} | {tables[-1].undecided}
    for key, step in steps.items():
        if key not in answers or step.kind not in KINDS:
            raise ConfigError(f"item {key!r}", where=file.name, remedy=f"one of {answers}")
    for table in tables:
        for outcome in table.outcomes:
            for clause in outcome.clauses:
                condition(clause.sql)
    return Response(tables, steps)


def percent_change(before: str, after: str) -> pl.Expr:
    """Change from one column to another in percent of the first; null unless it is positive.

    Rounded to ten decimals, so that a fall from 500 to 220 is exactly 56 %.
    """
    first = pl.when(pl.col(before) > 0).then(pl.col(before)).otherwise(None)
    return ((pl.col(after) - first) / first * 100).round(10)


def responses(table: pl.LazyFrame, response: Response) -> pl.LazyFrame:
    """Add every table's answer: `<table>`, `<table>_because`, `<table>_unknown`.

    The columns of `response.reads()` must exist.
    """
    for each in response.tables:
        table = table.with_columns(each.columns())
    return table


def judgements(row: Mapping[str, Any], response: Response) -> tuple[Judgement, ...]:
    """One person's answers, from a row of `responses`, with reasons."""
    return tuple(_judgement(row, table) for table in response.tables)


def _judgement(row: Mapping[str, Any], table: Decision) -> Judgement:
    clauses = [table.clause(key) for key in row[f"{table.key}_because"].split()]
    chosen = next((each for each in table.outcomes if each.key == row[table.key]), None)
    mine = [clause for clause in clauses if chosen and clause in chosen.clauses]
    return Judgement(
        table.key,
        row[table.key],
        table.label(row[table.key]),
        tuple(Reason(each.key, each.label, each.source, each.mark) for each in mine),
        tuple(row[f"{table.key}_unknown"].split()),
    )


def response_items(row: Mapping[str, Any], response: Response) -> list[PlanItem]:
    """What follows for the plan: the step of the last table's answer, if it is one.

    Where nothing could be decided, `after_checking` names the numbers that are missing.
    """
    last = judgements(row, response)[-1]
    step = response.steps.get(last.outcome or "")
    if step is None:
        return []
    marks = [reason.mark for reason in last.because]
    missing = tuple(name for name in response.reads() if row[name] is None)
    return [
        PlanItem(
            key=f"response_{last.outcome}",
            kind=step.kind,
            text=last.label,
            patient=step.patient,
            because=last.because,
            after_checking=() if last.because else missing,
            guideline="; ".join(dict.fromkeys(reason.source for reason in last.because)),
            mark=max(marks, default="B"),
            priority=step.priority,
        )
    ]
