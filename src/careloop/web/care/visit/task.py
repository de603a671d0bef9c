"""Tasks and state after a save: what is due next, what is done, who is no longer looked after.

Everything is worked out anew from facts and contacts, so a correction undoes what the mistake did:
a death entered in error brings the person back, with the tasks they had. Called inside the
transaction of the save (`recording.Also`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from careloop.care.clause import holds
from careloop.care.schedule import Step
from careloop.dictionary.condition import names_in
from careloop.web.accounts.gate import Gate
from careloop.web.care.away import GONE, away
from careloop.web.care.models import Call, Task, Visit, VisitVersion
from careloop.web.care.standing import PROGRAMME, today
from careloop.web.care.visit.due import called_off, chains, changes, contacts, fulfilled_by
from careloop.web.care.visit.known import forms, schedule
from careloop.web.care.worklist.reason import AGREED
from careloop.web.registry.resident import Resident

HAND_SET_EARLY_DAYS = 14
"""So long before its day a contact already fulfils a task that was set by hand."""
CONTACTS = ("screening", "home", "community", "hospital", "phone")
EXAMINATIONS = ("dxa",)
"""Whoever agreed to come and was examined has come; a follow-up set by hand is still wanted."""


def after_save(gate: Gate, resident: Resident, visit: Visit, row: Mapping[str, Any]) -> None:
    """Bring the person's state and tasks in step with what is known of them and their contacts."""
    _bring_state(gate, resident, row, visit)
    told = contacts(gate.about(resident, Visit)).values_list("kind", "happened_on")
    bring_tasks(gate, resident, row, list(told), visit=visit)


def _bring_state(gate: Gate, resident: Resident, row: Mapping[str, Any], visit: Visit) -> None:
    """Dead, moved or looked after, as facts say; back to being looked after by correction only.

    A state that the register, an import or a merge gave is not undone by a visit that never spoke
    of it: whoever is visited has not moved away because another registration of theirs once had.
    """
    if resident.state == "merged":
        return
    rules = forms().state
    state = next((each for each in GONE if each in rules and holds(rules[each], row)), "active")
    if state == resident.state or (state != "dead" and not _spoke(gate, resident, visit)):
        return
    resident.state = state
    resident.save(update_fields=["state", "updated_at"])


def _spoke(gate: Gate, resident: Resident, visit: Visit) -> bool:
    """Whether some version of a visit told of a death or a move."""
    names = {name for sql in forms().state.values() for name in names_in(sql)}
    versions = gate.about(resident, VisitVersion).filter(visit=visit)
    return any(names & set(answers) for answers in versions.values_list("answers", flat=True))


def bring_tasks(
    gate: Gate,
    resident: Resident,
    row: Mapping[str, Any],
    seen: list[tuple[str, date]],
    *,
    visit: Visit | None = None,
) -> None:
    """Make what is due, close what is not any more; at most one task of a chain stays open."""
    of = chains()
    about = gate.about(resident, Task).filter(programme=PROGRAMME)
    called = not away([resident])
    off = called_off(gate.about(resident, Call)).values_list("task__kind", "task__due_on")
    found = changes(resident, about, row, seen, as_of=today(), called=called, called_off=list(off))
    for task in found.done:
        fulfils = visit is not None and fulfilled_by(visit, of[task.kind], task.due_on)
        _set(task, "done", visit if fulfils else None)
    for task in found.removed:
        _set(task, "removed")
    by_hand = about.exclude(kind__in=of)
    if visit is not None:
        _bring_hand_set(by_hand, visit, called=called)
    elif not called:
        by_hand.filter(state="open").update(state="removed", closed_at=timezone.now())
    for task in found.made:
        task.save(force_insert=True)
    for task in found.reopened:
        if visit is not None or task.visit_id is None:
            _set(task, "open")


def _set(task: Task, state: str, visit: Visit | None = None) -> None:
    task.state, task.visit = state, visit
    task.closed_at = None if state == "open" else timezone.now()
    task.save(update_fields=["state", "visit", "closed_at"])


def _bring_hand_set(tasks: QuerySet[Task], visit: Visit, *, called: bool) -> None:
    """Tasks that somebody set by hand: a contact fulfils them, and leaving takes them away.

    What an earlier version of this visit did to them is undone first.
    """
    tasks.filter(visit=visit).update(state="open", visit=None, closed_at=None)
    ended = tasks.filter(state="open")
    if called:
        if visit.kind not in (*CONTACTS, *EXAMINATIONS) or not visit.answers:
            return
        if visit.kind in EXAMINATIONS:
            ended = ended.filter(kind=AGREED)
        ended = ended.filter(due_on__lte=visit.happened_on + timedelta(days=HAND_SET_EARLY_DAYS))
    state = "done" if called else "removed"
    ended.update(state=state, visit=visit, closed_at=timezone.now())


def next_tasks(gate: Gate, resident: Resident) -> list[tuple[Task, Step | None]]:
    """Open tasks with their steps, the first due first."""
    steps = schedule().steps()
    tasks = gate.about(resident, Task).filter(state="open").order_by("due_on")[:10]
    return [(task, steps.get(task.kind)) for task in tasks]
