"""All instruments: vectorised equals one at a time equals the plain way, on any facts."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.dictionary.catalogue import load
from careloop.programmes.assessment import assessed, reads
from careloop.programmes.osteoporosis import programme
from careloop.records.snapshot import DTYPES
from plain_instruments import plain

PROGRAMME = programme()
NAMES = reads(PROGRAMME)
SCHEMA = {name: pl.String() if "__" in name else DTYPES[load()[name].kind] for name in NAMES}
EDGES = {
    "age_y": [
        29,
        30,
        44,
        45,
        49,
        50,
        54,
        55,
        56,
        59,
        60,
        64,
        65,
        66,
        69,
        70,
        74,
        75,
        84,
        85,
        100,
        101,
    ],
    "weight_kg": [40, 56.7, 56.8, 57, 57.1, 59.9, 60, 63, 63.5, 69.9, 70, 80, 80.1, 45.359237],
    "bmi_kg_m2": [18.9, 19, 19.9, 20, 24, 40, 40.1],
    "t_total_hip": [-2.51, -2.5, -2, -1, 0.5],
    "t_femoral_neck": [-4, -3.8, -2.5, -2.3, -1.0, 0.1, 0.2],
    "cigarettes_per_day": [1, 9, 10, 19, 20],
    "alcohol_units_per_day": [0, 0.5, 1, 2, 2.1, 3, 7, 9, 9.5],
    "menopause_age_y": [45, 46],
    "activity_min_per_day": [29, 30],
    "outdoors_min_per_day": [9, 10],
}


def _values(name):
    if "__" in name:
        return st.none()
    variable = load()[name]
    if variable.kind == "boolean":
        return st.sampled_from([None, False, False, False, True])
    if variable.kind == "code":
        return st.sampled_from([None, *variable.values])
    if variable.kind == "number":
        edges = st.sampled_from(EDGES.get(name, [0.0, 1.0]))
        low, high = variable.low or 0.0, variable.high or 100.0
        spread = st.floats(low, high).map(lambda value: round(value, 2))
        return st.one_of(st.none(), edges, spread).map(lambda v: None if v is None else float(v))
    return st.none()


PERSON = st.fixed_dictionaries({name: _values(name) for name in NAMES})


def assess_rows(rows):
    frame = pl.DataFrame(rows, schema=SCHEMA)
    frame = frame.with_columns(person_id=pl.int_range(pl.len()).cast(pl.String))
    return assessed(frame.lazy(), PROGRAMME, language="en").collect()


@settings(max_examples=25)
@given(st.lists(PERSON, min_size=1, max_size=20))
def test_expressions_equal_the_plain_way(rows):
    table = assess_rows(rows)
    for row, result in zip(rows, table.iter_rows(named=True), strict=True):
        for name, expected in plain(row).items():
            got = result[name]
            if isinstance(expected, float) and got is not None:
                assert math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-9), name
            else:
                assert got == expected, name


@settings(max_examples=8)
@given(st.lists(PERSON, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_vectorised_equals_one_at_a_time_in_any_order(rows, random):
    together = assess_rows(rows).drop("person_id")
    apart = pl.concat([assess_rows([row]) for row in rows]).drop("person_id")
    assert together.equals(apart)
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = assess_rows([rows[place] for place in order]).drop("person_id")
    assert shuffled.equals(together[order])


@settings(max_examples=20)
@given(PERSON)
def test_risk_is_a_percentage_that_never_falls_with_the_horizon(row):
    result = assess_rows([row]).row(0, named=True)
    for outcome in ("mof", "hip"):
        risks = [result[f"qfracture_{outcome}_{year}y"] for year in range(1, 19)]
        if risks[0] is not None:
            assert all(0 <= risk <= 100 for risk in risks)
            assert risks == sorted(risks)


@pytest.mark.parametrize("column", ["surplus", "osta_note"])
def test_unknown_columns_do_not_matter(column):
    row = dict.fromkeys(NAMES) | {"age_y": 70.0, "weight_kg": 50.0, "sex": "female"}
    frame = pl.DataFrame([row], schema=SCHEMA).with_columns(person_id=pl.lit("1"))
    with_it = assessed(frame.with_columns(pl.lit(1).alias(column)).lazy(), PROGRAMME).collect()
    without = assessed(frame.lazy(), PROGRAMME).collect()
    assert with_it.drop(column).equals(without)
