"""Deterministic images for the imaging benchmarks: correlated noise and an elongated region.

256 × 192 pixels around 100 ± 20 and a tilted ellipse of about 9,000 pixels, as in the recipe that
the peers were measured with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 256, 192
_SEED = 20240601


def bone_image(number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """One image with its mask; the same number gives the same image."""
    rng = np.random.default_rng(_SEED + number)
    image = 0.75 * _noise(rng, 1.5) + 0.6 * _noise(rng, 6.0)
    image += 0.3 * rng.standard_normal((HEIGHT, WIDTH))
    tilt = np.deg2rad(rng.uniform(-10, 10))
    middle = HEIGHT / 2 + rng.uniform(-4, 4), WIDTH / 2 + rng.uniform(-4, 4)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    down, right = y - middle[0], x - middle[1]
    along = down * np.cos(tilt) + right * np.sin(tilt)
    across = -down * np.sin(tilt) + right * np.cos(tilt)
    mask = (along / 110) ** 2 + (across / 26) ** 2 <= 1
    return (100 + 20 * image / image.std()).astype(np.float32), mask


def _noise(rng: np.random.Generator, sigma: float) -> NDArray[Any]:
    """Periodic white noise, Gaussian-filtered, of unit variance."""
    white = rng.standard_normal((HEIGHT, WIDTH))
    fy, fx = np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None]
    kernel = np.exp(-2 * (np.pi * sigma) ** 2 * (fx**2 + fy**2))
    smooth = np.fft.irfft2(np.fft.rfft2(white) * kernel, s=(HEIGHT, WIDTH))
    return np.asarray(smooth / smooth.std())
