"""CDS Hooks 2.0 as plain functions: discovery, answers to a hook, feedback, CORS.

A request goes in as parsed JSON and an answer comes out as plain dictionaries; no web framework and
no network. Prefetched resources become facts, facts a snapshot, and a plan is made of it by the
function the `Desk` was given. Nothing here writes a patient's value anywhere.

**Reference.** HL7 CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0/); hooks patient-view 1.0,
order-select 1.0, order-sign 1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text
from careloop.error import CareloopError
from careloop.guidance.card import Answer, Considered, plan_cards
from careloop.guidance.draft import Draft, drafts, with_drafts
from careloop.guidance.fhir import PlanWords
from careloop.guidance.guidance import Guidance
from careloop.guidance.order_card import order_cards
from careloop.records.derived import inputs_of
from careloop.records.reading import ImportReport
from careloop.records.sources.fhir.code import CodeBook
from careloop.records.sources.fhir.reading import read_resources

HOOKS = ("patient-view", "order-select", "order-sign")
_TITLES = (
    Text("指南建议", "plan by guideline"),
    Text("选药核对", "check of the selection"),
    Text("签署前核对", "check before signing"),
)
_CHECKED = Text(
    "核对所开药物的禁忌、相互作用与用药前检查",
    "hard stops, interactions and checks of the medicines ordered",
)
_DESCRIPTIONS = (
    Text(
        "按指南给出风险分层、用药、检查与随访建议及理由",
        "risk class, medicines, tests and follow-up by guideline, with reasons",
    ),
    _CHECKED,
    _CHECKED,
)
_PATIENT = "{{context.patientId}}"
_RESOURCES = 20_000
"""Most resources read of one request."""
_DRAFTED = "\nwith drafts"


class HookError(CareloopError):
    """A request that cannot be answered: HTTP status and a message without any patient's value."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        """The error as JSON for the client."""
        return {"error": self.message}


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS service: which hook calls it and what it wants prefetched."""

    id: str
    hook: str
    title: str
    description: str
    prefetch: Mapping[str, str]


Consider = Callable[[pl.DataFrame, date], Mapping[str, Considered]]
"""From facts of some people and a date to what was found and planned for each."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering needs, made once and kept."""

    guidance: Guidance
    guideline: str
    book: CodeBook
    consider: Consider
    words: Callable[[str], PlanWords]
    """From a language to words and codes."""
    today: Callable[[], date]


def services(
    programme: str, name: Text, reads: Iterable[str], dictionary: Dictionary
) -> tuple[Service, ...]:
    """The three services of a programme.

    Parameters
    ----------
    programme
        Its key, the beginning of every service's id.
    name
        What its disease is called.
    reads
        Variables that the programme and its guidance read: their LOINC codes are asked for.
    dictionary
        Holds the codes.
    """
    prefetch = _prefetch(reads, dictionary)
    return tuple(
        Service(
            id=f"{programme}-{hook}",
            hook=hook,
            title=f"{name.zh}：{title.zh} / {name.en}: {title.en}",
            description=f"{what.zh} / {what.en}",
            prefetch=prefetch,
        )
        for hook, title, what in zip(HOOKS, _TITLES, _DESCRIPTIONS, strict=True)
    )


def discovery(offered: Iterable[Service]) -> dict[str, Any]:
    """The answer to `GET {base}/cds-services`."""
    return {
        "services": [
            {
                "hook": each.hook,
                "id": each.id,
                "title": each.title,
                "description": each.description,
                "prefetch": dict(each.prefetch),
                "usageRequirements": (
                    "Needs the prefetched Patient; does not call back to the FHIR server. "
                    "Proposals only: nothing is ordered."
                ),
            }
            for each in offered
        ]
    }


def respond(
    request: object, service: Service, desk: Desk, *, language: str = "zh"
) -> dict[str, Any]:
    """Answer a hook.

    Parameters
    ----------
    request
        The request's JSON, parsed.
    service
        The service that was called.
    desk
        Guidance and the function that considers a person.
    language
        "zh" or "en"; the request's extension `careloop-language` goes before it.

    Returns
    -------
    dict
        `{"cards": […]}`; every card has a uuid that is the same for the same `hookInstance`.

    Raises
    ------
    HookError
        400 for a request that breaks the specification, 412 where the Patient was not prefetched.
    """
    asked = _checked(request, service)
    person_id = _patient_id(asked["context"])
    language = _language(asked, language)
    resources, absent = _prefetched(asked, service)
    orders = _orders(asked["context"], service.hook)
    today = desk.today()
    facts, report = read_resources(resources, desk.book, today=today)
    facts = facts.filter(pl.col("person_id") == person_id)
    if facts.is_empty():
        raise HookError(412, "the prefetched Patient is not the one of context.patientId")
    drafted = drafts(orders, desk.guidance, desk.book.dictionary) if orders else []
    before, after = _considered(facts, drafted, desk, person_id=person_id, today=today)
    answer = Answer(
        instance=asked["hookInstance"],
        guidance=desk.guidance,
        guideline=desk.guidance.guideline(desk.guideline),
        words=desk.words(language),
    )
    if service.hook == "patient-view":
        cards = plan_cards(before, answer, absent=absent, unread=_unread(report))
    else:
        cards = order_cards(before, after, drafted, answer)
    return {"cards": cards}


def language_of(accept_language: str | None) -> str:
    """The language that an Accept-Language header prefers: "zh" unless English stands before it.

    Examples
    --------
    >>> language_of("en-US,en;q=0.9,zh;q=0.5"), language_of("fr, zh-CN;q=0.8"), language_of(None)
    ('en', 'zh', 'zh')
    """
    best, chosen = 0.0, "zh"
    for part in (accept_language or "").split(","):
        tag, _, weight = part.strip().lower().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        name = tag.split("-")[0]
        if name in {"zh", "en"} and quality > best:
            best, chosen = quality, name
    return chosen


def cors_headers(origin: str | None, allowed: Iterable[str]) -> dict[str, str]:
    """CORS headers for an origin: none unless it is allowed (`"*"` allows all)."""
    permitted = set(allowed)
    if not origin or not ({origin, "*"} & permitted):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept-Language",
        "Access-Control-Expose-Headers": "Content-Type, Location",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def _prefetch(reads: Iterable[str], dictionary: Dictionary) -> dict[str, str]:
    known = [name for name in reads if name in dictionary]
    wanted = inputs_of(known, dictionary)
    loinc = dict.fromkeys(
        code.code
        for key in dictionary
        if key in wanted
        for code in dictionary[key].codes
        if code.system == "loinc"
    )
    codes = ",".join(f"http://loinc.org|{code}" for code in loinc)
    return {
        "patient": f"Patient/{_PATIENT}",
        "observations": f"Observation?patient={_PATIENT}&code={codes}",
        "conditions": f"Condition?patient={_PATIENT}",
        "medicationRequests": f"MedicationRequest?patient={_PATIENT}",
        "medicationStatements": f"MedicationStatement?patient={_PATIENT}",
    }


def _checked(request: object, service: Service) -> dict[str, Any]:
    """The request, if it is one of CDS Hooks 2.0 for this service."""
    if not isinstance(request, dict):
        raise HookError(400, "the request is no JSON object")
    if request.get("hook") != service.hook:
        raise HookError(400, f"`hook` must be {service.hook} for this service")
    try:
        UUID(str(request.get("hookInstance")))
    except ValueError:
        raise HookError(400, "`hookInstance` must be a UUID") from None
    context = request.get("context")
    if not isinstance(context, dict):
        raise HookError(400, "`context` must be an object")
    for name in ("userId", "patientId"):
        if not isinstance(context.get(name), str) or not context[name]:
            raise HookError(400, f"`context.{name}` must be a string")
    for name in ("prefetch", "extension", "fhirAuthorization"):
        if not isinstance(request.get(name, {}), dict):
            raise HookError(400, f"`{name}` must be an object")
    if not isinstance(request.get("fhirServer", ""), str):
        raise HookError(400, "`fhirServer` must be a URL")
    if "fhirAuthorization" in request and "fhirServer" not in request:
        raise HookError(400, "`fhirAuthorization` needs `fhirServer`")
    return request


def _patient_id(context: Mapping[str, Any]) -> str:
    found = str(context["patientId"]).removeprefix("Patient/")
    if not found or len(found) > 256:
        raise HookError(400, "`context.patientId` is no id")
    return found


def _language(request: Mapping[str, Any], otherwise: str) -> str:
    said = request.get("extension", {}).get("careloop-language")
    chosen = said if isinstance(said, str) else otherwise
    return "en" if chosen.lower().startswith("en") else "zh"


def _prefetched(
    request: Mapping[str, Any], service: Service
) -> tuple[list[tuple[dict[str, Any], str]], list[str]]:
    """Every prefetched resource, and the templates that the client did not resolve."""
    prefetch = request.get("prefetch", {})
    found: list[tuple[dict[str, Any], str]] = []
    absent = []
    for name in service.prefetch:
        resource = prefetch.get(name)
        if resource is None or _kind(resource) == "OperationOutcome":
            absent.append(name)
        elif not isinstance(resource, dict) or not _kind(resource):
            raise HookError(400, f"`prefetch.{name}` is no FHIR resource")
        elif _kind(resource) == "Bundle":
            found += _entries(resource, f"prefetch.{name}")
        else:
            found.append((resource, ""))
    if _kind(prefetch.get("patient")) != "Patient":
        raise HookError(412, "the Patient was not prefetched, and this service does not fetch it")
    if len(found) > _RESOURCES:
        raise HookError(413, f"more than {_RESOURCES:,} resources")
    return found, absent


def _entries(bundle: Mapping[str, Any], where: str) -> list[tuple[dict[str, Any], str]]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise HookError(400, f"`{where}.entry` must be a list")
    return [
        (entry["resource"], str(entry.get("fullUrl") or ""))
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
    ]


def _orders(context: Mapping[str, Any], hook: str) -> list[dict[str, Any]]:
    """The draft orders to judge: all of order-sign, the selected ones of order-select."""
    if hook == "patient-view":
        return []
    bundle = context.get("draftOrders")
    if _kind(bundle) != "Bundle":
        raise HookError(400, "`context.draftOrders` must be a Bundle")
    orders = [resource for resource, _ in _entries(bundle or {}, "context.draftOrders")]
    if hook != "order-select":
        return orders
    selections = context.get("selections")
    if not isinstance(selections, list) or not all(isinstance(one, str) for one in selections):
        raise HookError(400, "`context.selections` must be a list of references")
    return [
        each
        for each in orders
        if f"{_kind(each)}/{each.get('id')}" in selections or _kind(each) == "Medication"
    ]


def _considered(
    facts: pl.DataFrame, drafted: list[Draft], desk: Desk, *, person_id: str, today: date
) -> tuple[Considered, Considered]:
    """The person as known, and as if the drafts were taken: two rows of one table."""
    if not drafted:
        found = desk.consider(facts, today)
        return found[person_id], found[person_id]
    other = with_drafts(facts, drafted, person_id + _DRAFTED, today)
    found = desk.consider(pl.concat([facts, other], how="diagonal_relaxed"), today)
    return found[person_id], found[person_id + _DRAFTED]


def _unread(report: ImportReport) -> int:
    """How many medicine entries carry a code that the dictionary does not have."""
    return sum(
        count
        for (kind, _, _), count in report.unmapped_codes.items()
        if kind in ("MedicationRequest", "MedicationStatement")
    )


def _kind(resource: object) -> str:
    if not isinstance(resource, dict):
        return ""
    kind = resource.get("resourceType")
    return kind if isinstance(kind, str) else ""
