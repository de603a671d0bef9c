"""The key that keeps a fact from being entered twice."""

from __future__ import annotations

from hashlib import blake2b

import polars as pl

_BYTES = 16


def fact_keys(facts: pl.DataFrame, sender: str) -> list[bytes]:
    """Give each fact its key: 16 bytes of BLAKE2b over what makes facts the same.

    That is `careloop.records.store.SAME_FACT`: person, variable, value, unit, effective time, end,
    status, context and sender. Texts go in with their length before them, so that no two different
    facts read alike; numbers as the bits of their double; times in µs since 1970.
    """
    bits = (facts["number"] + 0.0).to_numpy().view("int64")  # + 0.0: minus zero is zero
    parts = [
        *(_measured(name) for name in ("person_id", "variable", "text", "unit")),
        pl.when(pl.col("number").is_not_null()).then(pl.col("bits").cast(pl.String)),
        *(pl.col(name).cast(pl.Int64).cast(pl.String) for name in ("effective_at", "until")),
        *(_measured(name) for name in ("status", "context")),
    ]
    told = facts.with_columns(bits=pl.Series(bits)).select(
        pl.concat_str([part.fill_null("-") for part in parts], separator="|").alias("told")
    )["told"]
    start = blake2b(f"{len(sender.encode())}:{sender}|".encode(), digest_size=_BYTES)
    keys = []
    for one in told:
        digest = start.copy()
        digest.update(one.encode())
        keys.append(digest.digest())
    return keys


def _measured(name: str) -> pl.Expr:
    """Write a text with its length in bytes before it; null stays null."""
    return pl.concat_str(pl.col(name).str.len_bytes().cast(pl.String), pl.lit(":"), pl.col(name))
