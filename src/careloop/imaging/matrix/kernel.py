"""Loops over pixels, compiled by Numba on first use and cached on disk.

Every kernel takes `levels` int32 [y, x]: grey levels from 1 to `count`, 0 outside the region. The
frame of the array is outside too: callers pad by one pixel, so that no kernel tests for edges.
They only count. What the counts mean stands in `careloop.imaging.feature`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Levels = NDArray[np.int32]
Counts = NDArray[np.int32]

STEP_Y = np.array([0, 1, 1, 1], dtype=np.int64)
STEP_X = np.array([1, 1, 0, -1], dtype=np.int64)
"""The four directions of the plane: →, ↘, ↓, ↙."""


@njit("(int32[:,::1], int32[:,:,::1])", cache=True, nogil=True)
def pairs(levels: Levels, counts: Counts) -> None:
    """Count pairs of neighbours along →, ↘, ↓, ↙ into `counts` [4, level, level], one way."""
    height, width = levels.shape
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            level = levels[y, x]
            if level:
                beside = levels[y, x + 1]
                if beside:
                    counts[0, level - 1, beside - 1] += 1
                below = y + 1
                beside = levels[below, x + 1]
                if beside:
                    counts[1, level - 1, beside - 1] += 1
                beside = levels[below, x]
                if beside:
                    counts[2, level - 1, beside - 1] += 1
                beside = levels[below, x - 1]
                if beside:
                    counts[3, level - 1, beside - 1] += 1


@njit("int64(int32[:,::1], int32[:,:,::1], int64[::1], int64[::1])", cache=True, nogil=True)
def runs(
    levels: Levels, counts: Counts, step_y: NDArray[np.int64], step_x: NDArray[np.int64]
) -> int:
    """Count runs of equal level along each direction into `counts` [4, level, length].

    Returns the length of the longest run.
    """
    height, width = levels.shape
    longest = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            level = levels[y, x]
            if level:
                for d in range(4):
                    dy, dx = step_y[d], step_x[d]
                    if levels[y - dy, x - dx] != level:
                        length, v, u = 1, y + dy, x + dx
                        while levels[v, u] == level:
                            length += 1
                            v += dy
                            u += dx
                        counts[d, level - 1, length - 1] += 1
                        longest = max(longest, length)
    return longest


@njit("int64(int32[:,::1], int32[:,::1], int32[::1], int64[:,::1])", cache=True, nogil=True)
def zones(levels: Levels, distance: Counts, stack: Counts, found: NDArray[np.int64]) -> int:
    """Flood each zone of equal level (8 neighbours) into `found` [3, zone].

    The rows are level, size and distance: the least city-block distance of the zone's pixels to
    the outside, 1 at the edge. `distance` is work space of zeros in the shape of `levels`, `stack`
    and `found` have room for every pixel. Returns the number of zones.
    """
    height, width = levels.shape
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            if levels[y, x]:
                distance[y, x] = min(distance[y - 1, x], distance[y, x - 1]) + 1
    for y in range(height - 2, 0, -1):
        for x in range(width - 2, 0, -1):
            if levels[y, x]:
                near = min(distance[y + 1, x], distance[y, x + 1]) + 1
                if near < distance[y, x]:
                    distance[y, x] = near
    count = 0
    flat, mark = levels.ravel(), distance.ravel()
    for start in range(width + 1, (height - 1) * width):
        if mark[start] <= 0:
            continue
        level = flat[start]
        nearest = mark[start]
        mark[start] = -1
        stack[0] = start
        top, size = 1, 0
        while top:
            top -= 1
            here = stack[top]
            size += 1
            for row in range(here - width, here + width + 1, width):
                for there in range(row - 1, row + 2):
                    if flat[there] == level and mark[there] > 0:
                        if mark[there] < nearest:
                            nearest = mark[there]
                        mark[there] = -1
                        stack[top] = there
                        top += 1
        found[0, count], found[1, count], found[2, count] = level, size, nearest
        count += 1
    return count


@njit("(int32[:,::1], int64, int32[:,::1], int64[::1], float64[::1])", cache=True, nogil=True)
def neighbourhoods(
    levels: Levels,
    alpha: int,
    dependence: Counts,
    with_neighbours: NDArray[np.int64],
    difference: NDArray[np.float64],
) -> None:
    """Count what the eight neighbours of each pixel are like.

    `dependence` [level, 9]: how many of them differ by at most `alpha`. `with_neighbours` [level]:
    pixels that have any; `difference` [level]: sum over these of |level - mean of neighbours|.
    """
    height, width = levels.shape
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            level = levels[y, x]
            if level:
                alike, number, total = 0, 0, 0
                for v in range(y - 1, y + 2):
                    for u in range(x - 1, x + 2):
                        other = levels[v, u]
                        if other:
                            number += 1
                            total += other
                            if abs(other - level) <= alpha:
                                alike += 1
                dependence[level - 1, alike - 1] += 1
                if number > 1:
                    with_neighbours[level - 1] += 1
                    difference[level - 1] += abs(level - (total - level) / (number - 1))
