"""Visits that came later say anew what they compare with the first value measured.

A height is compared with the first one known. Where an earlier visit is entered late or corrected,
that first one may be another: the later visits are corrected with it, as versions of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from careloop.care.entry import consequences
from careloop.care.form import FIRST, Forms
from careloop.dictionary.condition import names_in
from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Visit
from careloop.web.care.recording import Contact, VisitConflictError, correct_visit
from careloop.web.care.standing import PROGRAMME, today
from careloop.web.care.visit.known import forms, known
from careloop.web.care.visit.task import after_save
from careloop.web.registry.resident import Resident


def compare_later(gate: Gate, resident: Resident, visit: Visit) -> int:
    """Correct what visits after this one compare with the first; how many. In one transaction."""
    rules, names = _comparing()
    about = gate.about(resident, Visit).filter(programme=PROGRAMME)
    later = about.filter(happened_on__gte=visit.happened_on).exclude(pk=visit.pk)
    done = 0
    for each in later.order_by("happened_on", "pk"):
        if each.kind not in forms() or not any(name in each.answers for name in names):
            continue
        facts = gate.facts(resident)
        row = known(resident, facts, names, as_of=today(), but=each, before=each.happened_on)
        answers = _told_again(rules, each.answers, row)
        if answers == each.answers:
            continue
        contact = Contact(each.kind, each.happened_on, answers)
        try:
            correct_visit(
                gate,
                resident,
                each,
                contact,
                version=each.version,
                also=lambda saved, row: after_save(gate, resident, saved, row),
            )
        except VisitConflictError:  # somebody is correcting it themselves
            continue
        done += 1
    return done


def _told_again(rules: Forms, answers: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    follows = {each.variable.key for each in rules.follows}
    told = {key: value for key, value in answers.items() if key not in follows}
    return {**consequences(rules, told, {**row, **told}), **told}


@cache
def _comparing() -> tuple[Forms, tuple[str, ...]]:
    """The consequences that look at a first value, and all that they name."""
    named = [(each, (*names_in(each.when), *names_in(each.value))) for each in forms().follows]
    chosen = [(each, names) for each, names in named if any(map(_of_first, names))]
    every = dict.fromkeys(name for _each, names in chosen for name in names)
    return Forms((), tuple(each for each, _names in chosen)), tuple(every)


def _of_first(name: str) -> bool:
    return name.endswith(FIRST)
