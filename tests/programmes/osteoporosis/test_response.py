"""Response to osteoporosis drugs: boundaries of markers, bone density, failure, adherence."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from careloop.guidance.response import response_items, responses
from careloop.programmes.osteoporosis.response import rules, treatment_response
from careloop.records.fact import empty_facts

AS_OF = date(2026, 1, 1)
START = "2025-01-01"
TEXTS = ("response_group",)
BOOLEANS = ("bmd_real_loss", "bmd_real_gain", "adherent")


def judge(**numbers) -> dict:
    unknown = set(numbers) - set(rules().reads())
    assert not unknown
    schema = {
        name: pl.String if name in TEXTS else pl.Boolean if name in BOOLEANS else pl.Float64
        for name in rules().reads()
    }
    frame = pl.DataFrame([{name: numbers.get(name) for name in schema}], schema, strict=False)
    return responses(frame.lazy(), rules()).collect().row(0, named=True)


ORAL = {"response_group": "oral_bisphosphonate"}
POOR = ORAL | {"p1np_change_pct": -10.0, "p1np_now_ug_l": 50.0, "ctx_change_pct": -10.0,
               "ctx_now_ng_l": 400.0}  # fmt: skip
GOOD = POOR | {"ctx_change_pct": -60.0}
OTHER = {"response_group": "antiresorptive"}
ANABOLIC = {"response_group": "anabolic"}


@pytest.mark.parametrize(
    ("numbers", "answer"),
    [
        (POOR, "not_responded"),
        (POOR | {"p1np_change_pct": -37.9}, "not_responded"),
        (POOR | {"p1np_change_pct": -38.0}, "responded"),
        (POOR | {"ctx_change_pct": -56.0}, "responded"),
        (POOR | {"ctx_change_pct": -55.9}, "partial"),
        (POOR | {"ctx_change_pct": -30.1}, "partial"),
        (POOR | {"ctx_change_pct": -30.0}, "not_responded"),
        (POOR | {"p1np_now_ug_l": 35.0}, "not_responded"),
        (POOR | {"p1np_now_ug_l": 34.9}, "responded"),
        (POOR | {"ctx_now_ng_l": 280.0}, "not_responded"),
        (POOR | {"ctx_now_ng_l": 279.0}, "responded"),
        (ORAL, None),
        (ORAL | {"ctx_now_ng_l": 400.0}, None),  # no baseline
        (ORAL | {"ctx_now_ng_l": 400.0, "ctx_change_pct": -20.0}, "not_responded"),
        (ORAL | {"p1np_now_ug_l": 40.0, "p1np_change_pct": -20.0}, "not_responded"),
        (OTHER | {"ctx_change_pct": -30.1}, "responded"),
        (OTHER | {"ctx_change_pct": -30.0}, "not_responded"),
        (OTHER | {"ctx_now_ng_l": 100.0}, None),
        (ANABOLIC | {"p1np_rise_ug_l": 10.1}, "responded"),
        (ANABOLIC | {"p1np_rise_ug_l": 10.0}, "not_responded"),
        (ANABOLIC, None),
        ({"p1np_change_pct": -80.0}, None),  # drug group not known
    ],
)
def test_markers(numbers, answer):
    assert judge(**numbers)["btm_response"] == answer


@pytest.mark.parametrize(
    ("loss", "gain", "answer"),
    [(True, False, "loss"), (True, True, "loss"), (False, True, "gain"), (False, False, "stable"),
     (None, None, None), (None, True, None)],
)  # fmt: skip
def test_bone_density(loss, gain, answer):
    assert judge(bmd_real_loss=loss, bmd_real_gain=gain)["bmd_response"] == answer


SPINE, HIP = "bmd_change_lumbar_spine_pct", "bmd_change_hip_pct"


@pytest.mark.parametrize(
    ("numbers", "answer"),
    [
        ({"fractures_on_treatment": 2.0}, "failed"),
        ({"fractures_on_treatment": 1.0}, None),
        (POOR | {"fractures_on_treatment": 1.0}, "failed"),
        (GOOD | {"fractures_on_treatment": 1.0, SPINE: -5.0}, "failed"),
        (GOOD | {"fractures_on_treatment": 1.0, SPINE: -4.9, HIP: -3.9}, "not_failed"),
        (GOOD | {"fractures_on_treatment": 1.0, SPINE: -4.9, HIP: -4.0}, "failed"),
        (GOOD | {"fractures_on_treatment": 1.0, SPINE: -4.9}, None),
        (POOR | {"fractures_on_treatment": 0.0, SPINE: -5.0}, "failed"),
        (POOR | {"fractures_on_treatment": 0.0, SPINE: -4.9, HIP: -3.9}, "not_failed"),
        (GOOD | {"fractures_on_treatment": 0.0, SPINE: -9.0}, "not_failed"),
        (POOR | {"fractures_on_treatment": 0.0}, None),
        (POOR | {SPINE: 0.0, HIP: 0.0}, None),
        ({}, None),
    ],
)
def test_failure_after_iof_2012(numbers, answer):
    assert judge(**numbers)["treatment_failure"] == answer


FAILED = POOR | {"fractures_on_treatment": 2.0}


@pytest.mark.parametrize(
    ("numbers", "step"),
    [
        (FAILED | {"adherent": False}, "improve_adherence"),
        (FAILED, "check_adherence"),
        (FAILED | {"adherent": True}, "change_treatment"),
        (POOR | {"adherent": True, "fractures_on_treatment": 0.0}, "look_for_causes"),
        (GOOD | {"adherent": True, "fractures_on_treatment": 1.0}, "look_for_causes"),
        ({"fractures_on_treatment": 1.0}, "check_adherence"),
        (GOOD | {"adherent": True, "fractures_on_treatment": 0.0}, "keep"),
        (GOOD | {"adherent": True}, "complete_data"),  # fractures not asked: not "keep"
        (GOOD | {"fractures_on_treatment": 0.0}, "complete_data"),
        ({}, "complete_data"),
    ],
)
def test_adherence_comes_before_change(numbers, step):
    row = judge(**numbers)
    assert row["response_step"] == step
    (item,) = response_items(row, rules())
    assert item.key == f"response_{step}"
    assert item.text.zh
    assert item.patient.zh
    assert bool(item.because) == (step != "complete_data")


# --- from facts to numbers


def _fact(variable, on, value, device=None):
    at = datetime.fromisoformat(on)
    return {
        "person_id": "P1", "variable": variable, "effective_at": at, "recorded_at": at,
        "number": None if isinstance(value, str) else float(value),
        "text": value if isinstance(value, str) else None, "status": "final",
        "context": f'{{"device": "{device}"}}' if device else None,
    }  # fmt: skip


def _judged(*facts, drug="alendronate_current", lsc=None):
    told = [_fact(drug, START, True), _fact("bone_treatment_started_on", START, START)]
    made = pl.DataFrame([*told, *(_fact(*fact) for fact in facts)], infer_schema_length=None)
    frame = pl.concat([empty_facts(), made], how="diagonal_relaxed")
    (row,) = treatment_response(frame, AS_OF, lsc_g_cm2=lsc).rows(named=True)
    return row


def test_markers_are_compared_with_the_last_value_before_the_start():
    row = _judged(
        ("ctx_ng_l", "2024-06-01", 900),
        ("ctx_ng_l", "2024-12-30", 500),
        ("ctx_ng_l", "2025-02-01", 100),  # too early to tell
        ("ctx_ng_l", "2025-04-01", 300),
    )
    assert (row["ctx_before"], row["ctx_now_ng_l"], row["ctx_change_pct"]) == (500, 300, -40)
    assert row["btm_response"] == "partial"
    early = _judged(("ctx_ng_l", "2024-12-30", 500), ("ctx_ng_l", "2025-02-01", 100))
    assert early["btm_response"] is None


def test_an_anabolic_drug_is_judged_after_four_weeks():
    before = ("p1np_ug_l", "2024-12-30", 40)
    row = _judged(before, ("p1np_ug_l", "2025-01-29", 51), drug="teriparatide_current")
    assert (row["p1np_rise_ug_l"], row["btm_response"]) == (11, "responded")
    row = _judged(before, ("p1np_ug_l", "2025-01-28", 51), drug="teriparatide_current")
    assert row["btm_response"] is None


def test_bone_density_on_one_device_against_the_lsc():
    site = "bmd_total_hip_g_cm2"
    before, after = (site, "2024-12-01", 0.800, "a"), (site, "2025-12-01", 0.768, "a")
    row = _judged(before, (site, "2025-06-01", 0.5, "a"), after)
    assert (row["bmd_change_hip_pct"], row["bmd_response"]) == (-4.0, "stable")  # 5 % assumed
    row = _judged(before, after, lsc={"total_hip": 0.03})
    assert row["bmd_response"] == "loss"
    other = _judged(before, (site, "2025-12-01", 0.5, "b"))
    assert other["bmd_response"] is None
    fresh = _judged((site, "2025-02-01", 0.8, "a"), after)
    assert fresh["bmd_response"] is None  # no scan before the start
    unknown = _judged((site, "2024-12-01", 0.800), (site, "2025-12-01", 0.5))
    assert unknown["bmd_response"] is None  # perhaps of two devices


def test_one_hip_is_not_judged_by_the_other():
    site, hips = "bmd_total_hip_g_cm2", ('a", "side": "left', 'a", "side": "right')
    before = (site, "2024-12-01", 0.800, hips[0])
    assert _judged(before, (site, "2025-12-01", 0.7, hips[1]))["bmd_response"] is None
    assert _judged(before, (site, "2025-12-01", 0.7, hips[0]))["bmd_response"] == "loss"
    both = _judged(before, (site, "2025-12-01", 0.7, hips[1]), (site, "2025-12-01", 0.799, hips[0]))
    assert both["bmd_response"] == "stable"


@pytest.mark.parametrize(("told_on", "counts"), [(AS_OF, False), (AS_OF + timedelta(days=1), True)])
def test_a_scan_withdrawn_by_then_is_not_judged(told_on, counts):
    site = "bmd_total_hip_g_cm2"
    before, after = (site, "2024-12-01", 0.800, "a"), (site, "2025-12-01", 0.700, "a")
    assert _judged(before, after)["bmd_response"] == "loss"
    told = [_fact("alendronate_current", START, True), _fact(*before), _fact(*after)]
    told.append(_fact("bone_treatment_started_on", START, START))
    at = datetime.combine(told_on, datetime.min.time())
    told.append(_fact(*after) | {"status": "entered_in_error", "recorded_at": at})
    made = pl.DataFrame(told, infer_schema_length=None)
    frame = pl.concat([empty_facts(), made], how="diagonal_relaxed")
    (row,) = treatment_response(frame, AS_OF).rows(named=True)
    assert (row["bmd_response"] == "loss") is counts


@pytest.mark.parametrize(
    ("facts", "fractures", "adherent"),
    [
        ([], None, None),
        ([("fragility_fracture", "2025-06-01", False)], 0, None),
        ([("fracture_last_on", "2025-06-01", "2024-05-01")], 0, None),
        ([("fracture_last_on", "2025-06-01", "2025-05-01")], 1, None),
        ([("fractures_on_treatment", "2025-06-01", 2)], 2, None),
        ([("medicine_covered_share", "2025-06-01", 0.8)], None, True),
        ([("medicine_covered_share", "2025-06-01", 0.79)], None, False),
        ([("medicine_adherence", "2025-06-01", "regular")], None, True),
        ([("medicine_adherence", "2025-06-01", "interrupted")], None, False),
    ],
)
def test_fractures_and_adherence(facts, fractures, adherent):
    row = _judged(*facts)
    assert (row["fractures_on_treatment"], row["adherent"]) == (fractures, adherent)


def test_nobody_on_a_drug_is_nobody_judged():
    facts = pl.concat(
        [empty_facts(), pl.DataFrame([_fact("ctx_ng_l", START, 300)])], how="diagonal_relaxed"
    )
    assert treatment_response(facts, AS_OF).is_empty()


def test_texts_are_complete():
    for table in rules().tables:
        for outcome in table.outcomes:
            texts = [outcome.label, *(clause.label for clause in outcome.clauses)]
            assert all(text.zh and text.en for text in texts)
    assert all(step.patient for step in rules().steps.values())
