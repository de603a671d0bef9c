"""Registering somebody, and correcting who they are: facts, register, consent, standing and audit.

All of it in one transaction. What is wrong (a name, a number, a birth date, a sex) is withdrawn and
told anew; what has changed (a telephone, an address, a place) is told anew, and was true before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import polars as pl
from django.utils import timezone

from careloop import __version__
from careloop.error import CareloopError
from careloop.records.reading import ImportReport, Source
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation
from careloop.web.care.models import Consent
from careloop.web.care.person.consent import VERSION
from careloop.web.care.recording import Contact, facts_from, withdrawn
from careloop.web.care.standing import refresh, today
from careloop.web.registry import registration
from careloop.web.registry.clock import wall_clock
from careloop.web.registry.form import TOLD, Details
from careloop.web.registry.likeness import Found, alike
from careloop.web.registry.national_id import TAIL
from careloop.web.registry.pinyin import spelt
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import DatabaseStore, lock_imports

KIND = "registration"
AGREED = ("care", "sensitive")
"""Without these nobody is registered (PIPL Art. 14 and, separately, 29)."""
WRONG = ("name", "national_id", "birth_date", "sex")
"""Details that cannot change, only have been wrong."""
_MOMENT = timedelta(microseconds=1)
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is mistaken for another


class AlikeError(CareloopError):
    """Somebody very like is registered, and nobody has said that this is a different person."""

    def __init__(self, found: Found) -> None:
        self.found = found
        super().__init__("somebody very like is registered already")


class FormUsedError(CareloopError):
    """The very same form has registered somebody else: a page was gone back to."""


class DetailsConflictError(CareloopError):
    """Somebody else changed these details in the meantime; `resident` is what stands now."""

    def __init__(self, resident: Resident) -> None:
        self.resident = resident
        super().__init__("these details were changed by somebody else in the meantime")


def number_of(request_key: UUID) -> str:
    """The register number that a form gives: R and twelve signs, easily read out.

    Examples
    --------
    >>> number_of(UUID(int=1)) == number_of(UUID(int=1)), len(number_of(UUID(int=1)))
    (True, 13)
    """
    told = int.from_bytes(hashlib.blake2b(request_key.bytes, digest_size=8).digest())
    return "R" + "".join(_SIGNS[told >> shift & 31] for shift in range(0, 60, 5))


def register(
    gate: Gate, details: Details, *, request_key: UUID, different: bool = False
) -> Resident:
    """Register somebody who has agreed; the same form again gives the one registered first.

    Raises
    ------
    AlikeError
        Somebody very like is there, and `different` was not said. Nothing was saved.
    FormUsedError
        The form has registered somebody else before. Nothing was saved.
    """
    number = number_of(request_key)
    if (known := _registered(gate, number, details)) is not None:
        return known
    if not different and (found := alike(gate, details)).strong:
        raise AlikeError(found)  # before the transaction: the audit keeps who asked
    resident = Resident(person_id=number, organisation=details.organisation)
    _take(resident, details)
    try:
        with gate.writing(resident, "person.register", different=different):
            lock_imports()
            if (known := _registered(gate, number, details)) is not None:
                raise _TwiceError  # noqa: TRY301 — the transaction must be left
            if not different and (found := alike(gate, details)).strong:
                raise AlikeError(found)  # somebody else was faster
            keep(gate, _told(number, _answers(details, (*TOLD, "organisation"))))
            resident.save(force_insert=True)
            _agree(gate, resident)
            refresh(resident, gate.facts(resident))
    except _TwiceError:
        return known  # type: ignore[return-value]
    return resident


class _TwiceError(Exception):
    """The same form arrived twice at once; the transaction is given up."""


def _registered(gate: Gate, number: str, details: Details) -> Resident | None:
    """Whom this form has registered already."""
    known = gate.residents().filter(person_id=number).first()
    if known is not None and any(getattr(known, key) != getattr(details, key) for key in TOLD):
        raise FormUsedError("this form has registered somebody else")
    return known


def correct(gate: Gate, resident: Resident, details: Details, *, seen: str) -> bool:
    """Correct who somebody is; False where nothing is different.

    Parameters
    ----------
    gate, resident
        As `gate.open` has returned.
    details
        As they shall stand.
    seen
        `version` of the resident whom the form showed.

    Raises
    ------
    DetailsConflictError
        Somebody else changed them in the meantime; nothing was saved.
    """
    changed = [key for key in TOLD if getattr(resident, key) != getattr(details, key)]
    place = details.organisation or resident.organisation
    if place.pk != resident.organisation_id:
        changed.append("organisation")
    if not changed and seen == version(resident):
        return False
    with gate.writing(resident, "person.register", changed=changed):
        lock_imports()
        now = Resident(pk=resident.pk)
        now.refresh_from_db()
        if version(now) != seen or now.state == "merged":
            raise DetailsConflictError(now)
        facts = gate.facts(resident)
        wrong = [key for key in changed if key in WRONG or not getattr(details, key)]
        answers = _answers(details, changed)
        keep(gate, _told(resident.person_id, answers, _final(facts, wrong)))
        _take(now, details)
        now.save()
        if "organisation" in changed:
            registration.move([now], place.pk)
            now.organisation = place
        refresh(now, gate.facts(now))
    return True


def version(resident: Resident) -> str:
    """What changes with every change of a resident's row."""
    return resident.updated_at.astimezone(UTC).isoformat()


def _agree(gate: Gate, resident: Resident) -> None:
    """Record what the resident has agreed to, with the words they were read."""
    for scope in AGREED:
        Consent(
            resident=resident,
            organisation_id=resident.organisation_id,
            scope=scope,
            text_version=VERSION,
            given_at=timezone.now(),
            recorded_by=gate.user,
        ).save(force_insert=True)


def path_of(place: Organisation) -> str:
    """The way down the tree to a place, as `place.Places` reads it."""
    prefixes = [place.path[:end] for end in range(5, len(place.path) + 1, 5)]
    names = Organisation.objects.filter(path__in=prefixes).order_by("path")
    return "·".join(names.values_list("name", flat=True))


def _take(resident: Resident, details: Details) -> None:
    for key in TOLD:
        setattr(resident, key, getattr(details, key))
    resident.pinyin, resident.initials = spelt(details.name)
    resident.national_id_tail = details.national_id[-TAIL:]


def _answers(details: Details, keys: tuple[str, ...] | list[str]) -> dict[str, Any]:
    answers: dict[str, str | date | None] = {
        key: getattr(details, key) or None for key in keys if key in TOLD
    }
    if "organisation" in keys and details.organisation is not None:
        answers["organisation"] = path_of(details.organisation)
    return answers


def _final(facts: pl.DataFrame, variables: list[str]) -> pl.DataFrame:
    """The facts of these variables that stand."""
    return facts.filter(pl.col("variable").is_in(variables), pl.col("status") != "entered_in_error")


class _Reading:
    """What a form told, as a source of its own."""

    def __init__(self, frame: pl.DataFrame, source: Source) -> None:
        self._frame, self.source = frame, source
        self.report = ImportReport(records=1, facts=frame.height, persons=1)

    def batches(self) -> Iterator[pl.DataFrame]:
        """All facts at once."""
        if self._frame.height:
            yield self._frame

    def rejected(self) -> pl.DataFrame:
        """Nothing: a wrong answer is refused before."""
        return pl.DataFrame({"reason": []}, schema={"reason": pl.String})


def _told(
    person_id: str, answers: dict[str, Any], wrong: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Facts of these answers, told now, and the withdrawal of wrong ones just before."""
    now = wall_clock()
    contact = Contact(KIND, today(), answers)
    frame = facts_from(person_id, contact, effective_at=now, recorded_at=now)
    # A fact withdraws its equals up to its own time: not those told anew.
    return frame if wrong is None else pl.concat([withdrawn(wrong, now - _MOMENT), frame])


def keep(gate: Gate, facts: pl.DataFrame) -> None:
    """Store facts under a source of their own, told by whoever is logged in."""
    source_id = f"{KIND}-{uuid4()}"
    source = Source(
        source_id=source_id,
        kind=KIND,
        name=KIND,
        sha256=hashlib.sha256(source_id.encode()).hexdigest(),
        # Told anew by each form: a store takes the same words of the same sender for one fact.
        sender=f"careloop:{gate.user.username}:{source_id}",
        read_at=datetime.now(UTC),
        software=f"careloop {__version__}",
    )
    DatabaseStore().add(_Reading(facts.with_columns(source=pl.lit(source_id)), source))
