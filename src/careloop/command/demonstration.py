"""`careloop demo` and `careloop run`: the demo community, from its files to the report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rich.console import Console

from careloop.command.importing import read_into
from careloop.dictionary.catalogue import load
from careloop.programmes.osteoporosis.demo import DemoFile, write_demo
from careloop.records.reading import Reading
from careloop.records.sources.opening import open_reading

AS_OF = date(2026, 6, 30)
"""The demo's date: after its screening, before today."""


def write_community(out: Path, *, seed: int) -> list[DemoFile]:
    """Write the files of the demo community and say what each is."""
    files = write_demo(out, seed=seed)
    console = Console()
    for file in files:
        mapping = f"  ← {file.mapping.name}" if file.mapping else ""
        console.print(f"  {file.path}{mapping}", soft_wrap=True, highlight=False)
    return files


def run_demo(out: Path, *, language: str) -> Path:
    """Write, import and assess the demo community; print where the report is."""
    from careloop.command.assessing import Question, assess_source  # noqa: PLC0415 - loads every room

    console, zh = Console(), language == "zh"
    words = "示范社区（模拟数据）" if zh else "demo community (simulated)"
    console.print(f"[bold]1[/bold] {words}")
    files = write_community(out / "files", seed=20261122)
    console.print("[bold]2[/bold] " + ("导入" if zh else "import"))
    url = f"sqlite:///{(out / 'community.sqlite3').resolve()}"
    for file in files:
        reading = open_reading(
            file.path, dictionary=load(), mapping=file.mapping, sender=file.path.stem
        )
        added = read_into(reading, url)
        _tell(reading, new=added.new_facts if added else 0, console=console, zh=zh)
    console.print("[bold]3[/bold] " + ("评估" if zh else "assess"))
    assess_source(Question(source=url, as_of=AS_OF, language=language), out / "report")
    report = (out / "report" / "report.html").resolve()
    console.print(
        f"[bold green]{'报告' if zh else 'report'}[/bold green] {report}",
        soft_wrap=True,
        highlight=False,
    )
    return report


def _tell(reading: Reading, *, new: int, console: Console, zh: bool) -> None:
    report = reading.report
    words = (
        f"{report.records:,} 条记录 → {new:,} 条新事实；{report.rejected_records:,} 行需修改"
        if zh
        else f"{report.records:,} records → {new:,} new facts; {report.rejected_records:,} to mend"
    )
    console.print(f"  {reading.source.name}: {words}", highlight=False, soft_wrap=True)
