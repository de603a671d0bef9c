"""Keeps the register in step with facts: who people are, where they belong, how they stand.

Facts are the truth; `Resident` repeats who somebody is so that they are found in milliseconds.
After an import everybody it tells of is registered or brought up to date, and everybody's tasks and
standing are computed, some thousand people at a time: memory stays small, and nobody who records a
visit meanwhile waits for longer than it takes to write one such step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from django.apps import apps
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils import timezone

from careloop.care.clause import holds
from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import names_in
from careloop.records.snapshot import snapshot
from careloop.web.accounts.guard import PersonData
from careloop.web.accounts.models import Organisation
from careloop.web.care import standing
from careloop.web.care.models import Standing
from careloop.web.care.visit import upkeep
from careloop.web.care.visit.known import forms
from careloop.web.registry import spelling
from careloop.web.registry.models import Fact, Person
from careloop.web.registry.pinyin import spelt
from careloop.web.registry.place import Places
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import DatabaseStore, analyse, lock_imports

IDENTITY = (
    "name",
    "sex",
    "birth_date",
    "national_id",
    "phone",
    "address",
    "organisation",
    "death_date",
)
"""The variables that say who somebody is and where they belong."""
_TOLD = ("name", "sex", "birth_date", "national_id", "phone", "address")
_UPDATED = (*_TOLD, "pinyin", "initials", "national_id_tail", "state", "updated_at")
_LONGEST = {
    name: getattr(Resident._meta.get_field(name), "max_length", None)  # noqa: SLF001 — Django's own
    for name in _TOLD
}
_SPELT: dict[str, Callable[[str], str]] = {
    "name": spelling.name,
    "phone": spelling.phone,
    "national_id": lambda told: spelling.identity(told, today=standing.today()),
}
"""One spelling, as forms keep it: so people are found, and known again, whoever told of them."""
_PEOPLE = 10_000
_ROWS = 500
Told = Callable[[int, int], object]


def _silent(done: int, of: int) -> None:
    del done, of


@dataclass(frozen=True, slots=True)
class Registered:
    """What bringing the register in step has done."""

    people: int
    new: int
    changed: int
    standings: int


def after_import(
    sources: Sequence[str] | None = None,
    *,
    below: Organisation | None = None,
    standings: bool = True,
    told: Told = _silent,
) -> Registered:
    """Register everybody whom an import told of; compute what is due and where they stand.

    Parameters
    ----------
    sources
        Ids of the sources imported; default: everything there is.
    below
        Under which place unknown ones are made (see `place.Places`).
    standings
        Also compute tasks and standings; without, only the register is brought in step.
    told
        Called with the number of people done, and of all.
    """
    ids = _people(sources)
    new = changed = computed = 0
    for start in range(0, len(ids), _PEOPLE):
        chosen = ids[start : start + _PEOPLE]
        newest, facts = _facts(chosen)
        with _importing():
            added, updated = register(facts, below=below)
        new, changed = new + added, changed + updated
        if standings:
            computed += _stand(chosen, facts, newest)
        told(start + len(chosen), len(ids))
    analyse()
    return Registered(len(ids), new, changed, computed)


def refresh_standings(*, told: Told = _silent) -> int:
    """Compute everybody's tasks and standing, as a new day begins; returns how many standings."""
    ids = list(_standing_for().order_by("pk").values_list("person_id", flat=True))
    computed = 0
    for start in range(0, len(ids), _PEOPLE):
        chosen = ids[start : start + _PEOPLE]
        newest, facts = _facts(chosen)
        computed += _stand(chosen, facts, newest)
        told(start + len(chosen), len(ids))
    analyse()
    return computed


def unregistered() -> bool:
    """Whether facts know somebody whom the register does not: an import was broken off."""
    return Person.objects.exclude(person_id__in=Resident.gated.values("person_id")).exists()


def standings_are_of(day: date) -> bool:
    """Whether everybody has a standing, of this day (or of a later one)."""
    if Standing.gated.filter(as_of__lt=day, resident__in=_standing_for()).exists():
        return False
    stands = Standing.gated.filter(resident=OuterRef("pk"), programme=standing.PROGRAMME)
    return not _standing_for().filter(~Exists(stands)).exists()


def _standing_for() -> QuerySet[Resident]:
    """Everybody but merged registrations."""
    return Resident.gated.exclude(state="merged")


def register(facts: pl.DataFrame, *, below: Organisation | None = None) -> tuple[int, int]:
    """Bring residents in step with these people's facts; returns how many are new and changed.

    What facts do not tell is left as it is, and so is the place of somebody who is looked after
    somewhere below the place told. Call it in a transaction.
    """
    rows = _rows_of(facts, IDENTITY)
    known = _by_id([row["person_id"] for row in rows])
    places = Places("default", below)
    new: list[Resident] = []
    changed: list[Resident] = []
    died: list[int] = []
    moved: dict[int, list[Resident]] = {}
    for row in rows:
        resident = known.get(row["person_id"])
        if resident is None:
            resident = Resident(person_id=row["person_id"])
            _take(resident, row)
            resident.organisation = places.of(row["organisation"] or "")
            new.append(resident)
        elif resident.state != "merged":
            if _take(resident, row):
                changed.append(resident)
            there = places.of(row["organisation"]) if row["organisation"] else None
            if there is not None and not resident.organisation.path.startswith(there.path):
                moved.setdefault(there.pk, []).append(resident)
        elif row["dead"] and resident.merged_into_id is not None:
            died.append(resident.merged_into_id)
    Resident.gated.bulk_create(new, batch_size=_ROWS)
    Resident.gated.bulk_create(
        changed,
        batch_size=_ROWS,
        update_conflicts=True,
        unique_fields=["person_id"],
        update_fields=_UPDATED,
    )
    for organisation, residents in moved.items():
        move(residents, organisation)
    also = {resident.pk for group in moved.values() for resident in group}
    also |= _mark_dead(died)
    return len(new), len(also | {resident.pk for resident in changed})


def _rows_of(facts: pl.DataFrame, variables: Sequence[str]) -> list[dict[str, Any]]:
    """What is known of these people today: `person_id`, the variables, whether `dead`, `away`."""
    dead_if, moved_if = (forms().state.get(each, "") for each in ("dead", "moved"))
    told = [*variables, "death_date", *names_in(dead_if), *names_in(moved_if)]
    names = [*dict.fromkeys(told)]
    taken = snapshot(facts, standing.today(), load(), variables=names)
    rows = taken.frame.select("person_id", *names).to_dicts()
    for row in rows:
        row["dead"] = row["death_date"] is not None or bool(dead_if and holds(dead_if, row))
        row["away"] = holds(moved_if, row) if moved_if else None
    return rows


def tells_death(facts: pl.DataFrame) -> bool:
    """Whether facts tell of a death."""
    return any(row["dead"] for row in _rows_of(facts, ()))


def _mark_dead(residents: Sequence[int]) -> set[int]:
    """A death told under the id of a registration that was merged is that of whom it stands for."""
    late = Resident.gated.filter(pk__in=residents).exclude(state__in=("dead", "merged"))
    found = {*late.values_list("pk", flat=True)}
    Resident.gated.filter(pk__in=found).update(state="dead", updated_at=timezone.now())
    return found


def move(residents: Sequence[Resident], organisation_id: int) -> None:
    """Hand residents over to another place, with every row about them; call it in a transaction."""
    keys = [resident.pk for resident in residents]
    for start in range(0, len(keys), _ROWS):
        chosen = keys[start : start + _ROWS]
        Resident.gated.filter(pk__in=chosen).update(organisation_id=organisation_id)
        for model in apps.get_models():
            if issubclass(model, PersonData) and model is not Resident:
                rows = model.gated.filter(resident__in=chosen)
                rows.update(organisation_id=organisation_id)


def _take(resident: Resident, row: dict[str, Any]) -> bool:
    """Take over what facts tell; whether anything is new."""
    before = [getattr(resident, name) for name in (*_TOLD, "state")]
    for name in _TOLD:
        if (value := row[name]) is None:
            continue
        if isinstance(value, str):
            value = _SPELT.get(name, str.strip)(value)[: _LONGEST[name]]
        setattr(resident, name, value)
    if row["dead"]:
        resident.state = "dead"
    elif row["away"] and resident.state == "active":
        resident.state = "moved"
    elif row["away"] is False and resident.state == "moved":
        resident.state = "active"
    resident.pinyin, resident.initials = spelt(resident.name)
    resident.national_id_tail = resident.national_id[-6:]
    return before != [getattr(resident, name) for name in (*_TOLD, "state")]


def _people(sources: Sequence[str] | None) -> list[str]:
    """Ids of the people of these sources, in order, and of those whom merged ones stand for."""
    if sources is None:
        return list(Person.objects.order_by("person_id").values_list("person_id", flat=True))
    facts = Fact.objects.filter(source__source_id__in=list(sources))
    told = {*facts.order_by().values_list("person_id", flat=True).distinct()}
    merged = Resident.gated.filter(state="merged", merged_into__isnull=False)
    stands = dict(merged.values_list("person_id", "merged_into__person_id"))
    return sorted(told | {stands[each] for each in told & stands.keys()})


def _by_id(ids: Sequence[str]) -> dict[str, Resident]:
    found: dict[str, Resident] = {}
    for start in range(0, len(ids), _ROWS):
        rows = Resident.gated.filter(person_id__in=ids[start : start + _ROWS])
        found |= {each.person_id: each for each in rows.select_related("organisation")}
    return found


def _facts(ids: Sequence[str]) -> tuple[int, pl.DataFrame]:
    """All facts of some people, and the number of the newest fact of all at that time."""
    newest = Fact.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return newest, DatabaseStore().facts_of_many(ids)


def _stand(ids: Sequence[str], facts: pl.DataFrame, newest: int) -> int:
    """Compute tasks and standings from facts read when `newest` was the newest one.

    Whoever has been told of since then was computed when that was saved, and is left alone.
    """
    residents = [each for each in _by_id(ids).values() if each.state != "merged"]
    aliases = _aliases(residents)
    if aliases:
        also = DatabaseStore().facts_of_many(list(aliases))
        own = facts.filter(~pl.col("person_id").is_in(list(aliases)))  # each fact once
        facts = pl.concat([own, also]).with_columns(pl.col("person_id").replace(aliases))

    def saved_meanwhile() -> set[str]:
        lock_imports()
        later = Fact.objects.filter(pk__gt=newest).order_by().values_list("person_id", flat=True)
        return {aliases.get(each, each) for each in later.distinct()}

    # Standings last: their day tells whether all is done (`standings_are_of`).
    upkeep.bring_all(residents, facts, saved_meanwhile=saved_meanwhile)
    return standing.refresh_all(facts.lazy(), residents, saved_meanwhile=saved_meanwhile)


def _aliases(residents: Sequence[Resident]) -> dict[str, str]:
    """Ids of merged registrations, each with the id it was merged into."""
    if not Resident.gated.filter(state="merged").exists():
        return {}
    ids = {each.pk: each.person_id for each in residents}
    merged = Resident.gated.filter(state="merged", merged_into__isnull=False)
    return {
        each: ids[into]
        for each, into in merged.values_list("person_id", "merged_into_id")
        if into in ids
    }


@contextmanager
def _importing() -> Iterator[None]:
    with transaction.atomic():
        lock_imports()
        yield
