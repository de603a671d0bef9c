"""The ways in which a published score gives points, each a small expression.

Every function returns null where its variable is unknown: points are never given or withheld for
something nobody asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from careloop.dictionary.condition import condition

_DECIMALS = 10
"""0.2 × 63 is 12.600000000000001 in binary: products are rounded before anything is cut off."""


def linear(of: str, *, times: float) -> pl.Expr:
    """`times` points per unit of a variable."""
    return (pl.col(of) * times).round(_DECIMALS)


def step(of: str, *, per: float, points: float) -> pl.Expr:
    """`points` for every full `per` units (the quotient is cut towards zero)."""
    quotient = (pl.col(of) / per).round(_DECIMALS)
    return (quotient.sign() * quotient.abs().floor()) * points


def bins(of: str, *, edges: Sequence[float], points: Sequence[float]) -> pl.Expr:
    """Points by interval, closed on the left: below edges[0] points[0], …, from edges[-1] the last.

    Raises
    ------
    ValueError
        Unless there is one more number of points than edges and the edges ascend.
    """
    if len(points) != len(edges) + 1:
        raise ValueError(f"{len(edges)} edges make {len(edges) + 1} intervals, not {len(points)}")
    if any(low >= high for low, high in pairwise(edges)):
        raise ValueError(f"edges must ascend: {list(edges)}")
    column = pl.col(of)
    chosen: pl.Expr = pl.lit(float(points[0]))
    for edge, value in zip(edges, points[1:], strict=True):
        chosen = pl.when(column >= edge).then(pl.lit(float(value))).otherwise(chosen)
    return pl.when(column.is_not_null()).then(chosen).otherwise(None)


def when(sql: str, *, points: float, otherwise: float = 0.0) -> pl.Expr:
    """`points` where a condition holds, `otherwise` where it does not, null where unknown."""
    holds = condition(sql)
    return (
        pl.when(holds)
        .then(pl.lit(float(points)))
        .when(~holds)
        .then(pl.lit(float(otherwise)))
        .otherwise(None)
    )


def count(of: Sequence[str], *, each: float) -> pl.Expr:
    """`each` points for every condition that holds; null if any is unknown."""
    total = pl.sum_horizontal(*(pl.col(name).cast(pl.Float64) for name in of), ignore_nulls=False)
    return total * each


def total(terms: Sequence[pl.Expr], *, truncate: bool = False) -> pl.Expr:
    """Sum of terms, null if any is; cut towards zero if `truncate`."""
    result = pl.sum_horizontal(*terms, ignore_nulls=False).round(_DECIMALS)
    return result.sign() * result.abs().floor() if truncate else result
