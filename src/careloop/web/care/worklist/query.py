"""All queries of the worklists: who is on a list today, who is off it after a call, what was said.

A programme's list (`Listed`) holds people; the lists `calls` and `overdue` hold tasks. A call may
keep somebody off a list (`called`), or put a task off; a task that is removed is closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Call, Listed, PlanDecision, Standing, Task
from careloop.web.care.standing import PROGRAMME, worklists
from careloop.web.care.worklist.selection import PAGE, Selection
from careloop.web.registry.resident import Resident

CALLS, OVERDUE = "calls", "overdue"
TASK_LISTS = (CALLS, OVERDUE)
ALARM_RANK = -5e6
"""Below it a rank is that of an alarm (`standing._rank` takes 10⁷ off)."""


def every() -> tuple[str, ...]:
    """Every list, in order."""
    return (*TASK_LISTS, *(each.key for each in worklists().lists))


def listed(gate: Gate, key: str, today: date, *, off: bool = False) -> QuerySet[Listed]:
    """Who is on a programme's list today; with `off`, who is off it after a call."""
    rows = gate.rows(Listed).filter(programme=PROGRAMME, worklist=key)
    if worklists()[key].decided:
        rows = rows.exclude(_decided(gate))
    return rows.filter(off_until__gte=today) if off else rows.filter(_called_for(today))


def _called_for(today: date) -> Q:
    """No call keeps them off the list today (`called`)."""
    return Q(off_until=None) | Q(off_until__lt=today)


def _decided(gate: Gate) -> Q:
    """Somebody has decided on the person's plan since what brought them on the list.

    Days are UTC's here: a decision before 8 in the morning of the very day of a measurement does
    not count. Asking each row for its local day takes a hundred times as long.
    """
    decisions = gate.rows(PlanDecision).filter(programme=PROGRAMME)
    since = decisions.filter(resident=OuterRef("resident"), decided_at__gte=OuterRef("since"))
    # Few of those listed have any decision: only of them it is asked when it was.
    return Q(resident__in=decisions.values("resident")) & Q(Exists(since))


def tasks(gate: Gate, key: str, today: date, *, off: bool = False) -> QuerySet[Task]:
    """Tasks to be called about today (`calls`), or late (`overdue`); with `off`, those put off."""
    rows = gate.rows(Task).filter(programme=PROGRAMME, state="open")
    about = _putting_off(gate, today)
    day = {CALLS: Q(due_on=today), OVERDUE: Q(due_on__lt=today)}[key]
    if off:
        return rows.filter(day, pk__in=about.values("task"))
    if key == OVERDUE:
        return rows.filter(day).exclude(pk__in=about.values("task"))
    come = list(about.filter(result="agreed", remind_on=today).values_list("task", flat=True))
    put_off = about.exclude(result="agreed", remind_on=today)
    due = rows.filter(day).exclude(pk__in=put_off.values("task"))
    return due | rows.filter(pk__in=come) if come else due


def _putting_off(gate: Gate, today: date) -> QuerySet[Call]:
    """Results of calls about tasks that keep them off their list today."""
    later = Q(result="later", remind_on__gt=today)
    agreed = Q(result="agreed", remind_on__gte=today)
    return gate.rows(Call).filter(later | agreed, holds=True, task__isnull=False)


def members(gate: Gate, key: str, today: date, *, off: bool = False) -> QuerySet[Any]:
    """The rows of any list."""
    return (tasks if key in TASK_LISTS else listed)(gate, key, today, off=off)


def rank_of(key: str) -> str:
    """The field that orders a list."""
    return "due_on" if key in TASK_LISTS else "rank"


def counts(gate: Gate, selection: Selection, today: date) -> dict[str, tuple[int, int]]:
    """How many people each list holds, and how many of them are alarms: one query a list."""
    urgent = _alarms(gate, selection, today)
    return {
        key: (members(gate, key, today).filter(selection.here).count(), urgent.get(key, 0))
        for key in every()
    }


def _alarms(gate: Gate, selection: Selection, today: date) -> dict[str, int]:
    """How many alarms each list holds that holds any."""
    lists = worklists().lists
    decided = [each.key for each in lists if each.decided]
    # Lists are named although these are all there are: SQLite then reads the alarms only.
    urgent = gate.rows(Listed).filter(selection.here, programme=PROGRAMME, rank__lt=ALARM_RANK)
    urgent = urgent.filter(_called_for(today), worklist__in=[each.key for each in lists])
    urgent = urgent.exclude(_decided(gate), worklist__in=decided)
    return dict(urgent.values_list("worklist").annotate(people=Count("*")))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its rows and how many there are on all."""

    rows: list[Any]
    total: int
    number: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE))


def page(gate: Gate, key: str, selection: Selection, today: date) -> Page:
    """The chosen page of a list: first which rows, then those rows with their residents."""
    chosen = selection.chosen
    found = members(gate, key, today, off=chosen.waiting).filter(selection.conditions())
    order = selection.order(rank_of(key))
    pks = found.order_by(*order).values_list("pk", flat=True)
    # A filter looks at every row: once for both, how many there are and which come first.
    every_pk = list(pks) if selection.narrowed else None
    total = found.count() if every_pk is None else len(every_pk)
    number = min(chosen.page, max(1, -(-total // PAGE)))
    chosen_pks = (pks if every_pk is None else every_pk)[(number - 1) * PAGE : number * PAGE]
    return Page(fetch(gate, key, list(chosen_pks)), total, number)


@dataclass(frozen=True, slots=True)
class Top:
    """The top of a list: its first rows, and how many of them are alarms (which come first)."""

    pks: list[int]
    alarms: int


def top(gate: Gate, key: str, selection: Selection, today: date, *, most: int) -> Top:
    """Up to `most` rows from the top of a list, in one query."""
    found = members(gate, key, today).filter(selection.here)
    if key in TASK_LISTS:
        pks = found.order_by(rank_of(key), "pk").values_list("pk", flat=True)
        return Top(list(pks[:most]), 0)
    # Those of few places are sorted: reading by rank, SQLite would pass by everybody elsewhere.
    order = F("rank") + 0 if selection.few_places else F("rank")
    rows = list(found.order_by(order, "pk").values_list("pk", "rank")[:most])
    return Top([pk for pk, _ in rows], sum(rank < ALARM_RANK for _, rank in rows))


def fetch(gate: Gate, key: str, pks: Iterable[int]) -> list[Any]:
    """Rows of a list in the order given, with residents and their places."""
    wanted = list(pks)
    model: Any = Task if key in TASK_LISTS else Listed
    rows = gate.rows(model).filter(pk__in=wanted).select_related("resident__organisation")
    known = {row.pk: row for row in rows}
    return [known[pk] for pk in wanted if pk in known]


def standings(gate: Gate, residents: Iterable[Resident]) -> dict[int, Standing]:
    """Where people stand, by resident."""
    rows = gate.about_all(residents, Standing).filter(programme=PROGRAMME)
    return {row.resident_id: row for row in rows}


def last_calls(gate: Gate, residents: Iterable[Resident]) -> dict[int, Call]:
    """What came of the last call to each person; undone ones left out."""
    rows = gate.about_all(residents, Call).filter(undone_at=None)
    return {row.resident_id: row for row in rows.select_related("author").order_by("called_at")}
