"""The part of an image that a texture feature looks at: checked, and cropped to the mask."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.error import InputError

GREATEST: Final = 1e100
"""Grey levels beyond this are no measurement, and their squares no numbers."""


class Region(NamedTuple):
    """Grey levels (float64) and mask of the mask's bounding box, and where that box begins."""

    grey: NDArray[np.float64]
    mask: NDArray[np.bool_]
    row: int
    column: int


def region(image: ArrayLike, mask: ArrayLike, *, margin: int = 0) -> Region:
    """Crop an image to the bounding box of its mask and `margin` pixels of its surroundings.

    An empty mask gives an empty region (0 × 0).

    Raises
    ------
    InputError
        If image and mask are not two [y, x] arrays of one shape, the image does not hold real
        numbers, or a pixel inside the mask is not finite.
    """
    pixels, inside = np.asarray(image), np.asarray(mask)
    if pixels.ndim != 2 or pixels.shape != inside.shape:
        raise InputError(
            f"image and mask must be [y, x] arrays of one shape, not {pixels.shape} and "
            f"{inside.shape}",
            remedy="measure a stack slice by slice",
        )
    if pixels.dtype.kind not in "biuf":
        raise InputError(f"the image holds {pixels.dtype}, not real numbers")
    if inside.dtype != bool:
        inside = inside != 0
    rows = np.flatnonzero(inside.any(axis=1))
    if rows.size == 0:
        return Region(np.empty((0, 0)), np.empty((0, 0), bool), 0, 0)
    top, bottom = max(rows[0] - margin, 0), rows[-1] + 1 + margin
    columns = np.flatnonzero(inside[rows[0] : rows[-1] + 1].any(axis=0))
    left, right = max(columns[0] - margin, 0), columns[-1] + 1 + margin
    inside = inside[top:bottom, left:right]
    grey = pixels[top:bottom, left:right].astype(np.float64)
    strange = np.count_nonzero(inside & ~(np.abs(grey) <= GREATEST))
    if strange:
        raise InputError(
            f"{strange} of {np.count_nonzero(inside)} pixels inside the mask are not finite "
            "numbers",
            remedy="take them out of the mask, or measure the image before it was masked",
        )
    return Region(grey, inside, int(top), int(left))


def check_spacing(spacing: Any) -> tuple[float, float]:
    """Give the millimetres per (row, column), both positive; InputError otherwise."""
    try:
        row, column = (float(step) for step in spacing)
    except (TypeError, ValueError):
        row = column = float("nan")
    if not (0 < row < float("inf") and 0 < column < float("inf")):
        raise InputError(f"spacing must be two positive lengths in mm, not {spacing!r}")
    return row, column
