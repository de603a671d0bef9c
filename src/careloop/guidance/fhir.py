"""A plan as FHIR R4: proposals only, nothing ordered.

Plain dictionaries in the standard's spelling. Ids are UUIDs of version 5 over person, date,
guideline and item, so that the same plan gives the same resources.

**Reference.** HL7 FHIR R4 (4.0.1): CarePlan, MedicationRequest, ServiceRequest, Goal,
DetectedIssue, RiskAssessment (invariant ras-2: a decimal probability is a percentage, at most 100).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text
from careloop.error import InputError
from careloop.guidance.element import (
    Resource,
    concept,
    identity,
    measure,
    notes_of,
    patient,
    quantity,
    reasons_of,
    told,
)
from careloop.guidance.plan import Plan, PlanItem, Reason, Withheld
from careloop.guidance.target import Target

MEDICINES = ("medicine", "supplement")
SERVICES = ("test", "referral", "monitoring")
_MOST_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class RiskValue:
    """What an instrument says of a person, for a RiskAssessment.

    `percent` is the risk in percent over `horizon_y` years; an instrument without one has only
    its class (`quality`).
    """

    key: str
    outcome: Text
    method: Text
    citation: str
    percent: float | None = None
    horizon_y: float | None = None
    quality: Text | None = None
    unconfirmed: bool = False


@dataclass(frozen=True, slots=True)
class PlanWords:
    """Words and codes that a plan's resources need: the dictionary, and names of its keys."""

    dictionary: Dictionary
    names: Mapping[str, str]
    language: str = "zh"


def plan_bundle(
    plan: Plan,
    words: PlanWords,
    risks: Sequence[RiskValue] = (),
    *,
    targets: Sequence[Target] = (),
) -> Resource:
    """The Bundle (type collection) of a plan.

    Parameters
    ----------
    plan
        The plan of one person.
    words
        The dictionary and how hard stops and variables are called.
    risks
        What instruments said, each to become a RiskAssessment.
    targets
        What plans of this programme may aim at: those that an item serves become Goals.

    Returns
    -------
    dict
        CarePlan first, then what its activities refer to, goals, risk assessments and issues.

    Raises
    ------
    InputError
        A risk above 100 % or below 0.
    """
    requests = {
        item.key: request(item, plan, words)
        for item in plan.items
        if item.kind in (*MEDICINES, *SERVICES)
    }
    goals = [target_goal(each, plan, words) for each in targets if each.serves(plan)]
    found = [
        care_plan(plan, words, requests, goals),
        *requests.values(),
        *goals,
        *(risk_assessment(each, plan, words.language) for each in risks),
        *(issue(each, plan, words.language) for each in plan.flags),
        *(issue(each, plan, words.language) for each in plan.withheld),
    ]
    return {
        "resourceType": "Bundle",
        "id": str(identity(plan.person_id, plan.as_of, plan.programme, plan.guideline, "Bundle")),
        "type": "collection",
        "timestamp": f"{plan.as_of.isoformat()}T00:00:00Z",
        "entry": [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in found],
    }


def care_plan(
    plan: Plan, words: PlanWords, requests: Mapping[str, Resource], goals: Iterable[Resource]
) -> Resource:
    """The CarePlan: every item an activity, by reference where a request was made for it."""
    zh = words.language.startswith("zh")
    made = _resource("CarePlan", plan, "")
    made |= {
        "status": "draft",
        "intent": "proposal",
        "title": "诊疗建议（草案）" if zh else "Proposed care plan (draft)",
        "subject": patient(plan.person_id),
        "created": plan.as_of.isoformat(),
        "instantiatesUri": [f"urn:careloop:guideline:{plan.guideline}"],
    }
    if plan.risk_class:
        label = "风险分层" if zh else "risk class"
        made["description"] = f"{label}: {words.names.get(plan.risk_class, plan.risk_class)}"
    if references := [_reference(each) for each in goals]:
        made["goal"] = references
    activities = [
        {"reference": _reference(requests[item.key])}
        if item.key in requests
        else {"detail": _detail(item, words.language)}
        for item in plan.items
    ]
    if activities:
        made["activity"] = activities
    return made


def request(item: PlanItem, plan: Plan, words: PlanWords) -> Resource:
    """The proposal for one item: a MedicationRequest for medicines, else a ServiceRequest."""
    if item.kind in MEDICINES:
        return medication_request(item, plan, words)
    return service_request(item, plan, words)


def medication_request(item: PlanItem, plan: Plan, words: PlanWords) -> Resource:
    """A MedicationRequest, intent proposal, status draft."""
    language, details = words.language, item.details or {}
    name = _name(details, language)
    codes = [("atc", code, name) for code in _texts(details.get("atc"))]
    made = _resource("MedicationRequest", plan, item.key)
    made |= {
        "status": "draft",
        "intent": "proposal",
        "medicationCodeableConcept": concept(name or item.text[language], codes),
        "subject": patient(plan.person_id),
        "authoredOn": plan.as_of.isoformat(),
        "dosageInstruction": [_dosage(item, language)],
    }
    return made | _why(item, words)


def service_request(item: PlanItem, plan: Plan, words: PlanWords) -> Resource:
    """A ServiceRequest, intent proposal, status draft."""
    details = item.details or {}
    codes = [("loinc", code, "") for code in _texts(details.get("loinc"))]
    for key in _texts(details.get("variables")) or _texts(details.get("variable")):
        if key in words.dictionary:
            codes += [
                (each["system"], each["code"], each.get("display", ""))
                for each in measure(words.dictionary[key], words.language).get("coding", ())
            ]
    made = _resource("ServiceRequest", plan, item.key)
    made |= {
        "status": "draft",
        "intent": "proposal",
        "code": concept(item.text[words.language], codes),
        "subject": patient(plan.person_id),
        "authoredOn": plan.as_of.isoformat(),
    }
    if item.due_on:
        made["occurrenceDateTime"] = item.due_on.isoformat()
    return made | _why(item, words)


def target_goal(target: Target, plan: Plan, words: PlanWords) -> Resource:
    """A Goal: the variable and the range it should come to, in the variable's unit."""
    variable, language = words.dictionary[target.variable], words.language
    bounds = {"low": target.low, "high": target.high}
    reason = Reason(target.key, target.text, target.source, target.mark)
    return _resource("Goal", plan, target.key) | {
        "lifecycleStatus": "proposed",
        "description": concept(target.text[language]),
        "subject": patient(plan.person_id),
        "startDate": plan.as_of.isoformat(),
        "target": [
            {
                "measure": measure(variable, language),
                "detailRange": {
                    name: quantity(bound, variable.unit)
                    for name, bound in bounds.items()
                    if bound is not None
                },
            }
        ],
        "note": [{"text": told(reason, language)}],
    }


def issue(found: Reason | Withheld, plan: Plan, language: str) -> Resource:
    """A DetectedIssue: a contradiction or alarm, or something that was not proposed, and why."""
    if isinstance(found, Withheld):
        kind, because = "withheld", [told(each, language) for each in found.because]
    else:
        kind, because = "flag", [found.source]
    made = _resource("DetectedIssue", plan, f"{kind} {found.key}")
    made |= {
        "status": "preliminary",
        "code": concept(found.text[language], [("urn:careloop:guidance", found.key, "")]),
        "severity": "high",
        "patient": patient(plan.person_id),
        "identifiedDateTime": plan.as_of.isoformat(),
    }
    if detail := "\n".join(filter(None, because)):
        made["detail"] = detail
    return made


def risk_assessment(risk: RiskValue, plan: Plan, language: str) -> Resource:
    """A RiskAssessment of one instrument's value.

    Raises
    ------
    InputError
        If the percentage is not between 0 and 100 (ras-2).
    """
    prediction: Resource = {"outcome": concept(risk.outcome[language])}
    if risk.percent is not None:
        if not 0 <= risk.percent <= _MOST_PERCENT:
            raise InputError(
                f"{risk.key}: a probability of {risk.percent} %",
                remedy="a percentage lies between 0 and 100 (FHIR invariant ras-2)",
            )
        prediction["probabilityDecimal"] = round(risk.percent, 4)
    if risk.quality:
        prediction["qualitativeRisk"] = concept(risk.quality[language])
    if risk.horizon_y is not None:
        prediction["whenRange"] = {"low": quantity(0, "a"), "high": quantity(risk.horizon_y, "a")}
    made = _resource("RiskAssessment", plan, risk.key)
    made |= {
        "status": "preliminary" if risk.unconfirmed else "final",
        "method": concept(risk.method[language], [("urn:careloop:instrument", risk.key, "")]),
        "subject": patient(plan.person_id),
        "occurrenceDateTime": plan.as_of.isoformat(),
        "prediction": [prediction],
    }
    if risk.citation:
        made["note"] = [{"text": risk.citation}]
    return made


def _resource(kind: str, plan: Plan, key: str) -> Resource:
    parts = (plan.person_id, plan.as_of, plan.programme, plan.guideline, kind, key)
    return {"resourceType": kind, "id": str(identity(*parts))}


def _reference(resource: Mapping[str, Any]) -> Resource:
    return {"reference": f"urn:uuid:{resource['id']}", "type": resource["resourceType"]}


def _why(item: PlanItem, words: PlanWords) -> Resource:
    """`reasonCode`, `note` and guideline of an item, where there are any (FHIR has no empty)."""
    parts = {
        "reasonCode": reasons_of(item, words.language),
        "note": notes_of(item, words.names, words.language),
        "instantiatesUri": [f"urn:careloop:guideline:{item.guideline}"] if item.guideline else [],
    }
    return {name: value for name, value in parts.items() if value}


def _detail(item: PlanItem, language: str) -> Resource:
    made: Resource = {
        "code": concept(item.text[language], [("urn:careloop:guidance", item.key, "")]),
        "status": "not-started",
        "doNotPerform": False,
        "description": item.text[language],
    }
    if reasons := reasons_of(item, language):
        made["reasonCode"] = reasons
    if item.due_on:
        made["scheduledPeriod"] = {"end": item.due_on.isoformat()}
    return made


def _dosage(item: PlanItem, language: str) -> Resource:
    details = item.details or {}
    dose = details.get("dose")
    text = dose[language] if isinstance(dose, (Text, dict)) else dose
    made: Resource = {"text": str(text or item.text[language])}
    days = _number(details.get("interval_days"))
    if days is not None and days > 0:
        made["timing"] = {"repeat": {"frequency": 1, "period": days, "periodUnit": "d"}}
    if route := details.get("route"):
        made["route"] = concept(str(route))
    return made


def _name(details: Mapping[str, Any], language: str) -> str:
    name = details.get("name")
    return str(name[language]) if isinstance(name, (Text, dict)) else str(name or "")


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, date)):
        return None
    return None if isinstance(value, date) else float(value)
