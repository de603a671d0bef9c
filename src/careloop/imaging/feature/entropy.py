"""Entropy in bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def entropies(share: NDArray[Any]) -> NDArray[np.float64]:
    """-p log₂ p of each share; an empty cell adds nothing. Their sum is the entropy."""
    bits = np.log2(np.where(share > 0, share, 1.0))
    bits *= share
    found: NDArray[np.float64] = np.negative(bits, out=bits)
    return found
