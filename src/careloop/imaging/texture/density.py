"""Density distribution: how grey levels are shared out, and how they change over the region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.error import InputError
from careloop.imaging.texture.label import FeatureLabel
from careloop.imaging.texture.region import Region, check_spacing, region

PARTS: Final = 10

FEATURES: Final = (
    *(
        FeatureLabel(
            f"density_fraction_{part}",
            "1",
            f"密度直方图第 {part} 段占比（共 {PARTS} 段）",
            f"Share of pixels in part {part} of {PARTS} of the grey range",
        )
        for part in range(1, PARTS + 1)
    ),
    FeatureLabel("density_high_fraction", "1", "高密度占比", "High-density fraction"),
    FeatureLabel("density_gradient_per_mm", "{grey}/mm", "平均密度梯度", "Mean density gradient"),
    FeatureLabel(
        "density_gradient_coherence",
        "1",
        "密度梯度一致性",
        "Coherence of the density gradient",
    ),
    FeatureLabel(
        "density_gradient_angle_deg", "deg", "密度梯度方向", "Direction of the density gradient"
    ),
    FeatureLabel(
        "density_heterogeneity",
        "1",
        "区域密度异质性（分块变异系数）",
        "Regional heterogeneity (CV of blocks)",
    ),
)


def density_distribution(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: tuple[float, float] = (1.0, 1.0),
    edges: Sequence[float] | None = None,
    high_above: float | None = None,
    block_mm: float = 5.0,
) -> dict[str, float]:
    """Give histogram shares, high-density share, gradient and regional heterogeneity of a region.

    No standard (IBSI or other) defines these features; the definitions below are this package's
    own, and no threshold of them has clinical standing (`unconfirmed`).

    Parameters
    ----------
    image
        Grey levels [y, x], of any numeric type.
    mask
        Pixels to measure [y, x]; not 0 is inside.
    spacing
        Millimetres per (row, column).
    edges
        Rising bounds of the histogram's parts in grey levels: n + 1 for n parts, the last part
        closed at both ends; what lies outside them is in no part. None: ten parts of equal width
        from the lowest to the highest grey level inside the mask.
    high_above
        Grey level above which a pixel is of high density. None: mean + 1 SD of the region.
    block_mm
        Side of the blocks of `density_heterogeneity`.

    Returns
    -------
    dict
        density_fraction_1 … density_fraction_n
            Shares of the pixels in each part of the histogram; NaN with `edges=None` where all grey
            levels are equal.
        density_high_fraction
            Share of pixels above `high_above`.
        density_gradient_per_mm
            Mean length of the gradient, by central differences of neighbours inside the mask on
            both sides in rows and in columns.
        density_gradient_coherence, density_gradient_angle_deg
            Length of the mean gradient vector over the mean length (1: one direction everywhere),
            and the direction in which density rises, 0 ≤ angle < 360, counter-clockwise on screen,
            0° to the right; both NaN without any gradient.
        density_heterogeneity
            SD (n − 1) over absolute mean of block means. Square blocks of `block_mm` (in whole
            pixels, at least one) tile the mask's bounding box from its middle; blocks of which at
            least half lies inside the mask count. NaN with fewer than two blocks or a mean of 0.

        All are NaN for an empty mask.

    Raises
    ------
    InputError
        If image, mask, spacing, edges or block size is wrong, or a pixel inside the mask is not
        finite.

    Examples
    --------
    >>> ramp = np.arange(20.0) * np.ones((20, 1))
    >>> found = density_distribution(ramp, ramp >= 0, spacing=(0.5, 0.5))
    >>> found["density_fraction_1"], found["density_gradient_per_mm"]
    (0.1, 2.0)
    """
    steps = check_spacing(spacing)
    if not 0 < block_mm < math.inf:
        raise InputError(f"block_mm must be a positive length, not {block_mm}")
    bounds = _check_edges(edges)
    part = region(image, mask)
    grey = part.grey[part.mask]
    high = math.nan
    if grey.size:
        # summed around a grey level of the region, so that equal levels have exactly no spread
        shifted = grey - grey[0]
        threshold = shifted.mean() + shifted.std()
        if high_above is not None:
            threshold = high_above - grey[0]
        high = float(np.count_nonzero(shifted > threshold) / grey.size)
    return {
        **_fractions(grey, bounds),
        "density_high_fraction": high,
        **_gradient(part, steps),
        "density_heterogeneity": _heterogeneity(part, steps, block_mm),
    }


def _check_edges(edges: Sequence[float] | None) -> NDArray[np.float64] | None:
    if edges is None:
        return None
    bounds = np.asarray(edges, float)
    if bounds.ndim != 1 or bounds.size < 2 or not (np.diff(bounds) > 0).all():
        raise InputError(f"edges must be two or more rising grey levels, not {edges!r}")
    return bounds


def _fractions(grey: NDArray[np.float64], edges: NDArray[np.float64] | None) -> dict[str, float]:
    """Shares of the pixels between the edges."""
    parts = PARTS if edges is None else edges.size - 1
    shares = np.full(parts, np.nan)
    if grey.size and edges is not None:
        part = np.searchsorted(edges, grey, side="right") - 1
        part[grey == edges[-1]] = parts - 1
        part = part[(part >= 0) & (part < parts)]
        shares = np.bincount(part, minlength=parts) / grey.size
    elif grey.size:
        lowest, span = grey.min(), float(np.ptp(grey))
        if span > 0:
            part = ((grey - lowest) * (PARTS / span)).astype(np.int64)
            shares = np.bincount(np.minimum(part, PARTS - 1), minlength=PARTS) / grey.size
    return {f"density_fraction_{k}": share for k, share in enumerate(shares.tolist(), start=1)}


def _gradient(part: Region, steps: tuple[float, float]) -> dict[str, float]:
    """Mean length, coherence and direction of the gradient inside the mask."""
    length = coherence = angle = math.nan
    mask = part.mask
    if min(mask.shape) >= 3:
        inside = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1]
        inside &= mask[1:-1, :-2] & mask[1:-1, 2:]
        # cropped, but what is outside the mask may still be NaN or infinite
        grey = np.where(mask, part.grey, 0.0)
        down = (grey[2:, 1:-1] - grey[:-2, 1:-1])[inside] / (2 * steps[0])
        right = (grey[1:-1, 2:] - grey[1:-1, :-2])[inside] / (2 * steps[1])
        if down.size:
            length = float(np.sqrt(down * down + right * right).mean())
        if length > 0:
            y, x = -float(down.mean()), float(right.mean())
            coherence = math.hypot(x, y) / length
            if coherence > 1e-12:
                angle = math.degrees(math.atan2(y, x)) % 360.0
    return {
        "density_gradient_per_mm": length,
        "density_gradient_coherence": coherence,
        "density_gradient_angle_deg": angle,
    }


def _heterogeneity(part: Region, steps: tuple[float, float], block_mm: float) -> float:
    """Coefficient of variation of block means."""
    if part.grey.size == 0:
        return math.nan
    rows, columns = part.grey.shape
    tall, wide = (max(round(block_mm / step), 1) for step in steps)
    down, right = -(-rows // tall), -(-columns // wide)
    frame = np.zeros((2, down * tall, right * wide))
    top, left = (down * tall - rows) // 2, (right * wide - columns) // 2
    frame[0, top : top + rows, left : left + columns] = np.where(part.mask, part.grey, 0.0)
    frame[1, top : top + rows, left : left + columns] = part.mask
    # rows first: adding up whole rows is the quick way through memory
    sums = frame.reshape(2, down, tall, right * wide).sum(axis=2)
    total, pixels = sums.reshape(2, down, right, wide).sum(axis=3)
    counted = pixels >= tall * wide / 2
    means = total[counted] / pixels[counted]
    if means.size < 2 or not abs(means.mean()) > 0:
        return math.nan
    return float(means.std(ddof=1) / abs(means.mean()))
