"""What was typed while a session ended: not saved, not lost, and given to nobody else's page."""

from __future__ import annotations

import re
from html import unescape
from uuid import uuid4

import pytest
from django.test import Client

from careloop.web.care.models import Visit

OWN = {"HTTP_ORIGIN": "http://testserver"}


def fields(text):
    """What the held page would send."""
    (form,) = re.findall(r'<form method="post" action="(/people/[^"]+)">(.*?)</form>', text, re.S)
    told = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[1])
    return form[0], {unescape(name): unescape(value) for name, value in told}


@pytest.fixture
def browser(nurse):
    made = Client(enforce_csrf_checks=True)
    made.force_login(nurse)
    return made


@pytest.mark.parametrize("ended", ["session", "all cookies"])
def test_a_form_sent_after_the_session_ended_is_held_and_sent_again(
    ended, browser, nurse, gate, woman, settings
):
    address = f"/people/{woman.public_id}/visit/home"
    page = browser.get(address).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
    typed = {"weight_kg": "50", "follow_up_note": '说"疼" & <b>', "request_key": str(uuid4())}
    if ended == "session":
        del browser.cookies[settings.SESSION_COOKIE_NAME]
    else:
        browser.logout()
    answer = browser.post(address, typed | {"csrfmiddlewaretoken": token}, **OWN)
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "尚未保存" in text
    assert "<b>" not in text
    assert woman.name not in text
    where, held = fields(text)
    assert {name: held[name] for name in typed} == typed
    assert not Visit.gated.exists()

    browser.force_login(nurse)  # in another tab: the tokens of this one are of before
    again = browser.post(where, held | {"csrfmiddlewaretoken": "x" * 64}, **OWN)
    assert again.status_code == 403
    assert nurse.name in again.content.decode()
    where, held = fields(again.content.decode())
    done = browser.post(where, held, **OWN)
    assert done.status_code == 302
    assert gate.about(woman, Visit).get().answers["weight_kg"] == 50


@pytest.mark.parametrize("origin", [{}, {"HTTP_ORIGIN": "https://example.org"}])
def test_what_another_site_sent_is_not_given_back(origin, browser, client, woman):
    address = f"/people/{woman.public_id}/visit/home"
    sent = {"weight_kg": "50", "request_key": str(uuid4())}
    for who in (browser, client):  # logged in without a token; not logged in
        text = who.post(address, sent, **origin).content.decode()
        assert 'name="weight_kg"' not in text


def test_a_password_is_never_given_back(browser):
    answer = browser.post("/account/password", {"old_password": "correct"}, **OWN)
    assert answer.status_code == 403
    assert "correct" not in answer.content.decode()
