"""Columns that guidance reads beyond the assessment: kidney function, time since events, courses.

Every column is null where what it needs is unknown, or where a date lies after `as_of`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from careloop.programmes.osteoporosis import dxa

DATES = (
    "fracture_last_on",
    "myocardial_infarction_on",
    "stroke_on",
    "denosumab_started_on",
    "denosumab_last_on",
    "zoledronate_started_on",
    "zoledronate_last_on",
    "oral_bisphosphonate_started_on",
    "teriparatide_started_on",
    "teriparatide_last_on",
    "abaloparatide_started_on",
    "abaloparatide_last_on",
    "romosozumab_last_on",
    "calcitonin_started_on",
)
"""Dates of the past: one after `as_of` is a mistake."""
ANTIRESORPTIVES = (
    "alendronate_current",
    "risedronate_current",
    "ibandronate_current",
    "zoledronate_current",
    "minodronate_current",
    "denosumab_current",
    "raloxifene_current",
    "bazedoxifene_current",
)
"""Long-term ones. Calcitonin is left out: it is given for pain, for weeks, beside another."""
ANABOLICS = ("teriparatide_current", "abaloparatide_current", "romosozumab_current")
_MONTHS_COVERED = 6  # by a denosumab dose (every 6 months)
_DAYS_IN_LONGEST_MONTH = 31


@cache
def constants() -> dict[str, Any]:
    """Read the figures of the kidney formulas with their sources."""
    folder = files("careloop.programmes.osteoporosis") / "guidance"
    return tomllib.loads((folder / "kidney.toml").read_text(encoding="utf-8"))


def guidance_columns() -> list[pl.Expr]:
    """Every column of the stage; all read the snapshot's columns and `as_of` (Date) only.

    `crcl_ml_min`: creatinine clearance as recorded, else Cockcroft–Gault (`crcl_computed_ml_min`).
    `egfr_ckd_epi_2021`: mL/min per 1.73 m². `…_months`: calendar months with their fraction, whole
    on the same day of the month. `…_days`: days since the last dose. `denosumab_course_months`:
    from the first dose to six months after the last. `antiresorptives_current`, `…_other_than_…`,
    `anabolics_current`: how many are known to be taken (0 where nothing is known).
    `t_disagreement`: greatest difference between a T-score as entered and as computed from the BMD
    of the same day with the same reference. `date_in_future`: some date lies after `as_of`.
    """
    stopped = {
        drug: pl.coalesce(_past(f"{drug}_last_on"), pl.col("as_of"))
        for drug in ("teriparatide", "abaloparatide")
    }
    now = pl.col("as_of")
    ends = {
        drug: pl.when(pl.col(f"{drug}_current")).then(now).otherwise(last)
        for drug, last in stopped.items()
    }
    infarction = months_between(_past("myocardial_infarction_on"), now)
    stroke = months_between(_past("stroke_on"), now)
    return [
        crcl_ml_min().alias("crcl_ml_min"),
        crcl_computed_ml_min().alias("crcl_computed_ml_min"),
        egfr_ckd_epi_2021().alias("egfr_ckd_epi_2021"),
        months_between(_past("fracture_last_on"), now).alias("fracture_recent_months"),
        infarction.alias("mi_months"),
        stroke.alias("stroke_months"),
        pl.min_horizontal(infarction, stroke).alias("mi_or_stroke_months"),
        _days("denosumab_last_on").alias("denosumab_days"),
        denosumab_course_months().alias("denosumab_course_months"),
        _days("zoledronate_last_on").alias("zoledronate_days"),
        months_between(_past("zoledronate_started_on"), now).alias("zoledronate_months"),
        months_between(_past("oral_bisphosphonate_started_on"), now).alias(
            "oral_bisphosphonate_months"
        ),
        *(
            months_between(_past(f"{drug}_started_on"), end).alias(f"{drug}_months")
            for drug, end in ends.items()
        ),
        _days("teriparatide_last_on").alias("teriparatide_days"),
        _days("abaloparatide_last_on").alias("abaloparatide_days"),
        _days("romosozumab_last_on").alias("romosozumab_days"),
        months_between(_past("calcitonin_started_on"), now).alias("calcitonin_months"),
        antiresorptives().alias("antiresorptives_current"),
        _taken(name for name in ANTIRESORPTIVES if name != "denosumab_current").alias(
            "antiresorptives_other_than_denosumab"
        ),
        _taken(ANABOLICS).alias("anabolics_current"),
        t_disagreement().alias("t_disagreement"),
        pl.any_horizontal(*((pl.col(name) > now).fill_null(value=False) for name in DATES)).alias(
            "date_in_future"
        ),
    ]


def denosumab_course_months() -> pl.Expr:
    """From the first dose to the end of what the last one covers."""
    given = months_between(_past("denosumab_started_on"), _past("denosumab_last_on"))
    return given + _MONTHS_COVERED


def crcl_computed_ml_min() -> pl.Expr:
    """Cockcroft–Gault with actual weight: (140 − age)·kg·(0.85 in women) / (72·Scr mg/dL)."""
    of = constants()["cockcroft_gault"]
    mg_dl = pl.col("creatinine_umol_l") / constants()["creatinine"]["umol_l_per_mg_dl"]
    factor = _by_sex(female=of["female_factor"], male=1.0)
    years = (of["age_term_y"] - pl.col("age_y")).clip(lower_bound=0)
    clearance: pl.Expr = years * pl.col("weight_kg") * factor / (of["divisor"] * mg_dl)
    return clearance.round(10)


def crcl_ml_min() -> pl.Expr:
    """Creatinine clearance as recorded, else as computed (mL/min)."""
    return pl.coalesce("creatinine_clearance_ml_min", crcl_computed_ml_min())


def egfr_ckd_epi_2021() -> pl.Expr:
    """CKD-EPI 2021: 142·min(Scr/κ, 1)^α·max(Scr/κ, 1)^−1.2·0.9938^age·(1.012 in women)."""
    of = constants()["ckd_epi_2021"]
    mg_dl = pl.col("creatinine_umol_l") / constants()["creatinine"]["umol_l_per_mg_dl"]
    female, male = of["female"], of["male"]
    ratio = mg_dl / _by_sex(female=female["kappa"], male=male["kappa"])
    alpha = _by_sex(female=female["alpha"], male=male["alpha"])
    below = ratio.clip(upper_bound=1.0).pow(alpha)
    above = ratio.clip(lower_bound=1.0).pow(of["exponent_above"])
    aged = pl.lit(of["age_base"]).pow(pl.col("age_y"))
    factor = _by_sex(female=of["female_factor"], male=1.0)
    rate: pl.Expr = of["factor"] * below * above * aged * factor
    return rate.round(10)


def antiresorptives() -> pl.Expr:
    """How many long-term antiresorptives are known to be taken; a class alone counts as one."""
    named = _taken(ANTIRESORPTIVES)
    bisphosphonates = _taken(ANTIRESORPTIVES[:5])
    unnamed = pl.col("bisphosphonate_current").fill_null(value=False) & (bisphosphonates == 0)
    return named + unnamed.cast(pl.Int32)


def t_disagreement() -> pl.Expr:
    """Greatest |T entered − T computed|, where day and reference are the same; else null."""
    differences = []
    for site in dxa.SITES:
        bmd = f"bmd_{site}_g_cm2"
        comparable = (pl.col(f"t_{site}__reference_db") == pl.col(f"{bmd}__reference_db")) & (
            pl.col(f"t_{site}__age_d") == pl.col(f"{bmd}__age_d")
        )
        difference = (pl.col(f"t_{site}") - dxa.t_score(site)).abs().round(10)
        differences.append(pl.when(comparable).then(difference).otherwise(None))
    return pl.max_horizontal(*differences)


def _by_sex(*, female: float, male: float) -> pl.Expr:
    sex = pl.col("sex")
    return (
        pl.when(sex == "female")
        .then(pl.lit(female))
        .when(sex == "male")
        .then(pl.lit(male))
        .otherwise(pl.lit(None, dtype=pl.Float64))
    )


def _past(name: str) -> pl.Expr:
    date = pl.col(name)
    return pl.when(date <= pl.col("as_of")).then(date).otherwise(None)


def _days(name: str) -> pl.Expr:
    return (pl.col("as_of") - _past(name)).dt.total_days().cast(pl.Float64)


def months_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Calendar months between dates; null where the end comes first."""
    months = (
        (end.dt.year() - start.dt.year()) * 12.0
        + (end.dt.month().cast(pl.Int32) - start.dt.month().cast(pl.Int32))
        + (end.dt.day().cast(pl.Int32) - start.dt.day().cast(pl.Int32)) / _DAYS_IN_LONGEST_MONTH
    )
    return pl.when(months >= 0).then(months.round(10)).otherwise(None)


def _taken(names: Any) -> pl.Expr:
    return pl.sum_horizontal(
        *(pl.col(name).fill_null(value=False).cast(pl.Int32) for name in names)
    )
