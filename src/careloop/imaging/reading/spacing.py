"""The size of a pixel: known, or the file is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from careloop.imaging.reading import reason
from careloop.imaging.reading.refusal import refuse

LEAST_MM, MOST_MM = 0.001, 50.0
"""A pixel outside these bounds is a fault of the file: 1 µm (microscopy) to 5 cm."""
AGREE = 0.01
"""Relative difference up to which two sources of the pixel size agree."""

GivenSpacing = float | Sequence[float] | None


@dataclass(frozen=True, slots=True)
class Spacing:
    """Millimetres along rows' direction of stacking and along columns, and where it was read."""

    row_mm: float
    column_mm: float
    source: str


def possible(step_mm: float) -> bool:
    """Whether a pixel may have this size."""
    return math.isfinite(step_mm) and LEAST_MM <= step_mm <= MOST_MM


def checked(steps_mm: Sequence[float], source: str) -> tuple[float, ...]:
    """Give the steps back if each is possible.

    Raises
    ------
    RefusedError
        I159 if not.
    """
    if not all(possible(step) for step in steps_mm):
        refuse(reason.SPACING_ABSURD, f"{source} is {' × '.join(f'{s:g}' for s in steps_mm)} mm")
    return tuple(float(step) for step in steps_mm)


def given_steps(given: GivenSpacing) -> tuple[float, ...]:
    """The user's spacing as (row, column) or (slice, row, column).

    Raises
    ------
    ValueError
        If it has another number of figures or one that is not possible: the caller's fault, not
        the file's.
    """
    if given is None:
        return ()
    steps = (given, given) if isinstance(given, int | float) else tuple(given)
    if len(steps) not in {2, 3} or not all(possible(float(step)) for step in steps):
        raise ValueError(
            f"spacing_mm is one figure, (row, column) or (slice, row, column), each "
            f"{LEAST_MM:g} to {MOST_MM:g} mm; not {given!r}"
        )
    return tuple(float(step) for step in steps)


def agree(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two sources give the same size within 1 %."""
    return all(abs(a - b) <= AGREE * max(abs(a), abs(b)) for a, b in zip(one, other, strict=True))
