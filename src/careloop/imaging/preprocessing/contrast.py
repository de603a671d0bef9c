"""Contrast normalised: by centiles, by mean and spread in a mask, by histogram.

After each of these a BMD map or CT is of the kind "other": its numbers have no unit any more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from careloop.error import InputError
from careloop.imaging.image import Image, Mask
from careloop.imaging.preprocessing.step import (
    Floats,
    Step,
    as_float,
    inside,
    mapped_kind,
    over_gaps,
    plane,
    with_pixels,
)


def percentile_scale(
    image: Image, *, mask: Mask | None = None, low: float = 1.0, high: float = 99.0
) -> tuple[Image, Step]:
    """Two centiles (of the mask, if given) become 0 and 1; what lies beyond is clipped.

    Raises
    ------
    InputError
        If the centiles are out of order or the same value.
    """
    if not 0 <= low < high <= 100:
        raise InputError(f"centiles {low} and {high}", remedy="0 ≤ low < high ≤ 100")
    pixels = as_float(image.pixels)
    bottom, top = np.percentile(pixels[inside(image, mask)], (low, high))
    _spread(float(top - bottom), image)
    scaled = np.clip((pixels - bottom) / (top - bottom), 0, 1).astype(pixels.dtype)
    settings = {"low": float(low), "high": float(high)}
    return _mapped(image, scaled), Step("percentile_scale", settings)


def z_score(image: Image, *, mask: Mask | None = None) -> tuple[Image, Step]:
    """Mean 0 and standard deviation 1 within the mask (the picture, if none).

    Raises
    ------
    InputError
        If all pixels there are the same.
    """
    pixels = as_float(image.pixels)
    values = pixels[inside(image, mask)].astype(np.float64)
    spread = float(values.std())
    _spread(spread, image)
    scaled = ((pixels - values.mean()) / spread).astype(pixels.dtype)
    return _mapped(image, scaled), Step("z_score")


def clahe(image: Image, *, tile_px: int = 32, clip: float = 0.01) -> tuple[Image, Step]:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994), to 0…1."""
    if int(tile_px) < 2 or not 0 < clip <= 1:
        raise InputError(f"tiles of {tile_px} px, clip {clip}", remedy="tile_px ≥ 2, 0 < clip ≤ 1")
    from skimage.exposure import equalize_adapthist

    def run(pixels: Floats) -> Any:
        return equalize_adapthist(_unit(pixels, image), kernel_size=int(tile_px), clip_limit=clip)

    settings = {"tile_px": float(int(tile_px)), "clip": float(clip)}
    return _mapped(image, over_gaps(plane(image, "clahe"), run)), Step("clahe", settings)


def equalise(image: Image, *, mask: Mask | None = None, levels: int = 256) -> tuple[Image, Step]:
    """Each pixel becomes the share of pixels (of the mask) at or below it."""
    if int(levels) < 2:
        raise InputError(f"{levels} levels", remedy="levels ≥ 2")
    pixels = as_float(image.pixels)
    values = pixels[inside(image, mask)].astype(np.float64)
    _spread(float(np.ptp(values)), image)
    counts, edges = np.histogram(values, bins=int(levels))
    share = np.concatenate([[0.0], np.cumsum(counts) / values.size])
    scaled = np.interp(pixels, edges, share).astype(pixels.dtype)
    return _mapped(image, scaled), Step("equalise", {"levels": float(int(levels))})


def _mapped(image: Image, pixels: Floats) -> Image:
    return with_pixels(image, pixels, kind=mapped_kind(image.kind))


def _unit(pixels: Floats, image: Image) -> Floats:
    span = float(np.ptp(pixels))
    _spread(span, image)
    return np.asarray((pixels - pixels.min()) / span)


def _spread(spread: float, image: Image) -> None:
    if not (np.isfinite(spread) and spread > 1e-12):
        raise InputError(
            "all pixels have the same value",
            where=image.origin.name,
            remedy="check the image and the mask: there is no contrast to normalise",
        )
