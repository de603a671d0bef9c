"""A document read: pages to words, words to tables, tables to checked reports."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from careloop.imaging.report import finding
from careloop.imaging.report.check import check, repeats, status
from careloop.imaging.report.entry import Entry, Placed, place
from careloop.imaging.report.line import tokens
from careloop.imaging.report.number import QUANTITIES, UNITS
from careloop.imaging.report.particulars import Particulars, read_particulars
from careloop.imaging.report.report import DxaReport, RegionValue
from careloop.imaging.report.table import find_tables
from careloop.imaging.report.word import Page
from careloop.records.finding import Finding


def read_report(path: str | os.PathLike[str]) -> list[DxaReport]:
    """The results tables of a DXA report: PDF, scan or photograph of Hologic, GE Lunar, Norland.

    Returns
    -------
    list of DxaReport
        One for each results table, in the order of the pages; empty where there is none.

    Raises
    ------
    InputError
        If the file cannot be opened as a document.
    MissingExtra
        If a page is a picture and `careloop[ocr]` is not installed.
    """
    from careloop.imaging.report.page import read_pages

    return read_page_reports(read_pages(path))


def read_page_reports(pages: Sequence[Page]) -> list[DxaReport]:
    """The results tables on pages that were read already."""
    found: list[tuple[Page, Placed, Particulars]] = []
    for page in pages:
        words = tokens(page.words)
        ocr = _by_ocr(page)
        where = f"page {page.number}"
        tables = find_tables(words, ocr=ocr, where=where)
        particulars = read_particulars(words)
        text = " ".join(word.text for word in words)
        for table in tables:
            placed = place(
                table,
                particulars,
                others=tables,
                text=text,
                page=page.number,
                number=len(found),
                ocr=ocr,
                where=where,
            )
            found.append((page, placed, particulars))
    _compare(found)
    return [
        _report(page, placed, particulars)
        for page, placed, particulars in found
        if any(entry.site and entry.stat != "diff" for entry in placed.entries)
    ]


def _by_ocr(page: Page) -> bool:
    """Whether any word of a page was read from its picture: then none is taken on trust."""
    return page.read_from == "ocr" or any(word.confidence < 1 for word in page.words)


def _compare(found: Sequence[tuple[Page, Placed, Particulars]]) -> None:
    """Run the checks: within each table, then between tables of one scan."""
    check([entry for _, placed, _ in found for entry in placed.entries])
    scans: dict[tuple[Any, ...], list[Entry]] = {}
    for _, placed, particulars in found:
        who = particulars.subject.person_id or particulars.subject.name
        key = (who, particulars.scanned_on, particulars.maker)
        scans.setdefault(key, []).extend(placed.entries)
    for entries in scans.values():
        repeats(entries)


def _report(page: Page, placed: Placed, particulars: Particulars) -> DxaReport:
    ocr = _by_ocr(page)
    values = [
        _value(entry)
        for entry in placed.entries
        if entry.site and entry.stat != "diff" and entry.quantity in QUANTITIES
    ]
    kept = tuple(value for value in values if value.status != "refused")
    findings = [*page.findings, *placed.findings, *_reasons(values, page.number)]
    if particulars.scanned_on is None:
        code = finding.DATES if particulars.dates_differ else finding.NO_DATE
        findings.append(Finding(code, f"page {page.number}"))
    return DxaReport(
        maker=cast("Any", particulars.maker),
        device=particulars.device,
        software=particulars.software,
        scanned_on=particulars.scanned_on,
        scanned_on_checked=particulars.scanned_on is not None
        and (not ocr or _date_proven(particulars)),
        analysed_on=particulars.analysed_on,
        subject=particulars.subject,
        subject_checked=not ocr,
        age_y=particulars.age_y,
        ethnicity=particulars.ethnicity,
        site=cast("Any", placed.kind),
        side=placed.side,
        reference=particulars.reference,
        reference_key=particulars.reference_key,
        reference_z=particulars.reference_z,
        scan_id=particulars.scan_id,
        page=page.number,
        values=kept,
        refused=tuple(value for value in values if value.status == "refused"),
        findings=tuple(findings),
    )


def _value(entry: Entry) -> RegionValue:
    outcome = status(entry)
    return RegionValue(
        site=entry.site,
        quantity=cast("Any", entry.quantity),
        value=entry.value,
        unit=UNITS[entry.quantity],
        side=entry.stat,
        label=entry.label,
        raw=entry.word.text,
        page=entry.page,
        box=entry.word.box,
        confidence=round(entry.confidence, 3),
        status=cast("Any", outcome),
        checks=tuple(sorted(entry.passed)),
        reasons=tuple(sorted(entry.failed | entry.doubts))
        or ((finding.TO_CONFIRM,) if outcome == "to_confirm" else ()),
    )


def _reasons(values: Sequence[RegionValue], page: int) -> list[Finding]:
    """One finding for each reason and region, and one for all that is to be confirmed."""
    told: Counter[tuple[str, str]] = Counter()
    for value in values:
        for code in value.reasons:
            if value.status == "refused" or code != finding.BAD_NUMBER:
                told[code, "" if code == finding.TO_CONFIRM else value.site] += 1
    return [
        Finding(code, f"page {page}", detail=site, count=count)
        for (code, site), count in told.items()
    ]


def _date_proven(particulars: Particulars) -> bool:
    """Whether a second date or the age printed agrees with a scan date read by OCR."""
    scanned, born, age = (
        particulars.scanned_on,
        particulars.subject.born_on,
        particulars.age_y,
    )
    if scanned is None:
        return False
    if particulars.analysed_on == scanned:
        return True
    if born is None or age is None:
        return False
    return -0.06 <= (scanned - born).days / 365.25 - age < (0.11 if age % 1 else 1.01)
