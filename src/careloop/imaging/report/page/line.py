"""Lines of text cut out of a page: straight, cut apart at wide gaps, widened to all their ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEIGHT = 48  # pixels: the height of a line that the recogniser takes
_WIDEST = 6000


@dataclass(frozen=True, slots=True)
class Strip:
    """A straight piece of the page with one run of text in it.

    `corners` are its corners on the page (x, y; from the top left, clockwise).
    """

    picture: NDArray[np.uint8]
    corners: NDArray[np.float32]

    @property
    def height(self) -> float:
        """Its height on the page in pixels."""
        return _length(self.corners[0], self.corners[3])

    def span(self, start: float, stop: float) -> NDArray[np.float32]:
        """The corners on the page of the part between two shares of its width."""
        top, right = self.corners[1] - self.corners[0], self.corners[2] - self.corners[3]
        a, d = self.corners[0], self.corners[3]
        return np.stack([a + top * start, a + top * stop, d + right * stop, d + right * start])


def cut(picture: NDArray[np.uint8], corners: NDArray[np.float32]) -> Strip:
    """The straightened piece of a page within four corners, `HEIGHT` pixels high."""
    import cv2

    own_width = max(_length(corners[0], corners[1]), _length(corners[3], corners[2]))
    own_height = max(_length(corners[0], corners[3]), _length(corners[1], corners[2]), 1e-6)
    wide = min(max(round(own_width * HEIGHT / own_height), 1), _WIDEST)
    target = np.array([[0, 0], [wide, 0], [wide, HEIGHT], [0, HEIGHT]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    piece = cv2.warpPerspective(
        picture, matrix, (wide, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return Strip(np.asarray(piece, np.uint8), corners.astype(np.float32))


def grown(
    corners: NDArray[np.float32], *, along: float = 0.0, down: float = 0.0
) -> NDArray[np.float32]:
    """Four corners moved outwards by shares of the height, along the text and across it."""
    height = _length(corners[0], corners[3])
    line, side = corners[1] - corners[0], corners[3] - corners[0]
    x = line / max(float(np.hypot(*line)), 1e-6) * height * along
    y = side / max(float(np.hypot(*side)), 1e-6) * height * down
    moved = [corners[0] - x - y, corners[1] + x - y, corners[2] + x + y, corners[3] - x + y]
    return np.stack(moved).astype(np.float32)


def _length(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.hypot(*(b - a)))


def is_ink(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where there is ink in a strip: what differs from its paper by a third of its contrast."""
    grey = picture.astype(np.float32).mean(axis=2) if picture.ndim == 3 else picture
    paper = float(np.median(grey))
    far = np.abs(grey - paper)
    contrast = float(np.percentile(far, 98))
    return np.asarray(far > max(contrast * 0.35, 12.0))


def pieces(ink: NDArray[np.bool_], *, gap: float) -> list[tuple[int, int]]:
    """The columns (start, stop) of runs of ink that gaps wider than `gap` columns part."""
    columns = np.flatnonzero(ink.any(axis=0))
    if columns.size == 0:
        return []
    breaks = np.flatnonzero(np.diff(columns) > gap)
    starts = np.concatenate([[columns[0]], columns[breaks + 1]])
    stops = np.concatenate([columns[breaks], [columns[-1]]]) + 1
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
