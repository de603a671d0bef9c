"""Cortical thickness of the distal radius at two levels of a posterior–anterior view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from careloop.imaging.geometry.axis import Midline, midline
from careloop.imaging.geometry.bone import (
    Direction,
    checked_spacing,
    one_bone,
    outline_mm,
    towards,
)
from careloop.imaging.geometry.constant import DISTAL_RADIUS_LEVELS
from careloop.imaging.geometry.edge import Method
from careloop.imaging.geometry.finding import LEVEL_NOT_IN_VIEW, refuse
from careloop.imaging.geometry.radiogrammetry import Radiogrammetry, measured_band
from careloop.imaging.image import Mask
from careloop.records.finding import Finding


@dataclass(frozen=True, slots=True)
class DistalRadiusThickness:
    """Bicortical thickness of the distal radius at two levels."""

    distal: Radiogrammetry
    proximal: Radiogrammetry

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The remarks of both levels."""
        return tuple(dict.fromkeys((*self.distal.findings, *self.proximal.findings)))

    def measurements(self) -> dict[str, float]:
        """The values under the keys of `feature.DISTAL_RADIUS_THICKNESS`."""
        distal = self.distal.combined_cortical_thickness_mm
        proximal = self.proximal.combined_cortical_thickness_mm
        return {
            "distal_radius_cortical_thickness_mm": (distal + proximal) / 2.0,
            "distal_radius_cortical_thickness_distal_mm": distal,
            "distal_radius_cortical_thickness_proximal_mm": proximal,
        }


def distal_radius_thickness(
    image: ArrayLike,
    radius: ArrayLike,
    *,
    spacing: tuple[float, float],
    distal: Direction,
    ulna: ArrayLike | None = None,
    levels_mm: tuple[float, float] | None = None,
    band_mm: float = 5.0,
    edges: Method = "shell",
) -> DistalRadiusThickness:
    """Bicortical thickness (D − d) of the distal radius: mean of two levels on an AP view.

    Levels count from the most distal point of the ulna where its mask is given, else of the radius,
    along the radius' axis; 50 and 70 mm by default. The published cut-off (5.1 mm, see
    `constant.DISTAL_RADIUS_CUT_OFF`) is not applied: nothing here diagnoses.

    Raises
    ------
    NotMeasurable
        As `radiogrammetry`; I436 if a level is not in view.

    Reference
    ---------
    Webber T et al., J Hand Surg Am 2015;40:493: bicortical widths 50 and 70 mm proximal to the
    distal ulnar articular surface, averaged. The most distal point of an ulna's mask is the tip of
    its styloid, a few mm beyond that surface.
    """
    spacing = checked_spacing(spacing)
    pixels = np.asarray(image, dtype=float)
    bone, remarks = one_bone(radius, shape=pixels.shape)
    line = midline(bone, spacing=spacing)
    origin = _distal_end(line, bone if ulna is None else one_bone(ulna)[0], distal, spacing)
    proximally = 1.0 if towards(np.array([line.axis.direction]), distal)[0] < 0 else -1.0
    depths = levels_mm or (DISTAL_RADIUS_LEVELS[0].value, DISTAL_RADIUS_LEVELS[1].value)
    measured = []
    for depth in depths:
        t = origin + proximally * depth
        inside = line.axis.start_mm + band_mm / 2 <= t <= line.axis.end_mm - band_mm / 2
        if not inside:
            detail = f"{depth:g} mm proximal of the distal end"
            refuse(LEVEL_NOT_IN_VIEW, where="radius", detail=detail)
        measured.append(
            measured_band(
                pixels,
                line,
                middle=t,
                band_mm=band_mm,
                method=edges,
                spacing=spacing,
                remarks=remarks,
            )
        )
    return DistalRadiusThickness(*measured)


def _distal_end(
    line: Midline, bone: Mask, distal: Direction, spacing: tuple[float, float]
) -> float:
    along, _ = line.axis.coordinates(outline_mm(bone, spacing=spacing))
    downwards = towards(np.array([line.axis.direction]), distal)[0] > 0
    in_view = line.axis.end_in_view if downwards else line.axis.start_in_view
    if not in_view:
        refuse(LEVEL_NOT_IN_VIEW, where="radius", detail="its distal end is cut")
    return float(along.max() if downwards else along.min())
