"""Hurst exponent along lines in many directions by exact maximum likelihood."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.error import InputError
from careloop.imaging.texture.label import FeatureLabel
from careloop.imaging.texture.region import Region, check_spacing, region

FEATURES: Final = (
    FeatureLabel(
        "hurst_mean", "1", "Hurst 指数（方向均值）", "Hurst exponent, mean over directions"
    ),
    FeatureLabel("hurst_sd", "1", "Hurst 指数的方向标准差", "Hurst exponent, SD over directions"),
    FeatureLabel(
        "hurst_lowest", "1", "Hurst 指数（方向最小值）", "Hurst exponent, lowest of directions"
    ),
    FeatureLabel(
        "hurst_highest", "1", "Hurst 指数（方向最大值）", "Hurst exponent, highest of directions"
    ),
    FeatureLabel("hurst_anisotropy", "1", "Hurst 指数各向异性", "Anisotropy of the Hurst exponent"),
    FeatureLabel(
        "hurst_angle_deg", "deg", "Hurst 指数最高的方向", "Direction of the highest Hurst exponent"
    ),
    FeatureLabel(
        "hurst_line_dimension", "1", "线分形维数（2−H）", "Fractal dimension of lines (2 − H)"
    ),
    FeatureLabel(
        "hurst_fractal_dimension",
        "1",
        "面分形维数（3−H）",
        "Fractal dimension of the surface (3 − H)",
    ),
)

LENGTHS: Final = (16, 8, 4)
"""Increments of a line: the longest that fits into what is left of a run inside the mask."""

GRID: Final = np.linspace(0.01, 0.99, 50)
LEAST_INCREMENTS: Final = 64

Trend = Literal["free", "none"]


def hurst(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: tuple[float, float] = (1.0, 1.0),
    directions: int = 36,
    trend: Trend = "free",
) -> dict[str, float]:
    """Give the maximum-likelihood Hurst exponent of lines in many directions, mean and anisotropy.

    Grey levels along a line are taken as fractional Brownian motion. Lines are digital (pixel
    centres, nothing is interpolated, which would smooth and raise H); the covariance of their
    increments is that of fractional Brownian motion between exactly these points in millimetres.
    Each run inside the mask is cut into lines of 16, 8 and 4 increments; the likelihood of a
    direction is the product of the exact Gaussian likelihoods of its lines, its scale profiled out.

    Each line may lie on a plane of its own slope: the likelihood is the restricted one (REML), that
    of what planes leave. So shading that is even over 16 pixels does not pass for texture, and H is
    up to twice as sure: on 150 exact surfaces each of H = 0.3, 0.5 and 0.7 the mean was right
    within 0.003, and the standard deviation of a single surface was 0.004, 0.006 and 0.007 on
    256 × 256 pixels, and 0.012, 0.015 and 0.016 on a narrow ellipse of 9,000 pixels. `trend="none"`
    is the plain likelihood of the older papers.

    Parameters
    ----------
    image
        Grey levels [y, x], of any numeric type.
    mask
        Pixels to measure [y, x]; not 0 is inside.
    spacing
        Millimetres per (row, column). Only their ratio matters.
    directions
        Number of directions, evenly spread over 180°, from 4. Angles are counter-clockwise as seen
        on screen, 0° along the rows.
    trend
        "free": each line lies on a plane of any slope; "none": all slope is taken for texture.

    Returns
    -------
    dict
        hurst_mean, hurst_sd, hurst_lowest, hurst_highest
            Over the directions. Each direction's H lies between 0.01 and 0.99; a texture rougher or
            smoother than any fractional Brownian motion (white noise, a blur) stands at the end.
        hurst_anisotropy, hurst_angle_deg
            Highest minus lowest of the ellipse-like part of H over the angle, that is twice the
            amplitude of the second harmonic, and the angle of its highest (0 ≤ angle < 180).
            Noise alone makes this greater than 0.
        hurst_line_dimension, hurst_fractal_dimension
            2 − H of lines, 3 − H of the surface.

        All are NaN where a direction has fewer than 64 increments, or nothing is left of its grey
        levels (constant image, plane).

    Raises
    ------
    InputError
        If image, mask, spacing or directions are wrong, or a pixel inside the mask is not finite.

    References
    ----------
    Benhamou CL, Lespessailles E, Jacquet G, Harba R, Jennane R, Loussot T, Tourliere D, Ohley W.
    Fractal organization of trabecular bone images on calcaneus radiographs. J Bone Miner Res
    1994;9:1909-1918. Lundahl T, Ohley WJ, Kay SM, Siffert R. Fractional Brownian motion: a maximum
    likelihood estimator and its application to image texture. IEEE Trans Med Imaging
    1986;5:152-161. Restricted likelihood: Harville DA. Biometrika 1974;61:383-385.

    Examples
    --------
    >>> from careloop.imaging.phantom.surface import fractional_brownian_surface
    >>> surface = fractional_brownian_surface(128, 0.5, rng=np.random.default_rng(3))
    >>> abs(hurst(surface, surface == surface)["hurst_mean"] - 0.5) < 0.02
    True
    """
    by_direction = hurst_by_direction(
        image, mask, spacing=spacing, directions=directions, trend=trend
    )
    return _summary(by_direction)


def hurst_by_direction(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: tuple[float, float] = (1.0, 1.0),
    directions: int = 36,
    trend: Trend = "free",
) -> NDArray[np.float64]:
    """Give H of each direction, from 0° in steps of 180°/directions (see `hurst`)."""
    row_mm, column_mm = check_spacing(spacing)
    if directions < 4 or directions != int(directions):
        raise InputError(f"H needs a whole number of directions from 4, not {directions}")
    if trend not in {"free", "none"}:
        raise InputError(f'trend must be "free" or "none", not {trend!r}')
    part = region(image, mask)
    unknown = np.full(directions, np.nan)
    if part.grey.size == 0:
        return unknown
    model = _model(float(f"{row_mm / column_mm:.6g}"), directions, trend)
    products, counts = _products(part, model.lines)
    if (counts @ np.array(LENGTHS)).min() < LEAST_INCREMENTS:
        return unknown
    squares = _sums_of_squares(model, products)
    if (squares.min(axis=1) <= 1e-26 * np.square(part.grey[part.mask]).sum()).any():
        return unknown
    return _most_likely(_log_likelihood(model, squares, counts))


def _summary(by_direction: NDArray[np.float64]) -> dict[str, float]:
    """Mean, spread, second harmonic and dimensions of H over evenly spread directions."""
    turns = np.exp(2j * np.pi * np.arange(by_direction.size) / by_direction.size)
    harmonic = 2 * np.mean(by_direction * turns)
    mean = float(by_direction.mean())
    return {
        "hurst_mean": mean,
        "hurst_sd": float(by_direction.std(ddof=1)),
        "hurst_lowest": float(by_direction.min()),
        "hurst_highest": float(by_direction.max()),
        "hurst_anisotropy": float(2 * abs(harmonic)),
        "hurst_angle_deg": float(np.degrees(np.angle(harmonic)) / 2 % 180.0),
        "hurst_line_dimension": 2 - mean,
        "hurst_fractal_dimension": 3 - mean,
    }


# --- lines inside the mask


def _products(
    part: Region, lines: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum x xᵀ over the increments x of all lines, (directions, lengths, n, n), and count them."""
    from careloop.imaging.texture.kernel import increment_products

    n = LENGTHS[0]
    rows, columns = part.grey.shape
    stride = columns + 2 * n
    grey = np.zeros((rows + 2 * n, stride))
    inside = np.zeros(grey.shape, np.uint8)
    core = np.s_[n:-n, n:-n]
    grey[core] = np.where(part.mask, part.grey, 0.0)
    inside[core] = part.mask
    end = lines[:, -1]
    by_row = np.abs(end[:, 0]) > np.abs(end[:, 1])
    along, across = np.where(by_row, end.T, end.T[::-1])
    extent, width = np.where(by_row, [[rows], [columns]], [[columns], [rows]])
    major, minor = np.where(by_row, [[stride], [1]], [[1], [stride]])
    forward = along > 0
    drifts = np.floor(np.outer(across / n, np.arange(max(rows, columns))) + 0.5).astype(np.int64)
    reach = np.where(forward, 0, extent - 1)
    whole = drifts[np.arange(drifts.shape[0]), extent - 1]
    families = np.stack(
        [
            n * stride + n + reach * major,
            np.where(forward, major, -major),
            minor,
            extent,
            width,
            -np.maximum(whole, 0),
            width - np.minimum(whole, 0),
        ],
        axis=1,
    )
    products = np.zeros((lines.shape[0], len(LENGTHS), n, n))
    counts = np.zeros((lines.shape[0], len(LENGTHS)), np.int64)
    increment_products(
        grey.ravel(),
        inside.ravel(),
        families,
        drifts,
        lines @ np.array([stride, 1]),
        np.array(LENGTHS),
        np.empty(n),
        products,
        counts,
    )
    return products, counts


# --- the likelihood


class _Model(NamedTuple):
    """Digital lines of all directions, and what their likelihood needs for each H of `GRID`."""

    lines: NDArray[np.int64]  # (directions, n + 1, 2): row and column offsets
    inverses: tuple[NDArray[np.float64], ...]  # for each length (directions, grid, length²)
    log_determinants: NDArray[np.float64]  # (directions, lengths, grid)
    freedom: NDArray[np.int64]  # degrees of freedom of a line, (directions, lengths)


@lru_cache(maxsize=8)
def _model(row_over_column: float, directions: int, trend: Trend) -> _Model:
    """Prepare lines and covariances; the pixel's shape is given by its height over its width.

    With P the increments of planes, a free trend puts R⁻¹ − R⁻¹ P (Pᵀ R⁻¹ P)⁻¹ Pᵀ R⁻¹ in the place
    of R⁻¹, and adds log |Pᵀ R⁻¹ P| to the log determinant (Harville 1974).
    """
    lines = np.stack(
        [digital_line(180.0 * k / directions, row_over_column) for k in range(directions)]
    )
    covariance = _covariance(lines * np.array([row_over_column, 1.0]))
    inverses, log_determinants, freedom = [], [], []
    for length in LENGTHS:
        block = covariance[..., :length, :length]
        inverse, log_determinant = np.linalg.inv(block), np.linalg.slogdet(block)[1]
        free = np.full(directions, length)
        if trend == "free":
            for number, path in enumerate(lines):
                plane = _increments_of_planes(path[: length + 1])
                slope = inverse[number] @ plane
                weight = plane.T @ slope
                inverse[number] -= slope @ np.linalg.inv(weight) @ slope.swapaxes(-1, -2)
                log_determinant[number] += np.linalg.slogdet(weight)[1]
                free[number] -= plane.shape[1]
        # products come as lower triangles: what stands above the diagonal counts twice below it
        inverse = np.tril(inverse) + np.tril(inverse, -1)
        inverses.append(np.ascontiguousarray(inverse.reshape(directions, GRID.size, length**2)))
        log_determinants.append(log_determinant)
        freedom.append(free)
    return _Model(
        lines, tuple(inverses), np.stack(log_determinants, axis=1), np.stack(freedom, axis=1)
    )


def _increments_of_planes(path: NDArray[np.int64]) -> NDArray[np.float64]:
    """Orthonormal basis of the increments that planes have along a path, (increments, 1 or 2)."""
    basis, size, _ = np.linalg.svd(np.diff(path, axis=0).astype(float), full_matrices=False)
    return np.asarray(basis[:, size > 1e-9])


def digital_line(angle_deg: float, row_over_column: float = 1.0) -> NDArray[np.int64]:
    """Give the row and column offsets of the pixels nearest to a ray, shape (17, 2).

    The ray leaves at an angle counter-clockwise on screen; it goes on by one pixel a point along
    the axis it is closer to (in pixels).
    """
    angle = math.radians(angle_deg)
    step = np.array([-math.sin(angle) / row_over_column, math.cos(angle)])
    step /= np.abs(step).max()
    offsets = np.floor(np.arange(LENGTHS[0] + 1)[:, None] * step + (0.5 - 1e-9))
    return np.asarray(offsets, np.int64)


def _covariance(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariance of the increments between points [..., n + 1, 2], shape (..., grid, n, n).

    Cov(B(b) − B(a), B(d) − B(c)) = ½ (|a − d|^2H + |b − c|^2H − |a − c|^2H − |b − d|^2H).
    """
    apart = np.linalg.norm(points[..., :, None, :] - points[..., None, :, :], axis=-1)
    power = apart[..., None, :, :] ** (2 * GRID[:, None, None])
    near, far = power[..., :-1, :], power[..., 1:, :]
    return np.asarray(0.5 * (near[..., 1:] + far[..., :-1] - near[..., :-1] - far[..., 1:]))


def _sums_of_squares(model: _Model, products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ xᵀ R⁻¹ x over the lines of each direction, for each H, shape (directions, grid)."""
    squares = np.zeros((products.shape[0], GRID.size))
    for kind, length in enumerate(LENGTHS):
        sums = products[:, kind, :length, :length].reshape(-1, length**2, 1)
        squares += (model.inverses[kind] @ sums)[..., 0]
    return squares


def _log_likelihood(
    model: _Model, squares: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Profile log-likelihood (but for a constant) of each direction and H, (directions, grid)."""
    freedom = (counts * model.freedom).sum(axis=1)
    variance = squares / freedom[:, None]
    determinants = np.einsum("dk,dkg->dg", counts, model.log_determinants)
    return np.asarray(-0.5 * (freedom[:, None] * np.log(variance) + determinants))


def _most_likely(log_likelihood: NDArray[np.float64]) -> NDArray[np.float64]:
    """H of the highest point of the parabola through the best three of the grid."""
    best = np.clip(log_likelihood.argmax(axis=1), 1, GRID.size - 2)
    each = np.arange(best.size)
    below, at, above = (log_likelihood[each, best + shift] for shift in (-1, 0, 1))
    bend = below - 2 * at + above
    shift = np.where(bend < 0, 0.5 * (below - above) / np.where(bend < 0, bend, 1.0), 0.0)
    step = GRID[1] - GRID[0]
    return np.asarray(np.clip(GRID[best] + step * np.clip(shift, -1.0, 1.0), GRID[0], GRID[-1]))
