"""Small charts: every value inside its frame, also where there is only one."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from careloop.web.care.person.figure import HEIGHT, WIDTH, line


@given(
    st.lists(
        st.tuples(st.integers(0, 9000), st.floats(-1e4, 1e4, allow_nan=False)),
        min_size=1,
        max_size=20,
        unique_by=lambda pair: pair[0],
    )
)
def test_everything_is_inside_and_in_order(pairs):
    values = [(date(2000, 1, 1) + timedelta(days=day), value) for day, value in sorted(pairs)]
    drawn = line("x", values)
    assert all(0 <= mark.x <= WIDTH for mark in drawn.marks)
    assert all(0 <= mark.y <= HEIGHT for mark in drawn.marks)
    assert [mark.x for mark in drawn.marks] == sorted(mark.x for mark in drawn.marks)
    by_value = sorted(zip(values, drawn.marks, strict=True), key=lambda pair: pair[0][1])
    heights = [mark.y for _, mark in by_value]
    assert heights == sorted(heights, reverse=True)
    assert 2 <= len(drawn.rows) <= 7


def test_the_scale_is_true():
    drawn = line("x", [(date(2020, 1, 1), 1.0), (date(2022, 1, 1), 3.0), (date(2021, 1, 1), 2.0)])
    first, last, middle = drawn.marks
    assert abs((first.y + last.y) / 2 - middle.y) <= 0.1
    assert abs((first.x + last.x) / 2 - middle.x) <= 0.5


def test_bands_stand_around_the_value_before():
    days = date(2020, 1, 1), date(2022, 1, 1)
    drawn = line("x", [(days[0], 1.0), (days[1], 1.02)], limits=[(*days, 0.95, 1.05)], places=3)
    (band,) = drawn.bands
    assert band.y < drawn.marks[0].y < band.y + band.height
    assert abs(band.y + band.height / 2 - drawn.marks[0].y) <= 0.2
    assert [mark.value for mark in drawn.marks] == ["1.000", "1.020"]


def test_a_small_change_looks_small():
    values = [(date(2020, 1, 1), 2.5), (date(2022, 1, 1), 2.7)]
    for options in ({"zero": True}, {"least": 4.0}):
        first, last = line("x", values, **options).marks
        assert 0 < first.y - last.y < HEIGHT / 8
    assert line("x", values, zero=True).rows[0].label == "0"
