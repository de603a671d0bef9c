"""Breaking the glass: with a reason, for an hour, for one person, and never unseen."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import BreakGlass
from careloop.web.audit.models import Concerned, Entry

from .. import factory
from .test_account import XSS

REASON = "急诊骨折需要用药史"
NUMBER = "11010519491231002X"


@pytest.fixture
def nurse(client, tree):
    made = factory.user("nurse", tree.clinic, name="王芳")
    client.force_login(made)
    return made


@pytest.fixture
def far(tree):
    return factory.resident(tree.other_centre, name="远方人", national_id=NUMBER)


def text(response):
    return response.content.decode()


def page(public_id):
    return reverse("accounts:break_glass", kwargs={"public_id": public_id})


def search(client, number=NUMBER, reason=REASON):
    return client.post("/people/break-glass", {"number": number, "reason": reason})


def test_it_opens_one_person_for_an_hour_with_a_reason(client, nurse, far):
    for short in ("", "急诊", " " * 10):
        assert client.post(page(far.public_id), {"reason": short}).status_code == 200
    assert not BreakGlass.objects.exists()
    done = client.post(page(far.public_id), {"reason": REASON})
    assert done.url == reverse("person:page", kwargs={"public_id": far.public_id})
    glass = BreakGlass.objects.get()
    assert abs(glass.until - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)
    assert Gate(nurse).open(far.public_id) == far
    entry = Entry.objects.get(action="break_glass")
    assert (entry.username, entry.detail) == (nurse.username, {"reason": REASON})


def test_the_page_is_the_same_for_known_and_unknown(client, nurse, far):
    known, unknown = client.get(page(far.public_id)), client.get(page(uuid4()))
    assert known.status_code == unknown.status_code == 200
    assert _without_token(known) == _without_token(unknown)
    assert far.name not in text(known)
    assert not Entry.objects.exists()
    assert client.post(page(uuid4()), {"reason": REASON}).status_code == 404


def _without_token(response):
    return re.sub('value="[A-Za-z0-9]{64}"', "", text(response).split("<main")[1])


def test_somebody_within_reach_needs_no_emergency(client, tree, nurse):
    near = factory.resident(tree.clinic, national_id=NUMBER)
    own_page = reverse("person:page", kwargs={"public_id": near.public_id})
    assert client.get(page(near.public_id)).url == own_page
    assert search(client).url == own_page
    assert not BreakGlass.objects.exists()


def test_the_whole_number_finds_and_nothing_less(client, nurse, far):
    for part in (NUMBER[:-1], "1002", "110105", far.name, f"{NUMBER}0"):
        answer = search(client, part)
        assert answer.status_code == 200
        assert far.name not in text(answer).replace(f'value="{far.name}"', "")  # what was typed
    assert not BreakGlass.objects.exists()
    assert search(client, " 110105 19491231 002x ").status_code == 302
    assert BreakGlass.objects.get().resident == far


def test_the_persons_number_finds_too_and_a_merged_one_leads_on(client, tree, nurse, far):
    merged = factory.resident(tree.other_centre, state="merged", merged_into=far)
    assert search(client, merged.person_id).status_code == 302
    assert BreakGlass.objects.get().resident == far


def test_every_search_is_written_down_without_the_number(client, nurse, far):
    search(client, "110105194912310011")
    search(client)
    actions = [(e.action, e.detail.get("found")) for e in Entry.objects.all()]
    assert actions == [
        ("emergency.search", False),
        ("emergency.search", True),
        ("break_glass", None),
    ]
    assert "1101051949" not in str(list(Entry.objects.values()))
    assert Concerned.objects.filter(resident_public_id=far.public_id).count() == 2


def test_numbers_cannot_be_tried_out(client, nurse, far):
    for n in range(5):
        search(client, f"11010519491231{n:04d}")
    assert "请等到" in text(search(client))
    assert not BreakGlass.objects.exists()


def test_an_empty_number_finds_nobody(tree, nurse):
    factory.resident(tree.other_centre, national_id="")
    assert Gate(nurse).find_for_emergency("") is None


@pytest.mark.parametrize("role", ["manager", "village_doctor", "researcher", "patient"])
def test_other_roles_do_not_break_it(client, tree, far, role):
    own = {"resident": factory.resident(tree.clinic)} if role == "patient" else {}
    client.force_login(factory.user(role, None if own else tree.clinic, **own))
    assert client.get("/people/break-glass").status_code == 403
    assert search(client).status_code == 403
    assert client.post(page(far.public_id), {"reason": REASON}).status_code == 403
    assert not BreakGlass.objects.exists()


def test_managers_of_either_side_see_it_and_no_others_and_no_names(client, tree, nurse, far):
    client.post(page(far.public_id), {"reason": REASON + XSS})
    seen = {}
    for name in ("bureau", "centre", "other_centre", "other_clinic"):
        desk = Client()
        desk.force_login(factory.user("manager", getattr(tree, name)))
        content = text(desk.get("/users/emergencies"))
        assert far.name not in content
        assert "<script>alert" not in content
        seen[name] = REASON in content and nurse.name in content
    assert seen == {"bureau": True, "centre": True, "other_centre": True, "other_clinic": False}


def test_a_404_leads_to_the_general_page_and_tells_nobody(client, nurse, far):
    answer = client.get(reverse("person:page", kwargs={"public_id": far.public_id}))
    assert answer.status_code == 404
    assert "/people/break-glass" in text(answer)
    assert far.name not in text(answer)
    assert str(far.public_id) not in text(answer).split("<main")[1]
