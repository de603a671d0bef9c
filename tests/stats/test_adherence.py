"""Days covered by a medicine: published vectors, carry-over, gaps, bad input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.error import InputError
from careloop.stats.adherence import (
    covered,
    longest_gap,
    medication_possession_ratio,
    persistent,
    proportion_of_days_covered,
)


@pytest.mark.parametrize(
    ("supplies", "days", "share"),
    [
        ([(0, 28), (28, 28), (70, 28), (98, 28)], 140, 0.8),
        ([(0, 90), (80, 90), (200, 90)], 365, 0.7397),
        ([(80, 90), (200, 90), (0, 90)], 365, 0.7397),  # any order
        ([], 30, 0.0),
        ([(0, 400)], 365, 1.0),
        ([(-20, 30)], 100, 0.1),  # ten days of it fall into the observation
        ([(90, 30)], 100, 0.1),
        ([(200, 30)], 100, 0.0),
    ],
)
def test_days_covered_against_vectors(supplies, days, share):
    assert proportion_of_days_covered(supplies, days) == pytest.approx(share, abs=5e-5)


SUPPLIES = st.lists(st.tuples(st.integers(-50, 400), st.integers(0, 120)), max_size=12)


@given(SUPPLIES, st.integers(1, 400))
def test_days_covered_against_a_slow_twin(supplies, days):
    """Tablets taken one a day from a box into which every supply goes."""
    taken, box = 0, 0
    for day in range(-50, days):
        box += sum(length for start, length in supplies if start == day)
        if box:
            box -= 1
            taken += day >= 0
    assert proportion_of_days_covered(supplies, days) == pytest.approx(taken / days)


@given(SUPPLIES, st.integers(1, 400))
def test_gap_and_coverage_agree(supplies, days):
    gap = longest_gap(supplies, days)
    assert 0 <= gap <= days - covered(supplies, days).sum()
    assert (gap == 0) == (proportion_of_days_covered(supplies, days) == 1)
    assert persistent(supplies, days, gap_days=gap)
    assert gap == 0 or not persistent(supplies, days, gap_days=gap - 1)


def test_persistence_at_the_boundary():
    assert persistent([(0, 183), (243, 183)], 426)  # denosumab 60 days late
    assert not persistent([(0, 183), (244, 183)], 427)


def test_possession_is_capped():
    assert medication_possession_ratio([(0, 30), (30, 30)], 120) == 0.5
    assert medication_possession_ratio([(0, 300)], 120) == 1.0


@pytest.mark.parametrize(
    ("supplies", "days"), [([], 0), ([(0, -1)], 10), ([(0, float("nan"))], 10)]
)
def test_nonsense_is_refused(supplies, days):
    with pytest.raises(InputError):
        proportion_of_days_covered(supplies, days)
