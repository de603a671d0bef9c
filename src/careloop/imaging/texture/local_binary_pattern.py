"""Local binary patterns, rotation-invariant and uniform, and their histogram in a mask."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.error import InputError
from careloop.imaging.texture.label import FeatureLabel
from careloop.imaging.texture.region import GREATEST, region

FEATURES: Final = (
    *(
        FeatureLabel(
            f"lbp_uniform_{ones}",
            "1",
            f"LBP 均匀模式占比（{ones} 个不暗于中心的邻点）",
            f"LBP: share of uniform patterns with {ones} neighbours not darker than the centre",
        )
        for ones in range(9)
    ),
    FeatureLabel("lbp_non_uniform", "1", "LBP 非均匀模式占比", "LBP: share of other patterns"),
    FeatureLabel("lbp_entropy", "1", "LBP 熵（以 2 为底）", "LBP: entropy (base 2)"),
    FeatureLabel("lbp_uniformity", "1", "LBP 能量", "LBP: uniformity (energy)"),
)
"""Of 8 points; with other numbers of points there are as many `lbp_uniform_…` and one more."""


def local_binary_pattern(
    image: ArrayLike, mask: ArrayLike, *, radius_px: float = 1.0, points: int = 8
) -> dict[str, float]:
    """Give the histogram of rotation-invariant uniform local binary patterns inside a mask.

    A pixel's pattern says which of `points` points on the circle around it are not darker than it.
    Patterns that change between darker and not at most twice round the circle are uniform and
    counted by their number of points not darker; all others share one bin.

    The circle may leave the mask (it is the pixel that is measured) but not the image: pixels of
    the mask whose circle leaves the image, or meets a pixel that is not finite, are not counted.

    Parameters
    ----------
    image
        Grey levels [y, x], of any numeric type.
    mask
        Pixels to count [y, x]; not 0 is inside.
    radius_px
        Radius of the circle in pixels, from 1. Points between pixels are interpolated bilinearly.
    points
        Points on the circle, 4 to 24.

    Returns
    -------
    dict
        lbp_uniform_0 … lbp_uniform_{points}, lbp_non_uniform
            Shares of the counted pixels; they sum to 1.
        lbp_entropy, lbp_uniformity
            −Σ p log₂ p and Σ p² of these shares.

        All are NaN where no pixel can be counted. A constant image lies in `lbp_uniform_{points}`.

    Raises
    ------
    InputError
        If image, mask, radius or points are wrong, or a pixel inside the mask is not finite.

    References
    ----------
    Ojala T, Pietikäinen M, Mäenpää T. IEEE Trans Pattern Anal Mach Intell 2002;24:971-987.

    Examples
    --------
    >>> step = np.repeat([0, 1], 8) * np.ones((16, 1))
    >>> shares = local_binary_pattern(step, np.ones((16, 16)))
    >>> round(shares["lbp_uniform_8"], 3), round(shares["lbp_uniform_5"], 3)
    (0.929, 0.071)
    """
    reach = _check_circle(radius_px, points)
    part = region(image, mask, margin=reach)
    patterns = _patterns(part.grey, radius_px, points)
    counted = part.mask[reach:-reach, reach:-reach] & (patterns != NO_PATTERN)
    counts = np.bincount(patterns[counted], minlength=points + 2)
    keys = [*(f"lbp_uniform_{ones}" for ones in range(points + 1)), "lbp_non_uniform"]
    total = counts.sum()
    if total == 0:
        return dict.fromkeys([*keys, "lbp_entropy", "lbp_uniformity"], math.nan)
    shares = counts / total
    some = shares[shares > 0]
    return {
        **dict(zip(keys, shares.tolist(), strict=True)),
        "lbp_entropy": float(abs(np.sum(some * np.log2(some)))),
        "lbp_uniformity": float(np.sum(shares**2)),
    }


NO_PATTERN: Final = 255


def uniform_patterns(
    image: ArrayLike, *, radius_px: float = 1.0, points: int = 8
) -> NDArray[np.uint8]:
    """Give each pixel's rotation-invariant uniform pattern: 0 … points, points + 1 for all others.

    `NO_PATTERN` (255) stands where the circle leaves the image or meets a pixel that is not finite.
    """
    reach = _check_circle(radius_px, points)
    pixels = np.asarray(image)
    real = pixels.dtype.kind in "biuf"  # else `region` refuses
    part = region(pixels, np.abs(pixels.astype(float)) <= GREATEST if real else pixels != 0)
    whole = np.full(pixels.shape, NO_PATTERN, np.uint8)
    rows, columns = part.grey.shape
    if min(rows, columns) > 2 * reach:
        top, left = part.row + reach, part.column + reach
        whole[top : top + rows - 2 * reach, left : left + columns - 2 * reach] = _patterns(
            part.grey, radius_px, points
        )
    return whole


def _check_circle(radius_px: float, points: int) -> int:
    """Give the whole pixels that a circle reaches from its centre."""
    if not 1 <= radius_px <= 64 or not 4 <= points <= 24 or points != int(points):
        raise InputError(
            f"a circle has a radius of 1 to 64 pixels and 4 to 24 points, not {radius_px} and "
            f"{points}"
        )
    return math.ceil(radius_px)


def _patterns(grey: NDArray[np.float64], radius_px: float, points: int) -> NDArray[np.uint8]:
    """Pattern of every pixel that is `reach` or more away from the frame of `grey`."""
    reach = math.ceil(radius_px)
    rows, columns = grey.shape[0] - 2 * reach, grey.shape[1] - 2 * reach
    if rows <= 0 or columns <= 0:
        return np.empty((max(rows, 0), max(columns, 0)), np.uint8)
    strange = ~(np.abs(grey) <= GREATEST)
    some_strange = bool(strange.any())
    if some_strange:
        grey = np.where(strange, 0.0, grey)

    beside: dict[float, NDArray[np.float64]] = {}  # by column offset: all rows, few columns

    def column(offset: float) -> NDArray[np.float64]:
        if offset not in beside:
            before = math.floor(offset)
            left = grey[:, reach + before :][:, :columns]
            right = grey[:, reach + before + 1 :][:, :columns] if offset > before else left
            beside[offset] = _between(left, right, offset - before)
        return beside[offset]

    # grey levels equal but for rounding (interpolation of equal neighbours) count as not darker
    centre = column(0.0)[reach : reach + rows]
    centre = centre - 1e-12 * max(float(np.abs(grey).max()), 1e-290)
    # bit k of a pixel's code tells whether point k is bright
    codes = np.zeros((rows, columns), np.uint8 if points <= 8 else np.uint32)
    for number in range(points):
        angle = 2 * math.pi * number / points
        down = round(-radius_px * math.sin(angle), 5)  # rounded: axis points lie on pixels
        line = column(round(radius_px * math.cos(angle), 5))
        above = math.floor(down)
        upper = line[reach + above :][:rows]
        lower = line[reach + above + 1 :][:rows] if down > above else upper
        point = _between(upper, lower, down - above)
        bright = np.greater_equal(point, centre).astype(codes.dtype)
        codes |= np.left_shift(bright, number, out=bright)
    turned = (codes >> 1) | ((codes & 1) << (points - 1))
    patterns = np.where(_ones(codes ^ turned) <= 2, _ones(codes), np.uint8(points + 1))
    if some_strange:
        near = np.lib.stride_tricks.sliding_window_view(strange, (2 * reach + 1, 2 * reach + 1))
        patterns[near.any(axis=(2, 3))] = NO_PATTERN
    return patterns


def _between(
    start: NDArray[np.float64], end: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """Linear interpolation; equal grey levels stay exactly equal."""
    if share == 0:
        return start
    step = end - start
    step *= share
    step += start
    return step


def _ones(codes: NDArray[Any]) -> NDArray[np.uint8]:
    """Number of bits that are set."""
    table = _ones_of_16_bits()
    if codes.dtype == np.uint8:
        return np.asarray(table[codes])
    return np.asarray(table[codes & 0xFFFF] + table[codes >> 16])


@cache
def _ones_of_16_bits() -> NDArray[np.uint8]:
    numbers = np.arange(2**16)
    return np.asarray(sum((numbers >> bit) & 1 for bit in range(16)), np.uint8)
