"""Geometry put right: isotropic pixels, bone upright, sides the same way round.

Each change of an image has a twin for its mask, so that both stay on each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from careloop.error import InputError
from careloop.imaging.image import Image, Mask, Side
from careloop.imaging.preprocessing.step import Floats, Step, plane
from careloop.imaging.quality.alignment import bone_angle

_SAME = 1e-9


def resample(image: Image, *, spacing_mm: float) -> tuple[Image, Step]:
    """Square pixels of `spacing_mm`, by linear interpolation of pixel centres.

    Coarser pixels are averaged first (Gaussian of the ratio's width), so that noise does not
    alias. A pixel is missing if one it is made of is. Spacing that is already right changes
    nothing.

    Raises
    ------
    InputError
        If the spacing is not positive or would make more than 100 million pixels.
    """
    pixels = plane(image, "resample")
    shape = _shape(pixels.shape, image.in_plane_mm, spacing_mm)
    step = Step("resample", {"spacing_mm": float(spacing_mm)})
    if _right(image.in_plane_mm, spacing_mm):
        return replace(image, pixels=pixels), step
    ratios = [spacing_mm / old for old in image.in_plane_mm]
    fresh = _interpolated(pixels, shape, ratios)
    return replace(image, pixels=fresh, spacing_mm=(float(spacing_mm), float(spacing_mm))), step


def resample_mask(mask: Mask, *, from_mm: tuple[float, float], spacing_mm: float) -> Mask:
    """A mask on the pixels that `resample` makes: those of which more than half was in it."""
    shape = _shape(mask.shape, from_mm, spacing_mm)
    if _right(from_mm, spacing_mm):
        return mask.copy()
    ratios = [spacing_mm / old for old in from_mm]
    return np.asarray(_interpolated(mask.astype(np.float64), shape, ratios) > 0.5 + _SAME)


def _interpolated(pixels: Floats, shape: tuple[int, int], ratios: list[float]) -> Floats:
    """Linear between pixel centres; coarser pixels are averaged first."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    widths = [np.sqrt(max(0.0, ratio**2 - 1) / 12) for ratio in ratios]
    smooth = gaussian_filter(pixels, widths, mode="nearest") if max(widths) > 0 else pixels
    at = np.meshgrid(*_places(shape, ratios), indexing="ij")
    return np.asarray(map_coordinates(smooth, at, order=1, mode="nearest").astype(pixels.dtype))


def rotate_upright(
    image: Image, *, mask: Mask | None = None, angle_deg: float | None = None
) -> tuple[Image, Step]:
    """The bone's axis (of the mask) turned to the vertical; the field keeps its size.

    Pixels that come from outside the field are missing (NaN). `angle_deg` is the axis' angle,
    clockwise positive; found from the mask where it is not given, and written into the step.

    Raises
    ------
    InputError
        If there is neither an angle nor a mask with an axis.
    """
    pixels = plane(image, "rotate_upright")
    if angle_deg is None:
        angle_deg = None if mask is None else bone_angle(mask, spacing_mm=image.in_plane_mm)
    if angle_deg is None:
        raise InputError(
            "no axis to turn upright",
            where=image.origin.name,
            remedy="give the mask of radius and ulna, or the angle",
        )
    turned = _turned(pixels, image.in_plane_mm, float(angle_deg), order=1)
    return replace(image, pixels=turned), Step("rotate_upright", {"angle_deg": float(angle_deg)})


def rotate_mask(mask: Mask, *, spacing_mm: tuple[float, float], angle_deg: float) -> Mask:
    """A mask turned as `rotate_upright` turns its image."""
    turned = _turned(mask.astype(np.float64), spacing_mm, angle_deg, order=0)
    return np.asarray(np.nan_to_num(turned) > 0.5)


def to_side(image: Image, *, side: Side = "left") -> tuple[Image, Step]:
    """The picture mirrored to show the other side's bone as this one's; the same side stays.

    Raises
    ------
    InputError
        If the image's side is unknown.
    """
    if not image.side or side not in {"left", "right"}:
        raise InputError(
            f"mirroring from {image.side or 'an unknown side'} to {side or 'an unknown side'}",
            where=image.origin.name,
            remedy="the side of the image must be known: left or right",
        )
    step = Step("to_side", {"side": side, "from_side": image.side})
    if image.side == side:
        return image, step
    return replace(image, pixels=image.pixels[..., ::-1].copy(), side=side), step


def mirror_mask(mask: Mask, *, mirrored: Any) -> Mask:
    """A mask after `to_side`: mirrored if the image was."""
    return mask[..., ::-1].copy() if mirrored else mask.copy()


def _turned(
    pixels: Floats, spacing: tuple[float, float], angle_deg: float, *, order: int
) -> Floats:
    """Pixels turned about the field's middle, in mm; NaN where nothing was."""
    if abs(angle_deg) < _SAME:
        return pixels.copy()
    from scipy.ndimage import affine_transform

    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    scale = np.diag(spacing)
    matrix = np.linalg.inv(scale) @ turn @ scale
    middle = (np.array(pixels.shape) - 1) / 2
    turned = affine_transform(
        pixels, matrix, offset=middle - matrix @ middle, order=order, cval=np.nan
    )
    return np.asarray(turned)


def _shape(shape: tuple[int, ...], old_mm: tuple[float, float], new_mm: float) -> tuple[int, int]:
    if not (np.isfinite(new_mm) and new_mm > 0):
        raise InputError(f"a spacing of {new_mm} mm", remedy="give a positive number of mm")
    rows, columns = (
        max(1, round(size * old / new_mm)) for size, old in zip(shape, old_mm, strict=True)
    )
    if rows * columns > 100_000_000:
        raise InputError(
            f"{rows} × {columns} pixels of {new_mm} mm", remedy="choose a coarser spacing"
        )
    return rows, columns


def _places(shape: tuple[int, int], ratios: list[float]) -> list[Floats]:
    """Old pixel coordinates of the new pixels' centres."""
    return [
        (np.arange(n, dtype=np.float64) + 0.5) * ratio - 0.5
        for n, ratio in zip(shape, ratios, strict=True)
    ]


def _right(old_mm: tuple[float, float], new_mm: float) -> bool:
    return all(abs(one - new_mm) < _SAME for one in old_mm)
