"""Two people corrected the same visit: both versions side by side, a choice for every difference.

Nothing is lost: what stands is in the database, what was typed is in the page. Answers that only
one of the two changed are chosen already; where both changed the same answer, somebody must choose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from careloop.care.entry import DAY, OTHER, UNKNOWN, parse_number
from careloop.care.form import Form
from careloop.web.care.models import Visit, VisitVersion
from careloop.web.care.visit.page import in_words, saved_values
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

CHOOSE = "choose-"
MINE = "mine-"


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that differs: raw and in words, and which one is chosen ("" where both changed)."""

    name: str
    label: str
    mine: str
    theirs: str
    chosen: str


def differences(
    form: Form,
    mine: Mapping[str, str],
    theirs: Mapping[str, str],
    base: Mapping[str, str],
) -> list[Difference]:
    """Where two versions of a visit differ, in the order of the form."""
    found = []
    names = [DAY, *(question.key for _section, question in form.questions())]
    for name in names:
        one, other, before = mine.get(name, ""), theirs.get(name, ""), base.get(name, "")
        if one == other:
            continue
        chosen = "mine" if other == before else "theirs" if one == before else ""
        label = _("Date") if name == DAY else form.question(name).variable.label[language()]
        found.append(
            Difference(name, label, _words(form, name, one), _words(form, name, other), chosen)
        )
    return found


def stands(form: Form, visit: Visit | VisitVersion) -> dict[str, str]:
    """A saved version as a form would post it."""
    day = visit.happened_on
    return {DAY: day.isoformat() if day else "", **saved_values(form, visit.answers)}


def typed(form: Form, values: Mapping[str, Any]) -> dict[str, str]:
    """Answers read from a form, as it would post them."""
    return saved_values(form, values)


def chosen(posted: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str] | None:
    """The version put together by choosing; None where a choice is missing.

    `mine-<name>` are the answers typed, `choose-<name>` says whose counts where they differ.
    """
    found = {k.removeprefix(MINE): v for k, v in posted.items() if k.startswith(MINE)}
    for name in {*found, *theirs}:
        if found.get(name, "") == theirs.get(name, ""):
            continue
        choice = posted.get(CHOOSE + name)
        if choice not in {"mine", "theirs"}:
            return None
        if choice == "theirs":
            found[name] = theirs.get(name, "")
    return {name: value for name, value in found.items() if not name.endswith(OTHER)}


def _words(form: Form, name: str, told: str) -> str:
    if not told:
        return _("not answered")
    if told == UNKNOWN:
        return _("not known")
    if name == DAY:
        return told
    variable = form.question(name).variable
    value: Any = told
    if variable.kind == "boolean":
        value = told == "yes"
    elif variable.kind == "number" and (value := parse_number(told)) is None:
        return told
    return in_words(variable, value)
