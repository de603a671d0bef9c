"""CDRS and FINDRISC: published vectors, both sides of every band, unknown is not no."""

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.programmes.diabetes import programme
from careloop.records.snapshot import DTYPES
from careloop.risk.instruments.evaluation import evaluate, input_variables

INSTRUMENTS = {each.key: each for each in programme().instruments}
BASE = {
    "sex": "female",
    "age_y": 20.0,
    "bmi_kg_m2": 20.0,
    "waist_cm": 60.0,
    "sbp_mmhg": 100.0,
    "family_diabetes_first_degree": False,
    "family_diabetes_second_degree": False,
    "activity_min_per_day": 60.0,
    "vegetables_or_fruit_daily": True,
    "antihypertensive_current": False,
    "high_glucose_ever": False,
    "diabetes_diagnosed": False,
    "ethnic_group": "chinese",
}
"""A woman with no point in either score."""


def one(key, **facts):
    instrument = INSTRUMENTS[key]
    names = input_variables([instrument])
    schema = {name: DTYPES[load()[name].kind] for name in names}
    row = {name: (BASE | facts)[name] for name in names}
    frame = pl.DataFrame([row], schema=schema)
    return evaluate(frame, [instrument], language="en").collect().row(0, named=True)


# --- published


@pytest.mark.parametrize("key", INSTRUMENTS)
def test_against_published_vectors(key):
    for test in INSTRUMENTS[key].tests:
        facts = {name: value for name, value in test.items() if not name.startswith(key)}
        result = one(key, **facts)
        assert (result[key], result[f"{key}_class"]) == (test[key], test[f"{key}_class"])


def test_no_points_and_all_points():
    assert one("cdrs")["cdrs"] == 0
    assert one("findrisc")["findrisc"] == 0
    most = {
        "sex": "male",
        "age_y": 74.0,
        "bmi_kg_m2": 40.0,
        "waist_cm": 130.0,
        "sbp_mmhg": 200.0,
        "family_diabetes_first_degree": True,
        "activity_min_per_day": 0.0,
        "vegetables_or_fruit_daily": False,
        "antihypertensive_current": True,
        "high_glucose_ever": True,
    }
    assert one("cdrs", **most)["cdrs"] == 51
    assert one("findrisc", **most)["findrisc"] == 26


# --- both sides of every band: the points below the edge, and from it on

CDRS_BANDS = [
    *(
        ("age_y", edge, below, above, "female")
        for edge, below, above in (
            (25, 0, 4),
            (35, 4, 8),
            (40, 8, 11),
            (45, 11, 12),
            (50, 12, 13),
            (55, 13, 15),
            (60, 15, 16),
            (65, 16, 18),
        )
    ),
    *(("bmi_kg_m2", e, b, a, "female") for e, b, a in ((22, 0, 1), (24, 1, 3), (30, 3, 5))),
    *(
        ("waist_cm", edge - (5 if sex == "female" else 0), below, above, sex)
        for sex in ("male", "female")
        for edge, below, above in ((75, 0, 3), (80, 3, 5), (85, 5, 7), (90, 7, 8), (95, 8, 10))
    ),
    *(
        ("sbp_mmhg", edge, below, above, "female")
        for edge, below, above in (
            (110, 0, 1),
            (120, 1, 3),
            (130, 3, 6),
            (140, 6, 7),
            (150, 7, 8),
            (160, 8, 10),
        )
    ),
]


@pytest.mark.parametrize(("variable", "edge", "below", "above", "sex"), CDRS_BANDS)
def test_cdrs_bands(variable, edge, below, above, sex):
    man = 2 if sex == "male" else 0
    for value, points in ((edge - 0.01, below), (edge, above), (edge + 0.01, above)):
        assert one("cdrs", sex=sex, **{variable: value})["cdrs"] - man == points, value


@pytest.mark.parametrize(
    ("variable", "sex", "values"),
    [
        ("age_y", "male", [(44.9, 0), (45, 2), (54.9, 2), (55, 3), (64.9, 3), (65, 4)]),
        ("bmi_kg_m2", "male", [(24.9, 0), (25, 1), (30, 1), (30.01, 3)]),
        ("waist_cm", "male", [(93.9, 0), (94, 3), (102, 3), (102.1, 4)]),
        ("waist_cm", "female", [(79.9, 0), (80, 3), (88, 3), (88.1, 4)]),
        ("activity_min_per_day", "male", [(29.9, 2), (30, 0)]),
    ],
)
def test_findrisc_bands(variable, sex, values):
    for value, points in values:
        assert one("findrisc", sex=sex, **{variable: value})["findrisc"] == points, value


def test_findrisc_counts_the_nearest_relative_once():
    near, far = "family_diabetes_first_degree", "family_diabetes_second_degree"
    for first, second, points in (
        (False, False, 0),
        (False, True, 3),
        (True, False, 5),
        (True, True, 5),
        (True, None, 5),
        (None, True, None),
        (False, None, None),
    ):
        assert one("findrisc", **{near: first, far: second})["findrisc"] == points


@pytest.mark.parametrize(
    ("key", "edges"),
    [
        ("cdrs", [(24, "low"), (25, "high")]),
        (
            "findrisc",  # official bands: 7 is slightly elevated (other code counts it as low)
            [
                (6, "low"),
                (7, "slightly_elevated"),
                (11, "slightly_elevated"),
                (12, "moderate"),
                (14, "moderate"),
                (15, "high"),
                (20, "high"),
                (21, "very_high"),
            ],
        ),
    ],
)
def test_classes_on_both_sides_of_each_cut(key, edges):
    instrument = INSTRUMENTS[key]
    for points, expected in edges:
        frame = pl.DataFrame({"value": [float(points)]})
        held = [
            each.key
            for each in instrument.classes
            if frame.select(pl.sql_expr(each.sql)).item() is True
        ]
        assert held[0] == expected, points


# --- unknown, and people it was not made for


@pytest.mark.parametrize("key", INSTRUMENTS)
def test_unknown_is_not_no(key):
    instrument = INSTRUMENTS[key]
    waist = {"waist_cm": 96.0}  # points that depend on sex; a waist of 60 gives none to either
    for each in instrument.inputs:
        assert one(key, **waist | {each.variable: None})[key] is None, each.variable
    for name in ("diabetes_diagnosed", *(["ethnic_group"] if key == "cdrs" else [])):
        assert one(key, **{name: None})[f"{key}_applies"] is None


def test_whom_they_are_for():
    assert one("cdrs")["cdrs_applies"] is True
    for facts in ({"diabetes_diagnosed": True}, {"ethnic_group": "white"}):
        result = one("cdrs", **facts)
        assert (result["cdrs"], result["cdrs_applies"]) == (0, False)
        assert result["cdrs_reason"]
    for age, defined in ((19.9, False), (20, True), (74.9, True), (75, False)):
        assert (one("cdrs", age_y=age)["cdrs"] is not None) is defined
    assert one("findrisc", age_y=80.0)["findrisc_applies"] is True
    assert one("findrisc", diabetes_diagnosed=True)["findrisc_applies"] is False


def test_the_qingdao_score_is_named_apart_and_not_shipped():
    assert set(INSTRUMENTS) == {"cdrs", "findrisc"}
    assert "Qingdao" in INSTRUMENTS["cdrs"].note.en
    assert "青岛" in INSTRUMENTS["cdrs"].note.zh
