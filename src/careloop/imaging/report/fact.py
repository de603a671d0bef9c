"""A DXA report as facts: only what is checked, or confirmed by a person, becomes one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl

from careloop import __version__
from careloop.dictionary.catalogue import Dictionary
from careloop.error import InputError
from careloop.imaging.report import finding
from careloop.imaging.report.report import DxaReport, RegionValue
from careloop.records.fact import FACT_SCHEMA, empty_facts
from careloop.records.finding import FINDINGS, Finding
from careloop.records.reading import ImportReport, Source

REJECTED_SCHEMA = {
    "page": pl.Int64(),
    "place": pl.String(),
    "key": pl.String(),
    "region": pl.String(),
    "side": pl.String(),
    "variable": pl.String(),
    "raw": pl.String(),
    "status": pl.String(),
    "reason": pl.String(),
}
_NO_VARIABLE = "no variable"
_DERIVED = "mean of two sides"
_NOT_CONFIRMED = "to be confirmed"


def report_facts(
    report: DxaReport,
    *,
    source_id: str,
    person_id: str,
    dictionary: Dictionary,
    scanned_on: date | None = None,
    confirmed: Mapping[str, float] | None = None,
    first_row: int = 1,
) -> pl.DataFrame:
    """The facts of one results table, in the order of its rows.

    Parameters
    ----------
    report
        A read report.
    source_id, person_id
        Written beside every fact.
    dictionary
        Says which variables there are, and their limits of data entry.
    scanned_on
        Date of the scan; default: the report's, where it is proven (`scanned_on_checked`).
    confirmed
        `RegionValue.key` → the value a person read on the picture. Values that were read from a
        picture and could not be proven become facts only so; refused ones are entered so.
    first_row
        Number of the first value, where several tables come from one source.

    Returns
    -------
    pl.DataFrame
        Facts (`FACT_SCHEMA`): status final, `field` the place on the page ("page 1 (x0,y0,x1,y1)"),
        `raw` the printed text where it differs from the value. Means of two sides are derived and
        make no facts.

    Raises
    ------
    InputError
        If the date of the scan is not known.
    """
    effective = _moment(report, scanned_on)
    rows = []
    for row, each in enumerate((*report.values, *report.refused), first_row):
        value = _taken(each, dictionary, confirmed or {})
        if isinstance(value, str):
            continue
        variable = dictionary[each.variable]
        rows.append(
            {
                "person_id": person_id,
                "variable": variable.key,
                "number": value,
                "text": None,
                "unit": variable.unit,
                "effective_at": effective,
                "until": None,
                "recorded_at": effective,
                "status": "final",
                "context": _context(report, each, variable.context),
                "raw": None if each.raw == f"{value}" else each.raw,
                "source": source_id,
                "row": row,
                "field": each.place,
            }
        )
    return pl.DataFrame(rows, schema=FACT_SCHEMA) if rows else empty_facts()


def _taken(
    each: RegionValue, dictionary: Dictionary, confirmed: Mapping[str, float]
) -> float | str:
    """The number that becomes a fact, or why none does."""
    if each.side == "mean":
        return _DERIVED
    if each.variable not in dictionary:
        return _NO_VARIABLE
    variable = dictionary[each.variable]
    value = confirmed.get(each.key)
    if value is None:
        if each.status == "refused":
            return "refused"
        if each.status == "to_confirm":
            return _NOT_CONFIRMED
        value = each.value
    low, high = variable.low, variable.high
    if (low is not None and value < low) or (high is not None and value > high):
        return "out of range"
    return value


def _context(report: DxaReport, each: RegionValue, known: tuple[str, ...]) -> str | None:
    """Device, reference database and side, where they are known and the variable keeps them."""
    said = {
        "device": report.maker,
        "reference_db": report.reference_key or _slug(report.reference),
        "side": each.side,
    }
    kept = {name: text for name, text in said.items() if text and name in known}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True) if kept else None


def _slug(words: str) -> str:
    return re.sub(r"\W+", "_", words.casefold()).strip("_")


def _moment(report: DxaReport, scanned_on: date | None) -> datetime:
    day = scanned_on or (report.scanned_on if report.scanned_on_checked else None)
    if day is None:
        raise InputError(
            "the date of the scan was not read for certain",
            where=f"page {report.page}",
            remedy="state the date of the scan",
        )
    return datetime.combine(day, time.min)


def _new(facts: pl.DataFrame, seen: set[tuple[Any, ...]]) -> pl.DataFrame:
    """The facts that no other table of the document (a summary page) stated before."""
    keys = facts.select("person_id", "variable", "context", "effective_at").rows()
    fresh = facts.filter([key not in seen for key in keys])
    seen.update(keys)
    return fresh


class DxaReportReading:
    """A `Reading` of one DXA report; `report` is complete once `batches()` is exhausted.

    Parameters
    ----------
    path
        PDF, scan or photograph.
    dictionary
        Says which variables there are.
    person_id
        Whose report it is. Default: the patient id printed, taken from a text layer only (one read
        by OCR may belong to somebody else).
    scanned_on
        Date of the scan where the report's own is missing or not proven.
    confirmed
        What a person read on the picture, see `report_facts`.
    sender
        Who sent the file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        dictionary: Dictionary,
        person_id: str = "",
        scanned_on: date | None = None,
        confirmed: Mapping[str, float] | None = None,
        sender: str = "",
    ) -> None:
        self._path, self._dictionary = Path(path), dictionary
        self._person_id, self._scanned_on = person_id, scanned_on
        self._confirmed = dict(confirmed or {})
        self.source = self._source(sender)
        self.report = ImportReport()
        self._rejected: list[dict[str, Any]] = []

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield the facts of each results table; may be called again and starts anew.

        Raises
        ------
        InputError
            The file is no document, or holds no results table.
        """
        from careloop.imaging.report.reader import read_report

        self.report.__dict__.update(ImportReport().__dict__)
        self._rejected = []
        reports = read_report(self._path)
        if not reports:
            kind = FINDINGS[finding.NO_TABLE]
            raise InputError(kind.en, where=self._path.name, remedy=kind.remedy_en)
        people = {each.subject.person_id for each in reports if each.subject_checked} - {""}
        seen: set[tuple[Any, ...]] = set()
        row = 1
        for each in reports:
            self.report.findings += each.findings
            facts = self._facts(each, people, row)
            facts = _new(facts, seen)
            row += len(each.values) + len(each.refused)
            self.report.facts += facts.height
            if facts.height:
                yield facts
        self.report.records = row - 1
        self.report.persons = len({key[0] for key in seen})
        self.report.rejected_records = len(self._rejected)

    def rejected(self) -> pl.DataFrame:
        """The values that became no facts: page, place, region, printed text, status, reason."""
        return pl.DataFrame(self._rejected, schema=REJECTED_SCHEMA)

    def _facts(self, report: DxaReport, people: set[str], first_row: int) -> pl.DataFrame:
        """The facts of one table; without a person or a date all of it is rejected."""
        person, problem = self._person(report, people), ""
        if not person:
            problem = "no person"
            self._find(finding.NO_PERSON, report)
        elif self._scanned_on is None and not report.scanned_on_checked:
            problem = "no scan date"
            if report.scanned_on is not None:  # read by OCR, nothing to prove it
                self._find(finding.NO_DATE, report)
        for each in (*report.values, *report.refused):
            taken = _taken(each, self._dictionary, self._confirmed)
            reason = problem or (taken if isinstance(taken, str) else "")
            self.report.outcomes["DXA value", f"rejected: {reason}" if reason else "fact"] += 1
            if reason:
                self._reject(each, reason)
            if reason == _NO_VARIABLE:
                self._find(finding.NO_VARIABLE, report, each.site)
        if problem:
            return empty_facts()
        return report_facts(
            report,
            source_id=self.source.source_id,
            person_id=person,
            dictionary=self._dictionary,
            scanned_on=self._scanned_on,
            confirmed=self._confirmed,
            first_row=first_row,
        )

    def _person(self, report: DxaReport, people: set[str]) -> str:
        """Whose values they are; nobody's where one id was given for reports of several people."""
        own = report.subject.person_id if report.subject_checked else ""
        if self._person_id:
            return self._person_id if len(people) < 2 else ""
        return own

    def _find(self, code: str, report: DxaReport, detail: str = "") -> None:
        found = Finding(code, f"page {report.page}", detail=detail)
        if found not in self.report.findings:
            self.report.findings.append(found)

    def _reject(self, each: RegionValue, reason: str) -> None:
        self._rejected.append(
            {
                "page": each.page,
                "place": each.place,
                "key": each.key,
                "region": each.label,
                "side": each.side,
                "variable": each.variable,
                "raw": each.raw,
                "status": each.status,
                "reason": reason,
            }
        )

    def _source(self, sender: str) -> Source:
        try:
            with self._path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(
                f"cannot be opened: {error.strerror or error}",
                where=self._path.name,
                remedy="check the path",
            ) from None
        stated = json.dumps(
            [self._person_id, str(self._scanned_on or ""), sorted(self._confirmed.items())]
        )
        mapping = hashlib.sha256(stated.encode()).hexdigest()
        return Source(
            source_id=hashlib.sha256(f"dxa_report\n{sha256}\n{mapping}".encode()).hexdigest(),
            kind="dxa_report",
            name=self._path.name,
            sha256=sha256,
            sender=sender,
            read_at=datetime.now(UTC).replace(tzinfo=None),
            mapping=mapping,
            software=f"careloop {__version__}",
        )
