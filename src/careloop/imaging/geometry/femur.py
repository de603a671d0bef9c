"""The proximal femur on its mask: shaft, head and neck axis.

The shaft's axis is the line of midpoints over the even stretch at the distal end. The head is the
circle through the medial-proximal outline about the deepest point far from the shaft. The neck's
axis goes through the head's centre and the middle of the narrowest chord perpendicular to itself,
as on radiographs (centre of rotation and waist of the neck). What does not fit this picture is
refused, not guessed.

Proven on a synthetic femur only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.imaging.geometry.axis import Axis, levels, sample, smoothed
from careloop.imaging.geometry.bone import (
    TOWARDS,
    Direction,
    checked_mask,
    checked_spacing,
    one_bone,
    outline_mm,
    points_mm,
)
from careloop.imaging.geometry.finding import NO_NECK, refuse
from careloop.imaging.geometry.hip_section import run_about_axis
from careloop.imaging.image import Mask
from careloop.records.finding import Finding

Point = NDArray[np.float64]

SHAFT_LEAST_MM = 20.0  # even shaft that must be in view
SHAFT_EVENNESS = 0.12  # of the width
ANGLES_DEG = np.arange(95.0, 166.0, 2.0)  # neck–shaft angles that are tried
COARSE_MM = 1.0  # steps along the neck in the first search
REACH_IN_RADII = 2.0  # of the head: longer half-chords are no neck
WINDOW_MM = 3.0  # running mean of widths, against the steps of the mask's outline
WAIST_SHARES = (0.4, 0.95)  # of the head's diameter: outside, what was found is no neck
ROUNDNESS = 0.05  # RMS distance of the outline from the head's circle, over its radius


@dataclass(frozen=True, slots=True)
class FemurAxes:
    """Axes and sizes of a proximal femur; places are (y, x) in mm from the first pixel's centre.

    `neck` counts from the crossing of the two axes towards the head, `shaft` from there distally.
    """

    shaft: Axis
    neck: Axis
    crossing_mm: tuple[float, float]
    head_mm: tuple[float, float]
    head_diameter_mm: float
    neck_shaft_deg: float
    narrow_neck_at_mm: float  # along `neck`
    narrow_neck_width_mm: float
    neck_axis_length_mm: float
    hip_axis_length_mm: float | None  # None where the pelvis' mask was not given
    findings: tuple[Finding, ...]

    def measurements(self) -> dict[str, float]:
        """The values under the keys of `feature.HIP_AXIS`; hip axis length only where known."""
        values = {
            "neck_shaft_angle_deg": self.neck_shaft_deg,
            "narrow_neck_width_mm": self.narrow_neck_width_mm,
            "femoral_head_diameter_mm": self.head_diameter_mm,
            "femoral_neck_axis_length_mm": self.neck_axis_length_mm,
        }
        if self.hip_axis_length_mm is not None:
            values["hip_axis_length_mm"] = self.hip_axis_length_mm
        return values


def femur_axes(
    mask: ArrayLike,
    *,
    spacing: tuple[float, float],
    distal: Direction = "down",
    pelvis: ArrayLike | None = None,
) -> FemurAxes:
    """Neck–shaft angle, head, narrowest neck and axis lengths of a proximal femur from its mask.

    Femoral neck axis length runs along the neck's axis from the lateral border below the greater
    trochanter to the medial border of the head; hip axis length on to the far border of the
    pelvis, which needs the pelvis' mask.

    Raises
    ------
    NotMeasurable
        I421, I422 for the mask; I432 where shaft, head or neck cannot be told.

    Reference
    ---------
    Boese CK et al., Biomed Res Int 2016;8645027: neck axis through centre of rotation and waist.
    Faulkner KG et al., J Bone Miner Res 1993;8:1211: hip axis length, trochanter to inner pelvis.
    """
    spacing = checked_spacing(spacing)
    bone, findings = one_bone(mask)
    shaft = _shaft_axis(bone, distal, spacing)
    outline = outline_mm(bone, spacing=spacing)
    medial = _medial_sign(shaft, outline)
    head, radius = _head(bone, shaft, outline, medial=medial, spacing=spacing)
    neck, at, width = _neck(bone, shaft, head, radius, medial=medial, spacing=spacing)
    lateral, far = _ends(bone, neck, spacing)
    axis_length = None
    if pelvis is not None:
        hip = checked_mask(pelvis, shape=bone.shape)
        axis_length = _far_border(hip, neck, far, spacing) - lateral
    cosine = float(np.dot(neck.direction, shaft.direction))
    below = float(Axis(neck.point_mm, shaft.direction, 0.0, 0.0).coordinates(outline)[0].max())
    return FemurAxes(
        shaft=Axis(neck.point_mm, shaft.direction, 0.0, below),
        neck=Axis(neck.point_mm, neck.direction, lateral, far),
        crossing_mm=neck.point_mm,
        head_mm=(float(head[0]), float(head[1])),
        head_diameter_mm=2.0 * radius,
        neck_shaft_deg=float(np.degrees(np.arccos(cosine))),
        narrow_neck_at_mm=at,
        narrow_neck_width_mm=width,
        neck_axis_length_mm=far - lateral,
        hip_axis_length_mm=axis_length,
        findings=tuple(findings),
    )


# --- shaft and head


def _shaft_axis(bone: Mask, distal: Direction, spacing: tuple[float, float]) -> Axis:
    """The line of midpoints over the even stretch at the distal end, pointing distally."""
    points = points_mm(bone, spacing=spacing)
    down = np.abs(np.asarray(TOWARDS[distal]))
    along = points @ down
    centre = points.mean(axis=0)
    zero = float(centre @ down)
    rough = Axis(
        (float(centre[0]), float(centre[1])),
        (float(down[0]), float(down[1])),
        float(along.min()) - zero,
        float(along.max()) - zero,
    )
    line = levels(bone, rough, spacing=spacing)
    sign = float(np.dot(TOWARDS[distal], down))
    order = np.argsort(-sign * line.t_mm)
    depth = np.abs(line.t_mm[order] - line.t_mm[order][0])
    width = np.where(line.whole, line.width_mm, np.nan)[order]
    first = (depth >= 5.0) & (depth <= SHAFT_LEAST_MM)
    usual = float(np.nanmedian(width[first])) if np.isfinite(width[first]).any() else np.nan
    even = np.abs(width - usual) <= SHAFT_EVENNESS * usual
    begin = int(np.argmax(even & (depth >= 2.0)))
    stop = begin + int(np.argmin(np.append(even[begin:], False)))
    if not np.isfinite(usual) or depth[max(stop - 1, begin)] - depth[begin] < SHAFT_LEAST_MM:
        refuse(NO_NECK, where="mask", detail=f"under {SHAFT_LEAST_MM:g} mm of even shaft")
    used = order[begin:stop]
    middle = (line.first_mm[used] + line.second_mm[used]) / 2.0
    slope, offset = np.polyfit(line.t_mm[used], middle, 1)
    direction = sign * (np.asarray(rough.direction) + slope * np.asarray(rough.normal))
    direction /= np.linalg.norm(direction)
    y, x = rough.at(0.0, float(offset))
    return Axis((y, x), (float(direction[0]), float(direction[1])), 0.0, 0.0)


def _medial_sign(shaft: Axis, outline: Point) -> float:
    """The side of the shaft, +1 along its normal, on which the bone reaches further."""
    _, across = shaft.coordinates(outline)
    right, left = float(across.max()), float(-across.min())
    if max(right, left) < 1.3 * min(right, left):
        refuse(NO_NECK, where="mask", detail="the head cannot be told from the trochanter")
    return 1.0 if right > left else -1.0


def _head(
    bone: Mask, shaft: Axis, outline: Point, *, medial: float, spacing: tuple[float, float]
) -> tuple[Point, float]:
    """Centre and radius of the head: deepest point far from the shaft, then a circle's fit."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(bone, 1), sampling=spacing)[1:-1, 1:-1]
    points = points_mm(bone, spacing=spacing)
    _, across = shaft.coordinates(points)
    reach = float((medial * across).max())
    far = medial * across >= 0.5 * reach
    deep = np.where(far, depth[bone], 0.0)
    centre, radius = points[deep.argmax()], float(deep.max())
    if (medial * across)[deep.argmax()] < 0.5 * reach + 2.0 * max(spacing):
        refuse(NO_NECK, where="mask", detail="no round head away from the shaft")
    outwards = medial * np.asarray(shaft.normal) - 0.5 * np.asarray(shaft.direction)
    for _ in range(3):
        apart = outline - centre
        distance = np.linalg.norm(apart, axis=1)
        facing = apart @ outwards > 0.0
        near = facing & (np.abs(distance - radius) < 0.15 * radius)
        if np.count_nonzero(near) < 10:
            refuse(NO_NECK, where="mask", detail="the head's outline is not round")
        design = np.column_stack([2.0 * outline[near], np.ones(np.count_nonzero(near))])
        answer, *_ = np.linalg.lstsq(design, (outline[near] ** 2).sum(axis=1), rcond=None)
        centre, radius = answer[:2], float(np.sqrt(answer[2] + answer[:2] @ answer[:2]))
    distance = np.linalg.norm(outline[near] - centre, axis=1)
    if np.sqrt(np.mean((distance - radius) ** 2)) > ROUNDNESS * radius:
        refuse(NO_NECK, where="mask", detail="the head's outline is not round")
    return centre, radius


# --- neck


def _neck(
    bone: Mask,
    shaft: Axis,
    head: Point,
    radius: float,
    *,
    medial: float,
    spacing: tuple[float, float],
) -> tuple[Axis, float, float]:
    """The neck's axis from the crossing to the head, its narrowest place and width there."""
    down = np.asarray(shaft.direction)
    inwards = medial * np.asarray(shaft.normal)
    best: tuple[float, Point] | None = None
    for degrees in ANGLES_DEG:
        direction = np.cos(np.radians(degrees)) * down + np.sin(np.radians(degrees)) * inwards
        found = _waist(
            bone, shaft, head, radius, direction=direction, spacing=spacing, step=COARSE_MM
        )
        if found is not None and (best is None or found[0] < best[0]):
            best = (found[0], direction)
    if best is None:
        refuse(NO_NECK, where="mask", detail="no waist between head and shaft")
    direction, fine = best[1], min(spacing) / 2.0
    for _ in range(5):
        found = _waist(bone, shaft, head, radius, direction=direction, spacing=spacing, step=fine)
        if found is None:
            refuse(NO_NECK, where="mask", detail="no waist between head and shaft")
        width, back, offset, normal = found
        towards_head = back * direction - offset * np.asarray(normal)
        direction = towards_head / np.linalg.norm(towards_head)
    found = _waist(bone, shaft, head, radius, direction=direction, spacing=spacing, step=fine)
    if found is None:
        refuse(NO_NECK, where="mask", detail="no waist between head and shaft")
    if not WAIST_SHARES[0] <= found[0] / (2.0 * radius) <= WAIST_SHARES[1]:
        detail = f"waist {found[0]:.1f} mm, head {2.0 * radius:.1f} mm: no neck"
        refuse(NO_NECK, where="mask", detail=detail)
    width, back = found[:2]
    length = _to_shaft(shaft, head, direction)
    crossing = head - length * direction
    axis = Axis(
        (float(crossing[0]), float(crossing[1])),
        (float(direction[0]), float(direction[1])),
        0.0,
        length,
    )
    return axis, length - back, width


def _waist(
    bone: Mask,
    shaft: Axis,
    head: Point,
    radius: float,
    *,
    direction: Point,
    spacing: tuple[float, float],
    step: float,
) -> tuple[float, float, float, tuple[float, float]] | None:
    """Narrowest width on the way from head to shaft: width, distance from the head, offset, normal.

    None where the way leaves the bone or the width has no least value between its ends.
    """
    length = _to_shaft(shaft, head, direction)
    if not radius < length < 6.0 * radius:
        return None
    axis = Axis(
        (float(head[0]), float(head[1])), (float(direction[0]), float(direction[1])), 0.0, 0.0
    )
    back = np.arange(0.6 * radius, length, step)
    y, x = (np.asarray([axis.at(-t)[side] for t in back]) for side in (0, 1))
    if not (sample(bone, y, x, spacing=spacing) >= 0.5).all():
        return None
    first, second = run_about_axis(
        bone, axis, spacing=spacing, t_mm=-back, reach_mm=REACH_IN_RADII * radius
    )
    width = np.nan_to_num(second - first, nan=np.inf)
    means = smoothed(width, back, WINDOW_MM)
    places = smoothed(back, back, WINDOW_MM)
    least = int(means.argmin())
    if least in {0, len(means) - 1}:
        return None
    flat = np.flatnonzero(means <= means[least] + 0.25 * step)
    run = flat[np.abs(flat - least) * step <= 2.0 * WINDOW_MM]
    middle = smoothed((first + second) / 2.0, back, WINDOW_MM)
    at = int(np.round(run.mean()))
    if not np.isfinite(middle[at]):
        return None
    return float(means[least]), float(places[at]), float(middle[at]), axis.normal


def _to_shaft(shaft: Axis, head: Point, direction: Point) -> float:
    """How far back along a direction from the head the shaft's axis is met (≤ 0: never)."""
    normal = np.asarray(shaft.normal)
    closing = float(direction @ normal)
    if abs(closing) < 1e-6:
        return 0.0
    return float((head - np.asarray(shaft.point_mm)) @ normal) / closing


def _ends(bone: Mask, neck: Axis, spacing: tuple[float, float]) -> tuple[float, float]:
    """Where the neck's axis leaves the bone laterally and medially, along the axis."""
    found = []
    step = min(spacing) / 8.0
    for sign in (-1.0, 1.0):
        start = 0.0 if sign < 0 else neck.end_mm
        t = start + sign * np.arange(0.0, 200.0, step)
        (y, x), (dy, dx) = neck.point_mm, neck.direction
        value = sample(np.pad(bone, 1), y + spacing[0] + t * dy, x + spacing[1] + t * dx,
                       spacing=spacing)  # fmt: skip
        outside = np.flatnonzero(~(value >= 0.5))
        if not outside.size or np.isnan(value[outside[0]]):
            refuse(NO_NECK, where="mask", detail="the neck's axis leaves the image in the bone")
        found.append(float(t[outside[0]]) - sign * step / 2.0)
    return found[0], found[1]


def _far_border(pelvis: Mask, neck: Axis, far: float, spacing: tuple[float, float]) -> float:
    """Where the axis leaves the first piece of pelvis that it meets beyond the head."""
    step = min(spacing) / 8.0
    t = far - 5.0 + np.arange(0.0, 100.0, step)
    (y, x), (dy, dx) = neck.point_mm, neck.direction
    value = sample(pelvis, y + t * dy, x + t * dx, spacing=spacing)
    marked = np.flatnonzero(value >= 0.5)
    if not marked.size:
        refuse(NO_NECK, where="pelvis", detail="the neck's axis does not meet the pelvis")
    gap = np.flatnonzero(~(value[marked[0] :] >= 0.5))
    if not gap.size or np.isnan(value[marked[0] + gap[0]]):
        refuse(NO_NECK, where="pelvis", detail="the inner border of the pelvis is not in view")
    return float(t[marked[0] + gap[0]]) - step / 2.0
