"""Reading instruments from their TOML files, each setting checked against the dictionary."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.resources.abc import Traversable
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.condition import names_in
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.risk.instruments import term as kinds
from careloop.risk.instruments.definition import Clause, Input, Instrument, RiskClass, Term
from careloop.risk.wording import listed

_SETTINGS = {
    "name",
    "citation",
    "mark",
    "unit",
    "experimental",
    "asks",
    "disclaimer",
    "note",
    "kind",
    "truncate",
    "function",
    "data",
    "inputs",
    "optional",
    "term",
    "domain",
    "population",
    "class",
    "test",
}
_TERMS: dict[str, Callable[..., pl.Expr]] = {
    "linear": kinds.linear,
    "step": kinds.step,
    "bins": kinds.bins,
    "when": kinds.when,
    "count": kinds.count,
}


def read_instruments(folder: Traversable, dictionary: Dictionary) -> list[Instrument]:
    """Every instrument of a folder, in the order of the file names.

    Raises
    ------
    ConfigError
        Naming file, instrument and fault.
    """
    found: list[Instrument] = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        for key, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
            found.append(
                _instrument(key, table, dictionary, where=f"{file.name} [{key}]", folder=folder)
            )
    return found


def _instrument(
    key: str, table: Mapping[str, Any], dictionary: Dictionary, *, where: str, folder: Traversable
) -> Instrument:
    for name in set(table) - _SETTINGS:
        raise ConfigError(f"no setting {name!r}", where=where, remedy=f"use {sorted(_SETTINGS)}")
    try:
        domain = tuple(_clause(clause) for clause in table.get("domain", ()))
        population = tuple(_clause(clause) for clause in table.get("population", ()))
        terms = tuple(_term(term, table.get("optional", ())) for term in table.get("term", ()))
        common: dict[str, Any] = {
            "key": key,
            "name": Text(**table["name"]),
            "citation": table["citation"],
            "mark": table["mark"],
            "domain": domain,
            "population": population,
            "classes": tuple(
                RiskClass(
                    each["key"], Text(**each["label"]), each["when"], each.get("refer", False)
                )
                for each in table.get("class", ())
            ),
            "unit": table.get("unit", "{score}"),
            "experimental": table.get("experimental", False),
            "asks": table.get("asks", True),
            "disclaimer": Text(**table["disclaimer"]) if "disclaimer" in table else None,
            "note": Text(**table["note"]) if "note" in table else None,
            "tests": tuple(table.get("test", ())),
        }
        if "function" in table:
            parts = _call(table["function"], table, folder)
        else:
            parts = _sum(key, table, terms, domain)
        instrument = Instrument(**common, **parts)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{type(error).__name__}: {error}", where=where, remedy="see docs/explanation"
        ) from error
    _check_names(instrument, table, dictionary, where)
    return instrument


def _clause(table: Mapping[str, Any]) -> Clause:
    return Clause(table["when"], Text(**table["otherwise"]))


def _term(table: Mapping[str, Any], optional: Sequence[str]) -> Term:
    kind = next(name for name in _TERMS if name in table)
    settings = table[kind]
    expression = _TERMS[kind](**settings)
    of = settings.get("of", settings.get("sql", ""))
    reads = tuple(of) if isinstance(of, list) else tuple(names_in(of))
    if set(reads) & set(optional):
        expression = expression.fill_null(0.0)
    return Term(Text(**table["label"]), reads, expression, str(table.get("item", "")))


def _sum(
    key: str, table: Mapping[str, Any], terms: tuple[Term, ...], domain: tuple[Clause, ...]
) -> dict[str, Any]:
    """A plain score: the sum of its terms, or whether any of them fired (`kind = "any"`)."""
    points = [term.points for term in terms]
    outputs: dict[str, pl.Expr]
    if table.get("kind", "sum") == "any":
        fired = [each > 0 for each in points]
        outputs = {
            f"{key}_positive": pl.any_horizontal(*fired),
            f"{key}_items": listed(fired, [term.item for term in terms]),
        }
    else:
        outputs = {key: kinds.total(points, truncate=table.get("truncate", False))}
    optional = set(table.get("optional", ()))
    names = dict.fromkeys(
        [name for term in terms for name in term.reads]
        + [name for clause in domain for name in names_in(clause.sql)]
    )
    inputs = tuple(Input(name, pl.col(name)) for name in names if name not in optional)
    return {"terms": terms, "outputs": outputs, "inputs": inputs}


def _call(target: str, table: Mapping[str, Any], folder: Traversable) -> dict[str, Any]:
    """Ask the named function for the parts of an instrument that are too long for a table."""
    module, _, function = target.partition(":")
    data = tomllib.loads((folder / "data" / table["data"]).read_text(encoding="utf-8"))
    parts: dict[str, Any] = getattr(import_module(module), function)(data)
    return parts


def _check_names(
    instrument: Instrument, table: Mapping[str, Any], dictionary: Dictionary, where: str
) -> None:
    names = [each.variable for each in instrument.inputs]
    names += [name for term in instrument.terms for name in term.reads]
    for clause in (*instrument.domain, *instrument.population):
        names += names_in(clause.sql)
    for risk_class in instrument.classes:
        names += [name for name in names_in(risk_class.sql) if name != "value"]
    own = set(instrument.outputs)
    for name in dict.fromkeys([*names, *table.get("optional", ())]):
        if name in own:
            continue
        try:
            dictionary[name.partition("__")[0]]  # `t_femoral_neck__reference_db`: a qualifier
        except ConfigError as error:
            raise ConfigError(error.problem, where=where, remedy=error.remedy) from None
