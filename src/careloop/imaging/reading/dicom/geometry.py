"""Where slices lie in space: their order along the normal, their step, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.reading import finding, reason

_UNIT = 0.01
_SAME_PLACE = 0.01
_EVEN, _NEARLY_EVEN = 0.01, 0.05
_SHEAR = 0.1
"""Tolerances, as parts of one step: the first is silent, up to the second it is remarked."""


@dataclass(frozen=True, slots=True)
class Stacking:
    """Slices in order with their mean step, or the code of why they make no stack.

    `together` holds places at which several slices lie.
    """

    order: tuple[int, ...] = ()
    step_mm: float = 0.0
    remarks: tuple[tuple[str, str], ...] = ()
    refused: str = ""
    detail: str = ""
    together: tuple[tuple[int, ...], ...] = ()


def normal(orientation: Sequence[float]) -> NDArray[np.float64] | None:
    """The normal of a slice from ImageOrientationPatient; `None` where that is not valid."""
    if len(orientation) != 6:
        return None
    row, column = np.asarray(orientation[:3], float), np.asarray(orientation[3:], float)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if any(abs(length - 1) > _UNIT for length in lengths) or abs(row @ column) > _UNIT:
        return None
    crossed = np.cross(row, column)
    return np.asarray(crossed / np.linalg.norm(crossed))


def stacking(
    positions: NDArray[Any], orientation: Sequence[float], *, between_mm: float | None = None
) -> Stacking:
    """Order slices along their normal and judge whether they are a stack.

    Parameters
    ----------
    positions
        ImagePositionPatient of each slice [n, 3] in mm.
    orientation
        ImageOrientationPatient, the same for all.
    between_mm
        SpacingBetweenSlices, where the file tells it: finds that every second slice is missing.

    Examples
    --------
    >>> places = np.array([[0, 0, 4.0], [0, 0, 0.0], [0, 0, 2.0]])
    >>> found = stacking(places, (1, 0, 0, 0, 1, 0))
    >>> found.order, found.step_mm
    ((1, 2, 0), 2.0)
    >>> stacking(places * [1, 1, 3] + [0, 0, 1], (1, 0, 0, 0, 1, 0), between_mm=3.0).refused
    'I166'
    """
    across = normal(orientation)
    if across is None or len(positions) < 2:
        return Stacking(refused=finding.NOT_STACKED)
    depth = positions @ across
    order = np.argsort(depth, kind="stable")
    gaps = np.diff(depth[order])
    positive = gaps[gaps > 1e-4]
    if not positive.size:
        return Stacking(together=(tuple(int(i) for i in order),))
    step = float(np.median(positive))
    together = _together(order, gaps <= max(1e-4, _SAME_PLACE * step))
    if together:
        return Stacking(together=together)
    moves = np.diff(positions[order], axis=0)
    aside = np.linalg.norm(moves - np.outer(moves @ across, across), axis=1)
    return _judged(order, gaps, aside_mm=float(aside.max()), between_mm=between_mm)


def _together(order: NDArray[Any], same: NDArray[np.bool_]) -> tuple[tuple[int, ...], ...]:
    groups: list[list[int]] = []
    for place, is_same in enumerate(same):
        if not is_same:
            continue
        if groups and groups[-1][-1] == order[place]:
            groups[-1].append(int(order[place + 1]))
        else:
            groups.append([int(order[place]), int(order[place + 1])])
    return tuple(tuple(group) for group in groups)


def _judged(
    order: NDArray[Any], gaps: NDArray[Any], *, aside_mm: float, between_mm: float | None
) -> Stacking:
    step = float(np.median(gaps))
    if between_mm is not None and between_mm > 0 and len(gaps) >= 1:
        times = step / between_mm
        if times > 1.5 and abs(times - round(times)) < _NEARLY_EVEN:
            missing = (round(times) - 1) * len(gaps)
            return Stacking(refused=reason.SLICES_MISSING, detail=f"{missing} of them")
    times_ = gaps / step
    missing = int((np.rint(times_) - 1)[np.rint(times_) >= 2].sum())
    if missing and np.all(np.abs(times_ - np.rint(times_)) < 2 * _NEARLY_EVEN):
        return Stacking(refused=reason.SLICES_MISSING, detail=f"{missing} of them")
    unevenness = float(np.abs(times_ - 1).max())
    if unevenness > _NEARLY_EVEN:
        detail = f"{gaps.min():.3g} to {gaps.max():.3g} mm apart"
        return Stacking(refused=reason.SLICES_UNEQUAL, detail=detail)
    remarks = []
    if unevenness > _EVEN:
        remarks.append((finding.SLICES_UNEVEN, f"up to {100 * unevenness:.1f} % of the step"))
    if aside_mm > _SHEAR * step:
        remarks.append((finding.SLICES_SHEARED, f"{aside_mm:.3g} mm each slice"))
    mean = float(gaps.mean())
    return Stacking(tuple(int(i) for i in order), mean, tuple(remarks))
