"""Who may record what about whom, and what a page does with words that are code."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from careloop.web.audit.models import Entry
from careloop.web.care.models import Visit

from .. import factory
from . import form_page

CODE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def visit(save):
    return save("home", weight_kg="50")


def addresses(woman, visit):
    return [
        f"/people/{woman.public_id}/visit/home",
        f"/visits/{visit.public_id}",
        f"/visits/{visit.public_id}/saved",
    ]


def test_nobody_without_a_login_gets_in(visit, woman):
    stranger = Client()
    for address in addresses(woman, visit):
        assert stranger.get(address).status_code == 302
        assert stranger.get(address)["Location"].startswith("/login")
    response = stranger.post(addresses(woman, visit)[0], {"weight_kg": "50"})
    assert response.status_code == 302


@pytest.mark.parametrize("role", ["researcher", "manager", "patient"])
def test_other_roles_are_refused(role, visit, woman, tree):
    own = {"resident": woman} if role == "patient" else {}
    client = Client()
    client.force_login(factory.user(role, tree.bureau, **own))
    for address in addresses(woman, visit):
        assert client.get(address).status_code == 403
        if not address.endswith("saved"):
            assert client.post(address, {"weight_kg": "50"}).status_code == 403


@pytest.mark.parametrize("role", ["doctor", "nurse", "village_doctor"])
def test_those_who_care_reach_their_own_region_only(role, visit, woman, tree, gate):
    client = Client()
    client.force_login(factory.user(role, tree.other_centre))
    for address in addresses(woman, visit):
        assert client.get(address).status_code == 404
        if not address.endswith("saved"):
            answers = {"weight_kg": "60", "version": "1", "request_key": str(uuid4())}
            assert client.post(address, answers).status_code == 404
    assert gate.about(woman, Visit).get().answers == {"weight_kg": 50.0}
    near = Client()
    near.force_login(factory.user(role, tree.clinic))
    for address in addresses(woman, visit):
        assert near.get(address).status_code == 200


def test_broken_glass_leads_to_the_form_and_its_result(woman, tree):
    client, doctor = Client(), factory.user("doctor", tree.other_centre)
    factory.Gate(doctor).break_glass(woman.public_id, "急诊")
    client.force_login(doctor)
    answers = {"weight_kg": "50", "request_key": str(uuid4())}
    response = client.post(f"/people/{woman.public_id}/visit/hospital", answers)
    assert response.status_code == 302
    shown = client.get(response["Location"])
    assert shown.status_code == 200
    edit = response["Location"].replace("/saved", "")
    assert edit in shown.content.decode()
    assert client.get(edit).status_code == 200


def test_what_is_opened_and_saved_is_in_the_audit(visit, woman, client):
    client.get(f"/visits/{visit.public_id}/saved")
    actions = list(Entry.objects.values_list("action", flat=True))
    assert actions == ["read", "visit.write", "read"]


def test_a_form_from_elsewhere_is_refused(nurse, woman, gate):
    client = Client(enforce_csrf_checks=True)
    client.force_login(nurse)
    address = f"/people/{woman.public_id}/visit/home"
    answers = {"weight_kg": "50", "request_key": str(uuid4())}
    assert client.post(address, answers).status_code == 403
    assert not gate.about(woman, Visit).exists()
    token = client.get(address).cookies["csrftoken"].value
    assert client.post(address, answers | {"csrfmiddlewaretoken": token}).status_code == 302


# --- words that are code


def test_words_stay_words_in_every_text_field(save, client, woman):
    visit = save(
        "home",
        adverse_effect_other=CODE,
        follow_up_note=CODE,
        weight_kg="50",
        osteoporosis_treatment_current="yes",
    )
    moved = save("outcome", outcome_reported="moved", moved_to=CODE, follow_up_note=CODE)
    assert visit.answers["follow_up_note"] == moved.answers["moved_to"] == CODE
    for shown in (visit, moved):
        for address in (f"/visits/{shown.public_id}", f"/visits/{shown.public_id}/saved"):
            page = client.get(address).content.decode()
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("name", ["weight_kg", "smoking_status", "happened_on", "falls_12m-other"])
def test_words_in_other_fields_come_back_as_words(name, send):
    response = send("home", **{name: CODE})
    assert response.status_code == 422
    page = response.content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_a_name_that_is_code_stays_a_name(client, nurse, woman):
    woman.name = CODE[:60]
    woman.save()
    client.force_login(nurse)
    page = client.get(f"/people/{woman.public_id}/visit/home").content.decode()
    assert "<script>alert" not in page


def test_a_long_story_is_refused_with_its_length(send):
    response = send("home", follow_up_note="长" * 501)
    assert response.status_code == 422
    assert "备注：最多 500 字，现有 501 字" in response.content.decode()


@pytest.mark.parametrize("name", ["version", "request_key", "choose-weight_kg", "mine-happened_on"])
def test_strange_hidden_fields_do_no_harm(name, visit, client):
    answers = {"version": "1", "weight_kg": "51"} | {name: "'; DROP TABLE care_visit; --"}
    response = client.post(f"/visits/{visit.public_id}", answers)
    assert response.status_code in {302, 404, 409, 422}


# --- where one came from


def test_the_way_back_is_kept_to_the_end(client, nurse, woman):
    client.force_login(nurse)
    address = f"/people/{woman.public_id}/visit/home?next=/lists/dxa_wanted"
    fields = form_page.read(client.get(address).content.decode()).fields
    assert fields["next"] == "/lists/dxa_wanted"
    response = client.post(address, fields | {"weight_kg": "50"})
    saved = client.get(response["Location"]).content.decode()
    assert 'href="/lists/dxa_wanted"' in saved


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_the_way_back_leads_nowhere_else(place, client, nurse, woman):
    client.force_login(nurse)
    address = f"/people/{woman.public_id}/visit/home"
    page = client.get(address, {"next": place}).content.decode()
    assert "next" not in form_page.read(page).fields
    answers = {"weight_kg": "50", "request_key": str(uuid4()), "next": place}
    response = client.post(address, answers)
    assert "evil" not in response["Location"]
    saved = response["Location"]
    page = client.get(saved, {"next": place}).content.decode()
    assert f'class="button" href="{place}"' not in page
