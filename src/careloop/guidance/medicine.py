"""A medicine as data: dose, hard stops, cautions, checks; and who may have it.

`<key>_status` of a person is

blocked       a hard stop is true
check_first   none is true, but one is unknown: proposed only "after checking X"
allowed       every hard stop is known to be false
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from careloop.dictionary.variable import Text
from careloop.risk.decision import NamedClause
from careloop.risk.wording import first_word, listed

BLOCKED, CHECK_FIRST, ALLOWED = "blocked", "check_first", "allowed"


@dataclass(frozen=True, slots=True)
class Medicine:
    """One medicine of a programme's table."""

    key: str
    name: Text
    atc: tuple[str, ...]
    group: str
    """antiresorptive, anabolic, dual, active_vitamin_d, vitamin_k, supplement, hormone, other"""
    route: str
    """po, iv, sc, im, nasal"""
    dose: Text
    interval_days: int | None
    current: str
    """The boolean variable that says the person takes it now."""
    stops: tuple[NamedClause, ...] = ()
    cautions: tuple[NamedClause, ...] = ()
    checks: tuple[NamedClause, ...] = ()
    """What to check before the first dose; `sql` says for whom (`TRUE`: everybody)."""
    notes: tuple[Text, ...] = ()
    source: str = ""
    mark: str = "B"
    proposed: bool = True
    """False: in the table for interactions and history only (strontium)."""
    treated: str = ""
    """The boolean variable that says some medicine of this table is taken, named or not."""

    @property
    def unconfirmed(self) -> bool:
        """Whether a clinician's signature is still missing."""
        return self.mark != "A"

    def status(self) -> pl.Expr:
        """blocked, check_first or allowed: never allowed while a hard stop is unknown."""
        if not self.stops:
            return pl.lit(ALLOWED)
        stopped = pl.any_horizontal(*(stop.holds for stop in self.stops))
        return first_word(
            [(stopped, BLOCKED), (stopped.is_null(), CHECK_FIRST), (~stopped, ALLOWED)]
        )

    def columns(self) -> list[pl.Expr]:
        """`<key>_status`, `<key>_stops` (hard stops that hold), `<key>_unknown` (unknown ones)."""
        words = [stop.key for stop in self.stops]
        held = listed([stop.holds for stop in self.stops], words)
        unknown = listed([stop.holds.is_null() for stop in self.stops], words)
        return [
            self.status().alias(f"{self.key}_status"),
            held.alias(f"{self.key}_stops"),
            unknown.alias(f"{self.key}_unknown"),
        ]
