"""What came of a call: agreed, later, removed with a reason; and taking it back.

One call may be about several lists and tasks. The newest result about each of them holds; undoing
it brings back the one before, but hides no alarm. A result never touches a clinical fact: whoever
died or moved is to be recorded as an outcome, and the page leads there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from careloop.web.accounts.gate import Gate
from careloop.web.care import called
from careloop.web.care.away import away
from careloop.web.care.models import Call, Listed, Task
from careloop.web.care.standing import PROGRAMME
from careloop.web.care.worklist.reason import AGREED, ASSIGNED
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext_lazy as _

RESULTS = {
    "agreed": _("agreed to come"),
    "later": _("call later"),
    "removed": _("take off the list"),
}
REASONS = {
    "already_done": _("already done"),
    "refused": _("does not want it"),
    "unreachable": _("cannot be reached"),
    "too_ill": _("too ill for it"),
    "moved": _("moved away"),
    "died": _("died"),
    "other": _("other reason"),
}
FURTHEST = timedelta(days=366)
"""So far ahead a day may lie: a wrong year must not take somebody off a list for good."""
OUTCOMES = ("moved", "died")
"""Reasons that are outcomes: to be recorded as such too."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call; `on`: the day agreed, or when to call again."""

    result: str
    on: date | None = None
    reason: str = ""
    note: str = ""

    def faults(self, today: date) -> dict[str, str]:
        """What is missing or wrong, by field."""
        found = {}
        if self.result not in RESULTS:
            found["result"] = str(_("Choose what came of the call."))
        if self.result in {"agreed", "later"} and self.on is None:
            found["on"] = str(_("Choose a day."))
        elif self.result == "agreed" and self.on is not None and self.on < today:
            found["on"] = str(_("Choose today or a later day."))
        elif self.result == "later" and self.on is not None and self.on <= today:
            found["on"] = str(_("Choose a day after today."))
        elif self.on is not None and self.result != "removed" and self.on > today + FURTHEST:
            found["on"] = str(_("Choose a day within a year."))
        if self.result == "removed" and self.reason not in REASONS:
            found["reason"] = str(_("Choose a reason."))
        if self.result == "removed" and self.reason == "other" and not self.note:
            found["note"] = str(_("Write the reason in a few words."))
        return found


@dataclass(frozen=True, slots=True)
class Subject:
    """What a call was about: a programme's list, or a task."""

    worklist: str
    task: Task | None = None


def record(
    gate: Gate,
    resident: Resident,
    subjects: Sequence[Subject],
    result: Result,
    *,
    request_key: UUID,
) -> list[Call]:
    """Write down a call; the same form again changes nothing.

    Sent again with another result (the browser's "back"), it is a newer result.
    """
    about = gate.about(resident, Call)
    told = list(about.filter(author=gate.user, request_key=request_key))
    if told:
        known = {(each.worklist, each.task_id) for each in told}
        if known == {_about(each) for each in subjects} and all(_says(c, result) for c in told):
            return told
        request_key = uuid4()
    with gate.writing(resident, "visit.write", call=result.result):
        calls = [
            _record(gate, resident, each, result=result, request_key=request_key)
            for each in subjects
        ]
        called.bring(resident)
        return calls


def _record(
    gate: Gate, resident: Resident, subject: Subject, *, result: Result, request_key: UUID
) -> Call:
    _same(gate, resident, subject).filter(holds=True).update(holds=False)
    promised = None
    if result.result == "agreed" and subject.task is None and result.on:
        promised = assign(gate, resident, result.on, kind=AGREED)
    if result.result == "removed" and subject.task is not None:
        _set_state(gate, resident, subject.task, "removed")
    call = Call(
        resident=resident,
        organisation_id=resident.organisation_id,
        task=subject.task,
        worklist=subject.worklist,
        result=result.result,
        remind_on=None if result.result == "removed" else result.on,
        reason=result.reason if result.result == "removed" else "",
        note=result.note,
        request_key=request_key,
        assigned=promised,
        author=gate.user,
    )
    call.save(force_insert=True)
    return call


def _about(subject: Subject) -> tuple[str, int | None]:
    return subject.worklist, subject.task.pk if subject.task else None


def _says(call: Call, result: Result) -> bool:
    on, reason = (None, result.reason) if result.result == "removed" else (result.on, "")
    said = (call.result, call.remind_on, call.reason, call.note)
    return said == (result.result, on, reason, result.note)


def _same(gate: Gate, resident: Resident, subject: Subject):  # type: ignore[no-untyped-def]
    """Calls about the same list or task."""
    about = gate.about(resident, Call)
    if subject.task is not None:
        return about.filter(task=subject.task)
    return about.filter(task=None, worklist=subject.worklist)


def assign(gate: Gate, resident: Resident, on: date, *, kind: str = ASSIGNED) -> Task | None:
    """Set a task for a day by hand; None where there was one already. Inside `writing`."""
    known = gate.about(resident, Task).filter(programme=PROGRAMME, kind=kind, due_on=on).first()
    if known is not None:
        if known.state == "open":
            return None
        _set_state(gate, resident, known, "open")
        return known
    task = Task(
        resident=resident,
        organisation_id=resident.organisation_id,
        programme=PROGRAMME,
        kind=kind,
        due_on=on,
    )
    task.save(force_insert=True)
    return task


def _set_state(gate: Gate, resident: Resident, task: Task, state: str) -> None:
    closed_at = None if state == "open" else timezone.now()
    gate.about(resident, Task).filter(pk=task.pk).update(state=state, closed_at=closed_at)


def undo(gate: Gate, resident: Resident, calls: Iterable[Call]) -> int:
    """Take results back: what held before holds again. Returns how many were taken back."""
    done = 0
    with transaction.atomic():
        for call in calls:
            if call.undone_at is None:
                with gate.writing(resident, "visit.write", call="undone"):
                    _undo(gate, resident, call)
                    called.bring(resident)
                done += 1
    return done


def _undo(gate: Gate, resident: Resident, call: Call) -> None:
    about = gate.about(resident, Call)
    about.filter(pk=call.pk).update(undone_at=timezone.now(), holds=False)
    if call.assigned is not None and call.assigned.state == "open":
        _set_state(gate, resident, call.assigned, "removed")
    closed = call.task if call.result == "removed" else None
    if closed is not None and closed.state == "removed" and not away([resident]):
        _set_state(gate, resident, closed, "open")
    if not call.holds:
        return
    same = _same(gate, resident, Subject(call.worklist, call.task))
    before = same.filter(undone_at=None).order_by("-called_at", "-pk").first()
    if before is not None and not _in_alarm(gate, resident, call):
        same.filter(pk=before.pk).update(holds=True)


def _in_alarm(gate: Gate, resident: Resident, call: Call) -> bool:
    """Whether the list is one of alarm now: an older result may be of before (`care.lapse`)."""
    rows = gate.about(resident, Listed).filter(programme=PROGRAMME, worklist=call.worklist)
    row = rows.first() if call.task is None else None
    return row is not None and bool(row.because.get("alarm"))
