"""Ranges of glucose, next step and follow-up: facts in, answer out, on both sides of each cut."""

from datetime import date, timedelta

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.programmes.assessment import assessed, reads
from careloop.programmes.diabetes import programme
from careloop.records.snapshot import DTYPES, Snapshot

AS_OF = date(2026, 11, 22)
DISEASE = programme()
WELL = {
    "diabetes_diagnosed": True,
    "glucose_fasting_mmol_l": 6.0,
    "glucose_mmol_l": 7.0,
    "sbp_mmhg": 130.0,
    "dbp_mmhg": 80.0,
    "diabetes_medicine_reaction": False,
    "diabetes_complication_new": False,
    "diabetes_uncontrolled_twice": False,
}
"""Diagnosed, fasting glucose measured today and controlled."""
HEALTHY = {
    "sex": "female",
    "age_y": 30.0,
    "bmi_kg_m2": 21.0,
    "waist_cm": 68.0,
    "sbp_mmhg": 105.0,
    "family_diabetes_first_degree": False,
    "ethnic_group": "chinese",
    "diabetes_diagnosed": False,
}
"""The published CDRS vector of 4 points."""
AT_RISK = (
    HEALTHY
    | {"age_y": 66.0, "bmi_kg_m2": 23.0, "waist_cm": 78.0, "sbp_mmhg": 128.0}
    | {"family_diabetes_first_degree": True}
)
"""The published CDRS vector of 33 points."""


def answer(facts, days=None):
    """The assessment of one person; `days` gives the age of values (default: today)."""
    names = {name: value for name, value in facts.items() if value is not None}
    row = {"person_id": "1", **names}
    schema = {"person_id": pl.String(), **{n: DTYPES[load()[n].kind] for n in names}}
    for name in names:
        row[f"{name}__age_d"] = (days or {}).get(name, 0)
        schema[f"{name}__age_d"] = pl.Int32()
    frame = pl.DataFrame([row], schema=schema)
    whole = Snapshot(frame, AS_OF, load()).with_columns_for(reads(DISEASE)).frame
    return assessed(whole.lazy(), DISEASE, language="en").collect().row(0, named=True)


# --- ranges of glucose


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"glucose_fasting_mmol_l": 7.0}, "diabetes_range"),
        ({"glucose_fasting_mmol_l": 6.99}, "prediabetes"),
        ({"glucose_fasting_mmol_l": 6.1}, "prediabetes"),
        ({"glucose_fasting_mmol_l": 6.09}, None),
        ({"glucose_fasting_mmol_l": 6.09, "glucose_2h_mmol_l": 7.79}, "normal"),
        ({"glucose_fasting_mmol_l": 6.09, "glucose_2h_mmol_l": 7.8}, "prediabetes"),
        ({"glucose_2h_mmol_l": 11.09}, "prediabetes"),
        ({"glucose_2h_mmol_l": 11.1}, "diabetes_range"),
        ({"glucose_2h_mmol_l": 7.79}, None),
        ({"hba1c_pct": 6.5}, "diabetes_range"),
        ({"hba1c_pct": 6.49}, None),
        ({}, None),
    ],
)
def test_ranges_of_glucose(facts, expected):
    assert answer(facts)["glycaemia"] == expected


# --- follow-up of people whose diabetes is diagnosed


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "follow_up_3_months"),
        ({"glucose_fasting_mmol_l": 6.99}, "follow_up_3_months"),
        ({"glucose_fasting_mmol_l": 7.0}, "follow_up_2_weeks"),
        ({"glucose_fasting_mmol_l": 16.69}, "follow_up_2_weeks"),
        ({"glucose_fasting_mmol_l": 16.7}, "urgent_referral"),
        ({"glucose_fasting_mmol_l": 3.9}, "urgent_referral"),
        ({"glucose_fasting_mmol_l": 3.91}, "follow_up_3_months"),
        ({"glucose_mmol_l": 16.69}, "follow_up_3_months"),
        ({"glucose_mmol_l": 16.7}, "urgent_referral"),
        ({"glucose_mmol_l": 3.9}, "urgent_referral"),
        ({"glucose_mmol_l": 3.91}, "follow_up_3_months"),
        ({"sbp_mmhg": 179.9}, "follow_up_3_months"),
        ({"sbp_mmhg": 180.0}, "urgent_referral"),
        ({"dbp_mmhg": 109.9}, "follow_up_3_months"),
        ({"dbp_mmhg": 110.0}, "urgent_referral"),
        ({"diabetes_medicine_reaction": True}, "follow_up_2_weeks"),
        ({"diabetes_complication_new": True}, "referral"),
        ({"diabetes_uncontrolled_twice": True}, "referral"),
        ({"glucose_fasting_mmol_l": None}, "follow_up_due"),
        ({"sbp_mmhg": None}, "follow_up_due"),
        ({"dbp_mmhg": None}, "follow_up_due"),
        ({"diabetes_medicine_reaction": None}, "complete_data"),
        ({"diabetes_complication_new": None}, "complete_data"),
        ({"diabetes_uncontrolled_twice": None}, "complete_data"),
        ({"diabetes_diagnosed": None}, "complete_data"),
    ],
)
def test_follow_up(change, expected):
    assert answer(WELL | change)["next_step"] == expected


@pytest.mark.parametrize(
    ("name", "value", "fresh"),
    [
        ("glucose_fasting_mmol_l", 6.0, "follow_up_3_months"),
        ("glucose_fasting_mmol_l", 8.0, "follow_up_2_weeks"),
        ("glucose_fasting_mmol_l", 20.0, "urgent_referral"),
        ("glucose_fasting_mmol_l", 3.0, "urgent_referral"),
    ],
)
def test_an_old_value_settles_nothing(name, value, fresh):
    facts = WELL | {name: value}
    assert answer(facts, {name: 92})["next_step"] == fresh
    assert answer(facts, {name: 93})["next_step"] == "follow_up_due"


@pytest.mark.parametrize(
    ("name", "alarm", "old"),
    [
        ("glucose_mmol_l", 20.0, "follow_up_3_months"),  # the fasting value is of today
        ("sbp_mmhg", 200.0, "follow_up_due"),
        ("dbp_mmhg", 120.0, "follow_up_due"),
    ],
)
def test_an_old_alarm_is_over(name, alarm, old):
    facts = WELL | {name: alarm}
    assert answer(facts, {name: 92})["next_step"] == "urgent_referral"
    assert answer(facts, {name: 93})["next_step"] == old


# --- screening


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (HEALTHY, "routine"),
        (AT_RISK, "ogtt"),
        (AT_RISK | {"diabetes_diagnosed": None}, "complete_data"),
        (AT_RISK | {"family_diabetes_first_degree": None}, "complete_data"),
        (AT_RISK | {"glucose_2h_mmol_l": 7.0, "glucose_fasting_mmol_l": 5.0}, "routine"),
        (AT_RISK | {"glucose_2h_mmol_l": 8.0}, "lifestyle"),
        (AT_RISK | {"glucose_2h_mmol_l": 11.1}, "confirm"),
        (HEALTHY | {"glucose_fasting_mmol_l": 6.1}, "ogtt"),
        (HEALTHY | {"glucose_fasting_mmol_l": 6.09}, "routine"),
        (HEALTHY | {"glucose_fasting_mmol_l": 7.0}, "confirm"),
        (HEALTHY | {"glucose_fasting_mmol_l": 7.0, "diabetes_diagnosed": None}, "confirm"),
        (HEALTHY | {"hba1c_pct": 6.5}, "confirm"),
        (HEALTHY | {"glucose_mmol_l": 11.1}, "confirm"),
        (HEALTHY | {"glucose_mmol_l": 11.09}, "routine"),
        (HEALTHY | {"glucose_mmol_l": 17.0}, "urgent_referral"),
        (HEALTHY | {"glucose_mmol_l": 3.8}, "routine"),
        ({}, "complete_data"),
    ],
)
def test_screening(facts, expected):
    assert answer(facts)["next_step"] == expected


def test_cdrs_cut_on_both_sides():
    """25 points call for an OGTT, 24 do not."""
    woman = HEALTHY | {"age_y": 65.0, "bmi_kg_m2": 22.0, "waist_cm": 69.0, "sbp_mmhg": 125.0}
    below = answer(woman | {"waist_cm": 70.0, "bmi_kg_m2": 21.0})
    assert (below["cdrs"], below["next_step"]) == (24, "routine")
    at = answer(woman | {"waist_cm": 70.0})
    assert (at["cdrs"], at["next_step"]) == (25, "ogtt")


def test_findrisc_cut_on_both_sides():
    """15 points call for an OGTT in somebody whom the Chinese score does not apply to."""
    person = {
        "sex": "male",
        "age_y": 76.0,
        "bmi_kg_m2": 26.0,
        "waist_cm": 95.0,
        "activity_min_per_day": 60.0,
        "vegetables_or_fruit_daily": True,
        "antihypertensive_current": True,
        "high_glucose_ever": False,
        "family_diabetes_first_degree": False,
        "family_diabetes_second_degree": True,
        "diabetes_diagnosed": False,
    }
    for change, points, expected in (
        ({}, 13, "routine"),
        ({"vegetables_or_fruit_daily": False}, 14, "routine"),
        ({"activity_min_per_day": 20.0}, 15, "ogtt"),
    ):
        result = answer(person | change)
        assert (result["findrisc"], result["next_step"]) == (points, expected)


def test_an_ogtt_counts_for_three_years():
    facts = AT_RISK | {"glucose_2h_mmol_l": 7.0, "glucose_fasting_mmol_l": 5.0}
    three_years = (AS_OF - date(2023, 11, 22)).days
    assert timedelta(days=three_years) == timedelta(days=1096)
    assert answer(facts, {"glucose_2h_mmol_l": three_years})["next_step"] == "routine"
    assert answer(facts, {"glucose_2h_mmol_l": three_years + 1})["next_step"] == "ogtt"


# --- unknown is not no


@pytest.mark.parametrize("facts", [WELL, HEALTHY, AT_RISK], ids=["well", "healthy", "at_risk"])
def test_taking_a_fact_away_never_makes_it_look_better(facts):
    """Without a fact the answer stays, or asks for data: nobody is reassured by what is unknown."""
    whole = answer(facts)["next_step"]
    for name in facts:
        less = answer(facts | {name: None})["next_step"]
        allowed = {whole, "complete_data", "follow_up_due"}
        assert less in allowed, name


@pytest.mark.parametrize(
    ("type1", "type2", "any_type", "expected"),
    [
        (True, False, None, True),
        (False, True, None, True),
        (None, True, None, True),
        (False, False, None, False),
        (False, None, None, None),
        (None, None, True, True),
        (None, None, False, False),
        (None, None, None, None),
        (True, None, False, False),
    ],
)
def test_diagnosed_is_told_by_what_was_recorded(type1, type2, any_type, expected):
    frame = pl.DataFrame(
        [{"diabetes_type1": type1, "diabetes_type2": type2, "diabetes_any": any_type}],
        schema=dict.fromkeys(("diabetes_type1", "diabetes_type2", "diabetes_any"), pl.Boolean),
    )
    derived = pl.sql_expr(load()["diabetes_diagnosed"].derive)
    assert frame.select(derived).item() is expected
