"""The day at a glance: alarms on top in words, what is due, referrals and messages."""

from __future__ import annotations

from uuid import uuid4

from django.utils import timezone

from careloop.web.audit.models import Entry
from careloop.web.care.models import Message, Referral
from careloop.web.care.standing import PROGRAMME
from careloop.web.care.worklist import day

from .. import factory


def test_the_rebound_alarm_stands_on_top_in_words(tree, people, login):
    people.listed(tree.clinic, name="低危")
    people.listed(
        tree.clinic,
        "injection_due",
        name="逾期",
        alarm=True,
        reasons=["overdue"],
        phone="13100001111",
    )
    text = login("village_doctor", tree.clinic).get("/").content.decode()
    alarm = text.index("more than a month late: vertebral fractures rebound, call today")
    assert alarm < text.index("低危")
    assert text.index("逾期") < text.index("低危")
    assert 'href="tel:13100001111"' in text[:alarm]


def test_a_list_shows_its_first_people_and_how_many_there_are(tree, people, login):
    for number in range(8):
        people.listed(tree.clinic, rank=number, name=f"号{number}")
    text = login("nurse", tree.centre).get("/").content.decode()
    assert "号4" in text
    assert "号5" not in text
    assert "All 8" in text
    assert "Nobody now: Due today, Overdue" in text


def test_a_list_of_thousands_is_counted_on_its_own_page(tree, people, login, monkeypatch):
    monkeypatch.setattr(day, "COUNTED", 3)
    nurse = login("nurse", tree.centre)
    for number in range(5):
        people.listed(tree.clinic, name=f"号{number}")
        text = nurse.get("/").content.decode()
        assert (f">{number + 1}</span>" in text) is (number < 3)
        assert (">3+</span>" in text) is (number >= 3)
    assert '<span class="count">5</span>' in nurse.get("/lists").content.decode()


def test_due_referrals_and_messages_are_there(tree, people, login):
    task = people.due(tree.clinic, 0, name="今到期")
    late = people.due(tree.clinic, -2, name="已逾期")
    nurse, village = login("nurse", tree.centre), login("village_doctor", tree.clinic)
    Referral.gated.create(
        request_key=uuid4(),
        resident=task.resident,
        organisation=tree.clinic,
        from_organisation=tree.clinic,
        to_organisation=tree.centre,
        reason="…",
        author=village.user,
    )
    for read_at in (None, timezone.now()):
        Message.gated.create(
            resident=late.resident,
            organisation=tree.clinic,
            author=village.user,
            from_resident=True,
            text="疼",
            read_at=read_at,
        )
    text = nurse.get("/").content.decode()
    for words in ("今到期", "已逾期", "Referrals waiting for me", "Messages not read yet"):
        assert words in text
    assert "Referrals waiting" not in village.get("/").content.decode()  # sent, not received
    assert Entry.objects.filter(action="list", detail={"page": "today"}).count() == 2


def test_a_place_can_be_chosen(tree, people, login):
    people.listed(tree.clinic, name="东一人")
    people.listed(tree.other_clinic, name="东二人")
    nurse = login("nurse", tree.centre)
    for path in ("/", "/lists"):
        response = nurse.get(path, {"place": str(tree.clinic.public_id)})
        assert response.status_code == 200
    text = nurse.get("/", {"place": str(tree.clinic.public_id)}).content.decode()
    assert "东一人" in text
    assert "东二人" not in text


def test_an_empty_day_says_so(tree, login):
    text = login("nurse", tree.centre).get("/").content.decode()
    assert "Nothing is due today" in text


def test_a_patient_is_led_to_their_own_record(tree, login):
    client = login("patient", None, resident=factory.resident(tree.clinic))
    assert client.get("/").headers["Location"] == "/me"


def test_what_counts_is_of_this_programme(tree, people, login):
    task = people.due(tree.clinic, 0, name="别的")
    type(task).gated.update(programme=f"not {PROGRAMME}"[:40])
    assert "别的" not in login("nurse", tree.centre).get("/").content.decode()
