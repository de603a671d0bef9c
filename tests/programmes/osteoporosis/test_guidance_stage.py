"""Kidney function, months since events and courses."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

VECTORS = Path(__file__).resolve().parents[2] / "oracles" / "kidney_vectors.csv"


def test_clearance_and_egfr_against_published_vectors(tables):
    rows = pl.read_csv(VECTORS, comment_prefix="#")
    assert len(rows) == 4
    facts = rows.drop("crcl_ml_min", "egfr_ckd_epi_2021").to_dicts()
    found = tables.frame([{**each, "age_y": float(each["age_y"])} for each in facts])
    for name in ("crcl_ml_min", "egfr_ckd_epi_2021"):
        assert found[name].round(2).to_list() == rows[name].to_list()


@pytest.mark.parametrize("missing", ["age_y", "weight_kg", "creatinine_umol_l", "sex"])
def test_clearance_is_unknown_where_anything_is(tables, missing):
    facts = {"age_y": 80.0, "weight_kg": 45.0, "creatinine_umol_l": 88.4, "sex": "female"}
    known, unknown = tables.frame([facts, {**facts, missing: None}])["crcl_ml_min"]
    assert known == pytest.approx(31.875)
    assert unknown is None


def test_recorded_clearance_stands_before_the_computed_one(tables):
    facts = {"age_y": 80.0, "weight_kg": 45.0, "creatinine_umol_l": 88.4, "sex": "female"}
    row = tables.frame([{**facts, "creatinine_clearance_ml_min": 41.0}]).row(0, named=True)
    assert (row["crcl_ml_min"], row["crcl_computed_ml_min"]) == (41.0, pytest.approx(31.875))


@pytest.mark.parametrize(
    ("day", "months"),
    [
        (date(2025, 6, 30), 0.0),
        (date(2024, 6, 30), 12.0),
        (date(2024, 7, 1), 11 + 29 / 31),
        (date(2024, 6, 29), 12 + 1 / 31),
        (date(2023, 6, 30), 24.0),
        (date(2025, 7, 1), None),  # after the day of the plan
        (None, None),
    ],
)
def test_months_are_whole_on_the_same_day_of_the_month(tables, day, months):
    row = tables.frame([{"fracture_last_on": day, "stroke_on": day}]).row(0, named=True)
    expected = None if months is None else pytest.approx(months)
    assert row["fracture_recent_months"] == expected
    assert row["mi_or_stroke_months"] == expected
    assert row["date_in_future"] is (day == date(2025, 7, 1))


def test_the_nearer_event_counts(tables):
    row = tables.frame(
        [{"myocardial_infarction_on": date(2020, 6, 30), "stroke_on": date(2025, 5, 30)}]
    ).row(0, named=True)
    assert (row["mi_months"], row["stroke_months"], row["mi_or_stroke_months"]) == (60, 1, 1)


def test_courses(tables):
    row = tables.frame(
        [
            {
                "denosumab_started_on": date(2023, 6, 30),
                "denosumab_last_on": date(2025, 6, 30),
                "teriparatide_started_on": date(2023, 6, 30),
                "teriparatide_last_on": date(2024, 6, 30),
                "abaloparatide_started_on": date(2023, 6, 30),
                "abaloparatide_current": True,
                "abaloparatide_last_on": date(2024, 6, 30),
            }
        ]
    ).row(0, named=True)
    assert row["denosumab_course_months"] == 30  # 24 and the six months the last dose covers
    assert row["denosumab_days"] == 0
    assert row["teriparatide_months"] == 12
    assert row["abaloparatide_months"] == 24  # still taken


def test_how_many_antiresorptives(tables):
    people = [
        {},
        {"bisphosphonate_current": True},
        {"bisphosphonate_current": True, "alendronate_current": True},
        {"alendronate_current": True, "denosumab_current": True},
        {"alendronate_current": True, "zoledronate_current": True},
        {"calcitonin_current": True, "denosumab_current": True},
    ]
    assert tables.frame(people)["antiresorptives_current"].to_list() == [0, 1, 1, 2, 2, 1]


def test_t_score_and_bmd_of_one_day_and_reference(tables):
    same = {
        "sex": "female",
        "bmd_femoral_neck_g_cm2": 0.558,
        "bmd_femoral_neck_g_cm2__reference_db": "nhanes3_white_female",
        "bmd_femoral_neck_g_cm2__age_d": 10,
        "t_femoral_neck": -2.5,
        "t_femoral_neck__reference_db": "nhanes3_white_female",
        "t_femoral_neck__age_d": 10,
    }
    people = [
        same,
        {**same, "t_femoral_neck": -1.2},
        {**same, "t_femoral_neck": -1.2, "t_femoral_neck__age_d": 400},
        {**same, "t_femoral_neck": -1.2, "t_femoral_neck__reference_db": "chinese_female"},
        {**same, "t_femoral_neck": None},
    ]
    agree, differ, *incomparable = tables.frame(people)["t_disagreement"].to_list()
    assert agree < 0.05
    assert differ > 1
    assert incomparable == [None, None, None]
