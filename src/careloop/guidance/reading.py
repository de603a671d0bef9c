"""Reading a guideline's TOML file (see `careloop.guidance.guideline`)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from typing import Any

from careloop.dictionary.condition import condition
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.guidance.guideline import Choice, Guideline, SpecRow
from careloop.risk.decision import Decision, decision

RISK_CLASSES = ("low", "moderate", "high", "very_high")
TREATMENTS = ("treat", "do_not_treat")
MARKS = "ABC"
_SECTIONS = {"guideline", "risk_class", "treatment", "referral", "first", "base", "spec"}
_EXPECTED = {"risk_class", "treatment", "referral", "holds", "fails", "unknown"}
UNKNOWN = "unknown"
"""In a row of the specification: the fact is not known, the answer cannot be told."""


def read_guidelines(folder: Traversable, *, first: str = "") -> tuple[Guideline, ...]:
    """Read every guideline of a folder, by name; the one called `first` comes first."""
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".toml")),
        key=lambda file: (file.name != f"{first}.toml", file.name),
    )
    return tuple(read_guideline(file) for file in files)


def read_guideline(file: Traversable) -> Guideline:
    """Read one guideline.

    Raises
    ------
    ConfigError
        Naming file and fault: a clause that does not compile, an unknown class, a mark that is
        none of A, B, C, a text missing in one language.
    """
    where = file.name
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), where=where, remedy="mend the TOML syntax") from error
    if strange := set(content) - _SECTIONS:
        raise ConfigError(
            f"no section {sorted(strange)}", where=where, remedy=f"use {sorted(_SECTIONS)}"
        )
    try:
        made = _guideline(content, where)
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{type(error).__name__}: {error}",
            where=where,
            remedy="see careloop.guidance.guideline",
        ) from error
    _check(made, where)
    return made


def read_referrals(file: Traversable) -> dict[str, Text]:
    """Read what people are told of a referral: words by the outcome of a guideline's table.

    Raises
    ------
    ConfigError
        Naming file and fault.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        return {key: Text(**words) for key, words in content.items()}
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ConfigError(str(error), where=file.name, remedy='[hospital] zh = "…", en') from error


def _guideline(content: Mapping[str, Any], where: str) -> Guideline:
    head = content["guideline"]
    key = head["key"]

    def table(name: str) -> Decision:
        return decision(content[name], f"{key}_{name}", where=f"{where} [{name}]")

    return Guideline(
        key=key,
        name=Text(**head["name"]),
        edition=head["edition"],
        citation=head["citation"],
        mark=head["mark"],
        risk_class=table("risk_class"),
        treatment=table("treatment"),
        referral=table("referral") if "referral" in content else None,
        first=tuple(_choice(each) for each in content.get("first", ())),
        spec=tuple(_spec(each, content.get("base", {})) for each in content.get("spec", ())),
    )


def _choice(table: Mapping[str, Any]) -> Choice:
    note = table.get("note")
    return Choice(
        table["risk_class"],
        tuple(table["medicines"]),
        table["section"],
        table["mark"],
        table.get("when", ""),
        Text(**note) if note else None,
    )


def _spec(table: Mapping[str, Any], base: Mapping[str, Any]) -> SpecRow:
    """A row of the specification: what it says of the person goes before the base of the file."""
    if strange := set(table["expect"]) - _EXPECTED:
        raise TypeError(f"a row expects {sorted(strange)}; use {sorted(_EXPECTED)}")
    facts = {name: None if value == UNKNOWN else value for name, value in table["facts"].items()}
    return SpecRow({**base, **facts}, dict(table["expect"]), table.get("note", ""))


def _check(made: Guideline, where: str) -> None:
    for decided, words in ((made.risk_class, RISK_CLASSES), (made.treatment, TREATMENTS)):
        for outcome in decided.outcomes:
            _one_of(outcome.key, words, f"{where} {decided.key}")
    for choice in made.first:
        _one_of(choice.risk_class, RISK_CLASSES, f"{where} [[first]]")
        if choice.when:
            condition(choice.when)
    marks = [made.mark, *(choice.mark for choice in made.first)]
    for decided in made.decisions():
        for outcome in decided.outcomes:
            for each in outcome.clauses:
                condition(each.sql)
                marks.append(each.mark)
    for mark in marks:
        _one_of(mark, MARKS, where)


def _one_of(word: str, words: Iterable[str], where: str) -> None:
    if word not in tuple(words):
        raise ConfigError(f"{word!r} is no answer here", where=where, remedy=f"use {list(words)}")
