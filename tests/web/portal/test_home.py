"""A resident's own page: simple words, only what a doctor agreed to, and nothing of others."""

from __future__ import annotations

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from careloop.web.accounts.access import action_of
from careloop.web.audit.models import Entry
from careloop.web.care.models import Consent, Message, Task
from careloop.web.care.person import message
from careloop.web.care.person.considered import known
from careloop.web.care.person.decision import Answer, acceptable, decide, proposals
from careloop.web.care.standing import PROGRAMME, today

from .. import factory
from ..person import case

HOME = "/me"


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def woman(tree):
    resident = factory.resident(tree.centre)
    case.tell(resident, *case.osteoporosis())
    return resident


@pytest.fixture
def own(client, woman):
    """The woman, logged in."""
    user = factory.user("patient", resident=woman, name="王秀英")
    client.force_login(user)
    return user


@pytest.fixture
def doctor(tree):
    return factory.Gate(factory.user("doctor", tree.centre, name="李医生"))


def decided(gate, woman, word, **more):
    """Decide on the first item that may be accepted at once and speaks to the resident."""
    found = known(gate.facts(woman), today())
    shown = proposals(gate, woman, found)
    one = next(
        each
        for each in acceptable(shown)
        if each.item.patient and each.item.patient.zh != each.item.text.zh
    )
    decide(gate, woman, found, Answer(one.item.key, word, one.seen, **more))
    return one


# --- who gets in


def test_anonymous_and_staff_do_not_get_in(client, tree):
    assert client.get(HOME).status_code == 302
    for role in ("doctor", "nurse", "village_doctor", "manager", "researcher"):
        client.force_login(factory.user(role, tree.centre))
        assert client.get(HOME).status_code == 403


def test_an_account_without_a_record_says_so(client, tree):
    factory.resident(tree.centre)
    client.force_login(factory.user("patient"))
    answer = client.get(HOME)
    assert answer.status_code == 200
    assert "尚未关联" in answer.content.decode()
    assert client.post(HOME, {"do": "send", "text": "x"}).status_code == 200
    assert not Message.gated.exists()


def _views(patterns, prefix=""):
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _views(each.url_patterns, prefix)
        elif isinstance(each, URLPattern):
            yield each


def test_nothing_else_is_reachable(client, own, woman):
    """Every other page is refused: by its mark, and when it is opened."""
    allowed = set()
    for pattern in _views(get_resolver().url_patterns):
        if own.may(action_of(pattern.callback)):
            allowed.add(action_of(pattern.callback))
    assert allowed <= {"own.read", "public", "account"}
    for name in ("page", "plan", "timeline", "messages", "consents", "risk"):
        address = reverse(f"person:{name}", args=[woman.public_id])
        assert client.get(address).status_code == 403
        assert client.post(address).status_code in {403, 405}


def test_another_resident_is_never_shown(client, own, tree):
    other = factory.resident(tree.centre, name="别人家")
    Message.gated.create(
        resident=other, organisation=tree.centre, author=own, text="别人的消息", from_resident=True
    )
    text = client.get(f"{HOME}?resident={other.public_id}").content.decode()
    assert "别人" not in text


def test_opening_is_written_down(client, own, woman):
    client.get(HOME)
    entry = Entry.objects.get()
    assert (entry.action, entry.residents, entry.role) == (
        "own.read",
        str(woman.public_id),
        "patient",
    )


# --- what it says


def test_the_next_step_in_simple_words(client, own):
    text = client.get(HOME).content.decode()
    assert "您的骨骼比较脆弱" in text
    assert "T值" not in text
    assert "China 2022" not in text


def test_only_what_a_doctor_agreed_to_is_shown(client, own, woman, doctor):
    assert "医生还没有确定您的方案" in client.get(HOME).content.decode()
    one = decided(doctor, woman, "accepted")
    text = client.get(HOME).content.decode()
    assert one.item.patient.zh in text
    assert "李医生" in text
    assert one.item.text.zh not in text  # the doctor's own wording stays with the doctor


def test_edited_words_are_shown_and_rejected_items_are_not(client, own, woman, doctor):
    one = decided(doctor, woman, "edited", text="改为两周后复查")
    text = client.get(HOME).content.decode()
    assert "改为两周后复查" in text
    other = decided(doctor, woman, "rejected", reason="不合适")
    text = client.get(HOME).content.decode()
    assert other.item.key != one.item.key
    assert other.item.patient.zh not in text
    assert "不合适" not in text


def test_appointments(client, own, woman, tree):
    Task.gated.create(
        resident=woman,
        organisation=tree.centre,
        programme=PROGRAMME,
        kind="treatment_6m",
        due_on=timezone.localdate(),
    )
    assert "治疗6个月随访" in client.get(HOME).content.decode()


def test_a_resident_of_whom_nothing_is_known(client, tree):
    empty = factory.resident(tree.centre)
    client.force_login(factory.user("patient", resident=empty))
    assert "还没有您的骨骼资料" in client.get(HOME).content.decode()


def test_in_english(client, own, woman, doctor):
    decided(doctor, woman, "accepted")
    client.cookies["careloop_language"] = "en"
    text = client.get(HOME).content.decode()
    assert "Your bones are weak" in text
    assert "骨" not in text.replace(woman.organisation.name, "")


def test_the_number_of_queries_does_not_grow(
    client, own, woman, tree, django_assert_max_num_queries
):
    client.get(HOME)
    with django_assert_max_num_queries(25) as few:
        client.get(HOME)
    writer = factory.user("nurse", tree.centre)
    for number in range(60):
        Message.gated.create(
            resident=woman, organisation=tree.centre, author=writer, text=f"消息{number}"
        )
    with django_assert_max_num_queries(25) as many:
        client.get(HOME)
    assert len(many) == len(few)


def test_the_report_holds_only_what_was_agreed_to(client, own, woman, doctor, tmp_path):
    import subprocess  # noqa: PLC0415

    shown = proposals(doctor, woman, known(doctor.facts(woman), today()))
    other = next(each for each in shown.items if each.item.kind == "exercise")
    one = decided(doctor, woman, "edited", text="改为两周后复查")
    answer = client.get("/me/report.pdf")
    assert answer["Content-Type"] == "application/pdf"
    file = tmp_path / "own.pdf"
    file.write_bytes(answer.content)
    text = subprocess.run(["pdftotext", file, "-"], capture_output=True, check=True).stdout.decode()
    text = "".join(text.split())
    assert "改为两周后复查" in text
    assert other.item.key != one.item.key
    assert "".join(other.item.patient.zh.split())[:6] not in text


def test_the_report_is_read_on_the_telephone_too(client, own, woman, doctor):
    assert "/me/report" not in client.get(HOME).content.decode()  # nothing is agreed to yet
    assert "医生还没有确定您的方案" in client.get("/me/report").content.decode()
    shown = proposals(doctor, woman, known(doctor.facts(woman), today()))
    other = next(each for each in shown.items if each.item.kind == "exercise")
    decided(doctor, woman, "edited", text="改为<b>两周</b>后复查")
    assert 'href="/me/report"' in client.get(HOME).content.decode()
    text = client.get("/me/report").content.decode()
    assert "改为&lt;b&gt;两周&lt;/b&gt;后复查" in text
    assert other.item.patient.zh[:6] not in text
    assert 'href="/me/report.pdf"' in text
    assert "/people/" not in text  # no way to the pages of staff
    assert "李医生" in text  # who agreed, not a line to sign on
    assert "____ " not in text
    assert "签名" not in text


def test_the_report_asks_for_no_more_than_the_page(
    client, own, woman, doctor, django_assert_max_num_queries
):
    decided(doctor, woman, "accepted")
    client.get("/me/report")
    with django_assert_max_num_queries(25):
        client.get("/me/report")


@pytest.mark.parametrize("address", ["/me/report", "/me/report.pdf"])
def test_there_is_no_report_of_others(client, tree, address):
    assert client.get(address).status_code == 302
    client.force_login(factory.user("patient"))
    assert client.get(address).status_code == 404
    client.force_login(factory.user("nurse", tree.centre))
    assert client.get(address).status_code == 403


# --- what it writes


def test_a_message_reaches_the_team_and_its_answer_comes_back(client, own, woman, doctor):
    assert client.post(HOME, {"do": "send", "text": "<i>背痛</i>"}).status_code == 302
    assert message.unread(doctor, woman).count() == 1
    message.send(doctor, woman, "明天来<b>门诊</b>")
    text = client.get(HOME).content.decode()
    assert "&lt;i&gt;背痛" in text
    assert "明天来&lt;b&gt;门诊" in text
    assert "1 条新消息" in text
    client.post(HOME, {"do": "read"})
    assert "条新消息" not in client.get(HOME).content.decode()


def test_an_empty_message_is_told_and_nothing_is_kept(client, own):
    answer = client.post(HOME, {"do": "send", "text": "  "})
    assert answer.status_code == 422
    assert "请先填写内容" in answer.content.decode()
    assert not Message.gated.exists()


def test_consent_is_withdrawn_with_one_press(client, own, woman):
    client.post(HOME, {"do": "give", "scope": "research"})
    assert Consent.gated.get().recorded_by == own
    client.post(HOME, {"do": "withdraw", "scope": "research"})
    assert Consent.gated.get().withdrawn_at is not None
    details = Entry.objects.filter(action="consent.write").values_list("detail__given", flat=True)
    assert list(details) == [True, False]


def test_nonsense_changes_nothing(client, own):
    assert client.post(HOME, {"do": "everything"}).status_code == 302
    assert client.post(HOME, {"do": "give", "scope": "x"}).status_code == 302
    assert not Consent.gated.exists()
    assert not Message.gated.exists()
