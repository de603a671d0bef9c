"""Entropy in bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def entropy(share: NDArray[Any]) -> NDArray[np.float64]:
    """-Σ p log₂ p of each row of `share` [row, …]; an empty cell adds nothing."""
    rows = share.reshape(len(share), -1)
    bits = np.log2(np.where(rows > 0, rows, 1.0))
    total: NDArray[np.float64] = -np.einsum("ij,ij->i", rows, bits)
    return total
