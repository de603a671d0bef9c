"""CDS Hooks: the real service over loopback, called by a client written from the specification."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import hooks_client

from careloop.command.hooks_server import make_server
from careloop.dictionary.catalogue import load
from careloop.error import ConfigError
from careloop.guidance.hooks import cors_headers, language_of
from careloop.programmes.hook_desk import endpoint
from careloop.programmes.programme import programme

BUNDLE = Path(__file__).parents[2] / "examples" / "hooks-patient.json"
TODAY = date(2026, 11, 22)
ORIGIN = "https://sandbox.cds-hooks.org"
PATIENT = "example-1"
VIEW = {"userId": "Practitioner/1", "patientId": PATIENT}
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("hooks") / "feedback.ndjson"


@pytest.fixture(scope="module")
def served(log):
    return endpoint(
        programme("osteoporosis"),
        load(),
        feedback_log=log,
        origins=(ORIGIN,),
        today=lambda: TODAY,
    )


@pytest.fixture(scope="module")
def base(served):
    with make_server(served) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


@pytest.fixture
def client(base):
    return hooks_client.Client(base, json.loads(BUNDLE.read_text(encoding="utf-8")))


def service(client, hook):
    return next(each for each in client.discover() if each["hook"] == hook)


def sign(client, *orders, hook="order-sign"):
    context = hooks_client.order_context(PATIENT, *orders, select=hook == "order-select")
    status, reply = client.call(service(client, hook), context)
    assert status == 200, reply
    hooks_client.check_cards(reply["cards"])
    return reply["cards"]


def test_discovery_names_three_services_with_prefetch(client):
    services = client.discover()
    assert [each["hook"] for each in services] == ["patient-view", "order-select", "order-sign"]
    for each in services:
        assert each["prefetch"]["patient"] == "Patient/{{context.patientId}}"
        assert "http://loinc.org|14682-9" in each["prefetch"]["observations"]
        assert len(each["prefetch"]) == 5


def test_patient_view_shows_a_chinese_card_with_suggestions(client):
    status, reply = client.call(service(client, "patient-view"), VIEW)
    assert status == 200
    cards = reply["cards"]
    hooks_client.check_cards(cards)
    (medicine,) = [each for each in cards if "风险分层" in each["summary"]]
    assert "极高" in medicine["summary"]
    assert medicine["indicator"] == "warning"
    assert "T 值" in medicine["detail"]
    proposed = [
        action["resource"] for each in medicine["suggestions"] for action in each["actions"]
    ]
    assert {each["intent"] for each in proposed} == {"proposal"}
    codes = {
        coding["code"]
        for each in proposed
        for coding in each["medicationCodeableConcept"].get("coding", ())
    }
    # creatinine clearance 34 mL/min (facts.md §3.5): no alendronate, never in the proposals
    assert "M05BA04" not in codes
    assert "⚠" in hooks_client.show(cards)


def test_cards_are_the_same_for_the_same_question(client):
    view = service(client, "patient-view")
    first = client.call(view, VIEW, hookInstance=INSTANCE)
    assert client.call(view, VIEW, hookInstance=INSTANCE) == first
    client.language = "en-GB,zh;q=0.4"
    english = client.call(view, VIEW, hookInstance=INSTANCE)[1]["cards"]
    assert english != first[1]["cards"]
    assert "Risk class" in english[0]["summary"] + english[1]["summary"]
    client.language = "en"
    extended = client.call(view, VIEW, hookInstance=INSTANCE, extension={"careloop-language": "zh"})
    assert extended == first


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_a_hard_stop_is_critical(client, hook):
    # warfarin is taken: menatetrenone is blocked (facts.md §3.5)
    (card, *_) = sign(client, hooks_client.draft(PATIENT, "M05BX08"), hook=hook)
    assert card["indicator"] == "critical"
    assert "四烯甲萘醌" in card["summary"]
    assert "华法林" in card["summary"]


def test_an_order_that_blocks_what_is_taken_is_critical(base):
    bundle = json.loads(BUNDLE.read_text(encoding="utf-8"))
    (taken,) = [e for e in bundle["entry"] if e["resource"]["id"] == "warfarin"]
    coding = taken["resource"]["medicationCodeableConcept"]["coding"][0]
    coding |= {"code": "M05BX08", "display": "menatetrenone"}
    client = hooks_client.Client(base, bundle)
    cards = sign(client, hooks_client.draft(PATIENT, "B01AA03", "华法林"))
    assert [each["indicator"] for each in cards if "四烯甲萘醌" in each["summary"]] == ["critical"]


def test_two_drafts_that_interact_are_told(client):
    raloxifene = hooks_client.draft(PATIENT, "G03XC01", "雷洛昔芬")
    alone = [each["detail"] for each in sign(client, raloxifene)]
    both = [
        each["detail"]
        for each in sign(client, raloxifene, hooks_client.draft(PATIENT, "G03CA03", "雌二醇"))
    ]
    assert "不与全身雌激素同用" not in "".join(alone)
    assert "不与全身雌激素同用" in "".join(both)


def test_kidney_function_blocks_alendronate_and_a_missing_fact_is_no_consent(client):
    cards = sign(client, hooks_client.draft(PATIENT, "M05BA04", "阿仑膦酸钠"))
    assert cards[0]["indicator"] == "critical"  # clearance 33.7 mL/min, below 35
    client.resources = [each for each in client.resources if each["id"] != "creatinine"]
    cards = sign(client, hooks_client.draft(PATIENT, "M05BA04", "阿仑膦酸钠"))
    assert cards[0]["indicator"] == "warning"
    assert "核实" in cards[0]["summary"]


def test_an_unknown_code_is_said_and_not_guessed(client):
    order = hooks_client.draft(PATIENT, "M05BA04", "Fosamax")
    order["medicationCodeableConcept"]["coding"][0]["system"] = "urn:oid:1.2.3"
    (card,) = sign(client, order)
    assert (card["indicator"], "Fosamax" in card["summary"]) == ("info", True)


def test_order_select_looks_at_the_selection_only(client):
    first, second = (hooks_client.draft(PATIENT, atc) for atc in ("M05BX08", "N02BE01"))
    context = hooks_client.order_context(PATIENT, first, second, select=True)
    context["selections"] = ["MedicationRequest/draft-N02BE01"]
    status, reply = client.call(service(client, "order-select"), context)
    assert status == 200
    assert not [each for each in reply["cards"] if each["indicator"] == "critical"]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"hook": "order-sign"}, 400, "hook"),
        ({"hookInstance": "x"}, 400, "hookInstance"),
        ({"context": []}, 400, "context"),
        ({"context": {"userId": "u"}}, 400, "patientId"),
        ({"prefetch": []}, 400, "prefetch"),
        ({"prefetch": {}}, 412, "Patient"),
        ({"prefetch": {"patient": {"resourceType": "Patient", "id": "else"}}}, 412, "Patient"),
        ({"prefetch": {"patient": 3}}, 400, "prefetch.patient"),
        ({"fhirAuthorization": {}}, 400, "fhirServer"),
        ({"extension": "x"}, 400, "extension"),
    ],
)
def test_bad_requests(client, changes, status, words):
    found, reply = client.call(service(client, "patient-view"), VIEW, **changes)
    assert (found, words in reply["error"]) == (status, True), reply


def test_bad_orders_bad_json_and_wrong_paths(client, served):
    order_sign = service(client, "order-sign")
    assert client.call(order_sign, VIEW)[0] == 400
    assert client.http("GET", "/cds-services/nothing")[0] == 404
    assert client.http("GET", "/else")[0] == 404
    assert client.http("GET", f"/cds-services/{order_sign['id']}")[0] == 405
    reply = served.answer("POST", f"/cds-services/{order_sign['id']}", {}, b"{")
    assert (reply.status, b"JSON" in reply.body) == (400, True)
    reply = served.answer("POST", f"/cds-services/{order_sign['id']}", {}, b"[]")
    assert reply.status == 400


def test_what_was_not_sent_is_said(client):
    view = service(client, "patient-view")
    patient = client.resolve("Patient/{{context.patientId}}", VIEW)
    status, reply = client.call(view, VIEW, prefetch={"patient": patient, "conditions": None})
    assert status == 200
    assert "observations" in str(reply["cards"])


# --- CORS, language


def test_cors(client, base):
    assert client.http("OPTIONS", "/cds-services", origin=ORIGIN)[0] == 204
    assert client.headers["Access-Control-Allow-Origin"] == ORIGIN
    client.http("GET", "/cds-services", origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in client.headers
    assert cors_headers(None, ["*"]) == {}
    assert cors_headers("https://a", ["*"])["Access-Control-Allow-Origin"] == "https://a"


def test_languages():
    asked = ["zh-CN", "en", "fr", "en;q=0.2, zh;q=0.9", "en;q=x", "*"]
    assert [language_of(each) for each in asked] == ["zh", "en", "zh", "zh", "zh", "zh"]


# --- feedback


def test_feedback_is_kept_line_by_line(client, log):
    path = f"/cds-services/{service(client, 'patient-view')['id']}/feedback"
    at = "2026-11-22T10:00:00+08:00"
    accepted = {
        "card": INSTANCE,
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": INSTANCE}],
        "outcomeTimestamp": at,
    }
    overridden = {
        "card": INSTANCE,
        "outcome": "overridden",
        "overrideReason": {"reason": {"code": "later", "system": "s"}, "userComment": "x" * 9000},
        "outcomeTimestamp": at,
    }
    status, _ = client.http("POST", path, {"feedback": [accepted, overridden]})
    assert status == 200
    first, second = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
    assert first["outcomeTimestamp"] == "2026-11-22T02:00:00+00:00"
    assert first["acceptedSuggestions"] == [{"id": INSTANCE}]
    assert second["overrideReason"]["reason"]["code"] == "later"
    assert len(second["overrideReason"]["userComment"]) == 2000
    for spoilt in (
        {"card": "x"},
        {"outcome": "maybe"},
        {"outcomeTimestamp": "2026-11-22T10:00:00"},
        {"acceptedSuggestions": []},
    ):
        assert client.http("POST", path, {"feedback": [accepted, accepted | spoilt]})[0] == 400
    assert client.http("POST", path, {"feedback": []})[0] == 400
    assert len(log.read_text(encoding="utf-8").splitlines()) == 2


# --- nothing leaks, nothing else is served


def test_logs_hold_no_value(client, base, caplog, capfd):
    canary = "canary-20261122"
    with caplog.at_level(logging.DEBUG):
        bundle = json.loads(BUNDLE.read_text(encoding="utf-8").replace(PATIENT, canary))
        other = hooks_client.Client(base, bundle)
        view = service(other, "patient-view")
        assert other.call(view, VIEW | {"patientId": canary})[0] == 200
        assert other.call(view, VIEW | {"patientId": canary}, hook=canary)[0] == 400
        assert other.http("GET", f"/{canary}")[0] == 404
    said = caplog.text + "".join(capfd.readouterr())
    assert "patient-view 200" in said
    assert canary not in said


def test_a_broken_service_says_nothing(served, monkeypatch, caplog):
    canary = "canary-value"

    def broken(*_, **__):
        raise RuntimeError(canary)

    with make_server(served) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        bundle = json.loads(BUNDLE.read_text(encoding="utf-8"))
        client = hooks_client.Client(f"http://127.0.0.1:{server.server_address[1]}", bundle)
        monkeypatch.setattr(type(served), "answer", broken)
        status, reply = client.http("GET", "/cds-services")
        server.shutdown()
    assert (status, reply) == (500, {"error": "internal error"})
    assert "RuntimeError" in caplog.text
    assert canary not in caplog.text


def test_an_unknown_guideline_is_refused(log):
    with pytest.raises(ConfigError, match="no guideline"):
        endpoint(programme("osteoporosis"), load(), guideline="x", feedback_log=log)
