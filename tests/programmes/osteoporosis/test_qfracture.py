"""QFracture-2012 against ClinRisk's own C program, compiled and run."""

import csv
from pathlib import Path

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.programmes.osteoporosis import programme
from careloop.records.snapshot import DTYPES
from careloop.risk.instruments.evaluation import evaluate, input_variables

ORACLE = Path(__file__).parents[2] / "oracles" / "qfracture_2012.csv"
CASES = list(csv.DictReader(ORACLE.read_text(encoding="utf-8").splitlines()))
QFRACTURE = next(each for each in programme().instruments if each.key == "qfracture")
YES = [
    name
    for name in input_variables([QFRACTURE])
    if load()[name].kind == "boolean" and name != "epilepsy"
]


def person(**values):
    """A healthy person, everything asked and answered no."""
    row = dict.fromkeys([*YES, "epilepsy"], False)
    row |= {"sex": "female", "age_y": 65, "bmi_kg_m2": 24, "ethnic_group": "white"}
    row |= {"smoking_level": "non", "alcohol_level": "none"} | values
    names = input_variables([QFRACTURE])
    schema = {name: DTYPES[load()[name].kind] for name in names}
    return pl.DataFrame([{name: row.get(name) for name in names}], schema=schema)


def score(**values):
    return evaluate(person(**values), [QFRACTURE], language="en").collect().row(0, named=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_qfracture_against_clinrisk(case):
    bmi = float(case["bmi_kg_m2"] or float(case["weight_kg"]) / float(case["height_cm"]) ** 2 * 1e4)
    result = score(
        sex=case["sex"],
        age_y=float(case["age_y"]),
        bmi_kg_m2=bmi,
        ethnic_group=case["ethnic_group"],
        smoking_level=case["smoking_level"],
        alcohol_level=case["alcohol_level"],
        **dict.fromkeys(case["yes"].split(), True),
    )
    for outcome in ("mof", "hip"):
        for years in (1, 3, 5, 10):
            expected = float(case[f"{outcome}_{years}y"])
            assert round(result[f"qfracture_{outcome}_{years}y"], 6) == expected
    assert result["qfracture_applies"]
    assert result["qfracture_reason"] is None


def test_risk_rises_with_the_horizon_and_stays_a_percentage():
    result = score(sex="male", age_y=80, bmi_kg_m2=21, fall_12m=True, parkinsons_disease=True)
    for outcome in ("mof", "hip"):
        risks = [result[f"qfracture_{outcome}_{year}y"] for year in range(1, 19)]
        assert risks == sorted(risks)
        assert 0 < risks[0] < risks[-1] <= 100


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"bmi_kg_m2": 19}, "bmi must be in range (20,40)"),
        ({"bmi_kg_m2": 40.1}, "bmi must be in range (20,40)"),
        ({"age_y": 29}, "30 to 100"),
        ({"age_y": 101}, "30 to 100"),
    ],
)
def test_nothing_is_extrapolated(values, words):
    result = score(**values)
    assert words in result["qfracture_reason"]
    assert result["qfracture_mof_10y"] is None
    edge = {"bmi_kg_m2": 20, "age_y": 30}
    assert score(**{name: edge[name] for name in values})["qfracture_mof_10y"] is not None


@pytest.mark.parametrize("name", [*YES, "epilepsy", "smoking_level", "alcohol_level", "sex"])
def test_unknown_is_not_no(name):
    for sex in ("female", "male"):
        result = score(**({"sex": sex} | {name: None}))
        only = {"care_home_resident": "male", "hrt_oestrogen_only_current": "female"}
        endocrine = {"endocrine_disorder": "female"} | only
        if endocrine.get(name, sex) == sex:
            assert result["qfracture_mof_10y"] is None
            assert result["qfracture_reason"] == "an input is not known"
        else:
            assert result["qfracture_mof_10y"] is not None


@pytest.mark.parametrize(
    ("status", "cigarettes", "level"),
    [
        ("never", None, "non"),
        ("former", None, "ex"),
        ("current", 9, "light"),
        ("current", 10, "moderate"),
        ("current", 19, "moderate"),
        ("current", 20, "heavy"),
    ],
)
def test_smoking_level_is_told_by_status_and_cigarettes(status, cigarettes, level):
    told = score(smoking_level=None, smoking_status=status, cigarettes_per_day=cigarettes)
    assert told["qfracture_mof_5y"] == score(smoking_level=level)["qfracture_mof_5y"]
    assert score(smoking_level=None, smoking_status="current")["qfracture_mof_5y"] is None


@pytest.mark.parametrize(
    ("units", "level"),
    [
        (0, "none"),
        (0.5, "trivial"),
        (1, "light"),
        (2, "light"),
        (3, "moderate"),
        (6, "moderate"),
        (7, "heavy"),
        (9, "heavy"),
        (9.5, "very_heavy"),
    ],
)
def test_alcohol_level_is_told_by_units(units, level):
    told = score(alcohol_level=None, alcohol_units_per_day=units)
    assert told["qfracture_mof_5y"] == score(alcohol_level=level)["qfracture_mof_5y"]
