"""Compiled loops of texture and filters; import it where it is used, it loads Numba.

Each is compiled on its first call and cached on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Whole = NDArray[np.int64]


@njit(cache=True, nogil=True)
def increment_products(
    grey: NDArray[np.float64],
    inside: NDArray[np.uint8],
    families: Whole,
    drifts: Whole,
    paths: Whole,
    lengths: Whole,
    increments: NDArray[np.float64],
    products: NDArray[np.float64],
    counts: Whole,
) -> None:
    """Sum x xᵀ over the increments x of all lines inside the mask, for each direction and length.

    The image is flat and framed: whatever a path reaches from inside the mask is in the array. A
    direction's family of parallel digital lines goes from `start` in [first, last) along its major
    axis: its pixel number `at` is `origin + at · major + (start + drifts[direction, at]) · minor`,
    where the bracket is from 0 to below `width`.

    Parameters
    ----------
    grey, inside
        Grey levels and mask (0 or 1), flat.
    families
        For each direction: origin, major, minor (steps of the flat index), extent (pixels along the
        major axis), width, first, last.
    drifts
        What a line of the family has moved along the minor axis, shape (directions, ≥ extent).
    paths
        Flat offsets of the points of a line, first 0, shape (directions, n + 1).
    lengths
        Numbers of increments that a line may have, falling; the first is n.
    increments
        Room for n numbers.
    products
        Receives the sums' lower triangles, shape (directions, lengths, n, n); a shorter length
        fills the corner.
    counts
        Receives the number of lines, shape (directions, lengths).
    """
    n = lengths[0]
    for direction in range(paths.shape[0]):
        origin, major, minor, extent, width, first, last = families[direction]
        for start in range(first, last):
            at = 0
            while at < extent:
                across = start + drifts[direction, at]
                if across < 0 or across >= width:
                    at += 1
                    continue
                here = origin + at * major + across * minor
                if not inside[here]:
                    at += 1
                    continue
                found = 0
                before = grey[here]
                while found < n:
                    there = here + paths[direction, found + 1]
                    if not inside[there]:
                        break
                    increments[found] = grey[there] - before
                    before = grey[there]
                    found += 1
                at += found + 1
                for kind in range(lengths.shape[0]):
                    size = lengths[kind]
                    if size <= found:
                        at += size - found - 1
                        counts[direction, kind] += 1
                        for i in range(size):
                            for j in range(i + 1):
                                products[direction, kind, i, j] += increments[i] * increments[j]
                        break


@njit(cache=True, nogil=True)
def sub_bands(
    image: NDArray[np.float64],
    taps: NDArray[np.float64],
    rows: Whole,
    columns: Whole,
    step: int,
    framed: NDArray[np.float64],
    partial: NDArray[np.float64],
    bands: NDArray[np.float64],
) -> None:
    """Filter an image by a low and a high pass along x, then along y.

    Parameters
    ----------
    image
        Pixels [y, x].
    taps
        Low and high pass, in the order in which they meet the pixels, shape (2, taps).
    rows, columns
        Pixel numbers of the framed axes, -1 for a pixel of 0; tap k of output pixel i meets
        number i + k · step.
    step
        Pixels between the taps.
    framed
        Room for one framed row.
    partial
        Zeros; receives both results along x, shape (2, y, x).
    bands
        Zeros; receives LL, LH, HL, HH (first letter: along x), shape (4, y, x).
    """
    height, width = image.shape
    for y in range(height):
        for i in range(columns.size):
            framed[i] = image[y, columns[i]] if columns[i] >= 0 else 0.0
        for band in range(2):
            line = partial[band, y]
            for k in range(taps.shape[1]):
                tap, source = taps[band, k], framed[k * step :]
                for x in range(width):
                    line[x] += tap * source[x]
    for y in range(height):
        for band in range(4):
            line = bands[band, y]
            for k in range(taps.shape[1]):
                row = rows[y + k * step]
                if row >= 0:
                    tap, source = taps[band % 2, k], partial[band // 2, row]
                    for x in range(width):
                        line[x] += tap * source[x]
