"""Messages and consents: each written down, none twice, withdrawing as easy as giving."""

from __future__ import annotations

import pytest
from django.urls import reverse

from careloop.error import InputError
from careloop.web.audit.models import Entry
from careloop.web.care.models import Consent, Message
from careloop.web.care.person import consent, message

from .. import factory


@pytest.fixture
def resident(tree):
    return factory.resident(tree.centre)


@pytest.fixture
def gate(doctor):
    return factory.Gate(doctor)


@pytest.fixture
def own(resident):
    return factory.Gate(factory.user("patient", resident=resident, name="王秀英"))


def test_an_answer_marks_what_was_there_as_read(gate, own, resident):
    message.send(own, resident, "  背痛 ")
    assert message.unread(gate, resident).count() == 1
    assert message.unread(own, resident).count() == 0
    message.send(gate, resident, "明天来门诊")
    assert message.unread(gate, resident).count() == 0
    assert [each.text for each in message.messages(own, resident)] == ["明天来门诊", "背痛"]
    assert message.unread(own, resident).get().text == "明天来门诊"
    assert list(Entry.objects.values_list("action", "detail__message")) == [
        ("message.write", "sent"),
        ("message.write", "sent"),
    ]


def test_the_same_words_twice_are_one_message(gate, resident):
    assert message.send(gate, resident, "您好")
    assert message.send(gate, resident, "您好") is None
    assert Message.gated.count() == 1


@pytest.mark.parametrize("text", ["", "   ", "长" * 1001])
def test_empty_and_endless_messages_are_refused(gate, resident, text):
    with pytest.raises(InputError):
        message.send(gate, resident, text)
    assert not Message.gated.exists()
    assert not Entry.objects.exists()


def test_messages_by_the_form(client, doctor, resident, own):
    message.send(own, resident, "<b>背痛</b>")
    client.force_login(doctor)
    address = reverse("person:messages", args=[resident.public_id])
    assert "&lt;b&gt;背痛" in client.get(address).content.decode()
    refused = client.post(address, {"do": "send", "text": " "})
    assert refused.status_code == 422
    assert client.post(address, {"do": "read"}).status_code == 302
    assert Message.gated.get().read_at is not None
    client.post(address, {"do": "send", "text": "请来门诊"})
    assert Message.gated.count() == 2


def test_who_has_no_account_is_to_be_called(client, doctor, resident):
    client.force_login(doctor)
    address = reverse("person:messages", args=[resident.public_id])
    assert "还没有账号" in client.get(address).content.decode()
    factory.user("patient", resident=resident)
    assert "还没有账号" not in client.get(address).content.decode()


def test_fifty_messages_a_page(client, doctor, resident, django_assert_max_num_queries):
    client.force_login(doctor)
    address = reverse("person:messages", args=[resident.public_id])
    for number in range(60):
        Message.gated.create(
            resident=resident,
            organisation=resident.organisation,
            author=doctor,
            text=f"第{number:03d}号",
        )
    with django_assert_max_num_queries(25):
        text = client.get(address).content.decode()
    assert "第059号" in text
    assert "第009号" not in text
    assert "第009号" in client.get(f"{address}?page=2").content.decode()


def test_consent_is_given_and_withdrawn_with_one_press_each(client, doctor, resident):
    client.force_login(doctor)
    address = reverse("person:consents", args=[resident.public_id])
    client.post(address, {"do": "give", "scope": "research"})
    kept = Consent.gated.get()
    assert (kept.scope, kept.text_version, kept.withdrawn_at) == (
        "research",
        consent.VERSION,
        None,
    )
    client.post(address, {"do": "give", "scope": "research"})
    assert Consent.gated.count() == 1
    client.post(address, {"do": "withdraw", "scope": "research"})
    assert Consent.gated.get().withdrawn_at is not None
    details = list(Entry.objects.filter(action="consent.write").values_list("detail", flat=True))
    assert [(each["consent"], each["given"]) for each in details[:1] + details[-1:]] == [
        ("research", True),
        ("research", False),
    ]
    text = client.get(address).content.decode()
    assert "已撤回" in text
    assert text.count('name="scope"') == len(consent.SCOPES)


def test_every_purpose_is_answered_by_itself(gate, resident):
    consent.give(gate, resident, "care")
    given = {each.scope.key for each in consent.answers(gate, resident) if each.given}
    assert given == {"care"}
    assert {scope.key for scope in consent.SCOPES} == {key for key, _ in Consent.SCOPES}


def test_new_words_are_asked_again(gate, resident, monkeypatch):
    first = consent.VERSION
    consent.give(gate, resident, "care")
    monkeypatch.setattr(consent, "VERSION", "later")
    answer = next(each for each in consent.answers(gate, resident) if each.scope.key == "care")
    assert answer.outdated
    consent.give(gate, resident, "care")
    versions = Consent.gated.order_by("pk").values_list("text_version", "withdrawn_at")
    assert [version for version, _ in versions] == [first, "later"]
    assert [withdrawn is None for _, withdrawn in versions] == [False, True]


def test_an_unknown_purpose_changes_nothing(gate, resident):
    assert not consent.give(gate, resident, "everything")
    assert not consent.withdraw(gate, resident, "everything")
    assert not consent.withdraw(gate, resident, "care")
    assert not Consent.gated.exists()
