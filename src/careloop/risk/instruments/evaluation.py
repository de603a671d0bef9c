"""Evaluating instruments on a snapshot's table: the same expressions for one person or millions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from careloop.dictionary.condition import condition
from careloop.dictionary.variable import Text
from careloop.risk.instruments.definition import Instrument
from careloop.risk.wording import first_word, listed

_MISSING = Text("缺少所需资料", "an input is not known")
_NOT_TOLD = Text("无法判断是否适用：", "cannot tell whether it applies: ")


def evaluate(
    frame: pl.DataFrame | pl.LazyFrame,
    instruments: Sequence[Instrument],
    *,
    language: str = "zh",
    also: Sequence[pl.Expr] = (),
) -> pl.LazyFrame:
    """Add every instrument's columns to a snapshot's table.

    Parameters
    ----------
    frame
        One row a person; every variable the instruments read must be a column
        (`Snapshot.with_columns_for`).
    instruments
        What to evaluate.
    language
        Of the reasons: "zh" or "en".
    also
        Further columns that read the instruments' workings (missing inputs, points of terms).

    Returns
    -------
    pl.LazyFrame
        `frame` with, per instrument, its outputs (null outside the domain or where an input is
        unknown), `<key>_class`, `<key>_applies`, `<key>_reason` (null where there is nothing to
        say) and, where inputs were assumed by the source, `<key>_assumed`.
    """
    lazy = frame.lazy()
    columns = set(lazy.collect_schema().names())
    values = [expr for each in instruments for expr in _values(each)]
    notes = [
        expr
        for each in instruments
        for expr in (
            *_classes(each),
            each.applies().alias(f"{each.key}_applies"),
            reason(each, language=language).alias(f"{each.key}_reason"),
            *_assumed(each, columns),
        )
    ]
    lazy, workings = with_workings(lazy, instruments)
    return lazy.with_columns(values).with_columns([*notes, *also]).drop(workings)


def with_workings(
    lazy: pl.LazyFrame, instruments: Sequence[Instrument]
) -> tuple[pl.LazyFrame, list[str]]:
    """Add the intermediate columns that instruments declare; returns the table and their names."""
    names: dict[str, None] = {}
    for stage in range(max((len(each.workings) for each in instruments), default=0)):
        columns = {
            name: expr
            for each in instruments
            for name, expr in (each.workings[stage].items() if stage < len(each.workings) else ())
        }
        lazy = lazy.with_columns(expr.alias(name) for name, expr in columns.items())
        names.update(dict.fromkeys(columns))
    return lazy, list(names)


def input_variables(instruments: Iterable[Instrument]) -> list[str]:
    """Every variable that some instrument reads, each once."""
    names: dict[str, None] = {}
    made: set[str] = {"value"}
    for each in instruments:
        made.update(each.outputs, *each.workings)
        expressions = [
            *(expr for stage in each.workings for expr in stage.values()),
            *each.outputs.values(),
            *(one.value for one in each.inputs),
            *(clause.holds for clause in (*each.domain, *each.population)),
            *(condition(one.sql) for one in each.classes),
        ]
        for expression in expressions:
            names.update(dict.fromkeys(expression.meta.root_names()))
    return [name for name in names if name not in made]


def missing_inputs(instruments: Sequence[Instrument]) -> dict[str, pl.Expr]:
    """Per variable, true where asking for it would help some instrument made for this person.

    An instrument whose value is known already needs nothing more, and one that works on results of
    others (`asks = false`: an entered FRAX, a scan) asks nobody. The outputs must be columns.
    """
    found: dict[str, list[pl.Expr]] = {}
    for each in instruments:
        if not each.asks:
            continue
        wanted = (
            pl.col(each.value).is_null()
            & each.applies().fill_null(value=True)
            & each.defined().fill_null(value=True)
        )
        for one in each.inputs:
            found.setdefault(one.variable, []).append(one.missing & wanted)
    return {variable: pl.any_horizontal(*flags) for variable, flags in found.items()}


def reason(instrument: Instrument, *, language: str) -> pl.Expr:
    """Why there is no value, or why it must not be used; null where neither is so.

    The outputs must be columns: an input that was not needed for the value is no reason.
    """
    pairs = [
        (~clause.holds, clause.otherwise[language])
        for clause in (*instrument.domain, *instrument.population)
    ]
    if instrument.inputs:
        missing = pl.any_horizontal(*(one.missing for one in instrument.inputs))
        pairs.append((missing & pl.col(instrument.value).is_null(), _MISSING[language]))
    pairs += [
        (clause.holds.is_null(), _NOT_TOLD[language] + clause.otherwise[language])
        for clause in instrument.population
    ]
    return first_word(pairs) if pairs else pl.lit(None, dtype=pl.String)


def _values(instrument: Instrument) -> list[pl.Expr]:
    if not instrument.domain:
        return [expr.alias(name) for name, expr in instrument.outputs.items()]
    defined = instrument.defined()
    return [
        pl.when(defined).then(expr).otherwise(None).alias(name)
        for name, expr in instrument.outputs.items()
    ]


def _classes(instrument: Instrument) -> list[pl.Expr]:
    if not instrument.classes:
        return []
    value = pl.col(instrument.value)
    chosen: pl.Expr = pl.lit(None, dtype=pl.String)
    for each in reversed(instrument.classes):
        # not CASE: an unknown condition must end the search, not fall through to the next class
        holds = condition(_with_value(each.sql, instrument.value))
        chosen = (
            pl.when(holds).then(pl.lit(each.key)).when(holds.is_null()).then(None).otherwise(chosen)
        )
    known = pl.when(value.is_not_null()).then(chosen).otherwise(None)
    return [known.alias(f"{instrument.key}_class")]


def _with_value(sql: str, column: str) -> str:
    return " ".join(column if word == "value" else word for word in sql.split())


def _assumed(instrument: Instrument, columns: set[str]) -> list[pl.Expr]:
    return assumed_of(input_variables([instrument]), columns, name=f"{instrument.key}_assumed")


def assumed_of(names: Iterable[str], columns: Iterable[str], *, name: str) -> list[pl.Expr]:
    """The column that lists which inputs were assumed by the source; none if none ever was."""
    have = set(columns)
    told = [each for each in names if f"{each}__assumed" in have]
    if not told:
        return []
    words = listed([pl.col(f"{each}__assumed") for each in told], told)
    return [pl.when(words != "").then(words).otherwise(None).alias(name)]
