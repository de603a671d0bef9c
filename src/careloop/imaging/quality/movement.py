"""Did the arm move between the lines of a scan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.quality.limit import limit
from careloop.imaging.quality.outcome import Check, box, failed, not_checked, passed
from careloop.imaging.quality.scene import Scene
from careloop.imaging.regions import RADIUS, ULNA
from careloop.records.finding import declare

MOTION = declare(
    "I320",
    "error",
    zh="扫描线之间有横向跳动，可能为体动",
    en="lines of the scan jump sideways: the arm has probably moved",
    remedy_zh="请受检者保持不动，重新扫描",
    remedy_en="ask the person to keep still and scan again",
)

Floats = NDArray[np.float64]

_ROWS = 3  # lines averaged on either side of a seam
_REACH_MM = 8.0


def motion(scene: Scene) -> Check:
    """No line is displaced sideways against the line above by more than the limit.

    At each seam the mean of three lines above is moved over the mean of three lines below until
    they differ least. A jump is motion if it exceeds the steady slope of the arm and explains
    the difference; a change of anatomy is not undone by a shift. Movement along the scan's
    direction, and blur within one exposure, are not seen.
    """
    key = "motion"
    if scene.kind not in {"bmd_map", "dxa_picture"}:
        return not_checked(key, "only scans taken line after line show motion from line to line")
    if scene.pixels.shape[0] < 8 * _ROWS or scene.pixels.shape[1] < 16:
        return not_checked(key, "the picture is too small")
    shifts, remaining, strength = line_shifts(scene.filled, reach_px=_reach(scene))
    if scene.labels is not None:  # fingers and carpal bones look like jumps
        bones = ((scene.labels == RADIUS) | (scene.labels == ULNA)).any(axis=1)
        strength = strength & bones[: strength.size] & bones[2 * _ROWS - 1 :]
    jump = np.abs(shifts - np.median(shifts)) * scene.spacing_mm[1]
    sure = (remaining < limit("motion_residual")) & strength
    worst = float(jump[sure].max(initial=0.0))
    if worst > limit("motion_jump_mm"):
        row = int(np.flatnonzero(sure)[jump[sure].argmax()]) + _ROWS
        where = box((row - _ROWS, row + _ROWS), (0, scene.pixels.shape[1]))
        detail = f"{worst:.1f} mm at line {row}"
        return failed(key, MOTION, where=where, detail=detail, jump_mm=worst, line=float(row))
    return passed(key, jump_mm=worst)


def line_shifts(pixels: Floats, *, reach_px: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """For each seam between lines: shift in px, share of the difference left, and if it is strong.

    Seam i lies between lines i + 2 and i + 3. The median over all seams of the smallest difference
    is what noise makes. A difference is strong where it exceeds four times that unmoved, falls
    below three times that (or to a fifth) moved, and is least within the reach, not at its end.
    """
    running = np.cumsum(np.vstack([np.zeros(pixels.shape[1]), pixels]), axis=0)
    means = (running[_ROWS:] - running[:-_ROWS]) / _ROWS
    above, below = means[:-_ROWS], means[_ROWS:]
    middle = slice(reach_px, pixels.shape[1] - reach_px)
    steps = range(-reach_px, reach_px + 1)
    costs = np.stack(
        [
            ((below[:, middle] - above[:, middle.start - k : middle.stop - k]) ** 2).mean(axis=1)
            for k in steps
        ],
        axis=1,
    )
    best = costs.argmin(axis=1)
    lowest = costs[np.arange(best.size), best]
    still = costs[:, reach_px]
    shifts = best - reach_px + _vertex(costs, best)
    remaining = np.divide(lowest, still, out=np.ones_like(still), where=still > 0)
    floor = max(float(np.median(lowest)), 1e-12 * float(np.ptp(pixels)) ** 2)
    within = (best > 0) & (best < 2 * reach_px)
    # A shift by a part of a pixel leaves more than noise where there is little noise.
    explained = (lowest < 3 * floor) | (remaining < limit("motion_residual") / 2)
    return shifts, remaining, np.asarray((still > 4 * floor) & explained & within)


def _vertex(costs: Floats, best: NDArray[Any]) -> Floats:
    """Subpixel place of each minimum by the parabola through its neighbours."""
    rows = np.arange(best.size)
    inner = np.clip(best, 1, costs.shape[1] - 2)
    left, centre, right = (costs[rows, inner + k] for k in (-1, 0, 1))
    curve = left - 2 * centre + right
    place = np.divide(left - right, 2 * curve, out=np.zeros_like(curve), where=curve > 0)
    return np.where(best == inner, np.clip(place, -0.5, 0.5), 0.0)


def _reach(scene: Scene) -> int:
    wide = scene.pixels.shape[1] // 4
    return int(max(2, min(round(_REACH_MM / scene.spacing_mm[1]), wide)))
