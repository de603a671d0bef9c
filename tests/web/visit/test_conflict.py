"""Two people write the same visit: the second sees both versions, and nothing is lost."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from careloop.dictionary.catalogue import load
from careloop.records.snapshot import snapshot
from careloop.web.care.models import Visit, VisitVersion
from careloop.web.care.standing import today

from .. import factory
from . import form_page


@pytest.fixture
def visit(save):
    return save("home", weight_kg="50", height_cm="150", falls_12m="0", follow_up_note="甲")


@pytest.fixture
def second(tree):
    client = Client()
    client.force_login(factory.user("doctor", tree.hospital))
    return client


def standing(visit, **changed):
    known = {
        "version": "1",
        "happened_on": visit.happened_on.isoformat(),
        "weight_kg": "50",
        "height_cm": "150",
        "falls_12m": "0",
        "follow_up_note": "甲",
    }
    return known | changed


def versions(gate, woman):
    found = gate.about(woman, VisitVersion).order_by("version")
    return [each.answers["weight_kg"] for each in found]


def test_the_second_sees_both_versions_and_chooses(visit, client, second, gate, woman):
    address = f"/visits/{visit.public_id}"
    first = client.post(address, standing(visit, weight_kg="51", follow_up_note="乙"))
    assert first.status_code == 302
    answer = second.post(address, standing(visit, weight_kg="52", height_cm="149", falls_12m="1"))
    assert answer.status_code == 409
    assert gate.about(woman, Visit).get().answers["weight_kg"] == 51
    text = answer.content.decode()
    page = form_page.read(text)
    for words in ("51 kg", "52 kg", "150 cm", "149 cm", "甲", "乙"):
        assert words in text
    # what only one changed is chosen already; what both changed waits for a choice
    assert page.fields["choose-height_cm"] == "mine"
    assert page.fields["choose-falls_12m"] == "mine"
    assert page.fields["choose-follow_up_note"] == "theirs"
    assert "choose-weight_kg" in page.radios
    assert "choose-weight_kg" not in page.fields

    unchosen = second.post(address, page.fields)
    assert unchosen.status_code == 409
    assert "请为每一项作出选择" in unchosen.content.decode()
    kept = form_page.read(unchosen.content.decode()).fields
    assert kept["choose-height_cm"] == "mine"

    done = second.post(address, kept | {"choose-weight_kg": "mine"})
    assert done.status_code == 302
    saved = gate.about(woman, Visit).get()
    assert saved.version == 3
    assert saved.answers["weight_kg"] == 52
    assert saved.answers["height_cm"] == 149
    assert saved.answers["falls_12m"] == 1
    assert saved.answers["follow_up_note"] == "乙"
    assert versions(gate, woman) == [50, 51, 52]  # nothing is lost
    known = snapshot(gate.facts(woman), today(), load()).frame.row(0, named=True)
    assert (known["weight_kg"], known["height_cm"]) == (52, 149)


def test_somebody_saves_again_while_choosing(visit, client, second, gate, woman):
    address = f"/visits/{visit.public_id}"
    client.post(address, standing(visit, weight_kg="51"))
    page = form_page.read(second.post(address, standing(visit, weight_kg="52")).content.decode())
    client.post(address, standing(visit, weight_kg="53", version="2"))
    again = second.post(address, page.fields | {"choose-weight_kg": "mine"})
    assert again.status_code == 409
    assert "53 kg" in again.content.decode()
    fields = form_page.read(again.content.decode()).fields
    assert second.post(address, fields | {"choose-weight_kg": "theirs"}).status_code == 302
    assert gate.about(woman, Visit).get().answers["weight_kg"] == 53
    assert versions(gate, woman) == [50, 51, 53, 53]


def test_the_day_can_differ_too(visit, client, second, gate, woman):
    address = f"/visits/{visit.public_id}"
    client.post(address, standing(visit, happened_on="2026-11-01"))
    page = form_page.read(
        second.post(address, standing(visit, happened_on="2026-11-02")).content.decode()
    )
    assert "choose-happened_on" in page.radios
    second.post(address, page.fields | {"choose-happened_on": "theirs"})
    assert gate.about(woman, Visit).get().happened_on.isoformat() == "2026-11-01"


def test_a_correction_without_a_day_keeps_the_day(save, client, gate, woman):
    visit = save("home", weight_kg="50", happened_on="2026-03-01")
    client.post(f"/visits/{visit.public_id}", {"version": "1", "weight_kg": "51"})
    assert gate.about(woman, Visit).get().happened_on.isoformat() == "2026-03-01"


def test_an_answer_taken_back_by_one_stays_choosable(visit, client, second, gate, woman):
    address = f"/visits/{visit.public_id}"
    client.post(address, standing(visit, falls_12m="unknown"))
    text = second.post(address, standing(visit, falls_12m="2")).content.decode()
    page = form_page.read(text)
    second.post(address, page.fields | {"choose-falls_12m": "theirs"})
    assert gate.about(woman, Visit).get().answers["falls_12m"] is None


@pytest.mark.parametrize("version", ["", "0", "7", "x", "99999999999"])
def test_a_version_that_never_was_saves_nothing(version, visit, client, gate, woman):
    answer = client.post(f"/visits/{visit.public_id}", standing(visit, version=version))
    assert answer.status_code == 404
    assert versions(gate, woman) == [50]


def test_faults_in_a_correction_keep_the_version_it_began_from(visit, client, gate, woman):
    address = f"/visits/{visit.public_id}"
    answer = client.post(address, standing(visit, weight_kg="abc"))
    assert answer.status_code == 422
    page = form_page.read(answer.content.decode())
    assert page.fields["version"] == "1"
    assert page.fields["weight_kg"] == "abc"
    client.post(address, standing(visit, weight_kg="51"))
    assert client.post(address, page.fields | {"weight_kg": "52"}).status_code == 409


def test_a_form_changed_after_it_was_saved_and_sent_again_loses_nothing(
    send, save, client, gate, woman
):
    """The browser's "back": the key of the form is that of the visit saved before."""
    key = str(uuid4())
    visit = save("home", request_key=key, weight_kg="50", height_cm="150")
    answer = send("home", request_key=key, weight_kg="51", falls_12m="2")
    assert answer.status_code == 409
    text = answer.content.decode()
    for words in ("50 kg", "51 kg", "150 cm"):
        assert words in text
    assert gate.about(woman, Visit).get().answers == {"weight_kg": 50.0, "height_cm": 150.0}
    page = form_page.read(text)
    assert page.fields["choose-weight_kg"] == "mine"
    assert f'action="/visits/{visit.public_id}"' in text
    done = client.post(f"/visits/{visit.public_id}", page.fields | {"choose-height_cm": "theirs"})
    assert done.status_code == 302
    saved = gate.about(woman, Visit).get()
    assert saved.version == 2
    assert (saved.answers["weight_kg"], saved.answers["falls_12m"]) == (51, 2)
    assert saved.answers["height_cm"] == 150
    # the very first form once more, held up by the network: nothing new, nothing to choose
    assert send("home", request_key=key, weight_kg="50", height_cm="150").status_code == 302
    assert gate.about(woman, Visit).get().version == 2


def test_every_answer_of_a_form_sent_twice_is_known_again(page, send, gate, woman):
    """Also of questions that are not asked any more, once they were answered."""
    opened = page("screening")
    told = opened.fields | {"weight_kg": "50", "height_cm": "150", "height_peak_cm": "158"}
    told |= {"ethnic_group": "chinese", "postmenopausal": "yes", "sure-fractures": "yes"}
    for _ in range(2):
        assert send("screening", **told).status_code == 302
    visit = gate.about(woman, Visit).get()
    assert (visit.version, visit.answers["ethnic_group"]) == (1, "chinese")


def test_a_correction_sent_twice_is_one_version(visit, client, gate, woman):
    address = f"/visits/{visit.public_id}"
    for _ in range(2):
        answer = client.post(address, standing(visit, weight_kg="51"))
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"{address}/saved"
    assert versions(gate, woman) == [50, 51]


def test_a_correction_keeps_what_this_form_does_not_ask(client, nurse, gate, woman, told):
    client.force_login(nurse)
    visit = told("phone", falls_12m=1, grip_strength_kg=18.0)
    client.post(f"/visits/{visit.public_id}", {"version": "1", "falls_12m": "2"})
    saved = gate.about(woman, Visit).get()
    assert saved.answers == {"falls_12m": 2.0, "grip_strength_kg": 18.0}
