"""Lists: who stands on them, in what order and why; filters, pages, a fixed number of queries."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.db import connection

from careloop.web.audit.models import Concerned, Entry
from careloop.web.care.models import PlanDecision
from careloop.web.care.standing import PROGRAMME, today
from careloop.web.care.worklist import numbers, query
from careloop.web.care.worklist.selection import Selection

from .. import factory


def names(response):
    return re.findall(r"<a data-open[^>]*>([^<]*)</a>", response.content.decode())


# --- who may see what


def test_anonymous_goes_to_login(client, tree, people):
    people.listed(tree.clinic)
    for path in ("/lists", "/lists/dxa_wanted", "/referrals", "/numbers", "/"):
        assert client.get(path).status_code == 302


@pytest.mark.parametrize("role", ["manager", "researcher", "patient"])
def test_other_roles_see_no_list(role, tree, people, login):
    who = people.listed(tree.clinic)
    of = {"resident": who} if role == "patient" else {}
    client = login(role, None if role == "patient" else tree.bureau, **of)
    assert client.get("/lists/dxa_wanted").status_code == 403
    assert client.get(f"/people/{who.public_id}/call").status_code == 403


def test_a_list_holds_ones_own_region_only(tree, people, login):
    people.listed(tree.clinic, name="近")
    people.listed(tree.other_centre, name="远")
    client = login("nurse", tree.centre)
    assert names(client.get("/lists/dxa_wanted")) == ["近"]
    assert client.get("/lists/no_such_list").status_code == 404


def test_whose_names_a_list_shows_is_written_down(tree, people, login):
    who = people.listed(tree.clinic)
    login("nurse", tree.centre).get("/lists/dxa_wanted")
    entry = Entry.objects.get(action="list")
    assert entry.detail == {"page": "list dxa_wanted"}
    assert Concerned.objects.get(entry=entry).resident_public_id == who.public_id


# --- order, reasons, filters


def test_alarms_come_first_then_the_lists_own_order(tree, people, login):
    people.listed(tree.clinic, "injection_due", name="乙", rank=-190)
    people.listed(
        tree.clinic, "injection_due", name="甲", rank=-220, alarm=True, reasons=["overdue"]
    )
    people.listed(tree.clinic, "injection_due", name="丁", rank=1e6, reasons=["date_unknown"])
    people.listed(tree.clinic, "injection_due", name="丙", rank=-160)
    response = login("nurse", tree.centre).get("/lists/injection_due")
    assert names(response) == ["甲", "乙", "丙", "丁"]
    assert "vertebral fractures rebound, call today" in response.content.decode()


def test_reasons_and_values_stand_in_words(tree, people, login):
    people.listed(
        tree.clinic, values={"osta": -2.4}, answers={"next_step_because": "osta_raised age_woman"}
    )
    people.listed(
        tree.clinic, "alert", values={"plan_flags": "male_pregnancy"}, reasons=["contradiction"]
    )
    client = login("nurse", tree.centre)
    text = client.get("/lists/dxa_wanted").content.decode()
    assert "OSTA ≤ −1" in text
    assert "woman of 65 or over" in text
    assert 'OSTA <span class="nowrap">−2.4</span>' in text
    assert "a man recorded as pregnant" in client.get("/lists/alert").content.decode()


def test_filters_narrow_and_combine(tree, people, login):
    people.listed(
        tree.clinic, name="李一", initials="ly", sex="female", birth_date=date(1950, 1, 1)
    )
    people.listed(tree.clinic, name="李二", initials="le", sex="male", birth_date=date(1935, 1, 1))
    people.listed(tree.other_clinic, name="王三", initials="ws", phone="12099998888", level=3)
    client = login("nurse", tree.centre)

    def found(**chosen):
        return set(names(client.get("/lists/dxa_wanted", chosen)))

    assert found() == {"李一", "李二", "王三"}
    assert found(sex="male") == {"李二"}
    assert found(age="85-") == {"李二"}
    assert found(level="3") == {"王三"}
    assert found(text="李") == {"李一", "李二"}
    assert found(text="LE") == {"李二"}
    assert found(text="8888") == {"王三"}
    assert found(place=str(tree.clinic.public_id)) == {"李一", "李二"}
    assert found(place=str(tree.clinic.public_id), sex="female") == {"李一"}
    assert found(place="nonsense", sex="?", age="?", level="x", page="-1", sort="?") == found()
    assert found(place=str(tree.other_centre.public_id)) == found()  # not within reach: no choice


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("rank", ["乙", "甲", "丙"]),
        ("due", ["丙", "甲", "乙"]),
        ("name", ["丙", "甲", "乙"]),
        ("age", ["甲", "乙", "丙"]),
        ("place", ["乙", "甲", "丙"]),
    ],
)
def test_order_can_be_chosen(sort, expected, tree, people, login):
    day = today()
    people.listed(
        tree.clinic, name="甲", rank=2, due_on=day, birth_date=date(1930, 1, 1), pinyin="jia"
    )
    people.listed(tree.clinic, name="乙", rank=1, birth_date=date(1940, 1, 1), pinyin="yi")
    people.listed(
        tree.other_clinic,
        name="丙",
        rank=3,
        due_on=day - timedelta(days=1),
        birth_date=date(1950, 1, 1),
        pinyin="bing",
    )
    response = login("nurse", tree.centre).get("/lists/dxa_wanted", {"sort": sort})
    assert names(response) == expected


@pytest.mark.parametrize(
    ("born", "inside"),
    [((1, 0), True), ((0, 0), True), ((0, 1), False)],
)
def test_an_age_band_begins_on_the_birthday(born, inside, tree, people, login):
    day = today()
    people.listed(
        tree.clinic,
        birth_date=date(day.year - 65 - born[0], day.month, day.day) + timedelta(born[1]),
    )
    found = names(login("nurse", tree.centre).get("/lists/dxa_wanted", {"age": "65-74"}))
    assert bool(found) is inside


def test_pages_hold_fifty(tree, people, login):
    for number in range(53):
        people.listed(tree.clinic, rank=number, name=f"号{number}")
    client = login("nurse", tree.centre)
    assert len(names(client.get("/lists/dxa_wanted"))) == 50
    assert names(client.get("/lists/dxa_wanted?page=2")) == ["号50", "号51", "号52"]
    assert names(client.get("/lists/dxa_wanted?page=99")) == ["号50", "号51", "号52"]


# --- a decision on the plan takes people off, until something newer is measured


@pytest.mark.parametrize(("days_ago", "on_it"), [(10, False), (1, False), (-5, True)])
def test_dxa_without_decision_knows_decisions(days_ago, on_it, tree, people, login):
    """Measured so many days before the decision."""
    who = people.listed(
        tree.clinic, "treatment_undecided", since=today() - timedelta(days=days_ago)
    )
    client = login("doctor", tree.centre)
    assert len(names(client.get("/lists/treatment_undecided"))) == 1
    decision = PlanDecision.gated.create(
        resident=who,
        organisation=who.organisation,
        programme=PROGRAMME,
        guideline="china_2022",
        item="medicine.alendronate",
        decision="accepted",
        proposed="…",
        author=client.user,
    )
    assert decision.pk
    assert bool(names(client.get("/lists/treatment_undecided"))) is on_it
    counts = query.counts(
        factory.Gate(client.user), Selection(factory.Gate(client.user), {}, today()), today()
    )
    assert counts["treatment_undecided"] == (int(on_it), 0)
    told = numbers.tree(factory.gate("manager", tree.bureau), today())
    assert told.shown("treatment_undecided") == int(on_it)


# --- tasks


def test_due_and_overdue_are_told_apart(tree, people, login):
    people.due(tree.clinic, 0, name="今")
    people.due(tree.clinic, -1, name="迟")
    people.due(tree.clinic, 1, name="早")
    client = login("nurse", tree.centre)
    assert names(client.get("/lists/calls")) == ["今"]
    response = client.get("/lists/overdue")
    assert names(response) == ["迟"]
    assert "1 d late" in response.content.decode()
    assert "3 months on treatment" in response.content.decode()


# --- safety, speed, comfort


def test_words_of_people_never_become_markup(tree, people, login):
    bad = "<script>alert(1)</script>"
    people.listed(tree.clinic, name=bad[:60], address=bad)
    client = login("nurse", tree.centre)
    for path in ("/lists/dxa_wanted", "/", f"/lists/dxa_wanted?text={bad}"):
        assert bad not in client.get(path).content.decode()


def test_keys_find_their_rows(tree, people, login):
    who = people.listed(tree.clinic)
    text = login("nurse", tree.centre).get("/lists/dxa_wanted").content.decode()
    assert "data-row" in text
    assert f'data-open class="who-is" href="/people/{who.public_id}"' in text
    assert (
        f'data-call class="button second" href="/people/{who.public_id}/call?list=dxa_wanted"'
        in text
    )
    assert "care/worklist.js" in text
    assert f'href="tel:{who.phone}"' in text


@pytest.mark.parametrize("path", ["/lists/dxa_wanted", "/lists/overdue", "/lists", "/"])
def test_queries_do_not_grow_with_people(path, tree, people, login, django_assert_max_num_queries):
    client = login("nurse", tree.centre)

    def add(number):
        for _ in range(number):
            who = people.listed(tree.clinic)
            people.due(tree.clinic, -3, resident=who)

    add(1)
    client.get(path)
    with django_assert_max_num_queries(80) as taken:
        client.get(path)
    few = len(taken)
    add(59)
    with django_assert_max_num_queries(few):
        assert client.get(path).status_code == 200


def test_a_list_is_read_through_its_index(tree, people):
    people.listed(tree.clinic)
    gate = factory.gate("nurse", tree.centre)
    rows = query.listed(gate, "dxa_wanted", today()).order_by("rank", "pk").values_list("pk")[:50]
    plan = rows.explain()
    assert connection.vendor == "sqlite"
    assert "USING COVERING INDEX listed_order" in plan or "USING INDEX listed_rank" in plan
    assert "SCAN care_listed" not in plan
    late = query.tasks(gate, "overdue", today()).order_by("due_on", "pk").values_list("pk")[:50]
    assert (
        "USING COVERING INDEX task_of_place" in late.explain()
        or "USING INDEX task_of_place" in late.explain()
    )
