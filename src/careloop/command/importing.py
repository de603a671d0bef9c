"""`careloop import`: files into a store, with an account of everything met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from careloop.command.opening import open_store
from careloop.command.opening import store_url as name_of
from careloop.dictionary.catalogue import load
from careloop.error import InputError
from careloop.programmes.results import write_whole
from careloop.records.finding import FINDINGS
from careloop.records.reading import ImportReport, Reading, Source
from careloop.records.sources.opening import open_reading
from careloop.records.store import Added

_FINDINGS_SHOWN = 40
DOCUMENTS = (".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
"""Endings of files that are read as DXA reports."""


class Watched:
    """A reading that moves a progress line while somebody else consumes it."""

    def __init__(self, reading: Reading, progress: Progress) -> None:
        self._reading, self._progress = reading, progress
        self.source: Source = reading.source
        self.report: ImportReport = reading.report

    def batches(self) -> Iterator[pl.DataFrame]:
        """The reading's own batches."""
        task = self._progress.add_task(self.source.name)
        facts = 0
        for batch in self._reading.batches():
            facts += batch.height
            self._progress.update(task, description=f"{self.source.name}: {facts:,}")
            yield batch
        self._progress.remove_task(task)

    def rejected(self) -> pl.DataFrame:
        """The reading's rejected rows."""
        return self._reading.rejected()


def import_files(
    inputs: Sequence[Path],
    *,
    mapping: Path | None,
    store_url: str,
    dry_run: bool,
    rejected: Path | None,
    as_of: date | None,
    person_system: str,
    person: str,
    language: str,
) -> None:
    """Import files one after the other; each is stored whole or not at all.

    Raises
    ------
    InputError
        If they were to be stored beside the demo community.
    """
    if not dry_run:
        _not_beside_the_demo(store_url)
    console, stored = Console(), []
    for path in inputs:
        if mapping is None and path.suffix.lower() in DOCUMENTS:
            from careloop.imaging.report.fact import DxaReportReading  # noqa: PLC0415 - heavy

            reading: Reading = DxaReportReading(path, dictionary=load(), person_id=person)
        else:
            reading = open_reading(
                path, dictionary=load(), mapping=mapping, as_of=as_of, person_system=person_system
            )
        added = read_into(reading, None if dry_run else store_url)
        print_report(reading, added, console, language=language)
        target = rejected or Path(f"{path.stem.split('.')[0]}-rejected.csv")
        write_rejected(reading, target, console, zh=language == "zh")
        stored += [added.source_id] if added else []
    _register(stored, store_url, console, zh=language == "zh")


def _not_beside_the_demo(url: str) -> None:
    """Every page of a site with the demo says of everybody that they do not exist."""
    if getattr(open_store(name_of(url)), "alias", "") != "default":
        return
    from careloop.web.site.simulated import ask  # noqa: PLC0415 - loads the site

    if ask():
        raise InputError(
            "this database holds the demo community, of people who do not exist",
            where=name_of(url).rpartition("@")[2],
            remedy="keep real people elsewhere: CARELOOP_DATABASE_URL=sqlite:////srv/careloop/"
            "careloop.sqlite3, or --db (docs/how-to/run-a-site.md)",
        )


def _register(sources: Sequence[str], url: str, console: Console, *, zh: bool) -> None:
    """Bring the site's register in step, where the facts went into the site's own database."""
    if not sources or getattr(open_store(name_of(url)), "alias", "") != "default":
        return
    from careloop.web.registry.registration import after_import  # noqa: PLC0415 - loads the site

    done = after_import(sources)
    console.print(
        f"  站点：新登记 {done.new:,} 人，更新 {done.changed:,} 人，{done.standings:,} 人已重新评估"
        if zh
        else f"  site: {done.new:,} people registered, {done.changed:,} changed, "
        f"{done.standings:,} assessed anew",
        highlight=False,
        soft_wrap=True,
    )


def write_rejected(reading: Reading, target: Path, console: Console, *, zh: bool) -> None:
    """Write the rows to mend, if any, as a CSV that Excel opens, and say where."""
    rows = reading.rejected()
    if rows.is_empty():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, partial(rows.write_csv, include_bom=True))
    console.print(
        f"  {rows.height} 行需要修改后再次导入：{target}"
        if zh
        else f"  {rows.height} rows to mend and import again: {target}",
        highlight=False,
        soft_wrap=True,
    )


def read_into(reading: Reading, url: str | None) -> Added | None:
    """Consume a reading into a store (`None`: only read it, for the account)."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        watched = Watched(reading, progress)
        if url is None:
            for _ in watched.batches():
                pass
            return None
        return open_store(name_of(url)).add(watched)


def print_report(reading: Reading, added: Added | None, console: Console, *, language: str) -> None:
    """Print what became of every column or resource type, and the findings with their remedy."""
    report, zh = reading.report, language == "zh"
    head = f"[bold]{reading.source.name}[/bold]  {report.records:,} → {report.facts:,} facts"
    if added is None:
        head += "  （只检查，未写入）" if zh else "  (dry run, nothing stored)"
    elif added.already_imported:
        head += "  （已导入过，无新增）" if zh else "  (imported before, nothing new)"
    else:
        head += f"  +{added.new_facts:,}"
    console.print(head)
    if report.columns:
        console.print(_columns(report, zh=zh))
    if report.resources:
        console.print(_resources(report))
    for name in report.ignored_columns:
        console.print(f"  {'未映射的列' if zh else 'not mapped'}: {name}", highlight=False)
    for variable, value in report.assumptions.items():
        console.print(
            f"  {'声明的假设' if zh else 'assumed'}: {variable} = {value}", highlight=False
        )
    _print_findings(report, console, zh=zh)


_ACCOUNT = {
    "taken": ("采用", "taken"),
    "converted": ("换算", "conv."),
    "missing": ("缺失", "missing"),
    "unknown": ("不明", "unclear"),
    "out_of_range": ("超范围", "range"),
    "other": ("拒收行", "row"),
}


def _columns(report: ImportReport, *, zh: bool) -> Table:
    """What became of every column's cells; a dot is nought, so that the rest stands out."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    head = "列 → 变量" if zh else "column → variable"
    table.add_column(head, overflow="fold", max_width=34)
    for words in _ACCOUNT.values():
        table.add_column(words[0 if zh else 1], justify="right", no_wrap=True, min_width=5)
    for account in report.columns.values():
        counts = (getattr(account, name) for name in _ACCOUNT)
        name = f"{account.column} → {account.variable}"
        table.add_row(name, *(f"{count:,}" if count else "·" for count in counts))
    return table


def _resources(report: ImportReport) -> Table:
    table = Table(header_style="bold")
    table.add_column("resource")
    table.add_column("met", justify="right")
    table.add_column("outcome", overflow="fold")
    for kind, met in report.resources.most_common():
        parts = [
            f"{outcome} {count:,}"
            for (resource, outcome), count in report.outcomes.most_common()
            if resource == kind
        ]
        table.add_row(kind, f"{met:,}", "; ".join(parts))
    return table


def _print_findings(report: ImportReport, console: Console, *, zh: bool) -> None:
    for finding in report.findings[:_FINDINGS_SHOWN]:
        kind = FINDINGS[finding.code]
        style = {"error": "red", "warning": "yellow", "info": "dim"}[kind.severity]
        words = kind.zh if zh else kind.en
        remedy = kind.remedy_zh if zh else kind.remedy_en
        times = f" ×{finding.count:,}" if finding.count > 1 else ""
        text = f"  {finding.code} {finding.where}{times}: {words}"
        text += f" [{finding.value}]" if finding.value else ""
        text += f" {finding.detail}" if finding.detail else ""
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
        console.print(
            f"       → {remedy}", style="dim", markup=False, highlight=False, soft_wrap=True
        )
    if len(report.findings) > _FINDINGS_SHOWN:
        console.print(f"  … +{len(report.findings) - _FINDINGS_SHOWN}")
