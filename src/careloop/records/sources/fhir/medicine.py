"""MedicationRequest and MedicationStatement: which drugs a person is on, from when until when.

A prescription says what was meant, not what was swallowed; it is the best that most senders have.
It begins when it was written. It ends where the sender says so: by the dosage's bounds, else the
validity of the prescription, else (once completed) the supply that was ordered. One that has been
stopped without any of these counts for the day it was written and never as current afterwards:
"still on alendronate" must not rest on a prescription known to be stopped.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from careloop.records.sources.fhir import finding
from careloop.records.sources.fhir.account import (
    FACT,
    NO_CODE,
    NOT_TAKEN,
    NotTakenError,
    rejected,
)
from careloop.records.sources.fhir.code import Target, choose, codings_of, texts_of
from careloop.records.sources.fhir.condition import yes_or_no
from careloop.records.sources.fhir.document import Resource
from careloop.records.sources.fhir.intake import Intake
from careloop.records.sources.fhir.observation import measured

REQUEST_STATUSES = {
    "active": "final",
    "completed": "final",
    "stopped": "final",
    "on-hold": "final",
    "entered-in-error": "entered_in_error",
    "cancelled": "",
    "draft": "",
    "unknown": "",
}
STATEMENT_STATUSES = {
    "active": "final",
    "completed": "final",
    "stopped": "final",
    "on-hold": "final",
    "not-taken": "final",
    "entered-in-error": "entered_in_error",
    "intended": "",
    "unknown": "",
}
_OVER = ("completed", "stopped", "on-hold")
_INTENTS = (None, "order", "original-order", "reflex-order", "filler-order", "instance-order")
_DAYS = {"h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25}
_LONGEST_DAYS = 40 * 365.25


def read_request(intake: Intake, resource: Resource) -> str:
    """Read a MedicationRequest: yes from when it was written until it ends."""
    targets, words = _drugs(intake, resource, "MedicationRequest")
    if not targets:
        return NO_CODE
    status = intake.status(resource, REQUEST_STATUSES)
    intent = resource.get("intent")
    if intent not in _INTENTS:
        raise NotTakenError(f"{NOT_TAKEN}intent is not an order")
    if resource.get("doNotPerform") is True:
        raise NotTakenError(f"{NOT_TAKEN}do not perform")
    person = intake.person(resource)
    text = resource.get("authoredOn")
    written = intake.moment(text) if text else intake.updated(resource)
    start = _bound(intake, resource, "start") or written
    if start is None:
        raise rejected("no date", finding.NO_TIME)
    if start.date() > intake.today:
        raise rejected("date in the future", finding.FUTURE, f"{start:%Y-%m-%d}")
    over = resource.get("status") in _OVER
    until = intake.end(start, _request_end(intake, resource, start, over=over), over=over)
    for target in targets:
        intake.add(
            person,
            target.variable,
            number=1.0,
            effective=start,
            recorded=written,
            until=until,
            status=status,
            raw=words,
        )
    return FACT


def read_statement(intake: Intake, resource: Resource) -> str:
    """Read a MedicationStatement: yes over its period, no where it says "not taken"."""
    targets, words = _drugs(intake, resource, "MedicationStatement")
    if not targets:
        return NO_CODE
    status = intake.status(resource, STATEMENT_STATUSES)
    person = intake.person(resource)
    asserted = intake.recorded(resource.get("dateAsserted"))
    start, said = _effective(intake, resource, asserted)
    start = start or asserted or intake.updated(resource)
    if start is None:
        raise rejected("no date", finding.NO_TIME)
    taken = resource.get("status") != "not-taken"
    over = resource.get("status") in _OVER
    until = intake.end(start, said, over=over) if taken else None
    for target in targets:
        intake.add(
            person,
            target.variable,
            number=1.0 if taken else 0.0,
            effective=start,
            recorded=asserted,
            until=until,
            status=status,
            raw=words,
        )
    return FACT


def _drugs(intake: Intake, resource: Resource, kind: str) -> tuple[list[Target], str | None]:
    """What the drug means in the dictionary, and its name; counts it if nothing."""
    concepts = [resource.get("medicationCodeableConcept")]
    pointer = resource.get("medicationReference")
    if isinstance(pointer, dict):
        concepts = _medication(intake, resource, pointer)
    targets: dict[str, Target] = {}
    for concept in concepts:
        found = yes_or_no(measured(intake.book.of_concept(concept)))
        for target in choose(found, texts_of(concept)):
            targets.setdefault(target.variable.key, target)
    if not targets:
        for concept in concepts:
            intake.account.unmapped(kind, codings_of(concept))
    words = next((text for concept in concepts for text in texts_of(concept)), None)
    return list(targets.values()), words


def _medication(intake: Intake, resource: Resource, pointer: dict[str, Any]) -> list[Any]:
    """The concepts of a Medication referred to: its own code and its ingredients'."""
    reference = pointer.get("reference")
    found = intake.held(resource, reference) if isinstance(reference, str) else None
    if found is None:
        raise rejected("medication not found", finding.MEDICATION_UNKNOWN, reference)
    ingredients = found.get("ingredient")
    return [
        found.get("code"),
        *(
            each.get("itemCodeableConcept")
            for each in (ingredients if isinstance(ingredients, list) else [])
            if isinstance(each, dict) and each.get("isActive") is not False
        ),
    ]


def _effective(
    intake: Intake, resource: Resource, asserted: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Start and end of a MedicationStatement, as far as said."""
    if text := resource.get("effectiveDateTime"):
        return intake.moment(text, asserted), None
    period = resource.get("effectivePeriod")
    if not isinstance(period, dict):
        return None, None
    start, end = period.get("start"), period.get("end")
    said = intake.date(end) if end else None
    if start:
        return intake.moment(start, asserted), said
    return (said if said and said.date() <= intake.today else None), said


def _request_end(
    intake: Intake, resource: Resource, start: datetime, *, over: bool
) -> datetime | None:
    """The end of a prescription by what it says, the most certain first."""
    if bound := _bound(intake, resource, "end"):
        return bound
    durations = [
        repeat.get("boundsDuration") for repeat in _repeats(resource) if isinstance(repeat, dict)
    ]
    days = [found for each in durations if (found := _days(each)) is not None]
    if days:
        return start + timedelta(days=max(days))
    dispense = resource.get("dispenseRequest")
    if not isinstance(dispense, dict):
        return None
    validity = dispense.get("validityPeriod")
    if isinstance(validity, dict) and (text := validity.get("end")):
        return intake.date(text)
    supply = _days(dispense.get("expectedSupplyDuration"))
    if supply is None or not over:
        return None  # active beyond its supply: the sender says it goes on
    repeats = dispense.get("numberOfRepeatsAllowed")
    times = 1 + (repeats if isinstance(repeats, int) and 0 <= repeats <= 100 else 0)
    return start + timedelta(days=min(supply * times, _LONGEST_DAYS))


def _bound(intake: Intake, resource: Resource, side: str) -> datetime | None:
    """The earliest start or the latest end of the dosages' `boundsPeriod`s."""
    found = []
    for repeat in _repeats(resource):
        bounds = repeat.get("boundsPeriod")
        text = bounds.get(side) if isinstance(bounds, dict) else None
        if text:
            found.append(intake.date(text))
        elif side == "end":
            return None  # one dosage without an end goes on
    if not found:
        return None
    return min(found) if side == "start" else max(found)


def _repeats(resource: Resource) -> list[dict[str, Any]]:
    dosages = resource.get("dosageInstruction")
    repeats = []
    for dosage in dosages if isinstance(dosages, list) else []:
        timing = dosage.get("timing") if isinstance(dosage, dict) else None
        repeat = timing.get("repeat") if isinstance(timing, dict) else None
        repeats.append(repeat if isinstance(repeat, dict) else {})
    return repeats


def _days(duration: Any) -> float | None:
    """A Duration in days, by UCUM h, d, wk, mo, a."""
    value = duration.get("value") if isinstance(duration, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        return None
    factor = _DAYS.get(duration.get("code") or duration.get("unit"))
    days = value * factor if factor else None
    return days if days is not None and days <= _LONGEST_DAYS else None
