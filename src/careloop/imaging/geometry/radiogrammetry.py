"""Radiogrammetry: widths and cortical thickness of a tubular bone on a projection image.

The image is brighter where more is absorbed and about linear in the path through bone (a raw or
logarithmic radiograph, a BMD map); contrast mapping by a viewer moves edges. In the plane only:
out-of-plane lean does not change widths in a parallel beam, magnification by a diverging beam does
(the spacing must be that of the bone's plane).

Exact on synthetic tubes (see the tests); on real radiographs it has only been seen to run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.imaging.geometry.axis import (
    Axis,
    Midline,
    ends,
    is_upright,
    midline,
    places_across,
    profiles,
    smoothed,
)
from careloop.imaging.geometry.bone import (
    checked_mask,
    checked_spacing,
    one_bone,
)
from careloop.imaging.geometry.edge import Edges, Method, find_edges
from careloop.imaging.geometry.finding import (
    CUT_AT_SIDE,
    LEVELS_DROPPED,
    LEVELS_SCATTER,
    NO_CORTEX,
    POOR_FIT,
    TOO_SHORT,
    refuse,
)
from careloop.records.finding import Finding

Place = Literal["narrowest", "middle"] | float
"""Where along the bone: its narrowest part within the middle half of the length in view, its
middle, or a share of the length in view from the upper (or left) end of the image."""

SLAB_MM = 1.0  # a level is the mean profile over this length of bone
MARGIN_SHARE = 0.15  # of the width, looked at beyond each border of the mask
SCATTER_SHARE = 0.25  # interquartile range over CCT, above which the levels disagree
FAIR_FIT = 0.95  # R² of the shell


@dataclass(frozen=True, slots=True)
class Radiogrammetry:
    """Widths across a tubular bone: medians over the levels of a band.

    D outer width, d medullary width, T = (D − d)/2, W = D.

    Reference
    ---------
    Barnett E, Nordin BEC, Clin Radiol 1960;11:166: index (D − d)/D. Areeckal AS et al. 2018: CCT,
    percent cortical area (D² − d²)/D², cortical area π/4 (D² − d²). Metacarpal cortical percentage
    100 (D − d)/D: Schreiber JJ et al. 2017. Hollow cylinder A = πTW(1 − T/W), A/W, A/W²: Thodberg
    HH et al. (PMC2895878); A equals the cortical area above. Vendors' constants are not used.
    """

    outer_width_mm: float
    medullary_width_mm: float
    cortical_thickness_first_mm: float
    cortical_thickness_second_mm: float
    at_mm: float  # along the axis, middle of the band
    levels: int  # measured
    r_squared: float  # median of the model fits, 1 without a model
    axis: Axis
    findings: tuple[Finding, ...]

    @property
    def combined_cortical_thickness_mm(self) -> float:
        """CCT = D − d."""
        return self.outer_width_mm - self.medullary_width_mm

    @property
    def cortical_area_mm2(self) -> float:
        """Area of bone if the section is a ring: π/4 (D² − d²) = πTW(1 − T/W)."""
        return float(np.pi / 4.0 * (self.outer_width_mm**2 - self.medullary_width_mm**2))

    def measurements(self) -> dict[str, float]:
        """The values under the keys of `feature.RADIOGRAMMETRY`."""
        outer, thickness = self.outer_width_mm, self.combined_cortical_thickness_mm
        area = self.cortical_area_mm2
        return {
            "outer_width_mm": outer,
            "medullary_width_mm": self.medullary_width_mm,
            "combined_cortical_thickness_mm": thickness,
            "cortical_thickness_mm": thickness / 2.0,
            "cortical_thickness_first_mm": self.cortical_thickness_first_mm,
            "cortical_thickness_second_mm": self.cortical_thickness_second_mm,
            "barnett_nordin_index": thickness / outer,
            "metacarpal_cortical_index_percent": 100.0 * thickness / outer,
            "cortical_area_percent": 100.0 * (1.0 - (self.medullary_width_mm / outer) ** 2),
            "cortical_area_mm2": area,
            "cortical_area_per_width_mm": area / outer,
            "cortical_area_per_width_squared": area / outer**2,
        }


def radiogrammetry(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: tuple[float, float],
    at: Place = "narrowest",
    band_mm: float = 10.0,
    edges: Method = "shell",
) -> Radiogrammetry:
    """Outer and medullary width, cortical thickness of both sides and the indices from them.

    Profiles across the axis, averaged over 1 mm of bone each, at 1 mm steps along a band; the
    result is the median over the band's levels.

    Parameters
    ----------
    image
        Grey values [y, x], brighter for more bone.
    mask
        The whole bone, canal included [y, x].
    spacing
        mm between rows and between columns.
    at, band_mm
        Middle and length of the band; see `Place`.
    edges
        How edges are found: see `careloop.imaging.geometry.edge`.

    Raises
    ------
    NotMeasurable
        I421–I424 for the mask, I425 if more than half of the levels show no two cortices.

    Examples
    --------
    >>> from careloop.imaging.phantom.section import Tube, tube_radiograph
    >>> bone = tube_radiograph((120, 60), Tube(4.0, 2.0), spacing=(0.25, 0.25))
    >>> measured = radiogrammetry(bone.pixels, bone.mask, spacing=(0.25, 0.25))
    >>> round(measured.outer_width_mm, 1), round(measured.medullary_width_mm, 1)
    (8.0, 4.0)
    """
    spacing = checked_spacing(spacing)
    pixels = np.asarray(image, dtype=float)
    bone, remarks = one_bone(mask, shape=pixels.shape)
    line = midline(bone, spacing=spacing)
    t = placed(line, at, band_mm)
    return measured_band(
        pixels, line, middle=t, band_mm=band_mm, method=edges, spacing=spacing, remarks=remarks
    )


def radiogrammetry_of_masks(
    mask: ArrayLike,
    cortex: ArrayLike,
    *,
    spacing: tuple[float, float],
    at: Place = "narrowest",
    band_mm: float = 10.0,
) -> Radiogrammetry:
    """The same measures from a mask of the bone and one of its cortex, without grey values.

    Widths are those of the masks: the canal is what the cortex leaves free in the middle.

    Raises
    ------
    NotMeasurable
        As `radiogrammetry`.
    """
    spacing = checked_spacing(spacing)
    bone, remarks = one_bone(mask)
    wall = checked_mask(cortex, shape=bone.shape) & bone
    line = midline(bone, spacing=spacing)
    middle = placed(line, at, band_mm)
    found: list[Edges | None] = []
    levels = _whole_levels(line, middle, band_mm)
    step = min(spacing) / 8.0
    for level in levels:
        first, second = _borders(line, level)
        s = np.arange(first - 2.0 * max(spacing), second + 2.0 * max(spacing), step)
        value = profiles(
            (bone & ~wall).astype(float), line.axis, spacing=spacing, t_mm=np.array([level]), s_mm=s
        )[0]
        canal = s[np.nan_to_num(value) >= 0.5]
        if canal.size:
            found.append(
                Edges(first, float(canal[0]) - step / 2, float(canal[-1]) + step / 2, second)
            )
        else:
            found.append(None)
    return _summary(found, line, middle, remarks)


# --- where


def placed(line: Midline, at: Place, band_mm: float) -> float:
    """The middle of the band along the axis, in mm."""
    axis = line.axis
    if isinstance(at, (int, float)):
        if not 0.0 <= at <= 1.0:
            raise ValueError(f"a place along the bone is a share from 0 to 1, not {at}")
        return axis.start_mm + float(at) * axis.length_mm
    if at == "middle":
        return (axis.start_mm + axis.end_mm) / 2.0
    share = (line.t_mm - axis.start_mm) / axis.length_mm
    used = line.whole & (share >= 0.25) & (share <= 0.75)
    if np.count_nonzero(used) < 3:
        refuse(CUT_AT_SIDE, where="mask", detail="middle half of the bone")
    width, t = line.width_mm[used], line.t_mm[used]
    means, centres = smoothed(width, t, band_mm), smoothed(t, t, band_mm)
    narrow = means <= means.min() + 1e-6 * abs(means.min())
    return float(np.median(centres[narrow]))


def _whole_levels(line: Midline, middle: float, band_mm: float) -> NDArray[np.float64]:
    """Levels 1 mm apart in the band where the bone is whole."""
    count = max(1, round(band_mm / SLAB_MM))
    levels = middle + (np.arange(count) - (count - 1) / 2.0) * SLAB_MM
    levels = levels[(levels >= line.axis.start_mm) & (levels <= line.axis.end_mm)]
    if not levels.size:
        refuse(TOO_SHORT, where="mask", detail="the band lies outside the bone")
    nearest = np.abs(line.t_mm[None, :] - levels[:, None]).argmin(axis=1)
    whole: NDArray[np.float64] = levels[line.whole[nearest]]
    if 2 * whole.size < levels.size:
        refuse(CUT_AT_SIDE, where="mask", detail=f"{whole.size} of {levels.size} levels whole")
    return whole


def _borders(line: Midline, level: float) -> tuple[float, float]:
    """The mask's borders around a level, mean over the slab."""
    near = np.abs(line.t_mm - level) <= SLAB_MM
    near &= np.isfinite(line.first_mm)
    return float(line.first_mm[near].mean()), float(line.second_mm[near].mean())


# --- what is measured there


def measured_band(
    pixels: NDArray[np.float64],
    line: Midline,
    *,
    middle: float,
    band_mm: float,
    method: Method,
    spacing: tuple[float, float],
    remarks: list[Finding],
) -> Radiogrammetry:
    """Edges level by level in the band around `middle` mm along the axis, and their medians."""
    levels = _whole_levels(line, middle, band_mm)
    first = min(_borders(line, level)[0] for level in levels)
    second = max(_borders(line, level)[1] for level in levels)
    margin = max(MARGIN_SHARE * (second - first), 2.0 * max(spacing))
    s = places_across(
        line.axis,
        first - margin,
        second + margin,
        spacing=spacing,
        parts=1 if method == "shell" and is_upright(line.axis) else 2,
    )
    parts = max(1, round(SLAB_MM / min(spacing)))
    offsets = ((np.arange(parts) + 0.5) / parts - 0.5) * SLAB_MM
    grid = profiles(
        pixels, line.axis, spacing=spacing, t_mm=(levels[:, None] + offsets).ravel(), s_mm=s
    )
    slabs = grid.reshape(len(levels), parts, len(s)).mean(axis=1)
    start = None
    if method == "shell":
        start = find_edges(s, slabs.mean(axis=0), border_mm=(first, second))
        if start is None:
            refuse(NO_CORTEX, where="image", detail="the mean profile of the band")
    found = [
        find_edges(s, slab, border_mm=_borders(line, level), method=method, start=start)
        for slab, level in zip(slabs, levels, strict=True)
    ]
    return _summary(found, line, middle, remarks)


def _summary(
    found: list[Edges | None], line: Midline, middle: float, remarks: list[Finding]
) -> Radiogrammetry:
    """Medians over the levels, with remarks on levels that failed or disagree."""
    good = [edges for edges in found if edges is not None]
    if 2 * len(good) < len(found) or not good:
        refuse(NO_CORTEX, where="image", detail=f"{len(good)} of {len(found)} levels")
    values = np.array(
        [
            (
                each.outer_width_mm,
                each.medullary_width_mm,
                each.inner_first_mm - each.outer_first_mm,
                each.outer_second_mm - each.inner_second_mm,
                each.r_squared,
            )
            for each in good
        ]
    )
    outer, inner, first, second, fit = (float(each) for each in np.median(values, axis=0))
    findings = [*remarks, *ends(line.axis)]
    if len(good) < len(found):
        detail = f"{len(found) - len(good)} of {len(found)}"
        findings.append(Finding(LEVELS_DROPPED, "image", detail=detail))
    thickness = values[:, 0] - values[:, 1]
    spread = float(np.subtract(*np.percentile(thickness, [75, 25])))
    if spread > SCATTER_SHARE * (outer - inner):
        findings.append(Finding(LEVELS_SCATTER, "image", detail=f"IQR {spread:.2f} mm"))
    if fit < FAIR_FIT:
        findings.append(Finding(POOR_FIT, "image", detail=f"R² {fit:.2f}"))
    return Radiogrammetry(
        outer_width_mm=outer,
        medullary_width_mm=inner,
        cortical_thickness_first_mm=first,
        cortical_thickness_second_mm=second,
        at_mm=middle,
        levels=len(good),
        r_squared=fit,
        axis=line.axis,
        findings=tuple(findings),
    )
