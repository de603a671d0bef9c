"""Features of a matrix "level × extent": runs, zones, zone distances, dependences (IBSI §3.7-3.11).

The four families count different things (a run's length, a zone's size, its distance to the edge,
the number of like neighbours) and then ask the same questions of the counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.feature.entropy import entropy

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
    number = counts.sum(axis=(1, 2), dtype=np.float64)
    share = counts / number[:, None, None]
    of_level, of_extent = share.sum(axis=2), share.sum(axis=1)
    level = np.arange(1, counts.shape[1] + 1, dtype=np.float64)
    extent = np.broadcast_to(extents, of_extent.shape).astype(np.float64)
    level_2, extent_2 = level * level, extent * extent

    by_extent = np.stack([1 / extent_2, extent_2, extent], axis=2)  # [matrix, extent, 3]
    by_level = np.stack([1 / level_2, level_2, level], axis=1)
    e = np.einsum("mj,mjb->mb", of_extent, by_extent)  # [matrix, (short, long, mean)]
    g = of_level @ by_level
    crossed = np.matmul(by_level[:, :2].T, share @ by_extent[:, :, :2])  # [matrix, level, extent]
    level_square = np.einsum("mi,mi->m", of_level, of_level)
    extent_square = np.einsum("mj,mj->m", of_extent, of_extent)
    level_offset = level - g[:, 2:]
    extent_offset = extent - e[:, 2:]
    flat = share.reshape(len(share), -1)
    return np.stack(
        [
            e[:, 0],
            e[:, 1],
            g[:, 0],
            g[:, 1],
            crossed[:, 0, 0],
            crossed[:, 1, 0],
            crossed[:, 0, 1],
            crossed[:, 1, 1],
            level_square * number,
            level_square,
            extent_square * number,
            extent_square,
            number / pixels,
            np.einsum("mi,mi,mi->m", of_level, level_offset, level_offset),
            np.einsum("mj,mj,mj->m", of_extent, extent_offset, extent_offset),
            entropy(flat),
            np.einsum("mc,mc->m", flat, flat),
        ]
    )
