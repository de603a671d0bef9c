"""Observation and DiagnosticReport: measured values, their components and body sites."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from careloop.dictionary.variable import Variable
from careloop.records.sources.fhir import finding
from careloop.records.sources.fhir.account import (
    COMPONENTS,
    FACT,
    IN_RESULTS,
    NO_CODE,
    NOTHING_KNOWN,
    NotTakenError,
    rejected,
)
from careloop.records.sources.fhir.code import (
    RELATIONS,
    Target,
    choose,
    codings_of,
    plain,
    sites_named,
    texts_of,
)
from careloop.records.sources.fhir.document import Resource
from careloop.records.sources.fhir.intake import Intake
from careloop.records.sources.fhir.value import ValueReader

COMPONENT = "Observation.component"
CONTAINED = "Observation (contained)"
STATUSES = {
    "final": "final",
    "amended": "final",
    "corrected": "final",
    "appended": "final",
    "entered-in-error": "entered_in_error",
    "registered": "",
    "partial": "",
    "preliminary": "",
    "cancelled": "",
    "unknown": "",
}
"""A preliminary value makes no fact: the final one follows and would stand beside it for ever."""
_SIDES = (
    ("left", "7771000", re.compile(r"\bleft\b|左", re.IGNORECASE)),
    ("right", "24028007", re.compile(r"\bright\b|右", re.IGNORECASE)),
)
_POPULATIONS = ("snomed.info/sct", "v3-Race", "v3-Ethnicity", "referencerange-appliesto")
"""Systems that say whom a reference range is for, not which database it comes from."""


class _Common(NamedTuple):
    """What an Observation's own value and its components share."""

    person: str
    effective: datetime
    recorded: datetime | None
    status: str
    resource: Resource


class _Said(NamedTuple):
    """What an Observation or component says about what was measured."""

    code: Any
    names: list[str]
    site: list[str]


class ObservationReader:
    """Reads Observations, and the DiagnosticReports that gather them."""

    def __init__(self, intake: Intake) -> None:
        self._values = ValueReader(intake)

    def read(self, intake: Intake, resource: Resource) -> str:
        """Read one Observation: its value, its components, or both."""
        code = resource.get("code")
        targets = measured(intake.book.of_concept(code))
        components = resource.get("component")
        if not targets and not components:
            intake.account.unmapped("Observation", codings_of(code))
            return NO_CODE
        recorded = intake.recorded(resource.get("issued"))
        status = intake.status(resource, STATUSES)
        person = intake.person(resource)
        effective = _effective(intake, resource, recorded)
        common = _Common(person, effective, recorded, status, resource)
        failure: NotTakenError | None = None
        if targets:
            try:
                self._take(intake, common, targets, resource)
            except NotTakenError as error:
                failure = error
        within = self._components(intake, common, components) if components else False
        if targets and failure is None:
            return FACT
        if within:
            return COMPONENTS
        if failure:
            raise failure
        intake.account.unmapped("Observation", codings_of(code))
        return NO_CODE

    def _components(self, intake: Intake, common: _Common, components: Any) -> bool:
        """Read each component, counted by itself; whether any made a fact."""
        any_taken = False
        for component in components:
            targets = measured(intake.book.of_concept(component.get("code")))
            outcome = FACT if targets else NO_CODE
            if targets:
                try:
                    self._take(intake, common, targets, component)
                    any_taken = True
                except NotTakenError as error:
                    outcome = error.outcome
                    if error.code:
                        intake.find(error.code, error.value, error.detail)
            else:
                intake.account.unmapped(COMPONENT, codings_of(component.get("code")))
            intake.account.count(COMPONENT, outcome)
        return any_taken

    def _take(
        self, intake: Intake, common: _Common, targets: list[Target], holder: dict[str, Any]
    ) -> None:
        """Make facts of the value in `holder`; NotTakenError if none of the targets takes it."""
        code, chosen = holder.get("code"), targets
        said = _Said(code, texts_of(code), _site_words(common.resource.get("bodySite")))
        if said.site or len(targets) > 1 or targets[0].qualifier:
            words = [*said.names, *said.site]
            chosen = choose(targets, words)
            if not chosen:
                keys = ", ".join(target.variable.key for target in targets)
                raise rejected("site", finding.SITE_NEEDED, "; ".join(words), keys)
        failure: NotTakenError | None = None
        taken = False
        for target in chosen:
            variable = target.variable
            try:
                number, text, raw = self._values.read(variable, holder)
                if target.sites:
                    _check_site(intake, target, said)
            except NotTakenError as error:
                failure = error
                continue
            taken = True
            intake.add(
                common.person,
                variable,
                effective=common.effective,
                recorded=common.recorded,
                number=number,
                text=text,
                raw=raw,
                status=common.status,
                context=_context(intake, variable, common.resource) if variable.context else None,
            )
        if failure and not taken:
            raise failure

    def read_report(self, intake: Intake, resource: Resource) -> str:
        """Read a DiagnosticReport: coded conclusions and Observations contained in it.

        The results it refers to are Observations of the file and are read where they stand.
        """
        contained = resource.get("contained")
        for inner in contained if isinstance(contained, list) else []:
            if isinstance(inner, dict) and inner.get("resourceType") == "Observation":
                intake.account.count(CONTAINED, self._inner(intake, resource, inner))
        status = intake.status(resource, STATUSES)
        taken = False
        for concept in resource.get("conclusionCode") or []:
            for target in choose(measured(intake.book.of_concept(concept)), texts_of(concept)):
                if target.variable.kind == "boolean":
                    person = intake.person(resource)
                    recorded = intake.recorded(resource.get("issued"))
                    intake.add(
                        person,
                        target.variable,
                        number=1.0,
                        effective=_effective(intake, resource, recorded),
                        recorded=recorded,
                        status=status,
                        raw=next(iter(texts_of(concept)), None),
                    )
                    taken = True
        if taken:
            return FACT
        return IN_RESULTS if resource.get("result") else NOTHING_KNOWN

    def _inner(self, intake: Intake, report: Resource, inner: Resource) -> str:
        """Read an Observation contained in a report, which says what it leaves out itself."""
        shared = ("subject", "effectiveDateTime", "effectivePeriod", "issued", "status")
        mark = len(intake.rows)
        try:
            return self.read(
                intake, {name: report[name] for name in shared if name in report} | inner
            )
        except NotTakenError as error:
            del intake.rows[mark:]
            if error.code:
                intake.find(error.code, error.value, error.detail)
            return error.outcome


def measured(targets: tuple[Target, ...]) -> list[Target]:
    """The targets that speak of the person, not of a relative."""
    return [target for target in targets if target.qualifier not in RELATIONS]


def _effective(intake: Intake, resource: Resource, recorded: datetime | None) -> datetime:
    """When the value was true of the person; of a period its end."""
    text = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    if not text and isinstance(period := resource.get("effectivePeriod"), dict):
        text = period.get("end") or period.get("start")
    if not text and isinstance(timing := resource.get("effectiveTiming"), dict):
        events = timing.get("event")
        text = events[-1] if isinstance(events, list) and events else None
    if text:
        return intake.moment(text, recorded)
    known = recorded or intake.updated(resource)
    if known is None:
        raise rejected("no date", finding.NO_TIME)
    return known


def _check_site(intake: Intake, target: Target, said: _Said) -> None:
    """Hold the sender's words against the site that the code stands for.

    Words that name no site are pointed out; words that name another are a contradiction, and the
    value is not taken: nobody can tell which of the two is wrong.
    """
    terms = ", ".join(f"{uri}|{term}" for uri, term, _ in codings_of(said.code))
    detail = f"{terms} → {target.variable.key}"
    named = [sites for texts in (said.names, said.site) if (sites := sites_named(texts))]
    if any(not sites & target.sites for sites in named):
        words = "; ".join([*said.names, *said.site])
        raise rejected("site contradicts code", finding.SITE_CONTRADICTS, words, detail)
    if not named and said.names:
        intake.find(finding.SITE_UNSAID, said.names[0], detail)


def _site_words(site: Any) -> list[str]:
    codes = [f"{uri}|{code}" for uri, code, _ in codings_of(site)]
    return [*texts_of(site), *codes]


def _context(intake: Intake, variable: Variable, resource: Resource) -> str | None:
    """The qualifiers that the variable keeps, as JSON with sorted keys; None if none is said."""
    found: dict[str, str] = {}
    for name in variable.context:
        if name in _QUALIFIERS and (value := _QUALIFIERS[name](intake, resource)):
            found[name] = value
    return _as_json(tuple(sorted(found.items()))) if found else None


@lru_cache(maxsize=4096)
def _as_json(items: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(dict(items), ensure_ascii=False, sort_keys=True)


def _side(_: Intake, resource: Resource) -> str:
    site = resource.get("bodySite")
    texts = texts_of(site)
    codes = {code for _, code, _ in codings_of(site)}
    sides = [
        side
        for side, code, word in _SIDES
        if code in codes or any(word.search(text) for text in texts)
    ]
    return sides[0] if len(sides) == 1 else ""


def _reference_db(_: Intake, resource: Resource) -> str:
    """The database of a T-score: `referenceRange.appliesTo`, a code or words."""
    ranges = resource.get("referenceRange")
    for each in ranges if isinstance(ranges, list) else []:
        for concept in (each.get("appliesTo") or []) if isinstance(each, dict) else []:
            for coding in codings_of(concept):
                if not any(system in coding[0] for system in _POPULATIONS):
                    return _slug(coding[1])
            if isinstance(concept, dict) and not concept.get("coding"):
                return _slug(next(iter(texts_of(concept)), ""))
    return ""


def _device(intake: Intake, resource: Resource) -> str:
    device = resource.get("device")
    if not isinstance(device, dict):
        return ""
    names: list[Any] = [device.get("display")]
    reference = device.get("reference")
    if isinstance(reference, str) and (found := intake.held(resource, reference)):
        listed = found.get("deviceName")
        names = [found.get("manufacturer")]
        names += [each.get("name") for each in listed] if isinstance(listed, list) else []
    for name in names:
        if isinstance(name, str) and name.strip():
            slug = _slug(name)
            return "hologic" if "hologic" in slug else slug
    return ""


_QUALIFIERS = {"side": _side, "reference_db": _reference_db, "device": _device}


def _slug(text: str) -> str:
    """`NHANES III white female` as `nhanes3_white_female`."""
    return plain(text[:100]).replace(" ", "_").replace("nhanes_iii", "nhanes3")
