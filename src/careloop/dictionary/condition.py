"""Conditions written as SQL, compiled to Polars expressions that keep three-valued logic.

`unknown AND false` is false, `unknown OR true` is true, everything else unknown stays unknown.
Constructs that take unknown for no are refused: `IN` answers false for null, `CASE` falls through
to its `ELSE`, `COALESCE` invents an answer.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from careloop.error import ConfigError

if TYPE_CHECKING:
    import polars as pl

_WORD = re.compile(r"'[^']*'|[A-Za-z_]\w*(?:\s*\()?", re.ASCII)  # text, name, or name of a call
_KEYWORDS = {"and", "or", "not", "is", "null", "between", "true", "false", "int"}
_REFUSED = {"in", "case", "coalesce", "ifnull", "nvl", "if", "nullif"}


@cache
def condition(sql: str) -> pl.Expr:
    """Compile a condition or formula; once, for the same few hundred are asked for over and over.

    Raises
    ------
    ConfigError
        If it is not SQL, or uses a construct that takes unknown for no.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"t_min": [-2.6, None], "age_y": [50, 50]})
    >>> frame.select(condition("t_min <= -2.5 AND age_y >= 50")).to_series().to_list()
    [True, None]
    """
    import polars as pl  # noqa: PLC0415 - reading the dictionary must not start Polars

    refuse_guesses(sql)
    try:
        return pl.sql_expr(sql)
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"not a SQL condition: {error}", where=sql, remedy="mend it") from error


def refuse_guesses(sql: str) -> None:
    """Raise `ConfigError` for a construct that takes unknown for no."""
    for word in _WORD.findall(sql):
        if word.rstrip("( ").lower() in _REFUSED:
            raise ConfigError(
                f"{word.rstrip('( ').upper()} takes unknown for no",
                where=sql,
                remedy="write = and OR instead of IN; several rules instead of CASE",
            )


def names_in(sql: str) -> tuple[str, ...]:
    """List the columns a condition speaks of, each once, in order.

    Examples
    --------
    >>> names_in("sex = 'male' AND abs(age_y) >= 60 OR NULL")
    ('sex', 'age_y')
    """
    return tuple(
        dict.fromkeys(
            word
            for word in _WORD.findall(sql)
            if word[0] != "'" and word[-1] != "(" and word.lower() not in _KEYWORDS
        )
    )
