"""Angles of the distal radius from its mask: radial inclination, palmar tilt, ulnar variance.

Landmarks are corners of the outline. Seen along the shaft's axis, with its direction taken from the
stretch beyond the flare:

- styloid tip: the most distal point of the radius on a posterior–anterior view;
- ulnar corner of the articular surface: the point furthest in the direction 60° from distal towards
  ulnar, which a corner between the surface (about 20° from distal) and the ulnar border owns;
- dorsal and palmar rim on a lateral view: the points furthest at 45° between distal and dorsal or
  palmar;
- ulnar head: the most distal point of the radial half of the ulna, so that the styloid, which
  stands on the ulnar side, is left out.

Proven on drawn outlines only; a mask's rounding of corners moves an angle by about a degree at
0.5 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.imaging.geometry.axis import Axis, midline
from careloop.imaging.geometry.bone import (
    TOWARDS,
    Direction,
    checked_spacing,
    one_bone,
    outline_mm,
    points_mm,
)
from careloop.imaging.geometry.finding import LANDMARK_NOT_IN_VIEW, refuse
from careloop.imaging.image import Mask
from careloop.records.finding import Finding

Point = tuple[float, float]
Points = NDArray[np.float64]

FLARE_MM = 40.0  # the distal stretch left out of the axis
ULNAR_CORNER_DEG = 60.0
RIM_DEG = 45.0


@dataclass(frozen=True, slots=True)
class DistalRadius:
    """Angles and lengths on a posterior–anterior view; landmarks are (y, x) in mm.

    `radial_inclination_deg` is the angle between the line from styloid tip to ulnar corner and the
    perpendicular of the axis; `radial_height_mm` their distance along the axis;
    `ulnar_variance_mm` how much further distal the ulnar head lies than the ulnar corner, None
    without an ulna.
    """

    radial_inclination_deg: float
    radial_height_mm: float
    ulnar_variance_mm: float | None
    styloid_mm: Point
    ulnar_corner_mm: Point
    axis: Axis
    findings: tuple[Finding, ...]

    def measurements(self) -> dict[str, float]:
        """The values under the keys of `feature.DISTAL_RADIUS_ANGLE` that this view gives."""
        values = {
            "radial_inclination_deg": self.radial_inclination_deg,
            "radial_height_mm": self.radial_height_mm,
        }
        if self.ulnar_variance_mm is not None:
            values["ulnar_variance_mm"] = self.ulnar_variance_mm
        return values


@dataclass(frozen=True, slots=True)
class PalmarTilt:
    """Tilt of the articular surface on a lateral view, positive towards the palm."""

    palmar_tilt_deg: float
    dorsal_rim_mm: Point
    palmar_rim_mm: Point
    axis: Axis
    findings: tuple[Finding, ...]

    def measurements(self) -> dict[str, float]:
        """The value under its key of `feature.DISTAL_RADIUS_ANGLE`."""
        return {"palmar_tilt_deg": self.palmar_tilt_deg}


def distal_radius(
    radius: ArrayLike,
    *,
    spacing: tuple[float, float],
    distal: Direction,
    ulnar: Direction | None = None,
    ulna: ArrayLike | None = None,
) -> DistalRadius:
    """Radial inclination, radial height and ulnar variance on a posterior–anterior view.

    Parameters
    ----------
    radius
        Mask of the radius [y, x], carpal bones not in it.
    spacing
        mm between rows and between columns.
    distal, ulnar
        Where the hand and where the ulna lie in the image; `ulnar` follows from the ulna's mask.
    ulna
        Mask of the ulna [y, x].

    Raises
    ------
    NotMeasurable
        I421, I422, I424 for the masks; I428 if a landmark is not in view or the directions
        contradict the masks.
    ValueError
        If neither `ulnar` nor `ulna` is given.
    """
    spacing = checked_spacing(spacing)
    bone, findings = one_bone(radius)
    axis = _shaft_axis(bone, distal, spacing)
    along, away = _frame(axis, distal)
    neighbour = None if ulna is None else one_bone(ulna, shape=bone.shape)[0]
    across = _ulnar(axis, away, bone, ulna=neighbour, ulnar=ulnar, spacing=spacing)
    outline = outline_mm(bone, spacing=spacing)
    styloid = outline[(outline @ along).argmax()]
    middle = float(np.median(points_mm(bone, spacing=spacing) @ across))
    if styloid @ across >= middle:
        refuse(LANDMARK_NOT_IN_VIEW, where="radius", detail="styloid tip not on the radial side")
    corner = _corner(outline, along, across, ULNAR_CORNER_DEG)
    for name, place in (("styloid tip", styloid), ("ulnar corner", corner)):
        _in_view(bone, place, name, spacing)
    if not 0.0 < (styloid - corner) @ along < 2.0 * (corner - styloid) @ across:
        refuse(LANDMARK_NOT_IN_VIEW, where="radius", detail="ulnar corner of the surface")
    height = float((styloid - corner) @ along)
    return DistalRadius(
        radial_inclination_deg=float(np.degrees(np.arctan2(height, (corner - styloid) @ across))),
        radial_height_mm=height,
        ulnar_variance_mm=None
        if neighbour is None
        else _variance(neighbour, corner, along, across, spacing=spacing),
        styloid_mm=(float(styloid[0]), float(styloid[1])),
        ulnar_corner_mm=(float(corner[0]), float(corner[1])),
        axis=axis,
        findings=tuple(findings),
    )


def palmar_tilt(
    radius: ArrayLike, *, spacing: tuple[float, float], distal: Direction, palmar: Direction
) -> PalmarTilt:
    """Palmar tilt on a lateral view: the line of the rims against the perpendicular of the axis.

    Positive where the palmar rim lies more proximal than the dorsal one, negative for dorsal tilt.

    Raises
    ------
    NotMeasurable
        I421, I422, I424 for the mask; I428 if a rim is not in view.
    """
    spacing = checked_spacing(spacing)
    bone, findings = one_bone(radius)
    axis = _shaft_axis(bone, distal, spacing)
    along, away = _frame(axis, distal)
    across = _towards(away, palmar)
    outline = outline_mm(bone, spacing=spacing)
    palm = _corner(outline, along, across, RIM_DEG)
    back = _corner(outline, along, -across, RIM_DEG)
    for name, place in (("palmar rim", palm), ("dorsal rim", back)):
        _in_view(bone, place, name, spacing)
    depth = float((palm - back) @ across)
    if depth <= 0.0:
        refuse(LANDMARK_NOT_IN_VIEW, where="radius", detail="rims of the articular surface")
    return PalmarTilt(
        palmar_tilt_deg=float(np.degrees(np.arctan2((back - palm) @ along, depth))),
        dorsal_rim_mm=(float(back[0]), float(back[1])),
        palmar_rim_mm=(float(palm[0]), float(palm[1])),
        axis=axis,
        findings=tuple(findings),
    )


def _shaft_axis(bone: Mask, distal: Direction, spacing: tuple[float, float]) -> Axis:
    """The axis of the radius from the stretch proximal of the flare."""
    rough = midline(bone, spacing=spacing).axis
    downwards = float(np.dot(rough.direction, TOWARDS[distal]))
    if abs(downwards) < np.cos(np.radians(50.0)):
        refuse(LANDMARK_NOT_IN_VIEW, where="radius", detail=f"the bone does not point {distal}")
    if not (rough.end_in_view if downwards > 0 else rough.start_in_view):
        refuse(LANDMARK_NOT_IN_VIEW, where="radius", detail="the distal end is cut")
    flare = min(FLARE_MM / rough.length_mm, 0.5)
    within = (0.05, 1.0 - flare) if downwards > 0 else (flare, 0.95)
    return midline(bone, spacing=spacing, within=within).axis


def _frame(axis: Axis, distal: Direction) -> tuple[Points, Points]:
    """Unit vectors (y, x): distally along the axis, and across it either way."""
    along = np.asarray(axis.direction)
    if float(along @ np.asarray(TOWARDS[distal])) < 0.0:
        along = -along
    return along, np.asarray(axis.normal)


def _towards(across: Points, direction: Direction) -> Points:
    """The vector across the axis that points in a direction of the image."""
    share = float(across @ np.asarray(TOWARDS[direction]))
    if abs(share) < 0.5:
        refuse(LANDMARK_NOT_IN_VIEW, where="radius", detail=f"{direction} runs along the bone")
    return across if share > 0 else -across


def _ulnar(
    axis: Axis,
    away: Points,
    bone: Mask,
    *,
    ulna: Mask | None,
    ulnar: Direction | None,
    spacing: tuple[float, float],
) -> Points:
    """The unit vector across the axis towards the ulna, from its mask or as told."""
    told = None if ulnar is None else _towards(away, ulnar)
    if ulna is None:
        if told is None:
            raise ValueError("give the ulna's mask or the direction `ulnar`")
        return told
    apart = points_mm(ulna, spacing=spacing).mean(axis=0) - np.asarray(axis.point_mm)
    seen = away if apart @ away > 0 else -away
    if (ulna & bone).any():
        refuse(LANDMARK_NOT_IN_VIEW, where="ulna", detail="the masks overlap")
    if told is not None and told @ seen < 0:
        refuse(LANDMARK_NOT_IN_VIEW, where="ulna", detail=f"the ulna does not lie {ulnar}")
    return seen


def _corner(outline: Points, along: Points, across: Points, degrees: float) -> Points:
    """The outline's point furthest in a direction between distal and across."""
    direction = np.cos(np.radians(degrees)) * along + np.sin(np.radians(degrees)) * across
    corner: Points = outline[(outline @ direction).argmax()]
    return corner


def _in_view(bone: Mask, place: Points, name: str, spacing: tuple[float, float]) -> None:
    """Refuse a landmark within a pixel and a half of the image's edge."""
    index = place / np.asarray(spacing)
    inner = np.asarray(bone.shape) - 1.0
    if (index < 1.0).any() or (index > inner - 1.0).any():
        refuse(LANDMARK_NOT_IN_VIEW, where="radius", detail=name)


def _variance(
    ulna: Mask, corner: Points, along: Points, across: Points, *, spacing: tuple[float, float]
) -> float:
    """How far the ulnar head lies distal of the radius' ulnar corner, in mm."""
    outline = outline_mm(ulna, spacing=spacing)
    depth = outline @ along
    end = outline[depth >= depth.max() - 10.0]
    middle = (float((end @ across).max()) + float((end @ across).min())) / 2.0
    head = end[end @ across <= middle]
    top = head[(head @ along).argmax()]
    _in_view(ulna, top, "ulnar head", spacing)
    _in_view(ulna, outline[depth.argmax()], "ulnar styloid", spacing)
    return float((top - corner) @ along)
