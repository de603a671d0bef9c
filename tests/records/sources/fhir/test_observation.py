"""Observations: values, units, components, sites, statuses and times."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from careloop.records.fact import FACT_SCHEMA

from .conftest import LOINC, OWN, SNOMED, UCUM, concept, observation


def quantity(value, unit="", **parts):
    return {"value": value} | ({"unit": unit, "system": UCUM, "code": unit} if unit else {}) | parts


def test_a_measurement_becomes_a_fact(read):
    result = read(observation(issued="2020-05-01T09:00:00.25Z"))
    assert dict(result.facts.schema) == FACT_SCHEMA
    assert result.only("height_cm") == {
        "person_id": "p",
        "variable": "height_cm",
        "number": 160.0,
        "text": None,
        "unit": "cm",
        "effective_at": datetime(2020, 5, 1, 8, 30),  # the sender's wall clock
        "until": None,
        "recorded_at": datetime(2020, 5, 1, 9, 0, 0, 250_000),
        "status": "final",
        "context": None,
        "raw": None,
        "source": result.facts["source"][0],
        "row": 1,
        "field": "Observation/o",
    }
    assert result.outcome("Observation") == {"fact": 1}
    assert (result.report.records, result.report.facts, result.report.persons) == (1, 1, 1)
    assert result.report.findings == []


# --- units


@pytest.mark.parametrize(
    ("value", "number", "raw"),
    [
        (quantity(160, "cm"), 160.0, None),
        (quantity(1.6, "m"), 160.0, "1.6 m"),
        (quantity(63, "[in_i]"), 160.02, "63 [in_i]"),
        ({"value": 160, "unit": "厘米"}, 160.0, None),
        ({"value": 160, "unit": "cm", "system": "http://other", "code": "17"}, 160.0, None),
        ({"value": 1.6, "unit": "meters", "system": UCUM, "code": "nonsense"}, 160.0, None),
    ],
)
def test_units_are_converted(read, value, number, raw):
    fact = read(observation(valueQuantity=value)).only("height_cm")
    assert fact["number"] == pytest.approx(number)
    assert fact["unit"] == "cm"
    if raw:
        assert fact["raw"] == raw


def test_mass_becomes_substance(read):
    calcium = observation(("17861-6",), valueQuantity=quantity(9.2, "mg/dL"))
    fact = read(calcium).only("calcium_mmol_l")
    assert fact["number"] == pytest.approx(9.2 * 10 / 40.078, rel=1e-3)
    assert fact["raw"] == "9.2 mg/dL"


@pytest.mark.parametrize(
    ("value", "code", "outcome"),
    [
        (quantity(160), "F208", "rejected: no unit"),
        (quantity(160, "kg"), "F207", "rejected: unit"),
        (quantity(160, "banana"), "F207", "rejected: unit"),
        (quantity(16, "cm"), "F209", "rejected: out of range"),
        (quantity(1e300, "m"), "F209", "rejected: out of range"),
        (quantity("160", "cm"), "F212", "rejected: value"),
        (quantity(True, "cm"), "F212", "rejected: value"),
        (quantity(160, "cm", comparator="~"), "F212", "rejected: value"),
    ],
)
def test_values_that_do_not_fit_are_rejected(read, value, code, outcome):
    result = read(observation(valueQuantity=value))
    assert result.facts.is_empty()
    assert result.outcome("Observation") == {outcome: 1}
    (finding,) = result.report.findings
    assert finding.code == code
    assert finding.where == "sent.json: Observation/o"
    assert "height_cm" in finding.detail
    assert result.rejected["reason"].to_list() == [outcome]
    assert json.loads(result.rejected["resource"][0])["id"] == "o"


def test_a_bound_is_kept_with_its_original(read):
    value = quantity(5, "ng/mL", comparator="<")
    result = read(observation(("62292-8",), valueQuantity=value))
    fact = result.only("vitamin_d_25oh_ng_ml")
    assert (fact["number"], fact["raw"]) == (5.0, "<5 ng/mL")
    assert result.codes() == {"F213": 1}


def test_a_score_needs_no_unit(read):
    result = read(observation(concept(OWN, "t_femoral_neck"), valueQuantity={"value": -2.6}))
    assert result.only("t_femoral_neck")["number"] == -2.6


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        ({"valueString": "60 kg"}, 60.0),
        ({"valueString": "120 斤"}, 60.0),
        ({"valueString": "about sixty"}, None),
    ],
)
def test_numbers_in_words(read, parts, number):
    result = read(observation(("29463-7",), **parts))
    assert [fact["number"] for fact in result.of("weight_kg")] == ([number] if number else [])


# --- other kinds of value


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (concept(SNOMED, "266919005", "Never smoker"), "never"),
        (concept(SNOMED, "8517006"), "former"),
        (concept(OWN, "current"), "current"),
        ({"text": "从不吸烟"}, "never"),
        ({"text": "Former Smoker"}, "former"),
        (concept(SNOMED, "64859006"), None),
    ],
)
def test_coded_values(read, code, value):
    result = read(observation(("72166-2",), valueCodeableConcept=code))
    assert [fact["text"] for fact in result.of("smoking_status")] == ([value] if value else [])
    if value is None:
        assert result.codes() == {"F212": 1}


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        ({"valueBoolean": True}, 1.0),
        ({"valueBoolean": False}, 0.0),
        ({"valueInteger": 0}, 0.0),
        ({"valueString": "是"}, 1.0),
        ({"valueCodeableConcept": concept(LOINC, "LA33-6", "Yes")}, 1.0),
        ({"valueCodeableConcept": concept(SNOMED, "373067005")}, 0.0),
        ({"valueCodeableConcept": {"text": "no"}}, 0.0),
        ({"valueString": "perhaps"}, None),
        ({"valueQuantity": {"value": 1}}, None),
    ],
)
def test_yes_and_no(read, parts, number):
    result = read(observation(concept(OWN, "fear_of_falling"), **parts))
    found = [fact["number"] for fact in result.of("fear_of_falling")]
    assert found == ([] if number is None else [number])
    assert result.codes() == ({"F212": 1} if number is None else {})


@pytest.mark.parametrize(
    "parts",
    [
        {"valueQuantity": None},
        {"valueQuantity": {"unit": "cm"}},
        {"valueQuantity": None, "dataAbsentReason": concept("urn:x", "unknown")},
    ],
)
def test_no_value_is_counted_not_rejected(read, parts):
    result = read(observation(**parts))
    assert result.outcome("Observation") == {"no value": 1}
    assert result.rejected.is_empty()


# --- components


def test_blood_pressure_is_read_through_its_components(read):
    parts = [
        {"code": concept(LOINC, code), "valueQuantity": quantity(value, "mm[Hg]")}
        for code, value in (("8480-6", 131), ("8462-4", 79))
    ]
    strange = {"code": concept(LOINC, "72098-7"), "valueQuantity": quantity(1, "1")}
    missing = {"code": concept(LOINC, "8480-6"), "dataAbsentReason": {"text": "not done"}}
    panel = observation(("55284-4",), component=[*parts, strange, missing])
    result = read(panel)
    assert result.only("sbp_mmhg")["number"] == 131
    assert result.only("dbp_mmhg")["number"] == 79
    assert result.outcome("Observation") == {"components": 1}
    assert result.outcome("Observation.component") == {
        "fact": 2,
        "no code in dictionary": 1,
        "no value": 1,
    }
    assert ("Observation", f"{LOINC}|55284-4", "") not in result.report.unmapped_codes


def test_unknown_codes_are_listed(read):
    strange = observation(("10230-1", "Ejection fraction"))
    result = read(strange, strange)
    assert result.outcome("Observation") == {"no code in dictionary": 2}
    key = ("Observation", f"{LOINC}|10230-1", "Ejection fraction")
    assert dict(result.report.unmapped_codes) == {key: 2}


def test_any_of_several_codings_counts_once(read):
    code = {"coding": [{"system": "urn:local", "code": "SG"}, {"system": LOINC, "code": "8302-2"},
                       {"system": OWN, "code": "height_cm"}]}  # fmt: skip
    assert read(observation(code)).only("height_cm")["number"] == 160


# --- sites, sides, reference databases, devices


@pytest.mark.parametrize(
    ("site", "variable"),
    [
        ({"text": "Femoral neck"}, "bmd_femoral_neck_g_cm2"),
        ({"text": "左侧股骨颈"}, "bmd_femoral_neck_g_cm2"),
        (concept(SNOMED, "29627003", "Structure of neck of femur"), "bmd_femoral_neck_g_cm2"),
        ({"text": "Left total hip"}, "bmd_total_hip_g_cm2"),
        (None, "femur_bmd_g_cm2"),
    ],
)
def test_the_site_chooses_the_variable(read, site, variable):
    code = ("24701-5", "DXA Femur [Mass/Area] Bone density")
    result = read(observation(code, valueQuantity=quantity(0.7, "g/cm2"), bodySite=site))
    assert result.facts["variable"].to_list() == [variable]


def test_context_is_kept(read):
    device = {
        "resourceType": "Device", "id": "d", "manufacturer": "Hologic, Inc.",
    }  # fmt: skip
    score = observation(
        concept(OWN, "t_femoral_neck"),
        valueQuantity=quantity(-2.6, "{T-score}"),
        bodySite={"text": "left femoral neck"},
        referenceRange=[{"appliesTo": [{"text": "NHANES III white female"}]}],
        device={"reference": "Device/d"},
    )
    result = read(device, score)
    context = {"device": "hologic", "reference_db": "nhanes3_white_female", "side": "left"}
    assert result.only("t_femoral_neck")["context"] == json.dumps(context)
    assert result.outcome("Device") == {"not read": 1}


@pytest.mark.parametrize(
    ("parts", "context"),
    [
        ({"bodySite": concept(SNOMED, "7771000")}, {"side": "left"}),
        ({"bodySite": {"text": "left and right"}}, None),
        ({"referenceRange": [{"appliesTo": [concept(SNOMED, "248152002", "Female")]}]}, None),
        (
            {"referenceRange": [{"appliesTo": [concept("urn:db", "nhanes3_white_female")]}]},
            {"reference_db": "nhanes3_white_female"},
        ),
        ({"device": {"display": "Lunar iDXA"}}, {"device": "lunar_idxa"}),
    ],
)
def test_what_context_says(read, parts, context):
    score = observation(concept(OWN, "t_total_hip"), valueQuantity={"value": -1}, **parts)
    found = read(score).only("t_total_hip")["context"]
    assert (json.loads(found) if found else None) == context


def test_38265_5_is_radius_and_ulna_and_flagged_where_no_site_is_said(read):
    value = quantity(-2.7, "{T-score}")
    vague = observation(("38265-5", "DXA [T-score] Bone density"), valueQuantity=value)
    exact = observation(("38265-5", "DXA Radius and Ulna [T-score]"), valueQuantity=value)
    bare = observation(("38265-5",), valueQuantity=value)
    said = vague | {"bodySite": {"text": "forearm"}}
    result = read(vague, vague)
    assert [fact["number"] for fact in result.of("t_radius_ulna")] == [-2.7, -2.7]
    assert result.facts["variable"].unique().to_list() == ["t_radius_ulna"]  # no hip, no spine
    (finding,) = result.report.findings
    assert (finding.code, finding.count) == ("F210", 2)
    assert finding.value == "DXA [T-score] Bone density"
    assert "38265-5 → t_radius_ulna" in finding.detail
    for clear in (exact, bare, said):
        result = read(clear)
        assert result.only("t_radius_ulna")["number"] == -2.7
        assert result.codes() == {}


@pytest.mark.parametrize(
    ("code", "site"),
    [
        (("38265-5", "DXA Hip [T-score] Bone density"), None),
        (("38265-5", "DXA [T-score] Bone density"), {"text": "lumbar spine"}),
        (("38267-1", "DXA Lumbar spine [T-score]"), {"text": "left forearm"}),
    ],
)
def test_a_site_that_contradicts_its_code_is_not_taken(read, code, site):
    value = quantity(-2.7, "{T-score}")
    result = read(observation(code, valueQuantity=value, bodySite=site))
    assert result.facts.is_empty()
    assert result.outcome("Observation") == {"rejected: site contradicts code": 1}
    assert result.codes() == {"F228": 1}


# --- status


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_final_values_are_final(read, status):
    assert read(observation(status=status)).only("height_cm")["status"] == "final"


def test_errors_are_kept_as_such(read):
    assert read(observation(status="entered-in-error")).only("height_cm")["status"] == (
        "entered_in_error"
    )


@pytest.mark.parametrize("status", ["registered", "preliminary", "cancelled", "unknown"])
def test_what_is_not_final_is_counted(read, status):
    result = read(observation(status=status))
    assert result.facts.is_empty()
    assert result.outcome("Observation") == {f"not taken: {status}": 1}
    assert result.rejected.is_empty()


def test_missing_and_strange_statuses(read):
    result = read(observation(status=None))
    assert result.only("height_cm")["status"] == "final"
    assert result.codes() == {"F214": 1}
    result = read(observation(status="finished"))
    assert result.facts.is_empty()
    assert result.codes() == {"F201": 1}
