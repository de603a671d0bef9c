"""National ids against the algorithm of GB 11643 and its published examples."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.error import InputError
from careloop.web.registry import national_id

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("number", "born", "sex"),
    [
        ("11010519491231002X", date(1949, 12, 31), "female"),  # GB 11643-1999, example 1
        ("440524188001010014", None, ""),  # example 2: born 1880, too long ago to be registered
        ("34052419800101001X", date(1980, 1, 1), "male"),  # the usual textbook example
        ("11010519491231 002x", date(1949, 12, 31), "female"),
        ("１１０１０５１９４９１２３１００２Ｘ", date(1949, 12, 31), "female"),
        ("110105491231002", date(1949, 12, 31), "female"),  # fifteen digits
        ("990000195001310021", None, ""),
        (
            "99000019500131002X",
            date(1950, 1, 31),
            "female",
        ),  # a place that does not exist: the demo
    ],
)
def test_published_numbers(number, born, sex):
    if born is None:
        with pytest.raises(InputError):
            national_id.read(number, today=TODAY)
    else:
        told = national_id.read(number, today=TODAY)
        assert (told.birth_date, told.sex) == (born, sex)
        assert len(told.number) == 18
        assert told.number.isupper() or told.number.isdigit()


def test_check_character_of_the_standards_examples():
    assert national_id.check_character("11010519491231002") == "X"
    assert national_id.check_character("44052418800101001") == "4"


def _with_check(digits):
    return digits + national_id.check_character(digits)


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("", "length"),
        ("1101051949123100", "length"),
        ("X1010519491231002X", "length"),
        ("110105194912310021", "check"),
        ("11010519491231003X", "check"),  # one digit mistyped
        (_with_check("11010519490230002"), "date"),
        (_with_check("11010519001301002"), "date"),
        (_with_check("11010518801201002"), "date"),
        (_with_check("11010520270101002"), "future"),
        ("٣٤٠٥٢٤١٩٨٠٠١٠١٠٠١X", "length"),
    ],
)
def test_wrong_numbers_are_refused_with_the_reason(number, problem):
    with pytest.raises(InputError) as error:
        national_id.read(number, today=TODAY)
    assert error.value.problem == problem


@given(
    st.dates(date(1900, 1, 1), TODAY), st.integers(0, 999), st.integers(0, 16), st.integers(1, 9)
)
def test_every_single_slip_is_found_and_sex_follows_the_order(born, order, place, slip):
    number = _with_check(f"110105{born:%Y%m%d}{order:03d}")
    told = national_id.read(number, today=TODAY)
    assert (told.birth_date, told.sex) == (born, "male" if order % 2 else "female")
    wrong = number[:place] + str((int(number[place]) + slip) % 10) + number[place + 1 :]
    with pytest.raises(InputError):
        national_id.read(wrong, today=TODAY)


@given(st.text(max_size=24))
def test_noise_is_refused_or_read_never_worse(told):
    with contextlib.suppress(InputError):
        assert len(national_id.read(told, today=TODAY).number) == 18


def test_a_masked_number_tells_place_and_tail_only():
    assert national_id.masked("11010519491231002X") == "110***********002X"
    assert national_id.masked("") == ""
    assert national_id.masked("1234") == "****"
