"""Forms of the worklists, read: the result of a call, and what is done to several at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.http import QueryDict

from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Listed, Task
from careloop.web.care.standing import PROGRAMME, worklists
from careloop.web.care.worklist.call import Result, Subject
from careloop.web.care.worklist.query import CALLS, OVERDUE, TASK_LISTS, fetch
from careloop.web.registry.resident import Resident

_NOTE = 500


def day(text: str) -> date | None:
    """A day as a date field sends it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def key_of(text: str) -> UUID | None:
    """A form's key."""
    try:
        return UUID(text)
    except ValueError:
        return None


def result_of(form: QueryDict) -> Result:
    """What a form says came of a call."""
    result = form.get("result", "")
    return Result(
        result=result,
        on=day(form.get("agreed_on" if result == "agreed" else "later_on", "")),
        reason=form.get("reason", ""),
        note=form.get("note", "").strip()[:_NOTE],
    )


def subjects_of(gate: Gate, resident: Resident, today: date) -> dict[str, tuple[Subject, Any]]:
    """Everything a call to a person may be about, by the word a form uses: the row beside it."""
    found: dict[str, tuple[Subject, Any]] = {}
    due = gate.about(resident, Task).filter(programme=PROGRAMME, state="open", due_on__lte=today)
    for task in due.order_by("due_on", "pk"):
        key = OVERDUE if task.due_on < today else CALLS
        found[str(task.public_id)] = (Subject(key, task), task)
    known = {each.key for each in worklists().lists}
    on = gate.about(resident, Listed).filter(programme=PROGRAMME)
    for row in on.order_by("rank", "worklist"):
        if row.worklist in known:
            found[row.worklist] = (Subject(row.worklist), row)
    return found


def picked(gate: Gate, key: str, marks: Sequence[str]) -> list[Any]:
    """The rows of a list whose boxes were ticked; strange marks are left out."""
    uuids = [one for one in map(key_of, marks) if one is not None]
    if key in TASK_LISTS:
        rows: Any = gate.rows(Task).filter(programme=PROGRAMME, public_id__in=uuids)
    else:
        rows = gate.rows(Listed).filter(
            programme=PROGRAMME, worklist=key, resident__public_id__in=uuids
        )
    return fetch(gate, key, rows.values_list("pk", flat=True))
