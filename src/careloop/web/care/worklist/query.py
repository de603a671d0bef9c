"""All queries of the worklists: who is on a list today, who is off it after a call, what was said.

A programme's list (`Listed`) holds people; the lists `calls` and `overdue` hold tasks. Whoever
agreed or asked to be called later is off a list until that day; whoever was removed from it with a
reason, until a contact is recorded. Nobody is off more lists than were called about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from typing import Any
from weakref import WeakKeyDictionary

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Call, Listed, PlanDecision, Standing, Task, Visit
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


_waiting: WeakKeyDictionary[Gate, QuerySet[Call]] = WeakKeyDictionary()
_off: WeakKeyDictionary[Gate, dict[str, set[int]]] = WeakKeyDictionary()


def waiting(gate: Gate, today: date) -> QuerySet[Call]:
    """Results of calls that keep somebody off a list today."""
    if (known := _waiting.get(gate)) is not None:  # a page asks for it a dozen times
        return known
    newer = gate.rows(Visit).filter(
        resident=OuterRef("resident"), saved_at__gt=OuterRef("called_at")
    )
    later = Q(result="later", remind_on__gt=today)
    agreed = Q(result="agreed", remind_on__gte=today)
    removed = Q(result="removed") & ~Exists(newer)
    _waiting[gate] = gate.rows(Call).filter(later | agreed | removed, holds=True)
    return _waiting[gate]


def listed(gate: Gate, key: str, today: date, *, off: bool = False) -> QuerySet[Listed]:
    """Who is on a programme's list today; with `off`, who is off it after a call."""
    rows = _on(gate, key)
    called = waiting(gate, today).filter(worklist=key).values("resident")
    return rows.filter(resident__in=called) if off else rows.exclude(resident__in=called)


def _on(gate: Gate, key: str) -> QuerySet[Listed]:
    """Everybody on a programme's list, called or not, on whose plan nobody has decided since."""
    rows = gate.rows(Listed).filter(programme=PROGRAMME, worklist=key)
    return rows.exclude(_decided(gate)) if worklists()[key].decided else rows


def _decided(gate: Gate) -> Exists:
    """Somebody has decided on the person's plan since what brought them on the list.

    Days are UTC's here: a decision before 8 in the morning of the very day of a measurement does
    not count. Asking each row for its local day takes a hundred times as long.
    """
    decisions = gate.rows(PlanDecision).filter(
        resident=OuterRef("resident"),
        programme=PROGRAMME,
        decided_at__gte=OuterRef("since"),
    )
    return Exists(decisions)


def tasks(gate: Gate, key: str, today: date, *, off: bool = False) -> QuerySet[Task]:
    """Tasks to be called about today (`calls`), or late (`overdue`); with `off`, those put off."""
    rows = gate.rows(Task).filter(programme=PROGRAMME, state="open")
    about = waiting(gate, today).filter(task__isnull=False)
    day = {CALLS: Q(due_on=today), OVERDUE: Q(due_on__lt=today)}[key]
    if off:
        return rows.filter(day, pk__in=about.values("task"))
    if key == OVERDUE:
        return rows.filter(day).exclude(pk__in=about.values("task"))
    come = list(about.filter(result="agreed", remind_on=today).values_list("task", flat=True))
    put_off = about.exclude(result="agreed", remind_on=today)
    due = rows.filter(day).exclude(pk__in=put_off.values("task"))
    return due | rows.filter(pk__in=come) if come else due


def members(gate: Gate, key: str, today: date, *, off: bool = False) -> QuerySet[Any]:
    """The rows of any list."""
    return (tasks if key in TASK_LISTS else listed)(gate, key, today, off=off)


def rank_of(key: str) -> str:
    """The field that orders a list."""
    return "due_on" if key in TASK_LISTS else "rank"


def counts(gate: Gate, selection: Selection, today: date) -> dict[str, tuple[int, int]]:
    """How many people each list holds, and how many of them are alarms, in seven queries."""
    keys = [each.key for each in worklists().lists]
    # Lists named and alarms apart: SQLite counts 100,000 rows in half the time.
    rows = gate.rows(Listed).filter(selection.here, programme=PROGRAMME, worklist__in=keys)
    found = {key: [0, 0] for key in every()}
    for place, counted in enumerate((rows, rows.filter(rank__lt=ALARM_RANK))):
        for key, people in counted.values_list("worklist").annotate(people=Count("*")):
            found[key][place] = people
    decided = {each.key for each in worklists().lists if each.decided}
    rows_decided = rows.filter(_decided(gate), worklist__in=decided).values_list("worklist")
    alarms = Count("pk", filter=Q(rank__lt=ALARM_RANK))
    for key, *numbers in rows_decided.annotate(people=Count("pk"), alarms=alarms):
        _take(found, key, *numbers)
    off = off_lists(gate, today)
    called = rows.filter(resident__in=waiting(gate, today).values("resident"))
    marked = called.annotate(decided=_decided(gate))
    for key, resident, rank, is_decided in marked.values_list(
        "worklist", "resident", "rank", "decided"
    ):
        if resident in off.get(key, ()) and not (is_decided and key in decided):
            _take(found, key, 1, int(rank < ALARM_RANK))
    for key in TASK_LISTS:
        found[key][0] = tasks(gate, key, today).filter(selection.here).count()
    return {key: (people, alarms) for key, (people, alarms) in found.items()}


def off_lists(gate: Gate, today: date) -> Mapping[str, Set[int]]:
    """Who is off which list today after a call: a page of all lists asks once."""
    if (known := _off.get(gate)) is None:
        known = _off[gate] = defaultdict(set)
        for key, resident in waiting(gate, today).values_list("worklist", "resident"):
            known[key].add(resident)
    return known


def _take(found: dict[str, list[int]], key: str, people: int, alarms: int) -> None:
    found[key][0] -= people
    found[key][1] -= alarms


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


def first(gate: Gate, key: str, selection: Selection, today: date, *, most: int) -> list[int]:
    """The rows on top of a list."""
    if key in TASK_LISTS:
        due = tasks(gate, key, today).filter(selection.here).order_by(rank_of(key), "pk")
        return list(due.values_list("pk", flat=True)[:most])
    # So many are off at most: fetched and left out here, which beats a query that looks for them.
    off = off_lists(gate, today).get(key, frozenset())
    rows = _on(gate, key).filter(selection.here).order_by(rank_of(key), "pk")
    top = rows.values_list("pk", "resident")[: most + len(off)]
    return [pk for pk, resident in top if resident not in off][:most]


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
