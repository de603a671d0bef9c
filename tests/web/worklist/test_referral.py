"""The life of a referral, who may see whom because of it, and for how long."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.http import Http404
from django.utils import timezone

from careloop.web.accounts.models import Organisation
from careloop.web.audit.models import Entry
from careloop.web.care.models import Referral, Standing
from careloop.web.registry.resident import Resident

from .. import factory


@pytest.fixture
def hospital(tree):
    """A hospital beside the one above the centre: it reaches none of its people."""
    return Organisation.objects.create(name="区人民医院", kind="hospital", parent=tree.bureau)


def send(client, who, to, **fields):
    told = {"to": str(to.public_id), "reason": "骨密度", "request_key": str(uuid4())} | fields
    return client.post(f"/people/{who.public_id}/refer", told)


def step(client, referral, name, text=""):
    return client.post(f"/referrals/{referral.public_id}", {"step": name, "text": text})


def test_a_referral_lives_through_its_states_and_both_sides_see_them(tree, people, login, hospital):
    who = people.listed(tree.clinic)
    village, doctor = login("village_doctor", tree.clinic), login("doctor", hospital)
    assert doctor.get(f"/referrals/{uuid4()}").status_code == 404
    send(village, who, hospital, urgent="1")
    referral = Referral.gated.get()
    page = f"/referrals/{referral.public_id}"
    assert (referral.state, referral.urgent) == ("sent", True)
    assert who.name in doctor.get("/referrals").content.decode()
    assert who.name in doctor.get("/").content.decode()
    assert "not acknowledged yet" in village.get(page).content.decode()
    step(doctor, referral, "acknowledge")
    assert "acknowledged, not answered yet" in village.get("/referrals?way=out").content.decode()
    assert step(doctor, referral, "answer").status_code == 422
    step(doctor, referral, "answer", "已检查，回村随访")
    referral.refresh_from_db()
    assert referral.state == "answered"
    assert referral.answered_by == doctor.user
    assert "已检查，回村随访" in village.get(page).content.decode()
    assert who.name not in doctor.get("/referrals").content.decode()
    assert who.name in doctor.get("/referrals?state=answered").content.decode()
    details = [e.detail.get("step") for e in Entry.objects.filter(action="referral.write")]
    assert details == [None, "acknowledge", "answer"]


def test_where_one_can_refer_to(tree, people, login, hospital):
    who = people.listed(tree.clinic)
    far = people.listed(tree.other_centre)
    village = login("village_doctor", tree.clinic)
    page = village.get(f"/people/{who.public_id}/refer").content.decode()
    for place, there in (
        (tree.centre, True),
        (tree.hospital, True),
        (hospital, True),
        (tree.other_centre, False),
        (tree.other_clinic, False),
        (tree.bureau, False),
        (tree.clinic, False),
    ):
        assert (f'<option value="{place.public_id}"' in page) is there, place
    assert send(village, who, tree.other_centre).status_code == 422
    assert village.get(f"/people/{far.public_id}/refer").status_code == 404
    back = login("doctor", tree.hospital).get(f"/people/{who.public_id}/refer").content.decode()
    assert "Down" in back
    assert f'<option value="{tree.clinic.public_id}"' in back


def test_the_reason_is_proposed_from_what_is_known(tree, people, login):
    who = people.listed(
        tree.clinic,
        "injection_due",
        alarm=True,
        reasons=["overdue"],
        answers={"next_step_because": "osta_raised"},
    )
    page = login("nurse", tree.centre).get(f"/people/{who.public_id}/refer").content.decode()
    assert "refer for DXA: OSTA ≤ −1" in page
    assert "Denosumab due: more than a month late" in page


# --- access because of a referral


def opens(client, who):
    try:
        return factory.Gate(client.user).open(who.public_id) == who
    except Http404:
        return False


def test_the_receiving_place_opens_the_person_while_it_runs(tree, people, login, hospital):
    who, other = people.listed(tree.clinic), people.listed(tree.clinic)
    doctor, village = login("doctor", hospital), login("village_doctor", tree.clinic)
    assert not opens(doctor, who)
    send(village, who, hospital)
    referral = Referral.gated.get()
    assert opens(doctor, who)
    assert not opens(doctor, other)
    assert list(factory.Gate(doctor.user).residents()) == [who]
    assert not factory.Gate(doctor.user).rows(Standing).exists()  # the day's lists stay one's own
    assert opens(login("doctor", tree.bureau), who)  # above the receiving place, as always
    for stranger in (login("doctor", tree.other_centre), login("nurse", tree.other_clinic)):
        assert not opens(stranger, who)
    step(doctor, referral, "answer", "好")
    assert opens(doctor, who)  # for 30 days more
    Referral.gated.update(answered_at=timezone.now() - timedelta(days=29, hours=23))
    assert opens(doctor, who)
    Referral.gated.update(answered_at=timezone.now() - timedelta(days=30, minutes=1))
    assert not opens(doctor, who)
    assert doctor.get(f"/referrals/{referral.public_id}").status_code == 404
    assert village.get(f"/referrals/{referral.public_id}").status_code == 200


def test_a_cancelled_referral_closes_the_door_too(tree, people, login, hospital):
    who = people.listed(tree.clinic)
    doctor, village = login("doctor", hospital), login("village_doctor", tree.clinic)
    send(village, who, hospital)
    referral = Referral.gated.get()
    assert step(village, referral, "cancel").status_code == 422
    step(village, referral, "cancel", "已自行就诊")
    assert Referral.gated.get().state == "cancelled"
    assert opens(doctor, who)
    assert "已自行就诊" in doctor.get(f"/referrals/{referral.public_id}").content.decode()
    Referral.gated.update(cancelled_at=timezone.now() - timedelta(days=31))
    assert not opens(doctor, who)


def test_a_receiving_place_may_send_the_person_back(tree, people, login, hospital):
    who = people.listed(tree.clinic)
    doctor, village = login("doctor", hospital), login("village_doctor", tree.clinic)
    send(village, who, hospital)
    assert send(doctor, who, tree.clinic).status_code == 302
    back = Referral.gated.get(from_organisation=hospital)
    assert who.name in village.get("/referrals").content.decode()
    step(village, back, "acknowledge")
    assert "acknowledged" in doctor.get("/referrals?way=out").content.decode()


# --- who may take which step, and once


def test_only_the_receiver_answers_and_only_the_sender_cancels(tree, people, login, hospital):
    who = people.listed(tree.clinic)
    village, doctor = login("village_doctor", tree.clinic), login("doctor", hospital)
    send(village, who, hospital)
    referral = Referral.gated.get()
    assert step(village, referral, "acknowledge").status_code == 403
    assert step(village, referral, "answer", "x").status_code == 403
    assert step(doctor, referral, "cancel", "x").status_code == 403
    assert step(login("nurse", tree.centre), referral, "cancel", "x").status_code == 403
    assert step(doctor, referral, "nonsense").status_code == 404
    assert Referral.gated.get().state == "sent"


def test_whoever_comes_second_is_told(tree, people, login, hospital):
    who = people.listed(tree.clinic)
    village, doctor = login("village_doctor", tree.clinic), login("doctor", hospital)
    send(village, who, hospital)
    referral = Referral.gated.get()
    step(village, referral, "cancel", "已自行就诊")
    response = doctor.post(
        f"/referrals/{referral.public_id}", {"step": "answer", "text": "好"}, follow=True
    )
    assert "Somebody else was faster" in response.content.decode()
    found = Referral.gated.get()
    assert (found.state, found.answer) == ("cancelled", "")


def test_the_same_form_twice_is_one_referral(tree, people, login):
    who, key = people.listed(tree.clinic), str(uuid4())
    village = login("village_doctor", tree.clinic)
    for _ in range(2):
        assert send(village, who, tree.centre, request_key=key).status_code == 302
    assert Referral.gated.count() == 1


@pytest.mark.parametrize(("hours", "late"), [(71, False), (73, True)])
def test_what_nobody_acknowledges_is_flagged_after_three_days(hours, late, tree, people, login):
    who = people.listed(tree.clinic)
    village, nurse = login("village_doctor", tree.clinic), login("nurse", tree.centre)
    send(village, who, tree.centre)
    Referral.gated.update(sent_at=timezone.now() - timedelta(hours=hours))
    assert ("over 3 days</span>" in nurse.get("/referrals").content.decode()) is late
    assert (who.name in nurse.get("/referrals?state=late").content.decode()) is late
    step(nurse, Referral.gated.get(), "acknowledge")
    assert who.name not in nurse.get("/referrals?state=late").content.decode()


def test_words_in_a_referral_never_become_markup(tree, people, login):
    who = people.listed(tree.clinic)
    village, nurse = login("village_doctor", tree.clinic), login("nurse", tree.centre)
    bad = "<img src=x onerror=alert(1)>"
    send(village, who, tree.centre, reason=bad)
    referral = Referral.gated.get()
    step(nurse, referral, "answer", bad)
    for path in (f"/referrals/{referral.public_id}", "/referrals?state=all", "/"):
        assert bad not in nurse.get(path).content.decode()


def test_queries_do_not_grow_with_referrals(tree, people, login, django_assert_max_num_queries):
    village, nurse = login("village_doctor", tree.clinic), login("nurse", tree.centre)

    def add(number):
        for _ in range(number):
            send(village, people.listed(tree.clinic), tree.centre)

    add(1)
    with django_assert_max_num_queries(30) as taken:
        nurse.get("/referrals")
    few = len(taken)
    add(20)
    with django_assert_max_num_queries(few):
        nurse.get("/referrals")
    assert Resident.gated.count() == 21


def test_the_sender_is_told_at_once_what_nobody_has_acknowledged(tree, people, login, hospital):
    who = people.listed(tree.clinic)
    village, doctor = login("village_doctor", tree.clinic), login("doctor", hospital)
    send(village, who, hospital, urgent="1")
    said = "Sent from here and not acknowledged for over 3 days: 1"
    assert said not in village.get("/").content.decode()
    Referral.gated.update(sent_at=timezone.now() - timedelta(days=3, hours=1))
    assert said in village.get("/").content.decode()
    assert said not in doctor.get("/").content.decode()
    step(doctor, Referral.gated.get(), "acknowledge")
    assert said not in village.get("/").content.decode()


@pytest.mark.parametrize(("state", "word"), [("dead", "deceased"), ("moved", "moved away")])
def test_nobody_waits_for_whoever_is_gone(state, word, tree, people, login, hospital):
    who = people.listed(tree.clinic)
    village, doctor = login("village_doctor", tree.clinic), login("doctor", hospital)
    send(village, who, hospital)
    referral = Referral.gated.get()
    Referral.gated.update(sent_at=timezone.now() - timedelta(days=4))
    Resident.gated.update(state=state)
    Standing.gated.all().delete()
    assert who.name not in doctor.get("/").content.decode()
    assert "not acknowledged for over 3 days" not in village.get("/").content.decode()
    assert word in doctor.get("/referrals").content.decode()  # still to be closed, and marked
    assert word in doctor.get(f"/referrals/{referral.public_id}").content.decode()


def test_a_form_sent_again_with_other_words_does_not_pretend(tree, people, login):
    who, village = people.listed(tree.clinic), login("village_doctor", tree.clinic)
    key = str(uuid4())
    send(village, who, tree.centre, request_key=key)
    response = send(village, who, tree.centre, request_key=key, urgent="1")
    page = village.get(response.headers["Location"]).content.decode()
    assert "It stands as it was" in page
    assert not Referral.gated.get().urgent
