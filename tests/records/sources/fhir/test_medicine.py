"""Drugs: from when, until when, and which prescriptions are none."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from careloop.records.snapshot import snapshot

from .conftest import ATC, concept

ALENDRONATE = concept(ATC, "M05BA04", "alendronic acid")
SUBJECT = {"reference": "Patient/p"}


def request(status="active", **parts):
    whole = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": ALENDRONATE,
        "subject": SUBJECT,
        "authoredOn": "2020-01-10",
    } | parts
    return {name: part for name, part in whole.items() if part is not None}


def statement(status="active", **parts):
    whole = request(status, resourceType="MedicationStatement", intent=None, authoredOn=None)
    return whole | {"effectivePeriod": {"start": "2020-01-10"}} | parts


def dosage(**repeat):
    return [{"timing": {"repeat": repeat}}]


def supply(days, repeats=0):
    duration = {"value": days, "code": "d"}
    return {"expectedSupplyDuration": duration, "numberOfRepeatsAllowed": repeats}


def test_a_prescription_is_yes_from_when_it_was_written(read):
    fact = read(request()).only("alendronate_current")
    assert (fact["number"], fact["until"], fact["raw"]) == (1.0, None, "alendronic acid")
    assert fact["effective_at"] == fact["recorded_at"] == datetime(2020, 1, 10)


@pytest.mark.parametrize(
    ("parts", "until"),
    [
        ({}, None),
        ({"dosageInstruction": dosage(boundsPeriod={"end": "2020-03-01"})}, datetime(2020, 3, 1)),
        ({"dosageInstruction": dosage(boundsPeriod={"end": "2030-03"})}, datetime(2030, 3, 31)),
        ({"dosageInstruction": dosage(boundsDuration={"value": 2, "code": "wk"})},
         datetime(2020, 1, 24)),
        ({"dosageInstruction": [*dosage(boundsPeriod={"end": "2020-03-01"}), {"text": "on"}]},
         None),
        ({"dispenseRequest": {"validityPeriod": {"end": "2020-07-10"}}}, datetime(2020, 7, 10)),
        ({"dispenseRequest": supply(28)}, None),  # the sender says it goes on
        ({"status": "completed", "dispenseRequest": supply(28, 2)}, datetime(2020, 4, 3)),
        ({"status": "stopped"}, datetime(2020, 1, 10)),
        ({"status": "on-hold"}, datetime(2020, 1, 10)),
        ({"status": "stopped", "dosageInstruction": dosage(boundsPeriod={"end": "2030-01-01"})},
         datetime(2020, 1, 10)),  # an end that was planned is not when it was stopped
    ],
)  # fmt: skip
def test_the_end_of_a_prescription(read, parts, until):
    result = read(request(**parts))
    assert result.only("alendronate_current")["until"] == until
    unknown = until == datetime(2020, 1, 10)
    assert result.codes() == ({"F215": 1} if unknown else {})


def test_a_stopped_prescription_is_not_current(read, dictionary):
    for status, current in (("active", True), ("stopped", False)):
        facts = read(request(status)).facts
        taken = snapshot(facts, date(2021, 1, 1), dictionary, variables=["alendronate_current"])
        assert taken.frame["alendronate_current"].to_list() == [current]


@pytest.mark.parametrize(
    "parts",
    [
        {"status": "cancelled"},
        {"status": "draft"},
        {"status": "unknown"},
        {"intent": "proposal"},
        {"intent": "plan"},
        {"doNotPerform": True},
    ],
)
def test_what_is_no_prescription(read, parts):
    result = read(request(**parts))
    assert result.facts.is_empty()
    assert next(iter(result.outcome("MedicationRequest"))).startswith("not taken: ")


def test_statements(read):
    ended = statement(effectivePeriod={"start": "2020-01", "end": "2020-05-02"})
    fact = read(ended).only("alendronate_current")
    assert (fact["effective_at"], fact["until"]) == (datetime(2020, 1, 31), datetime(2020, 5, 2))
    denied = statement("not-taken", dateAsserted="2020-02-01", effectivePeriod=None)
    fact = read(denied).only("alendronate_current")
    assert (fact["number"], fact["effective_at"]) == (0.0, datetime(2020, 2, 1))
    assert read(statement("intended")).facts.is_empty()
    over = read(statement("completed"))
    assert over.only("alendronate_current")["until"] == datetime(2020, 1, 10)


@pytest.mark.parametrize("place", ["contained", "bundle", "url", "ingredient", "missing"])
def test_medications_referred_to(read, place):
    drug = {"resourceType": "Medication", "id": "d", "code": ALENDRONATE}
    if place == "ingredient":
        drug = drug | {"code": None, "ingredient": [{"itemCodeableConcept": ALENDRONATE}]}
    reference = {"contained": "#d", "url": "https://x.org/fhir/Medication/d/_history/3"}
    order = request(
        medicationCodeableConcept=None,
        medicationReference={"reference": reference.get(place, "Medication/d")},
        contained=[drug] if place == "contained" else None,
    )
    result = read(order, drug) if place in ("bundle", "url", "ingredient") else read(order)
    if place == "missing":
        assert result.outcome("MedicationRequest") == {"rejected: medication not found": 1}
        assert result.codes() == {"F220": 1}
    else:
        assert result.only("alendronate_current")["number"] == 1.0


def test_a_class_of_drugs_means_itself_and_all_below(read):
    steroid = concept(ATC, "H02AB06", "prednisolone")
    result = read(request(medicationCodeableConcept=steroid))
    assert set(result.facts["variable"]) == {"glucocorticoid_current"}


def test_drugs_not_in_the_dictionary_are_listed(read):
    result = read(request(medicationCodeableConcept=concept(ATC, "C10AA01", "simvastatin")))
    key = ("MedicationRequest", f"{ATC}|C10AA01", "simvastatin")
    assert dict(result.report.unmapped_codes) == {key: 1}
