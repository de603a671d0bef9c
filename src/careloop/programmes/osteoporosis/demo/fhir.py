"""FHIR R4 as one centre sends it: NDJSON, one resource a line, gzipped.

Measurements stand under LOINC, diseases and fractures under ICD-10 (WHO), drugs under WHO ATC, and
the questionnaire as one Observation a visit whose components are the programme's own variables. A
question answered no is sent as no; a question not answered is not sent.
"""

from __future__ import annotations

import gzip
import io
import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import orjson

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.codes import SYSTEMS
from careloop.dictionary.variable import Variable
from careloop.programmes.osteoporosis.demo.assumption import Table
from careloop.programmes.osteoporosis.demo.community import FRACTURE_SITES
from careloop.programmes.osteoporosis.demo.identity import Registration
from careloop.programmes.osteoporosis.demo.mistake import Mistake
from careloop.programmes.osteoporosis.demo.visit import Visits

Resource = dict[str, Any]
HEALED = timedelta(days=180)
"""When a fracture is written down as healed."""

_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ENCOUNTER_CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
_UCUM = "http://unitsofmeasure.org"
_HEALTH_RECORD = "urn:example:health-record"
_NATIONAL_ID = "urn:example:national-id"
_BLOOD_PRESSURE = ("85354-9", "Blood pressure panel with all children optional")


def write_lines(
    register: Registration, visits: Visits, dictionary: Dictionary
) -> tuple[bytes, list[Mistake]]:
    """Write the visits of one centre as gzipped NDJSON; the same input gives the same bytes.

    Returns
    -------
    tuple
        The file, in which each Patient comes once, before what is said about it (`Patient.id` is
        the number of the health record), and the mistakes planted at its end, `row` counting
        resources from 1.
    """
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", filename="", mtime=0) as stream:
        seen: set[str] = set()
        lines = 0
        for row in range(len(visits)):
            person_id = str(register.person_id[visits.person[row]])
            if person_id not in seen:
                seen.add(person_id)
                stream.write(orjson.dumps(_patient(person_id, visits, row)) + b"\n")
                lines += 1
            for resource in _visit(person_id, visits, row, dictionary):
                stream.write(orjson.dumps(resource) + b"\n")
                lines += 1
        mistakes = []
        for kind, resource in _faulty(sorted(seen), dictionary):
            stream.write(orjson.dumps(resource) + b"\n")
            lines += 1
            mistakes.append(Mistake(kind, lines, f"Observation/{resource['id']}", ""))
    return target.getvalue(), mistakes


def _faulty(people: list[str], dictionary: Dictionary) -> Iterator[tuple[str, Resource]]:
    """Observations as a careless interface sends them: none of them may become a fact."""
    if not people:
        return
    height, weight = dictionary["height_cm"], dictionary["weight_kg"]
    on, late = date(2026, 3, 2), date(2036, 3, 2)
    metres = {"value": 1.58, "unit": "cm", "system": _UCUM, "code": "cm"}
    stones = {"value": 61, "unit": "块"}
    kilograms = _quantity(61.0, weight)
    for kind, variable, when, quantity, person in (
        ("metres", height, on, metres, people[0]),
        ("unknown_unit", weight, on, stones, people[-1]),
        ("future_visit", weight, late, kilograms, people[0]),
        ("unknown_person", weight, on, kilograms, ""),
    ):
        found = _observation("vital-signs", when, _concept(variable), valueQuantity=quantity)
        found["id"] = f"faulty-{kind.replace('_', '-')}"
        if person:
            found["subject"] = {"reference": f"Patient/{person}"}
        yield kind, found


@cache
def _codes() -> Table:
    text = (files(__package__) / "fhir_centre.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _patient(person_id: str, visits: Visits, row: int) -> Resource:
    form = {key: values[row] for key, values in visits.recorded.items()}
    identifiers = [{"use": "official", "system": _HEALTH_RECORD, "value": person_id}]
    if form["national_id"]:
        identifiers.append({"system": _NATIONAL_ID, "value": form["national_id"]})
    patient: Resource = {
        "resourceType": "Patient",
        "id": person_id,
        "identifier": identifiers,
        "active": True,
        "name": [{"use": "official", "text": form["name"]}],
        "gender": form["sex"],
        "birthDate": form["birth_date"].isoformat(),
        "managingOrganization": {"display": form["organisation"]},
    }
    if form["phone"]:
        patient["telecom"] = [{"system": "phone", "value": form["phone"], "use": "mobile"}]
    if form["address"]:
        patient["address"] = [{"use": "home", "text": form["address"], "country": "CN"}]
    return patient


def _visit(person_id: str, visits: Visits, row: int, dictionary: Dictionary) -> Iterator[Resource]:
    """All resources of one visit, their ids counted within the visit."""
    form = {key: values[row] for key, values in visits.recorded.items()}
    on: date = visits.on[row].astype("datetime64[D]").astype(object)
    stem = f"{person_id}-{1 if visits.first[row] else 2}"
    resources = [
        _encounter(on, form),
        *_measurements(form, on, dictionary),
        _questionnaire(form, on, dictionary),
        *_conditions(form, on, first=bool(visits.first[row])),
        *_drugs(form, on),
        *_family(form, on),
    ]
    for number, resource in enumerate(resources):
        kind = "patient" if resource["resourceType"] == "FamilyMemberHistory" else "subject"
        yield {
            "resourceType": resource.pop("resourceType"),
            "id": f"{stem}-{number}",
            kind: {"reference": f"Patient/{person_id}"},
            **resource,
        }


def _encounter(on: date, form: Resource) -> Resource:
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": _ENCOUNTER_CLASS, "code": "AMB", "display": "ambulatory"},
        "period": {"start": on.isoformat(), "end": on.isoformat()},
        "serviceProvider": {"display": form["organisation"]},
    }


def _measurements(form: Resource, on: date, dictionary: Dictionary) -> Iterator[Resource]:
    groups = {"vital_signs": "vital-signs", "laboratory": "laboratory", "exam": "exam"}
    for group, category in groups.items():
        for key in _codes()["measurements"][group]:
            if form.get(key) is not None:
                variable = dictionary[key]
                concept = _concept(variable)
                yield _observation(
                    category, on, concept, valueQuantity=_quantity(form[key], variable)
                )
    parts = [
        {"code": _concept(dictionary[key]), "valueQuantity": _quantity(form[key], dictionary[key])}
        for key in ("sbp_mmhg", "dbp_mmhg")
        if form.get(key) is not None
    ]
    if parts:
        code, display = _BLOOD_PRESSURE
        concept = _coding(SYSTEMS["loinc"].uri, code, display)
        yield _observation("vital-signs", on, concept, component=parts)


def _questionnaire(form: Resource, on: date, dictionary: Dictionary) -> Resource:
    """One Observation whose components are the answers."""
    asked = _codes()["answers"]
    parts: list[Resource] = []
    for kind in ("yes_no", "words", "numbers", "dates", "texts"):
        for key in asked[kind]:
            value = form.get(key)
            if value is not None:
                variable = dictionary[key]
                parts.append({"code": _own(variable), **_answer(value, variable)})
    concept = {"text": _codes()["questionnaire"]}
    return _observation("survey", on, concept, component=parts)


def _answer(value: Any, variable: Variable) -> Resource:
    match variable.kind:
        case "boolean":
            return {"valueBoolean": bool(value)}
        case "number":
            return {"valueQuantity": _quantity(value, variable)}
        case "date":
            return {"valueDateTime": value.isoformat()}
        case "code":
            label = variable.values[value].zh
            return {"valueCodeableConcept": _coding(SYSTEMS["careloop"].uri, value, label)}
        case _:
            return {"valueString": str(value)}


def _conditions(form: Resource, on: date, *, first: bool) -> Iterator[Resource]:
    for key, (code, display) in _codes()["disease"].items():
        if form.get(key) is True:
            yield _condition(code, display, on)
    if not first:
        return
    for site in FRACTURE_SITES:
        if form.get(f"fragility_fracture_{site}") is True:
            code, display = _codes()["fracture"][site]
            onset = form.get("fracture_last_on")
            yield _condition(code, display, on, onset=onset, over=True)


def _condition(
    code: str, display: str, on: date, *, onset: date | None = None, over: bool = False
) -> Resource:
    state = "resolved" if over else "active"
    condition: Resource = {
        "resourceType": "Condition",
        "clinicalStatus": _coding(_CLINICAL, state),
        "verificationStatus": _coding(_VERIFICATION, "confirmed"),
        "code": _coding(SYSTEMS["icd10"].uri, code, display),
        "recordedDate": on.isoformat(),
    }
    if onset:
        condition["onsetDateTime"] = onset.isoformat()
        if over:
            condition["abatementDateTime"] = min(onset + HEALED, on).isoformat()
    return condition


def _drugs(form: Resource, on: date) -> Iterator[Resource]:
    for key, (code, display) in _codes()["drug"].items():
        if form.get(key) is True:
            yield {
                "resourceType": "MedicationStatement",
                "status": "active",
                "medicationCodeableConcept": _coding(SYSTEMS["atc"].uri, code, display),
                "effectiveDateTime": on.isoformat(),
                "dateAsserted": on.isoformat(),
            }


def _family(form: Resource, on: date) -> Iterator[Resource]:
    if form.get("mother_hip_fracture") is True:
        code, display = _codes()["fracture"]["hip"]
        yield {
            "resourceType": "FamilyMemberHistory",
            "status": "completed",
            "date": on.isoformat(),
            "relationship": _coding(_ROLE, "MTH", "mother"),
            "condition": [{"code": _coding(SYSTEMS["icd10"].uri, code, display)}],
        }


def _observation(category: str, on: date, concept: Resource, **value: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [_coding(_CATEGORY, category)],
        "code": concept,
        "effectiveDateTime": on.isoformat(),
        **value,
    }


def _concept(variable: Variable) -> Resource:
    """Name a variable by its first LOINC term that needs no further word, else by its key."""
    for code in variable.codes:
        if code.system == "loinc" and not code.qualifier:
            return _coding(SYSTEMS["loinc"].uri, code.code, code.display)
    return _own(variable)


def _own(variable: Variable) -> Resource:
    return _coding(SYSTEMS["careloop"].uri, variable.key, variable.label.zh)


def _coding(system: str, code: str, display: str = "") -> Resource:
    coding = {"system": system, "code": code}
    if not display:
        return {"coding": [coding]}
    return {"coding": [{**coding, "display": display}], "text": display}


def _quantity(value: Any, variable: Variable) -> Resource:
    number = value.item() if isinstance(value, np.generic) else value
    return {
        "value": number,
        "unit": variable.unit,
        "system": _UCUM,
        "code": variable.unit,
    }
