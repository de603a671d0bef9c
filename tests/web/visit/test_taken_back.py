"""A visit recorded for the wrong person is taken back whole: no fact, no contact, nothing lost."""

from __future__ import annotations

from uuid import uuid4

import pytest

from careloop.care.schedule import months_after
from careloop.web.care.models import Listed, Task, Visit, VisitVersion
from careloop.web.care.recording import Contact, record_visit
from careloop.web.care.standing import today

from . import form_page
from .test_outcome import by_hand, row, states, tasks

START = {"osteoporosis_treatment_current": "yes"}


@pytest.fixture
def overdue(save, gate, woman):
    """Somebody whose visit is overdue, and the task that says so."""
    start = months_after(today(), -4)
    told = START | {"bone_treatment_started_on": f"{start}", "happened_on": f"{start}"}
    save("hospital", **told)
    return gate.about(woman, Task).get(kind="treatment_1m", state="open")


@pytest.mark.parametrize("kind", ["home", "phone"])
def test_what_was_recorded_for_the_wrong_person_is_taken_back(
    kind, overdue, save, client, gate, woman
):
    hand = by_hand(woman, today())
    before, due = row(gate, woman), tasks(gate, woman)
    visit = save(kind, falls_12m="3", fracture_new="yes", medicine_adherence="not_taken", **START)
    assert states(overdue, hand) == ["done", "done"]
    assert gate.about(woman, Listed).filter(worklist="alert").exists()

    record = f"/people/{woman.public_id}/record"
    name = {"home": "家庭随访", "phone": "电话随访"}[kind]
    assert name in client.get(record).content.decode()
    address = f"/visits/{visit.public_id}"
    assert 'name="take-back"' in client.get(address).content.decode()
    answer = client.post(address, {"version": "1", "take-back": "1", "falls_12m": "3"})
    assert answer.status_code == 302
    assert states(overdue, hand) == ["open", "open"]
    assert tasks(gate, woman) == due
    assert row(gate, woman) == before
    assert not gate.about(woman, Listed).filter(worklist="alert").exists()
    assert "不算一次联系" in client.get(answer.headers["Location"]).content.decode()

    assert "已撤回" in client.get(f"/people/{woman.public_id}").content.decode()
    assert name not in client.get(record).content.decode()

    page = client.get(address).content.decode()  # and brought back
    assert 'name="take-back"' not in page
    held = form_page.read(page).fields
    assert (held["falls_12m"], held["version"]) == ("3", "2")
    assert client.post(address, held).status_code == 302
    assert states(overdue) == ["done"]
    assert row(gate, woman)["falls_12m"] == 3
    assert [bool(one.answers) for one in gate.about(woman, VisitVersion).filter(visit=visit)] == [
        True,
        False,
        True,
    ]


def test_a_form_that_needs_an_answer_is_taken_back_without(save, client, gate, woman):
    visit = save("screening", weight_kg="50")
    assert tasks(gate, woman)
    client.post(f"/visits/{visit.public_id}", {"version": "1", "take-back": "1"})
    assert tasks(gate, woman) == []
    assert row(gate, woman).get("weight_kg") is None


def test_an_empty_form_is_no_contact(overdue, save, client, gate, woman):
    visit = save("home")
    assert visit.answers == {}
    assert states(overdue) == ["open"]
    assert "不算一次联系" in client.get(f"/visits/{visit.public_id}/saved").content.decode()


def test_one_corrects_what_the_other_took_back(save, client, gate, woman):
    visit = save("home", weight_kg="50", height_cm="150")
    address = f"/visits/{visit.public_id}"
    assert client.post(address, {"version": "1", "take-back": "1"}).status_code == 302
    answer = client.post(address, {"version": "1", "weight_kg": "51", "height_cm": "150"})
    assert answer.status_code == 409
    page = form_page.read(answer.content.decode())
    assert page.fields["choose-height_cm"] == "theirs"  # taken back, and not written anew
    assert "choose-weight_kg" not in page.fields  # both changed it
    assert client.post(address, page.fields | {"choose-weight_kg": "mine"}).status_code == 302
    assert gate.about(woman, Visit).get().answers == {"weight_kg": 51.0}


def test_one_takes_back_what_the_other_corrected(save, client, gate, woman):
    visit = save("home", weight_kg="50", height_cm="150")
    address = f"/visits/{visit.public_id}"
    corrected = {"version": "1", "weight_kg": "51", "height_cm": "150"}
    assert client.post(address, corrected).status_code == 302
    answer = client.post(address, {"version": "1", "take-back": "1"})
    assert answer.status_code == 409
    assert gate.about(woman, Visit).get().answers["weight_kg"] == 51
    page = form_page.read(answer.content.decode())
    assert client.post(address, page.fields | {"choose-weight_kg": "mine"}).status_code == 302
    assert gate.about(woman, Visit).get().answers == {}


def test_an_examination_leads_to_the_page_that_corrects_it(client, nurse, gate, woman):
    contact = Contact("dxa", today(), {"t_total_hip": -1.0})
    visit = record_visit(gate, woman, contact, request_key=uuid4())
    client.force_login(nurse)
    answer = client.get(f"/visits/{visit.public_id}")
    assert answer.headers["Location"] == f"/visits/{visit.public_id}/saved"


@pytest.mark.parametrize(("state", "word"), [("dead", "死亡"), ("moved", "迁出")])
def test_a_form_asks_whether_it_is_the_right_person(state, word, client, nurse, woman):
    client.force_login(nurse)
    address = f"/people/{woman.public_id}/visit/home"
    assert word not in client.get(address).content.decode()
    woman.state = state
    woman.save()
    assert word in client.get(address).content.decode()
