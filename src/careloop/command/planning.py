"""`careloop plan`: plans for everybody in a source, or one person's plan."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import polars as pl
from rich.console import Console

from careloop import __version__
from careloop.command.assessing import Question
from careloop.command.difference import print_plan_changes
from careloop.command.opening import open_facts
from careloop.command.plan import print_plan
from careloop.command.progress import steps
from careloop.dictionary.catalogue import load
from careloop.error import InputError
from careloop.guidance.change import plan_changes
from careloop.guidance.comparison import compare_guidelines
from careloop.guidance.plan import Plan
from careloop.guidance.serial import to_json
from careloop.programmes.exchange import fhir_plan
from careloop.programmes.plan_page import doctor_html, patient_html
from careloop.programmes.plan_view import PlanWords
from careloop.programmes.planning import Planned, guidance_of, planned, plans
from careloop.programmes.results import write_whole
from careloop.records.snapshot import snapshot


def plan_person(
    question: Question,
    person_id: str,
    *,
    guideline: str,
    compare: bool,
    out: Path | None,
    since: date | None = None,
) -> Planned:
    """Print one person's plan; with `out`, also write pages, JSON and FHIR.

    With `since`, the plan of that date is made from what was known then, and the changes printed.

    Raises
    ------
    InputError
        If nobody has this id.
    """
    disease, language = question.disease(), question.language
    with open_facts(
        question.source, dictionary=load(), mapping=question.mapping, as_of=question.as_of
    ) as (facts, _):
        own = facts.filter(pl.col("person_id") == person_id).collect()
        taken = snapshot(own, question.as_of, load())
    found = planned(taken, disease, guideline, person_ids=[person_id], facts=own, language=language)
    if not found:
        raise InputError(
            f"nobody with the id {person_id!r} on {question.as_of}",
            where=question.where,
            remedy="ids stand in the column person_id of assessments.csv, as the source has them",
        )
    guidance = guidance_of(disease).by(guideline)
    words = PlanWords(guidance, disease, load(), language=language)
    one = found[0]
    answers = [words.answer(each) for each in compare_guidelines(one.row, guidance)]
    print_plan(
        words.view(one.plan, one.row), language=language, comparison=answers if compare else ()
    )
    if since is not None:
        then = snapshot(own, since, load())
        earlier = planned(
            then, disease, guideline, person_ids=[person_id], facts=own, language=language
        )
        if earlier:
            changes = plan_changes(earlier[0].plan, one.plan)
            print_plan_changes(changes, since=since, language=language)
    if out is not None:
        name = quote(person_id, safe="")
        exchange = fhir_plan(one.plan, one.row, disease, load(), language=language)
        pages = {
            f"{name}-patient.html": patient_html(one.plan, words, one.row, note=question.note),
            f"{name}-doctor.html": doctor_html(
                one.plan, words, one.row, note=question.note, comparison=answers
            ),
            f"{name}.json": to_json(one.plan) + "\n",
            f"{name}.fhir.json": orjson.dumps(exchange, option=orjson.OPT_INDENT_2).decode() + "\n",
        }
        _tell([_write(out, file, text) for file, text in pages.items()])
    return one


def plan_everybody(question: Question, out: Path, *, guideline: str) -> list[Plan]:
    """Plan for everybody in a source; write `plans.ndjson` and `plans-summary.json`.

    Raises
    ------
    InputError
        If nothing was known about anybody on the date.
    """
    zh = question.language.startswith("zh")
    disease = question.disease()
    with steps(("读取", "制定", "写出") if zh else ("read", "plan", "write")) as progress:
        with open_facts(
            question.source, dictionary=load(), mapping=question.mapping, as_of=question.as_of
        ) as (facts, _):
            table = facts.collect()
        taken = snapshot(table, question.as_of, load())
        progress.advance()
        if taken.frame.is_empty():
            raise InputError(
                f"nothing was known about anybody on {question.as_of}",
                where=question.where,
                remedy="choose a later --as-of, or import something first",
            )
        made = plans(taken, disease, guideline, facts=table, language=question.language)
        progress.advance()
        lines = "".join(f"{to_json(plan)}\n" for plan in made)
        counts = orjson.dumps(summary(made), option=orjson.OPT_INDENT_2).decode() + "\n"
        written = [
            _write(out, "plans.ndjson", lines),
            _write(out, "plans-summary.json", counts),
        ]
        progress.advance()
    words = (
        f"{len(made):,} 人的方案，截至 {question.as_of}"
        if zh
        else f"plans for {len(made):,} people as of {question.as_of}"
    )
    Console().print(words, highlight=False)
    _tell(written)
    return made


def summary(made: list[Plan]) -> dict[str, Any]:
    """How many people have which risk class, item, withheld item, missing variable and flag."""
    return {
        "software": f"careloop {__version__}",
        "people": len(made),
        "guidelines": dict(Counter(plan.guideline for plan in made)),
        "risk_classes": dict(Counter(plan.risk_class or "unknown" for plan in made).most_common()),
        "items": _counts(item.key for plan in made for item in plan.items),
        "after_checking": _counts(
            item.key for plan in made for item in plan.items if item.after_checking
        ),
        "withheld": _counts(one.key for plan in made for one in plan.withheld),
        "missing": _counts(name for plan in made for name in plan.missing),
        "flags": _counts(flag.key for plan in made for flag in plan.flags),
    }


def _counts(keys: Any) -> dict[str, int]:
    return dict(Counter(keys).most_common())


def _write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return write_whole(folder / name, lambda path: path.write_text(text, encoding="utf-8"))


def _tell(written: list[Path]) -> None:
    console = Console()
    for path in written:
        console.print(f"  {path}", soft_wrap=True, highlight=False)
