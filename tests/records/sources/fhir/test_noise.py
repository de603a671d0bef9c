"""Whatever a file holds, a reading ends in facts and an account, or in a CareloopError."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.error import CareloopError
from careloop.records.fact import FACT_SCHEMA
from careloop.records.sources.fhir import read_fhir
from careloop.records.sources.fhir.observation import COMPONENT, CONTAINED

from .conftest import ATC, LOINC, OWN, SNOMED, TODAY, UCUM, bundle, concept, observation

SUBJECT = {"reference": "Patient/p"}
SAMPLES: list[dict[str, Any]] = [
    observation(
        concept(OWN, "t_femoral_neck"),
        valueQuantity={"value": -2.5, "comparator": "<", "system": UCUM, "code": "{T-score}"},
        bodySite={"text": "left femoral neck", "coding": [{"system": SNOMED, "code": "29627003"}]},
        referenceRange=[{"appliesTo": [{"text": "NHANES III"}]}],
        device={"reference": "#dev", "display": "Hologic"},
        contained=[{"resourceType": "Device", "id": "dev", "deviceName": [{"name": "Horizon"}]}],
        issued="2020-05-01T08:30:00Z",
        meta={"lastUpdated": "2021-01-01T00:00:00Z"},
    ),
    observation(
        ("55284-4",),
        component=[{"code": concept(LOINC, "8480-6"),
                    "valueQuantity": {"value": 131, "unit": "mm[Hg]"}}],
    ),
    observation(("72166-2",), valueCodeableConcept=concept(SNOMED, "266919005", "Never smoker")),
    observation(("29463-7",), valueString="60 kg", effectiveDateTime=None,
                effectivePeriod={"start": "2019", "end": "2019-05"}),
    {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1950-03",
     "deceasedDateTime": "2020-01-01", "name": [{"family": "王", "given": ["秀英"], "use": "usual",
     "period": {"start": "2000"}}], "telecom": [{"system": "phone", "value": "138"}],
     "address": [{"line": ["1"], "city": "武汉"}], "managingOrganization": {"display": "东湖"},
     "identifier": [{"system": "urn:card", "value": "7", "type": concept("urn:t", "NI")}],
     "link": [{"type": "seealso"}],
     "extension": [{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
                    "extension": [{"url": "ombCategory", "valueCoding": {"code": "2106-3"}}]}]},
    {"resourceType": "Condition", "id": "c", "subject": SUBJECT,
     "onsetAge": {"value": 5, "code": "a"}, "code": concept(SNOMED, "69896004", "RA"),
     "clinicalStatus": concept("urn:c", "resolved"),
     "verificationStatus": concept("urn:v", "confirmed"), "recordedDate": "2020-01-01",
     "abatementPeriod": {"end": "2021"}, "bodySite": [{"text": "hand"}]},
    {"resourceType": "Procedure", "id": "x", "subject": SUBJECT, "status": "completed",
     "code": concept(SNOMED, "312681000"), "performedPeriod": {"start": "2019-01-01"}},
    {"resourceType": "MedicationRequest", "id": "m", "subject": SUBJECT, "status": "completed",
     "intent": "order", "medicationReference": {"reference": "#drug"}, "authoredOn": "2020-01-01",
     "contained": [{"resourceType": "Medication", "id": "drug", "code": concept(ATC, "M05BA04"),
                    "ingredient": [{"itemCodeableConcept": concept(ATC, "H02AB06")}]}],
     "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": "2020", "end": "2021"},
                                                  "boundsDuration": {"value": 2, "code": "wk"}}}}],
     "dispenseRequest": {"expectedSupplyDuration": {"value": 28, "code": "d"},
                         "numberOfRepeatsAllowed": 2, "validityPeriod": {"end": "2020-12"}}},
    {"resourceType": "MedicationStatement", "id": "s", "subject": SUBJECT, "status": "not-taken",
     "medicationCodeableConcept": concept(ATC, "M05BA04"), "dateAsserted": "2020-01-01",
     "effectivePeriod": {"start": "2019-01-01", "end": "2019-06-01"}},
    {"resourceType": "DiagnosticReport", "id": "r", "subject": SUBJECT, "status": "final",
     "effectiveDateTime": "2020-01-01", "conclusionCode": [concept(SNOMED, "64859006")],
     "contained": [observation()], "result": [{"reference": "#o"}]},
    {"resourceType": "FamilyMemberHistory", "id": "f", "patient": SUBJECT, "status": "completed",
     "date": "2020-01-01", "relationship": concept("urn:r", "MTH"),
     "condition": [{"code": concept(SNOMED, "359817006"), "onsetAge": {"value": 70, "unit": "a"}}]},
]  # fmt: skip

TEXTS = st.sampled_from(
    ["", "2020", "2020-02-30", "9999-12-31", "0000", "Patient/p", "#", "Patient/", "/", "urn:uuid:",
     "final", "kg", "%", "\x00", "左", LOINC, ATC, "8302-2", "M05BA04", "a", "x" * 300, "<1e999"]
) | st.text(max_size=8)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            found += places(part, (*path, key))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> list[Any]:
    resources = copy.deepcopy(draw(st.lists(st.sampled_from(SAMPLES), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(resources)))
        holder: Any = resources
        for key in path[:-1]:
            holder = holder[key]
        if draw(st.booleans()) or isinstance(holder, list):
            holder[path[-1]] = draw(ANYTHING)
        else:
            del holder[path[-1]]
    return resources


def read_all(folder: Any, dictionary: Any, data: bytes, **options: Any) -> pl.DataFrame | None:
    """The facts, after checking the account; None if the file was refused."""
    path = folder / "noise"
    path.write_bytes(data)
    reading = read_fhir(path, dictionary=dictionary, today=TODAY, **options)
    try:
        tables = list(reading.batches())
    except CareloopError:
        return None
    report = reading.report
    for kind, met in report.resources.items():
        assert sum(n for (k, _), n in report.outcomes.items() if k == kind) == met
    inner = report.resources[COMPONENT] + report.resources[CONTAINED]
    assert sum(report.resources.values()) - inner == report.records
    assert len(reading.rejected()) == report.rejected_records
    facts = pl.concat(tables) if tables else pl.DataFrame(schema=FACT_SCHEMA)
    assert dict(facts.schema) == FACT_SCHEMA
    assert len(facts) == report.facts
    needed = ["person_id", "variable", "effective_at", "recorded_at", "status", "source", "row"]
    assert facts.select(needed).null_count().sum_horizontal().sum() == 0
    assert facts.filter(pl.col("number").is_null() == pl.col("text").is_null()).is_empty()
    assert facts.filter(pl.col("effective_at").dt.date() > TODAY).is_empty()
    assert facts.filter(pl.col("until") < pl.col("effective_at")).is_empty()
    assert facts.filter(pl.col("number").is_infinite() | pl.col("number").is_nan()).is_empty()
    text = facts.select("person_id", "text", "raw", "field").unpivot()["value"]
    assert not text.str.contains("\x00", literal=True).any()
    return facts


LENIENT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)


def test_the_samples_are_read(tmp_path, dictionary):
    facts = read_all(tmp_path, dictionary, orjson.dumps(bundle(*SAMPLES)))
    assert facts is not None
    found = {field.partition("/")[0] for field in facts["field"]}
    assert found == {sample["resourceType"] for sample in SAMPLES}


@LENIENT
@given(resources=mutated(), person_id=st.sampled_from(["", "urn:card"]))
def test_mutated_resources(tmp_path, dictionary, resources, person_id):
    data = orjson.dumps({"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]})
    read_all(tmp_path, dictionary, data, person_id=person_id)


@pytest.mark.slow
@settings(LENIENT, max_examples=5000)
@given(resources=mutated(), person_id=st.sampled_from(["", "urn:card"]))
def test_many_mutated_resources(tmp_path, dictionary, resources, person_id):
    data = orjson.dumps({"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]})
    read_all(tmp_path, dictionary, data, person_id=person_id)


@LENIENT
@given(resource=mutated(), whole=ANYTHING)
def test_mutated_lines(tmp_path, dictionary, resource, whole):
    data = b"\n".join([*(orjson.dumps(each) for each in resource), orjson.dumps(whole)])
    read_all(tmp_path, dictionary, data)


@LENIENT
@given(
    changes=st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=4)), max_size=3),
    cut=st.integers(0, 6000),
)
def test_mutated_bytes(tmp_path, dictionary, changes, cut):
    data = bytearray(orjson.dumps(bundle(*SAMPLES)))
    for at, new in changes:
        data[at : at + len(new)] = new
    read_all(tmp_path, dictionary, bytes(data[:cut] if cut < 5000 else data))


@LENIENT
@given(data=st.binary(max_size=200))
def test_bytes(tmp_path, dictionary, data):
    read_all(tmp_path, dictionary, data)


@pytest.mark.parametrize("depth", [300, 1000])
def test_deep_nesting(tmp_path, dictionary, depth):
    inner: Any = "x"
    for _ in range(depth):
        inner = {"coding": [inner]} if depth == 300 else [inner]
    data = b'{"resourceType":"Observation","code":%s}' % (b"[" * depth + b"]" * depth)
    read_all(tmp_path, dictionary, data)
