"""The medicine table: who may have what, by the published decision cases and at random."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import names_in
from careloop.guidance.interaction import interacting, interactions_between
from careloop.guidance.medicine import ALLOWED, BLOCKED, CHECK_FIRST

ORAL = ("alendronate", "risedronate", "ibandronate", "minodronate")
CONTRACT = [
    "alendronate",
    "risedronate",
    "ibandronate",
    "zoledronate",
    "minodronate",
    "denosumab",
    "teriparatide",
    "abaloparatide",
    "romosozumab",
    "raloxifene",
    "bazedoxifene",
    "calcitonin",
    "elcatonin",
    "calcitriol",
    "alfacalcidol",
    "eldecalcitol",
    "menatetrenone",
    "cholecalciferol",
    "menopausal_hormone_therapy",
    "strontium",
]
PERSONS = 100_000


def status(row, *keys):
    return {row[f"{key}_status"] for key in keys}


def test_the_table_is_complete(tables):
    assert list(tables.by_key) == CONTRACT
    assert [key for key in CONTRACT if not tables.by_key[key].proposed] == ["strontium"]
    assert {key for key in CONTRACT if not tables.by_key[key].atc} == {
        "minodronate",
        "eldecalcitol",
    }


def test_a_safe_person_may_have_everything(tables):
    row = tables.row(age_y=58.0)
    assert status(row, *CONTRACT) == {ALLOWED}


# --- decision test cases of facts.md §3.5


def test_clearance_33_blocks_zoledronate_and_alendronate_not_denosumab(tables):
    row = tables.row(age_y=72.0, t_femoral_neck=-2.7, crcl_ml_min=33.0)
    assert status(row, "zoledronate", "alendronate") == {BLOCKED}
    assert row["zoledronate_stops"] == "crcl_35"
    assert status(row, "denosumab", "risedronate", "ibandronate") == {ALLOWED}
    assert "correct_calcium_vitamin_d" in row["denosumab_checks"].split()


def test_infarction_8_months_ago_blocks_romosozumab(tables):
    row = tables.row(
        age_y=70.0, myocardial_infarction=True, myocardial_infarction_on=date(2024, 10, 30)
    )
    assert status(row, "romosozumab") == {BLOCKED}
    assert status(row, "zoledronate", "denosumab", "teriparatide") == {ALLOWED}


def test_old_vein_thrombosis_blocks_raloxifene_and_hormones(tables):
    row = tables.row(age_y=68.0, venous_thromboembolism=True)
    assert status(row, "raloxifene", "bazedoxifene", "menopausal_hormone_therapy") == {BLOCKED}
    assert status(row, "alendronate") == {ALLOWED}


def test_achalasia_blocks_every_oral_bisphosphonate(tables):
    row = tables.row(age_y=75.0, oesophageal_disorder=True)
    assert status(row, *ORAL) == {BLOCKED}
    assert status(row, "zoledronate", "denosumab") == {ALLOWED}


def test_breast_radiotherapy_blocks_teriparatide(tables):
    row = tables.row(age_y=66.0, breast_radiotherapy=True)
    assert status(row, "teriparatide", "abaloparatide") == {BLOCKED}


def test_low_calcium_blocks_every_antiresorptive_that_can_lower_it(tables):
    for facts in ({"calcium_corrected_mmol_l": 2.0}, {"hypocalcaemia": True}):
        row = tables.row(**facts)
        assert status(row, *ORAL, "zoledronate", "denosumab", "romosozumab") == {BLOCKED}


def test_warfarin_blocks_menatetrenone(tables):
    assert status(tables.row(warfarin_current=True), "menatetrenone") == {BLOCKED}
    assert status(tables.row(warfarin_current=None), "menatetrenone") == {CHECK_FIRST}


# --- both sides of every threshold


@pytest.mark.parametrize(
    ("medicine", "facts", "held"),
    [
        ("alendronate", {"crcl_ml_min": 35.0}, False),
        ("alendronate", {"crcl_ml_min": 34.9}, True),
        ("zoledronate", {"crcl_ml_min": 35.0}, False),
        ("zoledronate", {"crcl_ml_min": 34.9}, True),
        ("risedronate", {"crcl_ml_min": 30.0}, False),
        ("risedronate", {"crcl_ml_min": 29.9}, True),
        ("ibandronate", {"crcl_ml_min": 29.9}, True),
        ("denosumab", {"crcl_ml_min": 5.0}, False),
        ("denosumab", {"calcium_corrected_mmol_l": 2.1}, False),
        ("denosumab", {"calcium_corrected_mmol_l": 2.09}, True),
        ("calcitriol", {"calcium_corrected_mmol_l": 2.52}, False),
        ("calcitriol", {"calcium_corrected_mmol_l": 2.53}, True),
        ("teriparatide", {"calcium_corrected_mmol_l": 2.53}, True),
        ("teriparatide", {"teriparatide_months": 23.9}, False),
        ("teriparatide", {"teriparatide_months": 24.0}, True),
        ("abaloparatide", {"abaloparatide_months": 24.0}, True),
        ("romosozumab", {"stroke": True, "stroke_on": date(2024, 6, 30)}, True),
        ("romosozumab", {"stroke": True, "stroke_on": date(2024, 6, 29)}, False),
        ("romosozumab", {"romosozumab_doses": 11.0}, False),
        ("romosozumab", {"romosozumab_doses": 12.0}, True),
        ("calcitonin", {"calcitonin_months": 2.9}, False),
        ("elcatonin", {"calcitonin_months": 3.0}, True),
        ("menopausal_hormone_therapy", {"age_y": 59.0, "menopause_age_y": 40.0}, False),
        ("menopausal_hormone_therapy", {"age_y": 60.0, "menopause_age_y": 50.0}, True),
        ("menopausal_hormone_therapy", {"age_y": 60.0, "menopause_age_y": 51.0}, False),
        ("ibandronate", {"cannot_sit_upright_60": True}, True),
        ("alendronate", {"cannot_sit_upright_60": True}, False),
        ("raloxifene", {"sex": "male"}, True),
        ("denosumab", {"pregnancy": True, "postmenopausal": False}, True),
    ],
)
def test_thresholds(tables, medicine, facts, held):
    assert status(tables.row(**facts), medicine) == {BLOCKED if held else ALLOWED}


def test_what_cannot_matter_is_not_asked(tables):
    """Nobody asks a woman after menopause about pregnancy, or a woman of 72 about epiphyses."""
    row = tables.row(pregnancy=None, open_epiphyses=None, hypercalcaemia=None, hypocalcaemia=None)
    assert status(row, "denosumab", "teriparatide", "eldecalcitol") == {ALLOWED}
    young = tables.row(pregnancy=None, age_y=40.0, postmenopausal=None)
    assert status(young, "denosumab", "raloxifene") == {CHECK_FIRST}
    assert tables.row(open_epiphyses=None, age_y=39.0)["teriparatide_status"] == CHECK_FIRST


def test_an_event_without_its_date_is_not_taken_for_old(tables):
    row = tables.row(stroke=True)
    assert row["romosozumab_status"] == CHECK_FIRST
    assert row["romosozumab_unknown"] == "mi_or_stroke"
    dated = tables.row(stroke=False, stroke_on=date(2025, 1, 1))
    assert dated["romosozumab_status"] == BLOCKED  # the date is evidence enough


def test_egfr_alone_warns(tables):
    row = tables.row(crcl_ml_min=None, egfr_ml_min_173=57.0)
    assert {"crcl", "egfr_only"} <= set(row["zoledronate_checks"].split())
    assert row["zoledronate_status"] == CHECK_FIRST
    assert row["zoledronate_unknown"] == "crcl_35"
    assert "egfr_only" not in tables.row(egfr_ml_min_173=57.0)["zoledronate_checks"].split()


def test_severe_kidney_disease_is_a_boxed_caution_of_denosumab(tables):
    for facts, held in (
        ({"egfr_ml_min_173": 29.9}, True),
        ({"egfr_ml_min_173": 30.0}, False),
        ({"dialysis": True}, True),
    ):
        row = tables.row(**facts)
        assert ("severe_kidney" in row["denosumab_cautions"].split()) is held
        assert row["denosumab_status"] == ALLOWED


# --- unknown for every variable in turn


def test_no_unknown_makes_anything_safer(tables):
    """Take away one fact at a time: nothing that was blocked or to be checked becomes allowed."""
    names = sorted(
        {name for each in tables.medicines for stop in each.stops for name in names_in(stop.sql)}
    )
    facts = {"calcium_corrected_mmol_l": 2.0, "crcl_ml_min": 20.0, "stroke": True}
    for base in (tables.safe(age_y=58.0), tables.safe(**facts)):
        people = [base, *({**base, name: None} for name in names)]
        full, *less = tables.guided(people).iter_rows(named=True)
        for name, row in zip(names, less, strict=True):
            for each in tables.medicines:
                read = {one for stop in each.stops for one in names_in(stop.sql)}
                before, after = full[f"{each.key}_status"], row[f"{each.key}_status"]
                if name not in read:
                    assert after == before
                if before != ALLOWED:
                    assert after != ALLOWED, (each.key, name)


# --- everybody


@pytest.fixture(scope="module")
def crowd(tables):
    """100,000 people with facts at random, a third of them unknown."""
    rng = np.random.default_rng(2025)
    numbers = {
        "age_y": (35, 95),
        "menopause_age_y": (40, 58),
        "calcium_corrected_mmol_l": (1.9, 2.8),
        "crcl_ml_min": (10, 110),
        "mi_months": (0, 60),
        "stroke_months": (0, 60),
        "teriparatide_months": (0, 40),
        "abaloparatide_months": (0, 40),
        "romosozumab_doses": (0, 16),
        "calcitonin_months": (0, 8),
    }
    names = {
        name for each in tables.medicines for stop in each.stops for name in names_in(stop.sql)
    }
    columns = {}
    for name in sorted(names):
        if name in numbers:
            values = pl.Series(rng.uniform(*numbers[name], PERSONS))
        elif name == "sex":
            values = pl.Series(np.where(rng.random(PERSONS) < 0.6, "female", "male"))
        else:
            values = pl.Series(rng.random(PERSONS) < 0.1)
        known = pl.Series(rng.random(PERSONS) < rng.uniform(0.3, 1.0))
        columns[name] = values.zip_with(known, pl.Series([None] * PERSONS, dtype=values.dtype))
    frame = pl.DataFrame(columns)
    return frame.with_columns(
        column for medicine in tables.medicines for column in medicine.columns()
    )


def test_nobody_is_allowed_what_a_stop_forbids(tables, crowd):
    """The slow twin of `status`: stop by stop, no shortcut."""
    for medicine in tables.medicines:
        stops = crowd.select(stop.holds.alias(stop.key) for stop in medicine.stops)
        forbidden = np.zeros(PERSONS, dtype=bool)
        unknown = np.zeros(PERSONS, dtype=bool)
        for name in stops.columns:
            forbidden |= stops[name].fill_null(value=False).to_numpy()
            unknown |= stops[name].is_null().to_numpy()
        said = crowd[f"{medicine.key}_status"].to_numpy()
        expected = np.where(forbidden, BLOCKED, np.where(unknown, CHECK_FIRST, ALLOWED))
        assert (said == expected).all(), medicine.key
        assert ((crowd[f"{medicine.key}_stops"] != "").to_numpy() == forbidden).all()
        assert ((crowd[f"{medicine.key}_unknown"] != "").to_numpy() == unknown).all()
        assert set(said) == {BLOCKED, CHECK_FIRST, ALLOWED}, medicine.key


# --- interactions and contradictions


def test_every_hard_interaction_is_a_hard_stop(tables):
    hard = [each for each in tables.interactions if each.severity == "hard"]
    assert hard
    for each in hard:
        for key in each.medicines:
            assert each.sql in {stop.sql for stop in tables.by_key[key].stops}


@pytest.mark.parametrize(
    ("ordered", "taken", "found"),
    [
        ("M05BX08", "B01AA03", "warfarin_menatetrenone"),
        ("B01AA03", "M05BX08", "warfarin_menatetrenone"),
        ("M05BA04", "A02BC01", "ppi_bisphosphonate"),
        ("G03XC01", "G03CA03", "oestrogen_raloxifene"),
        ("M05BA04", "A12AA04", "calcium_oral_bisphosphonate"),
        ("A11CC04", "C01AA05", "digoxin_active_vitamin_d"),
        ("H05AA02", "C01AA05", "digoxin_teriparatide"),
        ("A11CC03", "C03AA03", "thiazide_active_vitamin_d"),
        ("M05BX04", "H02AB06", "glucocorticoid_denosumab"),
        ("M05BX04", "M05BA08", "antiresorptive_with_bisphosphonate"),
        ("M05BX08", "C09AA02", None),
        ("A02BC01", "B01AA03", None),
    ],
)
def test_interactions_by_code(tables, ordered, taken, found):
    met = interactions_between([ordered], [taken], tables.interactions, tables.medicines)
    assert [each.key for each in met] == ([found] if found else [])


def test_interactions_by_variable(tables):
    row = tables.row(ppi_current=True, calcium_supplement=None)
    keys = [each.key for each in interacting(row, "alendronate", tables.interactions)]
    assert keys == ["ppi_bisphosphonate"]
    assert interacting(row, "zoledronate", tables.interactions) == ()


@pytest.mark.parametrize(
    ("flag", "facts", "not_facts"),
    [
        ("male_hormone_therapy", {"sex": "male", "oestrogen_current": True}, {"sex": "male"}),
        ("male_pregnancy", {"sex": "male", "pregnancy": True}, {"pregnancy": True}),
        ("male_menopause", {"sex": "male", "menopause_age_y": 50.0}, {"menopause_age_y": 50.0}),
        ("pregnant_after_menopause", {"pregnancy": True}, {"pregnancy": None}),
        ("t_score_and_bmd", {"t_disagreement": 0.16}, {"t_disagreement": 0.15}),
        (
            "two_antiresorptives",
            {"alendronate_current": True, "denosumab_current": True},
            {"alendronate_current": True, "denosumab_current": None},
        ),
        (
            "two_anabolics",
            {"teriparatide_current": True, "romosozumab_current": True},
            {"teriparatide_current": True},
        ),
        (
            "frax_hip_over_mof",
            {"frax_hip_pct": 5.1, "frax_mof_pct": 5.0},
            {"frax_hip_pct": 5.0, "frax_mof_pct": 5.0},
        ),
        (
            "clearance_disagrees",
            {"creatinine_clearance_ml_min": 35.0, "crcl_computed_ml_min": 34.9},
            {"creatinine_clearance_ml_min": 35.0, "crcl_computed_ml_min": 35.0},
        ),
        (
            "fracture_date_without_fracture",
            {"fracture_last_on": date(2024, 1, 1)},
            {"fracture_last_on": date(2024, 1, 1), "fragility_fracture": True},
        ),
        (
            "event_date_without_event",
            {"stroke_on": date(2020, 1, 1)},
            {"stroke_on": date(2020, 1, 1), "stroke": True},
        ),
        ("date_in_future", {"stroke_on": date(2030, 1, 1)}, {"stroke_on": date(2020, 1, 1)}),
    ],
)
def test_contradictions(tables, flag, facts, not_facts):
    (clause,) = [each for each in tables.flags if each.key == flag]
    base = tables.safe()
    if flag == "male_menopause":
        base["menopause_age_y"] = None
    people = [{**base, **facts}, {**base, **not_facts}]
    held, free = (
        tables.frame([person]).select(clause.holds.alias("held")).item() for person in people
    )
    assert held is True
    assert free is not True


def test_every_variable_is_declared(tables):
    made = {"as_of"}
    names = {name.partition("__")[0] for name in tables.variables()}
    stage = tables.frame([{}]).columns
    assert names - set(load()) - set(stage) - made == set()
