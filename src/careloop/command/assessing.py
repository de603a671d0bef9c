"""`careloop assess`: everybody in a source, or one person's reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from rich.console import Console

from careloop.command.change import print_changes
from careloop.command.opening import open_facts, store_url
from careloop.command.person import print_reasons
from careloop.command.progress import steps
from careloop.dictionary.catalogue import load
from careloop.error import InputError
from careloop.programmes.assessment import Assessment, assess
from careloop.programmes.programme import Programme
from careloop.programmes.programme import programme as find_programme
from careloop.programmes.reasons import reasons
from careloop.programmes.report import write_report
from careloop.programmes.results import write_results
from careloop.records.fact import known_at
from careloop.records.snapshot import snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who is to be assessed, as of when, by which programme, in which language.

    `source` is a file, a folder of Parquet facts or a database URL; none means the usual store.
    """

    source: str | None
    as_of: date
    mapping: Path | None = None
    programme: str = "osteoporosis"
    experimental: bool = False
    language: str = "zh"
    note: str = ""

    @property
    def where(self) -> str:
        """The source in words, for errors."""
        return self.source or store_url()

    def disease(self) -> Programme:
        """The programme asked for."""
        return find_programme(self.programme, experimental=self.experimental)


def assess_source(question: Question, out: Path) -> Assessment:
    """Assess everybody and write tables, summary and report into a folder.

    Raises
    ------
    InputError
        If nothing was known about anybody on the date.
    """
    names = ("读取", "评估", "写出") if question.language == "zh" else ("read", "assess", "write")
    disease = question.disease()
    with steps(names) as progress:
        with open_facts(
            question.source, dictionary=load(), mapping=question.mapping, as_of=question.as_of
        ) as (facts, read):
            taken = snapshot(facts, question.as_of, load())
        progress.advance()
        if taken.frame.is_empty():
            raise InputError(
                f"nothing was known about anybody on {question.as_of}",
                where=question.where,
                remedy="choose a later --as-of, or import something first",
            )
        result = assess(taken, disease, language=question.language, note=question.note)
        progress.advance()
        written = write_results(result, out)
        written.append(write_report(result, taken, out / "report.html", read=read))
        progress.advance()
    people = f"{result.frame.height:,}"
    console = Console()
    console.print(
        f"{people} 人，截至 {question.as_of}"
        if question.language == "zh"
        else f"{people} people as of {question.as_of}",
        highlight=False,
    )
    for path in written:
        console.print(f"  {path}", soft_wrap=True, highlight=False)
    return result


def explain_person(question: Question, person_id: str) -> None:
    """Print one person's reasons.

    Raises
    ------
    InputError
        If nobody has this id.
    """
    with open_facts(
        question.source, dictionary=load(), mapping=question.mapping, as_of=question.as_of
    ) as (facts, _):
        own = facts.filter(pl.col("person_id") == person_id).collect()
        taken = snapshot(own, question.as_of, load())
    found = reasons(taken, question.disease(), [person_id], language=question.language)
    if not found:
        raise InputError(
            f"nobody with the id {person_id!r} on {question.as_of}",
            where=question.where,
            remedy="ids stand in the column person_id of assessments.csv, as the source has them",
        )
    print_reasons(
        found[0],
        question.disease(),
        load(),
        as_of=question.as_of,
        language=question.language,
    )
    changes = question.disease().changes
    if changes is not None:
        print_changes(changes(known_at(own, question.as_of)), load(), language=question.language)
