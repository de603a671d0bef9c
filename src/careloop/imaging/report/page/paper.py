"""The sheet of paper in a photograph: its four corners, and its light made even."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIDE = 700  # pixels of the longer side in which the sheet is sought
_LEAST, _MOST = 0.2, 0.97  # share of the picture that a sheet covers
_FILLED = 0.93  # a contour fills this share of its own quadrilateral, or it is no sheet
_DARKER = 20  # grey levels by which what lies around is darker than the sheet


def sheet_corners(picture: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """The corners (x, y; from the top left, clockwise) of a sheet on a darker ground, or None.

    A scan that is paper from edge to edge has none. Several thresholds are tried, for a shadow
    may lie on the sheet; of the quadrilaterals found, the best filled one is taken.
    """
    import cv2

    height, width = picture.shape[:2]
    scale = _SIDE / max(height, width)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (5, 5), 0)
    grey = np.asarray(blurred, np.uint8)
    otsu = float(cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)[0])
    best: tuple[float, NDArray[np.float32]] | None = None
    for threshold in (otsu, *range(70, 221, 15)):
        for found in _quadrilaterals(grey, float(threshold)):
            if best is None or found[0] > best[0]:
                best = found
    if best is None:
        return None
    factor = np.array([width / grey.shape[1], height / grey.shape[0]], np.float32)
    return clockwise(best[1] * factor)


def _quadrilaterals(
    grey: NDArray[np.uint8], threshold: float
) -> list[tuple[float, NDArray[np.float32]]]:
    """The largest bright patch at a threshold, if it is a quadrilateral: how well, and where."""
    import cv2

    kernel = np.ones((7, 7), np.uint8)
    bright = cv2.morphologyEx((grey > threshold).astype(np.uint8), cv2.MORPH_OPEN, kernel)
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return []
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    filled = max(cv2.contourArea(c) for c in contours) / max(cv2.contourArea(hull), 1.0)
    area = cv2.contourArea(hull) / grey.size
    if not _LEAST < area < _MOST or filled < _FILLED:
        return []
    for share in (0.01, 0.02, 0.03, 0.05):
        around = cv2.arcLength(hull, closed=True)
        corners = cv2.approxPolyDP(hull, share * around, closed=True)
        if len(corners) == 4:
            break
    else:
        return []
    quad = corners[:, 0, :].astype(np.float32)
    fit = cv2.contourArea(hull) / max(cv2.contourArea(quad), 1.0)
    fit = min(fit, 1 / fit)
    if fit < _FILLED or not _stands_out(grey, quad):
        return []
    return [(fit * filled, quad)]


def _stands_out(grey: NDArray[np.uint8], quad: NDArray[np.float32]) -> bool:
    """Whether just outside the sheet it is darker than just inside, on every side of it.

    A side that lies along the edge of the picture has no outside and is passed over; at least
    three sides must have one.
    """
    middle = quad.mean(axis=0)
    darker = seen = 0
    for a, b in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        steps = np.linspace(0.1, 0.9, 41)[:, None]
        side = a + (b - a) * steps
        outward = (a + b) / 2 - middle
        outward = outward / max(float(np.hypot(*outward)), 1e-6)
        outside, within = _at(grey, side + outward * 8), _at(grey, side - outward * 8)
        if outside.size < 20 or within.size < 20:
            continue
        seen += 1
        darker += bool(np.median(within) - np.median(outside) > _DARKER)
    return seen >= 3 and darker == seen


def _at(grey: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    x, y = np.rint(points).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < grey.shape[1]) & (y < grey.shape[0])
    return np.asarray(grey[y[inside], x[inside]])


def clockwise(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Four corners from the top left on, clockwise as seen (y downwards)."""
    middle = corners.mean(axis=0)
    angle = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    ordered = corners[np.argsort(angle)]
    first = int(np.argmin(ordered.sum(axis=1)))
    return np.roll(ordered, -first, axis=0).astype(np.float32)


def evenly_lit(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture as if lit evenly: divided by the brightness of its paper.

    The paper's brightness is the brightest in each neighbourhood (dark pictures on the page are
    bridged), smoothed. A picture that is lit evenly already is returned as it is.
    """
    import cv2

    height, width = picture.shape[:2]
    scale = 256 / max(height, width)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((25, 25), np.uint8))
    paper = cv2.GaussianBlur(paper, (0, 0), 8).astype(np.float32)
    low, high = np.percentile(paper, [15, 95])  # scans may be dark, but are not so large
    if high - low < 0.12 * high:
        return picture
    wide = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    gain = np.minimum(245.0 / np.maximum(wide, 30.0), 4.0)
    return np.asarray(np.clip(picture * gain[..., None], 0, 255), np.uint8)
