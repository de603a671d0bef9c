"""Grey values made comparable: by a phantom's inserts, a reference distribution, or an equation.

No calibration turns a picture into a BMD map: a map stays a map where the calibration is in its
own unit (phantom, device equation), any other image keeps its kind. Where pixels lie outside what
the calibration was fitted on, the finding I401 says how many. No coefficients are shipped: an
equation enters with its source or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.error import InputError
from careloop.imaging.image import Image, Mask
from careloop.imaging.preprocessing.step import (
    Floats,
    Step,
    as_float,
    inside,
    mapped_kind,
    with_pixels,
)
from careloop.records.finding import Finding, declare

EXTRAPOLATED = declare(
    "I401",
    "warning",
    zh="部分像素超出校准范围，数值为外推",
    en="some pixels lie outside the calibrated range: their values are extrapolated",
    remedy_zh="使用覆盖该范围的体模，或不使用这些像素",
    remedy_en="use a phantom that covers the range, or leave these pixels out",
)

Method = Literal["least_squares", "theil_sen"]

MIN_POINTS = 3
CENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
"""Landmarks of Nyúl, Udupa and Zhang 2000: the ends and the deciles."""

_MIN_PIXELS = 100
_MIN_IMAGES = 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """known = slope · measured + intercept, fitted between `low` and `high` (measured)."""

    slope: float
    intercept: float
    low: float
    high: float
    residual: float  # standard deviation of the residuals, in the unit of the known values
    points: int
    method: Method
    source: str  # phantom, its serial number, the date it was scanned

    def __post_init__(self) -> None:
        _need_source(self.source)
        numbers = (self.slope, self.intercept, self.low, self.high, self.residual)
        if not np.isfinite(numbers).all() or self.slope == 0 or not self.low < self.high:
            raise InputError("a calibration that is no line", remedy="fit it with fit_phantom")
        if self.points < MIN_POINTS:
            raise InputError(f"a calibration on {self.points} points", remedy="three or more")


def fit_phantom(
    measured: ArrayLike,
    known: ArrayLike,
    *,
    source: str,
    method: Method = "least_squares",
) -> Calibration:
    """The line from measured grey values of a phantom's inserts to their known values.

    Parameters
    ----------
    measured, known
        One figure for each insert; the same length, three or more, at three levels or more.
    source
        Which phantom, and when it was scanned.
    method
        least_squares; theil_sen, the median of the slopes of all pairs, bears one bad insert in
        about three (Sen 1968).

    Raises
    ------
    InputError
        With fewer points or levels, missing figures, or no relation.

    Examples
    --------
    >>> fit_phantom([10, 20, 30], [0.5, 1.0, 1.5], source="simulated phantom").slope
    0.05
    """
    x, y = np.asarray(measured, dtype=np.float64), np.asarray(known, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size < MIN_POINTS:
        raise InputError(
            f"{x.size} measured and {y.size} known values",
            where=source,
            remedy=f"give {MIN_POINTS} inserts or more, each with its known value",
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("a value is missing", where=source, remedy="leave that insert out")
    if np.unique(x).size < MIN_POINTS or np.unique(y).size < MIN_POINTS:
        raise InputError(
            "fewer than three different levels", where=source, remedy="measure more inserts"
        )
    slope, intercept = _line(x, y, method)
    residuals = y - slope * x - intercept
    return Calibration(
        slope=slope,
        intercept=intercept,
        low=float(x.min()),
        high=float(x.max()),
        residual=float(np.sqrt((residuals**2).sum() / (x.size - 2))),
        points=int(x.size),
        method=method,
        source=source,
    )


def calibrate(image: Image, *, calibration: Calibration) -> tuple[Image, Step]:
    """The image with the calibration's line applied; extrapolated pixels are counted (I401)."""
    pixels = as_float(image.pixels)
    fresh = (calibration.slope * pixels + calibration.intercept).astype(pixels.dtype)
    beyond = _outside(pixels, calibration.low, calibration.high)
    settings: dict[str, str | float] = {
        "slope": calibration.slope,
        "intercept": calibration.intercept,
        "low": calibration.low,
        "high": calibration.high,
        "residual": calibration.residual,
        "points": float(calibration.points),
        "method": calibration.method,
        "source": calibration.source,
    }
    return _noted(with_pixels(image, fresh), beyond), Step("calibrate", settings)


@dataclass(frozen=True, slots=True)
class ReferenceDistribution:
    """Standard landmarks that images are matched to, and what they were learned from."""

    centiles: tuple[float, ...]
    values: tuple[float, ...]
    images: int
    source: str

    def __post_init__(self) -> None:
        _need_source(self.source)
        rising = all(np.diff(self.centiles) > 0) and all(np.diff(self.values) > 0)
        if len(self.centiles) != len(self.values) or len(self.values) < 2 or not rising:
            raise InputError("landmarks must rise", remedy="learn them with learn_distribution")


def learn_distribution(
    images: Sequence[tuple[Image, Mask | None]],
    *,
    source: str,
    scale: tuple[float, float] = (0.0, 100.0),
) -> ReferenceDistribution:
    """Standard landmarks: each image's centiles on a common scale, then their mean.

    Raises
    ------
    InputError
        With fewer than two images, or a mask of fewer than 100 pixels.

    References
    ----------
    Nyúl LG, Udupa JK, Zhang X. New variants of a method of MRI scale standardization. IEEE Trans
    Med Imaging 2000;19:143-150.
    """
    if len(images) < _MIN_IMAGES:
        raise InputError(
            f"a reference from {len(images)} images",
            where=source,
            remedy=f"give {_MIN_IMAGES} or more",
        )
    if not scale[0] < scale[1]:
        raise InputError(f"a scale from {scale[0]} to {scale[1]}", remedy="give it rising")
    every = []
    for image, mask in images:
        marks = _landmarks(image, mask, CENTILES)
        every.append((marks - marks[0]) / (marks[-1] - marks[0]))
    mean = scale[0] + (scale[1] - scale[0]) * np.mean(every, axis=0)
    return ReferenceDistribution(CENTILES, tuple(float(v) for v in mean), len(images), source)


def match_distribution(
    image: Image, *, reference: ReferenceDistribution, mask: Mask | None = None
) -> tuple[Image, Step]:
    """The image's landmarks moved onto the reference's, linear between and beyond them.

    Pixels of the mask beyond the first and last landmark are counted (I401). A BMD map or CT is
    of the kind "other" afterwards: the numbers have no unit.

    Raises
    ------
    InputError
        With fewer than 100 pixels, or landmarks that coincide.
    """
    pixels = as_float(image.pixels)
    marks = _landmarks(image, mask, reference.centiles)
    values = np.asarray(reference.values)
    fresh = _piecewise(pixels, marks, values).astype(pixels.dtype)
    area = pixels[inside(image, mask)]
    settings: dict[str, str | float] = {
        "centiles": " ".join(repr(v) for v in reference.centiles),
        "values": " ".join(repr(v) for v in reference.values),
        "images": float(reference.images),
        "source": reference.source,
    }
    mapped = with_pixels(image, fresh, kind=mapped_kind(image.kind))
    beyond = _outside(area, float(marks[0]), float(marks[-1]))
    return _noted(mapped, beyond), Step("match_distribution", settings)


@dataclass(frozen=True, slots=True)
class DeviceEquation:
    """target = slope · origin + intercept between two devices, from a published comparison."""

    from_device: str
    to_device: str
    slope: float
    intercept: float
    low: float  # range of the study, in the unit of the images
    high: float
    source: str  # the publication and page

    def __post_init__(self) -> None:
        _need_source(self.source)
        if not (self.from_device and self.to_device):
            raise InputError("an equation between unnamed devices", remedy="name both devices")
        numbers = (self.slope, self.intercept, self.low, self.high)
        if not np.isfinite(numbers).all() or self.slope <= 0 or not self.low < self.high:
            raise InputError("an equation that is no rising line", remedy="check it in its source")


def convert_device(image: Image, *, equation: DeviceEquation) -> tuple[Image, Step]:
    """A BMD map of one device in terms of another.

    Raises
    ------
    InputError
        If the image is no BMD map or does not come from the equation's device.
    """
    if image.kind != "bmd_map":
        raise InputError(
            f"an equation between devices on an image of the kind {image.kind}",
            where=image.origin.name,
            remedy="only BMD maps are in g/cm²",
        )
    if equation.from_device.casefold() not in image.device.casefold():
        raise InputError(
            f"the image is from {image.device or 'an unknown device'}, the equation from "
            f"{equation.from_device}",
            where=image.origin.name,
            remedy="use the equation of that device",
        )
    pixels = as_float(image.pixels)
    fresh = (equation.slope * pixels + equation.intercept).astype(pixels.dtype)
    beyond = _outside(pixels, equation.low, equation.high)
    settings: dict[str, str | float] = {
        "from_device": equation.from_device,
        "to_device": equation.to_device,
        "slope": equation.slope,
        "intercept": equation.intercept,
        "low": equation.low,
        "high": equation.high,
        "source": equation.source,
    }
    converted = replace(with_pixels(image, fresh), device=f"{equation.to_device} (converted)")
    return _noted(converted, beyond), Step("convert_device", settings)


def _line(x: NDArray[np.float64], y: NDArray[np.float64], method: str) -> tuple[float, float]:
    if method == "least_squares":
        slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
        return slope, float(y.mean() - slope * x.mean())
    if method != "theil_sen":
        raise InputError(f"no method {method!r}", remedy="least_squares or theil_sen")
    pairs = [(i, j) for i, j in combinations(range(x.size), 2) if x[i] != x[j]]
    slope = float(np.median([(y[j] - y[i]) / (x[j] - x[i]) for i, j in pairs]))
    return slope, float(np.median(y - slope * x))


def _landmarks(image: Image, mask: Mask | None, centiles: tuple[float, ...]) -> NDArray[np.float64]:
    known = inside(image, mask)
    if int(known.sum()) < _MIN_PIXELS:
        raise InputError(
            f"a distribution of {int(known.sum())} pixels",
            where=image.origin.name,
            remedy=f"{_MIN_PIXELS} pixels or more",
        )
    marks = np.percentile(np.asarray(image.pixels, dtype=np.float64)[known], centiles)
    if not (np.diff(marks) > 0).all():
        raise InputError(
            "landmarks of the distribution coincide (too few grey levels)",
            where=image.origin.name,
            remedy="use an image with more grey levels",
        )
    return np.asarray(marks)


def _piecewise(
    pixels: Floats, marks: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[Any]:
    """Linear between the landmarks; the first and last segments go on beyond them."""
    segment = np.clip(np.searchsorted(marks, pixels, side="right") - 1, 0, marks.size - 2)
    slope = np.diff(values) / np.diff(marks)
    return np.asarray(values[segment] + slope[segment] * (pixels - marks[segment]))


def _outside(pixels: NDArray[Any], low: float, high: float) -> tuple[int, float]:
    known = pixels[np.isfinite(pixels)]
    count = int(((known < low) | (known > high)).sum())
    return count, count / known.size if known.size else 0.0


def _noted(image: Image, beyond: tuple[int, float]) -> Image:
    count, share = beyond
    if count == 0:
        return image
    finding = Finding(EXTRAPOLATED, "pixels", detail=f"{share:.1%}", count=count)
    return replace(image, findings=(*image.findings, finding))


def _need_source(source: str) -> None:
    if not source.strip():
        raise InputError("a calibration without a source", remedy="say where it comes from")
