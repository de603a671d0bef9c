"""Recording a contact: answers become facts, the visit, the standing and the audit, all or nothing.

A visit is saved once, however often its form arrives (`request_key`). A correction says which
version it corrects; if somebody else was faster, `VisitConflictError` carries what stands now, and
nothing is lost. Facts are never changed: a corrected answer withdraws the old fact and adds a new.
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
    rows = fact_rows(resident.person_id, contact)
    saved = gate.about(resident, Visit).filter(request_key=request_key)
    if (known := saved.first()) is not None:
        return known
    try:
        return _new(gate, resident, contact, rows, request_key=request_key, also=also)
    except IntegrityError:
        # The same form arrived twice at the same moment: the other one has saved it.
        if (known := saved.first()) is None:
            raise
        return known


def _new(
    gate: Gate,
    resident: Resident,
    contact: Contact,
    rows: list[dict[str, Any]],
    *,
    request_key: UUID,
    also: Also | None,
) -> Visit:
    with gate.writing(resident, "visit.write", kind=contact.kind):
        source = f"visit-{uuid4()}"
        _store(gate, rows, source, contact)
        visit = Visit(
            request_key=request_key,
            resident=resident,
            organisation_id=resident.organisation_id,
            programme=PROGRAMME,
            kind=contact.kind,
            happened_on=contact.happened_on,
            author=gate.user,
            answers=_kept(contact),
            source=source,
        )
        visit.save(force_insert=True)
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
    rows = fact_rows(resident.person_id, contact)
    with gate.writing(resident, "visit.write", kind=contact.kind, visit=str(visit.public_id)):
        source = f"visit-{uuid4()}"
        changed = (
            gate.about(resident, Visit)
            .filter(pk=visit.pk, version=version)
            .update(
                version=version + 1,
                answers=_kept(contact),
                happened_on=contact.happened_on,
                source=source,
                saved_at=timezone.now(),
            )
        )
        if not changed:
            raise VisitConflictError(gate.about(resident, Visit).get(pk=visit.pk))
        old = gate.facts(resident).filter(
            pl.col("source") == visit.source, pl.col("status") != "entered_in_error"
        )
        before = min(row["recorded_at"] for row in rows) if rows else wall_clock()
        withdrawn = old.with_columns(
            status=pl.lit("entered_in_error"),
            # A fact withdraws its equals up to its own time: not those of the correction.
            recorded_at=pl.lit(before - timedelta(microseconds=1)),
            source=pl.lit(source),
        )
        _store(gate, rows, source, contact, withdrawn=withdrawn)
        saved = gate.about(resident, Visit).get(pk=visit.pk)
        _keep_version(gate, saved)
        _after(gate, resident, saved, also)
    return saved


def fact_rows(person_id: str, contact: Contact) -> list[dict[str, Any]]:
    """Rows of `FACT_SCHEMA` (without a source) for the answers that were given.

    Raises
    ------
    InputError
        Naming the variable, its value and what is plausible.
    """
    dictionary = load()
    document = contact.document
    at = datetime.combine(contact.happened_on, time(12))
    now = wall_clock()
    return [
        {
            "person_id": person_id,
            "variable": key,
            **_value(dictionary[key], value),
            "unit": dictionary[key].unit or None,
            "effective_at": at,
            "recorded_at": max(now, at),
            "status": "final",
            "context": (contact.context or {}).get(key),
            "raw": document.raw.get(key) if document else None,
            "field": document.field.get(key) if document else None,
        }
        for key, value in contact.answers.items()
        if value is not None and value != ""
    ]


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


def _store(
    gate: Gate,
    rows: list[dict[str, Any]],
    source_id: str,
    contact: Contact,
    *,
    withdrawn: pl.DataFrame | None = None,
) -> None:
    frame = pl.DataFrame(rows, schema=FACT_SCHEMA).with_columns(source=pl.lit(source_id))
    if withdrawn is not None:
        frame = pl.concat([withdrawn.select(list(FACT_SCHEMA)), frame])
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
    DatabaseStore().add(_VisitReading(frame, source))


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
