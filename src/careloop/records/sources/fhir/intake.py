"""What every resource reader works with: whose, when, and where a fact goes.

A reader is a function `(intake, resource) -> outcome`. It raises `NotTakenError` where it can make
no fact; the reading turns that into an outcome and a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from careloop.dictionary.variable import Variable
from careloop.records.sources.fhir import finding
from careloop.records.sources.fhir.account import NOT_TAKEN, Account, NotTakenError, rejected
from careloop.records.sources.fhir.code import CodeBook
from careloop.records.sources.fhir.document import Document, Resource, identifiers_of
from careloop.records.sources.fhir.time import parse_time, settle

FactRow = tuple[Any, ...]
"""A fact in the order of `FACT_SCHEMA`, without `source`."""

TEXT_LENGTH = 1_000
_ID_LENGTH = 256
_CALLED = "Patient?identifier="

Elsewhere = Callable[[], Mapping[str, tuple[Resource, str]]]
"""Looks through the whole file for resources that are referred to."""


class Intake:
    """One reading's state while it goes through the resources of a file."""

    def __init__(
        self,
        book: CodeBook,
        account: Account,
        *,
        today: date,
        id_system: str = "",
        elsewhere: Elsewhere = dict,
    ) -> None:
        self.book, self.account, self.today = book, account, today
        self.rows: list[FactRow] = []
        self.row = 0
        self.reference = ""
        self.document = Document("", 0, [])
        self._id_system, self._elsewhere = id_system, elsewhere
        self._people: dict[str, str] = {}

    def open(self, document: Document) -> None:
        """Go on to another document; references mean its own resources first."""
        self.document = document
        self._people = {}

    @property
    def where(self) -> str:
        """Where the resource in hand stands, for findings."""
        return f"{self.document.where}: {self.reference or f'resource {self.row}'}"

    def find(self, code: str, value: object = "", detail: str = "") -> None:
        """Note a finding at the resource in hand."""
        self.account.find(code, self.where, value=value, detail=detail)

    # --- whose

    def person(self, resource: Resource) -> str:
        """The id of the person a resource is about, by `subject` or `patient`."""
        subject = resource.get("subject") or resource.get("patient")
        if not isinstance(subject, dict):
            raise rejected("no subject", finding.NO_SUBJECT)
        reference = subject.get("reference")
        if not isinstance(reference, str) or not reference:
            identifier = subject.get("identifier")
            if not isinstance(identifier, dict):
                raise rejected("no subject", finding.NO_SUBJECT)
            reference = f"{_CALLED}{identifier.get('system')}|{identifier.get('value')}"
        known = self._people.get(reference)
        if known is None:
            known = self._people[reference] = self._person_at(reference)
        return known

    def _person_at(self, reference: str) -> str:
        """The person that `Patient/x`, a URL, `urn:uuid:…` or `Patient?identifier=…` leads to."""
        term = reference.removeprefix(_CALLED) if reference.startswith(_CALLED) else ""
        system, _, value = term.partition("|")
        if value and self._id_system == system:
            return _identity(value)
        if found := self.resolve(reference):
            patient, full_url = found
            if patient.get("resourceType") == "Patient":
                return self.person_of(patient, full_url)
        kind, identity = ("Patient", "") if term else _type_and_id(reference)
        if kind == "Patient" and identity and not self._id_system:
            return _identity(identity)
        problem = "" if kind in ("Patient", "") else f"refers to a {kind}, not a Patient"
        raise rejected("unknown subject", finding.UNKNOWN_SUBJECT, reference, problem)

    def person_of(self, patient: Resource, full_url: str = "") -> str:
        """The id of a Patient: of the chosen identifier system, else the resource's own."""
        if self._id_system:
            start = f"{self._id_system}|"
            terms = [term for term in identifiers_of(patient) if term.startswith(start)]
            if not terms:
                raise rejected(
                    "no identifier of the chosen system",
                    finding.UNKNOWN_SUBJECT,
                    detail=f"no identifier of {self._id_system}",
                )
            return _identity(terms[0].removeprefix(start))
        identity = patient.get("id")
        if not isinstance(identity, str) or not identity:
            identity = full_url.removeprefix("urn:uuid:").rsplit("/", 1)[-1]
        if not identity:
            raise rejected("no subject", finding.NO_SUBJECT)
        return _identity(identity)

    def resolve(self, reference: str) -> tuple[Resource, str] | None:
        """The resource a reference leads to (Patient, Medication, Device or Organization)."""
        here = self.document.index
        if found := here.get(reference):
            return found
        kind, identity = _type_and_id(reference)
        short = f"{kind}/{identity}"
        if kind and (found := here.get(short)):
            return found
        if kind == "Patient" and not self._id_system:
            return None  # the reference itself says who; no need to look further
        there = self._elsewhere()
        return there.get(reference) or (there.get(short) if kind else None)

    def held(self, resource: Resource, reference: str) -> Resource | None:
        """The resource a reference leads to, contained in `resource` (`#id`) or elsewhere."""
        if not reference.startswith("#"):
            found = self.resolve(reference)
            return found[0] if found else None
        contained = resource.get("contained")
        for inner in contained if isinstance(contained, list) else []:
            if isinstance(inner, dict) and inner.get("id") == reference[1:]:
                return inner
        return None

    # --- when

    def moment(self, text: Any, known_at: datetime | None = None) -> datetime:
        """A FHIR time as the sender's wall clock; partial ones as `time.settle` says."""
        span = parse_time(text) if isinstance(text, str) else None
        if span is None:
            raise rejected("date not understood", finding.BAD_TIME, text)
        at = settle(span, self.today, known_at)
        if at is None:
            raise rejected("date in the future", finding.FUTURE, text)
        return at

    def date(self, text: Any) -> datetime:
        """A FHIR time that may lie in the future (the planned end of a drug)."""
        span = parse_time(text) if isinstance(text, str) else None
        if span is None:
            raise rejected("date not understood", finding.BAD_TIME, text)
        return span.last

    def end(self, start: datetime, said: datetime | None, *, over: bool) -> datetime | None:
        """The end of a period that began at `start`; None while it lasts.

        Where it is over and nobody says since when (or an end was planned that is still to come),
        the start stands for the end: it is known for its own day only and never as current
        afterwards. An end before the start is a mistake of one of the two; the start stands for it
        as well.
        """
        if said is None or (over and said.date() > self.today):
            if over:
                self.find(finding.END_UNKNOWN, detail=self.reference.partition("/")[0])
            return start if over else None
        if said < start:
            self.find(finding.END_BEFORE_START, f"{start:%Y-%m-%d} … {said:%Y-%m-%d}")
            return start
        return said

    def birth_date(self, resource: Resource) -> datetime | None:
        """The last day a person's birth date allows, if their Patient is in the file."""
        subject = resource.get("subject") or resource.get("patient") or {}
        reference = subject.get("reference")
        found = self.resolve(reference) if isinstance(reference, str) else None
        text = found[0].get("birthDate") if found else None
        span = parse_time(text) if isinstance(text, str) else None
        return span.last if span else None

    def recorded(self, text: Any) -> datetime | None:
        """When something became known, if that is said and can be."""
        if text is None:
            return None
        span = parse_time(text) if isinstance(text, str) else None
        at = settle(span, self.today) if span else None
        if at is None:
            self.find(finding.RECORDED_IN_FUTURE, text)
        return at

    def updated(self, resource: Resource) -> datetime | None:
        """`meta.lastUpdated`: the latest moment at which the resource's content became known."""
        meta = resource.get("meta")
        return self.recorded(meta.get("lastUpdated")) if isinstance(meta, dict) else None

    # --- what

    def status(self, resource: Resource, statuses: Mapping[str, str]) -> str:
        """The fact status that the resource's own `status` leads to.

        `statuses` leads from FHIR's to `final` or `entered_in_error`, or to "" for those that make
        no fact. A resource without one is taken as final, with a finding.
        """
        said = resource.get("status")
        if said is None:
            self.find(finding.NO_STATUS, detail=str(resource.get("resourceType")))
            return "final"
        status = statuses.get(said) if isinstance(said, str) else None
        if status is None:
            raise rejected("status not known", finding.MALFORMED, said, "status")
        if not status:
            raise NotTakenError(f"{NOT_TAKEN}{said}")
        return status

    def add(  # noqa: PLR0913 - a fact has as many parts
        self,
        person: str,
        variable: Variable,
        *,
        effective: datetime,
        recorded: datetime | None = None,
        number: float | None = None,
        text: str | None = None,
        until: datetime | None = None,
        status: str = "final",
        context: str | None = None,
        raw: str | None = None,
    ) -> None:
        """Add one fact, given in the variable's own unit."""
        if raw and (len(raw) > 200 or "\x00" in raw):
            raw = raw[:200].replace("\x00", "")
        self.rows.append(
            (
                person,
                variable.key,
                number,
                text,
                variable.unit,
                effective,
                until,
                recorded or effective,
                status,
                context,
                raw,
                self.row,
                self.reference,
            )
        )


def _type_and_id(reference: str) -> tuple[str, str]:
    """`Patient`, `x` of `Patient/x`, `https://…/Patient/x` and `Patient/x/_history/2`."""
    parts = reference.partition("/_history/")[0].rsplit("/", 2)
    if len(parts) < 2 or not parts[-2].isalpha():
        return "", ""
    return parts[-2], parts[-1]


def _identity(value: str) -> str:
    if len(value) > _ID_LENGTH or "\x00" in value:
        raise rejected("no usable id", finding.MALFORMED, value)
    return value
