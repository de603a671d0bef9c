"""A simulated projection of a forearm with known geometry and density. Simulated: no person's arm.

Radius and ulna are tubes of elliptic section, cortical outside and trabecular inside. At each level
the wall is as thick as the level's mean BMD asks for, so that area, BMC and BMD of every region
and the cortical thickness are known without noise (`ForearmTruth`).

Levels of BMD are those of one GE iDXA report (60-year-old woman): radius UD 0.437 and 33 % 0.861,
ulna UD 0.322 and 33 % 0.833 g/cm². Cortical material is 1.053 g/cm³ (effective mineral density of
hip structure analysis). Lengths, widths and the trabecular density are proportions of the phantom,
not clinical values.

Coordinates: `s` in mm from the ulnar styloid tip towards the elbow, `t` in mm towards the radial
side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError
from careloop.imaging.image import Image, Mask, Origin
from careloop.imaging.regions import HAND, HOLOGIC_LEFT_OUT_MM, ONE_THIRD_MM, RADIUS, UD_MM, ULNA

Floats = NDArray[np.float64]

CORTICAL_G_CM3 = 1.053
TRABECULAR_G_CM3 = 0.15
END_PLATE_MM = 4.0
"""The radial end-plate's proximal end, from the styloid tip; vendors' UD boxes begin near it."""

_STYLOID_RISE_MM = 11.0  # from the end-plate's ulnar end to the radial styloid
_ULNAR_HEAD_MM = 6.0
_SUPERSAMPLING = 2

# Half width, half depth and centre line along s (mm): distal flare, then shaft.
_S = np.array([-20.0, 4.0, 15.0, 30.0, 50.0, 100.0, 300.0])
_RADIUS_WIDTH = np.array([13.5, 13.5, 12.5, 9.5, 7.5, 7.5, 7.5])
_RADIUS_DEPTH = np.array([9.0, 9.0, 8.5, 7.5, 6.5, 6.5, 6.5])
_RADIUS_CENTRE = np.array([13.5, 13.5, 13.0, 12.5, 12.0, 12.0, 12.0])
_ULNA_WIDTH = np.array([7.0, 7.0, 6.5, 5.5, 5.5, 7.0, 7.5])
_ULNA_DEPTH = np.array([7.0, 7.0, 6.5, 6.0, 6.0, 6.5, 6.5])
_ULNA_CENTRE = np.full(7, -10.5)

# Carpal bones as discs: centre s, centre t, half height, half width (mm).
_CARPALS = (
    (-13.0, 20.0, 6.0, 6.5),
    (-8.5, 7.0, 6.0, 6.0),
    (-9.0, -6.0, 6.0, 6.0),
    (-25.0, 24.0, 5.5, 6.0),
    (-24.0, 12.0, 5.5, 5.5),
    (-23.0, 1.0, 7.0, 5.0),
    (-22.0, -10.0, 6.0, 5.5),
)
# Metacarpal bones: t where they begin (s = -33) and t gained per mm towards the fingers.
_METACARPALS = ((27.0, 0.6), (16.0, 0.15), (6.0, 0.0), (-4.0, -0.1), (-13.0, -0.2))
_HAND_BMD = 0.437  # as the ultradistal radius


@dataclass(frozen=True, slots=True)
class RegionTruth:
    """What a region of one bone holds, by integration along the bone."""

    area_cm2: float
    bmc_g: float

    @property
    def bmd_g_cm2(self) -> float:
        """BMC / area."""
        return self.bmc_g / self.area_cm2


@dataclass(frozen=True, slots=True)
class ForearmScan:
    """How a simulated forearm lies and how it is scanned.

    Left with the hand up has the radius on the picture's right, as on GE reports. The rotation is
    clockwise as seen, about the field's middle. `styloid_mm` is the way from the distal edge of
    the field to the ulnar styloid tip and `shift_mm` that of the arm's middle from the field's
    middle to the right, both before rotation. `soft_tissue_g_cm2` is the level of pixels in the arm
    beside bone (a device's baseline is 0), `noise_g_cm2` the standard deviation in each pixel.
    """

    side: Literal["left", "right"] = "left"
    distal: Literal["up", "down"] = "up"
    spacing_mm: tuple[float, float] = (0.5, 0.5)
    field_mm: tuple[float, float] = (160.0, 110.0)
    rotation_deg: float = 0.0
    forearm_length_mm: float = 254.0  # of the ulna: sets where the 1/3 region lies
    styloid_mm: float = 45.0
    shift_mm: float = 0.0
    density_scale: float = 1.0
    soft_tissue_g_cm2: float = 0.0
    noise_g_cm2: float = 0.02

    def _signs(self) -> tuple[int, int]:
        down = 1 if self.distal == "up" else -1
        return down, down if self.side == "left" else -down

    def to_arm(self, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """(s, t) of points of the field."""
        angle = np.deg2rad(self.rotation_deg)
        y, x = y - self.field_mm[0] / 2, x - self.field_mm[1] / 2
        along, across = y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)
        down, right = self._signs()
        s = down * along + self.field_mm[0] / 2 - self.styloid_mm
        return s, right * (across - self.shift_mm) + 1.5

    def to_field(self, s: float, t: float) -> tuple[float, float]:
        """(row, column) in mm of a point of the arm."""
        angle = np.deg2rad(self.rotation_deg)
        down, right = self._signs()
        along = down * (s - self.field_mm[0] / 2 + self.styloid_mm)
        across = right * (t - 1.5) + self.shift_mm
        y = along * np.cos(angle) + across * np.sin(angle) + self.field_mm[0] / 2
        x = -along * np.sin(angle) + across * np.cos(angle) + self.field_mm[1] / 2
        return float(y), float(x)


@dataclass(frozen=True, slots=True)
class ForearmTruth:
    """All that is known of a simulated forearm before noise and defects.

    `regions` is keyed "ge radius one_third"; where the ulna's head is cut obliquely (GE UD) there
    is none. `styloid_mm` is (row, column) from the top left corner, before any cutting of the
    field.
    """

    scan: ForearmScan
    styloid_mm: tuple[float, float]
    noise_g_cm2: float
    regions: Mapping[str, RegionTruth]
    defects: tuple[str, ...] = ()

    def cortical_thickness_mm(self, s_mm: float, *, bone: Literal["radius", "ulna"]) -> float:
        """Thickness of the wall in the picture's plane, `s_mm` from the styloid tip."""
        at = np.array([float(s_mm)])
        width, _, ratio, _ = _tube(at, bone, self.scan.forearm_length_mm, self.scan.density_scale)
        return float(width[0] * (1 - ratio[0]))

    def width_mm(self, s_mm: float, *, bone: Literal["radius", "ulna"]) -> float:
        """Outer width of the bone, `s_mm` from the styloid tip."""
        at = np.array([float(s_mm)])
        return float(
            2 * _tube(at, bone, self.scan.forearm_length_mm, self.scan.density_scale)[0][0]
        )


@dataclass(frozen=True, slots=True, eq=False)
class ForearmPhantom:
    """A simulated BMD map [y, x] in g/cm², what each pixel is, and the truth."""

    bmd_map: Floats
    labels: NDArray[np.uint8]
    body: Mask
    truth: ForearmTruth

    def image(self) -> Image:
        """The map as an image of the kind bmd_map."""
        return self._image(self.bmd_map, "bmd_map")

    def picture(self) -> Image:
        """A contrast-mapped 8-bit view, as DXA devices show: simulated, not g/cm²."""
        grey = np.where(self.body, 40.0, 8.0) + self.bmd_map / 1.6 * 190
        return self._image(np.clip(np.rint(grey), 0, 252).astype(np.uint8), "dxa_picture")

    def radiograph(self) -> Image:
        """A 12-bit view with soft tissue of round section, as a film shows: simulated."""
        tissue = np.sqrt(np.clip(1 - _across(self.body) ** 2, 0, 1)) * self.body
        grey = 150 + 900 * tissue + 1600 * self.bmd_map / 1.6
        return self._image(np.clip(np.rint(grey), 0, 4095).astype(np.uint16), "radiograph")

    def _image(self, pixels: NDArray[np.generic], kind: str) -> Image:
        return Image(
            pixels=pixels,
            spacing_mm=self.truth.scan.spacing_mm,
            spacing_from="simulated",
            kind=kind,  # type: ignore[arg-type]
            origin=Origin(name="simulated forearm", sha256="", format="simulated"),
            body_part=f"simulated {self.truth.scan.side} forearm",
            side=self.truth.scan.side,
            device="simulated",
        )


def simulate_forearm(
    scan: ForearmScan | None = None, *, rng: np.random.Generator | None = None
) -> ForearmPhantom:
    """A simulated forearm lying palm down, as vendors scan it.

    Parameters
    ----------
    scan
        How it lies and how it is scanned; `ForearmScan()` where not given.
    rng
        For the noise; without it there is none.

    Raises
    ------
    InputError
        If the density cannot be filled with bone.

    Examples
    --------
    >>> phantom = simulate_forearm()
    >>> phantom.bmd_map.shape
    (320, 220)
    >>> round(phantom.truth.regions["ge radius one_third"].bmd_g_cm2, 3)
    0.861
    """
    scan = scan or ForearmScan()
    length_mm, scale, k = scan.forearm_length_mm, scan.density_scale, _SUPERSAMPLING
    shape = (
        round(scan.field_mm[0] / scan.spacing_mm[0]),
        round(scan.field_mm[1] / scan.spacing_mm[1]),
    )
    fine = scan.to_arm(*_grid(shape, scan.spacing_mm, k))
    density = _density(*fine, length_mm, scale)[0]
    bmd = density.reshape(shape[0], k, shape[1], k).mean(axis=(1, 3))
    s, t = scan.to_arm(*_grid(shape, scan.spacing_mm, 1))
    labels = _density(s, t, length_mm, scale)[1]
    body = np.abs(t - 1.5) < np.interp(s, [-60, -30, 0, 80], [44, 44, 32, 40])
    bmd = bmd + scan.soft_tissue_g_cm2 * (body & (labels == 0))
    if rng is not None:
        bmd = bmd + rng.normal(0, scan.noise_g_cm2, shape)
    truth = ForearmTruth(
        scan=scan,
        styloid_mm=scan.to_field(0.0, -15.5),
        noise_g_cm2=0.0 if rng is None else scan.noise_g_cm2,
        regions=_region_truths(length_mm, scale),
    )
    return ForearmPhantom(bmd, labels, body, truth)


def with_defect(phantom: ForearmPhantom, name: str, **changes: object) -> ForearmPhantom:
    """The phantom with changed parts, and the defect's name written into its truth."""
    truth = replace(phantom.truth, defects=(*phantom.truth.defects, name))
    return replace(phantom, truth=truth, **changes)  # type: ignore[arg-type]


def _grid(shape: tuple[int, int], spacing: tuple[float, float], k: int) -> tuple[Floats, Floats]:
    """Centres of the (sub)pixels in mm."""
    y = (np.arange(shape[0] * k) + 0.5) * spacing[0] / k
    x = (np.arange(shape[1] * k) + 0.5) * spacing[1] / k
    return y[:, None], x[None, :]


def _level(s: Floats, bone: str, length_mm: float, scale: float) -> Floats:
    """Mean BMD across the bone at each level: rises from the end-plate to the 1/3 region."""
    third = length_mm / 3 - ONE_THIRD_MM / 2
    knots = [END_PLATE_MM, END_PLATE_MM + UD_MM, third]
    levels = [0.402, 0.472, 0.861] if bone == "radius" else [0.290, 0.354, 0.833]
    return scale * np.interp(s, knots, levels)


def _tube(
    s: Floats, bone: str, length_mm: float, scale: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Half width, half depth (mm), inner/outer ratio, and centre line (mm) at each level."""
    radius = bone == "radius"
    width = np.interp(s, _S, _RADIUS_WIDTH if radius else _ULNA_WIDTH)
    depth = np.interp(s, _S, _RADIUS_DEPTH if radius else _ULNA_DEPTH)
    centre = np.interp(s, _S, _RADIUS_CENTRE if radius else _ULNA_CENTRE)
    # An ellipse π·width·depth of mean density ρ projects to a mean BMD of π/2·depth·ρ.
    mean = _level(s, bone, length_mm, scale) / (np.pi / 2 * depth / 10)
    squared = (CORTICAL_G_CM3 - mean) / (CORTICAL_G_CM3 - TRABECULAR_G_CM3)
    if squared.min() < 0 or squared.max() > 1:
        raise InputError(
            f"a density scale of {scale} cannot be filled with bone",
            remedy="choose one from about 0.6 to 1.2",
        )
    return width, depth, np.sqrt(squared), centre


def _density(
    s: Floats, t: Floats, length_mm: float, scale: float
) -> tuple[Floats, NDArray[np.uint8]]:
    """BMD at each point, and what the point is."""
    s, t = np.broadcast_arrays(s, t)
    bmd = np.zeros(s.shape)
    labels = np.zeros(s.shape, dtype=np.uint8)
    for row, column, high, wide in _CARPALS:
        reach = np.clip(1 - ((s - row) / high) ** 2 - ((t - column) / wide) ** 2, 0, None)
        bmd = np.maximum(bmd, 1.5 * scale * _HAND_BMD * np.sqrt(reach))
    for start, gain in _METACARPALS:
        reach = np.clip(1 - ((t - start - gain * (-33 - s)) / 4.0) ** 2, 0, None) * (s < -33)
        bmd = np.maximum(bmd, 4 / np.pi * scale * _HAND_BMD * np.sqrt(reach))
    labels[bmd > 0] = HAND
    end = END_PLATE_MM - _STYLOID_RISE_MM * np.clip(t / 27, 0, 1)
    ulnar_end = np.where(t < -13.5, 0.0, _ULNAR_HEAD_MM)
    for bone, code, first in (("radius", RADIUS, end), ("ulna", ULNA, ulnar_end)):
        width, depth, ratio, centre = _tube(s, bone, length_mm, scale)
        u = (t - centre) / width
        inside = (np.abs(u) < 1) & (s >= first)
        outer = np.sqrt(np.clip(1 - u**2, 0, None))
        inner = np.sqrt(np.clip(ratio**2 - u**2, 0, None))
        tube = depth / 5 * (CORTICAL_G_CM3 * (outer - inner) + TRABECULAR_G_CM3 * inner)
        bmd = np.where(inside, tube, bmd)
        labels[inside] = code
    return bmd, labels


def _region_truths(length_mm: float, scale: float) -> Mapping[str, RegionTruth]:
    third = (length_mm / 3 - ONE_THIRD_MM / 2, length_mm / 3 + ONE_THIRD_MM / 2)
    truths: dict[str, RegionTruth] = {}
    for vendor, start in (("ge", END_PLATE_MM), ("hologic", HOLOGIC_LEFT_OUT_MM)):
        spans = {
            "ud": (start, start + UD_MM),
            "mid": (start + UD_MM, third[0]),
            "one_third": third,
            "total": (start, third[1]),
        }
        for region, (first, last) in spans.items():
            known = {
                bone: _integral(bone, (first, last), length_mm, scale)
                for bone in ("radius", "ulna")
                if bone == "radius" or first >= _ULNAR_HEAD_MM
            }
            for bone, truth in known.items():
                truths[f"{vendor} {bone} {region}"] = truth
            if len(known) == 2:
                truths[f"{vendor} both {region}"] = RegionTruth(
                    sum(one.area_cm2 for one in known.values()),
                    sum(one.bmc_g for one in known.values()),
                )
    return MappingProxyType(truths)


def _integral(
    bone: str, span_mm: tuple[float, float], length_mm: float, scale: float
) -> RegionTruth:
    """Area and mineral of a bone between two levels, by 2000 midpoints."""
    step = (span_mm[1] - span_mm[0]) / 2000
    s: Floats = span_mm[0] + (np.arange(2000, dtype=np.float64) + 0.5) * step
    width = 2 * _tube(s, bone, length_mm, scale)[0]
    level = _level(s, bone, length_mm, scale)
    return RegionTruth(float(width.sum()) * step / 100, float((width * level).sum()) * step / 100)


def _across(body: Mask) -> Floats:
    """-1 to 1 from edge to edge of the body in each row."""
    columns = np.arange(body.shape[1])
    count = np.maximum(body.sum(axis=1), 1)
    middle = (body * columns).sum(axis=1) / count
    return np.asarray((columns[None, :] - middle[:, None]) / (count[:, None] / 2), dtype=np.float64)
