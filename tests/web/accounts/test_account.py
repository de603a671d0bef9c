"""One's own account: password, second factor, sessions, language."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pyotp
import pytest
from django.test import Client

from careloop.web.accounts import second_factor
from careloop.web.accounts.models import LoginSession, RecoveryCode
from careloop.web.accounts.seal import unseal
from careloop.web.audit.models import Entry
from careloop.web.site.language import COOKIE

from .. import factory

NEW = "another-long-password"
XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def nurse(tree):
    return factory.user("nurse", tree.clinic, username="wang.fang", name="王芳")


@pytest.fixture
def inside(client, nurse):
    client.force_login(nurse)
    return client


def text(response):
    return response.content.decode()


def enter(client, username="wang.fang", password=factory.PASSWORD):
    return client.post("/login", {"username": username, "password": password})


# --- password


def test_changing_the_password_ends_every_other_session(inside, nurse):
    other = Client()
    other.force_login(nurse)
    key = inside.session.session_key
    response = inside.post("/account/password", {"old": factory.PASSWORD, "new": NEW, "again": NEW})
    assert (response.status_code, response.url) == (302, "/")
    assert other.get("/account").status_code == 302
    assert inside.get("/account").status_code == 200
    assert inside.session.session_key != key
    assert LoginSession.objects.get().session_key == inside.session.session_key
    assert Entry.objects.get().action == "password.change"
    assert enter(Client(), password=factory.PASSWORD).status_code == 200
    assert enter(Client(), password=NEW).status_code == 302


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("short", "至少 8 个字符"),
        ("12345678901", "不能全是数字"),
        ("password1", "常见密码"),
        ("wang.fang", "姓名或登录名"),
        (factory.PASSWORD, "原来的密码"),
    ],
)
def test_weak_passwords_are_refused_in_chinese(inside, nurse, new, words):
    page = inside.post("/account/password", {"old": factory.PASSWORD, "new": new, "again": new})
    faults = " ".join(re.findall(r'<p class="error">(.*?)</p>', text(page)))
    assert words in faults
    nurse.refresh_from_db()
    assert nurse.check_password(factory.PASSWORD)


def test_a_new_password_needs_the_old_one_and_twice_the_same(inside, nurse):
    for old, again in (("wrong", NEW), (factory.PASSWORD, "something-else")):
        data = {"old": old, "new": NEW, "again": again}
        assert inside.post("/account/password", data).status_code == 200
    assert inside.post("/account/password", {"new": NEW, "again": NEW}).status_code == 200
    for _ in range(4):
        inside.post("/account/password", {"old": "guess", "new": NEW, "again": NEW})
    right = inside.post("/account/password", {"old": factory.PASSWORD, "new": NEW, "again": NEW})
    assert right.status_code == 200  # five wrong ones: guessing ends
    nurse.refresh_from_db()
    assert nurse.check_password(factory.PASSWORD)


def test_a_password_that_was_given_out_must_be_changed_before_anything_else(client, nurse):
    nurse.must_change_password = True
    nurse.save()
    assert enter(client).status_code == 302
    for page in ("/", "/people", "/account", "/account/second-factor"):
        assert client.get(page).url == "/account/password"
    assert "原密码" not in text(client.get("/account/password"))
    same = {"new": factory.PASSWORD, "again": factory.PASSWORD}
    assert client.post("/account/password", same).status_code == 200
    assert client.post("/account/password", {"new": NEW, "again": NEW}).url == "/"
    assert client.get("/account").status_code == 200
    assert client.post("/language", {"language": "en"}).status_code == 302


# --- second factor


def enrol(client):
    page = text(client.get("/account/second-factor"))
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")
    assert "<svg" in page
    done = client.post("/account/second-factor", {"code": pyotp.TOTP(secret).now()})
    return secret, re.findall(r"<code>([a-z0-9-]+)</code>", text(done))


def test_the_codes_are_those_of_rfc_6238():
    secret = "GEZDGNBVGY3TQOJQ" * 2  # "12345678901234567890", RFC 6238 appendix B
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        at = datetime.fromtimestamp(seconds, tz=UTC)
        assert second_factor.step_of(secret, code, at=at) == seconds // 30
        assert second_factor.step_of(secret, code[::-1], at=at) is None


def test_a_code_one_step_early_or_late_is_taken_and_no_further():
    secret, now = second_factor.new_secret(), datetime.fromtimestamp(1_700_000_010, tz=UTC)
    totp, step = pyotp.TOTP(secret), 1_700_000_010 // 30
    found = [
        second_factor.step_of(secret, totp.generate_otp(step + n), at=now) for n in range(-2, 3)
    ]
    assert found == [None, step - 1, step, step + 1, None]


def test_enrolling_asks_for_a_code_and_shows_recovery_codes_once(inside, nurse):
    inside.get("/account/second-factor")
    refused = inside.post("/account/second-factor", {"code": "000000"})
    nurse.refresh_from_db()
    assert (refused.status_code, nurse.totp_secret) == (200, "")
    secret, codes = enrol(inside)
    nurse.refresh_from_db()
    assert unseal(nurse.totp_secret) == secret
    assert secret not in nurse.totp_secret
    assert len(set(codes)) == 10
    page = text(inside.get("/account/second-factor"))
    assert secret not in page
    assert not [code for code in codes if code in page]
    kept = RecoveryCode.objects.values_list("digest", flat=True)
    assert not {code.replace("-", "") for code in codes} & set(kept)
    assert Entry.objects.get().action == "second_factor.on"


def test_login_goes_on_only_with_a_code_and_no_code_twice(client, inside, nurse, monkeypatch):
    secret, _ = enrol(inside)
    later = time.time() + 90
    monkeypatch.setattr("careloop.web.accounts.second_factor.timezone.now", lambda: _at(later))
    code = pyotp.TOTP(secret).at(int(later))
    door = Client()
    response = door.post(
        "/login", {"username": "wang.fang", "password": factory.PASSWORD, "next": "/people"}
    )
    assert response.url == "/login/second-factor"
    assert door.get("/people").status_code == 302  # half way in is not in
    assert "_auth_user_id" not in door.session
    half = door.session.session_key
    assert door.post("/login/second-factor", {"code": "000000"}).status_code == 200
    assert door.post("/login/second-factor", {"code": f"{code[:3]} {code[3:]}"}).url == "/people"
    assert door.session.session_key != half
    assert door.get("/account").status_code == 200
    again = Client()
    enter(again)
    assert again.post("/login/second-factor", {"code": code}).status_code == 200
    assert again.get("/account").status_code == 302


def _at(seconds):
    return datetime.fromtimestamp(seconds, tz=UTC)


def test_an_earlier_code_is_not_taken_after_a_later_one(inside, nurse):
    secret, _ = enrol(inside)
    nurse.refresh_from_db()
    step = nurse.totp_last_step
    earlier = pyotp.TOTP(secret).generate_otp(step - 1)
    assert second_factor.step_of(secret, earlier, at=_at(step * 30)) == step - 1
    assert not second_factor.accept(nurse, earlier)


def test_a_recovery_code_opens_once(inside, nurse):
    _, codes = enrol(inside)
    for expected in (302, 200):
        door = Client()
        enter(door)
        response = door.post("/login/second-factor", {"code": codes[0].upper()})
        assert response.status_code == expected
    other = factory.user("doctor", nurse.organisation, totp_secret=second_factor.new_secret())
    assert not second_factor.accept(other, codes[1])


def test_codes_cannot_be_guessed(inside, nurse):
    _, codes = enrol(inside)
    door = Client()
    enter(door)
    for _ in range(5):
        assert door.post("/login/second-factor", {"code": "000000"}).status_code == 200
    page = door.post("/login/second-factor", {"code": codes[0]})
    assert "请等到" in text(page)


def test_the_second_step_cannot_be_had_without_the_first(client, nurse):
    assert client.get("/login/second-factor").url == "/login"
    assert client.post("/login/second-factor", {"code": "123456"}).url == "/login"


def test_half_a_login_does_not_keep(inside, nurse):
    enrol(inside)
    door = Client()
    enter(door)
    session = door.session
    session["half"] = session["half"] | {"at": session["half"]["at"] - 301}
    session.save()
    assert door.get("/login/second-factor").url == "/login"
    enter(door)
    nurse.refresh_from_db()
    nurse.set_password(NEW)  # the password that opened it counts no more
    nurse.save()
    assert door.get("/login/second-factor").url == "/login"


def test_removing_it_and_new_codes_need_the_password(inside, nurse):
    _, codes = enrol(inside)
    for do in ("remove", "codes"):
        inside.post("/account/second-factor", {"do": do, "password": "wrong"})
    nurse.refresh_from_db()
    assert nurse.totp_secret
    assert RecoveryCode.objects.filter(user=nurse).count() == 10
    page = text(
        inside.post("/account/second-factor", {"do": "codes", "password": factory.PASSWORD})
    )
    fresh = re.findall(r"<code>([a-z0-9-]+)</code>", page)
    assert len(fresh) == 10
    assert not set(fresh) & set(codes)
    inside.post("/account/second-factor", {"do": "remove", "password": factory.PASSWORD})
    nurse.refresh_from_db()
    assert (nurse.totp_secret, RecoveryCode.objects.count()) == ("", 0)


def test_where_the_site_asks_for_it_staff_enrol_before_anything_else(client, tree, nurse, settings):
    settings.TWO_FACTOR = True
    enter(client)
    for page in ("/", "/people", "/account"):
        assert client.get(page).url == "/account/second-factor"
    enrol(client)
    assert client.get("/account").status_code == 200
    client.post("/account/second-factor", {"do": "remove", "password": factory.PASSWORD})
    nurse.refresh_from_db()
    assert nurse.totp_secret  # not while the site asks for it
    resident = Client()
    resident.force_login(factory.user("patient", resident=factory.resident(tree.clinic)))
    assert resident.get("/account").status_code == 200


# --- sessions and language


def test_sessions_are_listed_and_the_others_ended(inside, nurse):
    phone = "Mozilla/5.0 (Linux; Android 13) Chrome/120 Mobile " + XSS
    other = Client(HTTP_USER_AGENT=phone, REMOTE_ADDR="192.0.2.7")
    enter(other)
    page = text(inside.get("/account"))
    assert "Chrome · Android" in page
    assert "192.0.2.7" in page
    stranger = Client()
    stranger.force_login(factory.user("doctor", nurse.organisation))
    assert "192.0.2.7" not in text(stranger.get("/account"))
    assert inside.post("/account", {"do": "end_others"}).status_code == 302
    assert other.get("/account").status_code == 302
    assert inside.get("/account").status_code == 200
    assert stranger.get("/account").status_code == 200


def test_the_language_of_the_account_counts(inside, nurse):
    inside.cookies[COOKIE] = "zh"
    assert inside.post("/account", {"language": "en"}).status_code == 302
    assert 'lang="en"' in text(inside.get("/account"))
    assert inside.post("/account", {"language": "xx"}).status_code == 302
    nurse.refresh_from_db()
    assert nurse.language == "en"


def test_the_account_page_asks_little(inside, nurse, django_assert_num_queries):
    with django_assert_num_queries(3):
        inside.get("/account")
    for _ in range(8):
        Client().force_login(nurse)
    with django_assert_num_queries(3):
        inside.get("/account")


def test_text_of_the_account_is_never_markup(client, tree):
    tree.clinic.name = XSS
    tree.clinic.save()
    client.force_login(factory.user("nurse", tree.clinic, name=XSS))
    for page in ("/account", "/account/password", "/account/second-factor"):
        content = text(client.get(page))
        assert "<script>alert" not in content
        assert "<img src=x" not in content
    assert text(client.get("/account")).count("&lt;script&gt;alert(1)") >= 3  # head, name, place
