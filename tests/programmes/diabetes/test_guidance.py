"""A plan for diabetes through the guidance that osteoporosis uses; every threshold flips."""

import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from careloop.cli import app
from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import condition, names_in
from careloop.guidance.boundary import boundaries
from careloop.guidance.reading import UNKNOWN
from careloop.programmes.diabetes import programme
from careloop.programmes.diabetes.guidance_assembly import guidance
from careloop.programmes.exchange import fhir_plan, fhir_rules
from careloop.programmes.planning import guided_frame, planned, plans
from careloop.records.snapshot import DTYPES, Snapshot

HERE = Path(__file__).parent
AS_OF = date(2026, 11, 22)
BONE = re.compile(r"osteopor|fracture|\bbones?\b|\bDXA\b|T-score|骨|T 值", re.IGNORECASE)
WOMAN = {
    "sex": "female",
    "age_y": 66.0,
    "bmi_kg_m2": 23.0,
    "waist_cm": 78.0,
    "sbp_mmhg": 128.0,
    "dbp_mmhg": 80.0,
    "family_diabetes_first_degree": True,
    "ethnic_group": "chinese",
    "diabetes_diagnosed": False,
}
"""The published CDRS vector of 33 points."""
DIAGNOSED = WOMAN | {
    "diabetes_diagnosed": True,
    "glucose_fasting_mmol_l": 6.0,
    "diabetes_medicine_reaction": False,
    "diabetes_complication_new": False,
    "diabetes_uncontrolled_twice": False,
}


def snapshot_of(facts, age_d=0):
    known = {name: value for name, value in facts.items() if value is not None}
    schema = {"person_id": pl.String} | {n: DTYPES[load()[n].kind] for n in known}
    schema |= {f"{name}__age_d": pl.Int32 for name in known}
    row = {"person_id": "1", **known} | {f"{name}__age_d": age_d for name in known}
    return Snapshot(pl.DataFrame([row], schema=schema), AS_OF, load())


def plan(facts, age_d=0):
    (made,) = plans(snapshot_of(facts, age_d), programme(), language="en")
    return made


@pytest.mark.parametrize(
    ("facts", "risk_class", "items"),
    [
        (WOMAN, "high", ["ogtt"]),
        (WOMAN | {"age_y": 30.0, "family_diabetes_first_degree": False}, "low", ["screen_again"]),
        (WOMAN | {"glucose_fasting_mmol_l": 7.0}, "very_high", ["confirm_diagnosis"]),
        (WOMAN | {"glucose_2h_mmol_l": 8.0}, "high", ["prediabetes"]),
        (DIAGNOSED, "very_high", ["visit_quarterly"]),
        (DIAGNOSED | {"glucose_fasting_mmol_l": 7.0}, "very_high", ["adjust_and_follow_up"]),
        (DIAGNOSED | {"glucose_fasting_mmol_l": None}, "very_high", ["visit_now"]),
        (DIAGNOSED | {"glucose_fasting_mmol_l": 16.7}, "very_high", ["referral.hospital_now"]),
        (DIAGNOSED | {"diabetes_uncontrolled_twice": True}, "very_high", ["referral.hospital"]),
        (WOMAN | {"diabetes_diagnosed": None}, None, []),
        ({}, None, []),
    ],
)
def test_plans(facts, risk_class, items):
    made = plan(facts)
    assert made.risk_class == risk_class
    assert [item.key for item in made.items] == items
    assert not [item for item in made.items if item.kind == "medicine"]


def test_visits_fall_due_four_times_a_year():
    (item,) = plan(DIAGNOSED).items
    assert item.due_on == AS_OF + timedelta(days=91)
    (item,) = plan(DIAGNOSED, age_d=60).items
    assert item.due_on == AS_OF + timedelta(days=31)
    (item,) = plan(DIAGNOSED | {"glucose_fasting_mmol_l": 8.0}).items
    assert item.due_on == AS_OF + timedelta(days=14)


def test_what_is_unknown_is_asked_for():
    assert "diabetes_diagnosed" in plan(WOMAN | {"diabetes_diagnosed": None}).missing


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_the_command_line(tmp_path, language):
    for person in ("A2", "A5"):
        words = ["plan", str(HERE / "people.csv"), "--mapping", str(HERE / "people.toml")]
        words += ["--programme", "diabetes", "--as-of", "2026-11-22", "--person", person]
        done = CliRunner().invoke(app, [*words, "--lang", language, "--out", str(tmp_path)])
        assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
        assert BONE.findall(done.output) == []
    pages = list(tmp_path.glob("*.html"))
    assert pages
    for page in pages:
        text = re.sub(r"<style.*?</style>|<[^>]+>", " ", page.read_text("utf-8"), flags=re.DOTALL)
        assert BONE.findall(text) == []


# --- the guideline's own specification


@pytest.mark.parametrize("spec", guidance().default.spec, ids=lambda each: each.note or "row")
def test_guideline_answers_its_specification(spec):
    row = guided_frame(snapshot_of(spec.facts), programme()).row(0, named=True)
    tables = guidance().default.decisions()
    held, unknown = (
        {key for table in tables for key in row[f"{table.key}_{part}"].split()}
        for part in ("because", "unknown")
    )
    for name in ("risk_class", "treatment", "referral"):
        if name in spec.expect:
            found = row[f"{guidance().default.key}_{name}"] or UNKNOWN
            assert found == spec.expect[name]
    assert set(spec.expect.get("holds", ())) <= held
    assert set(spec.expect.get("unknown", ())) <= unknown
    assert set(spec.expect.get("fails", ())).isdisjoint(held | unknown)


def test_every_clause_of_the_guideline_has_a_positive_and_a_negative_row():
    keys = {
        clause.key
        for table in guidance().default.decisions()
        for outcome in table.outcomes
        for clause in outcome.clauses
    }
    for part in ("holds", "fails"):
        named = {key for row in guidance().default.spec for key in row.expect.get(part, ())}
        assert named == keys, part


# --- thresholds


def clauses():
    tables = [*programme().decisions]
    tables += [table for each in guidance().guidelines for table in each.decisions()]
    return [clause for table in tables for outcome in table.outcomes for clause in outcome.clauses]


def kind(name):
    return DTYPES[load()[name].kind] if name in load() else pl.Float64


@pytest.mark.parametrize("clause", clauses(), ids=lambda each: each.key)
def test_every_threshold_flips(clause):
    """Facts made by `boundaries` from the clause itself: below, at and above each number."""
    for one in boundaries(clause.sql):
        found = []
        for side in (one.below, one.at, one.above):
            columns = {
                name: pl.Series([side.get(name)])
                if name in side
                else pl.Series([None], dtype=kind(name))
                for name in names_in(clause.sql)
            }
            found.append(pl.DataFrame(columns).select(condition(clause.sql)).item())
        assert tuple(found) == one.expected, one
        assert len(set(found)) == 2, one


# --- FHIR


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_plan_and_the_rules_as_fhir(language):
    bundle = pytest.importorskip("fhir.resources.R4B.bundle", reason="fhir.resources is missing")
    for facts in (WOMAN, DIAGNOSED, DIAGNOSED | {"glucose_fasting_mmol_l": 16.7}):
        (made,) = planned(snapshot_of(facts), programme())
        told = fhir_plan(made.plan, made.row, programme(), load(), language=language)
        bundle.Bundle.model_validate(told)
        assert BONE.findall(str(told)) == []
    bundle.Bundle.model_validate(fhir_rules(programme(), language=language))
