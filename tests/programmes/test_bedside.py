"""One person at the bedside is told the same as everybody in a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pytest
from fhir.resources.R4B import get_fhir_model_class

from careloop.dictionary.catalogue import load
from careloop.programmes import bedside as module
from careloop.programmes.bedside import Bedside, differing
from careloop.programmes.exchange import fhir_plan, fhir_rules, risk_values
from careloop.programmes.planning import guidance_of, planned
from careloop.programmes.programme import programme
from careloop.records import rowwise
from careloop.records.fact import empty_facts
from careloop.records.snapshot import snapshot

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def disease():
    return programme("osteoporosis")


@pytest.fixture(scope="module")
def bedside(disease):
    return Bedside(disease, load())


@pytest.fixture(scope="module")
def facts():
    moment = datetime(2026, 5, 1)
    people = {
        "woman": {
            "sex": "female",
            "ethnic_group": "chinese",
            "age_y": 72,
            "t_femoral_neck": -3.2,
            "creatinine_umol_l": 88.4,
        }
        | {"weight_kg": 42, "height_cm": 156, "warfarin_current": 1, "calcium_mmol_l": 2.3}
        | {"albumin_g_l": 40, "frax_mof_pct": 31, "frax_hip_pct": 5, "postmenopausal": 1},
        "man": {"sex": "male", "age_y": 66, "t_total_hip": -1.4, "falls_12m": 2, "weight_kg": 80},
        "nobody": {"sex": "female"},
    }
    rows = [
        {
            "person_id": person,
            "variable": key,
            "number": None if isinstance(value, str) else float(value),
            "text": value if isinstance(value, str) else None,
            "effective_at": moment,
            "recorded_at": moment,
            "status": "final",
        }
        for person, values in people.items()
        for key, value in values.items()
    ]
    added = pl.DataFrame(rows, schema_overrides={"number": pl.Float64, "text": pl.String})
    return pl.concat([empty_facts(), added], how="diagonal_relaxed")


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_equal_the_table_on_random_people(bedside, seed):
    assert bedside.rowwise
    people = bedside.probes(250, seed)
    pairs = zip(bedside.answered(people), bedside.answered_by_table(people), strict=True)
    assert {name for ours, theirs in pairs for name in differing(ours, theirs)} == set()


def test_plans_equal_those_of_a_population(bedside, disease, facts):
    wanted = planned(snapshot(facts, TODAY, load()), disease, bedside.guideline)
    found = bedside.consider(facts, TODAY)
    assert {each.plan.person_id: each.plan for each in wanted} == {
        person: each.plan for person, each in found.items()
    }
    assert found["woman"].plan.risk_class == "very_high"


def test_where_rows_cannot_be_told_the_table_is_used(disease, facts, bedside, monkeypatch):
    def refuse(_):
        raise rowwise.NotRowwise

    monkeypatch.setattr(module, "compile_levels", refuse)
    slow = Bedside(disease, load())
    assert not slow.rowwise
    ours, theirs = bedside.consider(facts, TODAY), slow.consider(facts, TODAY)
    assert {key: each.plan for key, each in ours.items()} == {
        key: each.plan for key, each in theirs.items()
    }


def test_rows_that_answer_differently_are_not_trusted(disease, monkeypatch):
    monkeypatch.setattr(module, "run", lambda _, row: {**row, "diagnosis": "none"})
    assert not Bedside(disease, load()).rowwise


# --- the same plans as FHIR


def test_plans_and_risks_as_fhir(disease, facts):
    for each in planned(snapshot(facts, TODAY, load()), disease):
        for language in ("zh", "en"):
            made = fhir_plan(each.plan, each.row, disease, load(), language=language)
            for entry in made["entry"]:
                resource = entry["resource"]
                get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        risks = {risk.key: risk for risk in risk_values(each.row, disease)}
        if each.plan.person_id == "woman":
            goals = [e for e in made["entry"] if e["resource"]["resourceType"] == "Goal"]
            assert len(goals) == 3
            assert risks["frax_mof_adjusted_pct"].horizon_y == 10
            assert risks["frax_mof_adjusted_pct"].percent == pytest.approx(31)
            assert risks["osta"].quality is not None


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_guideline_is_a_valid_plan_definition(disease, language):
    made = fhir_rules(disease, language=language)
    assert len(made["entry"]) == len(guidance_of(disease).guidelines)
    for entry in made["entry"]:
        get_fhir_model_class("PlanDefinition").model_validate(entry["resource"])
    get_fhir_model_class("Bundle").model_validate(made)


def test_a_programme_without_guidance_is_refused(disease):
    with pytest.raises(Exception, match="no guidance"):
        Bedside(replace(disease, guidance=None), load())
