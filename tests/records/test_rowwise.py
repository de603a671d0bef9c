"""Expressions row by row answer as Polars does; what is not known is refused."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.dictionary.condition import condition
from careloop.records.rowwise import NotRowwise, compile_levels, run
from careloop.risk.wording import first_word, listed

A, B, X, Y, S, D = (pl.col(name) for name in "abxysd")
EXPRESSIONS = {
    "sql": condition("(x <= -2.5 AND NOT a) OR s = 'male' AND x BETWEEN 1 AND 3 OR b IS NULL"),
    "kleene": (A & B) | ~A,
    "any": pl.any_horizontal(A, B),
    "all": pl.all_horizontal(A, B, pl.lit(value=True)),
    "listed": listed([A, B, X > 1], ["one", "two", "three"]),
    "listed_many": listed([A, B] * 6, [f"w{n}" for n in range(12)]),
    "first_word": first_word([(A, "a"), (B.is_null(), "b"), (~B, "c")]),
    "arithmetic": (X * 2 - Y) / (Y + 1.5),
    "by_zero": X / (Y - Y),
    "negative": -X + condition("CAST(x AS DOUBLE) / 7"),
    "sum": pl.sum_horizontal(A.cast(pl.Int32), B.cast(pl.Int32)),
    "sum_strict": pl.sum_horizontal(X, Y, ignore_nulls=False),
    "least": pl.min_horizontal(X, Y),
    "most": pl.max_horizontal(X, Y),
    "either": pl.coalesce(X, Y),
    "filled": A.fill_null(value=False),
    "rounded": (X / 3).round(10),
    "steps": (X / 7).floor() + (Y / 7).ceil() + X.abs(),
    "clipped": X.clip(-1, 2) + Y.clip(lower_bound=0) + Y.clip(upper_bound=1),
    "power": Y.abs().pow(0.5) + pl.lit(0.9938).pow(X),
    "year": D.dt.year() * 12 + D.dt.month().cast(pl.Int32) + D.dt.day(),
    "days": (pl.col("e") - D).dt.total_days().cast(pl.Float64),
    "chosen": pl.when(A).then(X).when(B).then(Y).otherwise(None),
    "text": pl.when(A).then(pl.lit("yes")).otherwise(S),
}
number = st.none() | st.floats(-50, 50).map(lambda value: round(value, 3))
row = st.fixed_dictionaries(
    {
        "a": st.none() | st.booleans(),
        "b": st.none() | st.booleans(),
        "x": number,
        "y": number,
        "s": st.none() | st.sampled_from(["male", "female"]),
        "d": st.none() | st.dates(date(1930, 1, 1), date(2030, 1, 1)),
        "e": st.none() | st.dates(date(1930, 1, 1), date(2030, 1, 1)),
    }
)
SCHEMA = {
    "a": pl.Boolean,
    "b": pl.Boolean,
    "x": pl.Float64,
    "y": pl.Float64,
    "s": pl.String,
    "d": pl.Date,
    "e": pl.Date,
}
LEVELS = compile_levels([[each.alias(f"={name}") for name, each in EXPRESSIONS.items()]])


@given(person=row)
def test_rows_equal_the_table(person):
    table = pl.DataFrame([person], schema=SCHEMA)
    (theirs,) = table.select(each.alias(f"={n}") for n, each in EXPRESSIONS.items()).to_dicts()
    ours = run(LEVELS, dict(person))
    for name, value in theirs.items():
        near = isinstance(value, float)
        wanted = pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True) if near else value
        assert ours[name] == wanted, name
    assert ours.keys() == person.keys() | theirs.keys()


def test_levels_read_what_the_levels_before_made():
    levels = compile_levels([[(X + 1).alias("x")], [(X * 10).alias("z"), X.alias("before")]])
    assert run(levels, {"x": 1.0}) == {"x": 2.0, "z": 20.0, "before": 2.0}


@pytest.mark.parametrize(
    "expression",
    [S.str.to_uppercase(), X.log(), X.sum(), X.over("s"), X.cast(pl.Float32), pl.len()],
)
def test_an_operation_that_is_not_listed_is_refused(expression):
    with pytest.raises(NotRowwise):
        compile_levels([[expression.alias("z")]])
