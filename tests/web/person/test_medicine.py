"""Medicines now: since when, and the share of days covered where supplies are recorded."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from careloop.web.care.person.considered import words
from careloop.web.care.person.medicine import medicines

from .. import factory
from . import case


def supply(begins: int, days: int):
    """A supply that began so many days ago."""
    row = case.fact("alendronate_current", 1, case.days_ago(begins))
    start = datetime.fromisoformat(f"{case.days_ago(begins)} 00:00:00")
    return row | {"effective_at": start, "until": start + timedelta(days=days)}


@pytest.fixture
def told(tree, doctor, found):
    """A function: the medicines of somebody with these facts."""

    def of(*facts):
        resident = factory.resident(tree.centre)
        case.tell(resident, case.fact("sex", "female", "2020-01-01"), *facts)
        return medicines(found(factory.Gate(doctor), resident), words("zh").wording)

    return of


def test_pdc_of_the_published_vector(told):
    """Facts §5 [M]: fills on day 0, 28, 70, 98 of 28 days each over 140 days give 0.800."""
    ongoing = case.fact("alendronate_current", 1, case.days_ago(1))
    fills = [supply(140 - day, 28) for day in (0, 28, 70, 98)]
    (one,) = told(*fills, ongoing).now
    assert one.covered == pytest.approx(0.8)
    assert one.adherent
    assert one.since.isoformat() == case.days_ago(140)


def test_only_the_last_year_counts(told):
    """Two supplies of 183 days cover the last 365 whole; what was before does not count."""
    old = supply(900, 30)
    ongoing = case.fact("alendronate_current", 1, case.days_ago(1))
    (one,) = told(old, supply(366, 183), supply(183, 183), ongoing).now
    assert one.covered == 1.0
    (gap,) = told(supply(365, 73), supply(73, 73), ongoing).now
    assert gap.covered == pytest.approx(0.4)
    assert not gap.adherent


def test_without_supplies_nothing_is_said_of_adherence(told):
    (one,) = told(case.fact("alendronate_current", 1, "2026-01-01")).now
    assert one.covered is None
    assert one.adherent is None


def test_what_was_recorded_is_shown_with_its_day(told):
    made = told(
        case.fact("denosumab_current", 1, "2026-01-01"),
        case.fact("denosumab_last_on", "2026-01-01", "2026-01-01"),
        case.fact("medicine_covered_share", 0.62, "2026-03-01"),
        case.fact("medicine_adherence", "interrupted", "2026-04-01"),
    )
    (one,) = made.now
    assert ("地舒单抗最近一次注射日期", "2026-01-01") in one.told
    assert [(value, on.isoformat()) for _, value, on in made.taking] == [
        ("62%", "2026-03-01"),
        ("间断", "2026-04-01"),
    ]


def test_a_medicine_that_ended_is_not_taken_now(told):
    assert told(supply(400, 30)).now == ()


def test_a_group_of_medicines_is_no_medicine(told):
    names = [one.name for one in told(case.fact("alendronate_current", 1, "2026-01-01")).now]
    assert names == ["正在使用阿仑膦酸"]
