"""Schedules: what is due next, by contacts and by the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.care.schedule import months_after, read_schedule
from careloop.dictionary.catalogue import load
from careloop.error import ConfigError
from careloop.programmes.programme import programme

START = date(2026, 1, 10)
TREATED = {"osteoporosis_treatment_current": True, "bone_treatment_started_on": START}


@pytest.fixture(scope="module")
def schedule():
    return programme("osteoporosis").schedule()


def due(schedule, row, contacts, as_of, **more):
    return {
        each.chain.key: (each.step.key, each.due_on)
        for each in schedule.due(row, contacts, as_of, **more)
    }


@pytest.mark.parametrize(
    ("contacts", "as_of", "step", "day"),
    [
        ([], date(2026, 1, 12), "treatment_1m", date(2026, 2, 10)),
        ([], date(2026, 2, 20), "treatment_1m", date(2026, 2, 10)),  # overdue
        ([], date(2026, 5, 1), "treatment_3m", date(2026, 4, 10)),  # the newest that was missed
        ([("phone", date(2026, 1, 27))], date(2026, 1, 28), "treatment_3m", date(2026, 4, 10)),
        ([("phone", date(2026, 1, 26))], date(2026, 1, 28), "treatment_1m", date(2026, 2, 10)),
        ([("home", date(2026, 2, 12))], date(2026, 8, 1), "treatment_3m", date(2026, 4, 10)),
        ([("home", date(2027, 1, 10))], date(2027, 1, 10), "treatment_later", date(2027, 7, 10)),
        ([("home", date(2027, 7, 10))], date(2027, 7, 10), "treatment_later", date(2028, 1, 10)),
        ([("home", date(2025, 12, 1))], date(2026, 1, 12), "treatment_1m", date(2026, 2, 10)),
        ([("dxa", date(2026, 2, 10))], date(2026, 2, 11), "treatment_1m", date(2026, 2, 10)),
    ],
)
def test_the_next_visit_on_treatment(schedule, contacts, as_of, step, day):
    assert due(schedule, TREATED, contacts, as_of)["treatment"] == (step, day)


@pytest.mark.parametrize(
    ("off", "as_of", "step", "day"),
    [
        (("treatment_1m", date(2026, 2, 10)), date(2026, 3, 1), "treatment_3m", date(2026, 4, 10)),
        (("treatment_1m", date(2026, 2, 10)), date(2026, 5, 1), "treatment_3m", date(2026, 4, 10)),
        (("treatment_3m", date(2026, 4, 10)), date(2026, 5, 1), "treatment_6m", date(2026, 7, 10)),
        (("dxa_12m", date(2027, 1, 10)), date(2026, 3, 1), "treatment_1m", date(2026, 2, 10)),
    ],
)
@pytest.mark.parametrize("contacts", [[], [("home", START)]])
def test_a_step_called_off_gives_way_to_the_next(schedule, contacts, off, as_of, step, day):
    found = due(schedule, TREATED, contacts, as_of, called_off=[off])
    assert found["treatment"] == (step, day)


def test_an_agreed_day_called_off_is_not_waited_for(schedule):
    row = TREATED | {"follow_up_next_on": date(2026, 3, 1), "follow_up_next_on__age_d": 40}
    as_of = date(2026, 3, 20)
    seen = [("home", date(2026, 2, 1))]
    assert due(schedule, row, seen, as_of)["treatment"] == ("treatment_3m", date(2026, 3, 1))
    off = [("treatment_3m", date(2026, 3, 1))]
    found = due(schedule, row, seen, as_of, called_off=off)["treatment"]
    assert found == ("treatment_3m", date(2026, 4, 10))


def test_the_steps_are_those_of_the_guideline(schedule):
    """Facts §5: 1, 3, 6 and 12 months, then 6- to 12-monthly."""
    chain = next(each for each in schedule.chains if each.key == "treatment")
    days = [day for (_, day), _ in zip(chain.days(START), range(7), strict=False)]
    assert days == [months_after(START, months) for months in (1, 3, 6, 12, 18, 24, 30)]


def test_a_scan_counts_whether_a_visit_or_a_measurement_tells(schedule):
    as_of = date(2027, 2, 1)
    assert due(schedule, TREATED, [], as_of)["dxa"] == ("dxa_12m", date(2027, 1, 10))
    visited = due(schedule, TREATED, [("dxa", date(2027, 1, 20))], as_of)
    measured = due(schedule, TREATED | {"t_total_hip": -2.0, "t_total_hip__age_d": 12}, [], as_of)
    assert visited["dxa"] == measured["dxa"] == ("dxa_later", date(2028, 1, 10))


def test_without_treatment_there_is_a_yearly_review(schedule):
    for row in ({}, {"osteoporosis_treatment_current": False}):
        assert due(schedule, row, [], START) == {}
        found = due(schedule, row, [("screening", START)], START)
        assert found == {"review": ("review_12m", date(2027, 1, 10))}


def test_a_treatment_without_a_start_is_followed_from_the_last_contact(schedule):
    row = {"osteoporosis_treatment_current": True}
    assert due(schedule, row, [], START) == {}
    found = due(schedule, row, [("home", START)], START)
    assert found == {"treatment_undated": ("treatment_undated_6m", date(2026, 7, 10))}


SEEN = {"falls_12m": 0.0, "falls_12m__age_d": 100}


def test_what_an_import_tells_counts_as_a_contact(schedule):
    as_of = date(2026, 6, 1)
    day = as_of - timedelta(days=100)
    review = {"review": ("review_12m", months_after(day, 12))}
    assert due(schedule, SEEN, [], as_of) == review
    assert due(schedule, SEEN, [("home", date(2026, 1, 1))], as_of) == review
    undated = due(schedule, SEEN | {"osteoporosis_treatment_current": True}, [], as_of)
    assert undated == {"treatment_undated": ("treatment_undated_6m", months_after(day, 6))}
    assert due(schedule, SEEN | {"falls_12m__assumed": True}, [], as_of) == {}


def test_an_agreed_day_holds_until_what_it_was_agreed_for_is_measured(schedule):
    agreed, as_of = date(2026, 3, 1), date(2026, 6, 1)
    row = {"follow_up_next_on": agreed, "follow_up_next_on__age_d": 120}
    seen = [("home", date(2026, 2, 1))]
    for days, found in ((93, agreed), (92, months_after(agreed, 12))):
        weighed = row | {"weight_kg": 50.0, "weight_kg__age_d": days}
        assert due(schedule, weighed, seen, as_of)["review"] == ("review_12m", found), days


def test_an_agreed_day_holds_until_the_next_contact(schedule):
    agreed = date(2026, 3, 1)
    row = TREATED | {"follow_up_next_on": agreed, "follow_up_next_on__age_d": 5}
    seen = [("home", date(2026, 2, 12))]
    as_of = date(2026, 2, 17)
    assert due(schedule, row, seen, as_of)["treatment"] == ("treatment_3m", agreed)
    later = [*seen, ("phone", date(2026, 2, 15))]
    assert due(schedule, row, later, as_of)["treatment"] == ("treatment_3m", date(2026, 4, 10))


@given(
    visits=st.lists(st.integers(0, 2000), max_size=12),
    now=st.integers(0, 2000),
)
def test_after_a_contact_today_nothing_is_due_today_or_before(visits, now):
    schedule = programme("osteoporosis").schedule()
    as_of = START + timedelta(days=now)
    contacts = [("home", START + timedelta(days=each)) for each in visits if each <= now]
    for each in schedule.due(TREATED, [*contacts, ("home", as_of)], as_of):
        if each.chain.key == "treatment":
            assert each.due_on > as_of
    assert len(schedule.due(TREATED, contacts, as_of)) == 2


@given(day=st.dates(date(1990, 1, 1), date(2090, 1, 1)), months=st.integers(0, 600))
def test_months_later_is_that_month(day, months):
    later = months_after(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


CHAIN = """
[[chain]]
key = "one"
when = "osteoporosis_treatment_current"
anchor = "bone_treatment_started_on"
{more}
[[chain.step]]
key = "first"
months = {months}
label = {{ zh = "一", en = "one" }}
{step}
[[chain.step]]
key = "{second}"
months = 12
label = {{ zh = "二", en = "two" }}
"""


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"more": "colour = 1"}, "no settings"),
        ({"more": 'measured = ["t_hip"]'}, "no variable"),
        ({"months": 12}, "from 1 upwards"),
        ({"months": 0}, "from 1 upwards"),
        ({"step": "repeat = true"}, "only the last step"),
        ({"step": "weeks = 4"}, "weeks"),
        ({"second": "first"}, "declared twice"),
    ],
)
def test_a_mistake_in_the_file_is_named(changed, problem, tmp_path):
    usual = {"more": "", "months": 6, "step": "", "second": "second"}
    file = tmp_path / "schedule.toml"
    file.write_text(CHAIN.format(**usual), encoding="utf-8")
    assert len(read_schedule(file, load()).steps()) == 2
    file.write_text(CHAIN.format(**usual | changed), encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        read_schedule(file, load())
