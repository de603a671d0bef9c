"""Tasks of many people at once: after an import, and when a day begins.

By the same rule as after a visit (`due.changes`), but nothing is taken from anybody who works: what
a visit closed, what was called off and what was set by hand stays as it is. Only whoever has died,
moved or withdrawn consent is called for nothing any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
from django.db import transaction
from django.utils import timezone

from careloop.dictionary.catalogue import load
from careloop.records.snapshot import snapshot
from careloop.web.care.away import away
from careloop.web.care.models import Call, Task, Visit
from careloop.web.care.standing import PROGRAMME, today
from careloop.web.care.visit.due import Changes, called_off, chains, changes, contacts
from careloop.web.care.visit.known import schedule
from careloop.web.registry.resident import Resident

_AT_ONCE = 500
"""So many people are written in one transaction: nobody who records a visit waits for long."""


def bring_all(
    residents: Sequence[Resident],
    facts: pl.DataFrame,
    *,
    saved_meanwhile: Callable[[], Collection[str]] = frozenset,
) -> int:
    """Bring the tasks of many people in step with what is known of them; how many were made.

    Parameters
    ----------
    residents
        The people.
    facts
        All facts of these people, under their own ids.
    saved_meanwhile
        As `standing.refresh_all`: asked in each transaction; whoever it names is left alone.
    """
    as_of = today()
    known = snapshot(facts, as_of, load(), variables=schedule().reads()).frame
    rows = {row["person_id"]: row for row in known.iter_rows(named=True)}
    made = 0
    for start in range(0, len(residents), _AT_ONCE):
        with transaction.atomic():
            newer = saved_meanwhile()
            few = residents[start : start + _AT_ONCE]
            chosen = [each for each in few if each.person_id not in newer]
            made += _bring(chosen, rows, as_of)
    return made


def _bring(residents: Sequence[Resident], rows: Mapping[str, Any], as_of: date) -> int:
    seen: dict[int, list[tuple[str, date]]] = defaultdict(list)
    tasks: dict[int, list[Task]] = defaultdict(list)
    about = {"resident__in": [each.pk for each in residents], "programme": PROGRAMME}
    visits = contacts(Visit.gated.filter(**about))
    for resident, kind, happened_on in visits.values_list("resident", "kind", "happened_on"):
        seen[resident].append((kind, happened_on))
    for task in Task.gated.filter(**about):
        tasks[task.resident_id].append(task)
    off: dict[int, list[tuple[str, date]]] = defaultdict(list)
    told = called_off(Call.gated.filter(resident__in=about["resident__in"]))
    for resident, kind, due_on in told.values_list("resident", "task__kind", "task__due_on"):
        off[resident].append((kind, due_on))
    every = Changes()
    scheduled, gone = chains(), away(residents)
    for each in residents:
        row, called = rows.get(each.person_id, {}), each.pk not in gone
        found = changes(
            each,
            tasks[each.pk],
            row,
            seen[each.pk],
            as_of=as_of,
            called=called,
            called_off=off[each.pk],
        )
        every.made += found.made
        every.done += found.done
        every.removed += found.removed
        every.reopened += [task for task in found.reopened if task.visit_id is None]
        if not called:
            every.removed += [
                task
                for task in tasks[each.pk]
                if task.state == "open" and task.kind not in scheduled
            ]
    _write(every)
    return len(every.made)


def _write(found: Changes) -> None:
    Task.gated.bulk_create(found.made, batch_size=_AT_ONCE, ignore_conflicts=True)
    for state, closed in (("done", found.done), ("removed", found.removed)):
        if closed:
            rows = Task.gated.filter(pk__in=[task.pk for task in closed])
            rows.update(state=state, closed_at=timezone.now())
    if found.reopened:
        again = Task.gated.filter(pk__in=[task.pk for task in found.reopened])
        again.update(state="open", visit=None, closed_at=None)
