"""Heights of a vertebral body from its mask in a sagittal plane.

The body is put upright by the least rectangle around its outline; heights run perpendicular to its
front-to-back side. Anterior and posterior height are medians over the front and the back fifth of
the depth, so that rounded corners and single spurs do not count, middle height is the mean over the
tenth in the middle. The mask must not hold the arch.

On the one CT with reference heights at hand (labels by a model, 3 mm voxels) heights differ by
under a voxel in the median and under two at most: that shows the convention, not the precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.imaging.geometry.axis import Axis, levels
from careloop.imaging.geometry.bone import (
    TOWARDS,
    Direction,
    at_border,
    checked_spacing,
    one_bone,
    outline_mm,
)
from careloop.imaging.geometry.finding import CUT_AT_SIDE, LANDMARK_NOT_IN_VIEW, refuse
from careloop.imaging.image import Mask
from careloop.records.finding import Finding

END_SHARE = 0.2  # of the depth: where the end heights are sought
MIDDLE_SHARE = 0.1  # of the depth: where the middle height is averaged
LARGEST_TILT_DEG = 45.0


@dataclass(frozen=True, slots=True)
class VertebralHeights:
    """Heights and depth of a vertebral body in mm; `tilt_deg` turns it upright."""

    anterior_mm: float
    middle_mm: float
    posterior_mm: float
    depth_mm: float
    tilt_deg: float
    findings: tuple[Finding, ...]

    def measurements(self) -> dict[str, float]:
        """The values under the keys of `feature.VERTEBRA`."""
        return {
            "vertebra_height_anterior_mm": self.anterior_mm,
            "vertebra_height_middle_mm": self.middle_mm,
            "vertebra_height_posterior_mm": self.posterior_mm,
            "vertebra_depth_mm": self.depth_mm,
            "vertebra_wedge_ratio": self.anterior_mm / self.posterior_mm,
            "vertebra_concavity_ratio": self.middle_mm / self.posterior_mm,
        }


def vertebral_heights(
    mask: ArrayLike, *, spacing: tuple[float, float], anterior: Direction
) -> VertebralHeights:
    """Anterior, middle and posterior height of a vertebral body in a sagittal plane.

    Parameters
    ----------
    mask
        The body in one plane [y, x], without the arch.
    spacing
        mm between rows and between columns.
    anterior
        The direction of the front in the image.

    Raises
    ------
    NotMeasurable
        I421, I422 for the mask, I423 if the body touches the image's edge, I428 if no heights are
        found.

    Examples
    --------
    >>> import numpy as np
    >>> body = np.pad(np.ones((50, 70), dtype=bool), 5)
    >>> heights = vertebral_heights(body, spacing=(0.5, 0.5), anterior="left")
    >>> round(heights.anterior_mm, 1), round(heights.middle_mm, 1), round(heights.depth_mm, 1)
    (25.0, 25.0, 35.0)
    """
    spacing = checked_spacing(spacing)
    body, findings = one_bone(mask)
    if at_border(body).any():
        refuse(CUT_AT_SIDE, where="mask", detail="the vertebral body")
    axis, tilt = _upright(body, anterior, spacing)
    line = levels(body, axis, spacing=spacing)
    share = (line.t_mm - axis.start_mm) / axis.length_mm
    if float(np.dot(axis.direction, TOWARDS[anterior])) > 0.0:
        share = 1.0 - share  # from the front
    height = line.width_mm
    front, back = height[share <= END_SHARE], height[share >= 1.0 - END_SHARE]
    middle = height[np.abs(share - 0.5) <= MIDDLE_SHARE / 2.0]
    if not all(np.isfinite(each).any() for each in (front, middle, back)):
        refuse(LANDMARK_NOT_IN_VIEW, where="mask", detail="end plates")
    return VertebralHeights(
        anterior_mm=float(np.nanmedian(front)),
        middle_mm=float(np.nanmean(middle)),
        posterior_mm=float(np.nanmedian(back)),
        depth_mm=axis.length_mm,
        tilt_deg=tilt,
        findings=tuple(findings),
    )


def _upright(body: Mask, anterior: Direction, spacing: tuple[float, float]) -> tuple[Axis, float]:
    """The front-to-back axis of the least rectangle about the outline, and its tilt in degrees."""
    outline = outline_mm(body, spacing=spacing)
    front = np.abs(np.asarray(TOWARDS[anterior]))
    across = np.array([front[1], front[0]])
    best: tuple[float, float, NDArray[np.float64]] | None = None
    for tilt in np.arange(-LARGEST_TILT_DEG, LARGEST_TILT_DEG + 0.25, 0.5):
        cosine, sine = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
        direction = cosine * front + sine * across
        normal = cosine * across - sine * front
        area = float(np.ptp(outline @ direction) * np.ptp(outline @ normal))
        if best is None or area < best[0] - 1e-9:
            best = (area, float(tilt), direction)
    if best is None or abs(best[1]) >= LARGEST_TILT_DEG:
        refuse(LANDMARK_NOT_IN_VIEW, where="mask", detail=f"the front does not lie {anterior}")
    _, tilt, direction = best
    centre = outline.mean(axis=0)
    along = (outline - centre) @ direction
    axis = Axis(
        (float(centre[0]), float(centre[1])),
        (float(direction[0]), float(direction[1])),
        float(along.min()),
        float(along.max()),
    )
    return axis, float(tilt)
