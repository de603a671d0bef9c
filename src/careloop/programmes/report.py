"""The report of an assessment: one HTML file that needs nothing else, for screen, phone and paper.

Sections: what to do next, cascade, decisions with their reasons, what is unknown, the people at
highest risk, distributions, instruments, data quality. Every number comes from `tally`; nothing
on the page but the list of people at highest risk speaks of a single person, and that list gives
id, sex and age only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from careloop import __version__
from careloop.dictionary.condition import names_in
from careloop.language import templates
from careloop.programmes import tally
from careloop.programmes.assessment import Assessment
from careloop.programmes.cards import cards
from careloop.programmes.figure import Figure, age_figure, figure
from careloop.programmes.results import write_whole
from careloop.programmes.wording import Wording
from careloop.records.finding import FINDINGS, Severity
from careloop.records.reading import ImportReport
from careloop.records.snapshot import Snapshot
from careloop.risk.instruments.definition import Instrument
from careloop.risk.instruments.evaluation import input_variables

_PEOPLE = 20
_MISSING = 15
_PLACES = 3
_REASONS = 3
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


def write_report(
    assessment: Assessment, taken: Snapshot, path: Path, *, read: ImportReport | None = None
) -> Path:
    """Write the report of an assessment in the assessment's language.

    Parameters
    ----------
    assessment
        What was found.
    taken
        The snapshot it was found on; the reasons of the people at highest risk come from it.
    path
        The HTML file; it is written whole or not at all.
    read
        The account of reading the source, where the source was read in the same run.
    """
    page = render(assessment, taken, read=read)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_whole(path, lambda file: file.write_text(page, encoding="utf-8"))


def render(assessment: Assessment, taken: Snapshot, *, read: ImportReport | None = None) -> str:
    """The report as HTML text."""
    programme, language = assessment.programme, assessment.language
    wording = Wording(taken.dictionary, programme, language=language)
    with ThreadPoolExecutor(max_workers=1) as pool:  # drawing and counting at the same time
        drawing = pool.submit(_figures, assessment, wording)
        counted = tally.instruments(assessment)
        people = cards(assessment, taken, most=_PEOPLE)
        decisions = [_decision(each, wording) for each in tally.decisions(assessment)]
        missing = _missing(assessment, taken, wording)
        figures, not_drawn = drawing.result()
    shown = {figure.key for figure in figures} | {
        score.key for card in people for score in (*card.ranked, *card.others)
    }
    template = environment(language).get_template("report.html")
    page: str = template.render(
        lang="zh-CN" if language.startswith("zh") else "en",
        version=__version__,
        programme=programme.name[language],
        caution=programme.caution[language],
        note=assessment.note,
        as_of=assessment.as_of.isoformat(),
        everybody=assessment.frame.height,
        steps=_steps(assessment, wording),
        decisions=decisions,
        missing=missing,
        most_missing=_MISSING,
        most_people=_PEOPLE,
        people=people,
        measures=[_measure(each.key, assessment, wording) for each in programme.ranking],
        figures=figures,
        not_drawn=not_drawn,
        instruments=[_instrument(each, wording) for each in counted],
        disclaimers=_disclaimers(programme.instruments, shown, wording),
        read=None if read is None else _account(read, wording),
    )
    return page


def environment(language: str) -> Any:
    """The templates of this folder, with the fixed words of a language."""
    made = templates("careloop.programmes", language)
    made.filters |= {"number": lambda count: f"{count:,}", "share": share, "width": _width}
    return made


def share(part: int, whole: int) -> str:
    """A percentage that never rounds somebody to nobody or almost all to all.

    Examples
    --------
    >>> share(1, 8), share(1, 100_000), share(99_999, 100_000), share(5, 5), share(0, 0)
    ('12.5%', '<0.1%', '>99.9%', '100%', '–')
    """
    if not whole:
        return "–"
    percent = 100 * part / whole
    if part in (0, whole):
        return f"{percent:.0f}%"
    return "<0.1%" if percent < 0.1 else ">99.9%" if percent > 99.9 else f"{percent:.1f}%"


def _width(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0:.2f}%"


def _steps(assessment: Assessment, wording: Wording) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for step in tally.steps(assessment):
        before = rows[-1]["people"] if rows else None
        rows.append(
            {
                "label": step.label[wording.language],
                "people": step.people,
                "before": before,
                "from_before": step.from_before,
                "besides": step.people - step.from_before,
                "words": wording.condition(step.sql),
                "sql": step.sql,
            }
        )
    return rows


def _decision(counted: tally.DecisionTally, wording: Wording) -> dict[str, Any]:
    language = wording.language

    def answer(each: tally.Answer) -> dict[str, Any]:
        return {
            "key": each.key,
            "label": each.label[language],
            "people": each.people,
            "clauses": [
                {
                    "label": clause.label[language],
                    "source": wording.cited(clause.source),
                    "unconfirmed": clause.unconfirmed,
                    "people": count,
                    "needs": [
                        wording.name(name)
                        for name in names_in(clause.sql)
                        if not name.endswith("_applies")
                    ],
                }
                for clause, count in each.clauses
                if count
            ],
        }

    return {
        "key": counted.decision.key,
        "title": wording.name(counted.decision.key),
        "answers": [answer(each) for each in counted.answers],
        "undecided": answer(counted.undecided),
        "assumed": [
            {"label": wording.name(name), "people": count} for name, count in counted.assumed
        ],
    }


def _missing(assessment: Assessment, taken: Snapshot, wording: Wording) -> list[dict[str, Any]]:
    needed: defaultdict[str, list[str]] = defaultdict(list)
    for each in assessment.programme.instruments:
        for one in each.inputs:
            needed[one.variable].append(wording.name(each.key))
    return [
        {
            "label": wording.name(name),
            "people": count,
            "needed_by": list(dict.fromkeys(needed[name])),
        }
        for name, count in tally.missing(assessment, taken)
    ]


def _measure(key: str, assessment: Assessment, wording: Wording) -> dict[str, Any]:
    ranking = next(each for each in assessment.programme.ranking if each.key == key)
    return {"name": wording.name(key), "worst": ranking.worst}


def _figures(assessment: Assessment, wording: Wording) -> tuple[list[Figure], list[str]]:
    drawn: list[Figure] = []
    not_drawn: list[str] = []
    ages = tally.ages(assessment)
    if ages is not None:
        drawn.append(age_figure(ages, wording, everybody=assessment.frame.height))
    known = {each.key for each in assessment.programme.instruments}
    for wanted in assessment.programme.distributions:
        instrument = tally.owner(assessment, wanted.key)
        if instrument is None and wanted.key in known:
            continue
        counted = tally.distribution(assessment, wanted)
        if counted is None:
            not_drawn.append(wording.name(wanted.key))
        else:
            drawn.append(figure(counted, wording, instrument=instrument))
    return drawn, not_drawn


def _instrument(counted: tally.InstrumentTally, wording: Wording) -> dict[str, Any]:
    each, language = counted.instrument, wording.language
    classes = [
        {"label": one.label[language], "refer": one.refer, "usable": usable, "known": known}
        for one, usable, known in counted.classes
    ]
    return {
        "key": each.key,
        "short": wording.name(each.key),
        "name": each.name[language],
        "citation": each.citation,
        "mark": each.mark,
        "unconfirmed": each.unconfirmed,
        "experimental": each.experimental,
        "known": counted.known,
        "unknown": counted.unknown,
        "applies": counted.applies,
        "applies_not": counted.applies_not,
        "cannot_tell": counted.cannot_tell,
        "usable": counted.usable,
        "classes": classes,
        "unclassified": counted.unclassified,
        "assumed": [
            {"label": wording.name(name), "people": count} for name, count in counted.assumed
        ],
        "reasons": [{"text": text, "people": count} for text, count in counted.reasons[:_REASONS]],
        "needs": [
            wording.name(name) for name in input_variables([each]) if name in wording.dictionary
        ],
        "note": each.note[language] if each.note else "",
        "disclaimer": each.disclaimer[language] if each.disclaimer else "",
    }


def _disclaimers(
    instruments: Iterable[Instrument], shown: Iterable[str], wording: Wording
) -> list[dict[str, str]]:
    """Disclaimers and notes that must stand wherever these instruments' scores are printed."""
    keys = set(shown)
    return [
        {
            "name": wording.name(each.key),
            "text": each.disclaimer[wording.language],
            "note": each.note[wording.language] if each.note else "",
        }
        for each in instruments
        if each.disclaimer and (each.key in keys or keys & set(each.outputs))
    ]


def _account(read: ImportReport, wording: Wording) -> dict[str, Any]:
    zh = wording.language.startswith("zh")
    findings: dict[str, dict[str, Any]] = {}
    for each in read.findings:
        kind = FINDINGS[each.code]
        found = findings.setdefault(
            each.code,
            {
                "code": each.code,
                "severity": kind.severity,
                "words": kind.zh if zh else kind.en,
                "remedy": kind.remedy_zh if zh else kind.remedy_en,
                "times": 0,
                "places": [],
                "more": 0,
            },
        )
        found["times"] += each.count
        if len(found["places"]) < _PLACES:
            found["places"].append(each.where)
        else:
            found["more"] += 1
    order = {severity: place for place, severity in enumerate(_SEVERITIES)}
    return {
        "records": read.records,
        "facts": read.facts,
        "persons": read.persons,
        "rejected": read.rejected_records,
        "columns": list(read.columns.values()),
        "ignored": read.ignored_columns,
        "resources": read.resources.most_common(),
        "outcomes": read.outcomes.most_common(),
        "unmapped": sum(read.unmapped_codes.values()),
        "findings": sorted(
            findings.values(), key=lambda one: (order[one["severity"]], one["code"])
        ),
        "assumptions": [
            {"label": wording.name(name), "value": _assumption(name, value, wording)}
            for name, value in read.assumptions.items()
        ],
        "names": {each.variable: wording.name(each.variable) for each in read.columns.values()},
    }


def _assumption(name: str, value: str, wording: Wording) -> str:
    """A declared value in words; it comes as text ("False")."""
    answers = {"true": True, "false": False}
    return wording.value(name, answers.get(str(value).lower(), value))
