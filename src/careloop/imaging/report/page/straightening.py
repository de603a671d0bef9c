"""A page photographed or scanned askew is straightened: sheet, turn, tilt, and which way up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.report.page import engine, remark
from careloop.imaging.report.page.line import cut
from careloop.imaging.report.page.paper import evenly_lit, sheet_corners
from careloop.imaging.report.page.recognition import find_lines
from careloop.records.finding import Finding

_LEAST_TILT_DEG = 0.35  # less is not worth drawing the picture anew
_SURE = 0.9  # mean confidence of upright lines from which the other way up is not tried
_TRIED_LINES = 10


@dataclass(frozen=True, slots=True)
class Straightened:
    """A page made straight.

    `homography` [3, 3] leads from a point (x, y, 1) of the picture given to one of `picture`;
    `even` is `picture` in even light, for reading; `lines` are the text lines found in it.
    """

    picture: NDArray[np.uint8]
    homography: NDArray[np.float64]
    even: NDArray[np.uint8]
    lines: NDArray[np.float32]
    findings: tuple[Finding, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was straightened at all."""
        return not np.allclose(self.homography, np.eye(3))


def straighten(
    picture: NDArray[np.uint8], *, where: str = ""
) -> tuple[NDArray[np.uint8], NDArray[np.float64], tuple[Finding, ...]]:
    """The page upright and seen from straight above, how it was moved, and what to remark.

    Parameters
    ----------
    picture
        RGB [y, x, 3]: a photograph, a scan, a drawn page.
    where
        How findings name the page.

    Returns
    -------
    tuple
        The straight picture; the homography [3, 3] from the picture given to it (the unit matrix
        where nothing was to do, and then the picture is the same); findings.
    """
    done = settle(picture, where=where)
    return done.picture, done.homography, done.findings


def settle(picture: NDArray[np.uint8], *, where: str = "") -> Straightened:
    """As `straighten`, with what the reading of the page goes on with."""
    moved = np.eye(3)
    corners = sheet_corners(picture)
    current = picture
    if corners is not None:
        current, moved = _flattened(picture, corners)
    page = _look(current, moved)
    turned = _turned(page)
    page = _level(turned)
    page, sure = _right_way_up(page)
    findings = []
    if page.changed:
        findings.append(Finding(remark.PHOTOGRAPH, where))
    if not sure:
        findings.append(Finding(remark.ORIENTATION_UNCERTAIN, where))
    return replace(page, findings=tuple(findings))


def _look(picture: NDArray[np.uint8], homography: NDArray[np.float64]) -> Straightened:
    even = evenly_lit(picture)
    return Straightened(picture, homography, even, find_lines(even[..., ::-1]))


def _flattened(
    picture: NDArray[np.uint8], corners: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The sheet within four corners, drawn as a rectangle of its own size."""
    import cv2

    a, b, c, d = corners
    wide = round(max(np.hypot(*(b - a)), np.hypot(*(c - d))))
    high = round(max(np.hypot(*(d - a)), np.hypot(*(c - b))))
    target = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    drawn = cv2.warpPerspective(
        picture, matrix, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(drawn, np.uint8), np.asarray(matrix, np.float64)


# --- directions of the lines


def _directions(lines: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each long line its direction in degrees, from -45 up to 135, and its length."""
    top, left = lines[:, 1] - lines[:, 0], lines[:, 3] - lines[:, 0]
    across, down = np.hypot(*top.T), np.hypot(*left.T)
    along = np.where((across >= down)[:, None], top, left)
    length = np.maximum(across, down)
    degrees = np.degrees(np.arctan2(along[:, 1], along[:, 0]))
    degrees = (degrees + 45) % 180 - 45
    long = length > 2.5 * np.minimum(across, down)
    return degrees[long].astype(np.float64), length[long].astype(np.float64)


def _turned(page: Straightened) -> Straightened:
    """The page with its lines lying: a quarter turn where most of them stand."""
    degrees, length = _directions(page.lines)
    if length.size == 0 or length[degrees > 45].sum() <= length.sum() / 2:
        return page
    return _rotated(page, 1)


def _rotated(page: Straightened, quarters: int) -> Straightened:
    """The page turned anticlockwise by quarter turns, and looked at again."""
    picture, homography = page.picture, page.homography
    for _ in range(quarters):
        turn = np.array([[0.0, 1, 0], [-1, 0, picture.shape[1]], [0, 0, 1]])
        picture, homography = np.rot90(picture), turn @ homography
    return _look(np.ascontiguousarray(picture), homography)


def _level(page: Straightened) -> Straightened:
    """The page with its lines level: what tilt and perspective the sheet's corners left, undone."""
    import cv2

    degrees, length = _directions(page.lines)
    lying = np.abs(degrees) < 40
    if lying.sum() < 5:
        return page
    tilt = _weighted_median(degrees[lying], length[lying])
    height, width = page.picture.shape[:2]
    matrix = _leveller(page.lines, (height, width))
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
    moved = cv2.perspectiveTransform(corners, matrix)[0]
    shift = float(np.abs(_similar(moved, corners[0])).max())
    if abs(tilt) < _LEAST_TILT_DEG and shift < 0.006 * max(height, width):
        return page
    low = moved.min(axis=0)
    size = np.ceil(moved.max(axis=0) - low)
    if not np.isfinite(moved).all() or size.max() > 2 * max(height, width):
        return page  # lines that lead to no page
    place = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ matrix
    paper = tuple(int(v) for v in np.percentile(page.picture.reshape(-1, 3)[::97], 90, axis=0))
    drawn = cv2.warpPerspective(
        page.picture,
        place,
        (int(size[0]), int(size[1])),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=paper,
    )
    return _look(np.asarray(drawn, np.uint8), place @ page.homography)


def _similar(moved: NDArray[np.float32], corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far corners moved apart from being shifted together."""
    shift = moved - corners
    return np.asarray(shift - shift.mean(axis=0))


def _leveller(lines: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float64]:
    """The homography that makes lines level: their vanishing point sent to infinity, then turned.

    In coordinates about the middle of the page, lines through one vanishing point have the slope
    a + b y, where y is where they cross the middle: `b` is undone by the projective term, `a`,
    the tilt that then remains, by a turn.
    """
    height, width = size
    top, bottom = (lines[:, 0] + lines[:, 3]) / 2, (lines[:, 1] + lines[:, 2]) / 2
    along = bottom - top
    long = (np.hypot(*along.T) > 2.5 * np.hypot(*(lines[:, 3] - lines[:, 0]).T)) & (
        np.abs(along[:, 1]) < 0.8 * np.abs(along[:, 0])
    )
    along, middle = along[long], ((top + bottom) / 2)[long]
    scale = max(height, width) / 2
    place = (middle - np.array([width / 2, height / 2])) / scale
    slope = along[:, 1] / along[:, 0]
    crossing = place[:, 1] - slope * place[:, 0]
    weight = np.sqrt(np.abs(along[:, 0]))
    design = np.stack([np.ones_like(slope), crossing], axis=1)
    keep = np.ones(slope.size, bool)
    fit = np.zeros(2)
    for _ in range(4):
        fit = np.linalg.lstsq(
            design[keep] * weight[keep, None], slope[keep] * weight[keep], rcond=None
        )[0]
        residual = np.abs(slope - design @ fit)
        limit = max(3 * float(np.median(residual[keep])), 0.003)
        if (residual <= limit).sum() < 5:
            break
        keep = residual <= limit
    a, b = float(fit[0]), float(fit[1])
    spread = float(np.ptp(crossing[keep])) if keep.any() else 0.0
    if keep.sum() < 12 or spread < 0.5 or abs(b) < 0.003:
        b = 0.0
    centre = np.array(
        [[1 / scale, 0, -width / 2 / scale], [0, 1 / scale, -height / 2 / scale], [0, 0, 1]]
    )
    project = np.array([[1.0, 0, 0], [0, 1, 0], [b, 0, 1]])
    angle = -np.arctan(a)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    return np.asarray(np.linalg.inv(centre) @ turn @ project @ centre)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


# --- which way up


def _right_way_up(page: Straightened) -> tuple[Straightened, bool]:
    """The page with its letters upright, and whether that could be decided.

    The longest lines are read; if they do not read well, they are read upside down as well and
    the better way wins.
    """
    picked = _telling_lines(page.lines)
    if not picked:
        return page, True
    strips = [cut(page.even[..., ::-1], page.lines[i]).picture for i in picked]
    upright = _legibility(strips)
    if upright >= _SURE:
        return page, True
    turned = _legibility([np.ascontiguousarray(s[::-1, ::-1]) for s in strips])
    sure = abs(turned - upright) > 0.1
    return (_rotated(page, 2) if turned > upright else page), sure


def _telling_lines(lines: NDArray[np.float32]) -> list[int]:
    """The tallest of the lines that are neither short nor very long."""
    width = np.hypot(*(lines[:, 1] - lines[:, 0]).T)
    height = np.hypot(*(lines[:, 3] - lines[:, 0]).T)
    ratio = width / np.maximum(height, 1e-6)
    fit = np.flatnonzero((ratio > 3) & (ratio < 16))
    return [int(i) for i in fit[np.argsort(-height[fit])][:_TRIED_LINES]]


def _legibility(strips: list[NDArray[np.uint8]]) -> float:
    """The median over lines of the mean confidence of their letters."""
    read = engine.read_lines(strips)
    return float(np.median([np.mean(g.confidences) if g.confidences else 0.0 for g in read]))
