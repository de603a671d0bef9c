"""`careloop demo` and `careloop run --report-only`: the demo community, from files to report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.console import Console

from careloop.command.importing import read_into, write_rejected
from careloop.command.opening import open_store
from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Text
from careloop.programmes.osteoporosis.demo import DemoFile, write_demo
from careloop.programmes.osteoporosis.demo.writing import PEOPLE
from careloop.records.identity import IDENTITY, possible_duplicates
from careloop.records.reading import Reading
from careloop.records.sources.opening import open_reading
from careloop.records.store import Added

AS_OF = date(2026, 6, 30)
"""The demo's date: after its screening, before today."""
SIMULATED = Text(
    "模拟数据：这个社区和其中的人都不存在。",
    "Simulated data: this community and its people do not exist.",
)


def write_community(out: Path, *, seed: int, people: int = PEOPLE) -> list[DemoFile]:
    """Write the files of the demo community and say what each is."""
    files = write_demo(out, seed=seed, people=people)
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
    import_community(files, url, out, console, zh=zh)
    console.print("[bold]3[/bold] " + ("评估" if zh else "assess"))
    note = SIMULATED[language]
    assess_source(Question(source=url, as_of=AS_OF, language=language, note=note), out / "report")
    tell_duplicates(url, console, zh=zh)
    report = (out / "report" / "report.html").resolve()
    console.print(
        f"[bold green]{'报告' if zh else 'report'}[/bold green] {report}",
        soft_wrap=True,
        highlight=False,
    )
    return report


def import_community(
    files: Sequence[DemoFile], url: str, out: Path, console: Console, *, zh: bool
) -> None:
    """Import the files as on any day; the rows to mend come below `out`."""
    for file in files:
        reading = open_reading(
            file.path, dictionary=load(), mapping=file.mapping, sender=file.path.stem
        )
        added = read_into(reading, url)
        _tell(reading, added, console, zh=zh)
        write_rejected(reading, out / "rejected" / f"{file.path.stem}.csv", console, zh=zh)


def _tell(reading: Reading, added: Added | None, console: Console, *, zh: bool) -> None:
    report, new = reading.report, added.new_facts if added else 0
    words = (
        f"{report.records:,} 条记录 → {new:,} 条新事实"
        if zh
        else f"{report.records:,} records → {new:,} new facts"
    )
    if added and added.already_imported:
        words = "已导入过，无新增" if zh else "imported before, nothing new"
    console.print(f"  {reading.source.name}: {words}", highlight=False, soft_wrap=True)


def tell_duplicates(url: str, console: Console, *, zh: bool) -> None:
    """Print which ids may be one person each."""
    pairs = possible_duplicates(open_store(url).facts(variables=IDENTITY))
    words = (
        f"{pairs.height} 对编号可能是同一人，请核对"
        if zh
        else f"{pairs.height} pairs of ids may be one person each: please check"
    )
    console.print(f"  {words}", highlight=False)
    for first, second, _ in pairs.rows():
        console.print(f"    {first} = {second}", highlight=False)
