"""Which pixels are one bone: checks of a mask, its parts, and where it leaves the image."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.imaging.geometry.finding import (
    BONES_ALIKE,
    EMPTY_MASK,
    ISLANDS_IGNORED,
    SEVERAL_BONES,
    refuse,
)
from careloop.imaging.image import Mask
from careloop.records.finding import Finding

Direction = Literal["up", "down", "left", "right"]
"""A direction in the image as it is stored: rows grow downwards, columns to the right."""

TOWARDS: dict[str, tuple[float, float]] = {
    "up": (-1.0, 0.0),
    "down": (1.0, 0.0),
    "left": (0.0, -1.0),
    "right": (0.0, 1.0),
}

ISLAND_SHARE = 0.05  # a part under this share of the largest one is dirt, not a second bone


def checked_spacing(spacing: tuple[float, float]) -> tuple[float, float]:
    """The spacing (rows, columns) in mm, positive and finite.

    Raises
    ------
    ValueError
        If it is not.
    """
    rows, columns = spacing
    if not (np.isfinite(rows) and np.isfinite(columns) and rows > 0 and columns > 0):
        raise ValueError(f"spacing must be two positive lengths in mm, not {spacing}")
    return float(rows), float(columns)


def checked_mask(mask: ArrayLike, *, shape: tuple[int, ...] | None = None) -> Mask:
    """The mask as bool [y, x], with at least one pixel and of the image's shape.

    Raises
    ------
    NotMeasurable
        I421 if it is empty, not flat, or of another shape.
    """
    array = np.asarray(mask).astype(bool)
    if array.ndim != 2:
        refuse(EMPTY_MASK, where="mask", detail=f"{array.ndim}-d, expected [y, x]")
    if shape is not None and array.shape != shape:
        refuse(EMPTY_MASK, where="mask", detail=f"{array.shape}, the image is {shape}")
    if not array.any():
        refuse(EMPTY_MASK, where="mask", detail="no pixel is marked")
    return array


def parts(mask: ArrayLike) -> tuple[Mask, ...]:
    """The connected parts of a mask (8 neighbours), largest first, without small islands.

    Parts under 5 % of the largest are islands. Sizes are counted in pixels.
    """
    from scipy import ndimage

    array = checked_mask(mask)
    labels, count = ndimage.label(array, structure=np.ones((3, 3)))
    if count == 1:
        return (array,)
    sizes = np.bincount(labels.ravel())[1:]
    order = np.argsort(-sizes, kind="stable")
    kept = [number for number in order if sizes[number] >= ISLAND_SHARE * sizes[order[0]]]
    return tuple(labels == number + 1 for number in kept)


def one_bone(
    mask: ArrayLike, *, shape: tuple[int, ...] | None = None
) -> tuple[Mask, list[Finding]]:
    """The mask of the one bone in it, holes filled and islands left out.

    Raises
    ------
    NotMeasurable
        I421 if the mask is empty, I422 if it holds more than one bone.
    """
    from scipy import ndimage

    array = checked_mask(mask, shape=shape)
    found = parts(array)
    if len(found) > 1:
        refuse(SEVERAL_BONES, where="mask", detail=f"{len(found)} parts")
    bone: Mask = ndimage.binary_fill_holes(found[0])
    lost = int(np.count_nonzero(array & ~bone))
    remarks = [Finding(ISLANDS_IGNORED, "mask", detail=f"{lost} pixels")] if lost else []
    return bone, remarks


def radius_and_ulna(
    mask: ArrayLike, *, spacing: tuple[float, float], distal: Direction, depth_mm: float = 15.0
) -> tuple[Mask, Mask]:
    """Radius and ulna of a forearm mask, told apart by breadth at the wrist.

    Of the two largest parts the radius is the one with more area in its distal `depth_mm`: at the
    wrist the radius is the broad bone, the ulna the slender one. The hand must not be in the mask.

    Parameters
    ----------
    mask
        Both bones [y, x], not touching each other.
    spacing
        mm between rows and between columns.
    distal
        The direction of the hand in the image.

    Returns
    -------
    tuple
        The mask of the radius and that of the ulna.

    Raises
    ------
    NotMeasurable
        I434 if there are not two bones, or their breadth differs by less than 10 %.
    """
    found = parts(mask)
    if len(found) != 2:
        refuse(BONES_ALIKE, where="mask", detail=f"{len(found)} parts, expected 2")
    pixel = float(np.prod(checked_spacing(spacing)))
    breadths = []
    for bone in found:
        along = towards(points_mm(bone, spacing=spacing), distal)
        breadths.append(np.count_nonzero(along >= along.max() - depth_mm) * pixel / depth_mm)
    if abs(breadths[0] - breadths[1]) < 0.1 * max(breadths):
        refuse(BONES_ALIKE, where="mask", detail="breadths at the wrist differ by less than 10 %")
    first, second = found
    return (first, second) if breadths[0] > breadths[1] else (second, first)


def points_mm(mask: Mask, *, spacing: tuple[float, float]) -> NDArray[np.float64]:
    """The centres of the marked pixels (y, x) in mm from the centre of the first pixel [n, 2]."""
    points: NDArray[np.float64] = np.argwhere(mask) * np.asarray(spacing, dtype=float)
    return points


def towards(points: NDArray[np.float64], direction: Direction) -> NDArray[np.float64]:
    """How far points lie in a direction of the image, in their own unit [n]."""
    along: NDArray[np.float64] = points @ np.asarray(TOWARDS[direction])
    return along


def outline_mm(mask: Mask, *, spacing: tuple[float, float]) -> NDArray[np.float64]:
    """The outline of the largest part (y, x) in mm, halfway between in and out [n, 2]."""
    return max(contours_mm(mask.astype(float), 0.5, spacing=spacing), key=len)


def contours_mm(
    image: NDArray[np.float64], level: float, *, spacing: tuple[float, float]
) -> list[NDArray[np.float64]]:
    """Every line on which an image has this level (y, x) in mm; beyond the image it is 0."""
    from skimage import measure

    find: Any = measure.find_contours
    return [(line - 1.0) * np.asarray(spacing) for line in find(np.pad(image, 1), level)]


def at_border(mask: Mask) -> Mask:
    """The marked pixels in the outermost rows and columns of the image."""
    border = np.zeros_like(mask)
    border[[0, -1], :] = True
    border[:, [0, -1]] = True
    return border & mask
