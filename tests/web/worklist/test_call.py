"""Results of calls: who leaves a list, until when, who comes back, and taking it back."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from careloop.web.audit.models import Entry
from careloop.web.care import called
from careloop.web.care.models import Call, Listed, Task, Visit
from careloop.web.care.standing import PROGRAMME, today
from careloop.web.care.worklist import query
from careloop.web.care.worklist.selection import Selection

from .. import factory
from .test_list import names


def in_days(number):
    return (today() + timedelta(days=number)).isoformat()


def tell(client, who, about, result, **fields):
    """Send the form of a call; returns the response."""
    told = {
        "about": about,
        "result": result,
        "agreed_on": in_days(3),
        "later_on": in_days(3),
        "request_key": str(uuid4()),
    } | fields
    return client.post(f"/people/{who.public_id}/call", told)


def visit(who, author):
    """Record something, as far as lists are concerned."""
    Visit.gated.create(
        request_key=uuid4(),
        resident=who,
        organisation=who.organisation,
        programme=PROGRAMME,
        kind="home",
        happened_on=today(),
        author=author,
        source="s",
    )
    called.bring(who)


def remind(on, **which):
    """Let what was agreed on be about another day."""
    Call.gated.filter(**which).update(remind_on=on)
    for call in Call.gated.all():
        called.bring(call.resident)


def on_list(client, key="dxa_wanted"):
    return names(client.get(f"/lists/{key}"))


@pytest.fixture
def nurse(tree, login):
    return login("nurse", tree.centre)


# --- who may


def test_a_call_reaches_ones_own_region_only(tree, people, nurse):
    near, far = people.listed(tree.clinic), people.listed(tree.other_centre)
    assert nurse.get(f"/people/{far.public_id}/call").status_code == 404
    assert tell(nurse, far, ["dxa_wanted"], "later").status_code == 404
    assert not Call.gated.exists()
    assert tell(nurse, near, ["dxa_wanted"], "later").status_code == 302


# --- each result


def test_later_hides_until_the_day(tree, people, nurse, monkeypatch):
    who = people.listed(tree.clinic)
    assert len(on_list(nurse)) == 1
    assert tell(nurse, who, ["dxa_wanted"], "later", later_on=in_days(2)).status_code == 302
    assert on_list(nurse) == []
    assert len(names(nurse.get("/lists/dxa_wanted?waiting=1"))) == 1
    remind(today() + timedelta(days=1))
    assert on_list(nurse) == []
    remind(today())
    assert len(on_list(nurse)) == 1


def test_agreed_hides_and_makes_a_task_for_the_day(tree, people, nurse):
    who = people.listed(tree.clinic)
    tell(nurse, who, ["dxa_wanted"], "agreed", agreed_on=in_days(0))
    assert on_list(nurse) == []
    task = Task.gated.get(resident=who)
    assert (task.kind, task.due_on, task.state) == ("agreed", today(), "open")
    assert len(on_list(nurse, "calls")) == 1
    assert "agreed to come" in nurse.get("/lists/calls").content.decode()
    remind(today() - timedelta(days=1))  # did not come
    assert len(on_list(nurse)) == 1


def test_removed_stays_away_until_something_is_recorded(tree, people, nurse):
    who = people.listed(tree.clinic)
    visit(who, nurse.user)
    tell(nurse, who, ["dxa_wanted"], "removed", reason="refused")
    assert on_list(nurse) == []
    visit(who, nurse.user)
    assert len(on_list(nurse)) == 1


def test_a_removed_task_is_closed_with_its_reason(tree, people, nurse):
    task = people.due(tree.clinic, -4)
    tell(nurse, task.resident, [str(task.public_id)], "removed", reason="other", note="在外地")
    assert Task.gated.get().state == "removed"
    assert on_list(nurse, "overdue") == []
    call = Call.gated.get()
    assert (call.reason, call.note, call.task_id) == ("other", "在外地", task.pk)


def test_a_task_put_off_leaves_overdue_and_comes_back(tree, people, nurse):
    task = people.due(tree.clinic, -4)
    tell(nurse, task.resident, [str(task.public_id)], "agreed", agreed_on=in_days(1))
    assert on_list(nurse, "overdue") == on_list(nurse, "calls") == []
    assert Task.gated.get().due_on == task.due_on  # what was due stays what was due
    remind(today())
    assert len(on_list(nurse, "calls")) == 1
    assert on_list(nurse, "overdue") == []
    remind(today() - timedelta(days=1))
    assert on_list(nurse, "calls") == []
    assert len(on_list(nurse, "overdue")) == 1


@pytest.mark.parametrize("reason", ["died", "moved"])
def test_a_death_or_a_move_leads_to_the_outcome(reason, tree, people, nurse):
    who = people.listed(tree.clinic)
    response = tell(nurse, who, ["dxa_wanted"], "removed", reason=reason)
    assert response.headers["Location"] == f"/people/{who.public_id}/visit/outcome"
    who.refresh_from_db()
    assert who.state == "active"  # only the recorded outcome changes that


# --- only what the call was about


def test_a_call_is_about_what_was_ticked(tree, people, nurse):
    who = people.listed(tree.clinic)
    Listed.gated.create(
        resident=who,
        organisation=tree.clinic,
        programme=PROGRAMME,
        worklist="injection_due",
        rank=-1e7,
        because={"alarm": True, "reasons": ["overdue"]},
        since=today(),
    )
    page = nurse.get(f"/people/{who.public_id}/call?list=dxa_wanted").content.decode()
    assert 'value="dxa_wanted" checked' in page
    assert 'value="injection_due">' in page  # the alarm is not put off unless somebody ticks it
    tell(nurse, who, ["dxa_wanted"], "later")
    assert on_list(nurse) == []
    assert len(on_list(nurse, "injection_due")) == 1


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"result": "agreed", "agreed_on": ""}, "Choose a day."),
        ({"result": "agreed", "agreed_on": "2001-01-01"}, "Choose today or a later day."),
        ({"result": "later", "later_on": "2001-01-01"}, "Choose a day after today."),
        ({"result": "removed"}, "Choose a reason."),
        ({"result": "removed", "reason": "other"}, "Write the reason in a few words."),
        ({"result": "nonsense"}, "Choose what came of the call."),
        ({"result": "agreed", "about": []}, "Tick what the call was about."),
        ({"result": "agreed", "about": ["injection_due"]}, "Tick what the call was about."),
    ],
)
def test_an_unfinished_form_says_what_is_missing(fields, word, tree, people, nurse):
    who = people.listed(tree.clinic)
    told = {"about": ["dxa_wanted"], "result": "agreed"} | fields
    response = tell(nurse, who, told.pop("about"), told.pop("result"), **told)
    assert response.status_code == 422
    assert word in response.content.decode()
    assert not Call.gated.exists()


def test_the_same_form_twice_is_one_call(tree, people, nurse):
    who = people.listed(tree.clinic)
    key = str(uuid4())
    for _ in range(2):
        assert tell(nurse, who, ["dxa_wanted"], "later", request_key=key).status_code == 302
    assert Call.gated.count() == 1
    assert Entry.objects.filter(action="visit.write").count() == 1


def test_a_form_sent_again_with_another_result_is_a_newer_result(tree, people, nurse):
    who = people.listed(tree.clinic)
    key = str(uuid4())
    tell(nurse, who, ["dxa_wanted"], "removed", reason="died", request_key=key)
    tell(nurse, who, ["dxa_wanted"], "later", later_on=in_days(5), request_key=key)
    found = Call.gated.order_by("pk").values_list("result", "holds")
    assert list(found) == [("removed", False), ("later", True)]


def test_a_call_never_leads_to_another_site(tree, people, nurse):
    who = people.listed(tree.clinic)
    response = tell(nurse, who, ["dxa_wanted"], "later", next="https://example.org/")
    assert response.headers["Location"] == f"/people/{who.public_id}"


# --- newest result, undo


def test_the_newest_result_holds_and_undo_brings_back_the_one_before(tree, people, nurse):
    who = people.listed(tree.clinic)
    tell(nurse, who, ["dxa_wanted"], "removed", reason="refused")
    tell(nurse, who, ["dxa_wanted"], "later", later_on=in_days(1))
    remind(today(), result="later")
    assert len(on_list(nurse)) == 1  # the later result counts, not the removal
    newest = Call.gated.get(result="later")
    nurse.post(f"/people/{who.public_id}/call", {"undo": newest.pk})
    assert on_list(nurse) == []
    nurse.post(f"/people/{who.public_id}/call", {"undo": Call.gated.get(result="removed").pk})
    assert len(on_list(nurse)) == 1
    assert Call.gated.filter(undone_at=None).count() == 0
    assert "undone" in nurse.get(f"/people/{who.public_id}/call").content.decode()


def test_undo_reopens_a_removed_task_and_drops_an_agreed_one(tree, people, nurse):
    task = people.due(tree.clinic, -4)
    who = task.resident
    tell(nurse, who, [str(task.public_id)], "removed", reason="refused")
    nurse.post(f"/people/{who.public_id}/call", {"undo": Call.gated.get().pk})
    assert Task.gated.get().state == "open"
    other = people.listed(tree.clinic)
    tell(nurse, other, ["dxa_wanted"], "agreed", agreed_on=in_days(5))
    nurse.post(f"/people/{other.public_id}/call", {"undo": Call.gated.get(resident=other).pk})
    assert Task.gated.get(resident=other).state == "removed"
    tell(nurse, other, ["dxa_wanted"], "agreed", agreed_on=in_days(5))  # and agreed again
    assert Task.gated.get(resident=other).state == "open"


def test_nobody_undoes_a_call_to_somebody_else(tree, people, nurse):
    one, other = people.listed(tree.clinic), people.listed(tree.clinic)
    tell(nurse, one, ["dxa_wanted"], "later")
    nurse.post(f"/people/{other.public_id}/call", {"undo": Call.gated.get().pk})
    assert Call.gated.get().undone_at is None
    for strange in ("x", "-1", "²", "2026-11-22"):
        assert nurse.post(f"/people/{one.public_id}/call", {"undo": strange}).status_code == 302
    assert Call.gated.get().undone_at is None


# --- several at once


def test_a_batch_puts_off_everybody_ticked_and_can_be_undone(tree, people, nurse):
    picked = [people.listed(tree.clinic) for _ in range(3)]
    people.listed(tree.clinic, name="留下")
    response = nurse.post(
        "/lists/dxa_wanted",
        {
            "pick": [str(who.public_id) for who in picked],
            "action": "later",
            "on": in_days(7),
            "request_key": str(uuid4()),
        },
        follow=True,
    )
    assert names(response) == ["留下"]
    assert "Recorded. People: 3." in response.content.decode()
    assert Entry.objects.filter(action="visit.write").count() == 3
    key = Call.gated.values_list("request_key", flat=True).first()
    nurse.post("/lists/dxa_wanted", {"action": "undo", "request_key": str(key)})
    assert len(on_list(nurse)) == 4


def test_a_batch_leaves_other_regions_alone(tree, people, nurse):
    far = people.listed(tree.other_centre)
    nurse.post(
        "/lists/dxa_wanted",
        {
            "pick": [str(far.public_id), "nonsense"],
            "action": "later",
            "on": in_days(7),
            "request_key": str(uuid4()),
        },
    )
    assert not Call.gated.exists()


def test_a_batch_sets_follow_ups_and_prints(tree, people, nurse):
    who = people.listed(tree.clinic)
    told = {"pick": [str(who.public_id)], "on": in_days(4), "request_key": str(uuid4())}
    nurse.post("/lists/dxa_wanted", told | {"action": "assign"})
    task = Task.gated.get()
    assert (task.kind, task.due_on) == ("assigned", today() + timedelta(days=4))
    assert len(on_list(nurse)) == 1  # still on the list: nobody was called
    response = nurse.post("/lists/dxa_wanted", told | {"action": "print"})
    assert response.headers["Location"] == f"/reports?ids={who.public_id}"
    for action, on in (
        ("assign", "2001-01-01"),
        ("assign", "2999-01-01"),
        ("agreed", ""),
        ("removed", in_days(1)),
    ):
        nurse.post("/lists/dxa_wanted", told | {"action": action, "on": on})
    assert Task.gated.count() == 1
    assert not Call.gated.exists()


# --- counts know all of it


def test_counts_are_those_of_the_lists(tree, people, nurse):
    """The fast counts equal the slow ones, whatever was called and decided."""
    each = [people.listed(tree.clinic, alarm=number == 0) for number in range(6)]
    for key in ("treatment_undecided", "injection_due"):
        people.listed(tree.clinic, key)
    people.due(tree.clinic, 0)
    people.due(tree.clinic, -1, resident=each[5])
    tell(nurse, each[0], ["dxa_wanted"], "later")
    tell(nurse, each[1], ["dxa_wanted"], "removed", reason="refused")
    tell(nurse, each[2], ["dxa_wanted"], "agreed", agreed_on=in_days(0))
    tell(nurse, each[3], ["dxa_wanted"], "removed", reason="refused")
    visit(each[3], nurse.user)
    gate = factory.Gate(nurse.user)
    counts = query.counts(gate, Selection(gate, {}, today()), today())
    slow = {key: query.members(gate, key, today()).count() for key in query.every()}
    assert {key: people for key, (people, _alarms) in counts.items()} == slow
    assert slow["dxa_wanted"] == 3
    assert counts["dxa_wanted"][1] == 0  # the alarm was put off
    assert timezone.localdate() == today()
