"""Who opens a resident's pages, and who does not."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from careloop.web.audit.models import Entry
from careloop.web.care.models import Consent, Message, PlanDecision

from .. import factory

PAGES = ("page", "risk", "timeline", "plan", "messages", "consents")


@pytest.mark.parametrize("name", PAGES)
def test_anonymous_must_log_in(tree, client, name):
    address = reverse(f"person:{name}", args=[factory.resident(tree.centre).public_id])
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("accounts:login"))


@pytest.mark.parametrize("role", ["manager", "researcher", "patient"])
@pytest.mark.parametrize("name", PAGES)
def test_roles_that_see_no_person_are_refused(tree, client, role, name):
    known = factory.resident(tree.centre)
    more = {"resident": known} if role == "patient" else {}
    client.force_login(factory.user(role, tree.bureau, **more))
    assert client.get(reverse(f"person:{name}", args=[known.public_id])).status_code == 403


@pytest.mark.parametrize("name", PAGES)
def test_another_region_and_nobody_are_told_the_same(tree, client, name):
    client.force_login(factory.user("doctor", tree.other_centre))
    far = factory.resident(tree.centre)
    for public_id in (far.public_id, uuid4()):
        assert client.get(reverse(f"person:{name}", args=[public_id])).status_code == 404
    client.force_login(factory.user("doctor", tree.centre))
    assert client.get(reverse(f"person:{name}", args=[far.public_id])).status_code == 200
    assert list(Entry.objects.values_list("action", flat=True)) == ["refused", "read"]


@pytest.mark.parametrize("role", ["nurse", "village_doctor"])
def test_only_doctors_decide(tree, client, woman, role):
    client.force_login(factory.user(role, tree.centre))
    address = reverse("person:plan", args=[woman.public_id])
    assert b'name="decision"' not in client.get(address).content
    assert client.post(address, {"decision": "all"}).status_code == 403
    assert not PlanDecision.gated.exists()
    assert not Entry.objects.filter(action="plan.decide").exists()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("messages", {"do": "send", "text": "您好"}),
        ("consents", {"do": "give", "scope": "care"}),
        ("plan", {"decision": "all"}),
    ],
)
def test_nothing_is_written_from_another_region(tree, client, name, form):
    far = factory.resident(tree.other_centre)
    client.force_login(factory.user("doctor", tree.centre))
    assert client.post(reverse(f"person:{name}", args=[far.public_id]), form).status_code == 404
    for model in (Message, Consent, PlanDecision):
        assert not model.gated.exists()
    assert Entry.objects.get().action == "refused"


def test_forms_need_their_token(tree, woman, doctor):
    from django.test import Client  # noqa: PLC0415

    careful = Client(enforce_csrf_checks=True)
    careful.force_login(doctor)
    address = reverse("person:messages", args=[woman.public_id])
    assert careful.post(address, {"text": "您好"}).status_code == 403
    assert not Message.gated.exists()


def test_break_glass_opens_every_page_of_one_person(tree, client):
    far = factory.resident(tree.other_centre)
    doctor = factory.user("doctor", tree.centre)
    factory.Gate(doctor).break_glass(far.public_id, "急诊")
    client.force_login(doctor)
    for name in PAGES:
        assert client.get(reverse(f"person:{name}", args=[far.public_id])).status_code == 200
