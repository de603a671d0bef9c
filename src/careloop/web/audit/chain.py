"""Adding to the audit's chain, and proving that nobody tampered with it.

Each entry's digest is the SHA-256 of the digest before it and of its own content, so that a
change, an insertion or a removal anywhere breaks every later digest. The last digest can be
written down elsewhere (`careloop audit verify` prints it): then even a chain that was forged as a
whole is found out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction

from careloop.web.audit.models import Concerned, Entry

FIRST = "0" * 64
"""What stands before the first entry."""
_LOCK = 0x6361_7265
_FIELDS = ("number", "username", "role", "organisation_path", "action", "residents", "address")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, as the audit keeps it."""

    username: str
    role: str
    organisation_path: str
    address: str = ""


def append(
    actor: Actor,
    action: str,
    residents: Iterable[UUID] = (),
    *,
    detail: Mapping[str, Any] | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> Entry:
    """Add one entry, in the caller's transaction if there is one.

    Parameters
    ----------
    actor
        Who did it.
    action
        What was done: `read`, `list`, `visit.write`, …
    residents
        Public ids of the persons concerned.
    detail
        What else must be known; never a clinical value.
    """
    concerned = list(dict.fromkeys(residents))
    with transaction.atomic(using=using):
        _lock(using)
        last = Entry.objects.using(using).order_by("-number").values("number", "digest").first()
        entry = Entry(
            number=last["number"] + 1 if last else 1,
            at=datetime.now(UTC),
            username=actor.username,
            role=actor.role,
            organisation_path=actor.organisation_path,
            action=action,
            residents=",".join(map(str, concerned)),
            detail=dict(detail or {}),
            address=actor.address,
            previous=last["digest"] if last else FIRST,
        )
        entry.digest = digest(entry)
        models.Model.save(entry, force_insert=True, using=using)
        Concerned.objects.using(using).bulk_create(
            Concerned(entry=entry, resident_public_id=each) for each in concerned
        )
    return entry


def digest(entry: Entry) -> str:
    """SHA-256 of the digest before an entry and of its content (canonical JSON, UTF-8)."""
    content = {name: getattr(entry, name) for name in _FIELDS}
    content |= {"at": entry.at.astimezone(UTC).isoformat(), "detail": entry.detail}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{entry.previous}{text}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying the chain found. `faults` names entries; none means nobody tampered."""

    entries: int
    last_digest: str
    faults: tuple[str, ...]


def verify(*, using: str = DEFAULT_DB_ALIAS) -> Verdict:
    """Go through the whole chain: every number, digest and link, and the index of persons."""
    faults: list[str] = []
    before, count = FIRST, 0
    concerned = _Concerned(using)
    for entry in _all(using):
        count += 1
        if entry.number != count:
            faults.append(f"{entry.number}: expected number {count}")
            count = entry.number
        if entry.previous != before:
            faults.append(f"{entry.number}: does not follow the entry before it")
        if entry.digest != digest(entry):
            faults.append(f"{entry.number}: its content was changed")
        if concerned.of(entry.number) != sorted(filter(None, entry.residents.split(","))):
            faults.append(f"{entry.number}: the index of persons was changed")
        before = entry.digest
    faults += [
        f"{number}: the index names an entry that is not there" for number in concerned.rest()
    ]
    return Verdict(count, before, tuple(faults))


class _Concerned:
    """The index of persons, read beside the chain: both are in the order of entries."""

    def __init__(self, using: str) -> None:
        rows = Concerned.objects.using(using).order_by("entry_id", "resident_public_id")
        pairs = rows.values_list("entry_id", "resident_public_id")
        self._rows = groupby(pairs.iterator(chunk_size=2000), key=itemgetter(0))
        self._next: tuple[int, list[str]] | None = None
        self._lost: list[int] = []
        self._step()

    def of(self, number: int) -> list[str]:
        """The persons that the index tells of an entry, in order."""
        while self._next is not None and self._next[0] < number:
            self._lost.append(self._next[0])
            self._step()
        if self._next is None or self._next[0] != number:
            return []
        persons = self._next[1]
        self._step()
        return persons

    def rest(self) -> list[int]:
        """Entries that the index names and the chain does not have."""
        while self._next is not None:
            self._lost.append(self._next[0])
            self._step()
        return self._lost

    def _step(self) -> None:
        found = next(self._rows, None)
        self._next = (
            None if found is None else (found[0], sorted(str(each[1]) for each in found[1]))
        )


def holds(told: str, *, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether a digest noted earlier is still in the chain."""
    return told == FIRST or Entry.objects.using(using).filter(digest=told).exists()


def _all(using: str) -> Iterator[Entry]:
    return Entry.objects.using(using).order_by("number").iterator(chunk_size=2000)


def _lock(using: str) -> None:
    """One writer at a time; SQLite's IMMEDIATE transactions see to it themselves."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
