"""Bone density: T-scores from BMD with a named reference, lowest T, vertebral height loss.

A T-score printed by the device is kept with the reference its report names. Where only BMD is
known, T is computed with the reference database the source declares, and only if that database was
made on the same maker's scale. Without a declared reference there is no T-score.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import polars as pl

from careloop.dictionary.condition import condition
from careloop.dictionary.variable import Text

SITES = ("lumbar_spine", "femoral_neck", "total_hip", "radius_33")
"""Sites a diagnosis may rest on (China 2022, ISCD)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Young-adult mean and standard deviation (g/cm²) of one database at one site."""

    database: str
    device: str
    sex: str
    site: str
    mean: float
    sd: float
    mark: str
    source: str

    @property
    def unconfirmed(self) -> bool:
        """Whether the figures were not read in a primary source."""
        return self.mark != "A"


@cache
def references() -> dict[str, tuple[Reference, ...]]:
    """Reference databases by name, from `rules/dxa_reference.toml`."""
    content = tomllib.loads(_rules("dxa_reference.toml"))
    return {
        name: tuple(
            Reference(database=name, device=table["device"], **row) for row in table["values"]
        )
        for name, table in content.items()
    }


@cache
def reference_names() -> dict[str, Text]:
    """What each reference database is called."""
    content = tomllib.loads(_rules("dxa_reference.toml"))
    return {name: Text(**table["name"]) for name, table in content.items()}


def t_score(site: str) -> pl.Expr:
    """T-score computed from BMD (g/cm²) with the reference its source declares; else null.

    T = (BMD − mean) / SD of young adults. Null too where the reference was made on another maker's
    scale than the device that measured, or has no values for this sex and site.
    """
    bmd = pl.col(f"bmd_{site}_g_cm2")
    declared = pl.col(f"bmd_{site}_g_cm2__reference_db")
    device = pl.col(f"bmd_{site}_g_cm2__device")
    result: pl.Expr = pl.lit(None, dtype=pl.Float64)
    for rows in references().values():
        for row in (each for each in rows if each.site == site):
            here = declared == row.database
            if row.sex != "both":
                here = here & (pl.col("sex") == row.sex)
            if row.device:
                here = here & (device.is_null() | (device == row.device))
            result = pl.when(here).then((bmd - row.mean) / row.sd).otherwise(result)
    return result


def t_columns() -> list[pl.Expr]:
    """`t_<site>` (as reported, else computed) and `t_<site>__reference_db` for every site."""
    columns = []
    for site in SITES:
        reported, computed = pl.col(f"t_{site}"), t_score(site)
        columns += [
            pl.coalesce(reported, computed).alias(f"t_{site}"),
            pl.when(reported.is_not_null())
            .then(pl.col(f"t_{site}__reference_db"))
            .when(computed.is_not_null())
            .then(pl.col(f"bmd_{site}_g_cm2__reference_db"))
            .otherwise(None)
            .alias(f"t_{site}__reference_db"),
        ]
    return columns


def lowest_columns() -> list[pl.Expr]:
    """`t_min`, `t_lowest`, `z_min` and `t_score_used`, over the sites that were measured.

    `t_min`: lumbar spine, femoral neck, total hip; the 1/3 radius only where it is indicated (no
    other site measured, or hyperparathyroidism; ISCD). `t_lowest`: all four sites (China 2022).
    `t_score_used`: postmenopausal women (from 50 also where menopause is unknown) and men from 50;
    others are judged by the Z-score (ISCD).

    The lowest T-scores are rounded to ten decimals: 0.558 g/cm² against 0.858 ± 0.120 is exactly
    −2.5, which binary fractions put a hair above it, and −2.5 is osteoporosis.
    """
    central = pl.min_horizontal(*(pl.col(f"t_{site}") for site in SITES[:3])).round(10)
    radius = pl.col("t_radius_33").round(10)
    indicated = central.is_null() | pl.col("hyperparathyroidism").fill_null(value=False)
    return [
        pl.when(indicated)
        .then(pl.min_horizontal(central, radius))
        .otherwise(central)
        .alias("t_min"),
        pl.min_horizontal(central, radius).alias("t_lowest"),
        pl.min_horizontal(*(pl.col(f"z_{site}") for site in SITES)).alias("z_min"),
        condition(
            "(sex = 'male' AND age_y >= 50) OR (sex = 'female' AND postmenopausal)"
            " OR (sex = 'female' AND postmenopausal IS NULL AND age_y >= 50)"
        ).alias("t_score_used"),
    ]


def who_class() -> pl.Expr:
    """WHO class of `t_min`: ≥ −1.0 normal, ≤ −2.5 osteoporosis, low bone mass between."""
    return _first(
        ("t_score_used AND t_min <= -2.5", "osteoporosis"),
        ("t_score_used AND t_min < -1.0", "low_bone_mass"),
        ("t_score_used AND t_min >= -1.0", "normal"),
    )


def qct_class() -> pl.Expr:
    """Lumbar trabecular vBMD (mg/cm³): > 120 normal, 80 to 120 low, < 80 osteoporosis [B]."""
    return _first(
        ("qct_lumbar_mg_cm3 < 80", "osteoporosis"),
        ("qct_lumbar_mg_cm3 <= 120", "low_bone_mass"),
        ("qct_lumbar_mg_cm3 > 120", "normal"),
    )


def height_loss() -> pl.Expr:
    """Vertebral height loss: 1 − lowest of the three heights ÷ reference height."""
    heights = [pl.col(f"height_{part}_mm") for part in ("anterior", "middle", "posterior")]
    known = pl.all_horizontal(*(height.is_not_null() for height in heights))
    loss = 1 - pl.min_horizontal(*heights) / pl.col("height_reference_mm")
    return pl.when(known).then(loss.round(10)).otherwise(None)


def genant_grade() -> pl.Expr:
    """Genant grade from the heights: 0 < 20 %, 1 from 20, 2 from 25, 3 over 40 % loss [B]."""
    loss = height_loss()
    return (
        pl.when(loss > 0.40)
        .then(3)
        .when(loss >= 0.25)
        .then(2)
        .when(loss >= 0.20)
        .then(1)
        .when(loss.is_not_null())
        .then(0)
        .otherwise(None)
        .cast(pl.Int8)
    )


def genant_type() -> pl.Expr:
    """Type by the lowest height, from grade 1: wedge (anterior), biconcave (middle), crush."""
    front, middle, back = (
        pl.col(f"height_{part}_mm") for part in ("anterior", "middle", "posterior")
    )
    lowest = pl.min_horizontal(front, middle, back)
    return (
        pl.when((genant_grade() < 1).fill_null(value=True))
        .then(None)
        .when(back == lowest)
        .then(pl.lit("crush"))
        .when(middle == lowest)
        .then(pl.lit("biconcave"))
        .when(front == lowest)
        .then(pl.lit("wedge"))
        .otherwise(None)
    )


def _first(*pairs: tuple[str, str]) -> pl.Expr:
    chosen: pl.Expr = pl.lit(None, dtype=pl.String)
    for sql, word in reversed(pairs):
        holds = condition(sql)
        chosen = (
            pl.when(holds).then(pl.lit(word)).when(holds.is_null()).then(None).otherwise(chosen)
        )
    return chosen


def _rules(name: str) -> str:
    folder = files("careloop.programmes.osteoporosis") / "rules"
    return (folder / name).read_text(encoding="utf-8")


def inputs() -> Sequence[str]:
    """Every snapshot column this module reads."""
    names = ["sex", "age_y", "postmenopausal", "hyperparathyroidism", "qct_lumbar_mg_cm3"]
    names += [f"height_{part}_mm" for part in ("anterior", "middle", "posterior", "reference")]
    for site in SITES:
        names += [f"bmd_{site}_g_cm2", f"t_{site}", f"z_{site}"]
    return names
