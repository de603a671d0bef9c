"""From columns read to facts and counts."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from careloop.dictionary.variable import Variable
from careloop.records.mapping import Value
from careloop.records.reading import ColumnAccount
from careloop.records.sources.column import OUT_OF_RANGE, Parsed, keep
from careloop.records.sources.consistency import RuleReading
from careloop.records.sources.row import Rows

_BETWEEN = " | "


def facts_of(reading: RuleReading, rows: Rows, own_dates: pl.Series | None) -> pl.LazyFrame:
    """Build the facts one rule read, as a query over its chunk (without `source`).

    `own_dates` replaces the rows' dates where the rule has a column of dates.
    """
    rule, parsed = reading.rule, reading.parsed
    numeric = rule.variable.kind in ("number", "boolean")
    table = rows.base.with_columns(parsed.value.alias("value"))
    if own_dates is not None:
        table = table.with_columns(own_dates.alias("effective_at"))
    if parsed.raw is not None:
        table = table.with_columns(parsed.raw.alias("raw"))
    query = table.lazy()
    if parsed.value.null_count():
        query = query.filter(pl.col("value").is_not_null())
    if rows.taken is not None:
        table = table.with_columns(rows.taken.alias("taken"))
        query = table.lazy().filter(pl.col("value").is_not_null() & pl.col("taken"))
    return query.select(
        **_who(rows),
        variable=pl.lit(rule.variable.key),
        number=pl.col("value") if numeric else pl.lit(None, pl.Float64),
        text=pl.lit(None, pl.String) if numeric else pl.col("value"),
        unit=pl.lit(rule.variable.unit),
        until=pl.lit(None, pl.Datetime("us")),
        status=pl.lit("final"),
        context=pl.lit(rule.context, pl.String),
        raw=pl.lit(None, pl.String) if parsed.raw is None else pl.col("raw"),
        field=pl.lit(rule.field),
    )


def assumed_facts(
    assumed: Sequence[tuple[Variable, Value]], rows: Rows, fresh: pl.Series, sex: pl.Series | None
) -> list[pl.LazyFrame]:
    """Build declared assumptions about the people under `fresh`; none about the other sex."""
    tables = []
    for variable, value in assumed:
        mask = fresh
        if variable.sex and sex is not None:
            mask = fresh & (sex == variable.sex).fill_null(value=True)
        text = isinstance(value, str)
        tables.append(
            rows.base.lazy()
            .filter(mask)
            .select(
                **_who(rows),
                variable=pl.lit(variable.key),
                number=pl.lit(None if text else float(value), pl.Float64),
                text=pl.lit(value if text else None, pl.String),
                unit=pl.lit(variable.unit),
                until=pl.lit(None, pl.Datetime("us")),
                status=pl.lit("assumed"),
                context=pl.lit(None, pl.String),
                raw=pl.lit(None, pl.String),
                field=pl.lit("[assumed]"),
            )
        )
    return tables


def any_of(parsed: Sequence[Parsed], cells: Sequence[pl.Series]) -> Parsed:
    """Read several columns as one: yes if any is, no if all are, else unknown (Kleene's or)."""
    said = pl.DataFrame({f"v{at}": one.value == 1 for at, one in enumerate(parsed)})
    value = said.select(pl.any_horizontal(pl.all())).to_series()
    faults = [one.fault for one in parsed if one.fault is not None]
    fault = None
    if faults:  # an odd cell matters only where the others do not decide
        first = pl.select(pl.coalesce(faults)).to_series()
        fault = keep(first, value.is_null())
        fault = None if fault.null_count() == len(fault) else fault
    return Parsed(value.cast(pl.Float64), fault=fault, raw=keep(beside(cells), value.is_not_null()))


def beside(cells: Sequence[pl.Series]) -> pl.Series:
    """Put the cells of several columns into one text."""
    if len(cells) == 1:
        return cells[0]
    parts = [cell.fill_null("") for cell in cells]
    return pl.select(pl.concat_str(parts, separator=_BETWEEN)).to_series()


def count_cells(account: ColumnAccount, parsed: Parsed, taken: pl.Series | None) -> None:
    """Add a chunk's cells to a column's account; cells of rows not taken count as other."""
    rows = len(parsed.value)
    value = parsed.value.is_not_null()
    raw = None if parsed.raw is None else parsed.raw.is_not_null() & value
    codes = parsed.fault
    if taken is not None:
        account.other += rows - int(taken.sum())
        value &= taken
        raw = None if raw is None else raw & taken
        codes = None if codes is None else codes.filter(taken)
    facts = int(value.sum())
    converted = 0 if raw is None else int(raw.sum())
    faults = out = contradicted = 0
    if codes is not None:
        faults = len(codes) - codes.null_count()
        out = int((codes == OUT_OF_RANGE).sum())
        contradicted = int(codes.str.contains(_CONTRADICTED).sum())
    account.rows += rows
    account.taken += facts - converted
    account.converted += converted
    account.out_of_range += out
    account.unknown += faults - out - contradicted
    account.other += contradicted
    account.missing += (rows if taken is None else int(taken.sum())) - facts - faults


_CONTRADICTED = r"^T1[45]"
"""Understood, but not taken for what else the row says: neither unknown nor out of range."""


def _who(rows: Rows) -> dict[str, pl.Expr]:
    """Name the columns of a fact that come from its row."""
    known = pl.col("effective_at")
    if "recorded_at" in rows.base.columns:
        known = pl.coalesce("recorded_at", "effective_at")
    return {
        "person_id": pl.col("person_id"),
        "effective_at": pl.col("effective_at"),
        "recorded_at": known,
        "row": pl.col("row"),
    }
