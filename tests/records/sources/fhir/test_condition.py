"""Conditions, procedures and family history: what becomes yes, and what never does."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from careloop.records.snapshot import snapshot

from .conftest import ATC, ICD10, SNOMED, concept

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
ARTHRITIS = concept(SNOMED, "69896004", "Rheumatoid arthritis")
SUBJECT = {"reference": "Patient/p"}


def condition(code=ARTHRITIS, clinical="active", verified="confirmed", **parts):
    return {
        "resourceType": "Condition",
        "id": "c",
        "clinicalStatus": concept(CLINICAL, clinical),
        "verificationStatus": concept(VERIFIED, verified),
        "code": code,
        "subject": SUBJECT,
        "onsetDateTime": "2015-03-02",
        "recordedDate": "2015-04-01",
    } | parts


def test_a_condition_is_yes_from_its_onset(read):
    fact = read(condition()).only("rheumatoid_arthritis")
    assert (fact["number"], fact["status"], fact["until"]) == (1.0, "final", None)
    assert fact["effective_at"] == datetime(2015, 3, 2)
    assert fact["recorded_at"] == datetime(2015, 4, 1)
    assert (fact["raw"], fact["field"]) == ("Rheumatoid arthritis", "Condition/c")


@pytest.mark.parametrize("verified", ["refuted", "provisional", "differential", "unconfirmed"])
def test_what_is_no_diagnosis_never_becomes_yes_or_no(read, verified):
    result = read(condition(verified=verified))
    assert result.facts.is_empty()
    assert result.outcome("Condition") == {f"not taken: {verified}": 1}


def test_entered_in_error_withdraws(read, dictionary):
    wrong = read(condition(verified="entered-in-error")).facts
    assert wrong["status"].to_list() == ["entered_in_error"]
    right = read(condition(), condition(id="d", verified="entered-in-error")).facts
    for facts in (wrong, right):
        taken = snapshot(facts, date(2020, 1, 1), dictionary, variables=["rheumatoid_arthritis"])
        assert taken.frame["rheumatoid_arthritis"].drop_nulls().is_empty()


@pytest.mark.parametrize(
    ("parts", "effective"),
    [
        ({"onsetDateTime": "2015"}, datetime(2015, 12, 31)),
        ({"onsetDateTime": None, "onsetPeriod": {"start": "2014-05"}}, datetime(2014, 5, 31)),
        ({"onsetDateTime": None, "onsetString": "long ago"}, datetime(2015, 4, 1)),
        ({"onsetDateTime": None}, datetime(2015, 4, 1)),
        ({"onsetDateTime": None, "onsetAge": {"value": 55, "code": "a"}}, datetime(2006, 2, 28)),
        ({"onsetDateTime": None, "onsetAge": {"value": 65, "code": "a"}}, datetime(2015, 4, 1)),
    ],
)
def test_onset(read, parts, effective):
    born = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1950-03-01"}
    fact = read(born, condition(**parts)).only("rheumatoid_arthritis")
    assert fact["effective_at"] == effective


def test_no_date(read):
    result = read(condition(onsetDateTime=None, recordedDate=None))
    assert result.codes() == {"F204": 1}
    dated = condition(onsetDateTime=None, recordedDate=None, meta={"lastUpdated": "2016-01-02"})
    assert read(dated).only("rheumatoid_arthritis")["effective_at"] == datetime(2016, 1, 2)


HYPERTHYROID = concept(SNOMED, "34486009", "Hyperthyroidism")


@pytest.mark.parametrize(
    ("parts", "until", "codes"),
    [
        ({}, None, {}),
        ({"abatementDateTime": "2016-05"}, datetime(2016, 5, 31), {}),
        ({"abatementPeriod": {"start": "2016-05-01", "end": "2016-06-01"}},
         datetime(2016, 6, 1), {}),
        ({"clinical": "resolved"}, datetime(2015, 3, 2), {"F215": 1}),
        ({"clinical": "inactive", "abatementString": "soon"}, datetime(2015, 3, 2), {"F215": 1}),
        ({"abatementDateTime": "2014-01-01"}, datetime(2015, 3, 2), {"F227": 1}),
    ],
)  # fmt: skip
def test_the_end_of_a_condition(read, parts, until, codes):
    result = read(condition(**parts))
    assert result.only("rheumatoid_arthritis")["until"] == until
    assert result.codes() == codes


def test_smoking_as_a_condition_is_a_value_of_the_status(read):
    smokes = concept(SNOMED, "449868002", "Smokes tobacco daily")
    fact = read(condition(smokes)).only("smoking_status")
    assert (fact["text"], fact["raw"]) == ("current", "Smokes tobacco daily")
    ended = read(condition(smokes, abatementDateTime="2016-01-01"))
    assert ended.facts.is_empty()  # it does not say what came after
    assert ended.outcome("Condition") == {"not taken: over": 1}


def test_chinese_icd_10(read):
    code = {"coding": [{"system": ICD10, "code": "M81.900", "display": "骨质疏松"}]}
    assert read(condition(code)).only("osteoporosis_diagnosed")["raw"] == "骨质疏松"


# --- procedures


def procedure(status="completed", **parts):
    return {
        "resourceType": "Procedure",
        "id": "x",
        "status": status,
        "code": concept(SNOMED, "312681000", "Bone density scan (procedure)"),
        "subject": SUBJECT,
        "performedPeriod": {"start": "2014-11-25T01:23:28+00:00", "end": "2014-11-25T02:00:00Z"},
    } | parts


def test_a_bone_density_scan_was_done(read):
    fact = read(procedure()).only("dxa_done")
    assert (fact["number"], fact["effective_at"]) == (1.0, datetime(2014, 11, 25, 1, 23, 28))
    assert read(procedure("entered-in-error")).only("dxa_done")["status"] == "entered_in_error"


@pytest.mark.parametrize("status", ["preparation", "not-done", "on-hold", "stopped", "unknown"])
def test_what_was_not_done(read, status):
    result = read(procedure(status))
    assert result.facts.is_empty()
    assert result.outcome("Procedure") == {f"not taken: {status}": 1}


# --- family


def relative(relation, *conditions, **parts):
    return {
        "resourceType": "FamilyMemberHistory",
        "id": "f",
        "status": "completed",
        "patient": SUBJECT,
        "date": "2020-02-03",
        "relationship": concept(ROLE, relation),
        "condition": list(conditions),
    } | parts


HIP = {"code": concept(SNOMED, "359817006", "Closed fracture of hip")}
OSTEOPOROSIS = {"code": concept(SNOMED, "64859006", "Osteoporosis")}


@pytest.mark.parametrize(
    ("relation", "conditions", "found"),
    [
        ("MTH", [HIP], {"parent_hip_fracture", "mother_hip_fracture"}),
        ("NMTH", [HIP], {"parent_hip_fracture", "mother_hip_fracture"}),
        ("FTH", [HIP], {"parent_hip_fracture"}),
        ("PRN", [HIP], {"parent_hip_fracture"}),
        ("STPMTH", [HIP], set()),
        ("SIS", [HIP], set()),
        ("MTH", [], set()),
        (
            "MTH",
            [HIP | {"onsetAge": {"value": 71, "code": "a"}}],
            {"parent_hip_fracture", "mother_hip_fracture", "mother_hip_fracture_after_50"},
        ),
        (
            "MTH",
            [HIP | {"onsetAge": {"value": 49, "code": "a"}}],
            {"parent_hip_fracture", "mother_hip_fracture"},
        ),
    ],
)
def test_a_parents_hip_fracture(read, relation, conditions, found):
    result = read(relative(relation, *conditions))
    assert found <= set(result.facts["variable"])
    assert not set(result.facts["variable"]) - found - {"parent_osteoporosis"}
    assert set(result.facts["number"]) <= {1.0}
    assert result.outcome("FamilyMemberHistory") == {
        "fact" if found else "says nothing the dictionary has": 1
    }


def test_a_relatives_disease_is_not_the_persons(read):
    result = read(relative("MTH", HIP, OSTEOPOROSIS))
    assert "osteoporosis_diagnosed" not in set(result.facts["variable"])
    assert {"parent_osteoporosis"} <= set(result.facts["variable"])
    own = read(condition(HIP["code"]))
    assert not any(key.startswith(("parent", "mother")) for key in own.facts["variable"])


def test_a_drug_code_as_a_condition_changes_nothing_else(read):
    result = read(condition(concept(ATC, "M05BA04", "alendronic acid")))
    assert set(result.facts["number"]) <= {1.0}
