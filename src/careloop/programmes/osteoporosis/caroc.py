"""CAROC 2010: ten-year fracture risk category from age, sex, femoral-neck T and two modifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from careloop.dictionary.variable import Text
from careloop.risk.instruments.definition import Input, Term
from careloop.risk.wording import first_word, looked_up

_BASAL = "caroc_basal"


def parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs `caroc` (0 low, 1 moderate, 2 high) and `caroc_basal_class`, inputs and terms.

    A modifier nobody asked for leaves the category unknown, unless the category is the same
    whatever the answer. Lumbar-spine and total-hip T raise it where they were measured.

    Reference: Leslie WD et al. Osteoporos Int 2011;22:1873 (table and modifiers).
    """
    basal = pl.col(_BASAL)
    fracture = pl.col("fragility_fracture")
    severe = fracture & (
        pl.col("fragility_fracture_hip")
        | pl.col("fragility_fracture_vertebral")
        | (pl.col("fragility_fracture_count") >= 2)
    )
    steroid = pl.col("glucocorticoid_prolonged")
    low_elsewhere = pl.any_horizontal(
        *(
            (pl.col(site) <= data["at_least_moderate_t"]).fill_null(value=False)
            for site in ("t_lumbar_spine", "t_total_hip")
        )
    )

    def category(*, unknown: bool) -> pl.Expr:
        known_fracture, known_severe, known_steroid = (
            flag.fill_null(value=unknown) for flag in (fracture, severe, steroid)
        )
        raised = basal + known_fracture.cast(pl.Int8) + known_steroid.cast(pl.Int8)
        raised = pl.max_horizontal(raised, low_elsewhere.cast(pl.Int8))
        raised = pl.when(known_severe).then(2).otherwise(pl.min_horizontal(raised, 2))
        return pl.when(basal.is_not_null()).then(raised).otherwise(None)

    least, most = category(unknown=False), category(unknown=True)
    names = ("sex", "age_y", "t_femoral_neck", "fragility_fracture", "glucocorticoid_prolonged")
    return {
        "workings": ({_BASAL: _basal(data)},),
        "outputs": {
            "caroc": pl.when(least == most).then(least).otherwise(None),
            "caroc_basal_class": first_word(
                [(basal == 0, "low"), (basal == 1, "moderate"), (basal == 2, "high")]
            ),
        },
        "inputs": tuple(Input(name, pl.col(name)) for name in names),
        "terms": (
            Term(
                Text("年龄与股骨颈 T 值", "age and femoral-neck T-score"),
                ("sex", "age_y", "t_femoral_neck"),
                basal,
            ),
            Term(
                Text("脆性骨折", "fragility fracture"),
                ("fragility_fracture",),
                fracture.cast(pl.Float64),
            ),
            Term(
                Text("长期使用糖皮质激素", "prolonged glucocorticoid"),
                ("glucocorticoid_prolonged",),
                steroid.cast(pl.Float64),
            ),
        ),
    }


def _basal(data: Mapping[str, Any]) -> pl.Expr:
    ages = data["ages"]
    years = ages[1] - ages[0]
    row = ((pl.col("age_y") - ages[0]) / years).floor().clip(0, len(ages) - 1).cast(pl.UInt32)
    place = (
        pl.when(pl.col("sex") == "female")
        .then(row)
        .when(pl.col("sex") == "male")
        .then(row + len(ages))
        .otherwise(None)
    )
    t = pl.col("t_femoral_neck")
    low, high = (
        looked_up([*data["female"][name], *data["male"][name]], place) for name in ("low", "high")
    )
    return (
        pl.when(t > low)
        .then(pl.lit(0, pl.Int8))
        .when(t < high)
        .then(pl.lit(2, pl.Int8))
        .when(t.is_not_null() & low.is_not_null())
        .then(pl.lit(1, pl.Int8))
        .otherwise(None)
    )
