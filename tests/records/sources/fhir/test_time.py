"""When a value was true and when it became known."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from careloop.records.sources.fhir.time import parse_time, settle, years_later

from .conftest import observation


@pytest.mark.parametrize(
    ("parts", "effective"),
    [
        ({"effectiveDateTime": "2019"}, datetime(2019, 12, 31)),
        ({"effectiveDateTime": "2019-02"}, datetime(2019, 2, 28)),
        ({"effectiveDateTime": "2019-02-03"}, datetime(2019, 2, 3)),
        ({"effectiveDateTime": "2019-02-03T23:30:00-05:00"}, datetime(2019, 2, 3, 23, 30)),
        ({"effectiveDateTime": "2019-02-03T23:30Z"}, datetime(2019, 2, 3, 23, 30)),
        (
            {"effectiveDateTime": None, "effectivePeriod": {"start": "2019", "end": "2019-02-03"}},
            datetime(2019, 2, 3),
        ),
        ({"effectiveDateTime": None, "effectiveInstant": "2019-02-03T01:02:03Z"},
         datetime(2019, 2, 3, 1, 2, 3)),
        ({"effectiveDateTime": None, "issued": "2019-02-03T01:02:03Z"},
         datetime(2019, 2, 3, 1, 2, 3)),
        ({"effectiveDateTime": None, "meta": {"lastUpdated": "2019-02-03T01:02:03Z"}},
         datetime(2019, 2, 3, 1, 2, 3)),
        ({"effectiveDateTime": "2024", "issued": "2024-03-01T10:00:00Z"},
         datetime(2024, 3, 1, 10)),  # written in March: not later
    ],
)  # fmt: skip
def test_when(read, parts, effective):
    fact = read(observation(**parts)).only("height_cm")
    assert fact["effective_at"] == effective
    assert fact["recorded_at"] >= datetime(2019, 2, 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2024-07-01", "F206"),
        ("2024", "F206"),  # it may mean December
        ("2024-07", "F206"),
        ("2020-13-01", "F205"),
        ("2021-02-29", "F205"),
        ("01/05/2020", "F205"),
        ("1700-01-01", "F205"),
        ("２０２０", "F205"),
        (20200501, "F205"),
    ],
)
def test_dates_that_cannot_be(read, text, code):
    result = read(observation(effectiveDateTime=text))
    assert result.facts.is_empty()
    assert result.codes() == {code: 1}
    assert read(observation(effectiveDateTime="2024-06-30")).only("height_cm")


def test_no_date_at_all(read):
    result = read(observation(effectiveDateTime=None))
    assert result.outcome("Observation") == {"rejected: no date": 1}
    assert result.codes() == {"F204": 1}


def test_recorded_in_the_future(read):
    result = read(observation(issued="2030-01-01T00:00:00Z"))
    assert result.only("height_cm")["recorded_at"] == datetime(2020, 5, 1, 8, 30)
    assert result.codes() == {"F224": 1}


def test_partial_dates_stand_for_their_last_day():
    assert parse_time("2020-02").last == datetime(2020, 2, 29)
    assert parse_time("2019").partial
    assert not parse_time("2019-01-01").partial
    assert parse_time("2019-01-01T10:00:00.1234567Z").last == datetime(2019, 1, 1, 10, 0, 0, 123456)


def test_settling_never_reaches_past_today():
    today, known = date(2024, 6, 30), datetime(2024, 3, 1, 9)
    assert settle(parse_time("2023"), today) == datetime(2023, 12, 31)
    assert settle(parse_time("2024"), today) is None
    assert settle(parse_time("2024"), today, known) == known
    assert settle(parse_time("2024-05"), today, known) == datetime(2024, 5, 31)
    assert settle(parse_time("2024-07-01"), today, known) is None
    assert settle(parse_time("2024"), today, datetime(2025, 1, 1)) is None


def test_an_age_lasts_until_the_day_before_the_birthday():
    assert years_later(datetime(1950, 3, 1), 55) == datetime(2006, 2, 28)
    assert years_later(datetime(1952, 2, 29), 50.9) == datetime(2003, 2, 27)
