"""A working day at a glance: alarms, what is due, each list's first people, referrals, messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django.db.models import Count, Max

from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Message
from careloop.web.care.worklist import query, reason, referral
from careloop.web.care.worklist.selection import Selection
from careloop.web.registry.resident import Resident

MOST = 5
"""How many people of a list stand on the page."""
COUNTED = 1_000
"""Up to so many people of a list are counted."""


@dataclass(frozen=True, slots=True)
class Glance:
    """One list on the page."""

    key: str
    label: str
    hint: str
    people: int
    alarms: int
    rows: list[reason.Row]

    @property
    def number(self) -> str:
        """How many people, in words: a list of thousands is counted on its own page."""
        return f"{COUNTED:,}+" if self.people > COUNTED else f"{self.people:,}"


class Day:
    """What there is to do today, for one user."""

    def __init__(self, gate: Gate, selection: Selection, today: date, language: str) -> None:
        self.gate, self.selection, self.today, self.language = gate, selection, today, language

    @cached_property
    def lists(self) -> list[Glance]:
        """Every list that holds somebody: alarms first, then due and overdue, then the rest."""
        tops = {
            key: query.top(self.gate, key, self.selection, self.today, most=COUNTED + 1)
            for key in query.every()
        }
        wanted = [key for key, top in tops.items() if top.pks]
        rows = self._rows({key: tops[key].pks[:MOST] for key in wanted})
        found = [
            Glance(
                key,
                reason.label(key, self.language),
                reason.hint(key, self.language),
                len(tops[key].pks),
                tops[key].alarms,
                rows[key],
            )
            for key in wanted
        ]
        return sorted(found, key=lambda one: one.alarms == 0)

    @property
    def alarms(self) -> list[Glance]:
        """The lists that hold an alarm, with the people in alarm only."""
        return [one for one in self.lists if one.alarms]

    @property
    def nothing(self) -> list[str]:
        """What the lists without anybody are called."""
        full = {one.key for one in self.lists}
        return [reason.label(key, self.language) for key in query.every() if key not in full]

    def _rows(self, firsts: dict[str, list[int]]) -> dict[str, list[reason.Row]]:
        """The first people of each list, fetched together."""
        of_tasks = [key for key in firsts if key in query.TASK_LISTS]
        of_lists = [key for key in firsts if key not in query.TASK_LISTS]
        found: dict[str, list[Any]] = {}
        for group in filter(None, (of_tasks, of_lists)):
            fetched = query.fetch(self.gate, group[0], [pk for key in group for pk in firsts[key]])
            by_pk = {row.pk: row for row in fetched}
            found |= {key: [by_pk[pk] for pk in firsts[key] if pk in by_pk] for key in group}
        residents = [row.resident for rows in found.values() for row in rows]
        known = query.standings(self.gate, residents)
        called = query.last_calls(self.gate, residents)
        return {
            key: [
                self._line(key, row, known.get(row.resident_id), called.get(row.resident_id))
                for row in found[key]
            ]
            for key in firsts
        }

    def _line(self, key: str, row: Any, standing: Any, called: Any) -> reason.Row:
        if key in query.TASK_LISTS:
            return reason.task_row(
                row, standing, called, key=key, today=self.today, language=self.language
            )
        return reason.listed_row(row, standing, called, today=self.today, language=self.language)

    @cached_property
    def referrals(self) -> list[Any]:
        """Referrals that wait for this place, the urgent and the oldest first."""
        return referral.waiting(self.gate, self.selection)

    @cached_property
    def unheard(self) -> int:
        """How many referrals from here nobody has acknowledged for too long."""
        return referral.unheard(self.gate)

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """Residents whose messages nobody has read yet, the newest first."""
        unread = self.gate.rows(Message).filter(
            self.selection.here, from_resident=True, read_at=None
        )
        people = list(
            unread.values("resident")
            .annotate(number=Count("pk"), newest=Max("sent_at"))
            .order_by("-newest")[:MOST]
        )
        known = {
            one.pk: one
            for one in self.gate.residents().filter(pk__in=[row["resident"] for row in people])
        }
        return [
            {"resident": known[row["resident"]], "number": row["number"]}
            for row in people
            if row["resident"] in known
        ]

    @property
    def shown(self) -> list[Resident]:
        """Everybody whose name stands on the page."""
        found = [row.resident for one in self.lists for row in one.rows]
        found += [each.resident for each in self.referrals]
        return found + [each["resident"] for each in self.messages]
