"""From intensities to grey levels 1, 2, … (IBSI §2.7)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError

MOST_LEVELS = 1024
"""More grey levels than this make matrices that say nothing and fill memory."""


def discretise(
    values: NDArray[Any], *, bins: int | None = None, bin_width: float | None = None
) -> NDArray[np.int32]:
    """Grey levels of the values [pixel] inside a region.

    Parameters
    ----------
    values
        Finite intensities, at least one.
    bins
        Fixed bin number: `bins` equal steps from the lowest to the highest value (FBN).
    bin_width
        Fixed bin size: steps of this width from the lowest value (FBS). With neither, the values
        are levels already: whole numbers from 1.

    Raises
    ------
    InputError
        Both are given, a setting is not positive, the values are no levels, or there would be more
        than `MOST_LEVELS`.

    References
    ----------
    Zwanenburg et al., arXiv:1612.07003v11, §2.7.

    Examples
    --------
    >>> discretise(np.array([0.0, 4.9, 5.0, 10.0]), bins=2)
    array([1, 1, 2, 2], dtype=int32)
    """
    if bins is not None and bin_width is not None:
        raise InputError("bins and bin_width exclude each other", remedy="give one of them")
    if bins is not None:
        return _fixed_number(values, bins)
    if bin_width is not None:
        return _fixed_width(values, bin_width)
    levels = values.astype(np.int32)
    if levels.min() < 1 or not np.array_equal(levels, values):
        raise InputError(
            "without bins the image must hold grey levels: whole numbers from 1",
            remedy="give bins=32 (or bin_width) for an image of intensities",
        )
    _bounded(int(levels.max()))
    return levels


def _fixed_number(values: NDArray[Any], bins: int) -> NDArray[np.int32]:
    if not 1 <= bins <= MOST_LEVELS:
        raise InputError(
            f"bins is {bins}", remedy=f"take a whole number from 1 to {MOST_LEVELS}, such as 32"
        )
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.ones(values.shape, dtype=np.int32)
    place = (values.astype(np.float64) - low) * (bins / (high - low))
    levels = place.astype(np.int32) + 1
    return np.minimum(levels, bins, out=levels)


def _fixed_width(values: NDArray[Any], width: float) -> NDArray[np.int32]:
    if not (np.isfinite(width) and width > 0):
        raise InputError(f"bin_width is {width}", remedy="take a positive number of grey values")
    low, high = float(values.min()), float(values.max())
    _bounded((high - low) / width + 1)
    levels: NDArray[np.int32] = ((values.astype(np.float64) - low) / width).astype(np.int32) + 1
    return levels


def _bounded(levels: float) -> None:
    if levels > MOST_LEVELS:
        raise InputError(
            f"{levels:,.0f} grey levels are too many (at most {MOST_LEVELS})",
            remedy="discretise more coarsely: bins=32, or a larger bin_width",
        )
