"""Managers look after the accounts of their own places, and of no others."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from careloop.web.accounts.attempt import of_name
from careloop.web.accounts.forms import STAFF, UserForm
from careloop.web.accounts.models import RecoveryCode, User
from careloop.web.accounts.second_factor import new_codes, new_secret
from careloop.web.audit.chain import verify
from careloop.web.audit.models import Entry

from .. import factory
from .test_account import XSS


@pytest.fixture
def manager(client, tree):
    made = factory.user("manager", tree.centre)
    client.force_login(made)
    return made


def text(response):
    return response.content.decode()


def page(user):
    return reverse("accounts:user", kwargs={"public_id": user.public_id})


def told(place, **more):
    usual = {"username": "li.na", "name": "李娜", "role": "nurse", "language": "zh"}
    return usual | {"organisation": str(place.public_id)} | more


def shown_password(response):
    assert response.status_code == 200
    return re.search(r"<code>(\w{4}-\w{4}-\w{4})</code>", text(response))[1]


def test_a_manager_sees_staff_of_the_subtree_and_nobody_else(client, tree, manager):
    here, below = factory.user("doctor", tree.centre), factory.user("nurse", tree.clinic)
    others = [
        factory.user("doctor", tree.hospital),
        factory.user("nurse", tree.other_centre),
        factory.user("patient", tree.clinic, resident=factory.resident(tree.clinic)),
    ]
    content = text(client.get("/users"))
    for user in (here, below, manager):
        assert page(user) in content
        assert client.get(page(user)).status_code == 200
    unknown = client.get(reverse("accounts:user", kwargs={"public_id": uuid4()}))
    for user in others:
        assert page(user) not in content
        for answer in (client.get(page(user)), client.post(page(user), {"do": "reset_password"})):
            assert answer.status_code == 404
            assert user.name not in text(answer)
        assert _main(client.get(page(user))) == _main(unknown)
    assert not Entry.objects.filter(action="user.manage").exists()


def _main(response):
    return text(response).split("<main")[1]


@pytest.mark.parametrize("role", STAFF)
def test_every_role_is_made_below_and_logs_in_once_with_the_password_shown(
    client, tree, manager, role
):
    answer = client.post("/users/new", told(tree.clinic, role=role, username="Li.Na"))
    password = shown_password(answer)
    made = User.objects.get(username="li.na")
    assert (made.role, made.organisation, made.must_change_password) == (role, tree.clinic, True)
    entry = Entry.objects.get()
    assert (entry.username, entry.action) == (manager.username, "user.manage")
    assert entry.detail == {"what": "new", "user": "li.na", "role": role, "place": tree.clinic.path}
    assert password not in text(client.get(page(made)))
    door = Client()
    door.post("/login", {"username": "li.na", "password": password})
    assert door.get("/").url == "/account/password"


def test_nothing_is_made_outside_or_of_another_kind(client, tree, manager):
    for wrong in (
        told(tree.hospital),
        told(tree.other_centre),
        told(tree.clinic, role="patient"),
        told(tree.clinic, role="god"),
        told(tree.clinic, role=""),
        told(tree.clinic, organisation=""),
        told(tree.clinic, username="a b"),
        told(tree.clinic, username=manager.username.upper()),
        told(tree.clinic, name=""),
    ):
        answer = client.post("/users/new", wrong)
        assert answer.status_code == 200
        assert 'class="error"' in text(answer)
    assert User.objects.count() == 1
    assert tree.hospital.name not in text(client.get("/users/new"))


def test_a_change_stays_within_the_subtree_and_tells_before_and_after(client, tree, manager):
    nurse = factory.user("nurse", tree.clinic)
    data = {"do": "change", "name": "新名", "role": "doctor", "language": "en"}
    refused = client.post(page(nurse), data | {"organisation": str(tree.hospital.public_id)})
    assert 'class="error"' in text(refused)
    done = client.post(page(nurse), data | {"organisation": str(tree.other_clinic.public_id)})
    assert done.status_code == 302
    nurse.refresh_from_db()
    assert (nurse.name, nurse.role, nurse.organisation) == ("新名", "doctor", tree.other_clinic)
    detail = Entry.objects.get().detail
    assert detail["before"] == ["nurse", tree.clinic.path]
    assert detail["after"] == ["doctor", tree.other_clinic.path]


def test_a_login_name_is_never_changed(client, tree, manager):
    nurse = factory.user("nurse", tree.clinic, username="first")
    client.post(page(nurse), told(tree.clinic, do="change", username="second"))
    nurse.refresh_from_db()
    assert nurse.username == "first"


def test_a_new_password_ends_sessions_and_the_lock(client, tree, manager):
    nurse = factory.user("nurse", tree.clinic, username="li.na")
    working = Client()
    working.force_login(nurse)
    password = shown_password(client.post(page(nurse), {"do": "reset_password"}))
    assert working.get("/account").status_code == 302
    nurse.refresh_from_db()
    assert nurse.check_password(password)
    assert nurse.must_change_password
    assert of_name("li.na").locked_until() is None
    assert Entry.objects.get().detail == {"what": "reset_password", "user": "li.na"}
    assert password not in str(list(Entry.objects.values()))


def test_an_account_out_of_use_is_out_at_once_and_can_come_back(client, tree, manager):
    nurse = factory.user("nurse", tree.clinic, username="li.na")
    working = Client()
    working.force_login(nurse)
    client.post(page(nurse), {"do": "deactivate"})
    assert working.get("/account").status_code == 302
    door = {"username": "li.na", "password": factory.PASSWORD}
    assert Client().post("/login", door).status_code == 200
    assert "已停用" in text(client.get("/users"))
    client.post(page(nurse), {"do": "activate"})
    assert Client().post("/login", door).status_code == 302
    whats = [entry.detail.get("what") for entry in Entry.objects.filter(action="user.manage")]
    assert whats == ["deactivate", "activate"]


def test_a_lost_telephone(client, tree, manager):
    nurse = factory.user("nurse", tree.clinic, username="li.na", totp_secret=new_secret())
    new_codes(nurse)
    client.post(page(nurse), {"do": "reset_second_factor"})
    nurse.refresh_from_db()
    assert (nurse.totp_secret, RecoveryCode.objects.count()) == ("", 0)
    assert Entry.objects.get().detail["what"] == "reset_second_factor"


def test_nobody_changes_their_own_account_here(client, tree, manager):
    for do in ("deactivate", "reset_password", "reset_second_factor", "change"):
        assert client.post(page(manager), told(tree.clinic, do=do)).status_code == 200
    manager.refresh_from_db()
    assert (manager.is_active, manager.role, manager.organisation) == (True, "manager", tree.centre)
    assert client.get("/account").status_code == 200
    assert not Entry.objects.exists()


def test_a_manager_without_a_place_manages_nobody(client, db):
    client.force_login(factory.user("manager"))
    other = factory.user("nurse")
    assert client.get(page(other)).status_code == 404
    assert client.get("/users").status_code == 200
    assert client.get("/users/new").status_code == 200
    assert client.get("/users/emergencies").status_code == 200


def test_users_are_found_by_either_name_and_paged(client, tree, manager, django_assert_num_queries):
    factory.user("nurse", tree.clinic, username="li.na", name="李娜")
    with django_assert_num_queries(4):  # session, user with place, count, rows
        assert "李娜" in text(client.get("/users"))
    User.objects.bulk_create(
        User(username=f"u{n}", name=f"某{n}", role="nurse", organisation=tree.clinic)
        for n in range(60)
    )
    with django_assert_num_queries(4):
        first = text(client.get("/users"))
    assert first.count('href="/users/') == 50 + 2
    assert "1 / 2" in first
    assert text(client.get("/users", {"page": 2})).count('href="/users/') == 12 + 2
    for words in ("李", "LI.N", "娜 li"):
        content = text(client.get("/users", {"q": words}))
        assert "李娜" in content
        assert "某1" not in content


def test_text_of_users_is_never_markup(client, tree, manager):
    tree.clinic.name = XSS
    tree.clinic.save()
    answer = client.post("/users/new", told(tree.clinic, name=XSS[:60]))
    made = User.objects.get(username="li.na")
    for content in (
        text(answer),
        text(client.get("/users")),
        text(client.get("/users", {"q": XSS})),
        text(client.get(page(made))),
        text(client.get("/users/new")),
    ):
        assert "&lt;script&gt;alert(1)" in content
        assert "<script>alert" not in content
        assert "<img src=x" not in content
    assert verify().faults == ()


def test_two_managers_who_take_one_login_name_at_once(client, tree, manager, monkeypatch):
    asked = told(tree.clinic)
    shown_password(client.post("/users/new", asked))
    monkeypatch.setattr(UserForm, "clean_username", lambda form: form.cleaned_data["username"])
    assert "已有人使用" in text(client.post("/users/new", asked))
    assert User.objects.filter(username="li.na").count() == 1
