"""What follows from recorded values: age at the date, and the dictionary's derived variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.condition import condition
from careloop.dictionary.derivation import derivation_order
from careloop.dictionary.variable import Kind, Variable

AGE = "age_y"
BIRTH = "birth_date"
_FALSE = pl.lit(value=False)


def inputs_of(keys: Iterable[str], dictionary: Dictionary) -> set[str]:
    """These variables and everything they are derived from, directly or not."""
    found = {dictionary[key].key for key in keys}
    for key, names in reversed(derivation_order(dictionary).items()):
        if key in found:
            found |= set(names)
    return found | {BIRTH} & set(dictionary) if AGE in found else found


def complete(
    table: pl.DataFrame, as_of: date, dictionary: Dictionary, dtypes: Mapping[Kind, pl.DataType]
) -> pl.DataFrame:
    """Add the age and the derived variables to a table of recorded values.

    A derived variable is there if any of its inputs is, and counts where nothing was recorded; one
    that is remembered for ever (`memory = "ever"`) is also yes where its derivation is. Its age is
    that of the oldest input known, and it is assumed if any input that is known was assumed.
    """
    table = _with_age(table, as_of)
    for key, names in derivation_order(dictionary).items():
        inputs = [name for name in names if name in table.columns]
        if not inputs:
            continue
        absent = [name for name in names if name not in table.columns]
        table = table.with_columns(
            pl.lit(None, dtype=dtypes[dictionary[name].kind]).alias(name) for name in absent
        )
        table = _with_derived(
            table,
            dictionary[key],
            condition(dictionary[key].derive).cast(dtypes[dictionary[key].kind]),
            inputs,
        ).drop(absent)
    keys = {key: place for place, key in enumerate(dictionary)}
    return table.select(
        "person_id",
        *sorted(table.columns[1:], key=lambda name: keys[name.partition("__")[0]]),
    )


def _with_derived(
    table: pl.DataFrame, variable: Variable, derived: pl.Expr, inputs: list[str]
) -> pl.DataFrame:
    """Put a derived value and what stands beside it where they count."""
    key = variable.key
    recorded = key in table.columns
    known = pl.col("_derived").is_not_null()
    used = known
    if recorded:
        used = known & pl.col(key).is_null()
        if variable.memory == "ever":
            used |= pl.col("_derived").fill_null(value=False) & ~pl.col(key)
    ages = pl.max_horizontal(pl.col(f"{name}__age_d") for name in inputs)
    assumed = [
        pl.col(f"{name}__assumed") & pl.col(name).is_not_null()
        for name in inputs
        if f"{name}__assumed" in table.columns
    ]
    told = [f"{key}__assumed"] if f"{key}__assumed" in table.columns else []
    columns = {
        key: _where(used, pl.col("_derived"), key, there=recorded),
        f"{key}__age_d": _where(used, ages, f"{key}__age_d", there=recorded),
    }
    if assumed or told:
        columns[f"{key}__assumed"] = _where(
            used, pl.any_horizontal(assumed) if assumed else _FALSE, *told, there=bool(told)
        ).fill_null(value=False)
    return table.with_columns(derived.alias("_derived")).with_columns(**columns).drop("_derived")


def _where(used: pl.Expr, derived: pl.Expr, column: str = "", *, there: bool) -> pl.Expr:
    otherwise = pl.col(column) if there else None
    return pl.when(used).then(derived).otherwise(otherwise)


def _with_age(table: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """`age_y`: completed years from the birth date, else the recorded age moved on to `as_of`."""
    has_birth, has_age = BIRTH in table.columns, AGE in table.columns
    if not has_birth and not has_age:
        return table
    if has_age:
        on = pl.lit(as_of) - pl.duration(days=pl.col(f"{AGE}__age_d"))
        table = table.with_columns(pl.col(AGE) + completed_years(on, as_of))
    if not has_birth:
        return table
    age = completed_years(pl.col(BIRTH), as_of).cast(pl.Float64)
    born = pl.col(BIRTH) <= as_of
    columns = {
        AGE: _where(born, age, AGE, there=has_age),
        f"{AGE}__age_d": _where(born, pl.lit(0, dtype=pl.Int32), f"{AGE}__age_d", there=has_age),
    }
    told = [name for name in (BIRTH, AGE) if f"{name}__assumed" in table.columns]
    if told:
        columns[f"{AGE}__assumed"] = (
            pl.when(born)
            .then(pl.col(f"{BIRTH}__assumed") if BIRTH in told else _FALSE)
            .otherwise(pl.col(f"{AGE}__assumed") if AGE in told else _FALSE)
        )
    return table.with_columns(**columns)


def completed_years(since: pl.Expr, as_of: date) -> pl.Expr:
    """Birthdays passed since a date; who was born on 29 February has theirs on 1 March."""
    before = (since.dt.month() > as_of.month) | (
        (since.dt.month() == as_of.month) & (since.dt.day() > as_of.day)
    )
    return pl.lit(as_of.year) - since.dt.year() - before.cast(pl.Int32)
