"""Texture matrices of a region, put together as an IBSI aggregation asks.

Directions and slices are either averaged (each matrix gives features of its own) or merged (the
counts are added before features are computed); see `AGGREGATIONS`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.matrix.region import Region

Counts = NDArray[Any]


class Aggregation(NamedTuple):
    """How directions and slices come together, with the IBSI's ids.

    `directional` is the id for matrices that have directions (co-occurrence, run length), `planar`
    the one for those that have none.
    """

    directional: str
    planar: str
    merges_directions: bool
    merges_slices: bool


AGGREGATIONS: dict[str, Aggregation] = {
    "2d_averaged": Aggregation("BTW3", "8QNN", merges_directions=False, merges_slices=False),
    "2d_slice_merged": Aggregation("SUJT", "8QNN", merges_directions=True, merges_slices=False),
    "2.5d_direction_merged": Aggregation(
        "JJUI", "62GR", merges_directions=False, merges_slices=True
    ),
    "2.5d_merged": Aggregation("ZW7Z", "62GR", merges_directions=True, merges_slices=True),
}
"""By the IBSI's names. For a single image the 2.5-D aggregations equal the 2-D ones."""


class Extents(NamedTuple):
    """Counts [matrix, level, extent] with what their columns stand for and N_v of each matrix."""

    counts: Counts
    extents: NDArray[Any]
    pixels: NDArray[Any]


def cooccurrence(region: Region, aggregation: Aggregation) -> Counts:
    """Pairs of neighbours at distance 1, [matrix, level, level], counted one way; none is empty."""
    from careloop.imaging.matrix import kernel

    n = region.grey_levels
    counts = np.zeros((len(region.slices), 4, n, n), dtype=np.int32)
    for levels, into in zip(region.slices, counts, strict=True):
        kernel.pairs(levels, into)
    merged = _directions(counts, aggregation)
    return merged[merged.any(axis=(1, 2))]


def run_lengths(region: Region, aggregation: Aggregation) -> Extents:
    """Runs of equal level, [matrix, level, length]."""
    from careloop.imaging.matrix import kernel

    room = max(max(levels.shape) - 2 for levels in region.slices)
    counts = np.zeros((len(region.slices), 4, region.grey_levels, room), dtype=np.int32)
    longest = max(
        kernel.runs(levels, into, kernel.STEP_Y, kernel.STEP_X)
        for levels, into in zip(region.slices, counts, strict=True)
    )
    pixels = np.repeat(region.pixels[:, None], 4, axis=1)[..., None, None]
    return Extents(
        _directions(counts[..., :longest], aggregation),
        np.arange(1, longest + 1),
        _directions(pixels, aggregation)[:, 0, 0],
    )


def zones(region: Region, aggregation: Aggregation) -> tuple[Extents, Extents]:
    """Zones of equal level (8 neighbours): by size, and by distance to the region's edge.

    The distance of a zone is the least city-block distance of its pixels to the outside, 1 at the
    edge.
    """
    from careloop.imaging.matrix import kernel

    found = []
    for levels, pixels in zip(region.slices, region.pixels.tolist(), strict=True):
        table = np.empty((3, pixels), dtype=np.int64)
        room = np.empty(pixels, dtype=np.int32)
        number = kernel.zones(levels, np.zeros_like(levels), room, table)
        found.append(table[:, :number])
    if aggregation.merges_slices:
        found, pixels_in = [np.concatenate(found, axis=1)], region.pixels.sum(keepdims=True)
    else:
        pixels_in = region.pixels
    by_size, by_distance = (
        Extents(*_table(found, column, region.grey_levels), pixels_in) for column in (1, 2)
    )
    return by_size, by_distance


def dependences(
    region: Region, aggregation: Aggregation, *, alpha: int = 0
) -> tuple[Extents, Counts, NDArray[np.float64]]:
    """What the eight neighbours of each pixel are like.

    Returns
    -------
    Extents
        Dependence counts 1 + number of neighbours that differ by at most `alpha`.
    ndarray
        [matrix, level]: pixels with any neighbour.
    ndarray
        [matrix, level]: sum over them of |level - mean of neighbours|.
    """
    from careloop.imaging.matrix import kernel

    number, n = len(region.slices), region.grey_levels
    counts = np.zeros((number, n, 9), dtype=np.int32)
    pixels = np.zeros((number, n), dtype=np.int64)
    difference = np.zeros((number, n))
    for z, levels in enumerate(region.slices):
        kernel.neighbourhoods(levels, alpha, counts[z], pixels[z], difference[z])
    inside = region.pixels
    if aggregation.merges_slices:
        counts, pixels, difference, inside = (
            part.sum(axis=0, keepdims=True) for part in (counts, pixels, difference, inside)
        )
    return Extents(counts, np.arange(1, 10), inside), pixels, difference


def _directions(counts: Counts, aggregation: Aggregation) -> Counts:
    """[slice, direction, …] → [matrix, …]."""
    if aggregation.merges_slices:
        counts = counts.sum(axis=0, keepdims=True)
    if aggregation.merges_directions:
        counts = counts.sum(axis=1, keepdims=True)
    return counts.reshape(-1, *counts.shape[2:])


_DENSE = 128
"""Up to this extent every column is kept; beyond it only those that occur."""


def _table(found: list[Counts], row: int, grey_levels: int) -> tuple[Counts, NDArray[Any]]:
    """Zone lists [3, zone] → counts [matrix, level, extent], and what the columns stand for."""
    largest = max(int(zones[row].max()) for zones in found)
    if largest <= _DENSE:
        extents = np.arange(1, largest + 1)
        places = [zones[row] - 1 for zones in found]
    else:
        met = np.zeros(largest + 1, dtype=bool)
        for zones in found:
            met[zones[row]] = True
        (extents,) = np.nonzero(met)
        place = np.cumsum(met) - 1
        places = [place[zones[row]] for zones in found]
    width = len(extents)
    counts = [
        np.bincount((zones[0] - 1) * width + column, minlength=grey_levels * width)
        for zones, column in zip(found, places, strict=True)
    ]
    return np.stack(counts).reshape(len(found), grey_levels, width), extents
