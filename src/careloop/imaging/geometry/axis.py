"""The axis of a long bone, its midline, and profiles across it in mm.

Places are (y, x) in mm from the centre of the first pixel. Along the axis `t` grows from the upper
end of the image to the lower (left to right for a bone that lies); across it `s` grows from the
image's left to its right (from above to below for a bone that lies).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.imaging.geometry.bone import at_border, checked_spacing, one_bone, points_mm
from careloop.imaging.geometry.finding import BOWED, END_NOT_IN_VIEW, TOO_SHORT, refuse
from careloop.imaging.image import Mask
from careloop.records.finding import Finding

Line = NDArray[np.float64]

SLENDER = 1.5  # a bone is long when it is this many times longer than wide
BOWED_SHARE = 0.1  # RMS bow over diameter, above which a straight axis is doubtful


@dataclass(frozen=True, slots=True)
class Axis:
    """A straight axis: a point on it, its unit direction, and the stretch that lies in the bone."""

    point_mm: tuple[float, float]
    direction: tuple[float, float]
    start_mm: float
    end_mm: float
    start_in_view: bool = True
    end_in_view: bool = True

    @property
    def normal(self) -> tuple[float, float]:
        """The unit vector across: to the right, or downwards where the bone lies."""
        down, right = self.direction
        towards = down if abs(down) >= abs(right) else -right
        return (-right, down) if towards > 0 else (right, -down)

    @property
    def tilt_deg(self) -> float:
        """Angle with the image's columns, positive where the lower end points right, to 90."""
        turned = np.degrees(np.arctan2(self.direction[1], self.direction[0]))
        return float(90.0 - (90.0 - turned) % 180.0)

    @property
    def length_mm(self) -> float:
        """Length of the stretch in the bone."""
        return self.end_mm - self.start_mm

    def at(self, t_mm: float, s_mm: float = 0.0) -> tuple[float, float]:
        """The place (y, x) in mm at `t_mm` along and `s_mm` across."""
        (y, x), (dy, dx), (ny, nx) = self.point_mm, self.direction, self.normal
        return y + t_mm * dy + s_mm * ny, x + t_mm * dx + s_mm * nx

    def coordinates(self, points: Line) -> tuple[Line, Line]:
        """Distances along and across of places (y, x) in mm [n, 2]."""
        apart = points - np.asarray(self.point_mm)
        return apart @ np.asarray(self.direction), apart @ np.asarray(self.normal)


@dataclass(frozen=True, slots=True, eq=False)
class Midline:
    """The borders of a bone level by level: `first_mm` and `second_mm` across the axis at `t_mm`.

    `whole` tells the levels where neither border is the image's edge.
    """

    axis: Axis
    t_mm: Line
    first_mm: Line
    second_mm: Line
    whole: NDArray[np.bool_]

    @property
    def width_mm(self) -> Line:
        """Width of the bone at each level."""
        return self.second_mm - self.first_mm


@dataclass(frozen=True, slots=True)
class Shaft:
    """The shape of a long bone as its mask tells it."""

    shaft_diameter_mm: float
    shaft_minimum_diameter_mm: float
    bone_length_mm: float
    axis_tilt_deg: float
    axis_bow_mm: float
    axis: Axis
    findings: tuple[Finding, ...]

    def measurements(self) -> dict[str, float]:
        """The values under the keys of `feature.SHAFT`."""
        return {
            "shaft_diameter_mm": self.shaft_diameter_mm,
            "shaft_minimum_diameter_mm": self.shaft_minimum_diameter_mm,
            "bone_length_mm": self.bone_length_mm,
            "axis_tilt_deg": self.axis_tilt_deg,
            "axis_bow_mm": self.axis_bow_mm,
        }


def long_axis(
    mask: ArrayLike,
    *,
    spacing: tuple[float, float],
    within: tuple[float, float] = (0.1, 0.9),
) -> Axis:
    """The axis of a long bone: principal axis first, then the straight line of best midpoints.

    The principal axis of the pixels leans towards a flared end; the total least-squares line
    through the midpoints of the widths over the stretch `within` (shares of the length) does not.

    Raises
    ------
    NotMeasurable
        I421, I422 for the mask, I424 if the bone is less than 1.5 times longer than wide.

    Examples
    --------
    >>> import numpy as np
    >>> bone = np.zeros((60, 40), dtype=bool)
    >>> bone[:, 15:25] = True
    >>> axis = long_axis(bone, spacing=(0.5, 0.5))
    >>> round(axis.tilt_deg, 3), round(axis.at(0.0)[1], 2)
    (0.0, 9.75)
    """
    bone, _ = one_bone(mask)
    return midline(bone, spacing=spacing, within=within).axis


def midline(
    bone: Mask, *, spacing: tuple[float, float], within: tuple[float, float] = (0.1, 0.9)
) -> Midline:
    """The axis and the borders of one long bone at levels a pixel apart (see `long_axis`)."""
    spacing = checked_spacing(spacing)
    axis = _principal_axis(bone, spacing)
    line = levels(bone, axis, spacing=spacing)
    for _ in range(4):
        middle = (line.first_mm + line.second_mm) / 2.0
        share = (line.t_mm - axis.start_mm) / axis.length_mm
        used = line.whole & (share >= within[0]) & (share <= within[1]) & np.isfinite(middle)
        if np.count_nonzero(used) < 3:
            refuse(TOO_SHORT, where="mask", detail="fewer than 3 whole levels")
        points = np.array(
            [axis.at(t, s) for t, s in zip(line.t_mm[used], middle[used], strict=True)]
        )
        direction = _first_component(points)
        if direction @ np.asarray(axis.direction) < 0.0:  # at 45° the order of the ends is kept
            direction = -direction
        axis = _axis_through(bone, points.mean(axis=0), direction, spacing)
        line = levels(bone, axis, spacing=spacing)
    width = float(np.nanmedian(line.width_mm))
    if axis.length_mm < SLENDER * width:
        detail = f"{axis.length_mm:.1f} mm long, {width:.1f} mm wide"
        refuse(TOO_SHORT, where="mask", detail=detail)
    return line


def shaft(
    mask: ArrayLike, *, spacing: tuple[float, float], within: tuple[float, float] = (0.25, 0.75)
) -> Shaft:
    """Diameter, length in view, tilt and bow of a long bone from its mask.

    The diameter is the median width over the stretch `within` of the length in view, the smallest
    one the least mean width over 5 mm there.

    Raises
    ------
    NotMeasurable
        I421, I422 or I424, see `long_axis`.
    """
    bone, findings = one_bone(mask)
    line = midline(bone, spacing=spacing)
    share = (line.t_mm - line.axis.start_mm) / line.axis.length_mm
    used = line.whole & (share >= within[0]) & (share <= within[1])
    if np.count_nonzero(used) < 3:
        refuse(TOO_SHORT, where="mask", detail="the shaft is cut by the image's edge")
    width = line.width_mm[used]
    middle = (line.first_mm + line.second_mm)[used] / 2.0
    bow = float(np.sqrt(np.mean((middle - middle.mean()) ** 2)))
    diameter = float(np.median(width))
    if bow > BOWED_SHARE * diameter:
        findings.append(Finding(BOWED, "mask", detail=f"{bow:.2f} mm"))
    return Shaft(
        shaft_diameter_mm=diameter,
        shaft_minimum_diameter_mm=float(smoothed(width, line.t_mm, 5.0).min()),
        bone_length_mm=line.axis.length_mm,
        axis_tilt_deg=line.axis.tilt_deg,
        axis_bow_mm=bow,
        axis=line.axis,
        findings=(*findings, *ends(line.axis)),
    )


def ends(axis: Axis) -> list[Finding]:
    """A remark for each end of the bone that lies outside the image."""
    sides = (("first end", axis.start_in_view), ("second end", axis.end_in_view))
    return [Finding(END_NOT_IN_VIEW, name) for name, in_view in sides if not in_view]


def smoothed(values: Line, t_mm: Line, window_mm: float) -> Line:
    """Running means of values at even steps over `window_mm`, whole windows only."""
    step = float(np.median(np.diff(t_mm))) if len(t_mm) > 1 else window_mm
    count = max(1, min(len(values), round(window_mm / step)))
    means: Line = np.convolve(values, np.full(count, 1.0 / count), mode="valid")
    return means


def sample(image: ArrayLike, y_mm: Line, x_mm: Line, *, spacing: tuple[float, float]) -> Line:
    """Bilinear values of an image at places in mm; NaN outside the centres of its outer pixels."""
    pixels = np.asarray(image, dtype=float)
    row, column = np.broadcast_arrays(y_mm / spacing[0], x_mm / spacing[1])
    rows, columns = pixels.shape
    slack = 1e-9
    inside = (row >= -slack) & (row <= rows - 1 + slack)
    inside &= (column >= -slack) & (column <= columns - 1 + slack)
    top = np.clip(np.floor(row), 0, max(rows - 2, 0)).astype(np.intp)
    left = np.clip(np.floor(column), 0, max(columns - 2, 0)).astype(np.intp)
    down, right = np.clip(row - top, 0.0, 1.0), np.clip(column - left, 0.0, 1.0)
    below, beside = np.minimum(top + 1, rows - 1), np.minimum(left + 1, columns - 1)
    upper = pixels[top, left] * (1.0 - right) + pixels[top, beside] * right
    lower = pixels[below, left] * (1.0 - right) + pixels[below, beside] * right
    return np.where(inside, upper * (1.0 - down) + lower * down, np.nan)


def profiles(
    image: ArrayLike, axis: Axis, *, spacing: tuple[float, float], t_mm: Line, s_mm: Line
) -> Line:
    """Values across an axis: one row for each level `t_mm`, one column for each `s_mm`.

    Bilinear between pixel centres, NaN outside the image; spacing may differ between rows and
    columns.
    """
    (y, x), (dy, dx), (ny, nx) = axis.point_mm, axis.direction, axis.normal
    along, across = np.asarray(t_mm)[:, None], np.asarray(s_mm)[None, :]
    return sample(
        image, y + along * dy + across * ny, x + along * dx + across * nx, spacing=spacing
    )


def places_across(
    axis: Axis, low_mm: float, high_mm: float, *, spacing: tuple[float, float], parts: int
) -> Line:
    """Places across an axis from `low_mm` to `high_mm` or a little more, `parts` to a pixel.

    The first lies on a centre of pixels where the axis runs along rows or columns, so that there
    every `parts`-th place is a pixel's own value and not an interpolated one.
    """
    normal = np.abs(axis.normal)
    main = int(normal.argmax())
    pixel = spacing[main] / float(normal[main])
    centre = -axis.point_mm[main] / axis.normal[main]  # across, of the first pixel's centre
    first = centre + np.floor((low_mm - centre) / pixel) * pixel
    count = int(np.ceil((high_mm - first) / pixel)) * parts + 1
    places: Line = first + np.arange(count) * (pixel / parts)
    return places


def is_upright(axis: Axis) -> bool:
    """Whether the axis runs along rows or columns to within a degree."""
    return bool(min(abs(axis.normal[0]), abs(axis.normal[1])) < np.sin(np.radians(1.0)))


# --- how the axis is found


def _principal_axis(bone: Mask, spacing: tuple[float, float]) -> Axis:
    points = points_mm(bone, spacing=spacing)
    if len(points) < 3:
        refuse(TOO_SHORT, where="mask", detail=f"{len(points)} pixels")
    return _axis_through(bone, points.mean(axis=0), _first_component(points), spacing)


def _first_component(points: Line) -> Line:
    """The direction in which points spread most: downwards, or to the right if they lie."""
    apart = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(apart.T @ apart)
    direction: Line = vectors[:, -1]
    main = direction[0] if abs(direction[0]) >= abs(direction[1]) else direction[1]
    return direction if main > 0 else -direction


def _axis_through(bone: Mask, point: Line, direction: Line, spacing: tuple[float, float]) -> Axis:
    axis = Axis(
        (float(point[0]), float(point[1])), (float(direction[0]), float(direction[1])), 0.0, 0.0
    )
    along, _ = axis.coordinates(points_mm(bone, spacing=spacing))
    half = _pixel_along(axis.direction, spacing) / 2.0
    start, end = float(along.min()) - half, float(along.max()) + half
    border, _ = axis.coordinates(points_mm(at_border(bone), spacing=spacing))
    quarter = (end - start) / 4.0
    return Axis(
        axis.point_mm,
        axis.direction,
        start,
        end,
        start_in_view=not np.any(border < start + quarter),
        end_in_view=not np.any(border > end - quarter),
    )


def _pixel_along(direction: tuple[float, float], spacing: tuple[float, float]) -> float:
    """The size of a pixel in a direction: exact along rows and columns."""
    return float(np.hypot(direction[0] * spacing[0], direction[1] * spacing[1]))


def levels(bone: Mask, axis: Axis, *, spacing: tuple[float, float]) -> Midline:
    """The outer borders of the mask at levels one pixel apart, by linear interpolation."""
    pixel = min(spacing)
    _, across = axis.coordinates(points_mm(bone, spacing=spacing))
    reach = 2.0 * max(spacing)
    s = np.arange(across.min() - reach, across.max() + reach + pixel / 4.0, pixel / 4.0)
    count = max(3, round(axis.length_mm / pixel))
    t = axis.start_mm + (np.arange(count) + 0.5) * axis.length_mm / count
    padded = np.pad(bone.astype(float), 2)
    moved = (2.0 * spacing[0], 2.0 * spacing[1])
    shifted = Axis(
        (axis.point_mm[0] + moved[0], axis.point_mm[1] + moved[1]), axis.direction, 0.0, 0.0
    )
    value = np.nan_to_num(profiles(padded, shifted, spacing=spacing, t_mm=t, s_mm=s))
    inside = value >= 0.5
    hit = inside.any(axis=1)
    first = np.where(hit, inside.argmax(axis=1), 1)
    last = np.where(hit, len(s) - 1 - inside[:, ::-1].argmax(axis=1), len(s) - 2)
    low, high = _crossing(value, s, first, -1), _crossing(value, s, last, 1)
    low[~hit], high[~hit] = np.nan, np.nan
    whole = (
        hit
        & _away(axis, t, low, bone, spacing=spacing)
        & _away(axis, t, high, bone, spacing=spacing)
    )
    return Midline(axis, t, low, high, whole)


def _crossing(value: Line, s: Line, at: NDArray[np.intp], side: int) -> Line:
    """Where each profile falls through one half, next to the inner sample `at`."""
    rows = np.arange(len(value))
    beyond = np.clip(at + side, 0, len(s) - 1)
    inner, outer = value[rows, at], value[rows, beyond]
    share = np.divide(inner - 0.5, inner - outer, out=np.zeros_like(inner), where=inner > outer)
    crossed: Line = s[at] + share * (s[beyond] - s[at])
    return crossed


def _away(
    axis: Axis, t: Line, s: Line, bone: Mask, *, spacing: tuple[float, float]
) -> NDArray[np.bool_]:
    """Whether border points lie clear of the image's edge."""
    (y, x), (dy, dx), (ny, nx) = axis.point_mm, axis.direction, axis.normal
    rows, columns = (y + t * dy + s * ny) / spacing[0], (x + t * dx + s * nx) / spacing[1]
    clear = (rows > -0.25) & (rows < bone.shape[0] - 0.75)
    clear &= (columns > -0.25) & (columns < bone.shape[1] - 0.75)
    away: NDArray[np.bool_] = clear
    return away
