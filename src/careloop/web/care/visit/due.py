"""What is to become of a person's tasks: one rule for a visit, a decided plan and every night."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import QuerySet

from careloop.care.schedule import Chain
from careloop.web.care.models import Call, Task, Visit
from careloop.web.care.standing import PROGRAMME
from careloop.web.care.visit.known import schedule
from careloop.web.registry.resident import Resident


@dataclass(slots=True)
class Changes:
    """Tasks to be made, closed as done, closed as no longer wanted, and opened again."""

    made: list[Task] = field(default_factory=list)
    done: list[Task] = field(default_factory=list)
    removed: list[Task] = field(default_factory=list)
    reopened: list[Task] = field(default_factory=list)


def chains() -> dict[str, Chain]:
    """The chain of each kind of task; those set by hand have none."""
    return {step.key: chain for chain in schedule().chains for step in chain.steps}


def changes(
    resident: Resident,
    tasks: Iterable[Task],
    row: Mapping[str, Any],
    contacts: list[tuple[str, date]],
    *,
    as_of: date,
    called: bool,
    called_off: Collection[tuple[str, date]] = (),
) -> Changes:
    """Compare a person's tasks of the schedule with what is due: at most one a chain stays open.

    Parameters
    ----------
    tasks
        All tasks of the person in this programme; those set by hand are left alone.
    row, contacts, as_of, called_off
        As `Schedule.due`.
    called
        Whoever is called for nothing (`away`) has nothing due.
    """
    of = chains()
    due = schedule().due(row, contacts, as_of, called_off=called_off) if called else ()
    wanted = {(each.step.key, each.due_on) for each in due}
    found = Changes()
    for task in tasks:
        chain = of.get(task.kind)
        if chain is None:
            continue
        if (task.kind, task.due_on) in wanted:
            wanted.remove((task.kind, task.due_on))
            if task.state != "open":
                found.reopened.append(task)
        elif task.state == "open":
            days = (*chain.met(contacts), *chain.measured_on(row, as_of))
            done = called and any(chain.fulfils(day, task.due_on) for day in days)
            (found.done if done else found.removed).append(task)
    found.made = [
        Task(
            resident=resident,
            organisation_id=resident.organisation_id,
            programme=PROGRAMME,
            kind=kind,
            due_on=due_on,
        )
        for kind, due_on in sorted(wanted)
    ]
    return found


def contacts(visits: QuerySet[Visit]) -> QuerySet[Visit]:
    """The visits at which something was asked: an empty one, or one taken back, fulfils nothing."""
    return visits.filter(programme=PROGRAMME).exclude(answers={})


def called_off(calls: QuerySet[Call]) -> QuerySet[Call]:
    """The calls after which a task was taken off its list, with a reason."""
    return calls.filter(task__isnull=False, result="removed", undone_at=None)


def fulfilled_by(visit: Visit, chain: Chain, due_on: date) -> bool:
    """Whether it is this visit that fulfils a step of a chain."""
    counts = visit.kind in chain.kinds or any(visit.answers.get(key) for key in chain.measured)
    return counts and chain.fulfils(visit.happened_on, due_on)
