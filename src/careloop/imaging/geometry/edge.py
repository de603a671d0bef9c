"""The four edges of the cortex on a profile across a bone: by model, by gradient, by half height.

A round hollow bone of outer half-width a and canal half-width b shadows as
`√(a² − x²) − √(b² − x²)`: highest at the canal's edge, where it has a cusp, and with an endless
slope at the outer edge. Blur and pixels move every simple edge off these places, so the default is
to fit the whole profile.

shell
    Least squares of an elliptic shell: two half-ellipses of free height, width and centre, averaged
    over the pixel, blurred by a Gaussian of free width, on a straight background. The edges are
    those of the ellipses: free of blur, and each side has its own thickness.
gradient
    Outer edge where the profile climbs most steeply, inner edge where it falls most steeply between
    the cortical peak and the middle. On a round tube D and d both come out about one pixel small.
half_maximum
    Outer edge half way between background and cortical peak, inner edge half way between the peak
    and the canal's floor. Right for flat cortices seen edge-on; on a round tube both widths come
    out too small, by up to a tenth of D.

The three are measured against tubes of known D and d in `tests/imaging/geometry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Line = NDArray[np.float64]
Method = Literal["shell", "gradient", "half_maximum"]
METHODS: tuple[Method, ...] = ("shell", "gradient", "half_maximum")

MOST_STEPS = 40  # of one fit; tubes need about 15
CANAL_CONTRAST = 0.05  # a canal shallower than this share of the cortical peak is none


@dataclass(frozen=True, slots=True)
class Edges:
    """Places across the axis in mm, from first to second side; `r_squared` is 1 without a model."""

    outer_first_mm: float
    inner_first_mm: float
    inner_second_mm: float
    outer_second_mm: float
    r_squared: float = 1.0
    blur_mm: float = 0.0

    @property
    def outer_width_mm(self) -> float:
        """The outer width D."""
        return self.outer_second_mm - self.outer_first_mm

    @property
    def medullary_width_mm(self) -> float:
        """The width of the canal, d."""
        return self.inner_second_mm - self.inner_first_mm


def find_edges(
    s_mm: Line,
    value: Line,
    *,
    border_mm: tuple[float, float],
    method: Method = "shell",
    start: Edges | None = None,
) -> Edges | None:
    """The cortical edges on one profile, or None where no canal is seen between two cortices.

    Parameters
    ----------
    s_mm
        Places across the bone at even steps [n].
    value
        Grey values there, brighter for more bone; NaN where unknown [n].
    border_mm
        The bone's borders by its mask: where to look for the outer edges.
    method
        See the module's text.
    start
        Edges of a neighbouring profile: the model fit then starts there.
    """
    known = np.isfinite(value)
    if np.count_nonzero(known) < 8 or np.ptp(value[known]) <= 0.0:
        return None
    if method == "shell":
        return _shell(s_mm, value, known, border_mm, start=start)
    filled = value if known.all() else np.interp(s_mm, s_mm[known], value[known])
    if method == "gradient":
        return _by_gradient(s_mm, filled, border_mm)
    return _by_half_maximum(s_mm, filled, border_mm)


def outer_edges(
    s_mm: Line, value: Line, *, border_mm: tuple[float, float], method: Literal["shell", "gradient"]
) -> tuple[float, float, float] | None:
    """The two outer edges in mm and R² of the model (1 without one); a canal is not needed."""
    if np.ptp(value) <= 0.0:
        return None
    known = np.ones(len(value), dtype=bool)
    if method == "shell":
        edges = _shell(s_mm, value, known, border_mm, contrast=0.0)
        if edges is None:
            return None
        return edges.outer_first_mm, edges.outer_second_mm, edges.r_squared
    slope, width = np.gradient(value, s_mm), border_mm[1] - border_mm[0]
    first = _steepest(s_mm, slope, np.abs(s_mm - border_mm[0]) < 0.2 * width)
    second = _steepest(s_mm, -slope, np.abs(s_mm - border_mm[1]) < 0.2 * width)
    return None if first is None or second is None else (first, second, 1.0)


# --- the model


def _shell(
    s: Line,
    value: Line,
    known: NDArray[np.bool_],
    border: tuple[float, float],
    *,
    start: Edges | None = None,
    contrast: float = CANAL_CONTRAST,
) -> Edges | None:
    from scipy.optimize import least_squares

    width = border[1] - border[0]
    step = float(s[1] - s[0])
    low = [
        border[0] - 0.2 * width,
        border[1] - 0.2 * width,
        0.01 * width,
        0.01 * width,
        0.05 * step,
    ]
    high = [border[0] + 0.2 * width, border[1] + 0.2 * width, 0.6 * width, 0.6 * width, 0.2 * width]

    def residual(parameters: Line) -> Line:
        design = _design(s, parameters)[known]
        rest: Line = value[known] - design @ _heights(design, value[known])
        return rest

    best = None
    for guess in _guesses(border, step, start):
        inside = np.clip(guess, np.asarray(low) * 1.0 + 1e-9, np.asarray(high) - 1e-9)
        try:
            fit = least_squares(
                residual,
                inside,
                bounds=(low, high),
                x_scale=0.02 * width,
                xtol=1e-6,
                ftol=1e-9,
                max_nfev=MOST_STEPS,
            )
        except np.linalg.LinAlgError:
            continue
        if best is None or fit.cost < best.cost:
            best = fit
    if best is None:
        return None
    return _accepted(s, value, known, best.x, contrast=contrast)


def _heights(design: Line, value: Line) -> Line:
    """Least-squares heights of the columns, by the normal equations: four unknowns, fast."""
    normal = design.T @ design
    normal[np.diag_indices(len(normal))] *= 1.0 + 1e-10
    heights: Line = np.asarray(np.linalg.solve(normal, design.T @ value), dtype=np.float64)
    return heights


def _guesses(border: tuple[float, float], step: float, start: Edges | None) -> list[list[float]]:
    """Where fits begin: at the neighbour's edges, else at walls of three thicknesses."""
    if start is not None:
        return [
            [
                start.outer_first_mm,
                start.outer_second_mm,
                start.inner_first_mm - start.outer_first_mm,
                start.outer_second_mm - start.inner_second_mm,
                start.blur_mm,
            ]
        ]
    width = border[1] - border[0]
    return [
        [border[0], border[1], share * width, share * width, 1.5 * step]
        for share in (0.08, 0.18, 0.3, 0.4)
    ]


def _accepted(
    s: Line, value: Line, known: NDArray[np.bool_], parameters: Line, *, contrast: float
) -> Edges | None:
    """The fit as edges, or None where it has no canal of this contrast (0: none is needed)."""
    first, second, wall_first, wall_second, blur = (float(each) for each in parameters)
    design = _design(s, parameters)[known]
    heights = _heights(design, value[known])
    canal = second - wall_second - (first + wall_first)
    if heights[0] <= 0.0:
        return None
    if contrast and (canal < 0.02 * (second - first) or heights[1] < contrast * heights[0]):
        return None
    squares = float(np.sum((value[known] - design @ heights) ** 2))
    total = float(np.sum((value[known] - value[known].mean()) ** 2))
    return Edges(
        first, first + wall_first, second - wall_second, second, 1.0 - squares / total, blur
    )


def _design(s: Line, parameters: Line) -> Line:
    """Outer half-ellipse, canal (negative), one, place; averaged over pixels, blurred [n, 4]."""
    first, second, wall_first, wall_second, blur = parameters
    step = s[1] - s[0]
    pad = 16
    bounds = s[0] + (np.arange(len(s) + 2 * pad + 1) - pad - 0.5) * step
    inner_first = first + wall_first
    inner_second = max(second - wall_second, inner_first + 1e-3 * (second - first))
    shapes = np.stack(
        [_half_ellipse(bounds, first, second), -_half_ellipse(bounds, inner_first, inner_second)]
    )
    frequency = np.fft.rfftfreq(shapes.shape[1], d=step)
    kernel = np.exp(-2.0 * (np.pi * frequency * blur) ** 2)
    blurred = np.fft.irfft(np.fft.rfft(shapes, axis=1) * kernel, n=shapes.shape[1], axis=1)
    blurred = blurred[:, pad:-pad]
    centred = (s - s.mean()) / (s[-1] - s[0])
    return np.column_stack([blurred[0], blurred[1], np.ones(len(s)), centred])


def _half_ellipse(bounds: Line, first: float, second: float) -> Line:
    """A half-ellipse of height 1 between two edges, averaged between neighbouring bounds [n]."""
    half = (second - first) / 2.0
    place = np.clip((bounds - (first + second) / 2.0) / half, -1.0, 1.0)
    area = 0.5 * half * (place * np.sqrt(1.0 - place**2) + np.arcsin(place))
    mean: Line = np.diff(area) / np.diff(bounds)
    return mean


# --- the simple edges


def _by_gradient(s: Line, value: Line, border: tuple[float, float]) -> Edges | None:
    slope = np.gradient(value, s)
    width, middle = border[1] - border[0], (border[0] + border[1]) / 2.0
    found: list[float] = []
    for side, edge in ((1.0, border[0]), (-1.0, border[1])):
        depth = (s - edge) * side  # grows inwards
        outer = _steepest(s, side * slope, (depth > -0.15 * width) & (depth < 0.25 * width))
        peak = _cortical_peak(s, value, border, side)
        if outer is None or peak is None:
            return None
        between = ((s - s[peak]) * side > 0) & ((s - middle) * side <= 0.0)
        inner = _steepest(s, -side * slope, between)
        if inner is None or (inner - outer) * side <= 0.0:
            return None
        found += [outer, inner]
    if found[3] <= found[1]:
        return None
    return Edges(found[0], found[1], found[3], found[2])


def _by_half_maximum(s: Line, value: Line, border: tuple[float, float]) -> Edges | None:
    width = border[1] - border[0]
    middle = np.abs(s - (border[0] + border[1]) / 2.0) <= 0.2 * width
    floor = float(value[middle].min()) if middle.any() else np.inf
    found: list[float] = []
    for side, edge in ((1.0, border[0]), (-1.0, border[1])):
        peak = _cortical_peak(s, value, border, side)
        outside = (edge - s) * side >= 0.0
        if peak is None or not outside.any():
            return None
        background = float(value[outside].min())
        outer = _fall(s, value, peak, towards=int(-side), level=(background + value[peak]) / 2.0)
        inner = _fall(s, value, peak, towards=int(side), level=(floor + value[peak]) / 2.0)
        if outer is None or inner is None:
            return None
        found += [outer, inner]
    if found[3] <= found[1]:
        return None
    return Edges(found[0], found[1], found[3], found[2])


def _cortical_peak(s: Line, value: Line, border: tuple[float, float], side: float) -> int | None:
    """The highest sample of one half of the bone, if the canal's floor lies clearly below it."""
    edge = border[0] if side > 0 else border[1]
    depth = (s - edge) * side
    width = border[1] - border[0]
    here = np.flatnonzero((depth > -0.15 * width) & (depth < 0.5 * width))
    middle = np.abs(s - (border[0] + border[1]) / 2.0) <= 0.2 * width
    if not here.size or not middle.any():
        return None
    peak = int(here[value[here].argmax()])
    base = float(value.min())
    if value[middle].min() - base > (1.0 - CANAL_CONTRAST) * (value[peak] - base):
        return None
    return peak


def _steepest(s: Line, slope: Line, where: NDArray[np.bool_]) -> float | None:
    """The place of the largest slope among some samples, between samples by a parabola."""
    places = np.flatnonzero(where)
    if not places.size:
        return None
    top = int(places[slope[places].argmax()])
    if slope[top] <= 0.0:
        return None
    if 0 < top < len(s) - 1:
        before, here, after = slope[top - 1], slope[top], slope[top + 1]
        bend = before - 2.0 * here + after
        if bend < 0.0:
            shift = float(np.clip(0.5 * (before - after) / bend, -1.0, 1.0))
            return float(s[top] + shift * (s[1] - s[0]))
    return float(s[top])


def _fall(s: Line, value: Line, peak: int, *, towards: int, level: float) -> float | None:
    """Where the profile first falls through a level on the way from the peak."""
    at = peak
    while 0 <= at + towards < len(s):
        if value[at + towards] < level <= value[at]:
            share = (value[at] - level) / (value[at] - value[at + towards])
            return float(s[at] + towards * share * (s[1] - s[0]))
        at += towards
    return None
