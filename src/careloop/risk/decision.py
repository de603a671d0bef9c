"""Decision tables: ordered outcomes, each with named clauses, in three-valued logic.

An outcome holds if any of its clauses holds. Outcomes are tried in order and the first that holds
is taken. Where an outcome can be neither taken nor excluded, the search stops and the answer is
unknown — unless the outcome says `unknown = "skip"` (a refinement that needs positive proof), or
the table names the outcome for everything undecided.

The file::

    [[outcome]]
    key = "osteoporosis"
    label = { zh = "骨质疏松症", en = "osteoporosis" }
    clause = [{ key = "bmd", when = "t_min <= -2.5", label = { … }, source = "…", mark = "B" }]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import polars as pl

from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.risk.wording import listed


@dataclass(frozen=True, slots=True)
class NamedClause:
    """One reason for an outcome, with its source."""

    key: str
    sql: str
    label: Text
    source: str
    mark: str

    @property
    def holds(self) -> pl.Expr:
        """True, false or null (unknown)."""
        return condition(self.sql)

    @property
    def unconfirmed(self) -> bool:
        """Whether a clinician's signature is still missing."""
        return self.mark != "A"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer of a decision table."""

    key: str
    label: Text
    clauses: tuple[NamedClause, ...]
    skip_unknown: bool = False

    @property
    def holds(self) -> pl.Expr:
        """Whether any clause holds."""
        return pl.any_horizontal(*(clause.holds for clause in self.clauses))


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision table; evaluated, it gives `<key>`, `<key>_because` and `<key>_unknown`."""

    key: str
    outcomes: tuple[Outcome, ...]
    undecided: str | None = None
    undecided_label: Text | None = None

    def columns(self) -> list[pl.Expr]:
        """The outcome, the clauses that held (keys, by spaces) and those that are unknown."""
        chosen: pl.Expr = pl.lit(self.undecided, dtype=pl.String)
        for outcome in reversed(self.outcomes):
            if not outcome.skip_unknown and self.undecided is None:
                chosen = pl.when(outcome.holds.is_not_null()).then(chosen).otherwise(None)
            chosen = pl.when(outcome.holds).then(pl.lit(outcome.key)).otherwise(chosen)
        clauses = [clause for outcome in self.outcomes for clause in outcome.clauses]
        words = [clause.key for clause in clauses]
        return [
            chosen.alias(self.key),
            listed([each.holds for each in clauses], words).alias(f"{self.key}_because"),
            listed([each.holds.is_null() for each in clauses], words).alias(f"{self.key}_unknown"),
        ]

    def label(self, key: str | None) -> Text:
        """The outcome's words."""
        for outcome in self.outcomes:
            if outcome.key == key:
                return outcome.label
        if key is not None and key == self.undecided and self.undecided_label:
            return self.undecided_label
        return Text("资料不足，无法判断", "cannot be told from what is known")

    def clause(self, key: str) -> NamedClause:
        """A clause by its key."""
        return next(
            clause for outcome in self.outcomes for clause in outcome.clauses if clause.key == key
        )

    def reads(self) -> tuple[str, ...]:
        """Every column some clause speaks of."""
        return tuple(
            dict.fromkeys(
                name
                for outcome in self.outcomes
                for clause in outcome.clauses
                for name in names_in(clause.sql)
            )
        )


def read_decision(file: Traversable, key: str) -> Decision:
    """Read a decision table.

    Raises
    ------
    ConfigError
        Naming the file and the fault.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), where=file.name, remedy="mend the TOML syntax") from error
    return decision(content, key, where=file.name)


def decision(content: Mapping[str, Any], key: str, *, where: str) -> Decision:
    """Make a decision table of a TOML table (see the head of this module; errors as above)."""
    try:
        outcomes = tuple(_outcome(table) for table in content["outcome"])
    except (KeyError, TypeError) as error:
        raise ConfigError(str(error), where=where, remedy="see careloop.risk.decision") from error
    keys = [clause.key for outcome in outcomes for clause in outcome.clauses]
    for clause_key in {each for each in keys if keys.count(each) > 1}:
        raise ConfigError(f"clause {clause_key!r} stands twice", where=where, remedy="rename")
    undecided = content.get("undecided", {})
    label = undecided.get("label")
    return Decision(key, outcomes, undecided.get("key"), Text(**label) if label else None)


def _outcome(table: Mapping[str, Any]) -> Outcome:
    clauses = tuple(
        NamedClause(each["key"], each["when"], Text(**each["label"]), each["source"], each["mark"])
        for each in table["clause"]
    )
    return Outcome(
        table["key"], Text(**table["label"]), clauses, table.get("unknown", "stop") == "skip"
    )
