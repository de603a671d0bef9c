"""Entropy in bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def entropy(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """-Σ p log₂ p of each row of `share` [row, …]; an empty cell adds nothing."""
    rows = share.reshape(len(share), -1)
    bits = np.log2(np.where(rows > 0, rows, 1.0))
    return -np.einsum("ij,ij->i", rows, bits)
