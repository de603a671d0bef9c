"""Entries as FHIR AuditEvent: valid, complete, one a line, of the days asked for."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from careloop.web.audit.chain import Actor, append
from careloop.web.audit.event import audit_event, write_events
from careloop.web.audit.models import Entry

NURSE = Actor("li", "nurse", "0001.0002.", "10.0.0.7")

pytestmark = pytest.mark.django_db


@pytest.fixture
def audit_event_class():
    return pytest.importorskip("fhir.resources.R4B.auditevent").AuditEvent


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("read", "R"),
        ("list", "R"),
        ("visit.write", "U"),
        ("plan.decide", "U"),
        ("person.register", "C"),
        ("break_glass", "E"),
        ("login", "E"),
        ("login.failed", "E"),
        ("audit.export", "R"),
        ("audit.read", "R"),
        ("emergency.search", "E"),
        ("person.elsewhere", "R"),
        ("refused", "R"),
        ("something.new", "U"),
    ],
)
def test_every_entry_is_a_valid_audit_event(audit_event_class, action, code):
    persons = [uuid4(), uuid4()]
    entry = append(
        NURSE, action, persons, detail={"reason": "急诊", "numbers": [1, 2], "empty": ""}
    )
    event = audit_event(entry)
    audit_event_class.model_validate_json(json.dumps(event))
    assert event["action"] == code
    assert event["agent"][0]["who"]["identifier"]["value"] == "li"
    told = [each["what"].get("identifier", {}).get("value") for each in event["entity"]]
    assert told[:2] == [f"urn:uuid:{each}" for each in persons]
    assert event["entity"][2]["detail"] == [
        {"type": "reason", "valueString": "急诊"},
        {"type": "numbers", "valueString": "[1, 2]"},
    ]
    assert event["extension"][0]["valueString"] == entry.digest
    assert event["outcome"] == ("4" if action in {"login.failed", "refused"} else "0")


def test_an_entry_about_nobody_from_nowhere_is_valid_too(audit_event_class):
    event = audit_event(append(Actor("", "", ""), "login.failed"))
    audit_event_class.model_validate_json(json.dumps(event))
    assert "entity" not in event


def test_days_are_the_sites_own_and_both_included(tmp_path):
    numbers = [append(NURSE, "read", [uuid4()]).number for _ in range(3)]
    today = timezone.localdate()
    day = timedelta(days=1)
    file = tmp_path / "events.ndjson"
    for since, until, expected in (
        (None, None, numbers),
        (today, today, numbers),
        (today - day, None, numbers),
        (today + day, None, []),
        (None, today - day, []),
    ):
        assert write_events(file, since=since, until=until) == len(expected)
        lines = file.read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["id"] for line in lines] == [str(each) for each in expected]
    assert Entry.objects.count() == 3
