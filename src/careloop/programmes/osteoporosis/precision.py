"""Precision of BMD measurement and the least significant change (LSC).

Reference: ISCD Official Positions 2023, precision assessment: 30 people measured twice (or 15 three
times), at least 30 degrees of freedom; LSC = 2.77 × precision error at 95 % confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from careloop.error import InputError
from careloop.records.withdrawal import standing

_LSC = 2.77
MAX_LSC_PCT = {"lumbar_spine": 5.3, "total_hip": 5.0, "femoral_neck": 6.9}
"""Largest acceptable LSC in percent by site (ISCD) [B]; none is given for the 1/3 radius."""
UNNAMED = ("", "other")
"""What may stand for several devices: two values told so may be of two devices."""


@dataclass(frozen=True, slots=True)
class Precision:
    """Result of a precision study: `rms_sd`, `lsc` in the unit measured, the rest in percent."""

    rms_sd: float
    lsc: float
    rms_cv_pct: float
    lsc_pct: float
    people: int
    degrees_of_freedom: int

    @property
    def enough(self) -> bool:
        """Whether the study has the 30 degrees of freedom ISCD asks for."""
        return self.degrees_of_freedom >= 30


def precision(measurements: Sequence[Sequence[float]]) -> Precision:
    """Precision from repeated measurements.

    Parameters
    ----------
    measurements
        Per person two or more repeated values (g/cm²), repositioned between them.

    Raises
    ------
    InputError
        With no person, fewer than two values for a person, or a value that is not positive.

    Examples
    --------
    >>> pairs = [(1.000, 1.010), (0.900, 0.888), (0.850, 0.856), (1.120, 1.110), (0.770, 0.778)]
    >>> round(precision(pairs).lsc, 6)
    0.018457
    """
    if not measurements:
        raise InputError("no measurements", remedy="give repeated values of at least one person")
    sds, cvs, freedom = [], [], 0
    for number, values in enumerate(measurements, start=1):
        if len(values) < 2 or min(values) <= 0:
            raise InputError(
                f"values {tuple(values)}",
                where=f"person {number}",
                remedy="give two or more positive values for each person",
            )
        sd = float(np.std(values, ddof=1))
        sds.append(sd)
        cvs.append(sd / float(np.mean(values)))
        freedom += len(values) - 1
    rms_sd = float(np.sqrt(np.mean(np.square(sds))))
    rms_cv = float(np.sqrt(np.mean(np.square(cvs)))) * 100
    return Precision(rms_sd, _LSC * rms_sd, rms_cv, _LSC * rms_cv, len(measurements), freedom)


def is_real_change(change: float, *, lsc: float) -> bool:
    """Whether a change between two scans of the same device and site exceeds measurement error.

    `change` and `lsc` in the same unit. Real if |change| ≥ LSC.
    """
    return abs(change) >= lsc


_ALIKE = ("person_id", "site", "device", "side")
"""What must agree before two scans may be compared."""


def bmd_changes(facts: pl.DataFrame, *, lsc_g_cm2: dict[str, float] | None = None) -> pl.DataFrame:
    """Consecutive BMD measurements of each person, site and device, and whether a change is real.

    Parameters
    ----------
    facts
        A table of facts (`careloop.records.fact.FACT_SCHEMA`).
    lsc_g_cm2
        The site's own LSC by measurement site (`lumbar_spine`, …). Where it is not given, the
        largest acceptable LSC in percent of the earlier value is used and `lsc_assumed` is true;
        where there is none, `real` is null.

    Returns
    -------
    pl.DataFrame
        `person_id, variable, site, device, from_on, to_on, from_g_cm2, to_g_cm2, change_g_cm2,
        change_pct, lsc_g_cm2, lsc_assumed, real`. Scans of different devices or sides are never
        compared, nor those whose device is not known.
    """
    own = lsc_g_cm2 or {}
    scans = (
        standing(facts)
        .filter(pl.col("variable").str.starts_with("bmd_"))
        .with_columns(
            site=pl.col("variable").str.strip_prefix("bmd_").str.strip_suffix("_g_cm2"),
            device=pl.col("context").str.json_path_match("$.device"),
            side=pl.col("context").str.json_path_match("$.side"),
            measured_on=pl.col("effective_at").dt.date(),
        )
        .filter(pl.col("device").is_in(UNNAMED).not_())  # null, too, is left out
        .sort("person_id", "site", "device", "side", "effective_at", "recorded_at")
        .unique([*_ALIKE, "measured_on"], keep="last", maintain_order=True)
    )
    previous = [
        pl.col(name).shift(1).over(_ALIKE).alias(new)
        for name, new in (("measured_on", "from_on"), ("number", "from_g_cm2"))
    ]
    site = pl.col("site")
    largest = site.replace_strict(MAX_LSC_PCT, default=None, return_dtype=pl.Float64)
    given = site.replace_strict(own, default=None, return_dtype=pl.Float64) if own else pl.lit(None)
    return (
        scans.with_columns(previous)
        .filter(pl.col("from_on").is_not_null())
        .with_columns(
            change_g_cm2=(pl.col("number") - pl.col("from_g_cm2")).round(10),
            lsc_assumed=given.is_null(),
            lsc_g_cm2=pl.coalesce(given, largest / 100 * pl.col("from_g_cm2")),
        )
        .with_columns(
            change_pct=pl.col("change_g_cm2") / pl.col("from_g_cm2") * 100,
            real=pl.col("change_g_cm2").abs() >= pl.col("lsc_g_cm2").round(10),
        )
        .select(
            "person_id",
            "variable",
            "site",
            "device",
            "from_on",
            pl.col("measured_on").alias("to_on"),
            "from_g_cm2",
            pl.col("number").alias("to_g_cm2"),
            "change_g_cm2",
            "change_pct",
            "lsc_g_cm2",
            "lsc_assumed",
            "real",
        )
    )
