"""Why something was decided: the clauses that held, and the facts of which day they rest on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from careloop.care.clause import holds
from careloop.dictionary.condition import names_in
from careloop.programmes.wording import Wording
from careloop.risk.decision import Decision, NamedClause
from careloop.risk.instruments.definition import Instrument


@dataclass(frozen=True, slots=True)
class Evidence:
    """A value that a clause speaks of, and the day it is from (None: computed)."""

    name: str
    value: str
    on: date | None
    assumed: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """A clause in words, with its source and what it rests on."""

    text: str
    source: str
    unconfirmed: bool
    rests_on: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a decision says: the answer with its grounds, or what could not be judged (`open`)."""

    key: str
    title: str
    answer: str
    decided: bool
    grounds: tuple[Ground, ...]
    open: tuple[Ground, ...]
    assumed: tuple[str, ...]
    """What the answer may rest on and the source assumed, with the value it declared."""


@dataclass(frozen=True, slots=True)
class Score:
    """What an instrument says. `applies` is None where that cannot be told."""

    key: str
    name: str
    value: str
    risk_class: str
    refer: bool
    applies: bool | None
    why: str
    missing: tuple[str, ...]
    citation: str
    unconfirmed: bool


def verdict(decision: Decision, row: Mapping[str, Any], wording: Wording) -> Verdict:
    """One decision in words."""
    language = wording.language
    outcome = row.get(decision.key)
    chosen = next((each for each in decision.outcomes if each.key == outcome), None)
    held = (row.get(f"{decision.key}_because") or "").split()
    unknown = (row.get(f"{decision.key}_unknown") or "").split()
    grounds = [each for each in chosen.clauses if each.key in held] if chosen else []
    return Verdict(
        decision.key,
        wording.name(decision.key),
        decision.label(outcome)[language],
        chosen is not None,
        tuple(ground(each, row, wording) for each in grounds),
        () if chosen else tuple(ground(decision.clause(key), row, wording) for key in unknown),
        wording.assumed((row.get(f"{decision.key}_assumed") or "").split(), row),
    )


def ground(clause: NamedClause, row: Mapping[str, Any], wording: Wording) -> Ground:
    """A clause in words with the facts it rests on."""
    found = [evidence(name, row, wording) for name in names_in(clause.sql)]
    return Ground(
        clause.label[wording.language],
        wording.cited(clause.source),
        clause.unconfirmed,
        tuple(dict.fromkeys(each for each in found if each is not None)),
    )


def evidence(name: str, row: Mapping[str, Any], wording: Wording) -> Evidence | None:
    """The value a clause reads; None for what is no value of its own (other answers, switches)."""
    value = row.get(name)
    programme = wording.programme
    if value is None or name in {each.key for each in programme.decisions}:
        return None
    told = name if f"{name}__age_d" in row else _measure(name, row, wording)
    age = row.get(f"{told}__age_d") if told else None
    if age is None and isinstance(value, bool):
        return None
    as_of = row.get("as_of")
    on = as_of - timedelta(days=int(age)) if age is not None and as_of is not None else None
    shown = told or name
    return Evidence(
        wording.name(shown), wording.value(shown, value), on, row.get(f"{shown}__assumed") is True
    )


def _measure(name: str, row: Mapping[str, Any], wording: Wording) -> str | None:
    """The measurement that a computed value (the lowest of several) was taken from, the newest.

    Only one of its own kind, at a site that is measured: in the young a Z-score equals the T-score.
    """
    value, kind = row[name], name.partition("_")[0]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    sites = [key.partition("_")[2] for key in wording.programme.measures]
    found = [
        key
        for key in (f"{kind}_{site}" for site in sites)
        if row.get(key) is not None and math.isclose(row[key], value, abs_tol=1e-9)
    ]
    return min(found, key=lambda key: row.get(f"{key}__age_d") or 0, default=None)


def score(instrument: Instrument, row: Mapping[str, Any], wording: Wording) -> Score:
    """An instrument's result from a row that has its columns."""
    language = wording.language
    output = headline(instrument, wording)
    value = row.get(output)
    chosen = next(
        (one for one in instrument.classes if one.key == row.get(f"{instrument.key}_class")), None
    )
    words = [clause.otherwise[language] for clause in instrument.domain if _fails(clause.sql, row)]
    words += [
        clause.otherwise[language] for clause in instrument.population if _fails(clause.sql, row)
    ]
    applies = row.get(f"{instrument.key}_applies")
    if applies is None:
        words += [
            clause.otherwise[language]
            for clause in instrument.population
            if holds(clause.sql, row) is None
        ]
    missing = (
        tuple(
            dict.fromkeys(
                wording.name(one.variable)
                for one in instrument.inputs
                if row.get(one.variable) is None
            )
        )
        if value is None
        else ()
    )
    return Score(
        instrument.key,
        instrument.name[language],
        wording.value(output, value) if value is not None else "",
        chosen.label[language] if chosen else "",
        bool(chosen and chosen.refer),
        applies,
        wording.joined(words),
        missing,
        instrument.citation,
        instrument.unconfirmed,
    )


def headline(instrument: Instrument, wording: Wording) -> str:
    """The output that stands for an instrument: the one people are ranked by, else its first."""
    ranked = [each.key for each in wording.programme.ranking]
    return next((key for key in ranked if key in instrument.outputs), instrument.value)


def _fails(sql: str, row: Mapping[str, Any]) -> bool:
    return holds(sql, row) is False
