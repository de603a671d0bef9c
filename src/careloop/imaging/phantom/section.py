"""Bones made by formula: tubes, sections and a femur whose geometry is known exactly.

A pixel holds the mean of the object over its area (anti-aliasing by sub-sampling), as a detector
does. Radiographs are ideal: attenuation proportional to the path through bone, parallel beam, no
scatter. What passes on these is proven on synthetic images only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.image import Mask

Grid = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """An image and the mask of its bone: the pixels at least half covered by it."""

    pixels: Grid
    mask: Mask
    spacing: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tube:
    """A round hollow bone; radii grow by `flare` mm per mm² of squared distance from the waist.

    `outer_mm` and `inner_mm` are radii at the waist, `length_mm` the whole length (infinite by
    default), `taper` the growth of both radii in mm per mm along the axis.
    """

    outer_mm: float
    inner_mm: float
    length_mm: float = np.inf
    taper: float = 0.0
    flare: float = 0.0

    def path_mm(self, along: Grid, across: Grid) -> Grid:
        """Length of bone met by a ray at these axial and transverse distances from the waist."""
        growth = self.taper * along + self.flare * along**2
        outer = np.maximum(self.outer_mm + growth, 0.0) ** 2 - across**2
        inner = np.maximum(self.inner_mm + growth, 0.0) ** 2 - across**2
        path = 2.0 * (np.sqrt(np.maximum(outer, 0.0)) - np.sqrt(np.maximum(inner, 0.0)))
        return np.where(np.abs(along) <= self.length_mm / 2.0, path, 0.0)


def tube_radiograph(
    shape: tuple[int, int],
    tube: Tube,
    *,
    spacing: tuple[float, float],
    tilt_deg: float = 0.0,
    shift_mm: tuple[float, float] = (0.0, 0.0),
    lean_deg: float = 0.0,
    per_mm: float = 1.0,
    oversample: int = 6,
) -> Phantom:
    """A tube seen from the side: `per_mm` grey levels for each mm of bone in the ray's way.

    Parameters
    ----------
    shape
        Rows and columns.
    tube
        The bone; its waist lies in the middle of the image, moved by `shift_mm` (down, right).
    spacing
        mm between rows and between columns.
    tilt_deg
        Turn in the image plane: from straight down towards the right.
    lean_deg
        Turn out of the image plane: paths grow by its secant.

    Examples
    --------
    >>> bone = tube_radiograph((40, 60), Tube(4.0, 2.0), spacing=(0.5, 0.5))
    >>> round(float(bone.pixels[20].sum()) * 0.5, 1)  # π (4² − 2²)
    37.7
    """

    def density(y: Grid, x: Grid) -> Grid:
        along, across = turned(y - shift_mm[0], x - shift_mm[1], tilt_deg)
        return tube.path_mm(along * np.cos(np.radians(lean_deg)), across)

    def covered(y: Grid, x: Grid) -> Grid:
        return (density(y, x) > 0.0).astype(float)

    pixels = rendered(density, shape, spacing=spacing, oversample=oversample)
    mask = rendered(covered, shape, spacing=spacing, oversample=oversample) >= 0.5
    return Phantom(pixels * (per_mm / np.cos(np.radians(lean_deg))), mask, spacing)


def tube_bmd_map(
    shape: tuple[int, int],
    tube: Tube,
    *,
    spacing: tuple[float, float],
    density_g_cm3: float,
    **pose: Any,
) -> Phantom:
    """A tube of this density as a BMD map in g/cm²; `pose` as in `tube_radiograph`."""
    return tube_radiograph(shape, tube, spacing=spacing, per_mm=density_g_cm3 / 10.0, **pose)


def ring_section(
    shape: tuple[int, int],
    *,
    spacing: tuple[float, float],
    outer_mm: tuple[float, float],
    inner_mm: tuple[float, float],
    density: float,
    tilt_deg: float = 0.0,
    shift_mm: tuple[float, float] = (0.0, 0.0),
    oversample: int = 8,
) -> Phantom:
    """A slice through a hollow bone: an elliptic ring of `density`, nothing inside.

    `outer_mm` and `inner_mm` are half-axes along and across the tilted axis; equal ones make the
    annulus. The mask holds the ring, not its canal.
    """

    def ring(y: Grid, x: Grid) -> Grid:
        along, across = turned(y - shift_mm[0], x - shift_mm[1], tilt_deg)
        outer = (along / outer_mm[0]) ** 2 + (across / outer_mm[1]) ** 2 <= 1.0
        if min(inner_mm) <= 0.0:
            return outer.astype(float)
        inner = (along / inner_mm[0]) ** 2 + (across / inner_mm[1]) ** 2 < 1.0
        return (outer & ~inner).astype(float)

    share = rendered(ring, shape, spacing=spacing, oversample=oversample)
    return Phantom(share * density, share >= 0.5, spacing)


@dataclass(frozen=True, slots=True)
class Femur:
    """A proximal femur of simple solids: shaft and neck are tubes, head and trochanter balls.

    The neck's waist is an exact annulus in section, so hip structure there is known. The shaft
    points straight down; the neck leaves it at `neck_shaft_deg`.
    """

    neck: Tube = Tube(15.0, 12.0, flare=0.006)
    shaft: Tube = Tube(15.0, 9.0)
    neck_shaft_deg: float = 127.0
    head_mm: float = 23.0  # radius
    head_distance_mm: float = 52.0  # from the crossing of the axes to the head's centre
    waist_distance_mm: float = 26.0  # from the crossing of the axes to the neck's waist
    trochanter_mm: float = 21.0  # radius
    trochanter_shift_mm: float = 6.0  # of its centre, lateral from the crossing of the axes
    shaft_length_mm: float = 90.0  # below the crossing of the axes
    trabecular: float = 0.15  # share of bone in head and trochanter

    @property
    def neck_axis_length_mm(self) -> float:
        """From the trochanter's lateral border along the neck axis to the head's medial border."""
        angle, shift = np.radians(self.neck_shaft_deg), self.trochanter_shift_mm
        beyond = np.sqrt(self.trochanter_mm**2 - (shift * np.cos(angle)) ** 2)
        return float(self.head_distance_mm + self.head_mm + shift * np.sin(angle) + beyond)


def femur_bmd_map(
    shape: tuple[int, int],
    femur: Femur,
    *,
    spacing: tuple[float, float],
    density_g_cm3: float,
    tilt_deg: float = 0.0,
    shift_mm: tuple[float, float] = (0.0, 0.0),
    medial_sign: int = 1,
    oversample: int = 4,
) -> Phantom:
    """A femur as a BMD map in g/cm²; the head lies to the right where `medial_sign` is 1.

    The crossing of the axes is the image's middle, moved by `shift_mm` (down, right).
    """
    angle = np.radians(femur.neck_shaft_deg)
    step_down, step_in = np.cos(angle), np.sin(angle)

    def paths(y: Grid, x: Grid) -> Grid:
        down, inwards = turned(y - shift_mm[0], x - shift_mm[1], tilt_deg)
        inwards = medial_sign * inwards
        along = down * step_down + inwards * step_in
        across = down * step_in - inwards * step_down
        neck = femur.neck.path_mm(along - femur.waist_distance_mm, across)
        neck = np.where((along >= 0.0) & (along <= femur.head_distance_mm), neck, 0.0)
        shaft = femur.shaft.path_mm(down, inwards)
        shaft = np.where((down >= 0.0) & (down <= femur.shaft_length_mm), shaft, 0.0)
        head = _ball(along - femur.head_distance_mm, across, femur.head_mm)
        trochanter = _ball(down, inwards + femur.trochanter_shift_mm, femur.trochanter_mm)
        solid = femur.trabecular * np.maximum(head, trochanter)
        return np.maximum(np.maximum(neck, shaft), solid)

    pixels = rendered(paths, shape, spacing=spacing, oversample=oversample)
    mask = rendered(lambda y, x: paths(y, x) > 0.0, shape, spacing=spacing, oversample=oversample)
    return Phantom(pixels * density_g_cm3 / 10.0, mask >= 0.5, spacing)


def polygon(
    shape: tuple[int, int],
    corners_mm: NDArray[np.float64],
    *,
    spacing: tuple[float, float],
    tilt_deg: float = 0.0,
    shift_mm: tuple[float, float] = (0.0, 0.0),
    oversample: int = 4,
) -> Mask:
    """The mask of a polygon with these corners (y, x) in mm from the image's middle [n, 2]."""
    following = np.roll(corners_mm, -1, axis=0)

    def inside(y: Grid, x: Grid) -> Grid:
        along, across = turned(y - shift_mm[0], x - shift_mm[1], tilt_deg)
        odd = np.zeros(along.shape, dtype=bool)
        for (y0, x0), (y1, x1) in zip(corners_mm, following, strict=True):
            if y0 == y1:
                continue
            crosses = (y0 > along) != (y1 > along)
            odd ^= crosses & (across < x0 + (along - y0) * (x1 - x0) / (y1 - y0))
        return odd.astype(float)

    return rendered(inside, shape, spacing=spacing, oversample=oversample) >= 0.5


def turned(y: Grid, x: Grid, tilt_deg: float) -> tuple[Grid, Grid]:
    """Distances along and across an axis that points down, turned by `tilt_deg` to the right."""
    cosine, sine = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    return y * cosine + x * sine, x * cosine - y * sine


def rendered(
    density: Any, shape: tuple[int, int], *, spacing: tuple[float, float], oversample: int
) -> Grid:
    """`density(y, x)` in mm from the image's middle, averaged over the area of each pixel."""
    offsets = (np.arange(oversample) + 0.5) / oversample - 0.5
    rows = np.arange(shape[0]) - (shape[0] - 1) / 2.0
    columns = np.arange(shape[1]) - (shape[1] - 1) / 2.0
    x = ((columns[:, None] + offsets).ravel() * spacing[1])[None, :]
    total: Grid = np.zeros(shape)
    for offset in offsets:  # one sub-row at a time keeps memory small
        y = ((rows + offset) * spacing[0])[:, None]
        values = np.asarray(density(y, x), dtype=float)
        values = np.broadcast_to(values, (shape[0], x.shape[1]))
        total += values.reshape(shape[0], shape[1], oversample).mean(axis=2)
    return total / oversample


def _ball(y: Grid, x: Grid, radius_mm: float) -> Grid:
    return 2.0 * np.sqrt(np.maximum(radius_mm**2 - y**2 - x**2, 0.0))
