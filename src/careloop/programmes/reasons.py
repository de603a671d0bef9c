"""One person's reasons: what was found, why, what does not apply and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from careloop.dictionary.variable import Text
from careloop.programmes.assessment import assessed, reads
from careloop.programmes.programme import Programme
from careloop.records.snapshot import Snapshot
from careloop.risk.decision import Decision
from careloop.risk.instruments.definition import Instrument
from careloop.risk.instruments.evaluation import missing_inputs


@dataclass(frozen=True, slots=True)
class Driver:
    """One part of a score: its words, the values read and the points they gave."""

    label: Text
    values: Mapping[str, Any]
    points: float | None
    item: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What an instrument says of a person."""

    instrument: Instrument
    outputs: Mapping[str, Any]
    risk_class: Text | None
    refer: bool
    applies: bool | None
    reason: str | None
    assumed: tuple[str, ...]
    drivers: tuple[Driver, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a decision table says: the outcome, the clauses that held and those unknown."""

    decision: Decision
    outcome: str | None
    label: Text
    because: tuple[str, ...]
    unknown: tuple[str, ...]
    assumed: tuple[str, ...] = ()
    """Variables that the answer may rest on and that the source assumed."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """Everything about one person as of a date."""

    person_id: str
    row: Mapping[str, Any]
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]


def reasons(
    snapshot: Snapshot, programme: Programme, person_ids: Sequence[str], *, language: str = "zh"
) -> list[Reasons]:
    """The reasons of some people, in the order asked; people not in the snapshot are left out."""
    frame = snapshot.with_columns_for(reads(programme)).frame
    frame = frame.filter(pl.col("person_id").is_in(list(person_ids)))
    drivers = {
        f"{each.key}\n{number}": term.points
        for each in programme.instruments
        for number, term in enumerate(each.terms)
    }
    missing = missing_inputs(programme.instruments)
    also = [points.cast(pl.Float64).alias(name) for name, points in drivers.items()]
    also += [flag.alias(f"missing\n{name}") for name, flag in missing.items()]
    table = assessed(frame.lazy(), programme, language=language, also=also).collect()
    found = {row["person_id"]: row for row in table.iter_rows(named=True)}
    return [
        _reasons(found[person_id], programme, tuple(missing))
        for person_id in person_ids
        if person_id in found
    ]


def _reasons(row: Mapping[str, Any], programme: Programme, wanted: Sequence[str]) -> Reasons:
    return Reasons(
        row["person_id"],
        row,
        tuple(_verdict(row, decision) for decision in programme.decisions),
        tuple(_finding(row, each) for each in programme.instruments),
        tuple(name for name in wanted if row[f"missing\n{name}"]),
    )


def _verdict(row: Mapping[str, Any], decision: Decision) -> Verdict:
    outcome = row[decision.key]
    return Verdict(
        decision,
        outcome,
        decision.label(outcome),
        tuple(row[f"{decision.key}_because"].split()),
        tuple(row[f"{decision.key}_unknown"].split()),
        tuple((row.get(f"{decision.key}_assumed") or "").split()),
    )


def _finding(row: Mapping[str, Any], each: Instrument) -> Finding:
    key = row.get(f"{each.key}_class")
    chosen = next((one for one in each.classes if one.key == key), None)
    drivers = tuple(
        Driver(
            term.label,
            {name: row[name] for name in term.reads},
            row[f"{each.key}\n{number}"],
            term.item,
        )
        for number, term in enumerate(each.terms)
    )
    return Finding(
        each,
        {name: row[name] for name in each.outputs},
        chosen.label if chosen else None,
        chosen.refer if chosen else False,
        row[f"{each.key}_applies"],
        row[f"{each.key}_reason"],
        tuple((row.get(f"{each.key}_assumed") or "").split()),
        drivers,
    )
