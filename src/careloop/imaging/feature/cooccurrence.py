"""Grey level co-occurrence: how often one level stands beside another (Haralick 1973; IBSI §3.6).

For a symmetric matrix every feature but three (maximum, entropy, angular second moment) is a
moment of the distributions of the difference |i - j| and of the sum i + j, so the matrix itself is
gone through only once.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.feature.entropy import entropies

Array = NDArray[np.float64]


def cooccurrence_features(counts: NDArray[np.integer[Any]], grey_levels: int) -> Array:
    """The 25 features of each co-occurrence matrix.

    Parameters
    ----------
    counts
        [matrix, level, level]: pairs counted one way; the other way is added here. None is empty.
    grey_levels
        Number of grey levels of the discretised region (N_g of the IBSI).

    Returns
    -------
    ndarray
        [25, matrix]. Where every pixel has the same level, the correlation is 1 and the first
        information correlation 0.
    """
    matrices, size, _ = counts.shape
    both = (counts + counts.transpose(0, 2, 1)).reshape(matrices, -1).astype(np.float64)
    joint = both / both.sum(axis=1, keepdims=True)

    wide = 2 * size - 1
    cells, weights = _cells(size, matrices), joint.ravel()
    difference = np.bincount(cells[0], weights, matrices * size).reshape(matrices, size)
    total = np.bincount(cells[1], weights, matrices * wide).reshape(matrices, wide)
    margin = joint.reshape(matrices, size, size).sum(axis=2)

    level, step, doubled, by_difference = _axes(size, grey_levels)
    mean = np.einsum("ml,l->m", margin, level)
    offset = level - mean[:, None]
    variance = np.einsum("ml,ml,ml->m", margin, offset, offset)
    moments = difference @ by_difference
    apart = step - moments[:, :1]
    around = doubled - 2 * mean[:, None]
    tendency = total * around * around
    bits = entropies(np.concatenate([joint, margin, difference, total], axis=1))
    ends = np.cumsum([0, size * size, size, size, wide])
    joint_bits, margin_bits, difference_bits, total_bits = (
        bits[:, first:last].sum(axis=1) for first, last in pairwise(ends.tolist())
    )
    product = (variance + mean * mean) - moments[:, 1] / 2  # E[ij] = (E[i²] + E[j²] - E[(i-j)²])/2
    uniform = variance <= 0
    shared = np.maximum(2 * margin_bits - joint_bits, 0.0)  # HXY1 = HXY2 = 2 HX

    out = np.empty((25, matrices))
    out[0] = joint.max(axis=1)
    out[1] = mean
    out[2] = variance
    out[3] = joint_bits
    out[4] = out[12] = moments[:, 0]
    out[5] = np.einsum("md,md,md->m", difference, apart, apart)
    out[6] = difference_bits
    out[7] = 2 * mean
    out[8] = out[20] = tendency.sum(axis=1)
    out[9] = total_bits
    out[10] = np.einsum("mc,mc->m", joint, joint)
    out[11] = moments[:, 1]
    out[13:18] = moments[:, 2:].T
    out[18] = np.where(uniform, 1.0, (product - mean * mean) / np.where(uniform, 1.0, variance))
    out[19] = product
    out[21] = np.einsum("ms,ms->m", tendency, around)
    out[22] = np.einsum("ms,ms,ms->m", tendency, around, around)
    out[23] = -shared / np.where(margin_bits > 0, margin_bits, 1.0)
    out[24] = np.sqrt(1 - np.exp(-2 * shared))
    return out


@lru_cache(maxsize=8)
def _cells(size: int, matrices: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each cell of the stacked matrices where |i - j| and i + j are counted."""
    i, j = np.indices((size, size))
    matrix = np.arange(matrices)[:, None]
    difference = (matrix * size + np.abs(i - j).ravel()).ravel()
    total = (matrix * (2 * size - 1) + (i + j).ravel()).ravel()
    return difference, total


@lru_cache(maxsize=32)
def _axes(size: int, grey_levels: int) -> tuple[Array, Array, Array, Array]:
    """Levels 1…, differences 0…, sums 2…, and what the distribution of differences is weighed by.

    The weights [size, 7] are |d|, d², the four inverse differences and the inverse variance.
    """
    d = np.arange(size, dtype=np.float64)
    square = d * d
    inverse = np.divide(1.0, square, out=np.zeros(size), where=square > 0)
    weights = np.stack(
        [
            d,
            square,
            1 / (1 + d),
            1 / (1 + d / grey_levels),
            1 / (1 + square),
            1 / (1 + square / grey_levels**2),
            inverse,
        ],
        axis=1,
    )
    return d + 1, d, np.arange(2.0, 2.0 * size + 1), weights
