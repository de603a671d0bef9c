"""A resident's own login: a number on paper, once, by the right person, for a week."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from careloop.error import InputError
from careloop.web.accounts import resident_login
from careloop.web.accounts.attempt import ADDRESS_LIMIT, LIMIT
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Activation, Attempts, LoginSession, RecoveryCode, User
from careloop.web.accounts.seal import seal
from careloop.web.accounts.second_factor import new_codes, new_secret
from careloop.web.audit.event import audit_event
from careloop.web.audit.models import Entry
from careloop.web.registry.merge import merge, undo

from .. import factory

ACTIVATE, CHOOSE = "/activate", "/activate/login"
NEW = "晨光里种下一棵小树"
NATIONAL_ID = "11010519491231002X"


@pytest.fixture
def woman(tree):
    return factory.resident(tree.clinic, national_id=NATIONAL_ID, national_id_tail="31002X")


@pytest.fixture
def nurse(tree):
    return factory.user("nurse", tree.centre)


@pytest.fixture
def gate(nurse):
    return Gate(nurse)


@pytest.fixture
def staff(nurse):
    client = Client()
    client.force_login(nurse)
    return client


def page_of(resident):
    return reverse("accounts:resident_login", args=[resident.public_id])


def text(response):
    return response.content.decode()


def prove(client, number, proof="002X"):
    return client.post(ACTIVATE, {"number": number, "proof": proof})


def refused(client, number, proof="002X"):
    """What the page says is wrong."""
    response = prove(client, number, proof)
    assert response.status_code == 200
    return text(response).split('role="alert">')[1].split("<")[0]


def set_up(client, number, proof="002X", password=NEW, **more):
    """All of it; returns the last answer."""
    assert prove(client, number, proof).url == CHOOSE
    shown = re.search(r'name="username" value="([^"]*)"', text(client.get(CHOOSE)))
    name = {"username": shown[1]} if shown else {}
    return client.post(CHOOSE, name | {"new": password, "again": password} | more)


def enter(client, username, password=NEW):
    return client.post("/login", {"username": username, "password": password})


# --- the whole way


def test_from_the_sheet_to_ones_own_record(client, staff, nurse, woman):
    sheet = text(staff.post(page_of(woman), {"do": "give"}))
    number = re.search(r"<code>(\d{3} \d{3} \d{4})</code>", sheet)[1]
    assert "<svg" in sheet
    assert "http://testserver/activate" in sheet
    client.get("/activate")
    before = client.session.session_key
    done = set_up(client, number.replace(" ", ""))
    assert done.url == "/me"
    assert client.session.session_key != before
    assert "王秀英" in text(client.get("/me"))
    user = User.objects.get(role="patient")
    assert (user.username, user.name, user.resident) == (woman.phone, woman.name, woman)
    assert not Activation.objects.exists()
    told = Entry.objects.filter(action__startswith="login").order_by("number")
    assert [(e.username, e.action, e.residents) for e in told] == [
        (nurse.username, "login.give", str(woman.public_id)),
        (woman.phone, "login.activate", str(woman.public_id)),
        (woman.phone, "login", ""),
    ]
    client.post("/logout")
    assert enter(client, woman.phone).url == "/"


def test_the_number_is_shown_once_and_kept_nowhere(staff, woman):
    sheet = text(staff.post(page_of(woman), {"do": "give"}))
    number = re.search(r"<code>([\d ]+)</code>", sheet)[1]
    kept = f"{[*Activation.objects.values(), *User.objects.values(), *Entry.objects.values()]}"
    for told in (number, number.replace(" ", "")):
        assert told not in kept
        assert told not in text(staff.get(page_of(woman)))


def test_nobody_logs_in_before_the_login_is_set_up(gate, woman):
    resident_login.give(gate, woman)
    user = User.objects.get(role="patient")
    assert not user.has_usable_password()
    assert enter(Client(), user.username, "").status_code == 200
    assert not user.in_use


def test_a_number_is_good_once(client, gate, woman):
    number = resident_login.give(gate, woman)
    set_up(client, number)
    assert "对不上" in refused(Client(), number)


def test_two_who_have_proved_it_at_once_do_not_both_get_in(gate, woman):
    number = resident_login.give(gate, woman)
    first, second = Client(), Client()
    for each in (first, second):
        prove(each, number)
    data = {"username": "grandmother", "new": NEW, "again": NEW}
    assert first.post(CHOOSE, data).url == "/me"
    assert second.post(CHOOSE, data | {"username": "other"}).url == ACTIVATE
    assert "_auth_user_id" not in second.session
    found = Activation(user=User.objects.get(role="patient"), digest="0" * 64)
    with pytest.raises(resident_login.NumberUsedError):
        resident_login.activate(found, NEW, language="zh", address="")


def test_an_old_number_does_not_count(client, gate, woman):
    number = resident_login.give(gate, woman)
    until = timezone.now() + resident_login.LASTS
    assert abs((Activation.objects.get().until - until).total_seconds()) < 60
    prove(client, number)
    Activation.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert "对不上" in refused(Client(), number)
    assert client.get(CHOOSE).url == ACTIVATE  # nor for whoever had proved it before
    assert "不再有效" in text(client.get(ACTIVATE))


def test_a_new_number_voids_the_one_before(client, gate, woman):
    old = resident_login.give(gate, woman)
    prove(client, old)
    new = resident_login.give(gate, woman)
    assert client.get(CHOOSE).url == ACTIVATE
    assert "对不上" in refused(client, old)
    assert set_up(client, new).url == "/me"


# --- who it is


def test_what_was_wrong_is_not_told_and_is_written_down(client, gate, woman):
    number = resident_login.give(gate, woman)
    wrong = "0000000000" if number != "000 000 0000" else "1111111111"
    answers = {refused(client, number, "0021"), refused(client, wrong), refused(client, wrong, "x")}
    assert len(answers) == 1
    failed = Entry.objects.filter(action="login.failed")
    assert failed.count() == 3
    assert {(e.username, e.residents, e.detail["step"]) for e in failed} == {("", "", "activate")}
    kept = str([*failed.values("detail"), *Attempts.objects.values("key")])
    assert number.replace(" ", "") not in kept
    assert "0021" not in str([*failed.values("detail")])


@pytest.mark.parametrize("proof", ["002X", "002x", " 002 x", "００２Ｘ"])
def test_the_end_of_the_identity_number_is_the_proof(gate, woman, proof):
    number = resident_login.give(gate, woman)
    assert resident_login.prove(number, proof)


@pytest.mark.parametrize("proof", ["", "19500501", "2X", NATIONAL_ID, "0020"])
def test_nothing_else_is(gate, woman, proof):
    number = resident_login.give(gate, woman)
    assert resident_login.prove(number, proof) is None


def test_without_an_identity_number_the_date_of_birth_is(gate, tree):
    man = factory.resident(tree.clinic, birth_date=date(1944, 3, 9))
    number = resident_login.give(gate, man)
    for wrong in ("", "0309", "19440310"):
        assert resident_login.prove(number, wrong) is None
    assert resident_login.prove(number, "1944-03-09")


def test_typed_as_people_type(client, gate, woman):
    number = resident_login.give(gate, woman)
    wide = number.translate({48 + n: 0xFF10 + n for n in range(10)}).replace(" ", "-")
    assert prove(client, f" {wide} ").url == CHOOSE


@pytest.mark.parametrize("number", ["123", "12345678901", "abcdefghij", "１２３", "٣٣٣٣٣٣٣٣٣٣"])
def test_what_is_no_number_is_told_and_not_counted(client, db, number):
    page = text(prove(client, number))
    assert "十位" in page
    assert not Attempts.objects.exists()


# --- nobody gets to guess


def test_five_wrong_answers_make_one_wait_whether_the_number_exists_or_not(client, gate, woman):
    for number in (resident_login.give(gate, woman), "0123456789"):
        for _ in range(LIMIT):
            assert "对不上" in refused(client, number, "9999")
        assert "请等到" in refused(client, number)


def test_ten_wrong_answers_in_all_and_the_number_is_void(client, gate, woman, staff):
    number = resident_login.give(gate, woman)
    for _ in range(resident_login.MOST_WRONG):
        Attempts.objects.all().delete()  # patience does not help
        refused(client, number, "9999")
    Attempts.objects.all().delete()
    assert "对不上" in refused(client, number)
    assert "错误次数过多" in text(staff.get(page_of(woman)))
    assert set_up(client, resident_login.give(gate, woman)).url == "/me"


def test_a_right_answer_starts_the_count_anew(client, gate, woman):
    number = resident_login.give(gate, woman)
    for _ in range(3):
        for _ in range(LIMIT - 1):
            refused(client, number, "9999")
        assert prove(client, number).url == CHOOSE


def test_an_address_is_locked_over_many_numbers(gate, woman):
    number = resident_login.give(gate, woman)
    guesser, other = Client(REMOTE_ADDR="192.0.2.1"), Client(REMOTE_ADDR="192.0.2.2")
    for guess in range(ADDRESS_LIMIT):
        refused(guesser, f"{guess:010}")
    assert "请等到" in refused(guesser, number)
    assert prove(other, number).url == CHOOSE


def test_the_second_step_cannot_be_had_without_the_first(client, gate, woman):
    resident_login.give(gate, woman)
    assert client.get(CHOOSE).url == ACTIVATE
    data = {"username": "me", "new": NEW, "again": NEW}
    assert client.post(CHOOSE, data).url == ACTIVATE
    assert User.objects.get(role="patient").is_active is False


def test_a_session_set_by_somebody_else_does_not_become_the_residents(client, gate, woman):
    number = resident_login.give(gate, woman)
    client.get(ACTIVATE)
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    prove(client, number)
    half = client.session.session_key
    assert half != session.session_key
    assert "planted" not in client.session
    client.post(CHOOSE, {"username": "me.too", "new": NEW, "again": NEW})
    assert client.session.session_key != half


def test_whoever_is_logged_in_is_asked_to_log_out_first(staff, gate, woman, nurse):
    number = resident_login.give(gate, woman)
    page = text(prove(staff, number))
    assert nurse.name in page
    assert 'name="number"' not in page
    assert staff.get("/account").status_code == 200


# --- name and password


@pytest.mark.parametrize("password", ["short", "12345678901", "password1", "wangxiuying1950"])
def test_the_rules_for_passwords_are_those_of_staff(client, gate, woman, password):
    number = resident_login.give(gate, woman)
    told = {"username": "wangxiuying1950"}
    answer = set_up(client, number, password=password, **told)
    assert answer.status_code == 200
    assert 'class="error"' in text(answer)
    assert User.objects.get(role="patient").is_active is False


def test_the_two_passwords_must_be_the_same(client, gate, woman):
    answer = set_up(client, resident_login.give(gate, woman), again="something-else")
    assert "不一致" in text(answer)


@pytest.mark.parametrize("username", ["taken", "TAKEN", "a b", "", "x", "<b>"])
def test_login_names_are_nobodys_and_easily_typed(client, gate, woman, username):
    factory.user("nurse", woman.organisation, username="taken")
    answer = set_up(client, resident_login.give(gate, woman), username=username)
    assert answer.status_code == 200
    assert 'class="error"' in text(answer)


def test_a_telephone_that_is_taken_is_not_suggested(tree):
    one = factory.resident(tree.clinic, phone="13900000001")
    assert resident_login.suggested_name(one) == "13900000001"
    factory.user("patient", username="13900000001")
    assert resident_login.suggested_name(one) == "wangxiuying1950"
    factory.user("patient", username="wangxiuying1950")
    assert resident_login.suggested_name(one) == ""


def test_the_name_taken_in_the_meantime(client, gate, woman, monkeypatch):
    number = resident_login.give(gate, woman)
    prove(client, number)
    factory.user("nurse", woman.organisation, username="taken")
    monkeypatch.setattr(
        "careloop.web.accounts.forms.User.objects.filter", lambda **_: User.objects.none()
    )
    answer = client.post(CHOOSE, {"username": "taken", "new": NEW, "again": NEW})
    assert "已有人使用" in text(answer)
    monkeypatch.undo()
    assert client.post(CHOOSE, {"username": "free", "new": NEW, "again": NEW}).url == "/me"


def test_a_forgotten_password_is_chosen_anew_under_the_same_name(client, gate, woman):
    set_up(client, resident_login.give(gate, woman))
    user = User.objects.get(role="patient")
    user.totp_secret = seal(new_secret())
    user.save()
    new_codes(user)
    number = resident_login.give(gate, woman)
    assert client.get("/me").status_code == 200  # until the number is used nothing changes
    phone, other = Client(), "又是一个新的清晨"
    prove(phone, number)
    assert f"<dd>{woman.phone}</dd>" in text(phone.get(CHOOSE))
    phone.post(CHOOSE, {"username": "another", "new": other, "again": other})
    assert client.get("/me").status_code == 302
    assert phone.get("/me").status_code == 200
    user.refresh_from_db()
    assert (user.username, user.totp_secret) == (woman.phone, "")
    assert not RecoveryCode.objects.exists()
    assert enter(Client(), woman.phone).status_code == 200
    assert enter(Client(), woman.phone, other).status_code == 302


def test_in_english(client, gate, woman):
    client.cookies["careloop_language"] = "en"
    number = resident_login.give(gate, woman)
    assert "Set up my login" in text(client.get(ACTIVATE))
    set_up(client, number)
    assert User.objects.get(role="patient").language == "en"


# --- to whom


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("doctor", 200),
        ("nurse", 200),
        ("village_doctor", 200),
        ("manager", 403),
        ("researcher", 403),
        ("patient", 403),
    ],
)
def test_who_may_give_a_login(tree, woman, role, status):
    client = Client()
    client.force_login(factory.user(role, tree.centre))
    assert client.post(page_of(woman), {"do": "give"}).status_code == status
    assert Activation.objects.exists() is (status == 200)


def test_nobody_gives_or_ends_a_login_elsewhere(tree, woman, gate):
    resident_login.give(gate, woman)
    client = Client()
    client.force_login(factory.user("nurse", tree.other_centre))
    for do in ("give", "end"):
        assert client.post(page_of(woman), {"do": do}).status_code == 404
    assert Activation.objects.get().given_by == gate.user


@pytest.mark.parametrize("state", ["dead", "merged"])
def test_no_login_for_the_dead_and_the_merged(gate, staff, woman, tree, state):
    kept = factory.resident(tree.clinic)
    woman.state, woman.merged_into = state, kept if state == "merged" else None
    woman.save()
    with pytest.raises(InputError):
        resident_login.give(gate, woman)
    answer = staff.post(page_of(woman), {"do": "give"})
    if state == "merged":
        assert answer.url == page_of(kept)
    else:
        assert answer.status_code == 422
        assert 'value="give"' not in text(answer)
    assert not User.objects.filter(role="patient").exists()
    assert not Entry.objects.filter(action="login.give").exists()


def test_no_login_for_whoever_cannot_prove_who_they_are(gate, staff, tree):
    stranger = factory.resident(tree.clinic, birth_date=None)
    assert staff.post(page_of(stranger), {"do": "give"}).status_code == 422
    assert not Activation.objects.exists()


def test_somebody_who_moved_away_keeps_their_login(client, gate, woman):
    woman.state = "moved"
    woman.save()
    set_up(client, resident_login.give(gate, woman))
    assert client.get("/me").status_code == 200


def test_a_login_closes_with_its_owner(client, gate, woman):
    set_up(client, resident_login.give(gate, woman))
    number = resident_login.give(gate, woman)
    half = Client()
    prove(half, number)
    woman.refresh_from_db()
    woman.state = "dead"
    woman.save()
    assert client.get("/me").status_code == 302
    assert enter(Client(), woman.phone).status_code == 200
    assert "对不上" in refused(Client(), number)
    assert half.post(CHOOSE, {"new": NEW, "again": NEW}).url == ACTIVATE
    woman.state = "active"  # it was entered in error
    woman.save()
    assert enter(Client(), woman.phone).status_code == 302


# --- its end


def test_ending_a_login_logs_out_at_once_and_can_be_mended(client, gate, staff, woman):
    set_up(client, resident_login.give(gate, woman))
    number = resident_login.give(gate, woman)
    assert staff.post(page_of(woman), {"do": "end"}).url == page_of(woman)
    assert client.get("/me").status_code == 302
    assert not LoginSession.objects.filter(user__role="patient").exists()
    assert enter(Client(), woman.phone).status_code == 200
    assert "对不上" in refused(Client(), number)
    entry = Entry.objects.filter(action="login.end").get()
    assert entry.residents == str(woman.public_id)
    assert audit_event(entry)["type"]["code"] == "rest"
    page = text(staff.get(page_of(woman)))
    assert "已关闭" in page
    assert 'value="end"' not in page
    again = Client()
    assert set_up(again, resident_login.give(gate, woman)).url == "/me"
    assert User.objects.get(role="patient").username == woman.phone


# --- merged registrations


def test_the_login_of_a_merged_registration_leads_to_the_one_that_stands(client, gate, woman, tree):
    other = factory.resident(tree.clinic, name="王秀英二")
    set_up(client, resident_login.give(gate, other), "19500501")
    done = merge(gate, woman, other)
    assert "<h1>王秀英</h1>" in text(client.get("/me"))
    undo(gate, done)
    assert "<h1>王秀英二</h1>" in text(client.get("/me"))


def test_two_logins_of_one_person_lead_to_one_record_and_end_together(gate, woman, tree):
    other = factory.resident(tree.clinic, name="王秀英二")
    one, two = Client(), Client()
    set_up(one, resident_login.give(gate, woman))
    set_up(two, resident_login.give(gate, other), "19500501")
    merge(gate, woman, other)
    names = {re.search("<h1>(.*?)</h1>", text(each.get("/me")))[1] for each in (one, two)}
    assert names == {"王秀英"}
    resident_login.end(gate, woman)
    assert {each.get("/me").status_code for each in (one, two)} == {302}


def test_a_number_given_before_a_merge_asks_for_the_proof_of_whom_it_leads_to(gate, woman, tree):
    number = resident_login.give(gate, factory.resident(tree.clinic))
    other = User.objects.get(role="patient").resident
    merge(gate, woman, other)
    assert resident_login.prove(number, "19500501") is None
    assert resident_login.prove(number, "002X")


# --- the page


def test_the_page_asks_little(staff, gate, woman, django_assert_max_num_queries):
    staff.get(page_of(woman))
    with django_assert_max_num_queries(12) as few:
        staff.get(page_of(woman))
    resident_login.give(gate, woman)
    with django_assert_max_num_queries(12) as many:
        staff.get(page_of(woman))
    assert len(many) == len(few)


def test_the_page_tells_who_gave_a_number_and_until_when(gate, staff, woman, nurse):
    assert "尚未开通" in text(staff.get(page_of(woman)))
    resident_login.give(gate, woman)
    page = text(staff.get(page_of(woman)))
    assert nurse.name in page.split("<main")[1]
    Activation.objects.update(until=timezone.now() - timedelta(days=1))
    assert "已过期" in text(staff.get(page_of(woman)))


def test_the_details_lead_there(staff, woman):
    page = text(staff.get(reverse("registry:details", args=[woman.public_id])))
    assert page_of(woman) in page
