"""One step of pre-processing, as it is written down with a measurement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import careloop
from careloop.error import InputError
from careloop.imaging.image import Image, Kind, Mask

Setting = str | float
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, with which settings, by which version: enough to do it again."""

    name: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    software: str = f"careloop {careloop.__version__}"


def with_pixels(image: Image, pixels: Floats, *, kind: Kind | None = None) -> Image:
    """The image with other pixels."""
    return replace(image, pixels=pixels, kind=kind or image.kind)


def mapped_kind(kind: Kind) -> Kind:
    """The kind after contrast mapping: numbers with a unit (g/cm², HU) lose it."""
    return "other" if kind in {"bmd_map", "ct"} else kind


def as_float(pixels: NDArray[Any]) -> Floats:
    """Pixels as floats: float32 and float64 stay, whole numbers become float64."""
    if np.issubdtype(pixels.dtype, np.floating):
        return pixels if pixels.dtype in (np.float32, np.float64) else pixels.astype(np.float32)
    return pixels.astype(np.float64)


def plane(image: Image, name: str) -> Floats:
    """Pixels of one picture [y, x] as floats.

    Raises
    ------
    InputError
        If the image is a stack.
    """
    if image.pixels.ndim != 2:
        raise InputError(
            f"{name} works on one picture [y, x], not on {image.pixels.ndim}-d pixels",
            where=image.origin.name,
            remedy="give the slices one by one",
        )
    return as_float(image.pixels)


def inside(image: Image, mask: Mask | None) -> NDArray[np.bool_]:
    """Pixels with a value, within the mask.

    Raises
    ------
    InputError
        If the mask has another size, or no pixel is left.
    """
    pixels = as_float(image.pixels)
    if mask is not None and mask.shape != pixels.shape:
        raise InputError(
            f"a mask of {mask.shape} on an image of {pixels.shape}",
            where=image.origin.name,
            remedy="draw the mask on this image",
        )
    known = np.isfinite(pixels) if mask is None else np.isfinite(pixels) & mask
    if not known.any():
        raise InputError(
            "no pixel with a value to normalise by",
            where=image.origin.name,
            remedy="check the mask and the image",
        )
    return np.asarray(known)


def over_gaps(pixels: Floats, function: Callable[[Floats], Any]) -> Floats:
    """A filter applied with missing pixels filled from the nearest value, and missing afterwards.

    The result has the type of `pixels`.
    """
    gaps = ~np.isfinite(pixels)
    if gaps.all():
        return pixels.copy()
    filled = pixels
    if gaps.any():
        from scipy.ndimage import distance_transform_edt

        nearest = distance_transform_edt(gaps, return_distances=False, return_indices=True)
        filled = pixels[tuple(nearest)]
    result = np.asarray(function(filled)).astype(pixels.dtype)
    result[gaps] = np.nan
    return result
