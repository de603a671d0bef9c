"""Surfaces whose Hurst exponent is known, and the regions that they are measured in."""

from functools import lru_cache

import numpy as np
import pytest

from careloop.imaging.phantom.surface import fractional_brownian_surface


@pytest.fixture(scope="session")
def surfaces():
    """Give exact surfaces of 256 × 256 pixels: `surfaces(hurst, number)`."""

    @lru_cache
    def one(hurst, seed):
        return fractional_brownian_surface(256, hurst, rng=np.random.default_rng(seed))

    return lambda hurst, number: [one(hurst, seed) for seed in range(number)]


@pytest.fixture(scope="session")
def masks():
    """Masks of 256 × 256 pixels by name: all, a disc, or the benchmark's narrow ellipse."""

    def mask(name):
        if name == "square":
            return np.ones((256, 256), bool)
        if name == "disc":
            return np.hypot(*(np.indices((256, 256)) - 128)) < 50
        y, x = np.mgrid[:256, :256] - np.array([128.0, 96.0])[:, None, None]
        tilt = np.deg2rad(7)
        along, across = y * np.cos(tilt) + x * np.sin(tilt), x * np.cos(tilt) - y * np.sin(tilt)
        return (along / 110) ** 2 + (across / 26) ** 2 <= 1

    return mask
