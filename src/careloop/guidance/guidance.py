"""What a programme brings to guidance: guidelines, medicines, advice, and the columns they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.guidance.advice_rule import AdviceRule
from careloop.guidance.guideline import Guideline
from careloop.guidance.interaction import Interaction
from careloop.guidance.medicine import Medicine
from careloop.guidance.precedence import Precedence
from careloop.guidance.target import Target
from careloop.risk.decision import NamedClause


def _no_columns() -> Sequence[pl.Expr]:
    return ()


@dataclass(frozen=True, slots=True)
class Guidance:
    """Everything that turns an assessed person into proposals. Data; nothing of it is ordered."""

    programme: str
    guidelines: tuple[Guideline, ...]
    """The first is the default."""
    medicines: tuple[Medicine, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    stage: Callable[[], Sequence[pl.Expr]] = _no_columns
    """Columns the clauses need beyond the assessment; read `as_of` (Date) beside the variables."""
    advice: tuple[AdviceRule, ...] = ()
    monitoring: tuple[AdviceRule, ...] = ()
    timers: tuple[AdviceRule, ...] = ()
    """Courses of medicines: when a dose is due, when a course ends, what must follow."""
    precedence: tuple[Precedence, ...] = ()
    """What gives way to what, in the order in which the rules are applied."""
    flags: tuple[NamedClause, ...] = ()
    """Contradictions: true where the clinician must look at the facts first."""
    targets: tuple[Target, ...] = ()
    """What a plan aims at: Goals in FHIR."""
    referrals: Mapping[str, Text] = field(default_factory=dict)
    """What a person reads about being referred, by the outcome of a guideline's table."""
    asks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For a column that is computed, the variables to ask a person for where it is unknown."""

    following: Callable[[str], Guidance] | None = None
    """The same guidance with advice, monitoring and timers by another guideline's classes."""

    def by(self, key: str) -> Guidance:
        """Guidance as it is when a guideline is followed ("" for the default)."""
        chosen = self.guideline(key).key
        if self.following is None or chosen == self.default.key:
            return self
        return self.following(chosen)

    @property
    def default(self) -> Guideline:
        """The guideline used where a site chose none."""
        return self.guidelines[0]

    def guideline(self, key: str = "") -> Guideline:
        """A guideline by its key; the default one where no key is given.

        Raises
        ------
        ConfigError
            Naming the guidelines there are.
        """
        if not key:
            return self.default
        for each in self.guidelines:
            if each.key == key:
                return each
        raise ConfigError(
            f"no guideline {key!r}", remedy=f"there are {[each.key for each in self.guidelines]}"
        )

    def medicine(self, key: str) -> Medicine:
        """A medicine by its key.

        Raises
        ------
        ConfigError
            If the table has none of this name.
        """
        for each in self.medicines:
            if each.key == key:
                return each
        raise ConfigError(f"no medicine {key!r}", remedy="see the programme's medicine table")
