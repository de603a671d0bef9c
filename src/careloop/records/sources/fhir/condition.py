"""Condition, Procedure and FamilyMemberHistory: what happened to a person or a parent.

Each makes yes of a boolean variable. None ever makes no: a refuted diagnosis refutes one episode,
and a list of diseases without a disease does not deny it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from careloop.records.sources.fhir import finding
from careloop.records.sources.fhir.account import (
    FACT,
    NO_CODE,
    NOT_TAKEN,
    NOTHING_KNOWN,
    NotTakenError,
    rejected,
)
from careloop.records.sources.fhir.code import RELATIONS, Target, choose, codings_of, texts_of
from careloop.records.sources.fhir.document import Resource
from careloop.records.sources.fhir.intake import Intake
from careloop.records.sources.fhir.observation import measured
from careloop.records.sources.fhir.time import years_later

PROCEDURE_STATUSES = {
    "completed": "final",
    "in-progress": "final",
    "entered-in-error": "entered_in_error",
    "preparation": "",
    "not-done": "",
    "on-hold": "",
    "stopped": "",
    "unknown": "",
}
FAMILY_STATUSES = {
    "completed": "final",
    "partial": "final",
    "entered-in-error": "entered_in_error",
    "health-unknown": "",
}
_VERIFIED = {"confirmed": "final", "entered-in-error": "entered_in_error"}
_UNVERIFIED = ("refuted", "unconfirmed", "provisional", "differential")
_OVER = ("inactive", "remission", "resolved")
_MOTHER = ("MTH", "NMTH", "72705000")
_FATHER = ("FTH", "NFTH", "66839005")
_PARENT = ("PRN", "NPRN", "40683002")
"""HL7 v3 RoleCode and SNOMED CT; step, foster and adoptive parents are no blood relatives."""
_YEARS = {"a": 1.0, "mo": 1 / 12, "wk": 7 / 365.25, "d": 1 / 365.25}


def read_condition(intake: Intake, resource: Resource) -> str:
    """Read a Condition: yes from its onset until its abatement."""
    code = resource.get("code")
    targets = yes_or_no(measured(intake.book.of_concept(code)))
    values = intake.book.valued(code)
    if values:  # "smokes daily" is a value of the smoking status, which later values can change
        targets = [target for target in targets if target.variable.memory != "latest"]
    if not targets and not values:
        intake.account.unmapped("Condition", codings_of(code))
        return NO_CODE
    status = _verification(resource)
    person = intake.person(resource)
    recorded = intake.recorded(resource.get("recordedDate"))
    onset = _when(intake, resource, "onset", recorded) or recorded or intake.updated(resource)
    if onset is None:
        raise rejected("no date", finding.NO_TIME)
    over = _first_code(resource.get("clinicalStatus")) in _OVER
    until = intake.end(onset, _abatement(intake, resource), over=over)
    words = next(iter(texts_of(code)), None)
    mark = len(intake.rows)
    for target in meant(targets, code, *_sites(resource)) if targets else []:
        variable = target.variable
        if variable.memory == "latest" and until:
            continue  # a yes without an end would stand for ever
        intake.add(
            person,
            variable,
            number=1.0,
            effective=onset,
            recorded=recorded,
            until=until,
            status=status,
            raw=words,
        )
    for variable, value in [] if until else values:
        intake.add(
            person,
            variable,
            text=value,
            effective=onset,
            recorded=recorded,
            status=status,
            raw=words,
        )
    if len(intake.rows) == mark:
        raise NotTakenError(f"{NOT_TAKEN}over")
    return FACT


def read_procedure(intake: Intake, resource: Resource) -> str:
    """Read a Procedure: yes on the day it began."""
    code = resource.get("code")
    targets = yes_or_no(measured(intake.book.of_concept(code)))
    if not targets:
        intake.account.unmapped("Procedure", codings_of(code))
        return NO_CODE
    status = intake.status(resource, PROCEDURE_STATUSES)
    person = intake.person(resource)
    performed = _when(intake, resource, "performed", None) or intake.updated(resource)
    if performed is None:
        raise rejected("no date", finding.NO_TIME)
    words = next(iter(texts_of(code)), None)
    for target in meant(targets, code, *_sites(resource)):
        intake.add(
            person, target.variable, number=1.0, effective=performed, status=status, raw=words
        )
    return FACT


def read_family(intake: Intake, resource: Resource) -> str:
    """Read a FamilyMemberHistory: a parent's diseases, by codes that ask for the relation."""
    relations = _relations(resource.get("relationship"))
    found = []
    for condition in resource.get("condition") or [] if relations else []:
        code = condition.get("code")
        targets = [each for each in intake.book.of_concept(code) if each.qualifier in RELATIONS]
        if not targets:
            intake.account.unmapped("FamilyMemberHistory", codings_of(code))
        said = set(relations)
        if "mother" in said and (_years(condition.get("onsetAge")) or 0.0) >= 50.0:
            said.add("mother after 50")
        words = next(iter(texts_of(code)), None)
        found += [(each.variable, words) for each in targets if each.qualifier in said]
    if not found:
        return NOTHING_KNOWN
    status = intake.status(resource, FAMILY_STATUSES)
    person = intake.person(resource)
    known = intake.updated(resource)
    if text := resource.get("date"):
        known = intake.moment(text, known)
    if known is None:
        raise rejected("no date", finding.NO_TIME)
    for variable, words in found:
        intake.add(person, variable, number=1.0, effective=known, status=status, raw=words)
    return FACT


def yes_or_no(targets: list[Target]) -> list[Target]:
    """The targets whose variable is boolean; the only ones an event can set."""
    return [target for target in targets if target.variable.kind == "boolean"]


def meant(targets: list[Target], code: Any, *sites: Any) -> list[Target]:
    """The targets that the code's and the sites' words lead to (NotTakenError if none)."""
    said = [*texts_of(code), *(text for site in sites for text in texts_of(site))]
    chosen = choose(targets, said)
    if not chosen:
        keys = ", ".join(target.variable.key for target in targets)
        raise rejected("site", finding.SITE_NEEDED, "; ".join(said), keys)
    return chosen


def _verification(resource: Resource) -> str:
    """The fact status; NotTakenError for what is not (yet) a diagnosis."""
    said = _first_code(resource.get("verificationStatus")) or "confirmed"
    if said in _UNVERIFIED:
        raise NotTakenError(f"{NOT_TAKEN}{said}")
    status = _VERIFIED.get(said)
    if status is None:
        raise rejected("status not known", finding.MALFORMED, said, "verificationStatus")
    return status


def _first_code(concept: Any) -> str:
    codings = codings_of(concept)
    return codings[0][1] if codings else ""


def _when(
    intake: Intake, resource: Resource, name: str, known_at: datetime | None
) -> datetime | None:
    """`onset…` or `performed…` as a moment: dateTime, the start of a Period, or an Age."""
    if text := resource.get(f"{name}DateTime"):
        return intake.moment(text, known_at)
    period = resource.get(f"{name}Period")
    if isinstance(period, dict) and (text := period.get("start") or period.get("end")):
        return intake.moment(text, known_at)
    at = _at_age(intake, resource, f"{name}Age")
    return min(at, known_at) if at and known_at else at


def _abatement(intake: Intake, resource: Resource) -> datetime | None:
    if text := resource.get("abatementDateTime"):
        return intake.date(text)
    period = resource.get("abatementPeriod")
    if isinstance(period, dict) and (text := period.get("end") or period.get("start")):
        return intake.date(text)
    return _at_age(intake, resource, "abatementAge")


def _at_age(intake: Intake, resource: Resource, name: str) -> datetime | None:
    """The last day of an age, if the birth date is in the file; never after today."""
    years = _years(resource.get(name))
    born = intake.birth_date(resource) if years is not None else None
    if years is None or born is None:
        return None
    at = years_later(born, years)
    return at if at.date() <= intake.today else None


def _sites(resource: Resource) -> list[Any]:
    sites = resource.get("bodySite")
    return sites if isinstance(sites, list) else []


def _years(age: Any) -> float | None:
    """An Age in years; FHIR allows UCUM a, mo, wk, d."""
    value = age.get("value") if isinstance(age, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e5:
        return None
    factor = _YEARS.get(age.get("code") or age.get("unit") or "a")
    years = value * factor if factor else None
    return years if years is not None and years <= 150 else None


def _relations(relationship: Any) -> set[str]:
    codes = {code for _, code, _ in codings_of(relationship)}
    mother = bool(codes.intersection(_MOTHER))
    father = bool(codes.intersection(_FATHER))
    said = {"mother"} if mother else set()
    said |= {"father"} if father else set()
    return said | ({"parent"} if mother or father or codes.intersection(_PARENT) else set())
