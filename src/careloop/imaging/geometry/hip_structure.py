"""Hip structure of a proximal femur: narrow neck, trochanter and shaft, placed on the mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from careloop.imaging.geometry.axis import Axis
from careloop.imaging.geometry.bone import Direction, checked_spacing, one_bone
from careloop.imaging.geometry.constant import (
    INTERTROCHANTERIC_CORTICAL_FRACTION,
    NECK_CORTICAL_FRACTION,
    SHAFT_CORTICAL_FRACTION,
    SHAFT_DISTANCE_IN_NECK_WIDTHS,
)
from careloop.imaging.geometry.femur import FemurAxes, femur_axes
from careloop.imaging.geometry.finding import NotMeasurable
from careloop.imaging.geometry.hip_section import HipSection, Margins, checked_bmd, hip_section
from careloop.imaging.image import Kind
from careloop.records.finding import Finding


@dataclass(frozen=True, slots=True)
class HipStructure:
    """The three sections of hip structure; None for a section not measurable, with its finding."""

    axes: FemurAxes
    narrow_neck: HipSection
    intertrochanteric: HipSection | None
    shaft: HipSection | None
    findings: tuple[Finding, ...]

    def measurements(self) -> dict[str, float]:
        """Angles and lengths, and the narrow neck under the keys of `feature.HIP_SECTION`.

        The other sections have the same keys and belong to their own regions: ask them.
        """
        return {**self.axes.measurements(), **self.narrow_neck.measurements()}


def hip_structure(
    bmd: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: tuple[float, float],
    kind: Kind,
    distal: Direction = "down",
    margins: Margins = "shell",
) -> HipStructure:
    """Hip structure at narrow neck, trochanter and shaft, placed on the femur's mask.

    Narrow neck: the narrowest chord across the neck's axis. Intertrochanteric: along the bisector
    of the neck–shaft angle through the crossing of the axes. Shaft: 1.5 narrow-neck widths below
    that crossing (unconfirmed). Each is averaged over 5 mm; cortical fractions 0.6, 0.7, 1
    (unconfirmed).

    Raises
    ------
    NotMeasurable
        I430 if the pixels are not g/cm², I432 if the neck cannot be placed, and as `hip_section`
        for the narrow neck; the other two sections then are None with the finding.
    """
    spacing = checked_spacing(spacing)
    pixels = checked_bmd(bmd, mask, kind)
    bone, _ = one_bone(mask, shape=pixels.shape)
    axes = femur_axes(bone, spacing=spacing, distal=distal)
    findings = list(axes.findings)
    neck = hip_section(
        pixels,
        bone,
        spacing=spacing,
        kind=kind,
        axis=axes.neck,
        at_mm=axes.narrow_neck_at_mm,
        cortical_fraction=NECK_CORTICAL_FRACTION.value,
        margins=margins,
    )
    below = SHAFT_DISTANCE_IN_NECK_WIDTHS.value * axes.narrow_neck_width_mm
    sections: list[HipSection | None] = []
    for region, axis, at, fraction in (
        ("intertrochanteric", _bisector(axes), 0.0, INTERTROCHANTERIC_CORTICAL_FRACTION.value),
        ("shaft", axes.shaft, below, SHAFT_CORTICAL_FRACTION.value),
    ):
        try:
            section = hip_section(
                pixels,
                bone,
                spacing=spacing,
                kind=kind,
                axis=axis,
                at_mm=at,
                cortical_fraction=fraction,
                margins=margins,
            )
        except NotMeasurable as error:
            findings.append(Finding(error.finding.code, region, detail=error.finding.detail))
            section = None
        sections.append(section)
    findings += [Finding(each.code, "narrow neck", detail=each.detail) for each in neck.findings]
    return HipStructure(axes, neck, sections[0], sections[1], tuple(findings))


def _bisector(axes: FemurAxes) -> Axis:
    """The axis across which profiles run along the bisector of the neck–shaft angle."""
    across = np.asarray(axes.neck.direction) - np.asarray(axes.shaft.direction)
    across /= np.linalg.norm(across)
    return Axis(axes.crossing_mm, (float(across[0]), float(across[1])), -50.0, 50.0)
