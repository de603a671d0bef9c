"""First-order features: of the intensities themselves and of their histogram (IBSI §3.3-3.4)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def statistics_features(values: NDArray[Any]) -> list[float]:
    """The 18 intensity statistics of the values [pixel] inside a region.

    Percentiles interpolate linearly between order statistics. The kurtosis is the excess over 3.
    Skewness and kurtosis of equal values are 0; a dispersion relative to a mean of 0 is not a
    number.
    """
    number = len(values)
    below, above, part = _places(number)
    ordered = np.partition(values, sorted({0, *below.tolist(), *above.tolist(), number - 1}))
    lower, upper = (np.asarray(ordered[at], dtype=np.float64) for at in (below, above))
    percentiles = lower + (upper - lower) * part
    exact: Array = values.astype(np.float64)
    ends = float(ordered[0]), float(ordered[-1])
    return _statistics(exact, None, percentiles, ends)


def histogram_features(counts: NDArray[Any]) -> list[float]:
    """The 23 features of a histogram: `counts` [level], how many pixels have level 1, 2, …."""
    (present,) = np.nonzero(counts)
    level, weight = (present + 1).astype(np.float64), counts[present].astype(np.float64)
    cumulative = np.cumsum(counts[present])
    below, above, part = _places(int(cumulative[-1]))
    lower, upper = (level[np.searchsorted(cumulative, at, side="right")] for at in (below, above))
    ends = float(level[0]), float(level[-1])
    shared = _statistics(level, weight, lower + (upper - lower) * part, ends)
    share = weight / weight.sum()
    gradient = _gradient(counts.astype(np.float64))
    steepest, falling = int(gradient.argmax()), int(gradient.argmin())
    return [
        *shared[:9],
        float(level[weight.argmax()]),
        *shared[9:16],
        float(-(share * np.log2(share)).sum()),
        float((share * share).sum()),
        float(gradient[steepest]),
        float(steepest + 1),
        float(gradient[falling]),
        float(falling + 1),
    ]


def _gradient(counts: Array) -> Array:
    """Central differences inside, one-sided at both ends."""
    gradient = np.zeros(len(counts))
    if len(counts) > 1:
        gradient[1:-1] = (counts[2:] - counts[:-2]) / 2
        gradient[0], gradient[-1] = counts[1] - counts[0], counts[-1] - counts[-2]
    return gradient


def _statistics(
    value: Array, weight: Array | None, percentiles: NDArray[Any], ends: tuple[float, float]
) -> list[float]:
    """The statistics that both families share, of values that each count `weight` times."""

    def total(terms: Array) -> float:
        return float(terms.sum() if weight is None else (terms * weight).sum())

    p10, p25, median, p75, p90 = percentiles.tolist()
    low, high = ends
    number = float(len(value)) if weight is None else float(weight.sum())
    mean = total(value) / number
    offset = value - mean
    square = offset * offset
    variance = total(square) / number
    inner = ((value >= p10) & (value <= p90)).astype(np.float64)
    kept = total(inner) or np.nan  # two pixels can have none between the percentiles
    kept_mean = total(value * inner) / kept
    flat = high == low
    energy = variance * number + mean * mean * number
    return [
        mean,
        0.0 if flat else variance,
        0.0 if flat else total(square * offset) / number / variance**1.5,
        0.0 if flat else total(square * square) / number / variance**2 - 3,
        median,
        low,
        p10,
        p90,
        high,
        p75 - p25,
        high - low,
        total(np.abs(offset)) / number,
        total(np.abs(value - kept_mean) * inner) / kept,
        total(np.abs(value - median)) / number,
        float(np.sqrt(variance)) / mean if mean else np.nan,
        (p75 - p25) / (p75 + p25) if p75 + p25 else np.nan,
        energy,
        float(np.sqrt(energy / number)),
    ]


_QUANTILES = np.array([0.10, 0.25, 0.50, 0.75, 0.90])


def _places(number: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """For each percentile of `number` ordered values: its two neighbours and the part between."""
    place = _QUANTILES * (number - 1)
    below = place.astype(np.int64)
    return below, np.minimum(below + 1, number - 1), place - below
