"""Logging in: no guessing, no hints, no way to another site, no session of somebody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from careloop.web.accounts import attempt
from careloop.web.accounts.attempt import ADDRESS_LIMIT, LIMIT, Counted, of_name
from careloop.web.accounts.known import COOKIE
from careloop.web.accounts.models import Attempts, LoginSession, User
from careloop.web.accounts.seal import seal
from careloop.web.accounts.second_factor import new_secret
from careloop.web.audit.models import Entry

from .. import factory

LOGIN = "/login"
SAFE = "/people?q=1"


def enter(client, username, password=factory.PASSWORD, **more):
    return client.post(LOGIN, {"username": username, "password": password, **more})


def told(response):
    """What the page says is wrong, without the form's own tokens."""
    assert response.status_code == 200
    return response.content.decode().split('role="alert">')[1].split("<")[0]


@pytest.fixture
def nurse(tree):
    return factory.user("nurse", tree.clinic, username="Wang.Fang")


def test_the_right_password_opens_and_is_written_down(client, nurse):
    assert client.get(LOGIN).status_code == 200
    response = enter(client, " WANG.fang ")
    assert (response.status_code, response.url) == (302, "/")
    assert client.session["_auth_user_id"] == str(nurse.pk)
    assert [(e.username, e.action) for e in Entry.objects.all()] == [("wang.fang", "login")]
    assert client.get("/account").status_code == 200
    assert client.get(LOGIN).url == "/"  # nothing to do there any more


def test_what_was_wrong_is_not_told(client, tree, nurse, monkeypatch):
    factory.user("nurse", tree.clinic, username="gone", is_active=False)
    runs = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda *a, **k: runs.append(1) or encode(*a, **k)
    )
    answers, costs = [], []
    for username, password in (
        ("wang.fang", "wrong"),
        ("nobody", "wrong"),
        ("gone", factory.PASSWORD),
        ("gone", "wrong"),
    ):
        runs.clear()
        answers.append(told(enter(client, username, password)))
        costs.append(len(runs))
    assert len({str(answer) for answer in answers}) == 1
    assert costs == [1, 1, 1, 1]  # the hasher, which is what takes time
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("username", ["wang.fang", "nobody"])
def test_five_wrong_attempts_lock_a_name_whether_it_exists_or_not(client, nurse, username):
    for _ in range(LIMIT):
        last = enter(client, username, "wrong")
    assert "请等到" in str(told(last))
    right = enter(client, username)  # right for one of them, and told alike
    assert "请等到" in str(told(right))
    Attempts.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert (enter(client, username).status_code == 302) == (username == "wang.fang")


def test_failures_are_written_down_and_what_was_typed_is_not(client, nurse):
    enter(client, "wang.fang", "wrong")
    enter(client, "my-secret-password", "x")
    assert [(e.username, e.action) for e in Entry.objects.all()] == [
        ("wang.fang", "login.failed"),
        ("", "login.failed"),
    ]
    assert "secret" not in str([*Entry.objects.values(), *Attempts.objects.values()])


def test_a_lock_lasts_a_quarter_of_an_hour_from_the_fifth(db):
    counted = Counted("login", "x")
    assert [counted.take() for _ in range(LIMIT)] == [None] * LIMIT
    until = counted.take()
    left = (until - timezone.now()).total_seconds()
    assert 14 * 60 < left <= 15 * 60
    assert counted.take() == until  # asking again does not prolong it


def test_a_right_attempt_starts_the_count_anew(client, nurse):
    for _ in range(LIMIT - 1):
        enter(client, "wang.fang", "wrong")
    assert enter(client, "wang.fang").status_code == 302  # the fifth is the right one
    client.post("/logout")
    for _ in range(LIMIT - 1):
        enter(client, "wang.fang", "wrong")
    assert enter(client, "wang.fang").status_code == 302


def test_old_failures_are_forgotten(db):
    counted = Counted("login", "x")
    for _ in range(LIMIT - 1):
        counted.take()
    Attempts.objects.update(since=timezone.now() - attempt.LOCKED_FOR - timedelta(seconds=1))
    assert [counted.take() for _ in range(LIMIT)] == [None] * LIMIT
    assert counted.take() is not None


def test_an_address_is_locked_over_many_names(nurse):
    one, other, proxy = (Client(REMOTE_ADDR=a) for a in ("192.0.2.1", "192.0.2.7", "127.0.0.1"))
    for number in range(ADDRESS_LIMIT):
        enter(one, f"name{number}", "wrong")
        enter(proxy, f"more{number}", "wrong")
    assert "请等到" in str(told(enter(one, "wang.fang")))
    assert enter(other, "wang.fang").status_code == 302
    assert enter(proxy, "wang.fang").status_code == 302  # it would be everybody's


def test_ones_own_right_password_does_not_wash_an_address_clean(client, nurse):
    for _ in range(3):
        enter(client, "other", "wrong")
        assert enter(client, "wang.fang").status_code == 302
        client.post("/logout")
    counted = attempt.of_address("127.0.0.1")
    assert Attempts.objects.get(key=counted.key).failures == 3


def test_ipv6_addresses_count_by_their_network(db):
    one, same, other = (
        attempt.of_address(f"2001:db8:0:{net}::{n}") for net, n in ((1, 1), (1, 2), (2, 1))
    )
    assert one.key == same.key != other.key


def test_an_attempt_is_counted_before_it_is_judged(client, nurse, monkeypatch):
    """So that guesses which come all at once do not slip past the limit."""
    counted = []
    check = User.check_password
    monkeypatch.setattr(
        User, "check_password", lambda *a: counted.append(_failures("wang.fang")) or check(*a)
    )
    for _ in range(3):
        enter(client, "wang.fang", "wrong")
    assert counted == [1, 2, 3]


def _failures(name):
    return Attempts.objects.get(key=of_name(name).key).failures


# --- where to afterwards


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "\thttps://evil.example",
        "https://testserver@evil.example/",
        "http://testserver.evil.example/",
        "evil",  # no page, and no name of a page either
        "2026-11-22?evil",
    ],
)
def test_login_never_leads_to_another_site(client, nurse, evil):
    page = client.get(LOGIN, {"next": evil})
    assert "evil" not in page.content.decode().split("<main")[1]
    assert enter(client, "wang.fang", next=evil).url == "/"
    assert client.get(LOGIN, {"next": evil}).url == "/"  # already in
    assert client.post("/language", {"language": "en", "next": evil}).url == "/"


def test_login_leads_back_to_the_page_that_was_asked_for(client, nurse):
    asked = client.get(SAFE)
    assert asked.status_code == 302
    page = client.get(asked.url)
    assert f'name="next" value="{SAFE}"' in page.content.decode()
    assert enter(client, "wang.fang", next=SAFE).url == SAFE


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/people/x/duplicates?with=y", "/people/x/duplicates%3Fwith%3Dy"),
        ("https://evil.example/a?b", "/a%3Fb"),  # its path on this site
        ("https://evil.example//other.example/", "/other.example/"),
        ("", "/merges/1/undo"),
    ],
)
def test_a_form_sent_too_late_leads_back_to_the_page_it_stood_on(client, nurse, referer, back):
    """Not to an address that only takes forms, and never to another site."""
    answer = client.post("/merges/1/undo", headers={"referer": referer})
    assert answer.url == f"/login?next={back}"


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(client, db):
    part = {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://testserver/people?q=1"}
    response = client.get("/people", **part)
    assert response.headers["HX-Redirect"] == "/login?next=/people%3Fq%3D1"


def test_a_part_of_a_page_does_not_show_the_password_form_inside(client, nurse):
    nurse.must_change_password = True
    nurse.save()
    client.force_login(nurse)
    response = client.get("/people", HTTP_HX_REQUEST="true")
    assert response.headers["HX-Redirect"] == "/account/password"


# --- sessions


def test_a_session_set_by_somebody_else_does_not_become_mine(client, nurse):
    client.get("/account")
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = session.session_key
    enter(client, "wang.fang")
    assert client.session.session_key != before
    assert "planted" not in client.session
    assert not Session.objects.filter(session_key=before).exists()
    fixed = Client()
    fixed.cookies["sessionid"] = before
    assert fixed.get("/account").status_code == 302


def test_a_session_id_that_we_did_not_make_is_not_taken(client, nurse):
    client.cookies["sessionid"] = "a" * 32
    enter(client, "wang.fang")
    assert client.session.session_key != "a" * 32


def test_logging_out_needs_a_post_and_ends_the_session(client, nurse):
    enter(client, "wang.fang")
    key = client.session.session_key
    assert client.get("/logout").status_code == 405
    assert client.get("/account").status_code == 200
    assert client.post("/logout").url == LOGIN
    assert not Session.objects.filter(session_key=key).exists()
    assert not LoginSession.objects.exists()
    assert client.get("/account").status_code == 302
    assert client.post("/logout").url == LOGIN  # twice does no harm
    assert Entry.objects.filter(action="logout").count() == 1


def test_staff_are_logged_out_after_an_hour_without_activity(client, nurse):
    enter(client, "wang.fang")
    _move(client, seen=timedelta(minutes=59))
    assert client.get("/account").status_code == 200  # and this counts as activity
    _move(client, seen=timedelta(minutes=59))
    assert client.get("/account").status_code == 200
    _move(client, seen=timedelta(minutes=61))
    page = client.get("/account", follow=True)
    assert page.redirect_chain == [("/login?next=/account", 302)]
    assert "已自动退出" in page.content.decode()


def test_a_resident_is_not_logged_out_by_an_hour_of_reading(client, tree):
    client.force_login(factory.user("patient", resident=factory.resident(tree.clinic)))
    _move(client, seen=timedelta(hours=3))
    assert client.get("/account").status_code == 200


def test_no_session_lasts_longer_than_twelve_hours(client, nurse):
    enter(client, "wang.fang")
    _move(client, started=timedelta(hours=11, minutes=59))
    assert client.get("/account").status_code == 200
    _move(client, started=timedelta(hours=12, minutes=1))
    assert client.get("/account").status_code == 302


def test_activity_does_not_prolong_the_session_in_the_database(client, nurse):
    enter(client, "wang.fang")
    ends = Session.objects.get().expire_date
    _move(client, seen=timedelta(minutes=5))
    client.get("/account")
    assert abs((Session.objects.get().expire_date - ends).total_seconds()) < 2


def test_reading_a_page_writes_nothing(client, nurse, django_assert_num_queries):
    enter(client, "wang.fang")
    with django_assert_num_queries(3):  # session, user with place, sessions of the user
        client.get("/account")


def _move(client, **back):
    session = client.session
    for name, delta in back.items():
        session[name] = (timezone.now() - delta).timestamp()
    session.save()


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client, nurse):
    pages = [client.get(LOGIN), enter(client, "wang.fang"), client.get("/account")]
    pages.append(client.post("/language", {"language": "en"}))
    cookies = {name: cookie for page in pages for name, cookie in page.cookies.items()}
    assert set(cookies) == {"csrftoken", "sessionid", "careloop_language", COOKIE}
    for cookie in cookies.values():
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
    assert 0 < cookies["sessionid"]["max-age"] <= 12 * 3600


def test_a_manager_opens_a_lock_with_a_new_password(client, tree, nurse):
    for _ in range(LIMIT):
        enter(client, "wang.fang", "wrong")
    manager = Client()
    manager.force_login(factory.user("manager", tree.bureau))
    address = reverse("accounts:user", kwargs={"public_id": nurse.public_id})
    assert "锁定至" in manager.get(address).content.decode()
    manager.post(address, {"do": "reset_password"})
    assert of_name("wang.fang").locked_until() is None


# --- nobody locks a colleague out


def test_where_somebody_has_logged_in_others_do_not_lock_them_out(client, nurse):
    assert enter(client, "wang.fang").cookies[COOKIE]
    client.post("/logout")
    for number in range(ADDRESS_LIMIT):
        enter(Client(REMOTE_ADDR="192.0.2.1"), "wang.fang" if number % 2 else f"x{number}", "wrong")
    assert "请等到" in told(enter(Client(REMOTE_ADDR="192.0.2.1"), "wang.fang"))
    assert "请等到" in told(enter(Client(REMOTE_ADDR="192.0.2.7"), "wang.fang"))
    desk = Client(REMOTE_ADDR="192.0.2.1")  # behind the same address as whoever tries
    desk.cookies = client.cookies
    assert enter(desk, "wang.fang").status_code == 302


def test_a_known_browser_may_not_guess_either(client, nurse):
    enter(client, "wang.fang")
    client.post("/logout")
    for _ in range(LIMIT):
        last = enter(client, "wang.fang", "wrong")
    assert "请等到" in told(last)
    assert "请等到" in told(enter(client, "wang.fang"))
    assert enter(Client(), "wang.fang").status_code == 302  # elsewhere nothing was counted
    nurse.set_password("a new one of the manager's")
    nurse.save()
    assert enter(client, "wang.fang", "a new one of the manager's").status_code == 302


def test_a_browser_knows_only_those_who_got_in_there(client, tree, nurse):
    factory.user("nurse", tree.clinic, username="li")
    enter(client, "li")
    client.post("/logout")
    enter(client, "wang.fang", "wrong")
    for _ in range(LIMIT):
        enter(Client(), "wang.fang", "wrong")
    assert "请等到" in told(enter(client, "wang.fang"))
    assert enter(client, "li").status_code == 302


@pytest.mark.parametrize("forged", ["", "x", "WyJiIiwgW11d:1abc:xyz", "'"])
def test_a_forged_cookie_knows_nobody(client, nurse, forged):
    client.cookies[COOKIE] = forged
    for _ in range(LIMIT):
        enter(client, "wang.fang", "wrong")
    assert "请等到" in told(enter(client, "wang.fang"))


def test_the_cookie_names_nobody_and_goes_to_the_login_only(client, tree, nurse):
    for _ in range(25):
        user = factory.user("nurse", tree.clinic)
        cookie = enter(client, user.username).cookies[COOKIE]
        client.post("/logout")
    assert user.username not in cookie.value
    assert len(cookie.value) < 1200
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (LOGIN, True, "Lax")


def test_half_a_login_makes_no_browser_known(client, nurse):
    nurse.totp_secret = seal(new_secret())
    nurse.save()
    assert enter(client, "wang.fang").url == "/login/second-factor"
    assert COOKIE not in client.cookies


# --- names and addresses, however they are written


@pytest.mark.parametrize("typed", ["ｗａｎｇ．ｆａｎｇ", "WANG.FANG", " wang.fang\u3000"])
def test_a_login_name_counts_as_the_keyboard_wrote_it(client, nurse, typed):
    assert enter(client, typed).status_code == 302


def test_each_ipv4_address_counts_for_itself_however_it_is_written(db):
    plain, mapped, other = (
        attempt.of_address(told) for told in ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2")
    )
    assert plain.key == mapped.key != other.key
    assert attempt.of_address("::ffff:127.0.0.1").limit > ADDRESS_LIMIT
