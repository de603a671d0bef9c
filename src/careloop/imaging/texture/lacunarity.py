"""Lacunarity: how unevenly grey mass is spread, by gliding boxes of several sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.error import InputError
from careloop.imaging.texture.label import FeatureLabel
from careloop.imaging.texture.region import region

SIZES: Final = (2, 4, 8, 16)

FEATURES: Final = (
    *(
        FeatureLabel(
            f"lacunarity_{size}_px",
            "1",
            f"间隙度（{size} 像素方框）",
            f"Lacunarity, boxes of {size} px",
        )
        for size in SIZES
    ),
    FeatureLabel(
        "lacunarity_slope", "1", "间隙度对数斜率", "Slope of log lacunarity over log size"
    ),
)


def lacunarity(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    sizes: Sequence[int] = SIZES,
    zero: float | None = None,
) -> dict[str, float]:
    """Give the gliding-box lacunarity Λ(s) = ⟨m²⟩ / ⟨m⟩² of grey mass for each box size s.

    m is the sum of grey levels above `zero` in an s × s box; the box glides pixel by pixel over all
    places where it lies **fully inside** the mask. Λ ≥ 1, and 1 where every box holds as much.

    Parameters
    ----------
    image
        Grey levels [y, x], of any numeric type.
    mask
        Pixels to measure [y, x]; not 0 is inside.
    sizes
        Sides of the boxes in pixels. Images of different spacing are compared by resampling first.
    zero
        Grey level that means no mass: 0 for a BMD map or a binary image. None takes the lowest grey
        level inside the mask, which makes Λ independent of brightness and contrast.

    Returns
    -------
    dict
        lacunarity_{size}_px for each size; NaN where no box fits, or there is no mass at all.
        lacunarity_slope : least-squares slope of log Λ over log s; NaN if any Λ is, or of one size.

    Raises
    ------
    InputError
        If image, mask or sizes are wrong, a pixel inside the mask is not finite, or a grey level
        inside the mask is below `zero`.

    References
    ----------
    Allain C, Cloitre M. Characterizing the lacunarity of random and deterministic fractal sets.
    Phys Rev A 1991;44:3552-3558. Grey mass: Plotnick RE et al. Phys Rev E 1996;53:5461-5468.

    Examples
    --------
    >>> board = np.indices((8, 8)).sum(axis=0) % 2
    >>> values = lacunarity(board, np.ones((8, 8)), sizes=(1, 2), zero=0.0)
    >>> values["lacunarity_1_px"], values["lacunarity_2_px"]
    (2.0, 1.0)
    """
    if len(set(sizes)) < max(len(sizes), 1) or any(s != int(s) or s < 1 for s in sizes):
        raise InputError(f"sizes must be different whole numbers of pixels from 1, not {sizes!r}")
    part = region(image, mask)
    keys = [f"lacunarity_{size}_px" for size in sizes]
    if part.grey.size == 0:
        return dict.fromkeys([*keys, "lacunarity_slope"], math.nan)
    lowest = float(part.grey[part.mask].min())
    if zero is not None and lowest < zero:
        raise InputError(
            f"grey levels inside the mask go down to {lowest:g}, below zero={zero:g}",
            remedy="leave `zero` out, or give the grey level of no mass",
        )
    mass = np.where(part.mask, part.grey - (lowest if zero is None else zero), 0.0)
    masses, inside = _integral(mass), _integral(part.mask.astype(np.int32))
    found = np.array([_of_size(masses, inside, size) for size in sizes])
    values = dict(zip(keys, found.tolist(), strict=True))
    slope = math.nan
    if found.size > 1 and np.isfinite(found).all():
        log_size = np.log(np.asarray(sizes, float))
        log_size -= log_size.mean()
        slope = float(log_size @ np.log(found) / (log_size @ log_size))
    return {**values, "lacunarity_slope": slope}


def _integral(values: NDArray[Any]) -> NDArray[Any]:
    """Sums of all values above and left of each corner, [x, y] (both passes run along memory)."""
    table = np.zeros((values.shape[1] + 1, values.shape[0] + 1), values.dtype)
    along_rows = np.cumsum(values, axis=1, dtype=values.dtype)
    np.cumsum(np.ascontiguousarray(along_rows.T), axis=1, out=table[1:, 1:])
    return table


def _of_size(masses: NDArray[np.float64], inside: NDArray[np.int32], size: int) -> float:
    """Λ of one size from the integral images of mass and mask."""
    if min(masses.shape) <= size:
        return math.nan
    full = _boxes(inside, size) == size * size
    mass = _boxes(masses, size)[full]
    if mass.size == 0:
        return math.nan
    mean = float(mass.mean())
    # each sum of four corners may be off by rounding of the whole sum
    if mean <= 4 * np.finfo(float).eps * float(masses[-1, -1]):
        return math.nan
    deviation = mass / mean - 1.0
    return 1.0 + float((deviation * deviation).mean())


def _boxes(table: NDArray[Any], size: int) -> NDArray[Any]:
    """Sum over each box from its integral image."""
    strip = table[size:] - table[:-size]
    return np.asarray(strip[:, size:] - strip[:, :-size])
