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
from careloop.web.care.models import Listed, Merge, Standing, Task, Visit
from careloop.web.care.standing import refresh
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


class NotMergedError(CareloopError):
    """These two cannot be brought together, or this merge cannot be undone (now)."""


def merge(gate: Gate, resident: Resident, other: Resident) -> Merge:
    """Bring `other` into `resident`; both as `gate.open` has returned.

    Raises
    ------
    NotMergedError
        They are the same registration, or one of them has been merged before.
    """
    with gate.writing(resident, "person.merge", other=str(other.public_id)):
        lock_imports()
        for each in (resident, other):
            each.refresh_from_db()
        if resident.pk == other.pk or "merged" in (resident.state, other.state):
            raise NotMergedError("one of the two has been merged already")
        moved: dict[str, Any] = {"state": other.state, "rows": {}}
        moved["tasks"] = _close_twice(gate, resident, other)
        for model in tables():
            if keys := _movable(gate, resident, other, model):
                moved["rows"][model._meta.label] = keys  # noqa: SLF001 — Django's own
                _point(gate, other, resident, model=model, keys=keys)
        moved["visits"] = _sources(gate, resident, moved["rows"].get(Visit._meta.label, []))  # noqa: SLF001
        moved["taken"] = _fill(resident, other)
        moved["merged"] = _earlier(other, resident)
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
    resident = done.resident
    with gate.writing(resident, "person.merge", undone=done.pk):
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
        for model in tables():
            keys = moved["rows"].get(model._meta.label, [])  # noqa: SLF001 — Django's own
            _point(gate, resident, other, model=model, keys=keys)
        for key, state, closed in moved["tasks"]:
            task = gate.about(other, Task).filter(pk=key, state="removed")
            task.update(state=state, closed_at=closed and parse_datetime(closed))
        for each in resident.merged.filter(pk__in=moved["merged"]):
            each.merged_into = other
            each.save(update_fields=["merged_into"])
        if moved["user"] is not None:
            User.objects.filter(pk=moved["user"], resident=resident).update(resident=other)
        give_back(gate, resident, other, moved["visits"])
        _empty(resident, moved["taken"])
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
    closed: list[list[Any]] = []
    for task in gate.about(other, Task).filter(state="open"):
        if (task.programme, task.kind, task.due_on) in there:
            closed.append([task.pk, task.state, _iso(task.closed_at)])
            gate.about(other, Task).filter(pk=task.pk).update(
                state="removed", closed_at=timezone.now()
            )
    return closed


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _sources(gate: Gate, resident: Resident, keys: list[Any]) -> dict[str, str]:
    """Each visit's source of facts as it stands: a later correction writes under another id."""
    found = gate.about(resident, Visit).filter(pk__in=keys).values_list("pk", "source")
    return {str(key): source for key, source in found}


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


def _earlier(other: Resident, resident: Resident) -> list[int]:
    """Registrations merged into the other before now lead to the one who stays."""
    keys = []
    for each in other.merged.all():
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
