"""`careloop plan`: plans of real-looking people, safe, explained, in 80 columns and on one page."""

from __future__ import annotations

import io
import itertools
import json
import re
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from careloop.cli import app
from careloop.command.plan import print_plan
from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Text
from careloop.error import ConfigError, InputError
from careloop.guidance.change import plan_changes
from careloop.guidance.comparison import compare_guidelines
from careloop.guidance.medicine import BLOCKED, CHECK_FIRST
from careloop.guidance.plan import Plan, PlanItem
from careloop.guidance.resolution import conflict, medicine_of
from careloop.guidance.serial import from_json, to_json
from careloop.programmes.patient_page import patient_page
from careloop.programmes.plan_page import doctor_html, patient_html
from careloop.programmes.plan_view import PlanWords
from careloop.programmes.planning import guidance_of, planned, plans
from careloop.programmes.programme import programme
from careloop.records.fact import empty_facts
from careloop.records.snapshot import Snapshot

AS_OF = date(2026, 6, 30)
OSTEOPOROSIS = programme("osteoporosis")
GUIDANCE = guidance_of(OSTEOPOROSIS)
CJK = re.compile(r"[\u3400-\u9fff]")
PATIENT = {
    "person_id": "P1",
    "sex": "female",
    "age_y": 72.0,
    "weight_kg": 46.0,
    "height_cm": 150.0,
    "postmenopausal": True,
    "fragility_fracture_hip": True,
    "fragility_fracture": True,
    "t_femoral_neck": -3.4,
    "creatinine_umol_l": 110.0,
    "calcium_corrected_mmol_l": 2.3,
    "osteoporosis_treatment_current": False,
    "smoking_current": True,
}


def taken(*people: dict[str, object]) -> Snapshot:
    rows = [{**PATIENT, **each} for each in people]
    keys = dict.fromkeys(key for row in rows for key in row)
    kinds = {"number": pl.Float64, "boolean": pl.Boolean, "date": pl.Date}
    schema = {
        key: kinds.get(load()[key].kind, pl.String) if key in load() else pl.String for key in keys
    }
    return Snapshot(pl.DataFrame(rows, schema=schema), AS_OF, load())


def one(**facts: object) -> Plan:
    (plan,) = plans(taken(facts), OSTEOPOROSIS)
    return plan


def keys(plan: Plan) -> set[str]:
    return {item.key for item in plan.items}


# --- the plan itself


def test_kidneys_block_zoledronate_and_the_plan_says_why():
    plan = one()  # creatinine clearance about 30 mL/min
    assert plan.risk_class == "very_high"
    assert "medicine.zoledronate" not in keys(plan)
    (withheld,) = (each for each in plan.withheld if each.key == "medicine.zoledronate")
    assert "crcl_35" in {reason.key for reason in withheld.because}
    denosumab = next(item for item in plan.items if item.key == "medicine.denosumab")
    assert denosumab.because
    assert denosumab.checks


def test_unknown_hard_stop_is_to_be_checked_first():
    plan = one(creatinine_umol_l=None)
    zoledronate = next(item for item in plan.items if item.key == "medicine.zoledronate")
    assert "crcl_35" in zoledronate.after_checking


def test_high_calcium_withholds_calcium():
    assert "calcium_supplement" in keys(one(calcium_supplement=False))
    plan = one(calcium_supplement=False, calcium_corrected_mmol_l=2.7)
    assert not {"calcium_supplement", "calcium_diet"} & keys(plan)


def test_chronic_kidney_disease_beats_the_protein_target():
    assert "protein" in keys(one(chronic_kidney_disease=False))
    plan = one(chronic_kidney_disease=True)
    assert "protein_kidney" in keys(plan)
    assert "protein" not in keys(plan)
    assert "protein" in {each.key for each in plan.withheld}


def test_contradictory_facts_are_flagged():
    plan = one(sex="male", pregnancy=True)
    assert plan.flags


def test_next_plan_is_a_difference_with_reasons():
    changes = plan_changes(one(), one(creatinine_umol_l=60.0))
    zoledronate = next(each for each in changes if each.key == "medicine.zoledronate")
    assert zoledronate.what == "added"
    assert ("ceased", "crcl_35") in {(why.why, why.key) for why in zoledronate.reasons}


def test_guidelines_stand_side_by_side():
    (found,) = planned(taken({}), OSTEOPOROSIS)
    answers = compare_guidelines(found.row, GUIDANCE)
    assert [each.guideline.key for each in answers] == [each.key for each in GUIDANCE.guidelines]
    default = answers[0]
    assert default.risk_class == "very_high"
    assert "zoledronate" not in default.first, "blocked for this person"
    assert all(each.because or each.unknown for each in answers)


def test_people_are_planned_in_the_order_asked_and_alone_as_together():
    people = taken({"person_id": "A"}, {"person_id": "B", "creatinine_umol_l": None})
    together = plans(people, OSTEOPOROSIS)
    assert plans(people, OSTEOPOROSIS, person_ids=["B", "nobody", "A"]) == together[::-1]
    with pytest.raises(ConfigError, match="no guideline"):
        plans(people, OSTEOPOROSIS, "nowhere_1999")


def test_response_to_treatment_joins_the_plan_where_the_facts_are_given():
    item = PlanItem("switch", "medicine", Text("换药", "switch"), details={"medicine": "denosumab"})
    judged = replace(OSTEOPOROSIS, proposals=lambda facts, as_of: {"P1": [item]})
    people = taken({}, {"person_id": "P2"})
    alone = plans(people, judged)
    with_facts = plans(people, judged, facts=empty_facts())
    assert "switch" not in keys(alone[0])
    assert "switch" in keys(with_facts[0])
    assert with_facts[1] == alone[1]
    blocked = plans(taken({"calcium_corrected_mmol_l": 2.0}), judged, facts=empty_facts())
    assert "switch" not in keys(blocked[0]), "hypocalcaemia stops denosumab at the last door"


# --- everybody: safe whatever is known

FACTS = {
    "creatinine_umol_l": [60.0, 200.0, None],
    "calcium_corrected_mmol_l": [2.0, 2.3, 2.7, None],
    "oesophageal_disorder": [True, False, None],
    "denosumab_current": [True, None],
    "thigh_or_groin_pain": [True, None],
    "venous_thromboembolism": [True, None],
}


@pytest.fixture(scope="module")
def crowd():
    people = [
        {"person_id": str(number), **dict(zip(FACTS, values, strict=True))}
        for number, values in enumerate(itertools.product(*FACTS.values()))
    ]
    return {
        guideline.key: planned(taken(*people), OSTEOPOROSIS, guideline.key)
        for guideline in GUIDANCE.guidelines
    }


@pytest.mark.parametrize("guideline", [each.key for each in GUIDANCE.guidelines])
def test_no_plan_is_unsafe_or_contradicts_itself(crowd, guideline):
    proposed = 0
    for found in crowd[guideline]:
        plan, row = found.plan, found.row
        assert len({item.key for item in plan.items}) == len(plan.items)
        assert not any(conflict(*pair) for pair in itertools.combinations(plan.items, 2))
        for item in plan.items:
            medicine = medicine_of(item)
            status = row.get(f"{medicine}_status")
            assert status != BLOCKED, (item.key, row["person_id"])
            assert item.after_checking or status != CHECK_FIRST, item.key
            proposed += status is not None
            assert item.text.zh
            assert item.text.en
            assert item.mark in "ABC"
        assert all(each.because for each in plan.withheld)
        assert from_json(to_json(plan)) == plan
    assert proposed


# --- printed


@pytest.mark.parametrize("language", ["zh", "en"])
def test_printed_plan_is_complete_in_80_columns(language):
    (found,) = planned(taken({"person_id": "P1\x1b[2J"}), OSTEOPOROSIS, language=language)
    words = PlanWords(GUIDANCE, OSTEOPOROSIS, load(), language=language)
    answers = [words.answer(each) for each in compare_guidelines(found.row, GUIDANCE)]
    stream = io.StringIO()
    console = Console(file=stream, width=80, highlight=False)
    view = words.view(found.plan, found.row)
    print_plan(view, language=language, comparison=answers, console=console)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= 80
    flat = "".join(text.split())
    for item in found.plan.items:
        assert "".join(item.text[language].split()) in flat, item.key
    for each in found.plan.withheld:
        assert "".join(each.text[language].split()) in flat, each.key
    assert bool(CJK.search(text)) is (language == "zh")
    for page in (patient_html(found.plan, words, found.row), doctor_html(found.plan, words)):
        assert "<script" not in page
        assert "http" not in page.split("<body>")[0].replace("http-equiv", "")


def test_patient_page_never_overflows_and_says_what_is_left():
    long = Text("这是一句很长的话，" * 6, "this is a very long sentence, " * 6)
    items = tuple(
        PlanItem(
            f"i{number}", kind, long, patient=Text(f"{number}{long.zh}", long.en), priority=number
        )
        for number, kind in enumerate(["alert", "test", "nutrition", "exercise", "falls"] * 8)
    )
    plan = Plan("P1", AS_OF, "osteoporosis", "china_2022", "high", items)
    page = patient_page(plan, GUIDANCE)
    shown = sum(len(section.lines) for section in page.sections)
    assert shown + page.more == len(items)
    assert page.more
    assert {section.key for section in page.sections} >= {"first", "tests", "food"}
    assert "0这是" in page.sections[0].lines[0], "the most important first"


def test_no_alert_is_crowded_out():
    text = Text("每天多走一走，量力而行。" * 3, "walk")
    advice = [PlanItem(f"a{n}", "nutrition", text, Text(f"{n}{text.zh}", "w"), priority=1)
              for n in range(30)]  # fmt: skip
    alerts = [PlanItem(f"b{n}", "alert", text, Text(f"警示{n}", "alert"), priority=90)
              for n in range(4)]  # fmt: skip
    plan = Plan("P1", AS_OF, "osteoporosis", "china_2022", None, (*alerts, *advice))
    page = patient_page(plan, GUIDANCE)
    assert page.sections[0].lines == ("警示0", "警示1", "警示2", "警示3")
    assert page.more


def test_patient_is_not_told_a_drug_twice_nor_to_choose_one():
    (found,) = planned(taken({}), OSTEOPOROSIS)
    page = patient_page(found.plan, GUIDANCE)
    medicine = next(section for section in page.sections if section.key == "medicine")
    options = [item for item in found.plan.items if item.kind == "medicine"]
    assert len(options) > 1
    assert sum("医生会" in line for line in medicine.lines) == 1


# --- the command

CSV = "id,sex,age,kg,hip,t\nP1,F,72,46,1,-3.4\nP2,M,66,70,0,-1.0\n"
MAPPING = """
[source]
sender = "centre"
rows = "person"
[person]
id = "id"
[dates]
effective = { as_of = true }
[columns.sex]
variable = "sex"
values = { F = "female", M = "male" }
[columns.age]
variable = "age_y"
unit = "a"
[columns.kg]
variable = "weight_kg"
unit = "kg"
[columns.hip]
variable = "fragility_fracture_hip"
values = { "1" = true, "0" = false }
[columns.t]
variable = "t_femoral_neck"
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "people.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    return [
        str(tmp_path / "people.csv"), "--mapping", str(tmp_path / "mapping.toml"),
        "--as-of", "2026-06-30",
    ]  # fmt: skip


def test_command_plans_for_everybody_and_for_one(source, tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["plan", *source, "--out", str(out)])
    assert done.exit_code == 0, done.output
    lines = (out / "plans.ndjson").read_text(encoding="utf-8").splitlines()
    assert [from_json(line).person_id for line in lines] == ["P1", "P2"]
    summary = json.loads((out / "plans-summary.json").read_text(encoding="utf-8"))
    assert summary["people"] == 2
    done = CliRunner().invoke(
        app, ["plan", *source, "--person", "P1", "--compare", "--out", str(out), "--lang", "en"]
    )
    assert done.exit_code == 0, done.output
    assert "What the guidelines say" in done.output
    assert {path.name for path in out.iterdir()} >= {
        "P1-patient.html", "P1-doctor.html", "P1.json",
    }  # fmt: skip
    plan = (out / "P1.json").read_text(encoding="utf-8")
    assert from_json(plan) == from_json(lines[0])


def test_command_refuses_what_is_not_there(source):
    done = CliRunner().invoke(app, ["plan", *source, "--person", "P9"])
    assert isinstance(done.exception, InputError)
    done = CliRunner().invoke(app, ["plan", *source, "--person", "P1", "--guideline", "x"])
    assert isinstance(done.exception, ConfigError)
