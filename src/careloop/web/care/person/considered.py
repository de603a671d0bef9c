"""One person considered: a row of answers and the plan, from facts read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import polars as pl

from careloop.care.step import Step
from careloop.dictionary.catalogue import load
from careloop.guidance.card import Considered
from careloop.guidance.composition import compose
from careloop.programmes.plan_view import PlanWords
from careloop.web.care.person.fact import fingerprint, standing
from careloop.web.care.person.kept import Kept
from careloop.web.care.standing import bedside, the_programme

_kept: Kept[Considered | None] = Kept(128)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person today: all facts, those that stand, and what follows of them."""

    facts: pl.DataFrame
    standing: pl.DataFrame
    today: date
    mark: tuple[int, int]
    found: Considered | None
    """None where nothing usable is recorded."""

    @property
    def row(self) -> Mapping[str, Any]:
        """The answers; empty where nothing is recorded."""
        return self.found.row if self.found else {}


def known(facts: pl.DataFrame, today: date) -> Known:
    """Consider a person; the same facts on the same day are computed once."""
    mark = fingerprint(facts)
    found = _kept.get((mark, today), lambda: consider(facts, today))
    return Known(facts, standing(facts), today, mark, found)


def consider(facts: pl.DataFrame, today: date) -> Considered | None:
    """The row of answers and the plan, with what the course of a treatment proposes."""
    if facts.is_empty():
        return None
    ready, programme = bedside(), the_programme()
    person = facts["person_id"][0]
    found = ready.consider(facts, today).get(person)
    if found is None or programme.proposals is None or not medicines_now(found.row):
        return found
    also = programme.proposals(facts, today).get(person, ())
    if not also:
        return found
    plan = compose(found.row, ready.guidance, ready.guideline, today, ready.dictionary, also=also)
    return Considered(found.row, plan)


def medicines_now(row: Mapping[str, Any]) -> list[str]:
    """The medicines a person takes now, as variables; groups of medicines left out."""
    return [key for key in _medicines() if row.get(key) is True]


@cache
def _medicines() -> tuple[str, ...]:
    return tuple(
        key
        for key in load()
        if "medicine" in (variable := load()[key]).group
        and variable.memory == "period"
        and not variable.derive
    )


@cache
def words(language: str) -> PlanWords:
    """The programme's words in a language."""
    return PlanWords(bedside().guidance, the_programme(), load(), language=language)


def step_of(row: Mapping[str, Any]) -> Step | None:
    """What the next step of a person means in practice; None where the programme does not say."""
    programme = the_programme()
    if programme.steps is None or not programme.decisions:
        return None
    outcome = row.get(programme.decisions[-1].key)
    return next((step for step in programme.steps() if step.fits(outcome, row)), None)
