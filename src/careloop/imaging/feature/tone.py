"""Neighbourhood grey tone difference: how far pixels stand from their neighbours (IBSI §3.10)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_LARGEST_COARSENESS = 1e6
"""Where no pixel differs from its neighbours; the IBSI's own bound."""


def tone_features(pixels: NDArray[Any], difference: Array) -> Array:
    """Coarseness, contrast, busyness, complexity and strength of each matrix.

    Parameters
    ----------
    pixels
        [matrix, level]: pixels of this level that have a neighbour.
    difference
        [matrix, level]: sum over them of |level - mean of the neighbours|.

    Returns
    -------
    ndarray
        [5, matrix]. With one level only, contrast, busyness and strength are 0.
    """
    return np.array([_tone(n, s) for n, s in zip(pixels, difference, strict=True)]).T


def _tone(pixels: NDArray[Any], difference: Array) -> list[float]:
    (present,) = np.nonzero(pixels)
    number = float(pixels.sum())
    if not number:
        return [np.nan] * 5
    p, s, level = pixels[present] / number, difference[present], present + 1.0
    apart = level[:, None] - level
    both = p[:, None] + p
    square = apart * apart
    weighted = p @ s
    total = s.sum()
    levels = len(present)
    contrast = (p @ square @ p) / (levels * (levels - 1)) * total / number if levels > 1 else 0.0
    spread = np.abs((level * p)[:, None] - level * p).sum()
    ps = p * s
    complexity = (np.abs(apart) * (ps[:, None] + ps) / both).sum() / number
    return [
        min(1 / float(weighted), _LARGEST_COARSENESS) if weighted > 0 else _LARGEST_COARSENESS,
        float(contrast),
        float(weighted / spread) if spread > 0 else 0.0,
        float(complexity),
        float((both * square).sum() / total) if total > 0 else 0.0,
    ]
