"""Features of a matrix "level × extent": runs, zones, zone distances, dependences (IBSI §3.7-3.11).

The four families count different things (a run's length, a zone's size, its distance to the edge,
the number of like neighbours) and then ask the same questions of the counts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.feature.entropy import entropies

Array = NDArray[np.float64]


def emphasis_features(counts: NDArray[Any], extents: NDArray[Any], pixels: NDArray[Any]) -> Array:
    """The 16 features that the four families share, and the energy that only NGLDM has.

    Parameters
    ----------
    counts
        [matrix, level, extent]: how many runs (zones, …) of this level have this extent. No matrix
        is empty.
    extents
        [extent] or [matrix, extent]: what each column stands for (run length, zone size, …), from
        1. A column where nothing is counted may stand for anything.
    pixels
        [matrix]: number of pixels that the runs were looked for in (N_v of the IBSI).

    Returns
    -------
    ndarray
        [17, matrix]: short, long, low grey, high grey; short low, short high, long low, long high;
        grey non-uniformity and normalised; extent non-uniformity and normalised; percentage; grey
        variance; extent variance; entropy; energy.
    """
    matrices, levels, _ = counts.shape
    number = counts.reshape(matrices, -1).sum(axis=1, dtype=np.float64)
    share = counts / number[:, None, None]
    of_level, of_extent = share.sum(axis=2), share.sum(axis=1)
    extent = np.broadcast_to(extents, of_extent.shape).astype(np.float64)
    by_extent = np.empty((matrices, extent.shape[1], 3))
    by_extent[..., 1] = extent * extent
    by_extent[..., 0] = 1 / by_extent[..., 1]
    by_extent[..., 2] = extent
    level, by_level = _levels(levels)
    e = np.einsum("mj,mjb->mb", of_extent, by_extent)  # [matrix, (short, long, mean)]
    g = of_level @ by_level
    crossed = np.matmul(by_level[:, :2].T, share @ by_extent[:, :, :2])  # [matrix, level, extent]
    level_offset, extent_offset = level - g[:, 2:], extent - e[:, 2:]
    flat = share.reshape(matrices, -1)

    out = np.empty((17, matrices))
    out[0:2] = e[:, :2].T
    out[2:4] = g[:, :2].T
    out[4:6] = crossed[:, :, 0].T
    out[6:8] = crossed[:, :, 1].T
    out[9] = np.einsum("mi,mi->m", of_level, of_level)
    out[8] = out[9] * number
    out[11] = np.einsum("mj,mj->m", of_extent, of_extent)
    out[10] = out[11] * number
    out[12] = number / pixels
    out[13] = np.einsum("mi,mi,mi->m", of_level, level_offset, level_offset)
    out[14] = np.einsum("mj,mj,mj->m", of_extent, extent_offset, extent_offset)
    out[15] = entropies(flat).sum(axis=1)
    out[16] = np.einsum("mc,mc->m", flat, flat)
    return out


@lru_cache(maxsize=32)
def _levels(size: int) -> tuple[Array, Array]:
    """Levels 1…, and the weights [level, (low, high, mean)]."""
    level = np.arange(1, size + 1, dtype=np.float64)
    return level, np.stack([1 / level**2, level**2, level], axis=1)
