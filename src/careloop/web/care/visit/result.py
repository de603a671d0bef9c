"""What a saved visit means: risk level, decisions with their reasons, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from careloop.care.form import Form
from careloop.care.step import Step
from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import names_in
from careloop.dictionary.variable import Text
from careloop.programmes.assessment import origins
from careloop.risk.decision import Decision
from careloop.web.care.models import Standing, Visit
from careloop.web.care.person.considered import step_of, words
from careloop.web.care.standing import the_programme, worklists
from careloop.web.care.visit.known import Known, forms
from careloop.web.care.visit.page import in_words
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_MOST_WANTED = 12
WAYS = ("slip", "report", "refer", "dxa")
LOSS = "height_loss_cm"


@dataclass(frozen=True, slots=True)
class Told:
    """A decision in words, with the reasons that held and their sources."""

    key: str
    name: str
    label: str
    because: tuple[str, ...]
    decided: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """A question and its answer in words."""

    label: str
    words: str


@dataclass(frozen=True, slots=True)
class Result:
    """What the page after a save shows."""

    level: int
    level_words: str
    told: tuple[Told, ...]
    missing: tuple[str, ...]
    answered: tuple[Answered, ...]
    open: int
    """How many questions of the form were left open."""
    say: str = ""
    """What the resident is to hear, in simple words."""
    ways: tuple[str, ...] = WAYS
    """Buttons, those of the next step first."""


def result_of(visit: Visit, form: Form, standing: Standing | None, row: Known) -> Result:
    """Put the result of a visit into words."""
    answers: Mapping[str, Any] = standing.answers if standing else {}
    level = standing.level if standing else 0
    words = next((each.label for each in worklists().levels if each.level == level), None)
    decisions = the_programme().decisions
    asked = [question for _section, question in form.questions()]
    shown = [question.key for question in asked] + [*visit.answers]
    step = step_of({**row, **answers})
    ways = [way for way in step.actions if way in WAYS] if step else []
    return Result(
        say=step.patient[language()] if step else "",
        ways=tuple(dict.fromkeys([*ways, *WAYS])),
        level=level,
        level_words=words[language()] if words else _("not known yet"),
        told=tuple(
            one
            for each in reversed(decisions)
            if (one := _told(each, answers, step if each is decisions[-1] else None)).decided
            or each is decisions[-1]
        ),
        missing=_missing(decisions[-1], answers, row) if decisions else (),
        answered=tuple(
            Answered(load()[key].label[language()], in_words(load()[key], visit.answers[key]))
            for key in dict.fromkeys(shown)
            if key in visit.answers and key in load()
        ),
        open=sum(q.key not in visit.answers for q in asked),
    )


def _told(decision: Decision, answers: Mapping[str, Any], step: Step | None = None) -> Told:
    outcome = answers.get(decision.key) or None
    held = (answers.get(f"{decision.key}_because") or "").split()
    clauses = {each.key: each for outcome_ in decision.outcomes for each in outcome_.clauses}
    of = next((each for each in decision.outcomes if each.key == outcome), None)
    chosen = [clauses[key] for key in held if of and clauses.get(key) in of.clauses]
    names = {each.key: each.label[language()] for each in the_programme().results}
    cited = words(language()).wording.cited
    return Told(
        decision.key,
        names.get(decision.key, ""),
        (step.label if step and step.label else decision.label(outcome))[language()],
        tuple(
            f"{each.label[language()]} [{cited(each.source)}]"
            if each.source
            else each.label[language()]
            for each in chosen
        ),
        decided=outcome not in {None, decision.undecided},
    )


def _missing(decision: Decision, answers: Mapping[str, Any], row: Known) -> tuple[str, ...]:
    """Questions whose answer could still decide, where nothing is decided."""
    if answers.get(decision.key) not in {None, "", decision.undecided}:
        return ()
    unknown = (answers.get(f"{decision.key}_unknown") or "").split()
    names = [
        one
        for key in unknown
        for name in names_in(decision.clause(key).sql)
        for one in _rests_on(name)
    ]
    if not answers:
        names = [one for name in decision.reads() for one in _rests_on(name)]
    wanted = [
        name
        for name in dict.fromkeys(names)
        if row.get(name) is None and load()[name].sex in {None, row.get("sex")}
    ]
    return tuple(load()[name].label[language()] for name in wanted[:_MOST_WANTED])


@cache
def _rests_on(column: str) -> tuple[str, ...]:
    """The questions on some form that a column rests on."""
    asked = {q.key for form in forms().forms for _section, q in form.questions()}
    dictionary = load()
    found: dict[str, None] = {}
    waiting = [column, *_origins().get(column, ())]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in dictionary:
            continue
        seen.add(name)
        if name in asked:
            found[name] = None
        waiting += names_in(dictionary[name].derive)
    return tuple(found)


@cache
def _origins() -> dict[str, list[str]]:
    return origins(the_programme())


def reads() -> list[str]:
    """Every variable that the result looks at."""
    asked = [q.key for form in forms().forms for _section, q in form.questions()]
    return list(dict.fromkeys([*asked, LOSS]))


def label_of(kind: str) -> Text:
    """What a kind of visit is called."""
    if kind in forms():
        return forms()[kind].label
    names = dict(Visit.KINDS)
    return Text(names.get(kind, kind), kind)
