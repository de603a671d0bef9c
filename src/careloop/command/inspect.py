"""`careloop dictionary` and `careloop instruments`: looking things up."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from careloop.dictionary.catalogue import load
from careloop.error import InputError
from careloop.programmes.programme import programme as find_programme
from careloop.risk.instruments.definition import Instrument
from careloop.risk.instruments.evaluation import input_variables


def print_dictionary(words: str, *, language: str) -> None:
    """Print the variables that match all words (all variables if there are none)."""
    found = load().search(words)
    if not found:
        raise InputError(
            f"no variable matches {words!r}", remedy="try fewer words, a code, or Chinese"
        )
    table = Table(title=f"{len(found)} / {len(load())}", header_style="bold")
    for name in ("key", "label", "kind", "unit", "range", "codes"):
        table.add_column(name, overflow="fold")
    for variable in found:
        limits = "" if variable.low is None else f"{variable.low:g}–{variable.high:g}"
        codes = ", ".join(f"{code.system} {code.code}" for code in variable.codes[:3])
        more = f" +{len(variable.codes) - 3}" if len(variable.codes) > 3 else ""
        label = variable.label[language]
        table.add_row(variable.key, label, variable.kind, variable.unit, limits, codes + more)
    Console().print(table)


def print_instruments(programme: str, key: str | None, *, language: str) -> None:
    """Print all instruments of a programme, or one of them in full."""
    instruments = find_programme(programme, experimental=True).instruments
    console = Console()
    if key is None:
        table = Table(header_style="bold")
        for name in ("key", "name", "citation", "mark"):
            table.add_column(name, overflow="fold")
        for each in instruments:
            table.add_row(each.key, each.name[language], each.citation, _mark(each))
        console.print(table)
        return
    found = next((each for each in instruments if each.key == key), None)
    if found is None:
        raise InputError(
            f"no instrument {key!r}", remedy=f"one of {', '.join(each.key for each in instruments)}"
        )
    _print_one(found, console, language)


def _print_one(each: Instrument, console: Console, language: str) -> None:
    console.print(f"[bold]{each.name[language]}[/bold] ({each.key}) {_mark(each)}")
    console.print(each.citation, highlight=False)
    for label, clauses in (("population", each.population), ("domain", each.domain)):
        for clause in clauses:
            console.print(f"  {label}: {clause.sql}", highlight=False)
    for term in each.terms:
        words = term.label[language]
        if words:
            console.print(f"  {term.item or '·'} {words}: {', '.join(term.reads)}", highlight=False)
    for risk_class in each.classes:
        console.print(
            f"  {risk_class.key}: {risk_class.label[language]} ({risk_class.sql})", highlight=False
        )
    console.print(f"  reads: {', '.join(input_variables([each]))}", highlight=False)
    for text in (each.note, each.disclaimer):
        if text:
            console.print(text[language], highlight=False)


def _mark(each: Instrument) -> str:
    words = [each.mark]
    words += ["unconfirmed"] if each.unconfirmed else []
    words += ["experimental"] if each.experimental else []
    return " ".join(words)
