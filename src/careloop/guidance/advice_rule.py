"""A piece of advice as data: for whom, why, in which words, with which quantities, by when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text
from careloop.guidance.plan import Kind
from careloop.risk.decision import NamedClause


@dataclass(frozen=True, slots=True)
class Formula:
    """One way to a quantity, in SQL; `basis` says in words where the number comes from."""

    sql: str
    basis: Text | None = None
    assumed: bool = False
    """True where the number rests on an average and not on this person."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in an advice: the first of its formulas that is known, bounded and rounded.

    Only the order of the formulas says what stands in for what: nothing is filled in silently,
    because the basis of the number can be shown beside it.
    """

    name: str
    formulas: tuple[Formula, ...]
    unit: str
    step: float = 1.0
    rounding: Literal["nearest", "up", "down"] = "nearest"
    low: float | None = None
    high: float | None = None

    @property
    def column(self) -> str:
        """Its column; `<column>_basis` has the place of the formula that was used."""
        return f"quantity_{self.name}"

    @property
    def value(self) -> pl.Expr:
        """The number in `unit` as Float64; null where no formula is known."""
        raw = pl.coalesce(*(condition(each.sql).cast(pl.Float64) for each in self.formulas))
        if self.low is not None or self.high is not None:
            raw = raw.clip(self.low, self.high)  # null stays null
        steps = (raw / self.step).round(10)  # 70 * 1.2 / 12 is 7, not 7.000000000000001
        steps = {
            "nearest": (steps + 0.5).floor(),
            "up": steps.ceil(),
            "down": steps.floor(),
        }[self.rounding]
        return (steps * self.step).round(10)

    @property
    def basis(self) -> pl.Expr:
        """The place (from 0) of the first formula that is known."""
        chosen: pl.Expr = pl.lit(None, dtype=pl.Int16)
        for place in reversed(range(len(self.formulas))):
            known = condition(self.formulas[place].sql).is_not_null()
            chosen = pl.when(known).then(pl.lit(place, dtype=pl.Int16)).otherwise(chosen)
        return chosen

    @property
    def digits(self) -> int:
        """Decimals worth showing."""
        return len(f"{self.step:g}".partition(".")[2])

    def reads(self) -> tuple[str, ...]:
        """Every column its formulas speak of."""
        return tuple(dict.fromkeys(n for each in self.formulas for n in names_in(each.sql)))


@dataclass(frozen=True, slots=True, eq=False)  # itself alone: a key of what is remembered
class AdviceRule:
    """One piece of advice.

    It applies where any clause holds and no stop does. An unknown clause makes it unknown, never
    "not needed"; an unknown stop lets it be proposed only after checking. Texts may name
    quantities in braces (`{gap_mg}`, `{gap_mg_basis}`); where one is unknown, `otherwise` is said
    instead, and a rule without `otherwise` does not apply.
    """

    key: str
    kind: Kind
    clauses: tuple[NamedClause, ...]
    text: Text
    patient: Text | None = None
    otherwise: Text | None = None
    patient_otherwise: Text | None = None
    quantities: tuple[Quantity, ...] = ()
    due: str = ""
    """SQL: days after the day of the plan; less than 0 means now. Empty: no date."""
    stops: tuple[NamedClause, ...] = ()
    cautions: tuple[NamedClause, ...] = ()
    check_first: tuple[str, ...] = ()
    """Variables to know before doing it."""
    measure: tuple[tuple[str, Text], ...] = ()
    """Variables and their names: those still unknown are what this advice asks to measure."""
    guideline: str = ""
    section: str = ""
    strength: str = ""
    mark: str = "B"
    priority: int = 50
    excludes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unconfirmed(self) -> bool:
        """Whether a clinician's signature is still missing."""
        return self.mark != "A"

    @property
    def column(self) -> str:
        """Its answer's column; what stands beside it begins with the same words."""
        return f"advice_{self.key}"

    @property
    def holds(self) -> pl.Expr:
        """True: applies; false: does not; null: cannot be told."""
        wanted = pl.any_horizontal(*(clause.holds for clause in self.clauses))
        if self.stops:
            stopped = pl.any_horizontal(*(stop.holds for stop in self.stops))
            wanted = wanted & ~stopped.fill_null(value=False)
        if self.quantities and self.otherwise is None:
            known = pl.all_horizontal(*(each.value.is_not_null() for each in self.quantities))
            wanted = wanted & pl.when(known).then(pl.lit(value=True)).otherwise(None)
        return wanted

    def reads(self) -> tuple[str, ...]:
        """Every column it speaks of."""
        names: dict[str, None] = {}
        for clause in (*self.clauses, *self.stops, *self.cautions):
            names.update(dict.fromkeys(names_in(clause.sql)))
        for quantity in self.quantities:
            names.update(dict.fromkeys(quantity.reads()))
        names.update(dict.fromkeys(names_in(self.due)))
        names.update(dict.fromkeys(self.check_first))
        names.update(dict.fromkeys(key for key, _ in self.measure))
        return tuple(names)
