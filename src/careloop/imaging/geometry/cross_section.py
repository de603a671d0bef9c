"""A slice through a bone: area, second moments, section moduli, and the stress–strain index.

Each pixel is a small rectangle, its own second moment (a h²/12) included, so a section of whole
pixels is exact. Angles and x, y are those of the image: x runs along a row, y down a column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.imaging.geometry.bone import checked_mask, checked_spacing, contours_mm, points_mm
from careloop.imaging.geometry.constant import NORMAL_DENSITY
from careloop.imaging.geometry.finding import DENSITY_NOT_FINITE, refuse

Values = NDArray[np.float64]

EDGE_QUANTILE = 0.95  # half of this quantile of density is the bone's edge


@dataclass(frozen=True, slots=True)
class CrossSection:
    """Area and moments of a slice; every pixel of the mask counts fully.

    `moment_x_mm4` = ∫ y² dA about the centroid (bending about the image's x), `moment_y_mm4` =
    ∫ x² dA, polar their sum. `principal_axis_deg` is the direction about which bending is stiffest,
    from the image's x towards the bottom, in [−90, 90); it means nothing for a round section.
    """

    area_mm2: float
    centroid_mm: tuple[float, float]
    moment_x_mm4: float
    moment_y_mm4: float
    moment_maximum_mm4: float
    moment_minimum_mm4: float
    principal_axis_deg: float
    section_modulus_polar_mm3: float
    section_modulus_x_mm3: float
    section_modulus_y_mm3: float

    @property
    def moment_polar_mm4(self) -> float:
        """Ip = Ix + Iy."""
        return self.moment_x_mm4 + self.moment_y_mm4

    def measurements(self) -> dict[str, float]:
        """The values under the keys of `feature.CT_SECTION`."""
        return {
            "bone_area_mm2": self.area_mm2,
            "moment_x_mm4": self.moment_x_mm4,
            "moment_y_mm4": self.moment_y_mm4,
            "moment_polar_mm4": self.moment_polar_mm4,
            "moment_maximum_mm4": self.moment_maximum_mm4,
            "moment_minimum_mm4": self.moment_minimum_mm4,
            "principal_axis_deg": self.principal_axis_deg,
            "section_modulus_polar_mm3": self.section_modulus_polar_mm3,
            "section_modulus_x_mm3": self.section_modulus_x_mm3,
            "section_modulus_y_mm3": self.section_modulus_y_mm3,
        }


@dataclass(frozen=True, slots=True)
class StressStrainIndex:
    """Section moduli weighted by density over `normal_density_mg_cm3` (unconfirmed)."""

    polar_mm3: float
    x_mm3: float
    y_mm3: float
    mean_density_mg_cm3: float
    normal_density_mg_cm3: float

    def measurements(self) -> dict[str, float]:
        """The values under the keys of `feature.STRESS_STRAIN`."""
        return {
            "ssi_polar_mm3": self.polar_mm3,
            "ssi_x_mm3": self.x_mm3,
            "ssi_y_mm3": self.y_mm3,
            "mean_density_mg_cm3": self.mean_density_mg_cm3,
        }


def cross_section(mask: ArrayLike, *, spacing: tuple[float, float]) -> CrossSection:
    """Area, second moments and section moduli of a slice from its mask (cortex, without canal).

    Raises
    ------
    NotMeasurable
        I421 if the mask is empty.

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.pad(np.ones((20, 10), dtype=bool), 2)
    >>> section = cross_section(bar, spacing=(1.0, 1.0))
    >>> round(section.moment_x_mm4, 2), round(10 * 20**3 / 12, 2)  # b h³ / 12
    (6666.67, 6666.67)
    """
    spacing = checked_spacing(spacing)
    bone = checked_mask(mask)
    points = points_mm(bone, spacing=spacing)
    weights = np.full(len(points), spacing[0] * spacing[1])
    centre, (xx, yy, xy) = _moments(points, weights, spacing)
    far = _reach(bone.astype(float), 0.5, centre, spacing)
    middle, half = (xx + yy) / 2.0, float(np.hypot((xx - yy) / 2.0, xy))
    # bending about the direction θ sees Ix cos² + Iy sin² − 2 Ixy sin cos: largest at this θ
    angle = np.degrees(0.5 * np.arctan2(-2.0 * xy, xx - yy))
    return CrossSection(
        area_mm2=float(weights.sum()),
        centroid_mm=(float(centre[0]), float(centre[1])),
        moment_x_mm4=xx,
        moment_y_mm4=yy,
        moment_maximum_mm4=middle + half,
        moment_minimum_mm4=middle - half,
        principal_axis_deg=float((angle + 90.0) % 180.0 - 90.0),
        section_modulus_polar_mm3=(xx + yy) / far[0],
        section_modulus_x_mm3=xx / far[1],
        section_modulus_y_mm3=yy / far[2],
    )


def stress_strain_index(
    density_mg_cm3: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: tuple[float, float],
    normal_density_mg_cm3: float = NORMAL_DENSITY.value,
) -> StressStrainIndex:
    """Polar and axial stress–strain index of a slice of volumetric density.

    SSI = Σ r² a (CD/ND) / r_max: polar with r from the centroid of the mineral, axial with the
    distance from the line through it along x or y. r_max reaches to where density falls through
    half of the cortex' (95th percentile in the mask).

    Parameters
    ----------
    density_mg_cm3
        Density in mg/cm³ [y, x]; Hounsfield units must be calibrated first.
    mask
        All pixels that hold bone, partly filled ones too: they count by their density.
    normal_density_mg_cm3
        ND.

    Raises
    ------
    NotMeasurable
        I421 for the mask, I437 for unknown pixels or a mask without mineral.

    Reference
    ---------
    Hasegawa Y et al., J Orthop Res 2001 (by way of the encyclopaedia's article on the index): polar
    index about the centroid; ND = 1200 mg/cm³ unconfirmed.
    """
    spacing = checked_spacing(spacing)
    pixels = np.asarray(density_mg_cm3, dtype=float)
    bone = checked_mask(mask, shape=pixels.shape)
    inside = pixels[bone]
    if not np.isfinite(inside).all() or inside.sum() <= 0.0:
        refuse(DENSITY_NOT_FINITE, where="image")
    area = spacing[0] * spacing[1]
    weights = inside * (area / normal_density_mg_cm3)
    centre, (xx, yy, _) = _moments(points_mm(bone, spacing=spacing), weights, spacing)
    level = 0.5 * float(np.quantile(inside, EDGE_QUANTILE))
    far = _reach(np.where(bone, pixels, 0.0), level, centre, spacing)
    return StressStrainIndex(
        polar_mm3=(xx + yy) / far[0],
        x_mm3=xx / far[1],
        y_mm3=yy / far[2],
        mean_density_mg_cm3=float(inside.mean()),
        normal_density_mg_cm3=normal_density_mg_cm3,
    )


def _moments(
    points: Values, weights: Values, spacing: tuple[float, float]
) -> tuple[Values, tuple[float, float, float]]:
    """The centroid (y, x), and Ix = ∫y², Iy = ∫x², Ixy of weighted pixels about it."""
    total = float(weights.sum())
    centre: Values = (points * weights[:, None]).sum(axis=0) / total
    y, x = (points - centre).T
    own_y, own_x = spacing[0] ** 2 / 12.0, spacing[1] ** 2 / 12.0
    xx = float((weights * (y**2 + own_y)).sum())
    yy = float((weights * (x**2 + own_x)).sum())
    return centre, (xx, yy, float((weights * x * y).sum()))


def _reach(
    image: Values, level: float, centre: Values, spacing: tuple[float, float]
) -> tuple[float, float, float]:
    """The largest distance of the edge from the centre: any way, along y, along x."""
    edge = np.concatenate(contours_mm(image, level, spacing=spacing)) - centre
    return (
        float(np.linalg.norm(edge, axis=1).max()),
        float(np.abs(edge[:, 0]).max()),
        float(np.abs(edge[:, 1]).max()),
    )
