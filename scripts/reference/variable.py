"""The page of the dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from markdown import code, number, table

from careloop.dictionary.catalogue import load
from careloop.dictionary.codes import SYSTEMS
from careloop.dictionary.variable import Code, Variable

MEMORY = {
    "latest": "",
    "ever": "once yes, always yes",
    "period": "yes from its start to its end",
}


def dictionary_page() -> list[str]:
    """Every variable, by group, in the order of the files."""
    dictionary = load()
    lines = [
        f"# Dictionary: {len(dictionary)} variables",
        "",
        "What each variable is called in mapping files, rules and results. Unknown is never no.",
        "",
        "Limits are of plausible data entry, never clinical: a value beyond them is not taken but",
        "reported. A code of ICD-10, ICD-10-CM or ATC means itself and everything below it. A code",
        "in brackets counts only where the sender also says the words in them. `?` marks what",
        "nobody has confirmed.",
        "",
    ]
    for group, members in groupby(dictionary.values(), key=lambda each: each.group):
        lines += [f"## {group}", ""]
        lines += table(
            ("variable", "中文", "English", "kind, unit, limits", "codes", "remarks"),
            (_row(each) for each in members),
        )
    lines += ["## Code systems", ""]
    return lines + table(
        ("key", "system", "URI", "edition"),
        ((each.key, each.title, code(each.uri), each.edition) for each in SYSTEMS.values()),
    )


def _row(variable: Variable) -> tuple[str, ...]:
    return (
        code(variable.key),
        variable.label.zh,
        variable.label.en + (" ?" if variable.unconfirmed else ""),
        _kind(variable),
        "<br>".join(_code(each) for each in variable.codes),
        "<br>".join(_remarks(variable)),
    )


def _kind(variable: Variable) -> str:
    if variable.kind == "code":
        return "<br>".join(f"{code(key)} {text.en}" for key, text in variable.values.items())
    if variable.kind != "number":
        return "yes or no" if variable.kind == "boolean" else variable.kind
    low, high = variable.low, variable.high
    if low is not None and high is not None:
        limits = f" {number(low)} to {number(high)}"
    elif low is not None:
        limits = f" from {number(low)}"
    else:
        limits = "" if high is None else f" up to {number(high)}"
    return code(variable.unit) + limits


def _code(each: Code) -> str:
    text = f"{each.system} {each.code}"
    if each.qualifier:
        text += f" [{each.qualifier}]"
    return f"{text} ?" if each.unconfirmed else text


def _remarks(variable: Variable) -> Iterator[str]:
    if variable.sex:
        yield f"{variable.sex} only"
    if MEMORY[variable.memory]:
        yield MEMORY[variable.memory]
    if variable.identifying:
        yield "identifies the person"
    if variable.derive:
        yield f"derived: {code(variable.derive)}"
    if variable.context:
        yield "kept beside it: " + ", ".join(code(name) for name in variable.context)
    if variable.note:
        yield variable.note
    if variable.source:
        yield f"Source: {variable.source}"
