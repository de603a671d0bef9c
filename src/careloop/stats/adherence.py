"""How much of the time a medicine was at hand: days covered, possession, gaps.

Supplies are pairs (day, days): on which day from the start of observation, for how many days. A
supply collected early is carried over: its days begin when the earlier ones end.

Reference: Nau DP, Proportion of days covered as a preferred method of measuring medication
adherence (Pharmacy Quality Alliance); persistence: Cramer JA et al., Value Health 2008;11:44.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from careloop.error import InputError

ADHERENT = 0.8
"""From this share of covered days on a person counts as adherent."""


def covered(supplies: Sequence[tuple[float, float]], days: int) -> npt.NDArray[np.bool_]:
    """For every day of the observation, whether the medicine was at hand.

    Parameters
    ----------
    supplies
        (day, days supplied) in any order. What was supplied before day 0 covers what is left of it.
    days
        Length of the observation.

    Raises
    ------
    InputError
        If there are no days, or a supply is negative or not a number.
    """
    if days < 1:
        raise InputError(f"{days} days of observation", remedy="observe at least one day")
    at_hand = np.zeros(days, dtype=np.bool_)
    end = -np.inf
    for day, length in sorted(supplies):
        if not np.isfinite(day) or not np.isfinite(length) or length < 0:
            raise InputError(
                f"supply of {length} days on day {day}", remedy="give day and length in days"
            )
        start = max(day, end)
        end = start + length
        at_hand[max(int(start), 0) : max(int(end), 0)] = True
    return at_hand


def proportion_of_days_covered(supplies: Sequence[tuple[float, float]], days: int) -> float:
    """Share of days on which the medicine was at hand (PDC), from 0 to 1.

    Examples
    --------
    >>> proportion_of_days_covered([(0, 28), (28, 28), (70, 28), (98, 28)], 140)
    0.8
    >>> round(proportion_of_days_covered([(0, 90), (80, 90), (200, 90)], 365), 4)
    0.7397
    """
    return float(np.count_nonzero(covered(supplies, days)) / days)


def medication_possession_ratio(supplies: Sequence[tuple[float, float]], days: int) -> float:
    """Days supplied over days observed (MPR), at most 1.

    Examples
    --------
    >>> medication_possession_ratio([(0, 90), (10, 90)], 120)
    1.0
    """
    covered(supplies, days)  # refuses what is not a supply
    return float(min(sum(length for _, length in supplies) / days, 1.0))


def longest_gap(supplies: Sequence[tuple[float, float]], days: int) -> int:
    """The longest run of days without the medicine.

    Examples
    --------
    >>> longest_gap([(0, 28), (70, 28)], 98)
    42
    """
    bare = np.concatenate(([0], ~covered(supplies, days), [0])).astype(np.int8)
    turns = np.flatnonzero(np.diff(bare))
    return int(np.max(turns[1::2] - turns[::2], initial=0))


def persistent(supplies: Sequence[tuple[float, float]], days: int, *, gap_days: int = 60) -> bool:
    """Whether no gap was longer than `gap_days` (60; 30 to 90 are in use).

    For denosumab a supply is 183 days with a gap of 60, for zoledronate 365 with 90.
    """
    return longest_gap(supplies, days) <= gap_days
