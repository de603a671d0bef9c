"""Several visits of one day: a correction of one never touches what another one says."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.dictionary.catalogue import load
from careloop.records.snapshot import snapshot
from careloop.records.withdrawal import standing
from careloop.web.care import recording
from careloop.web.care.models import Visit
from careloop.web.care.recording import Contact, correct_visit, record_visit
from careloop.web.care.standing import today
from careloop.web.care.visit.known import known
from careloop.web.registry.merge import merge, undo

from .. import factory
from ..person.case import fact, tell

DAY, OTHER = date(2026, 5, 1), date(2026, 5, 2)


@pytest.fixture
def person(tree):
    return factory.resident(tree.clinic, sex="", birth_date=None)


@pytest.fixture
def visit(gate, person):
    """Record a visit that says a weight (or nothing)."""

    def record(weight=None, on=DAY):
        contact = Contact("home", on, {"weight_kg": weight})
        return record_visit(gate, person, contact, request_key=uuid4())

    return record


@pytest.fixture
def correct(gate, person):
    """Correct a visit, whatever its version."""

    def again(visit, weight=None, on=DAY):
        contact = Contact("home", on, {"weight_kg": weight})
        return correct_visit(gate, person, visit, contact, version=visit.version)

    return again


@pytest.fixture
def stands(gate, person):
    """Days and weights that stand, in order."""

    def found():
        facts = standing(gate.facts(person)).sort("effective_at")
        return [(row["effective_at"].date(), row["number"]) for row in facts.to_dicts()]

    return found


@pytest.fixture
def weight(gate, person):
    """The weight that counts."""

    def found():
        frame = snapshot(gate.facts(person), today(), load(), variables=["weight_kg"]).frame
        return frame["weight_kg"][0] if frame.height else None

    return found


def test_an_equal_answer_of_the_other_visit_stands(visit, correct, stands, weight):
    first, second = visit(60.0), visit(60.0)
    correct(second, 61.0)
    assert stands() == [(DAY, 60.0), (DAY, 61.0)]
    assert weight() == 61
    correct(first, 62.0)
    assert stands() == [(DAY, 62.0), (DAY, 61.0)]
    assert weight() == 61  # the later visit counts, whenever the earlier one is corrected


def test_an_answer_taken_back_leaves_the_equal_one(visit, correct, stands, weight):
    first, second = visit(60.0), visit(60.0)
    correct(second)
    assert stands() == [(DAY, 60.0)]
    assert weight() == 60
    correct(first)
    assert stands() == []
    assert weight() is None


def test_moving_a_visit_leaves_the_equal_one_of_either_day(visit, correct, stands):
    visit(60.0), visit(60.0, on=OTHER)
    moving = correct(visit(60.0), 60.0, on=OTHER)
    assert stands() == [(DAY, 60.0), (OTHER, 60.0), (OTHER, 60.0)]
    moving = correct(moving, 60.0, on=DAY)
    assert stands() == [(DAY, 60.0), (DAY, 60.0), (OTHER, 60.0)]
    correct(moving, 60.5, on=OTHER)
    assert stands() == [(DAY, 60.0), (OTHER, 60.0), (OTHER, 60.5)]


def test_what_an_import_says_of_noon_stands(visit, correct, stands, weight, person):
    saved = visit(60.0)
    tell(person, fact("weight_kg", 60, DAY.isoformat()))
    assert weight() == 60
    correct(saved, 61.0)
    assert stands() == [(DAY, 60.0), (DAY, 61.0)]
    assert weight() == 61


@pytest.mark.parametrize("turn", [timedelta(0), timedelta(hours=-1), timedelta(seconds=1)])
def test_before_noon_or_with_the_clock_turned_back(
    turn, visit, correct, stands, weight, monkeypatch
):
    morning = datetime.combine(DAY, datetime.min.time()) + timedelta(hours=8)
    monkeypatch.setattr(recording, "wall_clock", lambda: morning)
    saved = visit(60.0)
    monkeypatch.setattr(recording, "wall_clock", lambda: morning + turn)
    for number in (61.0, 60.0, 61.0):
        saved = correct(saved, number)
        assert stands() == [(DAY, number)]
        assert weight() == number


def test_a_corrected_visit_is_known_by_nothing_it_ever_said(visit, correct, gate, person):
    """The form to correct it again shows what others say, not its own earlier mistakes."""
    saved = correct(visit(60.0), 61.0)

    def before():
        row = known(person, gate.facts(person), ["weight_kg"], as_of=today(), but=saved)
        return row.get("weight_kg")

    assert before() is None
    visit(58.0, on=OTHER)
    saved = correct(saved, 62.0, on=OTHER)
    assert before() == 58


def test_corrections_go_on_after_a_merge_was_undone(visit, correct, stands, gate, person, tree):
    saved, into = visit(60.0), factory.resident(tree.clinic)
    done = merge(gate, into, person)
    saved = correct_visit(gate, into, saved, Contact("home", DAY, {"weight_kg": 61.0}), version=1)
    undo(gate, done)
    assert stands() == [(DAY, 61.0)]
    saved.refresh_from_db()
    saved = correct(saved)
    assert stands() == []


WEIGHTS = st.sampled_from([None, 60.0, 61.0])
DAYS = st.sampled_from([DAY, OTHER])
STEPS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 2)), DAYS, WEIGHTS), min_size=2, max_size=6
)


@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(steps=STEPS)
def test_each_visit_says_its_last_answers_whatever_is_corrected(steps, gate, tree):
    person = factory.resident(tree.clinic, sex="", birth_date=None)
    visits: list[Visit] = []
    said: list[tuple[date, float | None]] = []
    for which, on, weight in steps:
        contact = Contact("home", on, {"weight_kg": weight})
        if which is None or which >= len(visits):
            visits.append(record_visit(gate, person, contact, request_key=uuid4()))
            said.append((on, weight))
        else:
            one = visits[which]
            visits[which] = correct_visit(gate, person, one, contact, version=one.version)
            said[which] = (on, weight)
    facts = standing(gate.facts(person))
    for one, (on, weight) in zip(visits, said, strict=True):
        rows = facts.filter(source=one.source).to_dicts()
        found = [(row["effective_at"].date(), row["number"]) for row in rows]
        assert found == ([] if weight is None else [(on, weight)])
    told = [(on, place, weight) for place, (on, weight) in enumerate(said) if weight is not None]
    assert facts.height == len(told)
    known = snapshot(gate.facts(person), today(), load(), variables=["weight_kg"]).frame
    assert (known["weight_kg"][0] if known.height else None) == (max(told)[2] if told else None)
