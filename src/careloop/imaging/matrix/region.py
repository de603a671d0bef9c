"""A discretised region, slice by slice, framed for the kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Region:
    """Grey levels of a region: one padded array a slice, cut to the slice's own bounding box.

    `slices` hold int32 levels from 1 to `grey_levels`, 0 outside; the outermost rows and columns
    are 0. Slices without a pixel of the region are left out. `pixels` counts the region by slice.
    """

    slices: tuple[NDArray[np.int32], ...]
    pixels: NDArray[np.int64]
    grey_levels: int


def frame_region(levels: NDArray[np.int32], mask: NDArray[np.bool_]) -> Region:
    """Lay the levels [pixel] of a mask [z, y, x] back into slices, in the mask's own order."""
    slices, pixels, start = [], [], 0
    for plane in mask:
        rows = np.flatnonzero(plane.any(axis=1))
        if not len(rows):
            continue
        columns = np.flatnonzero(plane.any(axis=0))
        top, left = rows[0], columns[0]
        inside = plane[top : rows[-1] + 1, left : columns[-1] + 1]
        number = int(np.count_nonzero(inside))
        framed = np.zeros((inside.shape[0] + 2, inside.shape[1] + 2), dtype=np.int32)
        framed[1:-1, 1:-1][inside] = levels[start : start + number]
        start += number
        slices.append(framed)
        pixels.append(number)
    return Region(tuple(slices), np.array(pixels, dtype=np.int64), int(levels.max()))
