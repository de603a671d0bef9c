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
    ordered = np.partition(values, np.unique([0, *below, *above, number - 1]))
    lower, upper = (np.asarray(ordered[at], dtype=np.float64) for at in (below, above))
    percentiles = lower + (upper - lower) * part
    exact: Array = np.asarray(values, dtype=np.float64)
    ends = float(ordered[0]), float(ordered[-1])
    return _statistics(exact, np.ones(number), percentiles, ends)


def histogram_features(counts: NDArray[Any]) -> list[float]:
    """The 23 features of a histogram: `counts` [level], how many pixels have level 1, 2, …."""
    (present,) = np.nonzero(counts)
    level, weight = present + 1.0, counts[present].astype(np.float64)
    cumulative = np.cumsum(counts[present])
    below, above, part = _places(int(cumulative[-1]))
    lower, upper = (level[np.searchsorted(cumulative, at, side="right")] for at in (below, above))
    ends = float(level[0]), float(level[-1])
    shared = _statistics(level, weight, lower + (upper - lower) * part, ends)
    share = weight / weight.sum()
    gradient = np.gradient(counts.astype(np.float64)) if len(counts) > 1 else np.zeros(1)
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


def _statistics(
    value: Array, weight: Array, percentiles: NDArray[Any], ends: tuple[float, float]
) -> list[float]:
    """The statistics that both families share, of values that each count `weight` times."""
    p10, p25, median, p75, p90 = percentiles.tolist()
    low, high = ends
    number = float(weight.sum())
    mean = float(value @ weight) / number
    offset = value - mean
    square = offset * offset
    variance = float(square @ weight) / number
    kept = weight * ((value >= p10) & (value <= p90))
    number_kept = float(kept.sum()) or np.nan  # two pixels can have none between the percentiles
    kept_mean = float(value @ kept) / number_kept
    flat = high == low
    energy = float((value * value) @ weight)
    return [
        mean,
        0.0 if flat else variance,
        0.0 if flat else float((square * offset) @ weight) / number / variance**1.5,
        0.0 if flat else float((square * square) @ weight) / number / variance**2 - 3,
        median,
        low,
        p10,
        p90,
        high,
        p75 - p25,
        high - low,
        float(np.abs(offset) @ weight) / number,
        float(np.abs(value - kept_mean) @ kept) / number_kept,
        float(np.abs(value - median) @ weight) / number,
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
