"""Fractional Brownian surfaces: textures whose Hurst exponent is known."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError


def fractional_brownian_surface(
    size: int | tuple[int, int], hurst: float, *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw an exact fractional Brownian surface: E[(Z(u) − Z(v))²] = |u − v|^(2H), u, v in pixels.

    The law is exact, not asymptotic: a stationary field with Stein's covariance is drawn on a torus
    by FFT (circulant embedding), and a random plane makes up for what that covariance lacks.

    Parameters
    ----------
    size
        Side in pixels, or (rows, columns).
    hurst
        Hurst exponent H, 0 < H < 1. The surface's fractal dimension is 3 − H.
    rng
        Source of all randomness; the same state gives the same surface.

    Returns
    -------
    array, float64, shape (rows, columns)
        Zero at [0, 0].

    Raises
    ------
    InputError
        If H is not between 0 and 1, or a side is not positive.

    References
    ----------
    Stein ML. Fast and exact simulation of fractional Brownian surfaces. J Comput Graph Stat
    2002;11:587-599.

    Examples
    --------
    >>> surface = fractional_brownian_surface((64, 48), 0.5, rng=np.random.default_rng(1))
    >>> surface.shape, float(surface[0, 0])
    ((64, 48), 0.0)
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    if not (0 < hurst < 1 and rows > 0 and columns > 0):
        raise InputError(
            f"a surface needs 0 < H < 1 and positive sides, not H={hurst}, {rows} × {columns}"
        )
    diameter = max(math.hypot(rows - 1, columns - 1), 1.0)  # the longest lag has length 1
    torus = _torus_side(hurst, diameter)
    spectrum, plane_variance = _embedding(hurst, diameter, torus)
    noise = np.fft.rfft2(rng.standard_normal((torus, torus)))
    stationary = np.fft.irfft2(noise * np.sqrt(spectrum), s=(torus, torus))[:rows, :columns]
    tilt = rng.standard_normal(2) * math.sqrt(plane_variance) / diameter
    surface = stationary + tilt[0] * np.arange(rows)[:, None] + tilt[1] * np.arange(columns)
    surface -= surface[0, 0]
    # so far E[(Z(u) − Z(v))²] = 2 (|u − v| / diameter)^2H
    return np.asarray(surface * (diameter**hurst / math.sqrt(2.0)))


def _torus_side(hurst: float, diameter: float) -> int:
    """Pixels of the torus: its period is twice the radius where the covariance ends."""
    radius = 1.0 if hurst <= 0.75 else 2.0
    least = math.ceil(2 * radius * diameter)
    return next(side for side in range(least, 2 * least + 2) if _is_smooth(side))


def _is_smooth(number: int) -> bool:
    """Whether a number has no prime factor but 2, 3 and 5, and is even (a quick FFT)."""
    if number % 2:
        return False
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1


def _embedding(hurst: float, diameter: float, torus: int) -> tuple[NDArray[np.float64], float]:
    """Eigenvalues of Stein's covariance on the torus (half plane of `rfft2`), and 2·c₂.

    ρ(r) = c₀ − r^α + c₂ r² up to 1, β (R − r)³ / r up to R, 0 beyond; α = 2H (Stein 2002).
    """
    alpha = 2 * hurst
    if alpha <= 1.5:
        radius, beta, c2 = 1.0, 0.0, alpha / 2
        c0 = 1 - alpha / 2
    else:
        radius = 2.0
        beta = alpha * (2 - alpha) / (3 * radius * (radius**2 - 1))
        c2 = (alpha - beta * (radius - 1) ** 2 * (radius + 2)) / 2
        c0 = beta * (radius - 1) ** 3 + 1 - c2
    steps = np.minimum(np.arange(torus), torus - np.arange(torus)) / diameter
    r = np.hypot(steps[:, None], steps)
    covariance = np.zeros_like(r)
    near = r <= 1
    covariance[near] = c0 - r[near] ** alpha + c2 * r[near] ** 2
    if beta:
        far = (r > 1) & (r < radius)
        covariance[far] = beta * (radius - r[far]) ** 3 / r[far]
    spectrum = np.fft.rfft2(covariance).real
    if spectrum.min() < -1e-6 * spectrum.max():
        raise InputError(f"no exact embedding for H={hurst}; draw a smaller surface")
    return np.maximum(spectrum, 0.0), 2 * c2
