"""A SQL condition or formula asked of one person: true, false or unknown, in three-valued logic."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl

from careloop.dictionary.condition import condition, names_in
from careloop.records.rowwise import Levels, NotRowwise, compile_levels, run

_ANSWER = "answer"


def answer(sql: str, row: Mapping[str, Any]) -> Any:
    """What a condition or formula gives for a row; a column that the row lacks is unknown.

    Examples
    --------
    >>> answer("sex = 'female' AND age_y >= 65", {"sex": "male"})
    False
    >>> answer("height_peak_cm - height_cm", {"height_peak_cm": 160.0, "height_cm": 156.5})
    3.5
    >>> answer("age_y >= 65", {}) is None
    True
    """
    known: dict[str, Any] = {name: row.get(name) for name in names_in(sql)}
    levels = _compiled(sql)
    if levels is None:
        return pl.DataFrame([known or {"": None}]).select(condition(sql)).item()
    return run(levels, known)[_ANSWER]


def holds(sql: str, row: Mapping[str, Any]) -> bool | None:
    """Whether a condition holds for a row; one that is not written always holds.

    Examples
    --------
    >>> holds("", {}), holds("back_pain", {"back_pain": False}), holds("back_pain", {})
    (True, False, None)
    """
    if not sql:
        return True
    found = answer(sql, row)
    return None if found is None else bool(found)


@cache
def _compiled(sql: str) -> Levels | None:
    """The condition as Python functions; None where only Polars knows how."""
    try:
        return compile_levels([[condition(sql).alias(_ANSWER)]])
    except NotRowwise:
        return None
