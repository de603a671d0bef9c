"""Reading FHIR R4: resources in, facts and a full account of them out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from careloop import __version__
from careloop.dictionary.catalogue import Dictionary
from careloop.error import InputError
from careloop.records.fact import FACT_SCHEMA, empty_facts
from careloop.records.reading import ImportReport, Source
from careloop.records.sources.archive import Limits
from careloop.records.sources.fhir import finding
from careloop.records.sources.fhir.account import (
    IGNORED,
    NOT_READ,
    REJECTED,
    Account,
    NotTakenError,
    clip,
)
from careloop.records.sources.fhir.code import CodeBook
from careloop.records.sources.fhir.condition import read_condition, read_family, read_procedure
from careloop.records.sources.fhir.document import Document, Resource, read_documents
from careloop.records.sources.fhir.intake import FactRow, Intake
from careloop.records.sources.fhir.medicine import read_request, read_statement
from careloop.records.sources.fhir.observation import ObservationReader
from careloop.records.sources.fhir.patient import read_patient

Reader = Callable[[Intake, Resource], str]

BATCH = 50_000
"""Facts in a batch: about 20 MB."""
IGNORED_TYPES = frozenset({"Immunization"})
"""Types that are known and deliberately not read."""
NO_RESOURCE = "(entry without resource)"
NO_TYPE = "(no resourceType)"
_FAULTS = (TypeError, AttributeError, KeyError, ValueError, IndexError, OverflowError)
"""What a resource built otherwise than FHIR says runs into, somewhere in a reader."""
_COLUMNS = [name for name in FACT_SCHEMA if name != "source"]


def read_fhir(
    path: str | Path,
    *,
    dictionary: Dictionary,
    sender: str = "",
    today: date | None = None,
    person_id: str = "",
    limits: Limits | None = None,
) -> FhirReading:
    """Read a FHIR R4 file: a bundle, one resource or NDJSON, plain or in .gz, .zip or .tar.gz.

    Parameters
    ----------
    path
        The file; what it is is told by its content.
    dictionary
        Says which codes mean which variables, in which unit.
    sender
        Who sent it, for the source.
    today
        Dates after it are not taken; default: today.
    person_id
        System of the identifier that names persons (`urn:oid:…`); default: the Patient's own id.
    limits
        Bounds against decompression bombs.

    Returns
    -------
    FhirReading
        Read by iterating over its `batches()`.

    Raises
    ------
    InputError
        The file cannot be opened. Faults inside it are raised by `batches()`.
    """
    path, book = Path(path), CodeBook(dictionary)
    source = _source(path, sender, f"{book.fingerprint}\n{person_id}")
    today = today or datetime.now(UTC).astimezone().date()
    return FhirReading(path, book, source, _Settings(today, person_id, limits))


def read_resources(
    resources: Iterable[tuple[Resource, str]],
    book: CodeBook,
    *,
    today: date,
    source_id: str = "",
) -> tuple[pl.DataFrame, ImportReport]:
    """Read resources that are in memory already (what a CDS Hooks client prefetched).

    Parameters
    ----------
    resources
        Each with its `fullUrl` ("" if none); they may refer to one another.
    book
        The dictionary by code, made once and kept.
    today
        Dates after it are not taken.
    source_id
        Written beside every fact.

    Returns
    -------
    tuple
        Facts (`FACT_SCHEMA`, empty if there are none) and the account of every resource. Nothing
        that a resource holds makes this raise: what cannot be read is counted as rejected.
    """
    report = ImportReport()
    account = Account(report)
    intake = Intake(book, account, today=today)
    document = Document("request", 0, list(resources))
    intake.open(document)
    readers = _readers(intake)
    for resource, full_url in document.resources:
        _take(intake, readers, resource, full_url)
    report.records = intake.row
    account.close(len(intake.rows))
    return (_frame(intake.rows, source_id) if intake.rows else empty_facts()), report


@dataclass(frozen=True, slots=True)
class _Settings:
    today: date
    person_id: str
    limits: Limits | None


class FhirReading:
    """A `Reading` of one FHIR file; `report` is complete once `batches()` is exhausted."""

    def __init__(self, path: Path, book: CodeBook, source: Source, settings: _Settings) -> None:
        self._path, self._book, self._settings = path, book, settings
        self.source = source
        self.report = ImportReport()
        self._account = Account(self.report)

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield tables of facts (`FACT_SCHEMA`); may be called again and starts anew.

        Raises
        ------
        InputError
            The file is no FHIR, damaged, cut short or too large; what came before must be undone.
        """
        self._account = account = Account(self.report)
        self.report.__dict__.update(ImportReport().__dict__)
        intake = Intake(
            self._book,
            account,
            today=self._settings.today,
            id_system=self._settings.person_id,
            elsewhere=_once(self._look_elsewhere),
        )
        readers = _readers(intake)
        facts, skipped = 0, list[str]()
        for document in read_documents(self._path, limits=self._settings.limits, skipped=skipped):
            intake.open(document)
            for resource, full_url in document.resources:
                _take(intake, readers, resource, full_url)
                if len(intake.rows) >= BATCH:
                    facts += len(intake.rows)
                    yield _frame(intake.rows, self.source.source_id)
                    intake.rows = []
        for name in skipped:
            account.find(finding.NOT_FHIR_MEMBER, name, detail=name)
        self.report.records = intake.row
        account.close(facts + len(intake.rows))
        if not intake.row:
            raise InputError(
                "holds no FHIR resource", where=self._path.name, remedy="export it again"
            )
        if intake.rows:
            yield _frame(intake.rows, self.source.source_id)

    def rejected(self) -> pl.DataFrame:
        """The rejected resources: row, file, resource_type, reference, resource (JSON), reason."""
        return self._account.rejected()

    def _look_elsewhere(self) -> dict[str, tuple[Resource, str]]:
        """Everything in the file that other resources refer to; slim, by `fullUrl` and `Type/id`.

        Only looked for when something refers out of its own document.
        """
        found: dict[str, tuple[Resource, str]] = {}
        for document in read_documents(self._path, limits=self._settings.limits, skipped=[]):
            slim: dict[int, Resource] = {}
            for reference, (resource, full_url) in document.index.items():
                found[reference] = slim.setdefault(id(resource), _slim(resource)), full_url
        return found


def _take(intake: Intake, readers: Mapping[str, Reader], resource: Resource, full_url: str) -> None:
    """Read one resource and account for it."""
    intake.row += 1
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not kind:
        kind = NO_TYPE if resource else NO_RESOURCE
    identity = resource.get("id")
    named = isinstance(identity, str) and identity
    intake.reference = clip(f"{kind}/{identity}" if named else full_url, 200)
    reader = readers.get(kind)
    if reader is None and kind != "Patient":
        outcome = IGNORED if kind in IGNORED_TYPES else NOT_READ
        intake.account.count(kind[:64], outcome)
        return
    mark = len(intake.rows)
    try:
        outcome = reader(intake, resource) if reader else read_patient(intake, resource, full_url)
    except NotTakenError as error:
        outcome = error.outcome
        if error.code:
            intake.find(error.code, error.value, error.detail)
    except _FAULTS as error:
        outcome = f"{REJECTED}malformed"
        intake.find(finding.MALFORMED, detail=f"{kind}: {type(error).__name__}")
    if outcome.startswith(REJECTED):
        del intake.rows[mark:]
        intake.account.reject(
            resource,
            outcome,
            row=intake.row,
            where=intake.document.where,
            reference=intake.reference,
        )
    else:
        intake.account.persons.update(row[0] for row in intake.rows[mark:])
    intake.account.count(kind, outcome)


def _frame(rows: list[FactRow], source_id: str) -> pl.DataFrame:
    columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
    source = pl.repeat(source_id, len(rows), dtype=pl.String, eager=True)
    return pl.DataFrame(
        [
            source.alias(name) if name == "source" else pl.Series(name, columns[name], dtype=dtype)
            for name, dtype in FACT_SCHEMA.items()
        ]
    )


def _readers(intake: Intake) -> dict[str, Reader]:
    """A reader for every type that is read, but Patient (which needs its `fullUrl`)."""
    observations = ObservationReader(intake)
    return {
        "Observation": observations.read,
        "DiagnosticReport": observations.read_report,
        "Condition": read_condition,
        "Procedure": read_procedure,
        "FamilyMemberHistory": read_family,
        "MedicationRequest": read_request,
        "MedicationStatement": read_statement,
    }


def _slim(resource: Resource) -> Resource:
    kept = (
        "resourceType",
        "id",
        "identifier",
        "birthDate",
        "code",
        "ingredient",
        "name",
        "manufacturer",
        "deviceName",
    )
    return {name: resource[name] for name in kept if name in resource}


def _once(
    look: Callable[[], dict[str, tuple[Resource, str]]],
) -> Callable[[], dict[str, tuple[Resource, str]]]:
    held: list[dict[str, tuple[Resource, str]]] = []

    def get() -> dict[str, tuple[Resource, str]]:
        if not held:
            held.append(look())
        return held[0]

    return get


def _source(path: Path, sender: str, mapping: str) -> Source:
    """The file as received.

    Its id changes with its content, the chosen identifier and the codes that the dictionary knows:
    with a larger dictionary the same file has more to say.
    """
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"cannot be opened: {error.strerror or error}",
            where=path.name,
            remedy="check the path; a folder is read file by file",
        ) from None
    mapping_hash = hashlib.sha256(mapping.encode()).hexdigest()
    return Source(
        source_id=hashlib.sha256(f"fhir\n{sha256}\n{mapping_hash}".encode()).hexdigest(),
        kind="fhir",
        name=path.name,
        sha256=sha256,
        sender=sender,
        read_at=datetime.now(UTC).replace(tzinfo=None),
        mapping=mapping_hash,
        software=f"careloop {__version__}",
    )
