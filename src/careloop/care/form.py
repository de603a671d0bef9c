"""Forms: which variables are asked at which contact, in what order.

A question *is* a variable of the dictionary: words, kind, unit, range and answers stand there. The
form says only order, help, when a question is shown, what is required, which answers are offered
for a single tap, and what follows from the answers::

    [[form]]
    key = "home"
    label = { zh = "家庭随访", en = "home visit" }
    sections = ["measure", "since_last"]
    required = ["weight_kg"]

    [[section]]
    key = "since_last"
    title = { zh = "上次随访以来", en = "since the last visit" }
    none = { zh = "以上都没有", en = "none of these" }  # one tap answers no to the rest
    show = "sex = 'female'"                             # SQL over what is known and answered
    more = true                                         # closed until somebody opens it

    [[section.question]]
    variable = "falls_12m"
    quick = [0, 1, 2]     # numbers to tap
    first = ["chinese"]   # of many answers, those to tap; the others are in a list
    carry = true          # the last answer is shown as such, and saved once confirmed
    help = { zh = "…", en = "…" }
    show = "…"

    [[follows]]           # further facts that the answers mean
    variable = "fragility_fracture_hip"
    when = "fracture_site = 'hip' AND fracture_mechanism = 'standing_fall'"
    value = "true"

    [state]               # when a person is no longer looked after
    dead = "deceased"
    moved = "moved_away"
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources.abc import Traversable
from typing import Any

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text, Variable
from careloop.error import ConfigError

FIRST = "__first"
"""After a number's key: the first value ever recorded, for formulas of `follows`."""
_CARRIED = ("ever", "period")


@dataclass(frozen=True, slots=True)
class Question:
    """A variable as a form asks it. `show` is a condition; "" asks everybody."""

    variable: Variable
    help: Text | None = None
    show: str = ""
    quick: tuple[float, ...] = ()
    first: tuple[str, ...] = ()
    carry: bool = False
    ahead: bool = False
    """Of a date: one to come."""
    required: bool = False

    @property
    def key(self) -> str:
        """The variable's."""
        return self.variable.key

    @property
    def whole(self) -> bool:
        """Whether only whole numbers make sense: counts and scores."""
        return self.variable.unit in {"1", "{score}"} and self.variable.high != 1


@dataclass(frozen=True, slots=True)
class Section:
    """Questions under one title. With `none`, one tap says no to all that are not marked."""

    key: str
    title: Text
    questions: tuple[Question, ...]
    none: Text | None = None
    show: str = ""
    more: bool = False
    help: Text | None = None


@dataclass(frozen=True, slots=True)
class Consequence:
    """A fact that follows from answers: `value`, a formula, for `variable` where `when` holds."""

    variable: Variable
    when: str
    value: str


@dataclass(frozen=True, slots=True)
class Form:
    """The questions of one kind of contact."""

    key: str
    label: Text
    sections: tuple[Section, ...]
    hint: Text | None = None

    def questions(self) -> Iterator[tuple[Section, Question]]:
        """Every question with its section, in order."""
        for section in self.sections:
            for question in section.questions:
                yield section, question

    def question(self, key: str) -> Question:
        """The question of a variable; KeyError where it is not asked."""
        for _, question in self.questions():
            if question.key == key:
                return question
        raise KeyError(key)

    def shown_by(self) -> tuple[str, ...]:
        """The conditions of this form."""
        found = [section.show for section in self.sections]
        found += [question.show for _, question in self.questions()]
        return tuple(dict.fromkeys(each for each in found if each))


@dataclass(frozen=True, slots=True)
class Forms:
    """A programme's forms, what follows from their answers, and when people leave."""

    forms: tuple[Form, ...]
    follows: tuple[Consequence, ...] = ()
    state: Mapping[str, str] = field(default_factory=dict)
    """`dead` and `moved`: conditions over what is known."""

    def __getitem__(self, key: str) -> Form:
        """The form of this kind; KeyError where there is none."""
        for each in self.forms:
            if each.key == key:
                return each
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return any(each.key == key for each in self.forms)

    def reads(self, key: str) -> tuple[str, ...]:
        """Every column that a form, its conditions and what follows name."""
        form = self[key]
        names = [question.key for _, question in form.questions()]
        texts = [*form.shown_by(), *self.state.values()]
        texts += [text for each in self.follows for text in (each.when, each.value)]
        return tuple(dict.fromkeys([*names, *(name for text in texts for name in names_in(text))]))


def read_forms(file: Traversable, dictionary: Dictionary) -> Forms:
    """Read the forms of a programme.

    Raises
    ------
    ConfigError
        Naming file, part and fault: an unknown setting, a missing one, a variable that the
        dictionary does not have, a condition that is not SQL or speaks of an unknown column.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), where=file.name, remedy="mend the TOML syntax") from None
    return forms_of(content, dictionary, where=file.name)


def forms_of(content: Mapping[str, Any], dictionary: Dictionary, *, where: str) -> Forms:
    """Make forms of a TOML table (see the head of this module; errors as above)."""
    _only(content, {"form", "section", "follows", "state"}, where)
    reader = _Reader(dictionary, where)
    sections = [reader.section(table) for table in content.get("section", ())]
    _once([each.key for each in sections], where)
    forms = [reader.form(table, sections) for table in content.get("form", ())]
    _once([each.key for each in forms], where)
    follows = tuple(reader.follows(table) for table in content.get("follows", ()))
    state = dict(content.get("state", {}))
    _only(state, {"dead", "moved"}, f"{where} [state]")
    for sql in state.values():
        reader.check(sql, f"{where} [state]")
    unused = {each.key for each in sections} - {
        each.key for form in forms for each in form.sections
    }
    if unused:
        raise ConfigError(f"sections {sorted(unused)} are in no form", where=where, remedy="use it")
    return Forms(tuple(forms), follows, state)


class _Reader:
    """Makes the parts of a file, checking each."""

    def __init__(self, dictionary: Dictionary, where: str) -> None:
        self.dictionary, self.where = dictionary, where

    def form(self, table: Mapping[str, Any], sections: Sequence[Section]) -> Form:
        where = f"{self.where} form {table.get('key', '?')}"
        _only(table, {"key", "label", "hint", "sections", "required"}, where)
        known = {each.key: each for each in sections}
        if strange := set(_needed(table, "sections", where)) - set(known):
            raise ConfigError(f"no sections {sorted(strange)}", where=where, remedy=f"{[*known]}")
        required = set(table.get("required", ()))
        chosen = tuple(
            replace(
                section,
                questions=tuple(
                    replace(question, required=question.key in required)
                    for question in section.questions
                ),
            )
            for section in (known[key] for key in table["sections"])
        )
        made = Form(
            _needed(table, "key", where),
            _text(table, "label", where),
            chosen,
            hint=_maybe(table, "hint", where),
        )
        keys = [question.key for _, question in made.questions()]
        _once(keys, where)
        if strange := required - set(keys):
            raise ConfigError(f"required, not asked: {sorted(strange)}", where=where, remedy="ask")
        return made

    def section(self, table: Mapping[str, Any]) -> Section:
        where = f"{self.where} section {table.get('key', '?')}"
        _only(table, {"key", "title", "none", "show", "more", "help", "question"}, where)
        made = Section(
            _needed(table, "key", where),
            _text(table, "title", where),
            tuple(self.question(each, where) for each in _needed(table, "question", where)),
            none=_maybe(table, "none", where),
            show=self.check(table.get("show", ""), where),
            more=table.get("more", False),
            help=_maybe(table, "help", where),
        )
        if made.none and not any(q.variable.kind == "boolean" for q in made.questions):
            raise ConfigError("`none` without yes/no questions", where=where, remedy="leave it out")
        return made

    def question(self, table: Mapping[str, Any], where: str) -> Question:
        where = f"{where} question {table.get('variable', '?')}"
        _only(table, {"variable", "help", "show", "quick", "first", "carry", "ahead"}, where)
        variable = self.dictionary[_needed(table, "variable", where)]
        quick = tuple(float(each) for each in table.get("quick", ()))
        low, high = variable.low, variable.high
        if quick and variable.kind != "number":
            raise ConfigError("only numbers have `quick`", where=where, remedy="leave it out")
        if any((low is not None and q < low) or (high is not None and q > high) for q in quick):
            raise ConfigError(f"{quick} is not all plausible", where=where, remedy="mend it")
        first = tuple(table.get("first", ()))
        if strange := set(first) - set(variable.values):
            raise ConfigError(f"no answers {sorted(strange)}", where=where, remedy="mend `first`")
        return Question(
            variable,
            help=_maybe(table, "help", where),
            show=self.check(table.get("show", ""), where),
            quick=quick,
            first=first,
            carry=table.get("carry", variable.memory in _CARRIED),
            ahead=table.get("ahead", False),
        )

    def follows(self, table: Mapping[str, Any]) -> Consequence:
        where = f"{self.where} follows {table.get('variable', '?')}"
        _only(table, {"variable", "when", "value"}, where)
        return Consequence(
            self.dictionary[_needed(table, "variable", where)],
            self.check(_needed(table, "when", where), where),
            self.check(_needed(table, "value", where), where),
        )

    def check(self, sql: str, where: str) -> str:
        """Refuse what is not SQL or names a column that cannot be known."""
        if sql:
            condition(sql)
        for name in names_in(sql):
            variable = self.dictionary[name.removesuffix(FIRST)]
            if name.endswith(FIRST) and variable.kind != "number":
                raise ConfigError(f"{name}: only numbers", where=where, remedy="mend it")
        return sql


def _only(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    if strange := set(table) - set(known):
        raise ConfigError(
            f"no settings {sorted(strange)}", where=where, remedy=f"use {sorted(known)}"
        )


def _needed(table: Mapping[str, Any], name: str, where: str) -> Any:
    if not table.get(name):
        raise ConfigError(f"no {name}", where=where, remedy=f"add {name}")
    return table[name]


def _text(table: Mapping[str, Any], name: str, where: str) -> Text:
    words = _needed(table, name, where)
    if not isinstance(words, Mapping) or set(words) != {"zh", "en"} or not all(words.values()):
        raise ConfigError(
            f"{name} is not in both languages", where=where, remedy='{ zh = "…", en = "…" }'
        )
    return Text(**words)


def _maybe(table: Mapping[str, Any], name: str, where: str) -> Text | None:
    return _text(table, name, where) if name in table else None


def _once(keys: Sequence[str], where: str) -> None:
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ConfigError(f"declared twice: {sorted(twice)}", where=where, remedy="keep one")
