"""A form as a page: every field with its words, what was said last time, and what hides it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from careloop.care.clause import holds
from careloop.care.entry import CARRIED, OTHER, SURE, UNKNOWN, known_before, raw
from careloop.care.form import Form, Question, Section
from careloop.dictionary.condition import names_in
from careloop.dictionary.variable import Text, Variable
from careloop.programmes.wording import printed_unit
from careloop.web.care.visit.known import Known, day_of
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_RADIO_AT_MOST = 6
"""A code with more answers is a list to choose from."""


@dataclass(frozen=True, slots=True)
class Option:
    """An answer to tap."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One question on the page."""

    name: str
    label: str
    kind: str
    unit: str
    help: str
    value: str
    other: str
    options: tuple[Option, ...]
    carried: str
    """The last answer, raw, where it is shown chosen."""
    last: str
    """The last answer in words, with its day."""
    error: str
    required: bool
    numeric: str
    """`inputmode`: a keyboard with or without a point."""
    shown: bool = True
    rest: tuple[Option, ...] = ()
    """Of many answers, those not to tap but to choose from a list."""


@dataclass(frozen=True, slots=True)
class Part:
    """A section on the page."""

    key: str
    title: str
    help: str
    fields: tuple[Field, ...]
    tick: str
    """Words of the one tap that confirms the section; empty where there is none."""
    ticked: bool
    marks: tuple[Field, ...]
    """In a section with `none`: the yes/no questions, marked one by one inside."""
    open: bool
    more: bool
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """A form ready to be drawn."""

    form: Form
    parts: tuple[Part, ...]
    style: str
    errors: tuple[tuple[str, str], ...] = ()
    """(name of the field, words), in the order of the page."""
    hidden: Mapping[str, str] = field(default_factory=dict)


def page_of(
    form: Form,
    known: Known,
    *,
    as_of: date,
    values: Mapping[str, str],
    errors: Mapping[str, Text] | None = None,
    fresh: bool = True,
) -> Page:
    """Make the page of a form.

    Parameters
    ----------
    known
        What is known of the person.
    values
        What was posted, or the saved answers; empty for a new form.
    errors
        Faults by the name of the field.
    fresh
        Whether answers of last time are shown as chosen: not in a form that was filled in.
    """
    maker = _Maker(form, known, as_of, values, errors=errors or {}, fresh=fresh)
    parts = tuple(maker.part(section) for section in form.sections)
    names = [field.name for part in parts for field in (*part.fields, *part.marks)]
    told = [(name, maker.errors[name][language()]) for name in names if name in maker.errors]
    if "happened_on" in maker.errors:
        told.insert(0, ("happened_on", maker.errors["happened_on"][language()]))
    return Page(form, parts, maker.style(), tuple(told))


def saved_values(form: Form, answers: Mapping[str, Any]) -> dict[str, str]:
    """Saved answers as a form posts them."""
    asked = {question.key for _section, question in form.questions()}
    return {key: raw(value) for key, value in answers.items() if key in asked}


class _Maker:
    def __init__(
        self,
        form: Form,
        known: Known,
        as_of: date,
        values: Mapping[str, str],
        *,
        errors: Mapping[str, Text],
        fresh: bool,
    ) -> None:
        self.form, self.known, self.as_of = form, known, as_of
        self.values, self.errors, self.fresh = values, errors, fresh
        self.before = known_before(form, known)
        self.live = {question.key: question for _section, question in form.questions()}

    def part(self, section: Section) -> Part:
        fields = [self.field(question) for question in section.questions]
        marks = tuple(f for f in fields if section.none and f.kind == "boolean")
        plain = tuple(f for f in fields if f not in marks)
        carried = any(f.carried for f in fields)
        words = section.none[language()] if section.none else ""
        if section.none and any(f.carried == "yes" for f in marks):
            words = _("None besides those marked")
        elif not section.none and carried:
            words = _("Unchanged since last time")
        return Part(
            key=section.key,
            title=section.title[language()],
            help=section.help[language()] if section.help else "",
            fields=plain,
            tick=words,
            ticked=bool(self.values.get(SURE + section.key)),
            marks=marks,
            open=any(f.error or (f.value and not f.carried) for f in marks),
            more=section.more and not any(f.error or (f.value and not f.carried) for f in fields),
            shown=self.shown(section.show, own={question.key for question in section.questions}),
        )

    def shown(self, sql: str, *, own: Set[str] = frozenset()) -> bool:
        """Whether a condition may hold: one that hangs on the form's other answers may.

        A section that is shown by its `own` answers alone asks what is not known yet.
        """
        if not sql or set(names_in(sql)) & (set(self.live) - own):
            return True
        return holds(sql, self.before) is not False

    def field(self, question: Question) -> Field:
        variable, name = question.variable, question.key
        value = self.values.get(name, "")
        carried = ""
        if question.carry and self.known.get(name) is not None:
            carried = self.values.get(name + CARRIED, "")
            if self.fresh:
                carried = value = raw(self.known[name])
            elif name in self.errors:  # recorded anew meanwhile: beside that one it is told now
                carried = carried and raw(self.known[name])
        options = tuple(
            Option(each, words, chosen=each == value) for each, words in _options(question)
        )
        offered = {option.value for option in options}
        other = self.values.get(name + OTHER, "")
        if (question.quick or question.first) and value and value not in offered:
            other, value = other or value, ""
        error = self.errors.get(name)
        return Field(
            name=name,
            label=variable.label[language()],
            kind="select" if variable.kind == "code" and not options else variable.kind,
            unit=unit_of(variable),
            help=question.help[language()] if question.help else "",
            value=value,
            other=other,
            options=options or tuple(_listed(variable, value)),
            carried=carried,
            last=self.last(variable),
            error=error[language()] if error else "",
            required=question.required,
            numeric="numeric" if question.whole else "decimal",
            shown=self.shown(question.show),
            rest=tuple(_rest(question, other)),
        )

    def last(self, variable: Variable) -> str:
        """The last answer in words with its day; empty where there is none."""
        value = self.known.get(variable.key)
        if value is None or variable.kind == "text":
            return ""
        day = day_of(self.known, variable.key, self.as_of)
        words = in_words(variable, value)
        if not day:
            return words
        return _("{words} ({details})").format(words=words, details=day.isoformat())

    def style(self) -> str:
        """Rules that hide what does not apply; a browser that cannot read them shows everything."""
        rules = []
        for section in self.form.sections:
            rules += self._rule(section.show, f"#s-{section.key}")
            for question in section.questions:
                rules += self._rule(question.show, f"#f-{question.key}")
        return "".join(rules)

    def _rule(self, sql: str, target: str) -> Iterable[str]:
        names = [name for name in names_in(sql) if name in self.live] if sql else []
        chosen = [each for name in names for each in self._making(sql, name)]
        if not chosen:
            return []
        return [f"form.visit:not(:has({','.join(chosen)})) {target}{{display:none}}"]

    def _making(self, sql: str, name: str) -> Iterable[str]:
        """Selectors of the answers to one question that make a condition true."""
        question = self.live[name]
        others = {key: value for key, value in self.before.items() if key not in self.live}
        for option, value in _possible(question):
            if holds(sql, {**others, name: value}):
                yield f'[name="{name}"][value="{option}"]:checked'
                yield f'[name="{name}"] [value="{option}"]:checked'
        if question.quick and holds(sql, {**others, name: float(question.quick[-1] + 1)}):
            yield f'[name="{name}{OTHER}"]:not(:placeholder-shown)'


def _options(question: Question) -> list[tuple[str, str]]:
    """Answers to tap: raw and in words; none for what is written or chosen from a list."""
    variable = question.variable
    if variable.kind == "boolean":
        found = [("yes", _("yes")), ("no", _("no"))]
    elif variable.kind == "code" and len(variable.values) <= _RADIO_AT_MOST:
        found = [(key, text[language()]) for key, text in variable.values.items()]
    elif question.first:
        found = [(key, variable.values[key][language()]) for key in question.first]
    elif question.quick:
        found = [(raw(each), raw(each)) for each in question.quick]
    else:
        return []
    return [*found, (UNKNOWN, _("not known"))]


def _listed(variable: Variable, value: str) -> Iterable[Option]:
    if variable.kind == "code":
        for key, text in variable.values.items():
            yield Option(key, text[language()], chosen=key == value)
        yield Option(UNKNOWN, _("not known"), chosen=value == UNKNOWN)


def _rest(question: Question, chosen: str) -> Iterable[Option]:
    """Answers that are not to tap, where some of many are."""
    if question.first:
        for key, text in question.variable.values.items():
            if key not in question.first:
                yield Option(key, text[language()], chosen=key == chosen)


def _possible(question: Question) -> list[tuple[str, Any]]:
    if question.variable.kind == "boolean":
        return [("yes", True), ("no", False)]
    if question.variable.kind == "code":
        return [(key, key) for key in question.variable.values]
    return [(raw(each), each) for each in question.quick]


def unit_of(variable: Variable) -> str:
    """The unit as people write it."""
    return _("years") if variable.unit == "a" else printed_unit(variable.unit)


def in_words(variable: Variable, value: Any) -> str:
    """An answer in words, with its unit."""
    if value is None:
        return _("not known")
    if variable.kind == "boolean":
        return _("yes") if value else _("no")
    if variable.kind == "code":
        text = variable.values.get(str(value))
        return text[language()] if text else str(value)
    if variable.kind == "number":
        unit = unit_of(variable)
        return f"{value:.6g} {unit}".replace("-", "−").strip()  # as measured: 151.5 cm is not 152
    return str(value)
