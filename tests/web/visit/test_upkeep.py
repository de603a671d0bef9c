"""Tasks of everybody, after an import and at night: as after a visit, and nobody's work undone."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext

from careloop.care.schedule import months_after
from careloop.web.care.models import Call, Task
from careloop.web.care.person import follow
from careloop.web.care.standing import today
from careloop.web.care.visit import upkeep
from careloop.web.registry.merge import merge
from careloop.web.registry.registration import after_import, refresh_standings
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import DatabaseStore

from .. import factory
from ..person.case import days_ago, fact, tell

SEEN_ON = today() - timedelta(days=400)
LATE = months_after(SEEN_ON, 12)
STARTED_ON = today() - timedelta(days=200)


def seen(on=SEEN_ON, **options):
    return fact("falls_12m", 0, on.isoformat(), **options)


def treated(on=STARTED_ON):
    yesterday = days_ago(1)
    return (
        fact("osteoporosis_treatment_current", 1, yesterday),
        fact("bone_treatment_started_on", on.isoformat(), yesterday),
    )


def bring(*residents, **options):
    facts = DatabaseStore().facts_of_many([each.person_id for each in residents])
    fresh = [Resident.gated.get(pk=each.pk) for each in residents]
    return upkeep.bring_all(fresh, facts, **options)


def tasks(resident):
    found = Task.gated.filter(resident=resident).order_by("due_on", "kind")
    return [(task.kind, task.due_on, task.state) for task in found]


def test_an_import_makes_tasks_and_a_second_one_changes_nothing(tree):
    person, other = factory.resident(tree.clinic), factory.resident(tree.clinic)
    tell(person, seen())
    tell(other, *treated())
    after_import()
    assert tasks(person) == [("review_12m", LATE, "open")]
    assert tasks(other) == [
        ("treatment_6m", months_after(STARTED_ON, 6), "open"),
        ("dxa_12m", months_after(STARTED_ON, 12), "open"),
    ]
    assert {task.organisation for task in Task.gated.all()} == {tree.clinic}
    before = list(Task.gated.order_by("pk").values())
    after_import()
    refresh_standings()
    assert list(Task.gated.order_by("pk").values()) == before


def test_everybody_at_once_gets_what_one_at_a_time_gets(tree, gate, told):
    people = [factory.resident(tree.clinic) for _ in range(6)]
    empty, asked, begun, visited, agreed, scanned = people
    tell(asked, seen())
    for each in (begun, visited, scanned):
        tell(each, *treated())
    told("home", on=today() - timedelta(days=20), resident=visited, falls_12m=1)
    told("phone", on=SEEN_ON, resident=agreed, follow_up_next_on=today() - timedelta(days=3))
    tell(scanned, fact("t_total_hip", -2.6, days_ago(30)))
    assert not Task.gated.exists()
    assert bring(*people) == sum(len(tasks(each)) for each in people)
    many = [tasks(each) for each in people]
    Task.gated.all().delete()
    for each in people:
        follow.up(gate, each, gate.facts(each))
    assert many == [tasks(each) for each in people]
    assert [len(each) for each in many] == [0, 1, 2, 2, 1, 2]
    assert tasks(empty) == []


def test_an_imported_scan_does_its_task_and_its_withdrawal_brings_it_back(tree):
    person = factory.resident(tree.clinic)
    start = today() - timedelta(days=380)
    tell(person, *treated(start))
    bring(person)
    due_on = months_after(start, 12)
    assert ("dxa_12m", due_on, "open") in tasks(person)
    scan, on = ("t_total_hip", -2.4), days_ago(2)
    tell(person, fact(*scan, on))
    bring(person)
    assert [each for each in tasks(person) if "dxa" in each[0]] == [
        ("dxa_12m", due_on, "done"),
        ("dxa_later", months_after(start, 24), "open"),
    ]
    tell(person, fact(*scan, on, recorded=days_ago(1), status="entered_in_error"))
    bring(person)
    assert [each for each in tasks(person) if "dxa" in each[0]] == [
        ("dxa_12m", due_on, "open"),
        ("dxa_later", months_after(start, 24), "removed"),
    ]


def test_what_people_have_done_stays_done(tree, gate, told, nurse):
    closed, off, by_hand = (factory.resident(tree.clinic) for _ in range(3))
    for each in (closed, off, by_hand):
        tell(each, seen())
    bring(closed, off, by_hand)
    visit = told("dxa", on=SEEN_ON, resident=closed, t_total_hip=-1.0)  # no contact of the chain
    Task.gated.filter(resident=closed).update(state="done", visit=visit)
    task = Task.gated.get(resident=off)
    Task.gated.filter(pk=task.pk).update(state="removed")
    call = Call.gated.create(
        resident=off,
        organisation=tree.clinic,
        task=task,
        result="removed",
        reason="refused",
        author=nurse,
        request_key=uuid4(),
    )
    for days, state in enumerate(("open", "done")):
        Task.gated.create(
            resident=by_hand,
            organisation=tree.clinic,
            programme="osteoporosis",
            kind="assigned",
            due_on=today() - timedelta(days=days),
            state=state,
        )
    before = list(Task.gated.order_by("pk").values())
    bring(closed, off, by_hand)
    assert list(Task.gated.order_by("pk").values())[: len(before)] == before
    next_year = ("review_12m", months_after(SEEN_ON, 24), "open")
    assert tasks(off) == [("review_12m", LATE, "removed"), next_year]  # not lost for good
    assert Task.gated.count() == len(before) + 1
    Call.gated.filter(pk=call.pk).update(undone_at=call.called_at)
    bring(closed, off, by_hand)
    assert tasks(off) == [("review_12m", LATE, "open"), (*next_year[:2], "removed")]


def test_whoever_has_died_is_called_for_nothing(tree):
    person = factory.resident(tree.clinic)
    tell(person, seen())
    after_import()
    Task.gated.create(
        resident=person,
        organisation=tree.clinic,
        programme="osteoporosis",
        kind="assigned",
        due_on=today(),
    )
    tell(person, fact("death_date", days_ago(9), days_ago(5)))
    after_import()
    assert {state for _, _, state in tasks(person)} == {"removed"}
    refresh_standings()
    assert len(tasks(person)) == 2


def test_whoever_was_visited_meanwhile_is_left_alone(tree):
    one, other = (factory.resident(tree.clinic) for _ in range(2))
    for each in (one, other):
        tell(each, seen())
    bring(one, other, saved_meanwhile=lambda: {one.person_id})
    assert (tasks(one), len(tasks(other))) == ([], 1)


def test_at_night_the_newest_step_takes_the_place_of_the_one_before(tree, monkeypatch):
    person = factory.resident(tree.clinic)
    start = today() - timedelta(days=10)
    tell(person, *treated(start))
    bring(person)
    first, third = months_after(start, 1), months_after(start, 3)
    assert tasks(person)[0] == ("treatment_1m", first, "open")
    monkeypatch.setattr(upkeep, "today", lambda: third + timedelta(days=1))
    bring(person)
    assert tasks(person)[:2] == [
        ("treatment_1m", first, "removed"),
        ("treatment_3m", third, "open"),
    ]


def test_ten_times_as_many_people_are_as_many_queries(tree):
    people = [factory.resident(tree.clinic) for _ in range(20)]
    for each in people:
        tell(each, seen())
    counts = []
    for few in (people[:2], people):
        Task.gated.all().delete()
        with CaptureQueriesContext(connection) as queries:
            bring_prepared(few)
        counts.append(len(queries))
        assert Task.gated.count() == len(few)
    assert counts[0] == counts[1]


def bring_prepared(residents):
    facts = DatabaseStore().facts_of_many([each.person_id for each in residents])
    upkeep.bring_all(residents, facts)


def test_tasks_of_a_merged_registration_count_its_facts(tree, gate):
    stays, goes = (factory.resident(tree.clinic) for _ in range(2))
    tell(goes, seen())
    merge(gate, stays, goes)
    refresh_standings()
    assert tasks(stays) == [("review_12m", LATE, "open")]
    assert tasks(goes) == []
