"""A picture of a page becomes words: lines found, cut apart, read, and every number read again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.report.page import engine
from careloop.imaging.report.page.line import Strip, cut, grown, is_ink, pieces
from careloop.imaging.report.page.second_look import (
    DOUBTFUL,
    Part,
    look_again,
    out_of_column,
)
from careloop.imaging.report.word import Box, Word

FINDING_SIDE = 1584  # pixels of the longer side in which lines are looked for: A4 at 135 dpi
LEAST_HEIGHT = 6.8  # pixels of a cut line; in lower print numbers were found silently wrong
MOST_BLUR = 0.28  # width of an edge as a share of the line; in wider blur numbers were, too
_LEAST_CONTRAST = 30  # grey levels
_CELL_GAP = 0.7  # of the height of a line: wider gaps part the cells of a table
_TRIMMED = -0.1  # of its height is cut off a found line above and below: it is found with margins


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of a picture, how many of its numbers stay in doubt, what its print is like."""

    words: tuple[Word, ...]
    doubtful: int
    line_height: float  # pixels of the picture, median; 0 where there is no text
    blur: float  # width of an edge as a share of the line height, median; sharp: 0.1


def read_picture(picture: NDArray[np.uint8], lines: NDArray[np.float32]) -> Reading:
    """The words of an upright page, boxes in its pixels.

    Parameters
    ----------
    picture
        RGB [y, x, 3].
    lines
        The quadrilaterals [n, 4, 2] around its lines of text, from `find_lines`.
    """
    bgr = np.ascontiguousarray(picture[..., ::-1])
    strips = [strip for corners in lines for strip in _cells(bgr, corners)]
    blurs = [_blur(strip.picture) for strip in strips]
    glyphs = engine.read_lines([strip.picture for strip in strips])
    parts, legible = [], []
    for strip, line, blur in zip(strips, glyphs, blurs, strict=True):
        found = _parts(strip, line)
        parts += found
        clear = blur <= MOST_BLUR and strip.height >= LEAST_HEIGHT
        legible += [clear or not any(c.isdigit() for c in part.text) for part in found]
    settled = look_again(bgr, parts)
    words = [
        Word(reading.text, _box(part.corners), reading.confidence)
        for part, reading in zip(parts, settled, strict=True)
    ]
    doubtful = {i for i, reading in enumerate(settled) if reading.doubtful or not legible[i]}
    doubtful |= out_of_column(words)
    for i in doubtful:
        words[i] = replace(words[i], confidence=min(words[i].confidence, DOUBTFUL))
    heights = [float(np.hypot(*(c[3] - c[0]))) for c in lines]
    known = [blur for blur in blurs if np.isfinite(blur)]
    return Reading(
        tuple(words),
        len(doubtful),
        float(np.median(heights)) if heights else 0.0,
        float(np.median(known)) if known else 0.0,
    )


def _blur(strip: NDArray[np.uint8]) -> float:
    """The width of an edge as a share of the height of a line: contrast over steepest slope.

    Infinite where print is so faint that it cannot be told.
    """
    grey = strip.mean(axis=2)
    low, high = np.percentile(grey, [5, 95])
    if strip.shape[1] <= 8 or high - low <= _LEAST_CONTRAST:
        return float("inf")
    steepest = float(np.percentile(np.abs(np.diff(grey, axis=1)), 97))
    return float((high - low) / max(steepest, 1e-6) / grey.shape[0])


def find_lines(bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The quadrilaterals of lines of text, sought in a size in which letters are well found."""
    import cv2

    height, width = bgr.shape[:2]
    scale = FINDING_SIDE / max(height, width)
    flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    sought = cv2.resize(bgr, size, interpolation=flags)
    corners = engine.find_lines(np.asarray(sought, np.uint8))
    return corners * np.array([width / size[0], height / size[1]], np.float32)


def _cells(bgr: NDArray[np.uint8], corners: NDArray[np.float32]) -> list[Strip]:
    """A found line as strips: cut where a gap is as wide as between the cells of a table."""
    strip = cut(bgr, grown(corners, down=_TRIMMED))
    wide = strip.picture.shape[1]
    high = strip.picture.shape[0]
    runs = pieces(is_ink(strip.picture), gap=high * _CELL_GAP)
    if len(runs) <= 1:
        return [strip]
    margin = high // 6
    return [
        cut(bgr, strip.span(max(a - margin, 0) / wide, min(b + margin, wide) / wide))
        for a, b in runs
    ]


def _parts(strip: Strip, line: engine.Glyphs) -> list[Part]:
    """The words of a strip, cut at spaces; each ends half a letter beyond its outer letters."""
    solid = [place for place, c in zip(line.places, line.text, strict=True) if not c.isspace()]
    if not solid:
        return []
    letter = (solid[-1] - solid[0]) / max(len(line.text) - 1, 1) if len(solid) > 1 else 1.0
    matches = list(re.finditer(r"\S+", line.text))
    spans = [
        (
            max(line.places[m.start()] - letter / 2, 0.0) if m.start() else 0.0,
            min(line.places[m.end() - 1] + letter / 2, 1.0) if m.end() < len(line.text) else 1.0,
        )
        for m in matches
    ]
    return [
        Part(
            match.group(),
            strip.span(*spans[i]),
            strip.span(spans[max(i - 1, 0)][0], spans[min(i + 1, len(spans) - 1)][1]),
            min(line.confidences[match.start() : match.end()], default=0.0),
            alone=len(matches) == 1,
        )
        for i, match in enumerate(matches)
    ]


def _box(corners: NDArray[np.float32]) -> Box:
    x, y = corners[:, 0], corners[:, 1]
    return Box(float(x.min()), float(y.min()), float(x.max()), float(y.max()))
