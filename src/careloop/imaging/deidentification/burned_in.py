"""Text that stands in the pixels: found, and blanked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """Rows `top` to `bottom` and columns `left` to `right` (the ends not included) of a frame.

    `frame` counts from 0; `None` means every frame.
    """

    top: int
    left: int
    bottom: int
    right: int
    frame: int | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.top < self.bottom and 0 <= self.left < self.right):
            raise ValueError(f"a box runs from top left to bottom right, not {self}")


FindText = Callable[[NDArray[np.uint8]], Sequence[Box]]
"""Boxes around all text in a grey picture [y, x]."""

_MARGIN = 0.3
_ENLARGED_UP_TO = 700
_LETTER_HEIGHT = 0.05
"""Part of the picture's height above which a box must be read as letters to count as text."""


def find_text(picture: NDArray[np.uint8]) -> list[Box]:
    """Find text with the detector of `rapidocr` (extra `ocr`); small pictures are enlarged as well.

    Bones can look like one huge letter to a detector: a box higher than 5 % of the picture counts
    only if two letters or more are read in it. Smaller boxes count whatever is read. No detector is
    perfect: look at the result.

    Parameters
    ----------
    picture
        Grey, 8-bit [y, x].

    Raises
    ------
    MissingExtra
        Without the extra `ocr`.
    """
    from PIL import Image

    rows, columns = picture.shape
    boxes = []
    for scale in (1, 2) if max(rows, columns) <= _ENLARGED_UP_TO else (1,):
        size = (columns * scale, rows * scale)
        grey = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
        boxes += [
            Box(
                box.top // scale, box.left // scale, -(-box.bottom // scale), -(-box.right // scale)
            )
            for box in _text_boxes(grey)
        ]
    return boxes


def _text_boxes(grey: NDArray[np.uint8]) -> list[Box]:
    from careloop.imaging.report.page.engine import find_lines, read_lines

    colour = np.repeat(grey[..., None], 3, axis=2)
    found = [_around(corners, *grey.shape) for corners in find_lines(colour)]
    boxes = [box for box in found if box is not None]
    high = [box for box in boxes if box.bottom - box.top > _LETTER_HEIGHT * len(grey)]
    crops = [np.ascontiguousarray(colour[b.top : b.bottom, b.left : b.right]) for b in high]
    texts = [sum(sign.isalnum() for sign in line.text) for line in read_lines(crops)]
    no_text = {box for box, letters in zip(high, texts, strict=True) if letters < 2}
    return [box for box in boxes if box not in no_text]


def _around(corners: NDArray[Any], rows: int, columns: int) -> Box | None:
    """The upright box around a quadrilateral, a little larger."""
    left, top = corners.min(axis=0)
    right, bottom = corners.max(axis=0)
    margin = _MARGIN * min(right - left, bottom - top)
    box = (
        max(int(top - margin), 0),
        max(int(left - margin), 0),
        min(int(np.ceil(bottom + margin)), rows),
        min(int(np.ceil(right + margin)), columns),
    )
    return Box(*box) if box[0] < box[2] and box[1] < box[3] else None


def as_shown(frame: NDArray[Any]) -> NDArray[np.uint8]:
    """A frame of any depth as an 8-bit picture, from its darkest to its brightest pixel."""
    low, high = float(frame.min()), float(frame.max())
    if high <= low:
        return np.zeros(frame.shape, np.uint8)
    return np.asarray((frame.astype(np.float32) - low) * (255 / (high - low))).astype(np.uint8)


def blank(samples: NDArray[Any], boxes: Sequence[Box], photometric: str) -> int:
    """Fill boxes with black, in place; returns the number of pixels.

    Parameters
    ----------
    samples
        [frame, y, x, sample].
    boxes
        Where.
    photometric
        PhotometricInterpretation: which value is black.
    """
    black: Any = samples.min(axis=(0, 1, 2))
    if photometric == "MONOCHROME1":
        black = samples.max(axis=(0, 1, 2))
    elif photometric.startswith("YBR"):
        black = np.array([0, 128, 128], samples.dtype)
    elif photometric == "RGB":
        black = np.zeros(3, samples.dtype)
    filled = np.zeros(samples.shape[:3], bool)
    for box in boxes:
        frames = slice(None) if box.frame is None else slice(box.frame, box.frame + 1)
        samples[frames, box.top : box.bottom, box.left : box.right] = black
        filled[frames, box.top : box.bottom, box.left : box.right] = True
    return int(filled.sum())
