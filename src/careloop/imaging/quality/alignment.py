"""Does the forearm lie straight, and is it the arm and the way round that was declared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError
from careloop.imaging.image import Mask
from careloop.imaging.quality.limit import limit
from careloop.imaging.quality.outcome import Check, failed, not_checked, passed
from careloop.imaging.quality.scene import FOREARM, Scene
from careloop.imaging.regions import RADIUS, ULNA, Labels, find_distal
from careloop.records.finding import declare

ROTATED = declare(
    "I310",
    "error",
    zh="前臂摆放倾斜",
    en="the forearm lies obliquely",
    remedy_zh="摆正前臂后重新扫描；或先做旋转校正再测量",
    remedy_en="straighten the arm and scan again; or turn the image before measuring",
)
WRONG_SIDE = declare(
    "I311",
    "error",
    zh="桡骨位置与所申报的侧别不符：图像可能镜像，或左右标错",
    en="the radius lies on the wrong side: the image is mirrored or the arm is mislabelled",
    remedy_zh="核对检查的是哪一侧前臂，改正标注或图像方向",
    remedy_en="check which arm was scanned; correct the label or the image's orientation",
)
SIDES_CONTRADICT = declare(
    "I312",
    "error",
    zh="图像记录的侧别与所申报的侧别矛盾",
    en="the side in the image's file contradicts the side that was declared",
    remedy_zh="核对检查的是哪一侧前臂",
    remedy_en="check which arm was scanned",
)

_COARSE_DEG = 30.0
_LONG_MM = 40.0


def rotation(scene: Scene) -> Check:
    """The angle between the bones' axis and the picture's vertical is within the limit."""
    key = "rotation"
    if scene.site != FOREARM:
        return not_checked(key, f"an axis is defined for the forearm, not for {scene.site!r}")
    bone = scene.outline if scene.labels is None else _shafts(scene.labels)
    angle = None if bone is None else bone_angle(bone, spacing_mm=scene.spacing_mm)
    if angle is None:
        return not_checked(key, "no outline of a long bone, or one that the picture's sides cut")
    if abs(angle) > limit("rotation_deg"):
        detail = f"{angle:+.1f}° (clockwise positive), limit {limit('rotation_deg'):g}°"
        return failed(key, ROTATED, where="radius and ulna", detail=detail, rotation_deg=angle)
    return passed(key, rotation_deg=angle)


def bone_angle(bone: Mask, *, spacing_mm: tuple[float, float]) -> float | None:
    """Degrees from the vertical to the axis of a long bone or pair of bones, clockwise positive.

    A line through the middles of the bones by Theil and Sen, which ends and bowing hardly move.
    Only the shaft counts: rows as wide as most (within 10 % of the median). Rows that reach the
    picture's side are left out, and where two bones run side by side so are rows with only one.
    Steeper than 30° the main axis of the outline is taken. None where the mask is not of a long
    bone (40 mm, twice as long as wide, unless two run side by side), or where the picture's sides
    cut most of it: a region of interest has no axis.

    Examples
    --------
    >>> import numpy as np
    >>> bone = np.zeros((60, 60), bool)
    >>> for row in range(60):
    ...     bone[row, 20 + row // 4 : 30 + row // 4] = True
    >>> angle = bone_angle(bone, spacing_mm=(1.0, 1.0))
    >>> round(angle)  # tan 14° = 1/4, the lower end to the right
    -14
    """
    main = _main_axis(bone, spacing_mm)
    if main is None or abs(main) > _COARSE_DEG:
        return main
    edges = np.diff(bone.astype(np.int8), axis=1, prepend=0, append=0)
    runs = (edges > 0).sum(axis=1)
    free = (runs > 0) & ~bone[:, 0] & ~bone[:, -1]
    paired = free & (runs == 2)
    if paired.sum() * spacing_mm[0] >= 30:
        free = paired
    rows = np.flatnonzero(free)
    if rows.size == 0 or rows.size < 0.5 * (runs > 0).sum():
        return None
    wide = bone.shape[1] - bone[rows, ::-1].argmax(axis=1) - bone[rows].argmax(axis=1)
    rows = rows[np.abs(wide - np.median(wide)) <= 0.1 * np.median(wide) + 1]
    # The mean of the middles of the runs: a bone that widens on both sides does not move it.
    middles = np.abs(edges[rows]) @ np.arange(bone.shape[1] + 1) / (2 * runs[rows])
    if rows.size < 3 or np.ptp(rows) * spacing_mm[0] < 10:
        return None
    y, x = rows * spacing_mm[0], middles * spacing_mm[1]
    # Pairs far apart (a third of the length or more) tell the slope; near ones only noise.
    lag = np.arange(rows.size // 3, rows.size)
    step = max(1, rows.size // 60)
    slopes = [(x[k:] - x[:-k]) / (y[k:] - y[:-k]) for k in lag[::step] if k > 0]
    return float(-np.degrees(np.arctan(np.median(np.concatenate(slopes)))))


def side(scene: Scene) -> Check:
    """The radius lies where the declared side has it, palm down, and the declarations agree.

    Devices scan the forearm palm down: with the hand up, a left radius is on the picture's right
    (GE iDXA report page); the hand down is the same turned by 180° (Hologic report page). A
    mirrored image breaks this, a turned one does not.
    """
    key = "side"
    declared = scene.expected_side or scene.image.side
    if scene.expected_side and scene.image.side and scene.expected_side != scene.image.side:
        detail = f"file: {scene.image.side}, declared: {scene.expected_side}"
        return failed(key, SIDES_CONTRADICT, where="side", detail=detail)
    seen, why = _seen(scene)
    if not declared or seen is None:
        return not_checked(key, why if declared else "no side was declared")
    if seen != declared:
        detail = f"looks {seen}, declared {declared}"
        return failed(key, WRONG_SIDE, where="radius", detail=detail)
    return passed(key)


def _seen(scene: Scene) -> tuple[str | None, str]:
    """The side a scan shows, or why it cannot be told."""
    if scene.site != FOREARM or scene.labels is None:
        return None, "radius and ulna were not labelled and could not be told apart"
    if scene.kind not in {"bmd_map", "dxa_picture"}:
        return None, "whether the palm was down is only known of DXA scans"
    seen = seen_side(scene.labels, spacing_mm=scene.spacing_mm)
    return seen, "which end is the hand cannot be told"


def seen_side(labels: Labels, *, spacing_mm: tuple[float, float]) -> str | None:
    """Which forearm the picture shows if it lies palm down; None where it cannot be told."""
    both = (labels == RADIUS).any() and (labels == ULNA).any()
    if not both:
        return None
    try:
        up = find_distal(labels, spacing_mm=spacing_mm) == "up"
    except InputError:
        return None
    right = np.nonzero(labels == RADIUS)[1].mean() > np.nonzero(labels == ULNA)[1].mean()
    return "left" if up == bool(right) else "right"


def _shafts(labels: Labels) -> Mask:
    return np.asarray((labels == RADIUS) | (labels == ULNA))


def _main_axis(bone: Mask, spacing_mm: tuple[float, float]) -> float | None:
    """Angle of a long outline's main axis, -90 to 90; None where it is not long."""
    rows, columns = np.nonzero(bone)
    if rows.size < 10:
        return None
    points: NDArray[np.float64] = np.stack([rows * spacing_mm[0], columns * spacing_mm[1]])
    values, vectors = np.linalg.eigh(np.cov(points))
    wide, long = np.sqrt(np.maximum(values, 0))
    runs = (np.diff(bone.astype(np.int8), axis=1, prepend=0) > 0).sum(axis=1)
    pair = (runs == 2).sum() >= 0.5 * (runs > 0).sum()
    # A uniform bar of length L has a standard deviation of L / √12.
    if long * np.sqrt(12) < _LONG_MM or long < (1.2 if pair else 2.0) * wide:
        return None
    y, x = vectors[:, 1]
    if y < 0 or (y == 0 and x > 0):
        y, x = -y, -x
    return float(-np.degrees(np.arctan2(x, y)))
