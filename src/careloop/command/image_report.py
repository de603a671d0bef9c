"""`careloop image report`: DXA reports as text, as JSON, or as facts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from careloop.command.imaging import check_paths
from careloop.command.importing import DOCUMENTS
from careloop.command.progress import counting
from careloop.dictionary.catalogue import load
from careloop.error import InputError
from careloop.imaging.report import read_report, render_text
from careloop.imaging.report.fact import DxaReportReading
from careloop.programmes.results import write_whole
from careloop.records.fact import empty_facts
from careloop.records.finding import FINDINGS, Finding

_STYLE = {"error": "red", "warning": "yellow", "info": "dim"}


def print_reports(
    paths: Sequence[Path], *, as_json: bool, facts_file: Path | None, person: str, language: str
) -> None:
    """Print every results table of every document, or write what becomes facts.

    Raises
    ------
    InputError
        If a document held no table, so that scripts notice; the others are read all the same.
    """
    check_paths(paths)
    files = list(_documents(paths))
    told: list[dict[str, Any]] = []
    tables: list[pl.DataFrame] = [empty_facts()]
    failed = 0
    for file in counting(files):
        try:
            if facts_file is not None:
                tables += _facts(file, person, language)
            else:
                told += _tables(file, language, as_json=as_json)
        except InputError as error:
            failed += 1
            Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
    if facts_file is not None:
        rows = pl.concat(tables)
        facts_file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(facts_file, rows.write_parquet)
        zh = language.startswith("zh")
        words = (
            f"{rows.height} 条事实：{facts_file}" if zh else f"{rows.height} facts: {facts_file}"
        )
        _say(words, "bold")
    elif as_json:
        print(json.dumps(told, ensure_ascii=False, indent=1))  # noqa: T201 - the answer
    if failed or not files:
        raise InputError(
            f"{failed} of {len(files)} documents could not be read" if files else "no document",
            remedy="see above" if files else f"documents end in {', '.join(DOCUMENTS)}",
        )


def _tables(file: Path, language: str, *, as_json: bool) -> list[dict[str, Any]]:
    reports = read_report(file)
    if not reports:
        raise InputError(
            "no table of bone density results was found",
            where=file.name,
            remedy="give the page with the results, or a sharper picture",
        )
    if as_json:
        return [{"file": file.name, **report.to_json()} for report in reports]
    _say(file.name, "bold")
    for report in reports:
        _say(render_text(report, language))
        _print_findings(report.findings, zh=language.startswith("zh"))
        _say("")
    return []


def _facts(file: Path, person: str, language: str) -> list[pl.DataFrame]:
    """The facts of one document, and on the screen what became of its values."""
    reading = DxaReportReading(file, dictionary=load(), person_id=person)
    found = [
        batch.with_columns(source=pl.lit(reading.source.source_id)) for batch in reading.batches()
    ]
    _say(file.name, "bold")
    for (what, outcome), count in reading.report.outcomes.most_common():
        _say(f"  {what}: {outcome} ×{count}")
    _print_findings(reading.report.findings, zh=language.startswith("zh"))
    return found


def _documents(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            files = (file for file in sorted(path.rglob("*")) if file.is_file())
            yield from (file for file in files if file.suffix.lower() in DOCUMENTS)
        else:
            yield path


def _print_findings(findings: Sequence[Finding], *, zh: bool) -> None:
    for one in dict.fromkeys(findings):
        kind = FINDINGS[one.code]
        words = f"  {one.code} {one.where}: {kind.zh if zh else kind.en}"
        _say(words + (f" {one.detail}" if one.detail else ""), _STYLE[kind.severity])


def _say(text: str, style: str = "") -> None:
    Console().print(text, style=style, markup=False, highlight=False, soft_wrap=True)
