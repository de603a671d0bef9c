"""Plans and rule sets as FHIR R4: valid by fhir.resources, deterministic, proposals only."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from fhir.resources.R4B import get_fhir_model_class

from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Text
from careloop.error import InputError
from careloop.guidance.definition import SQL, plan_definition
from careloop.guidance.fhir import PlanWords, RiskValue, plan_bundle, risk_assessment
from careloop.guidance.guidance import Guidance
from careloop.guidance.guideline import Choice, Guideline
from careloop.guidance.medicine import Medicine
from careloop.guidance.plan import Plan, PlanItem, Reason, Withheld
from careloop.guidance.target import Target
from careloop.risk.decision import Decision, NamedClause, Outcome

WHY = Reason("t_score", Text("T 值 ≤ −2.5", "T-score at most −2.5"), "China 2022 §5", "B")
WORDS = PlanWords(load(), {"crcl_ml_min": "肌酐清除率", "high": "高风险"}, "zh")


def plan(**changes: object) -> Plan:
    whole = Plan(
        person_id="p-1",
        as_of=date(2026, 11, 22),
        programme="osteoporosis",
        guideline="china_2022",
        risk_class="high",
        items=(
            PlanItem(
                "medicine.alendronate",
                "medicine",
                Text("阿仑膦酸钠 70 mg 每周一次", "alendronate 70 mg weekly"),
                because=(WHY,),
                after_checking=("crcl_ml_min",),
                checks=(Text("口腔检查", "dental examination"),),
                cautions=(WHY,),
                guideline="china_2022",
                section="§6",
                details={
                    "name": Text("阿仑膦酸钠", "alendronate"),
                    "atc": ("M05BA04", "M05BB03"),
                    "dose": Text("70 mg 每周一次，口服", "70 mg weekly by mouth"),
                    "interval_days": 7,
                    "route": "po",
                },
            ),
            PlanItem(
                "test.vitamin_d",
                "test",
                Text("检测 25 羟维生素 D", "measure 25-hydroxyvitamin D"),
                due_on=date(2026, 12, 6),
                details={"variables": ["vitamin_d_25oh_ng_ml"]},
            ),
            PlanItem("referral.hospital", "referral", Text("转诊上级医院", "refer to hospital")),
            PlanItem(
                "nutrition.vitamin_d",
                "nutrition",
                Text("补充维生素 D", "take vitamin D"),
            ),
            PlanItem("falls.home", "falls", Text("居家环境排查", "check the home for hazards")),
        ),
        withheld=(
            Withheld("medicine.zoledronate", Text("唑来膦酸", "zoledronate"), because=(WHY,)),
        ),
        flags=(Reason("male_hrt", Text("男性使用雌激素", "man on oestrogen"), "careloop", "B"),),
    )
    return replace(whole, **changes)


TARGET = Target(
    "vitamin_d",
    ("nutrition.*",),
    "vitamin_d_25oh_ng_ml",
    Text("25OHD 30–50 ng/mL（目标）", "25OHD of 30 to 50 ng/mL"),
    "BHOF 2022",
    "A",
    low=30,
    high=50,
)
OTHER = replace(TARGET, key="other", items=("exercise.*",))
RISK = RiskValue(
    "frax_mof_adjusted_pct",
    outcome=Text("主要骨质疏松性骨折", "major osteoporotic fracture"),
    method=Text("FRAX", "FRAX"),
    citation="as entered",
    percent=21.3,
    horizon_y=10,
)
CLASS = RiskValue(
    "osta",
    outcome=Text("骨质疏松风险", "risk of osteoporosis"),
    method=Text("OSTA", "OSTA"),
    citation="Koh 2001",
    quality=Text("高风险", "high"),
    unconfirmed=True,
)


def resources(bundle, kind):
    found = [entry["resource"] for entry in bundle["entry"]]
    return [each for each in found if each["resourceType"] == kind]


def validated(bundle):
    """Validate the whole and every resource; see that nothing is lost on the way."""
    get_fhir_model_class("Bundle").model_validate(bundle)
    for entry in bundle["entry"]:
        resource = entry["resource"]
        model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert model.model_dump(mode="json").keys() >= resource.keys() - {"resourceType"}
    return bundle


@pytest.fixture(scope="module")
def bundle():
    return validated(plan_bundle(plan(), WORDS, [RISK, CLASS], targets=[TARGET, OTHER]))


def test_everything_is_a_proposal_and_a_draft(bundle):
    (care,) = resources(bundle, "CarePlan")
    assert (care["status"], care["intent"]) == ("draft", "proposal")
    requests = resources(bundle, "MedicationRequest") + resources(bundle, "ServiceRequest")
    assert len(requests) == 3
    assert {(each["status"], each["intent"]) for each in requests} == {("draft", "proposal")}
    assert len(care["activity"]) == 5


def test_medicine_carries_atc_dose_reasons_and_what_to_check_first(bundle):
    (request,) = resources(bundle, "MedicationRequest")
    codings = request["medicationCodeableConcept"]["coding"]
    assert [(each["system"], each["code"]) for each in codings] == [
        ("http://www.whocc.no/atc", "M05BA04"),
        ("http://www.whocc.no/atc", "M05BB03"),
    ]
    (dosage,) = request["dosageInstruction"]
    assert dosage["text"] == "70 mg 每周一次，口服"
    assert dosage["timing"]["repeat"] == {"frequency": 1, "period": 7, "periodUnit": "d"}
    notes = "\n".join(note["text"] for note in request["note"])
    for words in ("T 值 ≤ −2.5 [China 2022 §5]", "核实后方可使用：肌酐清除率", "口腔检查", "未经"):
        assert words in notes


def test_test_carries_loinc_and_date(bundle):
    request = resources(bundle, "ServiceRequest")[0]
    assert request["occurrenceDateTime"] == "2026-12-06"
    assert "62292-8" in {each["code"] for each in request["code"]["coding"]}


def test_goal_has_measure_and_range(bundle):
    (goal,) = resources(bundle, "Goal")
    (target,) = goal["target"]
    assert target["detailRange"]["low"] == {
        "value": 30,
        "unit": "ng/mL",
        "system": "http://unitsofmeasure.org",
        "code": "ng/mL",
    }
    assert target["measure"]["coding"]


def test_risk_is_a_percentage_over_years(bundle):
    frax, osta = resources(bundle, "RiskAssessment")
    (prediction,) = frax["prediction"]
    assert prediction["probabilityDecimal"] == 21.3
    assert prediction["whenRange"]["high"]["value"] == 10
    assert "mitigation" not in frax
    assert (frax["status"], osta["status"]) == ("final", "preliminary")
    assert "probabilityDecimal" not in osta["prediction"][0]


@pytest.mark.parametrize("percent", [0.0, 100.0])
def test_ras_2_at_its_bounds(percent):
    made = risk_assessment(replace(RISK, percent=percent), plan(), "en")
    get_fhir_model_class("RiskAssessment").model_validate(made)


@pytest.mark.parametrize("percent", [100.01, -0.01, float("nan")])
def test_ras_2_beyond_its_bounds(percent):
    with pytest.raises(InputError, match="ras-2"):
        risk_assessment(replace(RISK, percent=percent), plan(), "en")


def test_issues_tell_what_was_held_back_and_why(bundle):
    flag, withheld = resources(bundle, "DetectedIssue")
    assert flag["code"]["text"] == "男性使用雌激素"
    assert "T 值" in withheld["detail"]


def test_ids_are_uuids_the_same_every_time_and_references_lead_somewhere(bundle):
    assert plan_bundle(plan(), WORDS, [RISK, CLASS], targets=[TARGET, OTHER]) == bundle
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    for entry in bundle["entry"]:
        assert UUID(entry["resource"]["id"]).version == 5
        assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
    (care,) = resources(bundle, "CarePlan")
    pointers = [each["reference"]["reference"] for each in care["activity"] if "reference" in each]
    pointers += [each["reference"] for each in care["goal"]]
    assert set(pointers) <= set(urls)
    other = plan_bundle(plan(person_id="p-2"), WORDS)
    assert not {entry["fullUrl"] for entry in other["entry"]} & set(urls)


def test_empty_plan_and_an_id_that_fhir_does_not_allow():
    made = validated(plan_bundle(plan(person_id="东湖/1", items=(), withheld=(), flags=()), WORDS))
    (care,) = resources(made, "CarePlan")
    assert care["subject"] == {"type": "Patient", "identifier": {"value": "东湖/1"}}
    assert "activity" not in care


def test_english_leaves_no_chinese():
    english = PlanWords(load(), {"crcl_ml_min": "creatinine clearance"}, "en")
    made = validated(plan_bundle(plan(), english, [RISK, CLASS], targets=[TARGET]))
    assert not re.search(r"[\u4e00-\u9fff]", str(made))


# --- rule sets


def clause(key: str, sql: str) -> NamedClause:
    return NamedClause(key, sql, Text(f"{key}（中）", key), "facts §3.2", "B")


GUIDELINE = Guideline(
    key="china_2022",
    name=Text("原发性骨质疏松症诊疗指南", "Chinese guideline"),
    edition="2022",
    citation="Chin J Osteoporos 2022",
    mark="B",
    risk_class=Decision(
        "china_2022_risk_class",
        (
            Outcome("very_high", Text("极高", "very high"), (clause("t", "t_lowest < -3"),)),
            Outcome(
                "high",
                Text("高", "high"),
                (clause("op", "t_lowest <= -2.5"), clause("hip", "fragility_fracture_hip")),
            ),
        ),
    ),
    treatment=Decision(
        "china_2022_treatment",
        (Outcome("treat", Text("治疗", "treat"), (clause("t25", "t_lowest <= -2.5"),)),),
    ),
    first=(Choice("high", ("alendronate",), "§6", "B", when="age_y >= 50"),),
)
ALENDRONATE = Medicine(
    key="alendronate",
    name=Text("阿仑膦酸钠", "alendronate"),
    atc=("M05BA04",),
    group="antiresorptive",
    route="po",
    dose=Text("70 mg 每周", "70 mg weekly"),
    interval_days=7,
    current="alendronate_current",
    stops=(clause("crcl", "crcl_ml_min < 35"), clause("ca", "calcium_corrected_mmol_l < 2.1")),
    source="label",
)
GUIDANCE = Guidance("osteoporosis", (GUIDELINE,), (ALENDRONATE,))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_rule_set_is_a_valid_plan_definition(language):
    made = plan_definition(GUIDELINE, GUIDANCE, language=language)
    get_fhir_model_class("PlanDefinition").model_validate(made)
    assert (made["status"], made["experimental"]) == ("draft", True)
    assert re.fullmatch(r"[A-Z]\w{0,254}", made["name"])
    risk, treatment, first = made["action"]
    assert treatment["selectionBehavior"] == "at-most-one"
    (high,) = [each for each in risk["action"] if each["code"][0]["text"] == "high"]
    (condition,) = high["condition"]
    assert condition["expression"]["language"] == SQL
    assert condition["expression"]["expression"] == "(t_lowest <= -2.5) OR (fragility_fracture_hip)"
    assert high["action"][0]["documentation"][0]["citation"] == "facts §3.2"
    (drug,) = first["action"]
    assert drug["condition"][0]["expression"]["expression"] == (
        "NOT ((crcl_ml_min < 35) OR (calcium_corrected_mmol_l < 2.1))"
    )
    assert made == plan_definition(GUIDELINE, GUIDANCE, language=language)


def test_a_confirmed_guideline_is_active():
    made = plan_definition(replace(GUIDELINE, mark="A"), GUIDANCE)
    assert (made["status"], made["experimental"]) == ("active", False)
