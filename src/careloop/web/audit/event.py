"""Entries of the audit as FHIR R4 AuditEvent, one a line."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from careloop.web.audit.models import Entry

_TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_RESTFUL = "http://hl7.org/fhir/restful-interaction"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_ACTIONS: dict[str, tuple[str, str]] = {
    "read": ("R", "read"),
    "list": ("R", "search-type"),
    "person.read": ("R", "read"),
    "own.read": ("R", "read"),
    "person.find": ("R", "search-type"),
    "refused": ("R", "read"),
    "person.elsewhere": ("R", "search-type"),
    "person.register": ("C", "create"),
    "report.read": ("R", "read"),
    "break_glass": ("E", ""),
    "login": ("E", ""),
    "logout": ("E", ""),
    "login.failed": ("E", ""),
    "emergency.search": ("E", "search-type"),
    "audit.read": ("R", "search-type"),
    "audit.export": ("R", "search-type"),
}
"""Action of the audit → AuditEvent.action and the RESTful interaction; else an update."""
_REFUSED = frozenset({"refused", "login.failed"})
"""What did not come about: AuditEvent.outcome 4, a minor failure."""
_EXTENSION = "https://careloop.example/fhir/StructureDefinition/audit-digest"
_CHUNK = 2000


def audit_event(entry: Entry) -> dict[str, Any]:
    """One entry as a FHIR R4 AuditEvent; `id` is its number in the chain.

    Persons are told by their public id. The digest stands beside, so that an export can be
    compared with the chain it came from.
    """
    action, interaction = _ACTIONS.get(entry.action, ("U", "update"))
    agent: dict[str, Any] = {
        "who": {"identifier": {"value": entry.username or "-"}},
        "requestor": True,
    }
    if entry.role:
        agent["role"] = [{"text": entry.role}]
    if entry.organisation_path:
        agent["location"] = {"display": entry.organisation_path}
    if entry.address:
        agent["network"] = {"address": entry.address, "type": "2"}
    subtypes = [{"code": entry.action, "system": "urn:careloop:audit-action"}]
    if interaction:
        subtypes.insert(0, {"system": _RESTFUL, "code": interaction})
    logs = entry.action in {"login", "login.failed", "logout"}
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(entry.number),
        "extension": [{"url": _EXTENSION, "valueString": entry.digest}],
        "type": {"system": _DICOM, "code": "110114", "display": "User Authentication"}
        if logs
        else {"system": _TYPES, "code": "rest", "display": "RESTful Operation"},
        "subtype": subtypes,
        "action": action,
        "recorded": entry.at.astimezone(UTC).isoformat(),
        "outcome": "4" if entry.action in _REFUSED else "0",
        "agent": [agent],
        "source": {"observer": {"display": "careloop"}},
    }
    entities = [
        {
            "what": {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{each}"}},
            "type": {
                "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type",
                "code": "1",
                "display": "Person",
            },
            "role": {
                "system": "http://terminology.hl7.org/CodeSystem/object-role",
                "code": "1",
                "display": "Patient",
            },
        }
        for each in filter(None, entry.residents.split(","))
    ]
    if entry.detail:
        details = [
            {"type": str(name), "valueString": _text(value)}
            for name, value in entry.detail.items()
            if _text(value)
        ]
        if details:
            entities = [*entities, {"what": {"display": "detail"}, "detail": details}]
    if entities:
        event["entity"] = entities
    return event


def write_events(file: Path, *, since: date | None = None, until: date | None = None) -> int:
    """Write the entries of these days (the site's own; both included); returns how many."""
    entries = Entry.objects.order_by("number")
    if since is not None:
        entries = entries.filter(at__gte=_midnight(since))
    if until is not None:
        entries = entries.filter(at__lt=_midnight(until + timedelta(days=1)))
    count = 0
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for entry in entries.iterator(chunk_size=_CHUNK):
            line = json.dumps(audit_event(entry), ensure_ascii=False, separators=(",", ":"))
            out.write(f"{line}\n")
            count += 1
    return count


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
