"""Patients: demography, and what is left unknown."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from careloop.records.snapshot import snapshot
from careloop.records.sources.fhir.patient import is_chinese_id


def patient(**parts):
    whole = {
        "resourceType": "Patient",
        "id": "p",
        "gender": "female",
        "birthDate": "1950-03-01",
    } | parts
    return {name: part for name, part in whole.items() if part is not None}


def race(*codes, level="ombCategory"):
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
    parts = [{"url": level, "valueCoding": {"code": code, "display": code}} for code in codes]
    return {"extension": [{"url": url, "extension": parts}]}


def values(result):
    return dict(zip(result.facts["variable"], result.facts["text"], strict=True))


def test_demography(read):
    wang = patient(
        name=[
            {"use": "old", "text": "王五"},
            {"use": "official", "family": "王", "given": ["秀英"]},
        ],
        telecom=[{"system": "email", "value": "x"}, {"system": "phone", "value": "13800000000"}],
        address=[{"state": "湖北省", "city": "武汉市", "line": ["东湖路1号"]}],
        identifier=[{"system": "urn:x", "value": "7"}, {"value": "11010519491231002X"}],
        managingOrganization={"display": "东湖社区卫生服务中心"},
    )
    result = read(wang)
    assert values(result) == {
        "sex": "female",
        "birth_date": "1950-03-01",
        "national_id": "11010519491231002X",
        "name": "王秀英",
        "phone": "13800000000",
        "address": "湖北省武汉市东湖路1号",
        "organisation": "东湖社区卫生服务中心",
    }
    assert set(result.facts["person_id"]) == {"p"}
    assert set(result.facts["effective_at"]) == {datetime(1950, 3, 1)}
    assert result.outcome("Patient") == {"fact": 1}
    assert result.codes() == {}


def test_a_snapshot_of_any_year_knows_sex_and_age(read, dictionary):
    facts = read(patient(meta={"lastUpdated": "2024-01-01T00:00:00Z"})).facts
    taken = snapshot(facts, date(2000, 2, 29), dictionary)
    assert taken.frame.select("sex", "age_y").rows() == [("female", 49)]


def test_names_hold_from_when_they_were_told(read):
    told = patient(name=[{"text": "Ann"}], meta={"lastUpdated": "2020-01-01T00:00:00Z"})
    assert read(told).only("name")["effective_at"] == datetime(2020, 1, 1)
    since = patient(name=[{"text": "Ann", "period": {"start": "2018-05"}}])
    assert read(since).only("name")["effective_at"] == datetime(2018, 5, 31)


@pytest.mark.parametrize("gender", ["other", "unknown", None, "Female", 7])
def test_sex_stays_unknown(read, gender):
    result = read(patient(gender=gender))
    assert "sex" not in values(result)
    assert result.codes() == {"F217": 1}


@pytest.mark.parametrize(
    ("text", "kept", "codes"),
    [
        ("1950", "1950-12-31", {"F216": 1}),
        ("1950-02", "1950-02-28", {"F216": 1}),
        ("1950-02-30", None, {"F205": 1}),
        ("2030-01-01", None, {"F206": 1}),
        ("2024", "2024-06-30", {"F216": 1}),
        (None, None, {"F225": 1}),
        (1950, None, {"F205": 1}),
    ],
)
def test_birth_dates(read, text, kept, codes):
    result = read(patient(birthDate=text))
    assert values(result).get("birth_date") == kept
    assert result.codes() == codes
    assert result.only("sex")["text"] == "female"


@pytest.mark.parametrize(
    ("parts", "kept", "codes"),
    [
        ({"deceasedDateTime": "2020-05-06T10:00:00Z"}, "2020-05-06", {}),
        ({"deceasedDateTime": "2020"}, "2020-12-31", {}),
        ({"deceasedDateTime": "2030"}, None, {"F206": 1}),
        ({"deceasedBoolean": True}, None, {"F218": 1}),
        ({"deceasedBoolean": False}, None, {}),
    ],
)
def test_death(read, parts, kept, codes):
    result = read(patient(**parts))
    assert values(result).get("death_date") == kept
    assert result.codes() == codes
    if kept:  # nobody knew before
        assert result.only("death_date")["recorded_at"] >= datetime(2020, 5, 6)


@pytest.mark.parametrize(
    ("extension", "group"),
    [
        (race("2106-3"), "white"),
        (race("2034-7", level="detailed"), "chinese"),
        (race("2054-5"), "black_other"),
        (race("2028-9"), None),  # Asian may be any of five
        (race("2106-3", "2054-5"), None),
        (race("9999-9"), None),
        ({}, None),
    ],
)
def test_ethnic_group(read, extension, group):
    result = read(patient(**extension))
    assert values(result).get("ethnic_group") == group
    assert result.codes() == ({"F226": 1} if extension and not group else {})


def test_linked_and_inactive_patients_are_pointed_out(read):
    linked = patient(link=[{"type": "replaced-by", "other": {"reference": "Patient/q"}}])
    assert read(linked).codes() == {"F219": 1}
    assert read(patient(active=False)).codes() == {"F219": 1}


def test_texts_too_long_are_left_out(read):
    result = read(patient(name=[{"text": "x" * 10_000_000}]))
    assert set(values(result)) == {"sex", "birth_date"}
    assert result.codes() == {"F221": 1}
    assert result.report.findings[0].value == "10,000,000 characters"


def test_a_nul_in_a_name_does_not_reach_the_store(read):
    assert read(patient(name=[{"text": "A\x00nn"}])).only("name")["text"] == "Ann"


def test_names_elsewhere_are_given_name_first(read):
    name = [{"family": "Smith", "given": ["Adolph", "J."], "prefix": ["Mr."]}]
    assert read(patient(name=name)).only("name")["text"] == "Adolph J. Smith"


@pytest.mark.parametrize(
    ("text", "valid"),
    [("11010519491231002X", True), ("11010519491231002x", True), ("110105194912310020", False),
     ("1101051949123100", False), ("", False)],
)  # fmt: skip
def test_chinese_identity_numbers(text, valid):
    assert is_chinese_id(text) is valid
