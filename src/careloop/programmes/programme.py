"""A programme: what one disease brings to the platform. Found through entry points.

A disease is a folder in `careloop.programmes` (or in somebody else's package) registered in the
entry-point group `careloop.programmes`. Its `variables/*.toml` join the dictionary; its module has
a function `programme()` that returns the `Programme`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from importlib.metadata import entry_points
from typing import Literal

import polars as pl

from careloop.care.examination import Examination
from careloop.care.form import Forms
from careloop.care.record import Record
from careloop.care.schedule import Schedule
from careloop.care.step import Step
from careloop.care.worklist import Worklists
from careloop.dictionary.catalogue import PROGRAMMES
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.guidance.guidance import Guidance
from careloop.guidance.plan import PlanItem
from careloop.risk.decision import Decision
from careloop.risk.instruments.definition import Instrument


@dataclass(frozen=True, slots=True)
class Stage:
    """Columns computed together; a stage may read the columns of the stages before it."""

    columns: Callable[[], Sequence[pl.Expr]]
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A column of the results: its key, words for it and for its values (worst first), its unit."""

    key: str
    label: Text
    values: dict[str, Text] = field(default_factory=dict)
    unit: str = ""
    horizon_y: float | None = None
    """Of a risk in percent: over how many years."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A numeric result column that the report draws, coloured by the classes in another column."""

    key: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Ranking:
    """A result column by which people are put in order of risk, and which end of it is worse."""

    key: str
    worst: Literal["high", "low"]


@dataclass(frozen=True, slots=True)
class Programme:
    """One disease: instruments, decisions and how they follow one another.

    Evaluation order: `before` (measurements from raw values), the instruments, `after`
    (classes of measurements), then each decision in turn.
    """

    key: str
    name: Text
    instruments: tuple[Instrument, ...]
    decisions: tuple[Decision, ...]
    before: tuple[Stage, ...] = ()
    after: tuple[Stage, ...] = ()
    shown: tuple[str, ...] = ()
    """Snapshot columns carried into the results."""
    results: tuple[Result, ...] = ()
    cascade: tuple[tuple[Text, str], ...] = ()
    """Steps of the cohort cascade: words and the SQL condition over the results."""
    ranking: tuple[Ranking, ...] = ()
    """By what the people at highest risk are found, most important first."""
    measures: tuple[str, ...] = ()
    """Result columns printed as a person's measurements, each with its qualifiers."""
    distributions: tuple[Distribution, ...] = ()
    qualifiers: Mapping[str, Text] = field(default_factory=dict)
    """Words for the qualifiers that stand beside measurements (reference databases)."""
    changes: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    """From facts, which changes of a measurement between two dates are real."""
    guidance: Callable[[], Guidance] | None = None
    """Guidelines, medicines and advice, read when first asked for."""
    proposals: Callable[[pl.DataFrame, date], Mapping[str, Sequence[PlanItem]]] | None = None
    """From facts, what the course of a treatment proposes as of a date, by person."""
    worklists: Callable[[], Worklists] | None = None
    """Whom to call, examine or decide on, read when first asked for."""
    steps: Callable[[], tuple[Step, ...]] | None = None
    """What each next step means in practice, read when first asked for."""
    forms: Callable[[], Forms] | None = None
    """What is asked at which contact, read when first asked for."""
    schedule: Callable[[], Schedule] | None = None
    """When a person is to be seen again, read when first asked for."""
    examination: Callable[[], Examination] | None = None
    """The measurement that is entered by hand or from a report, read when first asked for."""
    record: Callable[[], Record] = Record
    """What a person's record shows of it, read when first asked for."""
    caution: Text = field(default_factory=lambda: Text("", ""))


def programme(key: str, *, experimental: bool = False) -> Programme:
    """The installed programme of this name, if asked with what is not yet confirmed.

    Raises
    ------
    ConfigError
        Naming the programmes that are installed.
    """
    found = {entry.name: entry for entry in entry_points(group=PROGRAMMES)}
    if key not in found:
        raise ConfigError(f"no programme {key!r}", remedy=f"installed: {sorted(found)}")
    made: Programme = import_module(found[key].module).programme(experimental=experimental)
    return made
