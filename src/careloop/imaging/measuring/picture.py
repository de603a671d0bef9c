"""Small pictures of measured images with the outline of what was measured, for the page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.image import Image, Mask

LONGEST_PX = 176
"""Of the picture's sides: enough to see bone and outline, too little to read burned-in text."""
_OUTLINE = (255, 176, 0)


def thumbnail(image: Image, mask: Mask | None = None) -> str:
    """A picture of an image as a `data:` address (PNG), the region outlined.

    A stack shows the slice where the region is largest. Grey is stretched from the 1st to the 99th
    percentile; pixels are as long as they are wide.
    """
    from PIL import Image as Picture

    pixels, flat = _slice(image.pixels, mask)
    height_mm = pixels.shape[0] * image.in_plane_mm[0]
    width_mm = pixels.shape[1] * image.in_plane_mm[1]
    scale = LONGEST_PX / max(height_mm, width_mm)
    size = (max(1, round(width_mm * scale)), max(1, round(height_mm * scale)))
    step = max(1, min(pixels.shape[0] // (2 * size[1]), pixels.shape[1] // (2 * size[0])))
    grey = Picture.fromarray(stretched(pixels[::step, ::step]))
    coloured = np.asarray(grey.resize(size, Picture.Resampling.BOX).convert("RGB")).copy()
    if flat is not None:
        shrunk = Picture.fromarray(flat[::step, ::step].astype(np.uint8) * 255)
        inside = np.asarray(shrunk.resize(size, Picture.Resampling.BOX)) >= 128
        coloured[_outline(inside)] = _OUTLINE
    file = io.BytesIO()
    Picture.fromarray(coloured).save(file, format="PNG", compress_level=6)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _slice(pixels: NDArray[Any], mask: Mask | None) -> tuple[NDArray[Any], Mask | None]:
    if pixels.ndim == 2:
        return pixels, mask
    areas = None if mask is None else mask.sum(axis=(1, 2))
    at = len(pixels) // 2 if areas is None or not areas.any() else int(areas.argmax())
    return pixels[at], None if mask is None else mask[at]


def stretched(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels as 8-bit grey, from their 1st to their 99th percentile."""
    values = np.nan_to_num(pixels.astype(np.float32), copy=False)
    low, high = np.percentile(values, (1, 99))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.full(values.shape, 128, np.uint8)
    grey: NDArray[np.uint8] = (np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    return grey


def _outline(inside: Mask) -> Mask:
    """Pixels of the region beside a pixel that is not in it."""
    padded = np.pad(inside, 1)
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: Mask = inside & ~core
    return edge
