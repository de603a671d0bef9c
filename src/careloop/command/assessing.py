"""`careloop assess`: everybody in a source, or one person's reasons."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rich.console import Console

from careloop.command.opening import open_facts, store_url
from careloop.command.progress import steps
from careloop.dictionary.catalogue import load
from careloop.error import InputError
from careloop.programmes.assessment import Assessment, assess
from careloop.programmes.programme import programme as find_programme
from careloop.programmes.reasons import reasons
from careloop.programmes.report import write_report
from careloop.programmes.results import write_results
from careloop.records.snapshot import Snapshot, snapshot


def assess_source(
    source: str | None,
    out: Path,
    *,
    mapping: Path | None,
    as_of: date,
    programme: str,
    experimental: bool,
    language: str,
) -> Assessment:
    """Assess everybody and write tables, summary and report into a folder."""
    disease = find_programme(programme, experimental=experimental)
    with steps(("读取", "工具与诊断", "写出结果")) as progress:
        with open_facts(source, dictionary=load(), mapping=mapping, as_of=as_of) as (facts, read):
            taken = snapshot(facts, as_of, load())
        progress.advance()
        if taken.frame.is_empty():
            raise InputError(
                f"nothing was known about anybody on {as_of}",
                where=source or store_url(),
                remedy="choose a later --as-of, or import something first",
            )
        result = assess(taken, disease, language=language)
        progress.advance()
        written = write_results(result, out)
        written.append(write_report(result, taken, out / "report.html", read=read))
        progress.advance()
    console = Console()
    console.print(
        f"{result.frame.height} 人，截至 {as_of}"
        if language == "zh"
        else f"{result.frame.height} people as of {as_of}"
    )
    for path in written:
        console.print(f"  {path}", soft_wrap=True, highlight=False)
    return result


def explain_person(
    source: str | None,
    person_id: str,
    *,
    mapping: Path | None,
    as_of: date,
    programme: str,
    experimental: bool,
    language: str,
) -> None:
    """Print one person's reasons."""
    from careloop.command.person import print_reasons  # noqa: PLC0415

    disease = find_programme(programme, experimental=experimental)
    with open_facts(source, dictionary=load(), mapping=mapping, as_of=as_of) as (facts, _):
        taken = _one(snapshot(facts, as_of, load()), person_id, source)
    found = reasons(taken, disease, [person_id], language=language)
    print_reasons(found[0], disease, load(), as_of=as_of, language=language)


def _one(taken: Snapshot, person_id: str, source: str | None) -> Snapshot:
    if person_id not in taken.frame["person_id"]:
        raise InputError(
            f"nobody with the id {person_id!r} on {taken.as_of}",
            where=source or store_url(),
            remedy="ids stand in the column person_id of assessments.csv, as the source spells them",
        )
    return taken
