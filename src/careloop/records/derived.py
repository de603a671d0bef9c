"""What follows from recorded values: age at the date, and the dictionary's derived variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    """Name these variables and everything they are derived from, directly or not."""
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
    have = list(table.columns)
    lazy = _with_age(table.lazy(), have, as_of)
    layers, absent = _layers(dictionary, have)
    lazy = lazy.with_columns(
        pl.lit(None, dtype=dtypes[dictionary[name].kind]).alias(name) for name in absent
    )
    for columns in _derivations(layers, dictionary, have, dtypes):
        lazy = lazy.with_columns(**columns)
    place = {key: place for place, key in enumerate(dictionary)}
    have[1:] = sorted(have[1:], key=lambda name: place[name.partition("__")[0]])
    return lazy.select(have).collect()


def derivations(
    dictionary: Dictionary, dtypes: Mapping[Kind, pl.DataType]
) -> list[dict[str, pl.Expr]]:
    """What `complete` adds after the age, level by level, to a table that has every column."""
    have = [
        f"{key}{beside}"
        for key in inputs_of(derivation_order(dictionary), dictionary)
        for beside in ("", "__age_d", "__assumed")
    ]
    layers, _ = _layers(dictionary, have)
    return list(_derivations(layers, dictionary, have, dtypes))


def _derivations(
    layers: Iterable[Mapping[str, list[str]]],
    dictionary: Dictionary,
    have: list[str],
    dtypes: Mapping[Kind, pl.DataType],
) -> Iterator[dict[str, pl.Expr]]:
    """Each layer's columns, over the columns that there are; enters them in `have`."""
    for layer in layers:
        columns: dict[str, pl.Expr] = {}
        for key, inputs in layer.items():
            derived = condition(dictionary[key].derive).cast(dtypes[dictionary[key].kind])
            columns |= _derived(dictionary[key], derived, inputs, have)
        yield columns


def _layers(
    dictionary: Dictionary, have: Iterable[str]
) -> tuple[list[dict[str, list[str]]], list[str]]:
    """Which variables can be derived from what there is, and the inputs that are lacking.

    Each layer holds variables (with the inputs there are) that read only those before it.
    """
    known = set(have)
    layers: list[dict[str, list[str]]] = []
    depth: dict[str, int] = {}
    absent: dict[str, None] = {}
    for key, names in derivation_order(dictionary).items():
        inputs = [name for name in names if name in known]
        if inputs:
            depth[key] = max(depth.get(name, -1) for name in names) + 1
            layers += [{} for _ in range(depth[key] + 1 - len(layers))]
            layers[depth[key]][key] = inputs
            known.add(key)
            absent |= dict.fromkeys(name for name in names if name not in known)
    return layers, list(absent)


def _derived(
    variable: Variable, derived: pl.Expr, inputs: list[str], have: list[str]
) -> dict[str, pl.Expr]:
    """Columns of a derived variable: what was recorded unless what is derived counts."""
    key = variable.key
    used = derived.is_not_null()
    if key in have:
        used &= pl.col(key).is_null()
        if variable.memory == "ever":
            used |= derived.fill_null(value=False) & ~pl.col(key)
    age = pl.max_horizontal(pl.col(f"{name}__age_d") for name in inputs)
    columns = {key: derived, f"{key}__age_d": age}
    assumed = [
        pl.col(f"{name}__assumed") & pl.col(name).is_not_null()
        for name in inputs
        if f"{name}__assumed" in have
    ]
    if assumed or f"{key}__assumed" in have:
        columns[f"{key}__assumed"] = pl.any_horizontal(assumed) if assumed else _FALSE
    return _where(used, columns, have)


def _where(used: pl.Expr, columns: dict[str, pl.Expr], have: list[str]) -> dict[str, pl.Expr]:
    """Take these columns where used, else what is there already; enters them in `have`."""
    chosen = {}
    for name, column in columns.items():
        otherwise = pl.col(name) if name in have else None
        chosen[name] = pl.when(used).then(column).otherwise(otherwise)
        if name.endswith("__assumed"):
            chosen[name] = chosen[name].fill_null(value=False)
        if name not in have:
            have.append(name)
    return chosen


def _with_age(table: pl.LazyFrame, have: list[str], as_of: date) -> pl.LazyFrame:
    """`age_y`: completed years from the birth date, else the recorded age moved on to `as_of`."""
    if AGE in have:
        on = pl.lit(as_of) - pl.duration(days=pl.col(f"{AGE}__age_d"))
        table = table.with_columns(pl.col(AGE) + completed_years(on, as_of))
    if BIRTH not in have:
        return table
    columns = {
        AGE: completed_years(pl.col(BIRTH), as_of).cast(pl.Float64),
        f"{AGE}__age_d": pl.lit(0, dtype=pl.Int32),
    }
    if f"{BIRTH}__assumed" in have or f"{AGE}__assumed" in have:
        told = f"{BIRTH}__assumed" in have
        columns[f"{AGE}__assumed"] = pl.col(f"{BIRTH}__assumed") if told else _FALSE
    return table.with_columns(**_where(pl.col(BIRTH) <= as_of, columns, have))


def completed_years(since: pl.Expr, as_of: date) -> pl.Expr:
    """Birthdays passed since a date; who was born on 29 February has theirs on 1 March."""
    before = (since.dt.month() > as_of.month) | (
        (since.dt.month() == as_of.month) & (since.dt.day() > as_of.day)
    )
    return pl.lit(as_of.year) - since.dt.year() - before.cast(pl.Int32)
