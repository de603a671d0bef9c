"""Grey level co-occurrence: how often one level stands beside another (Haralick 1973; IBSI §3.6).

For a symmetric matrix every feature but three (maximum, entropy, angular second moment) is a
moment of the distributions of the difference |i - j| and of the sum i + j, so the matrix itself is
gone through only once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.feature.entropy import entropy

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
    both = (counts + counts.transpose(0, 2, 1)).astype(np.float64)
    total = both.sum(axis=(1, 2))
    joint = both / total[:, None, None]
    flat = joint.reshape(matrices, -1)

    cells, weights = _cells(size, matrices), flat.ravel()
    wide = 2 * size - 1
    difference = np.bincount(cells[0], weights, matrices * size).reshape(matrices, size)
    total_level = np.bincount(cells[1], weights, matrices * wide).reshape(matrices, wide)
    margin = joint.sum(axis=2)

    level = np.arange(1, size + 1, dtype=np.float64)
    mean = margin @ level
    offset = level - mean[:, None]
    variance = (margin * offset * offset).sum(axis=1)
    moments = difference @ _difference_weights(size, grey_levels)
    apart = np.arange(size) - moments[:, :1]
    around = np.arange(2, 2 * size + 1) - 2 * mean[:, None]
    tendency = total_level * around * around

    margin_entropy, joint_entropy = entropy(margin), entropy(flat)
    product = (variance + mean * mean) - moments[:, 1] / 2  # E[ij] = (E[i²] + E[j²] - E[(i-j)²])/2
    uniform = variance <= 0
    safe_variance = np.where(uniform, 1.0, variance)
    safe_entropy = np.where(margin_entropy > 0, margin_entropy, 1.0)
    shared = np.maximum(2 * margin_entropy - joint_entropy, 0.0)  # HXY1 = HXY2 = 2 HX
    return np.stack(
        [
            flat.max(axis=1),
            mean,
            variance,
            joint_entropy,
            moments[:, 0],
            (difference * apart * apart).sum(axis=1),
            entropy(difference),
            2 * mean,
            tendency.sum(axis=1),
            entropy(total_level),
            np.einsum("ij,ij->i", flat, flat),
            moments[:, 1],
            moments[:, 0],
            *moments[:, 2:].T,
            np.where(uniform, 1.0, (product - mean * mean) / safe_variance),
            product,
            tendency.sum(axis=1),
            (tendency * around).sum(axis=1),
            (tendency * around * around).sum(axis=1),
            -shared / safe_entropy,
            np.sqrt(1 - np.exp(-2 * shared)),
        ]
    )


@lru_cache(maxsize=8)
def _cells(size: int, matrices: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each cell of the stacked matrices where |i - j| and i + j are counted."""
    i, j = np.indices((size, size))
    matrix = np.arange(matrices)[:, None]
    difference = (matrix * size + np.abs(i - j).ravel()).ravel()
    total = (matrix * (2 * size - 1) + (i + j).ravel()).ravel()
    return difference, total


@lru_cache(maxsize=32)
def _difference_weights(size: int, grey_levels: int) -> Array:
    """[size, 7]: |d|, d², the four inverse differences and the inverse variance."""
    d = np.arange(size, dtype=np.float64)
    square = d * d
    inverse = np.divide(1.0, square, out=np.zeros(size), where=square > 0)
    return np.stack(
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
