"""Bringing two registrations of one person together, and taking them apart again exactly.

Everything that points to the registration that goes (visits, tasks, referrals, decisions, consents,
messages, calls, …) is pointed to the one that stays; what was moved is kept in `Merge.moved`, so
that `undo` puts every row back. Facts keep the id under which they were told: the gate reads both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from careloop.error import CareloopError
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.guard import PersonData
from careloop.web.accounts.models import User
from careloop.web.care.away import GONE, away
from careloop.web.care.models import Listed, Merge, Standing, Task, Visit
from careloop.web.care.standing import refresh
from careloop.web.imaging.models import Image
from careloop.web.registry.registration import tells_death
from careloop.web.registry.remainder import give_back
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import lock_imports

COMPUTED = (Standing, Listed)
"""Made anew from the facts, never moved."""
DETAILS = (
    "name",
    "pinyin",
    "initials",
    "sex",
    "birth_date",
    "national_id",
    "national_id_tail",
    "phone",
    "address",
)
"""What the one who stays takes over where it says nothing."""
_ITSELF = (Resident, Merge)
_WITH_FACTS: tuple[type[PersonData], ...] = (Visit, Image)
"""Rows whose facts stand in a source of their own, which a correction replaces or withdraws."""


class NotMergedError(CareloopError):
    """These two cannot be brought together, or this merge cannot be undone (now)."""


def merge(gate: Gate, resident: Resident, other: Resident) -> Merge:
    """Bring `other` into `resident`; both as `gate.open` has returned.

    Raises
    ------
    NotMergedError
        They are the same registration, or one of them has been merged before.
    """
    if not gate.looks_after(other):
        raise NotMergedError("the other is looked after elsewhere")
    with gate.writing(resident, "person.merge", other, other=str(other.public_id)):
        lock_imports()
        for each in (resident, other):
            each.refresh_from_db()
        if resident.pk == other.pk or "merged" in (resident.state, other.state):
            raise NotMergedError("one of the two has been merged already")
        moved: dict[str, Any] = {"state": other.state, "stayed": resident.state, "rows": {}}
        moved["tasks"] = _close_twice(gate, resident, other)
        for model in tables():
            if keys := _movable(gate, resident, other, model):
                moved["rows"][model._meta.label] = keys  # noqa: SLF001 — Django's own
                _point(gate, other, resident, model=model, keys=keys)
        moved["sources"] = {
            model._meta.label: _sources(gate, resident, model, moved)  # noqa: SLF001 — Django's own
            for model in _WITH_FACTS
        }
        moved["taken"] = _fill(resident, other)
        resident.state = moved["became"] = _state(resident, other)
        resident.save(update_fields=["state"])
        moved["closed"] = _close_all(gate, resident) if away([resident]) else []
        moved["merged"] = _earlier(gate, other, resident)
        moved["user"] = _account(other, resident)
        for model in COMPUTED:
            gate.about(other, model).delete()
        other.state, other.merged_into = "merged", resident
        other.save(update_fields=["state", "merged_into"])
        done = Merge(
            resident=resident,
            other=other,
            organisation_id=resident.organisation_id,
            author=gate.user,
            moved=moved,
        )
        done.save(force_insert=True)
        refresh(resident, gate.facts(resident))
    return done


def undo(gate: Gate, done: Merge) -> None:
    """Take a merge apart: every row that was moved goes back; what was written since stays.

    Raises
    ------
    NotMergedError
        It was undone before, or a later merge must be undone first.
    """
    resident, other = done.resident, done.other
    with gate.writing(resident, "person.merge", other, undone=done.pk):
        lock_imports()
        done.refresh_from_db()
        other = done.other
        resident.refresh_from_db()
        if done.undone_at is not None:
            raise NotMergedError("this merge was undone already")
        if resident.state == "merged" or other.merged_into_id != resident.pk:
            raise NotMergedError("undo the later merge first")
        moved = done.moved
        other.state, other.merged_into = moved["state"], None
        other.save(update_fields=["state", "merged_into"])
        _reopen(gate, resident, moved.get("closed", []))
        for model in tables():
            keys = moved["rows"].get(model._meta.label, [])  # noqa: SLF001 — Django's own
            _point(gate, resident, other, model=model, keys=keys)
        _reopen(gate, other, moved["tasks"])
        for each in gate.registrations(resident)[1:]:
            if each.pk not in moved["merged"]:
                continue
            each.merged_into = other
            each.save(update_fields=["merged_into"])
        if moved["user"] is not None:
            User.objects.filter(pk=moved["user"], resident=resident).update(resident=other)
        give_back(gate, resident, other, _changes(gate, other, moved))
        _empty(resident, moved["taken"])
        _states_again(gate, resident, other, moved=moved)
        done.undone_at, done.undone_by = timezone.now(), gate.user
        done.save(update_fields=["undone_at", "undone_by"])
        for each in (resident, other):
            refresh(each, gate.facts(each))


def tables() -> Iterator[type[PersonData]]:
    """The tables whose rows are about a resident and move with them."""
    for model in apps.get_models():
        if issubclass(model, PersonData) and model not in (*_ITSELF, *COMPUTED):
            yield model


def _movable(gate: Gate, resident: Resident, other: Resident, model: type[PersonData]) -> list[Any]:
    """Keys of the other's rows, without those that the one who stays has in the same words."""
    rows = gate.about(other, model).order_by("pk")
    keys = list(rows.values_list("pk", flat=True))
    for constraint in model._meta.total_unique_constraints:  # noqa: SLF001 — Django's own
        if "resident" in constraint.fields:
            names = [name for name in constraint.fields if name != "resident"]
            there = {*gate.about(resident, model).values_list(*names)}
            twice = {key for key, *same in rows.values_list("pk", *names) if tuple(same) in there}
            keys = [key for key in keys if key not in twice]
    return keys


def _point(
    gate: Gate, old: Resident, new: Resident, *, model: type[PersonData], keys: list[Any]
) -> None:
    """Point rows to another registration, and to the place that looks after it."""
    for start in range(0, len(keys), 500):
        rows: models.QuerySet[Any] = gate.about(old, model).filter(pk__in=keys[start : start + 500])
        rows.update(resident=new, organisation_id=new.organisation_id)


def _close_twice(gate: Gate, resident: Resident, other: Resident) -> list[list[Any]]:
    """Close the other's open tasks that stand for the one who stays too: nobody is called twice."""
    there = {*gate.about(resident, Task).values_list("programme", "kind", "due_on")}
    tasks = gate.about(other, Task).filter(state="open")
    twice = [each for each in tasks if (each.programme, each.kind, each.due_on) in there]
    return _closed(gate, other, twice)


def _close_all(gate: Gate, resident: Resident) -> list[list[Any]]:
    """Close every open task of somebody who is called for nothing any more."""
    return _closed(gate, resident, list(gate.about(resident, Task).filter(state="open")))


def _closed(gate: Gate, resident: Resident, tasks: list[Task]) -> list[list[Any]]:
    """Close tasks; what they were, for `_reopen`."""
    keys = [each.pk for each in tasks]
    gate.about(resident, Task).filter(pk__in=keys).update(state="removed", closed_at=timezone.now())
    return [[each.pk, each.state, _iso(each.closed_at)] for each in tasks]


def _reopen(gate: Gate, resident: Resident, closed: list[list[Any]]) -> None:
    """Give tasks back the state they had before `_closed`, unless something was done since."""
    for key, state, closed_at in closed:
        task = gate.about(resident, Task).filter(pk=key, state="removed")
        task.update(state=state, closed_at=closed_at and parse_datetime(closed_at))


def _state(resident: Resident, other: Resident) -> str:
    """Dead where either registration knows of the death; looked after where either is."""
    states = {resident.state, other.state}
    return next((each for each in ("dead", "active") if each in states), resident.state)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _sources(
    gate: Gate, resident: Resident, model: type[PersonData], moved: dict[str, Any]
) -> dict[str, str]:
    """Source of the facts of each row that was moved: a later correction has another one.

    "" where no fact counts: not kept yet, or withdrawn.
    """
    rows = gate.about(resident, model).filter(pk__in=moved["rows"].get(model._meta.label, []))  # noqa: SLF001
    return {str(row.pk): _source(row) for row in rows}


def _source(row: Any) -> str:
    return "" if getattr(row, "state", "") == "withdrawn" else str(row.source)


def _changes(gate: Gate, other: Resident, moved: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Of each visit and image that goes back its source at the time of the merge, and now."""
    for model in _WITH_FACTS:
        before = moved["sources"].get(model._meta.label, {})  # noqa: SLF001 — Django's own
        for row in gate.about(other, model).filter(pk__in=list(before)):
            yield before[str(row.pk)], _source(row)


def _fill(resident: Resident, other: Resident) -> dict[str, str]:
    """Take over who the other is where the one who stays does not say, so that they are found."""
    taken = {
        name: getattr(other, name)
        for name in DETAILS
        if not getattr(resident, name) and getattr(other, name)
    }
    for name, value in taken.items():
        setattr(resident, name, value)
    resident.save(update_fields=list(taken))
    return {name: str(value) for name, value in taken.items()}


def _empty(resident: Resident, taken: dict[str, str]) -> None:
    """Give back what was taken over and has not been corrected since."""
    same = [name for name, value in taken.items() if str(getattr(resident, name)) == value]
    for name in same:
        setattr(resident, name, None if name == "birth_date" else "")
    resident.save(update_fields=same)


def _states_again(
    gate: Gate, resident: Resident, other: Resident, *, moved: dict[str, Any]
) -> None:
    """Give both the states they had, unless facts told since say otherwise of one of them."""
    became, now = moved.get("became", resident.state), resident.state
    told_of_other = now == "dead" and not tells_death(gate.facts(resident))
    if now == became or told_of_other:
        resident.state = moved.get("stayed", now)
    if tells_death(gate.facts(other)):
        other.state = "dead"
    elif became == moved["state"] and became in GONE and now not in GONE:
        other.state = now  # the death was corrected since
    for each in (resident, other):
        each.save(update_fields=["state"])


def _earlier(gate: Gate, other: Resident, resident: Resident) -> list[int]:
    """Registrations merged into the other before now lead to the one who stays."""
    keys = []
    for each in gate.registrations(other)[1:]:
        each.merged_into = resident
        each.save(update_fields=["merged_into"])
        keys.append(each.pk)
    return keys


def _account(other: Resident, resident: Resident) -> int | None:
    """The other's own account leads to the one who stays, unless they have one."""
    account = User.objects.filter(resident=other).first()
    if account is None or User.objects.filter(resident=resident).exists():
        return None
    User.objects.filter(pk=account.pk).update(resident=resident)
    return int(account.pk)
