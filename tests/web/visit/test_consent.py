"""Whoever withdraws their consent to be followed up is called for nothing; nothing is forgotten."""

from __future__ import annotations

from careloop.web.care.models import Consent, Listed, Task, Visit
from careloop.web.care.person import consent
from careloop.web.care.standing import today
from careloop.web.registry.registration import refresh_standings

from .test_outcome import by_hand, tasks


def called(gate, resident):
    listed = gate.about(resident, Listed).exists()
    return listed, bool(tasks(gate, resident))


def test_without_consent_nobody_is_called_and_with_it_again(save, client, gate, woman):
    save("screening", weight_kg="45", postmenopausal="yes", ethnic_group="chinese")
    due = tasks(gate, woman)
    hand = by_hand(woman, today())
    assert called(gate, woman) == (True, True)  # never asked has not withdrawn
    consent.give(gate, woman, "care")
    assert called(gate, woman) == (True, True)
    consent.withdraw(gate, woman, "research")  # another purpose
    assert called(gate, woman) == (True, True)

    address = f"/people/{woman.public_id}/consents"
    answer = client.post(address, {"scope": "care"}, follow=True)
    assert "不再列入任何名单" in answer.content.decode()
    assert Consent.gated.get(scope="care").withdrawn_at
    assert called(gate, woman) == (False, False)
    refresh_standings()
    assert called(gate, woman) == (False, False)
    save("phone", falls_12m="2")  # she calls herself
    assert called(gate, woman) == (False, False)
    assert gate.about(woman, Visit).count() == 2
    assert client.get(f"/people/{woman.public_id}").status_code == 200

    assert client.post(address, {"scope": "care", "do": "give"}).status_code == 302
    assert called(gate, woman) == (True, True)
    assert tasks(gate, woman) == due
    hand.refresh_from_db()
    assert hand.state == "removed"  # set for a day that was given up


def test_new_words_agreed_to_are_no_withdrawal(save, gate, woman, monkeypatch):
    save("screening", weight_kg="45", postmenopausal="yes", ethnic_group="chinese")
    consent.give(gate, woman, "care")
    monkeypatch.setattr(consent, "VERSION", "later")
    consent.give(gate, woman, "care")
    assert called(gate, woman) == (True, True)
    refresh_standings()
    assert called(gate, woman) == (True, True)
    assert Task.gated.filter(state="open").exists()
