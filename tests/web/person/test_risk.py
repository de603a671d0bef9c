"""Risk in full and over time: a past day knows only what was known then."""

from __future__ import annotations

from datetime import date

import pytest

from careloop.dictionary.catalogue import load
from careloop.programmes.programme import programme
from careloop.programmes.reasons import reasons
from careloop.records.snapshot import snapshot
from careloop.web.care.person.course import MOST, course
from careloop.web.care.standing import today

from .. import factory
from . import case


@pytest.fixture
def judged(found, doctor):
    return lambda resident: course(found(factory.Gate(doctor), resident), "zh")


def test_course_equals_the_assessment_of_each_day(judged, doctor, woman):
    points = {point.on: point for point in judged(woman).points}
    facts = factory.Gate(doctor).facts(woman)
    assert set(points) == {
        *(date(2020, 1, 1), date(2021, 3, 1), date(2023, 3, 1), date(2024, 3, 1)),
        *(date(2024, 5, 1), today()),
    }
    for day, point in points.items():
        taken = snapshot(facts, day, load())
        (one,) = reasons(taken, programme("osteoporosis"), [woman.person_id])
        assert point.answers == tuple(verdict.label.zh for verdict in one.verdicts)
    assert points[date(2021, 3, 1)].answers != points[today()].answers


def test_what_was_recorded_later_is_not_known_before(judged, tree):
    resident = factory.resident(tree.centre)
    case.tell(
        resident,
        *case.osteoporosis()[:5],
        case.fact("fragility_fracture", 1, "2021-01-01", recorded="2024-01-01"),
    )
    days = [point.on for point in judged(resident).points]
    assert date(2024, 1, 1) in days
    assert date(2021, 1, 1) not in days


def test_only_some_points_are_judged_and_the_rest_counted(judged, tree):
    resident = factory.resident(tree.centre)
    case.tell(
        resident, *(case.fact("weight_kg", 50 + n, case.days_ago(30 * n + 1)) for n in range(12))
    )
    made = judged(resident)
    assert len(made.points) == MOST
    assert made.left_out == 12 - (MOST - 1)
    assert sum(point.news for point in made.points) == 12


def test_scores_of_different_scans_are_not_drawn_as_one_course(judged, woman):
    made = judged(woman)
    assert not any("T" in name for name in made.measures)


def test_every_instrument_is_listed_with_why_or_what_is_missing(opened, doctor, woman):
    text = opened(doctor, "risk", woman)
    for instrument in programme("osteoporosis").instruments:
        assert instrument.name.zh in text
    assert "缺少：" in text
    assert "MORES 用于男性" in text
    assert "不适用" in text


def test_htmx_gets_the_part_and_a_plain_link_the_whole_page(opened, doctor, woman):
    part = opened(doctor, "risk", woman, **{"HX-Request": "true"})
    whole = opened(doctor, "risk", woman)
    assert "<html" not in part
    assert "<html" in whole
    assert "全部评估工具" in part
