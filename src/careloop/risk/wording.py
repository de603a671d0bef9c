"""Turning answers into words quickly: tables of literal text looked up by number.

Building strings row by row is what evaluation over millions spends most of its time on; looking
them up in a small table is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import polars as pl

_AT_ONCE = 10  # a table of 2^10 texts


def listed(flags: Sequence[pl.Expr], words: Sequence[str]) -> pl.Expr:
    """The words whose flag is true, in order, separated by spaces; empty if none is.

    Examples
    --------
    >>> frame = pl.DataFrame({"a": [True, None], "b": [True, True]})
    >>> frame.select(listed([pl.col("a"), pl.col("b")], ["x", "y"])).to_series().to_list()
    ['x y', 'y']
    """
    parts = [
        _few(flags[start : start + _AT_ONCE], words[start : start + _AT_ONCE])
        for start in range(0, len(flags), _AT_ONCE)
    ]
    if len(parts) == 1:
        return parts[0].fill_null("")
    return pl.concat_str(*parts, separator=" ", ignore_nulls=True)


def _few(flags: Sequence[pl.Expr], words: Sequence[str]) -> pl.Expr:
    nothing = pl.lit(0, dtype=pl.UInt32)
    number = nothing
    for place, flag in enumerate(flags):  # an unknown flag is not listed
        number = number + pl.when(flag).then(pl.lit(1 << place, dtype=pl.UInt32)).otherwise(nothing)
    return _combinations(tuple(words)).gather(number)


@cache
def _combinations(words: tuple[str, ...]) -> pl.Expr:
    """The table of every choice of words, by the number whose bits say which are chosen."""
    texts = [
        " ".join(word for place, word in enumerate(words) if combination >> place & 1) or None
        for combination in range(1 << len(words))
    ]
    return pl.lit(pl.Series(texts, dtype=pl.String))


def first_word(pairs: Sequence[tuple[pl.Expr, str]]) -> pl.Expr:
    """The word of the first condition that is true; null if none is (an unknown one is passed by).

    Examples
    --------
    >>> frame = pl.DataFrame({"a": [None, 3]})
    >>> pairs = [(pl.col("a") > 2, "big"), (pl.col("a").is_null(), "unknown")]
    >>> frame.select(first_word(pairs)).to_series().to_list()
    ['unknown', 'big']
    """
    words = list(dict.fromkeys(word for _, word in pairs))
    number = pl.lit(len(words), dtype=pl.UInt32)
    for holds, word in reversed(pairs):
        place = pl.lit(words.index(word), dtype=pl.UInt32)
        number = pl.when(holds).then(place).otherwise(number)
    return pl.lit(pl.Series([*words, None], dtype=pl.String)).gather(number)


def looked_up(values: Sequence[float], place: pl.Expr) -> pl.Expr:
    """The value at a place of a small table; null where the place is."""
    return pl.lit(pl.Series(list(values), dtype=pl.Float64)).gather(place)
