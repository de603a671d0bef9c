"""Why somebody is on a list, in words: reasons of the list, of the decision, and values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Text
from careloop.programmes.planning import guidance_of
from careloop.programmes.wording import Wording
from careloop.web.care.models import Call, Listed, Standing, Task
from careloop.web.care.standing import the_programme, worklists
from careloop.web.care.worklist.query import CALLS, OVERDUE, TASK_LISTS
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext_lazy as _

AGREED, ASSIGNED = "agreed", "assigned"
"""Kinds of tasks that somebody set by hand; all others are steps of the programme's schedule."""
BY_HAND = {AGREED: _("agreed to come"), ASSIGNED: _("follow-up set by hand")}
TASK_LABELS = {
    CALLS: (_("Due today"), _("calls and visits due today, and whoever agreed to come today")),
    OVERDUE: (_("Overdue"), _("call these people: they were due and have not come")),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list."""

    key: str
    resident: Resident
    age: int | None
    due_on: date | None
    late_d: int
    alarm: bool
    why: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    call: Call | None
    task: Task | None

    @property
    def mark(self) -> str:
        """By what a form names the line: the task, or the person."""
        return str(self.task.public_id if self.task else self.resident.public_id)


def label(key: str, language: str) -> str:
    """What a list is called, as a heading."""
    told = str(TASK_LABELS[key][0]) if key in TASK_LISTS else worklists()[key].label[language]
    return told[:1].upper() + told[1:]


def hint(key: str, language: str) -> str:
    """What is to be done with the people on it."""
    return str(TASK_LABELS[key][1]) if key in TASK_LISTS else worklists()[key].hint[language]


def definition(key: str, language: str) -> str:
    """Who is on it: any of its reasons, where it has several."""
    if key in TASK_LISTS or not worklists()[key].reasons:
        return hint(key, language)
    return str(_("; or ")).join(each.label[language] for each in worklists()[key].reasons)


def task_label(kind: str, language: str) -> str:
    """What a task is."""
    if kind in BY_HAND:
        return str(BY_HAND[kind])
    step = _steps().get(kind)
    return step[language] if step else kind


@cache
def _steps() -> dict[str, Text]:
    make = the_programme().schedule
    return {key: step.label for key, step in make().steps().items()} if make else {}


@cache
def _words(language: str) -> Wording:
    return Wording(load(), the_programme(), language=language)


@cache
def _clauses() -> dict[str, Text]:
    """Words for the clauses of the programme's last decision: what to do next."""
    decisions = the_programme().decisions[-1:]
    return {
        clause.key: clause.label
        for decision in decisions
        for outcome in decision.outcomes
        for clause in outcome.clauses
    }


@cache
def _flags() -> dict[str, Text]:
    return {flag.key: flag.label for flag in guidance_of(the_programme()).flags}


def next_step(standing: Standing | None, language: str) -> str:
    """What is proposed next for a person, in words; empty where nothing is known."""
    if standing is None or not standing.next_step or not the_programme().decisions:
        return ""
    return the_programme().decisions[-1].label(standing.next_step)[language]


def because(standing: Standing | None, language: str) -> list[str]:
    """Why that is proposed."""
    if standing is None or not the_programme().decisions:
        return []
    key = the_programme().decisions[-1].key
    told = str(standing.answers.get(f"{key}_because") or "").split()
    return [_clauses()[one][language] for one in told if one in _clauses()]


def list_reasons(row: Listed, language: str) -> list[str]:
    """Why a list holds a person, by its own reasons; contradictions one by one."""
    told = {each.key: each.label for each in worklists()[row.worklist].reasons}
    flags = str(row.because.get("values", {}).get(_FLAGS) or "").split()
    found = [told[one][language] for one in row.because.get("reasons", ()) if one in told]
    return found + [_flags()[one][language] for one in flags if one in _flags()]


_FLAGS = "plan_flags"


def listed_row(
    row: Listed, standing: Standing | None, call: Call | None, *, today: date, language: str
) -> Row:
    """A line of a programme's list."""
    why = list_reasons(row, language) or because(standing, language)
    words = _words(language)
    values: dict[str, Any] = row.because.get("values", {})
    return Row(
        key=row.worklist,
        resident=row.resident,
        age=row.resident.age_on(today),
        due_on=row.due_on,
        late_d=(today - row.due_on).days if row.due_on else 0,
        alarm=bool(row.because.get("alarm")),
        why=tuple(why),
        values=tuple(
            (words.name(name), words.value(name, value))
            for name, value in values.items()
            if name != _FLAGS
        ),
        call=call,
        task=None,
    )


def task_row(
    row: Task, standing: Standing | None, call: Call | None, *, key: str, today: date, language: str
) -> Row:
    """A line of the tasks due or overdue."""
    proposed = next_step(standing, language)
    return Row(
        key=key,
        resident=row.resident,
        age=row.resident.age_on(today),
        due_on=row.due_on,
        late_d=(today - row.due_on).days,
        alarm=False,
        why=(task_label(row.kind, language), *([proposed] if proposed else [])),
        values=(),
        call=call,
        task=row,
    )
