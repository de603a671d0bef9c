"""Which facts stand: a fact entered in error takes equal ones away, as `snapshot` counts."""

from __future__ import annotations

import polars as pl

_SAME = ("person_id", "variable", "number", "text", "effective_at")


def with_withdrawals(facts: pl.DataFrame) -> pl.DataFrame:
    """Facts with `withdrawn_at` and `withdrawn_by` (a source); null where they stand.

    A fact entered in error withdraws the equal facts recorded no later than itself
    (`snapshot`), and is then not listed itself. One that withdraws nothing is listed as
    withdrawn.
    """
    recorded = pl.coalesce("recorded_at", "effective_at")
    mistaken = facts.filter(pl.col("status") == "entered_in_error")
    told = facts.filter(pl.col("status") != "entered_in_error")
    by = (
        mistaken.sort(recorded)
        .group_by(_SAME)
        .agg(withdrawn_at=recorded.max(), withdrawn_by=pl.col("source").last())
    )
    told = told.join(by, on=_SAME, how="left", nulls_equal=True, maintain_order="left")
    stands = (recorded > pl.col("withdrawn_at")).fill_null(value=True)
    told = told.with_columns(
        pl.when(~stands).then(name).alias(name) for name in ("withdrawn_at", "withdrawn_by")
    )
    alone = mistaken.join(
        told.filter(pl.col("withdrawn_at").is_not_null()), on=_SAME, how="anti", nulls_equal=True
    ).with_columns(withdrawn_at=recorded, withdrawn_by=pl.col("source"))
    return pl.concat([told, alone.select(told.columns)])


def standing(facts: pl.DataFrame) -> pl.DataFrame:
    """The facts that stand: none entered in error, none withdrawn."""
    if not (facts["status"] == "entered_in_error").any():
        return facts
    marked = with_withdrawals(facts)
    return marked.filter(pl.col("withdrawn_at").is_null()).select(facts.columns)
