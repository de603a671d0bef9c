"""Slope of the experimental variogram, of a region and of each pixel's surroundings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.error import InputError
from careloop.imaging.texture.label import FeatureLabel
from careloop.imaging.texture.region import check_spacing, region

FEATURES: Final = (
    FeatureLabel("variogram_slope", "1", "变异函数斜率", "Variogram slope"),
    FeatureLabel("variogram_hurst", "1", "变异函数 Hurst 指数", "Hurst exponent of the variogram"),
    FeatureLabel(
        "variogram_fractal_dimension",
        "1",
        "变异函数分形维数",
        "Fractal dimension of the variogram",
    ),
    FeatureLabel(
        "variogram_slope_row", "1", "变异函数斜率（沿行）", "Variogram slope along the rows"
    ),
    FeatureLabel(
        "variogram_slope_column", "1", "变异函数斜率（沿列）", "Variogram slope along the columns"
    ),
    FeatureLabel(
        "variogram_anisotropy",
        "1",
        "变异函数斜率的方向差",
        "Range of the variogram slope over directions",
    ),
    FeatureLabel(
        "variogram_linearity",
        "1",
        "变异函数拟合优度（R²）",
        "Fit of the variogram's straight lines (R²)",
    ),
    FeatureLabel(
        "variogram_roughness", "{grey}", "1 mm 处变异函数粗糙度", "Variogram roughness at 1 mm"
    ),
)

DIRECTIONS: Final = ((0, 1), (1, 1), (1, 0), (1, -1))
"""Row and column step: along the rows, down the falling diagonal, the columns, the rising one."""


def variogram_slope(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: tuple[float, float] = (1.0, 1.0),
    lags: Sequence[int] = (1, 2, 3, 4),
) -> dict[str, float]:
    """Give the slope of log variogram over log distance, and the Hurst exponent that follows.

    γ(k) = 1/(2 N_k) Σ (g_u − g_v)² over all pairs of pixels that are `lags` steps apart along the
    rows, the columns or a diagonal, **both** inside the mask. log γ is regressed on the logarithm
    of the distance in millimetres with one slope for all directions and a level of its own for
    each, so that neither unequal spacing nor a texture stronger in one direction bends the slope.

    For a fractional Brownian surface the slope is 2H. On 150 exact surfaces each of H = 0.3, 0.5
    and 0.7 the mean was right within 0.007, and the standard deviation of a single surface was
    0.005, 0.009 and 0.017 on 256 × 256 pixels, and 0.012, 0.019 and 0.031 on a narrow ellipse of
    9,000 pixels: smooth textures are measured better by `hurst`.

    Parameters
    ----------
    image
        Grey levels [y, x], of any numeric type.
    mask
        Pixels to measure [y, x]; not 0 is inside.
    spacing
        Millimetres per (row, column).
    lags
        Steps in pixels (on a diagonal: in rows and in columns), at least two different ones.

    Returns
    -------
    dict
        variogram_slope, variogram_hurst, variogram_fractal_dimension
            Slope s, s/2 and 3 − s/2.
        variogram_slope_row, variogram_slope_column
            Slopes of lags along the rows and along the columns only.
        variogram_anisotropy
            Highest minus lowest slope of the four directions.
        variogram_linearity
            R² of the regression within directions, 1 for exact power laws.
        variogram_roughness
            √γ at 1 mm by the regression (geometric mean over the directions), in grey levels.

        All are NaN where a lag has no pair inside the mask or γ is 0 (constant image).

    Raises
    ------
    InputError
        If image, mask, spacing or lags are wrong, or a pixel inside the mask is not finite.

    References
    ----------
    Matheron G. Principles of geostatistics. Econ Geol 1963;58:1246-1266. On projections of bone:
    Pothuaud L, Carceller P, Hans D. Bone 2008;42:775-787. This is not the trabecular bone score
    of any product, and its values cannot be read against that score's bands.

    Examples
    --------
    >>> from careloop.imaging.phantom.surface import fractional_brownian_surface
    >>> surface = fractional_brownian_surface(128, 0.5, rng=np.random.default_rng(3))
    >>> abs(variogram_slope(surface, surface == surface)["variogram_hurst"] - 0.5) < 0.02
    True
    """
    distances = _log_distances(spacing, lags)
    part = region(image, mask)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_gamma = np.log(_variogram(part.grey, part.mask, lags))
    if not np.isfinite(log_gamma).all():
        return {label.key: math.nan for label in FEATURES}
    centred = distances - distances.mean(axis=1, keepdims=True)
    level = log_gamma.mean(axis=1)
    sum_of_squares = (centred**2).sum(axis=1)
    slopes = (centred * log_gamma).sum(axis=1) / sum_of_squares
    slope = float(slopes.mean())  # the directions have equal sums of squares
    total = ((log_gamma - level[:, None]) ** 2).sum()
    left = ((log_gamma - level[:, None] - slope * centred) ** 2).sum()
    at_1_mm = level - slope * distances.mean(axis=1)
    return {
        "variogram_slope": slope,
        "variogram_hurst": slope / 2,
        "variogram_fractal_dimension": 3 - slope / 2,
        "variogram_slope_row": float(slopes[0]),
        "variogram_slope_column": float(slopes[2]),
        "variogram_anisotropy": float(np.ptp(slopes)),
        "variogram_linearity": float(1 - left / total) if total > 0 else math.nan,
        "variogram_roughness": float(np.exp(at_1_mm.mean() / 2)),
    }


def variogram(
    image: ArrayLike, mask: ArrayLike, *, lags: Sequence[int] = (1, 2, 3, 4)
) -> NDArray[np.float64]:
    """Give γ of each direction (rows, falling diagonal, columns, rising diagonal) and lag.

    Shape (4, lags), in squared grey levels; NaN where the mask holds no pair.
    """
    _check_lags(lags, least=1)
    part = region(image, mask)
    return _variogram(part.grey, part.mask, lags)


def variogram_slope_map(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: tuple[float, float] = (1.0, 1.0),
    lags: Sequence[int] = (1, 2, 3, 4),
    radius_mm: float = 5.0,
) -> NDArray[np.float64]:
    """Give for each pixel of the mask the variogram slope of the square window around it.

    The window reaches `radius_mm` from the pixel along rows and columns (in whole pixels, rounded);
    its pairs lie in the window and in the mask with both ends. Its slope is that of
    `variogram_slope` on window and mask.

    Returns
    -------
    array, float64, shape of the image
        NaN outside the mask, and where a lag has no pair in the window or no grey level changes.

    Raises
    ------
    InputError
        As for `variogram_slope`; also if the window is not wider than the longest lag.
    """
    distances = _log_distances(spacing, lags)
    reach = [round(radius_mm / step) for step in check_spacing(spacing)]
    if 2 * min(reach) < max(lags):
        raise InputError(
            f"a window of {radius_mm} mm around a pixel holds no pairs {max(lags)} pixels apart",
            remedy="give a larger radius_mm",
        )
    part = region(image, mask)
    slopes = np.full(np.shape(image), np.nan)
    if part.grey.size == 0:
        return slopes
    weights = distances - distances.mean(axis=1, keepdims=True)
    weights /= (weights**2).sum()
    found = np.zeros(part.grey.shape)
    tiny = _rounding(part.grey, part.mask)
    for direction, weight in zip(DIRECTIONS, weights, strict=True):
        for lag, share in zip(lags, weight, strict=True):
            offset = (direction[0] * lag, direction[1] * lag)
            gamma = _windowed(part.grey, part.mask, offset, reach)
            with np.errstate(divide="ignore", invalid="ignore"):
                found += share * np.log(np.where(gamma > tiny, gamma, np.nan))
    rows, columns = part.grey.shape
    box = slopes[part.row : part.row + rows, part.column : part.column + columns]
    box[part.mask] = found[part.mask]
    return slopes


# --- pairs


def _check_lags(lags: Sequence[int], *, least: int) -> None:
    if len(set(lags)) < max(least, len(lags)) or any(lag != int(lag) or lag < 1 for lag in lags):
        raise InputError(
            f"lags must be {least} or more different whole numbers of pixels from 1, not {lags!r}"
        )


def _log_distances(spacing: tuple[float, float], lags: Sequence[int]) -> NDArray[np.float64]:
    """Logarithm of millimetres, shape (4, lags)."""
    _check_lags(lags, least=2)
    row, column = check_spacing(spacing)
    step = [math.hypot(down * row, right * column) for down, right in DIRECTIONS]
    return np.asarray(np.log(np.outer(step, lags)))


def _ends(
    shape: tuple[int, ...], offset: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """First and second pixels of all pairs that lie `offset` (row from 0, column) apart."""
    (rows, columns), (down, right) = shape, offset
    first = slice(0, max(rows - down, 0)), slice(max(-right, 0), max(columns - max(right, 0), 0))
    second = slice(down, None), slice(max(right, 0), max(columns + min(right, 0), 0))
    return first, second


def _squares(
    grey: NDArray[np.float64], mask: NDArray[np.bool_], offset: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Squared difference of each pair of pixels, and whether both are inside."""
    first, second = _ends(grey.shape, offset)
    both = mask[first] & mask[second]
    apart = grey[first] - grey[second]
    apart *= apart
    return apart, both


def _variogram(
    grey: NDArray[np.float64], mask: NDArray[np.bool_], lags: Sequence[int]
) -> NDArray[np.float64]:
    """γ of each direction and lag, NaN where there is no pair."""
    gamma = np.full((len(DIRECTIONS), len(lags)), np.nan)
    reach = max(lags)
    rows, columns = grey.shape
    stride = columns + reach  # what lies right of a row is outside, and left of the next one
    flat, inside = np.zeros((2, rows + reach, stride))
    flat[:rows, :columns] = np.where(mask, grey, 0.0)
    inside[:rows, :columns] = mask
    flat, inside = flat.ravel(), inside.ravel()  # sums by einsum: BLAS would wake threads for them
    for row, (down, right) in enumerate(DIRECTIONS):
        for column, lag in enumerate(lags):
            offset = lag * (down * stride + right)
            both = inside[offset:] * inside[:-offset]
            pairs = both.sum()
            if pairs:
                apart = flat[offset:] - flat[:-offset]
                apart *= apart
                gamma[row, column] = np.einsum("i,i->", apart, both) / (2 * pairs)
    return gamma


def _windowed(
    grey: NDArray[np.float64],
    mask: NDArray[np.bool_],
    offset: tuple[int, int],
    reach: Sequence[int],
) -> NDArray[np.float64]:
    """γ of the pairs in the window around each pixel, NaN where there is none."""
    rows, columns = grey.shape
    down, right = offset
    apart, both = _squares(np.where(mask, grey, 0.0), mask, offset)
    apart[~both] = 0.0
    top = np.clip(np.arange(rows) - reach[0], 0, apart.shape[0])
    bottom = np.clip(np.arange(rows) + reach[0] + 1 - down, 0, apart.shape[0])
    # a pair stands where its leftmost pixel does, so that the window shrinks from the right
    left = np.clip(np.arange(columns) - reach[1], 0, apart.shape[1])
    end = np.clip(np.arange(columns) + reach[1] + 1 - abs(right), 0, apart.shape[1])
    bottom, end = np.maximum(bottom, top), np.maximum(end, left)

    def window_sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
        table = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
        np.cumsum(np.cumsum(values, axis=0), axis=1, out=table[1:, 1:])
        strip = table[bottom] - table[top]
        return np.asarray(strip[:, end] - strip[:, left])

    pairs = window_sum(both.astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(window_sum(apart) / (2 * pairs))


def _rounding(grey: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """What differences of running sums may leave of a window whose grey levels are all equal."""
    total = float(np.ptp(grey[mask]) ** 2) * grey.size
    return 8 * np.finfo(np.float64).eps * total
