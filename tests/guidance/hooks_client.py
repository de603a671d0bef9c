"""A CDS Hooks client written from the specification alone (it imports nothing of careloop).

    python tests/guidance/hooks_client.py http://127.0.0.1:8090 examples/hooks-patient.json

It discovers the services, resolves their prefetch templates against the FHIR resources of a file,
calls patient-view, and order-sign with a drafted medicine (an ATC code), and prints the cards.

Reference: HL7 CDS Hooks 2.0, https://cds-hooks.hl7.org/2.0/
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

INDICATORS = ("info", "warning", "critical")


class Client:
    """Calls one CDS Hooks base URL about the patients of an in-memory FHIR bundle."""

    def __init__(self, base: str, bundle: dict[str, Any], language: str = "zh-CN") -> None:
        self.base, self.language = base.rstrip("/"), language
        self.resources = [entry["resource"] for entry in bundle["entry"]]

    def http(self, method: str, path: str, content: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of a request (headers of the reply stay in `self.headers`)."""
        request = urllib.request.Request(
            self.base + path,
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={
                "Content-Type": "application/json",
                "Accept-Language": self.language,
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                self.headers = dict(reply.headers)
                body = reply.read()
                return reply.status, json.loads(body) if body else None
        except urllib.error.HTTPError as error:
            with error:
                self.headers = dict(error.headers)
                return error.code, json.loads(error.read())

    def discover(self) -> list[dict[str, Any]]:
        """`GET {base}/cds-services`, with what the specification requires of each service."""
        status, found = self.http("GET", "/cds-services")
        assert status == 200
        for service in found["services"]:
            assert {"hook", "description", "id"} <= service.keys()
        services: list[dict[str, Any]] = found["services"]
        return services

    def resolve(self, template: str, context: dict[str, Any]) -> dict[str, Any] | None:
        """What a FHIR server would answer to a prefetch template: a resource or a searchset."""
        for name, value in context.items():
            if isinstance(value, str):
                template = template.replace("{{context." + name + "}}", value)
        assert "{{" not in template, template
        kind, _, query = template.partition("?")
        if not query:
            kind, _, identity = template.partition("/")
            found = [each for each in self._of(kind) if each.get("id") == identity]
            return found[0] if found else None
        wanted = dict(urllib.parse.parse_qsl(query, strict_parsing=True))
        entries = [{"resource": each} for each in self._of(kind) if _matches(each, wanted)]
        return {"resourceType": "Bundle", "type": "searchset", "entry": entries}

    def call(
        self, service: dict[str, Any], context: dict[str, Any], /, **changes: Any
    ) -> tuple[int, Any]:
        """Call a service with everything prefetched; `changes` spoil the request for tests."""
        prefetch = {
            name: self.resolve(template, context)
            for name, template in service.get("prefetch", {}).items()
        }
        request = {
            "hook": service["hook"],
            "hookInstance": str(uuid.uuid4()),
            "context": context,
            "prefetch": prefetch,
        } | changes
        return self.http("POST", f"/cds-services/{service['id']}", request)

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.resources if each["resourceType"] == kind]


def _matches(resource: dict[str, Any], wanted: dict[str, str]) -> bool:
    subject = resource.get("subject") or resource.get("patient") or {}
    if subject.get("reference", "").removeprefix("Patient/") != wanted["patient"].removeprefix(
        "Patient/"
    ):
        return False
    if "code" not in wanted:
        return True
    codes = {f"{c['system']}|{c['code']}" for c in resource["code"].get("coding", ())}
    return bool(codes & set(wanted["code"].split(",")))


def check_cards(cards: list[dict[str, Any]]) -> None:
    """What CDS Hooks 2.0 requires of cards."""
    seen = set()
    for card in cards:
        assert 0 < len(card["summary"]) < 140
        assert card["indicator"] in INDICATORS
        assert card["source"]["label"]
        assert {"system", "code"} <= card["source"]["topic"].keys()
        assert str(uuid.UUID(card["uuid"])) not in seen
        seen.add(card["uuid"])
        assert "links" not in card
        if suggestions := card.get("suggestions"):
            assert card["selectionBehavior"] in ("at-most-one", "any")
            for suggestion in suggestions:
                assert suggestion["label"]
                uuid.UUID(suggestion["uuid"])
                for action in suggestion["actions"]:
                    assert action["type"] in ("create", "update", "delete")
                    assert action["description"]
                    assert action["resource"]["resourceType"]
        for reason in card.get("overrideReasons", ()):
            assert {"code", "system", "display"} <= reason.keys()


def draft(patient_id: str, atc: str, name: str = "") -> dict[str, Any]:
    """A drafted order of a medicine."""
    return {
        "resourceType": "MedicationRequest",
        "id": f"draft-{atc}",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.whocc.no/atc", "code": atc}],
            "text": name or atc,
        },
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def order_context(patient_id: str, *orders: dict[str, Any], select: bool = False) -> dict[str, Any]:
    """The context of order-sign, or of order-select with every draft selected."""
    context: dict[str, Any] = {
        "userId": "Practitioner/example",
        "patientId": patient_id,
        "draftOrders": {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": each} for each in orders],
        },
    }
    if select:
        context["selections"] = [f"{each['resourceType']}/{each['id']}" for each in orders]
    return context


def show(cards: list[dict[str, Any]]) -> str:
    """Cards as text."""
    marks = {"info": "ⓘ", "warning": "⚠", "critical": "⛔"}
    lines = []
    for card in cards:
        lines += [f"{marks[card['indicator']]} {card['summary']}", card.get("detail", "")]
        lines += [f"  → {each['label']}" for each in card.get("suggestions", ())]
        lines += [f"  — {card['source']['label']}", ""]
    return "\n".join(lines)


def main() -> None:
    """Discover, call, show."""
    base, file = sys.argv[1:3]
    atc = sys.argv[3] if len(sys.argv) > 3 else "M05BX08"
    client = Client(base, json.loads(Path(file).read_text(encoding="utf-8")))
    patient_id = client._of("Patient")[0]["id"]
    view = {"userId": "Practitioner/example", "patientId": patient_id}
    for service in client.discover():
        drafts = order_context(
            patient_id, draft(patient_id, atc), select=service["hook"] == "order-select"
        )
        context = view if service["hook"] == "patient-view" else drafts
        status, reply = client.call(service, context)
        sys.stdout.write(f"== {service['hook']}: {status}\n\n")
        if status == 200:
            check_cards(reply["cards"])
            sys.stdout.write(show(reply["cards"]) + "\n")
        else:
            sys.stdout.write(f"{reply}\n")


if __name__ == "__main__":
    main()
