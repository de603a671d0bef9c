"""What is kept of an image to look at: a small grey picture without text, and outlines."""

from __future__ import annotations

import io
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from careloop.imaging.deidentification.burned_in import FindText, blank
from careloop.imaging.geometry.bone import contours_mm
from careloop.imaging.image import Image, Mask
from careloop.imaging.measuring.picture import stretched

LONGEST_PX, THUMB_PX = 1200, 96
MOST_POINTS = 1500
"""Points of the outlines of one region; coarser where it would take more, then without specks."""
_MOST_LINES = 200
_TOLERANCES_PX = (0.5, 1.0, 2.0, 4.0)

Grey = NDArray[np.uint8]


def shown(image: Image, *, detector: FindText | None) -> tuple[Grey, int]:
    """A plane image as it is kept: 8-bit, square pixels, text blanked; and how many places.

    What is blanked is found in the very picture that is kept. Without a detector nothing is.
    """
    step = mm_per_px(image)
    height, width = (
        max(1, round(count * size / step))
        for count, size in zip(image.pixels.shape, image.in_plane_mm, strict=True)
    )
    whole = Picture.fromarray(stretched(image.pixels))
    grey = np.asarray(whole.resize((width, height), Picture.Resampling.BOX)).copy()
    boxes = [] if detector is None else list(detector(grey))
    blank(grey[None, ..., None], boxes, "MONOCHROME2")
    return grey, len(boxes)


def mm_per_px(image: Image) -> float:
    """The side of a pixel of the picture: the finer of the image's, or as the longest side asks."""
    height, width = image.pixels.shape
    row, column = image.in_plane_mm
    longest: float = max(height * row, width * column)
    return max(min(row, column), longest / LONGEST_PX)


def png(grey: Grey) -> bytes:
    """The picture as a file with nothing in it but pixels."""
    return _encoded(Picture.fromarray(grey), "PNG", optimize=True)


def thumbnail(grey: Grey) -> bytes:
    """The same, small enough to stand within a page (JPEG)."""
    small = Picture.fromarray(grey)
    small.thumbnail((THUMB_PX, THUMB_PX), Picture.Resampling.BOX)
    return _encoded(small, "JPEG", quality=60, optimize=True)


def outlines(mask: Mask, *, spacing_mm: tuple[float, float], mm_per_px: float) -> list[str]:
    """A region's outlines, the longest first, as points "x,y x,y" in pixels of the picture."""
    from skimage.measure import approximate_polygon  # noqa: PLC0415 — SciPy comes with it

    found = contours_mm(mask.astype(np.float64), 0.5, spacing=spacing_mm)
    longest = sorted(found, key=len, reverse=True)[:_MOST_LINES]
    middle = np.asarray(spacing_mm) / 2  # contours count from the first pixel's centre
    lines = [(line + middle) / mm_per_px for line in longest]
    for tolerance in _TOLERANCES_PX:
        simpler = [approximate_polygon(line, tolerance) for line in lines]
        simpler = [line for line in simpler if len(line) > 3] or lines[:1]
        if sum(map(len, simpler)) <= MOST_POINTS:
            break
    counts = accumulate(map(len, simpler))
    return [
        _points(line) for line, count in zip(simpler, counts, strict=True) if count <= MOST_POINTS
    ]


def _points(line: NDArray[Any]) -> str:
    closed = len(line) > 1 and np.array_equal(line[0], line[-1])
    return " ".join(f"{x:.1f},{y:.1f}" for y, x in (line[:-1] if closed else line))


def _encoded(picture: Picture.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
