"""The page of the published instruments."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from importlib.resources import files
from itertools import pairwise
from typing import Any

from markdown import code, heading, listed, number, table

from careloop.dictionary.catalogue import PROGRAMMES, load
from careloop.programmes.programme import programme
from careloop.risk.instruments.definition import Clause, Instrument
from careloop.risk.instruments.reading import read_instruments

MARKS = {
    "A": "read in the source",
    "B": "from a well-known publication, not re-opened: **unconfirmed**",
    "C": "unsure: **unconfirmed**, not used by default",
}


def instruments_page() -> list[str]:
    """Every instrument of every programme, experimental ones included."""
    lines = [
        "# Instruments",
        "",
        "Outside its *domain* a formula is not defined: there is no value, and the reason is",
        "given. Outside its *population* the value is shown, `<instrument>_applies` is false, and",
        "no decision uses it. A score whose items are not all known has no value; `missing` names",
        "what to ask for.",
        "",
        "[Published instruments and their limits](../explanation/instruments-and-limits.md)",
        "explains more.",
        "",
    ]
    for entry in sorted(entry_points(group=PROGRAMMES), key=lambda entry: entry.name):
        folder = files(entry.module) / "instruments"
        tables: dict[str, Any] = {}
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".toml"):
                tables |= tomllib.loads(file.read_text(encoding="utf-8"))
        lines += [heading(programme(entry.name)), ""]
        for instrument in read_instruments(folder, load()):
            lines += _instrument(instrument, tables[instrument.key])
    return lines


def _instrument(instrument: Instrument, data: Mapping[str, Any]) -> list[str]:
    experimental = " Experimental: only with `--experimental`." if instrument.experimental else ""
    lines = [
        f"### {instrument.key}",
        "",
        f"{instrument.name.en} · {instrument.name.zh}",
        "",
        f"{instrument.citation}. Mark {instrument.mark}: {MARKS[instrument.mark]}.{experimental}",
        "",
    ]
    if instrument.note:
        lines += [instrument.note.en, ""]
    if instrument.disclaimer:
        lines += [f"> {instrument.disclaimer.en}", ">", f"> {instrument.disclaimer.zh}", ""]
    lines += [f"Columns: {_columns(instrument.outputs)} in {code(instrument.unit)}.", ""]
    lines += [f"Reads: {listed(each.variable for each in instrument.inputs)}.", ""]
    lines += table(
        ("part", "points"),
        ((_part(each), points(each)) for each in data.get("term", ())),
    )
    if data.get("truncate"):
        lines += ["The sum is cut towards zero.", ""]
    lines += _clauses("domain", instrument.domain)
    lines += _clauses("population", instrument.population)
    lines += table(
        ("class", "", "where `value` is the first column", ""),
        (
            (code(each.key), each.label.en, code(each.sql), "refer" if each.refer else "")
            for each in instrument.classes
        ),
    )
    if instrument.tests:
        names = list(dict.fromkeys(name for test in instrument.tests for name in test))
        lines += ["Published test cases, run as tests:", ""]
        lines += table(
            names, ([number(test.get(name, "")) for name in names] for test in instrument.tests)
        )
    return lines


def _columns(names: Iterable[str]) -> str:
    """Names of columns; `risk_1y` to `risk_18y` are told by the first and the last."""
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(re.sub(r"\d+(?=y$)", "…", name), []).append(name)
    return ", ".join(
        f"{code(members[0])} to {code(members[-1])}" if members[1:] else code(members[0])
        for members in families.values()
    )


def _part(term: Mapping[str, Any]) -> str:
    label: str = term["label"]["en"]
    return f"{term['item']}. {label}" if term.get("item") else label


def _clauses(name: str, clauses: Sequence[Clause]) -> list[str]:
    return table((name, "otherwise"), ((code(each.sql), each.otherwise.en) for each in clauses))


def points(term: Mapping[str, Any]) -> str:
    """Say what a term of an instrument's table gives."""
    if linear := term.get("linear"):
        return f"{number(linear['times'])} × {code(linear['of'])}"
    if step := term.get("step"):
        return f"{number(step['points'])} per full {number(step['per'])} of {code(step['of'])}"
    if when := term.get("when"):
        otherwise = when.get("otherwise", 0)
        rest = f", otherwise {number(otherwise)}" if otherwise else ""
        return f"{number(when['points'])} if {code(when['sql'])}{rest}"
    if count := term.get("count"):
        return f"{number(count['each'])} for each of {listed(count['of'])}"
    bins = term["bins"]
    edges = [number(edge) for edge in bins["edges"]]
    intervals = [
        f"below {edges[0]}",
        *(f"{low} to below {high}" for low, high in pairwise(edges)),
        f"from {edges[-1]}",
    ]
    given = zip(intervals, bins["points"], strict=True)
    return f"{code(bins['of'])} " + ", ".join(f"{words}: {number(each)}" for words, each in given)
