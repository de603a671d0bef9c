"""Words on a page, wherever they were read: what the page rooms give and the table rooms take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from careloop.records.finding import Finding


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page in pixels of its picture, y downwards; `x1`, `y1` are exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre (x, y)."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def height(self) -> float:
        """Its height in pixels."""
        return self.y1 - self.y0

    @property
    def width(self) -> float:
        """Its width in pixels."""
        return self.x1 - self.x0


@dataclass(frozen=True, slots=True)
class Word:
    """A run of text without a wide gap; `confidence` is 1 in a text layer, else the reader's."""

    text: str
    box: Box
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its picture as shown upright (RGB [y, x, 3], uint8) and the words on it.

    `rectified` says that the picture was straightened from a photograph; boxes refer to the
    straightened picture, which is what a person confirms values on.
    """

    number: int  # from 1
    picture: NDArray[np.uint8]
    words: tuple[Word, ...]
    read_from: Literal["text layer", "ocr"]
    dpi: float | None = None
    rectified: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.picture.shape[:2]
        return int(height), int(width)

    def crop(self, box: Box) -> NDArray[Any]:
        """The picture inside a box."""
        return self.picture[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
