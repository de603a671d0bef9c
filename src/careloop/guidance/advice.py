"""Advice without drugs, and monitoring: evaluated over a table, told one person at a time.

The rules are data (`careloop.guidance.advice_file`); `advice_columns` answers them for everybody
at once and `advise` turns one person's answers into items of a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

import polars as pl

from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text
from careloop.guidance.advice_file import read_advice
from careloop.guidance.advice_rule import AdviceRule, Formula, Quantity
from careloop.guidance.plan import PlanItem, Reason, Withheld
from careloop.risk.decision import NamedClause
from careloop.risk.wording import listed

__all__ = [
    "AdviceRule",
    "Formula",
    "Quantity",
    "advice_columns",
    "advice_reads",
    "advise",
    "read_advice",
    "undecided",
    "withheld",
]


def advice_reads(rules: Iterable[AdviceRule]) -> list[str]:
    """Every column that `advice_columns` needs, each once."""
    return list(dict.fromkeys(name for rule in rules for name in rule.reads()))


def advice_columns(rules: Sequence[AdviceRule]) -> list[pl.Expr]:
    """The answers of all rules over a table.

    Returns
    -------
    list[pl.Expr]
        Per rule `advice_<key>` (true, false or null: unknown), `…_because` (keys of the clauses
        that hold), and where the rule has such things: `…_stops` (stops that hold), `…_check`
        (variables to know first), `…_cautions`, `…_measure` (variables still to be measured) and
        `…_due` (days, Int32, from 0). Per quantity, once: `quantity_<name>` (Float64) and
        `quantity_<name>_basis` (place of the formula used).
    """
    columns = [column for rule in rules for column in _columns(rule)]
    quantities = {each.name: each for rule in rules for each in rule.quantities}
    for each in quantities.values():
        columns.append(each.value.alias(each.column))
        if len(each.formulas) > 1:
            columns.append(each.basis.alias(f"{each.column}_basis"))
    return columns


def _columns(rule: AdviceRule) -> list[pl.Expr]:
    columns = [rule.holds.alias(rule.column), _held(rule.clauses).alias(f"{rule.column}_because")]
    if rule.stops:
        columns.append(_held(rule.stops).alias(f"{rule.column}_stops"))
    if rule.cautions:
        columns.append(_held(rule.cautions).alias(f"{rule.column}_cautions"))
    if check := _to_check(rule):
        columns.append(listed(list(check.values()), list(check)).alias(f"{rule.column}_check"))
    if rule.measure:
        names = [key for key, _ in rule.measure]
        flags = [pl.col(name).is_null() for name in names]
        columns.append(listed(flags, names).alias(f"{rule.column}_measure"))
    if rule.due:
        days = condition(rule.due).cast(pl.Float64).ceil().cast(pl.Int32)
        columns.append(days.clip(0).alias(f"{rule.column}_due"))
    return columns


def _held(clauses: Sequence[NamedClause]) -> pl.Expr:
    return listed([each.holds for each in clauses], [each.key for each in clauses])


def _to_check(rule: AdviceRule) -> dict[str, pl.Expr]:
    """For every variable that may have to be known first, whether it is what is missing."""
    missing: dict[str, list[pl.Expr]] = {}
    for stop in rule.stops:
        unknown = stop.holds.is_null()
        for name in names_in(stop.sql):
            missing.setdefault(name, []).append(unknown & pl.col(name).is_null())
    for name in rule.check_first:
        missing.setdefault(name, []).append(pl.col(name).is_null())
    return {name: pl.any_horizontal(*flags) for name, flags in missing.items()}


def advise(row: Mapping[str, Any], rules: Sequence[AdviceRule], as_of: date) -> list[PlanItem]:
    """The advice that applies to one person, most urgent first.

    Parameters
    ----------
    row
        A row of a table with the columns of `advice_columns(rules)`.
    as_of
        The day of the plan, from which days are counted.

    Returns
    -------
    list[PlanItem]
        One item a rule that is known to apply; nothing is said where it is unknown (`undecided`).
    """
    items = []
    for rule in rules:
        if row[rule.column]:
            names, values = _beside(rule)
            items.append(_item(rule, names, values(row), as_of))
    return sorted(items, key=lambda item: item.priority)


def withheld(row: Mapping[str, Any], rules: Sequence[AdviceRule]) -> list[Withheld]:
    """Advice that a clause asked for and a stop forbade, with the stops."""
    return [
        Withheld(rule.key, _words(row, rule)[0], stops)
        for rule in rules
        if rule.stops and row[f"{rule.column}_because"]
        if (stops := _reasons(rule.stops, row[f"{rule.column}_stops"]))
    ]


def undecided(row: Mapping[str, Any], rules: Sequence[AdviceRule]) -> dict[str, tuple[str, ...]]:
    """For each rule that cannot be told, its variables that are unknown."""
    return {
        rule.key: tuple(name for name in rule.reads() if row.get(name) is None)
        for rule in rules
        if row[rule.column] is None
    }


@cache
def _beside(rule: AdviceRule) -> tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Any]]:
    """The columns that say all about a rule, and how to take their values from a row."""
    names = [column.meta.output_name() for column in advice_columns([rule])]
    return tuple(names), itemgetter(*names)


@lru_cache(maxsize=20_000)  # many people are told the same
def _item(
    rule: AdviceRule, names: tuple[str, ...], values: tuple[Any, ...], as_of: date
) -> PlanItem:
    row = dict(zip(names, values, strict=True))
    text, patient, details = _words(row, rule)
    days = row[f"{rule.column}_due"] if rule.due else None
    measure = row[f"{rule.column}_measure"].split() if rule.measure else ()
    return PlanItem(
        key=rule.key,
        kind=rule.kind,
        text=text,
        patient=patient,
        because=_reasons(rule.clauses, row[f"{rule.column}_because"]),
        after_checking=tuple(row.get(f"{rule.column}_check", "").split()),
        checks=tuple(label for key, label in rule.measure if key in measure),
        cautions=_reasons(rule.cautions, row[f"{rule.column}_cautions"]) if rule.cautions else (),
        guideline=rule.guideline,
        section=rule.section,
        strength=rule.strength,
        mark=rule.mark,
        due_on=None if days is None else as_of + timedelta(days=days),
        priority=rule.priority,
        excludes=rule.excludes,
        details=details,
    )


def _reasons(clauses: Sequence[NamedClause], keys: str) -> tuple[Reason, ...]:
    held = keys.split()
    return tuple(
        Reason(each.key, each.label, each.source, each.mark) for each in clauses if each.key in held
    )


def _words(
    row: Mapping[str, Any], rule: AdviceRule
) -> tuple[Text, Text | None, Mapping[str, Any] | None]:
    """Texts with their numbers filled in, and the numbers themselves."""
    if not rule.quantities:
        return rule.text, rule.patient, rule.details or None
    shown: dict[str, dict[str, str]] = {"zh": {}, "en": {}}
    numbers: dict[str, dict[str, Any]] = {}
    for each in rule.quantities:
        value = row[each.column]
        if value is None:
            for words in shown.values():
                words |= {each.name: "—", f"{each.name}_basis": "—"}
            continue
        formula = each.formulas[row[f"{each.column}_basis"] if len(each.formulas) > 1 else 0]
        number = f"{value:.{each.digits}f}"
        numbers[each.name] = {"value": value, "unit": each.unit, "assumed": formula.assumed}
        for language, words in shown.items():
            words[each.name] = number
            if formula.basis:
                words[f"{each.name}_basis"] = formula.basis[language]
    details = {**rule.details, "quantities": numbers}
    if rule.otherwise is not None and len(numbers) < len(rule.quantities):
        return rule.otherwise, rule.patient_otherwise, details
    text = _filled(rule.text, shown)
    return text, _filled(rule.patient, shown) if rule.patient else None, details


def _filled(text: Text, shown: Mapping[str, Mapping[str, str]]) -> Text:
    return Text(text.zh.format_map(shown["zh"]), text.en.format_map(shown["en"]))
