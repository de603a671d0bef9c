"""What a published instrument is: formula, domain, population, classes and where it was published.

An instrument is data. Its formula is a sum of `Term`s, each a Polars expression over snapshot
columns, or (QFracture, CAROC) expressions built by a function named in the data. Everything about
it that could be argued over — points, cut-offs, age limits — stands in its TOML file.

Two limits are kept apart, because they mean different things to a clinician:

domain      where the formula is defined. Outside, the value is null, with the reason.
population  whom it was made for. Outside, the value is computed but `applies` is false, with the
            reason, and no decision uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from careloop.dictionary.condition import condition
from careloop.dictionary.variable import Text


@dataclass(frozen=True, slots=True)
class Clause:
    """A named condition in three-valued logic, and what to say where it does not hold."""

    sql: str
    otherwise: Text

    @property
    def holds(self) -> pl.Expr:
        """True, false or null (unknown)."""
        return condition(self.sql)


@dataclass(frozen=True, slots=True)
class Input:
    """A variable an instrument needs.

    `value` is null where the input is unknown (an expression, because some inputs can be told in
    two ways); `needed` limits it to part of the people (oestrogen: women).
    """

    variable: str
    value: pl.Expr
    needed: pl.Expr | None = None

    @property
    def missing(self) -> pl.Expr:
        """True where the input is needed and not known."""
        unknown = self.value.is_null()
        return unknown if self.needed is None else unknown & self.needed.fill_null(value=True)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a score: its label, what it reads and the points it gives."""

    label: Text
    reads: tuple[str, ...]
    points: pl.Expr
    item: str = ""
    """The item's number in a questionnaire."""


@dataclass(frozen=True, slots=True)
class RiskClass:
    """One class of an instrument; `sql` speaks of the instrument's value as `value`."""

    key: str
    label: Text
    sql: str
    refer: bool = False


@dataclass(frozen=True, slots=True)
class Instrument:
    """A published instrument, ready to be evaluated on a snapshot."""

    key: str
    name: Text
    citation: str
    mark: str
    """How far the numbers are confirmed: A read in the source, B well known, C unsure."""
    inputs: tuple[Input, ...]
    outputs: Mapping[str, pl.Expr]
    workings: tuple[Mapping[str, pl.Expr], ...] = ()
    """Columns computed before the outputs, stage by stage, and dropped afterwards."""
    terms: tuple[Term, ...] = ()
    domain: tuple[Clause, ...] = ()
    population: tuple[Clause, ...] = ()
    classes: tuple[RiskClass, ...] = ()
    unit: str = "{score}"
    experimental: bool = False
    asks: bool = True
    """Whether its missing inputs are questions for a person (not scans or others' results)."""
    disclaimer: Text | None = None
    note: Text | None = None
    tests: tuple[Mapping[str, object], ...] = field(default=(), repr=False)
    """Published vectors: facts in, results out. They run as tests and stand in the docs."""

    @property
    def unconfirmed(self) -> bool:
        """Whether a clinician's signature is still missing (marks B and C)."""
        return self.mark != "A"

    @property
    def value(self) -> str:
        """The column the classes speak of: the first output."""
        return next(iter(self.outputs))

    def defined(self) -> pl.Expr:
        """Whether the formula is defined for a person (null: cannot be told)."""
        return pl.all_horizontal(*(clause.holds for clause in self.domain), pl.lit(value=True))

    def applies(self) -> pl.Expr:
        """Whether the instrument was made for a person like this (null: cannot be told)."""
        return pl.all_horizontal(*(clause.holds for clause in self.population), pl.lit(value=True))
