"""What may be done with an entered FRAX result: dose adjustment and published thresholds.

FRAX is closed. Nothing here computes or approximates it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from careloop.dictionary.variable import Text
from careloop.risk.instruments.definition import Input, Term


def parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs `frax_{mof,hip}_adjusted_pct`, `frax_dose`, `frax_esceo_class`.

    An unknown dose leaves the entered value as it is: FRAX itself takes an average dose.
    `frax_dose` says which adjustment was made.

    Reference: Kanis JA et al. Osteoporos Int 2011;22:809 (dose); 2013;24:23 (thresholds).
    """
    dose = _dose(data["glucocorticoid"])
    mof = adjusted(pl.col("frax_mof_pct"), dose, data["glucocorticoid"], outcome="mof")
    hip = adjusted(pl.col("frax_hip_pct"), dose, data["glucocorticoid"], outcome="hip")
    return {
        "outputs": {
            "frax_mof_adjusted_pct": mof,
            "frax_hip_adjusted_pct": hip,
            "frax_dose": pl.when(pl.col("frax_mof_pct").is_not_null()).then(dose).otherwise(None),
            "frax_esceo_class": _esceo(mof, data["esceo"]),
        },
        "inputs": tuple(
            Input(name, pl.col(name)) for name in ("age_y", "frax_mof_pct", "frax_hip_pct")
        ),
        "terms": (
            Term(Text("主要骨质疏松性骨折", "MOF, adjusted"), ("frax_mof_pct",), mof),
            Term(Text("髋部骨折", "hip fracture, adjusted"), ("frax_hip_pct",), hip),
        ),
    }


def adjusted(entered: pl.Expr, dose: pl.Expr, data: Mapping[str, Any], *, outcome: str) -> pl.Expr:
    """An entered FRAX probability (%) after the glucocorticoid dose adjustment.

    Parameters
    ----------
    entered
        FRAX probability in percent.
    dose
        "low", "medium", "high", "none" or "unknown".
    data
        The table of Kanis 2011; the row is the age floored to ten years.
    outcome
        "mof" or "hip".
    """
    change = pl.lit(0.0)
    for name in ("low", "high"):
        percent = _row(data["ages"], data[outcome][name])
        change = pl.when(dose == name).then(percent).otherwise(change)
    return (entered * (1 + change / 100)).round(10)


def _dose(data: Mapping[str, Any]) -> pl.Expr:
    taking, mg = pl.col("glucocorticoid_current"), pl.col("glucocorticoid_dose_mg_day")
    return (
        pl.when(~taking)
        .then(pl.lit("none"))
        .when(taking & (mg < data["low_below"]))
        .then(pl.lit("low"))
        .when(taking & (mg >= data["high_from"]))
        .then(pl.lit("high"))
        .when(taking & mg.is_not_null())
        .then(pl.lit("medium"))
        .otherwise(pl.lit("unknown"))
    )


def _row(ages: Sequence[float], values: Sequence[float]) -> pl.Expr:
    """The value of the age's band; null below the first."""
    chosen: pl.Expr = pl.lit(None, dtype=pl.Float64)
    for age, value in zip(ages, values, strict=True):
        chosen = pl.when(pl.col("age_y") >= age).then(pl.lit(float(value))).otherwise(chosen)
    return chosen


def _esceo(mof: pl.Expr, data: Mapping[str, Any]) -> pl.Expr:
    """Class by the age's thresholds: with BMD only the intervention threshold counts."""
    lower, middle, upper = (
        _row(data["ages"], data[name]) for name in ("lower", "intervention", "upper")
    )
    with_bmd = pl.col("frax_with_bmd")
    return (
        pl.when((with_bmd & (mof >= middle)) | (mof >= upper))
        .then(pl.lit("high"))
        .when((with_bmd & (mof < middle)) | (mof < lower))
        .then(pl.lit("low"))
        .when(~with_bmd & (mof >= lower))
        .then(pl.lit("measure_bmd"))
        .otherwise(None)
    )
