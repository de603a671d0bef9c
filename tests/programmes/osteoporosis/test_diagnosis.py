"""Diagnosis: WHO classes, Chinese criteria of 2022, Z-scores, QCT, Genant (facts.md §2)."""

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.programmes.assessment import assessed, reads
from careloop.programmes.osteoporosis import dxa, programme
from careloop.records.snapshot import DTYPES

SITES = ("hip", "vertebral", "humerus", "pelvis", "forearm")
NO_FRACTURE = {f"fragility_fracture_{site}": False for site in SITES}
NO_FRACTURE |= {"fragility_fracture": False}


def assess_one(**facts):
    names = reads(programme())
    schema = {name: pl.String() if "__" in name else DTYPES[load()[name].kind] for name in names}
    row = {"sex": "female", "age_y": 70, "postmenopausal": True} | NO_FRACTURE | facts
    unknown = set(row) - set(names)
    assert not unknown, f"not read by the programme: {unknown}"
    frame = pl.DataFrame([{name: row.get(name) for name in names}], schema=schema)
    frame = frame.with_columns(person_id=pl.lit("P1"))
    return assessed(frame.lazy(), programme(), language="en").collect().row(0, named=True)


@pytest.mark.parametrize(
    ("t", "who"),
    [
        (-1.0, "normal"),
        (-1.01, "low_bone_mass"),
        (-2.49, "low_bone_mass"),
        (-2.5, "osteoporosis"),
        (None, None),
    ],
)
def test_who_class_of_the_t_score(t, who):
    result = assess_one(t_femoral_neck=t)
    assert result["who_class"] == who
    assert result["diagnosis"] == who


def test_severe_needs_a_fracture_that_is_known():
    severe = {"fragility_fracture": True}
    assert assess_one(t_lumbar_spine=-2.6, **severe)["diagnosis"] == "severe_osteoporosis"
    unknown = dict.fromkeys(NO_FRACTURE)
    assert assess_one(t_lumbar_spine=-2.6, **unknown)["diagnosis"] == "osteoporosis"


@pytest.mark.parametrize(
    ("facts", "diagnosis", "clause"),
    [
        (
            {"fragility_fracture_hip": True, "fragility_fracture": True},
            "osteoporosis",
            "fracture_hip",
        ),
        (
            {"fragility_fracture_vertebral": True, "fragility_fracture": True},
            "osteoporosis",
            "fracture_vertebral",
        ),
        ({"t_radius_33": -2.5}, "osteoporosis", "bmd"),
        (
            {"t_total_hip": -1.1, "fragility_fracture_forearm": True, "fragility_fracture": True},
            "osteoporosis",
            "low_mass_and_fracture",
        ),
        (
            {"t_total_hip": -1.0, "fragility_fracture_forearm": True, "fragility_fracture": True},
            "normal",
            "t_normal",
        ),
        ({"t_total_hip": -1.5, "osteoporosis_diagnosed": True}, "osteoporosis", "diagnosed_before"),
        ({"qct_lumbar_mg_cm3": 79.9}, "osteoporosis", "qct"),
        ({"qct_lumbar_mg_cm3": 80.0}, None, None),
    ],
)
def test_chinese_criteria_of_2022(facts, diagnosis, clause):
    result = assess_one(**facts)
    assert result["diagnosis"] == diagnosis
    assert (clause or "") in result["diagnosis_because"].split() or clause is None


def test_no_fracture_at_all_is_none_at_every_site():
    sites = dict.fromkeys(NO_FRACTURE) | {"fragility_fracture": False}
    assert assess_one(t_total_hip=-1.3, **sites)["diagnosis"] == "low_bone_mass"


def test_unknown_fracture_history_is_not_no():
    unknown = dict.fromkeys(NO_FRACTURE)
    result = assess_one(t_total_hip=-0.5, **unknown)
    assert result["who_class"] == "normal"
    assert result["diagnosis"] is None
    assert "fracture_hip" in result["diagnosis_unknown"].split()
    assert result["next_step"] == "complete_data"


@pytest.mark.parametrize(
    ("person", "diagnosis"),
    [
        ({"sex": "male", "age_y": 49, "postmenopausal": None}, "below_expected_for_age"),
        ({"sex": "male", "age_y": 50, "postmenopausal": None}, "osteoporosis"),
        ({"sex": "female", "age_y": 45, "postmenopausal": False}, "below_expected_for_age"),
        ({"sex": "female", "age_y": 45, "postmenopausal": True}, "osteoporosis"),
        ({"sex": "female", "age_y": 50, "postmenopausal": None}, "osteoporosis"),
        ({"sex": "female", "age_y": 49, "postmenopausal": None}, None),
    ],
)
def test_z_score_before_menopause_and_in_young_men(person, diagnosis):
    result = assess_one(t_femoral_neck=-2.7, z_femoral_neck=-2.0, **person)
    assert result["diagnosis"] == diagnosis


@pytest.mark.parametrize(
    ("vbmd", "qct"),
    [(120.1, "normal"), (120, "low_bone_mass"), (80, "low_bone_mass"), (79.9, "osteoporosis")],
)
def test_qct_classes(vbmd, qct):
    assert assess_one(qct_lumbar_mg_cm3=vbmd)["qct_class"] == qct


@pytest.mark.parametrize(
    ("heights", "grade", "kind"),
    [
        ((20.0, 20.0, 20.0), 0, None),
        ((16.1, 20.0, 20.0), 0, None),
        ((16.0, 20.0, 20.0), 1, "wedge"),
        ((20.0, 15.0, 20.0), 2, "biconcave"),
        ((20.0, 12.0, 20.0), 2, "biconcave"),
        ((12.0, 12.0, 11.9), 3, "crush"),
        ((12.0, None, 20.0), None, None),
    ],
)
def test_genant_grade_from_heights(heights, grade, kind):
    names = ("height_anterior_mm", "height_middle_mm", "height_posterior_mm")
    facts = dict(zip(names, heights, strict=True)) | {"height_reference_mm": 20.0}
    result = assess_one(**facts)
    assert result["genant_grade"] == grade
    assert result["genant_type"] == kind


def test_t_score_needs_a_declared_reference_on_the_same_scale():
    bmd = {"bmd_femoral_neck_g_cm2": 0.558}
    reference = {"bmd_femoral_neck_g_cm2__reference_db": "nhanes3_white_female"}
    hologic = {"bmd_femoral_neck_g_cm2__device": "hologic"}
    lunar = {"bmd_femoral_neck_g_cm2__device": "ge_lunar"}
    assert assess_one(**bmd)["t_femoral_neck"] is None
    computed = assess_one(**bmd, **reference, **hologic)
    assert computed["t_femoral_neck"] == pytest.approx(-2.5)
    assert computed["t_min"] == -2.5
    assert computed["who_class"] == "osteoporosis"  # exactly at the threshold
    assert computed["t_femoral_neck__reference_db"] == "nhanes3_white_female"
    assert assess_one(**bmd, **reference, **lunar)["t_femoral_neck"] is None
    reported = assess_one(**bmd, **reference, t_femoral_neck=-2.1)
    assert reported["t_femoral_neck"] == -2.1


def test_radius_counts_for_t_min_only_where_indicated():
    both = {"t_total_hip": -1.2, "t_radius_33": -2.8}
    assert assess_one(**both)["t_min"] == -1.2
    assert assess_one(**both, hyperparathyroidism=True)["t_min"] == -2.8
    assert assess_one(t_radius_33=-2.8)["t_min"] == -2.8
    assert assess_one(**both)["diagnosis"] == "osteoporosis"  # China 2022 counts the radius


def test_every_reference_has_source_and_scale():
    for rows in dxa.references().values():
        for row in rows:
            assert row.source
            assert row.mark in "ABC"
            assert row.sd > 0
            assert row.device in ("hologic", "ge_lunar", "")
