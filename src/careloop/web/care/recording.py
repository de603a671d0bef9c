"""Recording a contact: answers become facts, the visit, the standing and the audit, all or nothing.

A visit is saved once, however often its form arrives (`request_key`). A correction says which
version it corrects; if somebody else was faster, `VisitConflictError` carries what stands now, and
nothing is lost. Facts are never changed: a corrected answer withdraws the old fact and adds a new.

A withdrawal takes away every equal fact of the same time (`records.snapshot`), so each visit's
facts hold at a moment of their own (`moment_of`): visits of one day that say the same stay apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import polars as pl
from django.db import IntegrityError
from django.utils import timezone

from careloop import __version__
from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Variable
from careloop.error import CareloopError, InputError
from careloop.records.fact import FACT_SCHEMA
from careloop.records.reading import ImportReport, Source
from careloop.records.withdrawal import standing
from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Visit, VisitVersion
from careloop.web.care.standing import PROGRAMME, refresh, row_of, today
from careloop.web.registry.clock import wall_clock
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import DatabaseStore

Answers = Mapping[str, Any]
"""Variable key to value (float, bool, str, date); None for a question answered "not known"."""

Also = Callable[[Visit, Mapping[str, Any]], None]
"""What else is written in the transaction of a save, from the visit and `standing.row_of`."""

_MOMENT = timedelta(microseconds=1)


class VisitConflictError(CareloopError):
    """Somebody else saved this visit in the meantime; `visit` is what stands now."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        super().__init__("this visit was changed by somebody else in the meantime")


@dataclass(frozen=True, slots=True)
class Document:
    """A document that answers were read from: where each stands in it, and what was printed.

    `raw` holds the printed text of a variable whose value is another (corrected by a person).
    """

    kind: str
    sha256: str
    field: Mapping[str, str]
    raw: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Contact:
    """What was recorded at one contact. `context` qualifies a variable's value (side, device)."""

    kind: str
    happened_on: date
    answers: Answers
    context: Mapping[str, str] | None = None
    document: Document | None = None


def record_visit(
    gate: Gate,
    resident: Resident,
    contact: Contact,
    *,
    request_key: UUID,
    also: Also | None = None,
) -> Visit:
    """Save a new visit; the same `request_key` again returns the visit saved first.

    `also` is called inside the transaction with the visit and what is known of the person now,
    before the standing is saved: what it writes is kept with the visit or not at all.

    Raises
    ------
    InputError
        An answer is not of its variable's kind, or outside its plausible range.
    """
    saved = gate.about(resident, Visit).filter(request_key=request_key)
    if (known := saved.first()) is not None:
        return known
    try:
        return _new(gate, resident, contact, request_key=request_key, also=also)
    except IntegrityError:
        # The same form arrived twice at the same moment: the other one has saved it.
        if (known := saved.first()) is None:
            raise
        return known


def _new(
    gate: Gate,
    resident: Resident,
    contact: Contact,
    *,
    request_key: UUID,
    also: Also | None,
) -> Visit:
    with gate.writing(resident, "visit.write", kind=contact.kind):
        visit = Visit(
            request_key=request_key,
            resident=resident,
            organisation_id=resident.organisation_id,
            programme=PROGRAMME,
            kind=contact.kind,
            happened_on=contact.happened_on,
            author=gate.user,
            answers=_kept(contact),
            source=f"visit-{uuid4()}",
        )
        visit.save(force_insert=True)
        at = moment_of(visit)
        facts = facts_from(
            resident.person_id, contact, effective_at=at, recorded_at=max(wall_clock(), at)
        )
        _store(gate, facts, visit.source, contact)
        _keep_version(gate, visit)
        _after(gate, resident, visit, also)
    return visit


def _after(gate: Gate, resident: Resident, visit: Visit, also: Also | None) -> None:
    """What follows from a save, in its transaction."""
    facts = gate.facts(resident)
    row = row_of(facts, today())
    if also is not None:
        also(visit, row)
    refresh(resident, facts, row=row)


def correct_visit(
    gate: Gate,
    resident: Resident,
    visit: Visit,
    contact: Contact,
    *,
    version: int,
    also: Also | None = None,
) -> Visit:
    """Save a correction of version `version`: old facts withdrawn, new ones added.

    `also` as in `record_visit`.

    Raises
    ------
    VisitConflictError
        The visit is not at that version any more; nothing was saved.
    InputError
        As `record_visit`.
    """
    with gate.writing(resident, "visit.write", kind=contact.kind, visit=str(visit.public_id)):
        changed = (
            gate.about(resident, Visit)
            .filter(pk=visit.pk, version=version)
            .update(
                version=version + 1,
                answers=_kept(contact),
                happened_on=contact.happened_on,
                source=f"visit-{uuid4()}",
                saved_at=timezone.now(),
            )
        )
        if not changed:
            raise VisitConflictError(gate.about(resident, Visit).get(pk=visit.pk))
        saved = gate.about(resident, Visit).get(pk=visit.pk)
        known = gate.facts(resident)
        told_at = _after_all(known, visit)
        at = moment_of(saved)
        facts = facts_from(
            resident.person_id, contact, effective_at=at, recorded_at=max(told_at, at)
        )
        # A fact withdraws its equals up to its own time: not those of the correction.
        wrong = withdrawn(_said(known, visit), told_at - _MOMENT)
        _store(gate, pl.concat([wrong, facts]), saved.source, contact)
        _keep_version(gate, saved)
        _after(gate, resident, saved, also)
    return saved


def moment_of(visit: Visit) -> datetime:
    """When a visit's facts hold: noon of its day, and as many microseconds as it has numbers.

    No two visits share it, and of one day's visits the one recorded later holds later.
    """
    return datetime.combine(visit.happened_on, time(12)) + visit.pk * _MOMENT


def facts_of(gate: Gate, resident: Resident, visit: Visit) -> pl.DataFrame:
    """The facts that a visit's answers became, as they stand."""
    return _said(gate.facts(resident), visit)


def _said(facts: pl.DataFrame, visit: Visit) -> pl.DataFrame:
    return standing(facts).filter(pl.col("effective_at") == moment_of(visit))


def _after_all(facts: pl.DataFrame, visit: Visit) -> datetime:
    """Now; just after what the visit said last, where the clock was turned back since."""
    spoken = facts.filter(pl.col("effective_at") == moment_of(visit))["recorded_at"]
    times: list[datetime] = [at + _MOMENT for at in spoken.to_list()]
    return max([wall_clock(), *times])


def withdrawn(facts: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Facts that withdraw these, as of a time."""
    mistaken = facts.with_columns(status=pl.lit("entered_in_error"), recorded_at=pl.lit(at))
    return mistaken.select(list(FACT_SCHEMA)).cast(FACT_SCHEMA)  # type: ignore[arg-type]


def facts_from(
    person_id: str, contact: Contact, *, effective_at: datetime, recorded_at: datetime
) -> pl.DataFrame:
    """Facts (without a source) of the answers that were given.

    Raises
    ------
    InputError
        Naming the variable, its value and what is plausible.
    """
    dictionary = load()
    document = contact.document
    rows = [
        {
            "person_id": person_id,
            "variable": key,
            **_value(dictionary[key], value),
            "unit": dictionary[key].unit or None,
            "effective_at": effective_at,
            "recorded_at": recorded_at,
            "status": "final",
            "context": (contact.context or {}).get(key),
            "raw": document.raw.get(key) if document else None,
            "field": document.field.get(key) if document else None,
        }
        for key, value in contact.answers.items()
        if value is not None and value != ""
    ]
    return pl.DataFrame(rows, schema=FACT_SCHEMA)


def _value(variable: Variable, value: Any) -> dict[str, Any]:
    """`number` and `text` of a fact."""
    if variable.kind == "boolean":
        return {"number": float(bool(value)), "text": None}
    if variable.kind == "number":
        number = float(value)
        low, high = variable.low, variable.high
        if (low is not None and number < low) or (high is not None and number > high):
            raise InputError(
                f"{number:g} {variable.unit} is outside {low:g} to {high:g}",
                where=variable.key,
                remedy="measure or read it again",
            )
        return {"number": number, "text": None}
    if variable.kind == "code" and value not in variable.values:
        raise InputError(f"no answer {value!r}", where=variable.key, remedy="choose one offered")
    text = value.isoformat() if isinstance(value, date) else str(value)
    return {"number": None, "text": text}


class _VisitReading:
    """The facts of one visit as a source of their own."""

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


def _store(gate: Gate, facts: pl.DataFrame, source_id: str, contact: Contact) -> None:
    document = contact.document
    source = Source(
        source_id=source_id,
        kind="visit",
        name=contact.kind,
        sha256=document.sha256 if document else hashlib.sha256(source_id.encode()).hexdigest(),
        # Told anew by each save: a store takes the same words of the same sender for one fact.
        sender=f"careloop:{gate.user.username}:{source_id}",
        read_at=datetime.now(UTC),
        mapping=document.kind if document else "",
        software=f"careloop {__version__}",
    )
    told = facts.with_columns(source=pl.lit(source_id))
    DatabaseStore().add(_VisitReading(told, source))


def _kept(contact: Contact) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in contact.answers.items()
    }


def _keep_version(gate: Gate, visit: Visit) -> None:
    VisitVersion.gated.create(
        visit=visit,
        resident_id=visit.resident_id,
        organisation_id=visit.organisation_id,
        version=visit.version,
        happened_on=visit.happened_on,
        answers=visit.answers,
        author=gate.user,
    )
