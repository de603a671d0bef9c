"""Hip structure at a section of a BMD map: area, moment of inertia, modulus, buckling ratio.

The mass on each ray across the axis stands for the bone in its way, so area and moment in the
image's plane follow from the profile alone; only cortical thickness assumes a shape. Bending is
seen in the plane of the image only. An axis that leans out of the plane by θ makes CSA, CSMI and Z
too large by 1/cos θ. Proven on synthetic tubes and a synthetic femur; no open BMD map of a real hip
was at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.imaging.geometry.axis import Axis, is_upright, places_across, profiles
from careloop.imaging.geometry.bone import checked_mask, checked_spacing
from careloop.imaging.geometry.constant import EFFECTIVE_DENSITY, HIP_BAND, NECK_CORTICAL_FRACTION
from careloop.imaging.geometry.edge import outer_edges
from careloop.imaging.geometry.finding import (
    CUT_AT_SIDE,
    DENSITY_NOT_FINITE,
    LEVEL_NOT_IN_VIEW,
    NO_ANNULUS,
    NO_CORTEX,
    NOT_BMD,
    POOR_FIT,
    refuse,
)
from careloop.imaging.image import Kind, Mask
from careloop.records.finding import Finding

Margins = Literal["shell", "gradient", "mask"]
"""Where a section ends: at the outer edges of the fitted shell (free of blur), at the steepest
edges of the mean profile, or at the mask's borders."""

BMD_CEILING_G_CM2 = 10.0  # five times a dense total hip: such pixels are grey levels, not g/cm²
FAIR_FIT = 0.95
PARTS = 4  # places to a pixel across the axis


@dataclass(frozen=True, slots=True)
class HipSection:
    """A section's structure, mean over the profiles of a band.

    `centroid_cm` is counted from the middle of the width towards the second side (right or down).
    `cortical_thickness_cm` and `buckling_ratio` rest on the annulus model with `cortical_fraction`.

    Reference
    ---------
    Beck TJ et al., Invest Radiol 1990;25:6; Martin RB, Burr DB, J Biomech 1984;17:195: with mineral
    density ρ, CSA = Σ m/ρ, CSMI = Σ (m/ρ)(x − x̄)², Z = CSMI/d_max, buckling ratio d_max/t. ρ and
    the cortical fractions are unconfirmed (see `constant`).
    """

    csa_cm2: float
    csmi_cm4: float
    section_modulus_cm3: float
    width_cm: float
    centroid_cm: float
    mean_bmd_g_cm2: float
    cortical_thickness_cm: float
    buckling_ratio: float
    cortical_fraction: float
    density_g_cm3: float
    at_mm: float
    profiles: int
    findings: tuple[Finding, ...]

    def measurements(self) -> dict[str, float]:
        """The values under the keys of `feature.HIP_SECTION`."""
        return {
            "csa_cm2": self.csa_cm2,
            "csmi_cm4": self.csmi_cm4,
            "section_modulus_cm3": self.section_modulus_cm3,
            "section_width_cm": self.width_cm,
            "section_centroid_cm": self.centroid_cm,
            "section_bmd_g_cm2": self.mean_bmd_g_cm2,
            "section_cortical_thickness_cm": self.cortical_thickness_cm,
            "buckling_ratio": self.buckling_ratio,
        }


def hip_section(
    bmd: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: tuple[float, float],
    kind: Kind,
    axis: Axis,
    at_mm: float,
    band_mm: float = HIP_BAND.value,
    cortical_fraction: float = NECK_CORTICAL_FRACTION.value,
    margins: Margins = "shell",
) -> HipSection:
    """CSA, CSMI, section modulus, width, cortical thickness and buckling ratio across an axis.

    Parameters
    ----------
    bmd
        g/cm² [y, x].
    mask
        The bone [y, x]; where profiles cross it twice the crossing at the axis counts.
    spacing
        mm between rows and between columns.
    kind
        What the pixels mean: anything but "bmd_map" is refused.
    axis, at_mm, band_mm
        Profiles are perpendicular to the axis, around `at_mm` along it.
    cortical_fraction
        Share of CSA in the cortex for the annulus model: 0.6 neck, 0.7 intertrochanteric, 1 shaft.
    margins
        Where the section ends; see `Margins`.

    Raises
    ------
    NotMeasurable
        I430 pixels are not g/cm², I437 missing pixels, I436 level not in view, I423 bone cut by
        the image's edge, I425 no shell fits (use margins="mask"), I433 no annulus.

    Examples
    --------
    >>> from careloop.imaging.geometry.axis import long_axis
    >>> from careloop.imaging.phantom.section import Tube, tube_bmd_map
    >>> bone = tube_bmd_map(
    ...     (140, 100), Tube(15.0, 12.0), spacing=(0.5, 0.5), density_g_cm3=1.053
    ... )
    >>> axis = long_axis(bone.mask, spacing=(0.5, 0.5))
    >>> section = hip_section(
    ...     bone.pixels, bone.mask, spacing=(0.5, 0.5), kind="bmd_map", axis=axis, at_mm=0.0
    ... )
    >>> round(section.csa_cm2, 2), round(section.csmi_cm4, 2), round(section.section_modulus_cm3, 2)
    (2.54, 2.35, 1.56)
    """
    spacing = checked_spacing(spacing)
    pixels = checked_bmd(bmd, mask, kind)
    bone = checked_mask(mask, shape=pixels.shape)
    s, grid, border = _band(pixels, bone, axis, at_mm=at_mm, band_mm=band_mm, spacing=spacing)
    first, second, remarks = _margins(
        s, grid, border, margins, sparse=margins == "shell" and is_upright(axis)
    )
    step_cm = (s[1] - s[0]) / 10.0
    area = grid * step_cm / EFFECTIVE_DENSITY.value  # [profile, place], cm²
    x = s / 10.0
    csa = area.sum(axis=1)
    if not (csa > 0.0).all():
        refuse(NOT_BMD, where="image", detail="a profile without mass")
    centroid = (area * x).sum(axis=1) / csa
    spread = (area * (x - centroid[:, None]) ** 2).sum(axis=1)
    csmi = spread - csa * _pixel_variance(axis, spacing) / 100.0
    middle, width = float(centroid.mean()), (second - first) / 10.0
    d_max = max(middle - first / 10.0, second / 10.0 - middle)
    mean_csa, mean_csmi = float(csa.mean()), float(csmi.mean())
    thickness = annulus_thickness(mean_csa, width, cortical_fraction)
    return HipSection(
        csa_cm2=mean_csa,
        csmi_cm4=mean_csmi,
        section_modulus_cm3=mean_csmi / d_max,
        width_cm=width,
        centroid_cm=middle - (first + second) / 20.0,
        mean_bmd_g_cm2=mean_csa * EFFECTIVE_DENSITY.value / width,
        cortical_thickness_cm=thickness,
        buckling_ratio=d_max / thickness,
        cortical_fraction=cortical_fraction,
        density_g_cm3=EFFECTIVE_DENSITY.value,
        at_mm=at_mm,
        profiles=len(grid),
        findings=tuple(remarks),
    )


def annulus_thickness(csa_cm2: float, width_cm: float, cortical_fraction: float) -> float:
    """Wall in cm of the ring of this outer width that holds `cortical_fraction` of the area.

    Raises
    ------
    NotMeasurable
        I433 if the ring would be more than solid.

    Examples
    --------
    >>> round(annulus_thickness(2.5447, 3.0, 1.0), 4)
    0.3
    """
    if not 0.0 < cortical_fraction <= 1.0:
        raise ValueError(
            f"the cortical fraction is a share above 0 up to 1, not {cortical_fraction}"
        )
    radius = width_cm / 2.0
    canal = radius**2 - cortical_fraction * csa_cm2 / np.pi
    if canal < 0.0:
        refuse(NO_ANNULUS, where="image", detail=f"CSA {csa_cm2:.2f} cm², width {width_cm:.2f} cm")
    return float(radius - np.sqrt(canal))


def checked_bmd(bmd: ArrayLike, mask: ArrayLike, kind: Kind) -> NDArray[np.float64]:
    """The pixels as float, if they are g/cm² and known throughout the mask.

    Raises
    ------
    NotMeasurable
        I430 if `kind` is not "bmd_map" or the mask's median is above 10, I437 for NaN or infinity.
    """
    if kind != "bmd_map":
        refuse(NOT_BMD, where="image", detail=f"kind is {kind!r}")
    pixels = np.asarray(bmd, dtype=float)
    inside = pixels[checked_mask(mask, shape=pixels.shape)]
    if not np.isfinite(inside).all():
        refuse(DENSITY_NOT_FINITE, where="image")
    if not 0.0 < np.median(inside) <= BMD_CEILING_G_CM2:
        refuse(NOT_BMD, where="image", detail=f"median in the mask {np.median(inside):.4g}")
    return pixels


def run_about_axis(
    bone: Mask,
    axis: Axis,
    *,
    spacing: tuple[float, float],
    t_mm: NDArray[np.float64],
    reach_mm: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The borders of the bone across the axis, on the stretch that holds the axis itself.

    NaN where the axis is not in the bone or the stretch meets the image's edge or `reach_mm`
    before it ends [n], [n].
    """
    step = min(spacing) / 2.0
    out = np.arange(0.0, reach_mm, step)
    found = []
    for side in (-1.0, 1.0):
        value = profiles(bone.astype(float), axis, spacing=spacing, t_mm=t_mm, s_mm=side * out)
        outside = ~(value >= 0.5)
        at = outside.argmax(axis=1)
        rows = np.arange(len(t_mm))
        before, after = value[rows, np.maximum(at - 1, 0)], value[rows, at]
        with np.errstate(invalid="ignore", divide="ignore"):
            place = out[at] - step * (0.5 - after) / (before - after)
        place[(at == 0) | np.isnan(after)] = np.nan
        found.append(side * place)
    return found[0], found[1]


# --- the band


def _band(
    pixels: NDArray[np.float64],
    bone: Mask,
    axis: Axis,
    *,
    at_mm: float,
    band_mm: float,
    spacing: tuple[float, float],
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, float]]:
    """Places, profiles [profile, place] and mean borders of a band; nothing beyond the bone."""
    if not axis.start_mm <= at_mm - band_mm / 2.0 <= at_mm + band_mm / 2.0 <= axis.end_mm:
        refuse(LEVEL_NOT_IN_VIEW, where="image", detail=f"{at_mm:.1f} mm along the axis")
    count = max(1, round(2.0 * band_mm / min(spacing)))
    t = at_mm + ((np.arange(count) + 0.5) / count - 0.5) * band_mm
    reach = float(np.hypot(bone.shape[0] * spacing[0], bone.shape[1] * spacing[1]))
    first, second = run_about_axis(bone, axis, spacing=spacing, t_mm=t, reach_mm=reach)
    if not (np.isfinite(first) & np.isfinite(second)).all():
        refuse(CUT_AT_SIDE, where="mask", detail=f"{at_mm:.1f} mm along the axis")
    edge = 1.5 * float(np.hypot(axis.normal[0] * spacing[0], axis.normal[1] * spacing[1]))
    s = places_across(axis, first.min() - edge, second.max() + edge, spacing=spacing, parts=PARTS)
    step = float(s[1] - s[0])
    grid = profiles(pixels, axis, spacing=spacing, t_mm=t, s_mm=s)
    near = (s >= first[:, None] - edge - step) & (s <= second[:, None] + edge + step)
    if np.isnan(grid[near]).any():
        refuse(CUT_AT_SIDE, where="image", detail=f"{at_mm:.1f} mm along the axis")
    return s, np.where(near, grid, 0.0), (float(first.mean()), float(second.mean()))


def _margins(
    s: NDArray[np.float64],
    grid: NDArray[np.float64],
    border: tuple[float, float],
    margins: Margins,
    *,
    sparse: bool,
) -> tuple[float, float, list[Finding]]:
    if margins == "mask":
        return border[0], border[1], []
    mean = grid.mean(axis=0)
    if sparse:  # interpolated places know nothing of their own
        s, mean = s[::PARTS], mean[::PARTS]
    step = s[1] - s[0]
    room = 0.1 * (border[1] - border[0])  # empty places that let the fit see the edge
    pad = max(0, int(np.ceil(room / step)))
    places = s[0] + (np.arange(len(s) + 2 * pad) - pad) * step
    mean = np.pad(mean, pad)
    edges = outer_edges(places, mean, border_mm=border, method=margins)
    if edges is None:
        refuse(NO_CORTEX, where="image", detail=f"margins={margins!r}")
    remarks = []
    first, second, fit = edges
    if fit < FAIR_FIT:
        remarks.append(Finding(POOR_FIT, "image", detail=f"R² {fit:.2f}"))
    return first, second, remarks


def _pixel_variance(axis: Axis, spacing: tuple[float, float]) -> float:
    """What pixels add to the second moment, in mm²: h²/12 by their area, h²/6 by interpolation."""
    across = (axis.normal[0] * spacing[0]) ** 2 + (axis.normal[1] * spacing[1]) ** 2
    return across * (1.0 / 12.0 + 1.0 / 6.0)
