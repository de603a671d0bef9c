"""Risk in full and over time: a past day knows only what was known then."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.programmes.programme import programme
from careloop.programmes.reasons import reasons
from careloop.records.fact import FACT_SCHEMA
from careloop.records.snapshot import snapshot
from careloop.web.care.person.course import MOST, course, of_days
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


@pytest.mark.parametrize("seed", range(6))
def test_days_told_singly_are_as_those_of_the_population(seed, woman, doctor):
    """A random history, corrections and assumptions included, equals Polars' snapshot each day."""
    facts = history(seed) if seed else factory.Gate(doctor).facts(woman)
    days = [date(2019, 12, 31), *(date(2020 + n, 3, 1) for n in range(7)), today()]
    table = of_days(facts, days)
    frames = [(day, snapshot(facts, day, load()).frame) for day in days]
    known = [(day, frame) for day, frame in frames if frame.height]
    assert table["person_id"].to_list() == [day.isoformat() for day, _ in known]
    for (_, frame), row in zip(known, table.iter_rows(named=True), strict=True):
        (expected,) = frame.drop("person_id").iter_rows(named=True)
        assert {name: row[name] for name in expected} == expected
        assert not any(row[name] for name in row if name not in {*expected, "person_id"})
    every = pl.concat([frame for _, frame in known], how="diagonal")
    assert {name: table.schema[name] for name in every.columns} == dict(every.schema)


def history(seed):
    """Facts of one person at random: any variable, any day, some assumed, some withdrawn."""
    rng = random.Random(seed)
    dictionary = load()
    rows = []
    for number in range(400):
        variable = dictionary[rng.choice([*dictionary])]
        at = datetime(2020, 1, 1) + timedelta(days=rng.randrange(2300), hours=rng.randrange(24))
        text, value = None, None
        if variable.kind == "boolean":
            value = float(rng.random() < 0.5)
        elif variable.kind == "number":
            low, high = variable.low or 0.0, variable.high or 100.0
            value = round(rng.uniform(low, high), 1)
        else:
            text = rng.choice([*variable.values, "2019-05-05", "x"])
        rows.append(
            {
                "person_id": "P1",
                "variable": variable.key,
                "number": value,
                "text": text,
                "effective_at": at,
                "recorded_at": at + timedelta(days=rng.choice([0, 0, 40])),
                "status": "assumed" if rng.random() < 0.1 else "final",
                "source": f"s{number % 3}",
                "row": number,
            }
        )
        if rng.random() < 0.1:
            rows.append(rows[-1] | {"status": "entered_in_error", "recorded_at": at})
    return pl.DataFrame(rows, schema=FACT_SCHEMA)


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
