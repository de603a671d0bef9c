"""QFracture-2012: risk of osteoporotic (MOF) and of hip fracture over 1 to 18 years.

risk % = 100 · (1 − S0(years) ^ exp(a)); `a` sums coefficients on centred fractional polynomials of
age and BMI and on yes/no inputs. Death does not compete: this is risk while alive.

Reference: Hippisley-Cox J, Coupland C. BMJ 2012;344:e3427. The coefficients are ClinRisk's
(`instruments/data/qfracture.toml`, LGPL-3.0-or-later); this code is not derived from theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from math import log
from operator import add
from typing import Any

import polars as pl

from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text
from careloop.risk.instruments.definition import Input, Term
from careloop.risk.wording import looked_up

OUTCOMES = ("mof", "hip")
PLACES = {
    "ethnic_group": "qfracture_ethnic",
    "smoking_level": "qfracture_smoking",
    "alcohol_level": "qfracture_alcohol",
}
"""Workings: QFracture's own levels by number, as recorded or told by what was recorded."""
_FEMALE = pl.col("sex") == "female"
_SEX_ONLY = {"b_endocrine": "female", "b_hrt_oest": "female", "b_carehome": "male"}


def parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs `qfracture_{mof,hip}_{1..18}y` in percent, with inputs and terms."""
    outputs: dict[str, pl.Expr] = {}
    hazards = {
        f"qfracture_{outcome}_hazard": _by_sex(
            data[outcome], lambda model: _predictor(model, data)
        ).exp()
        for outcome in OUTCOMES
    }
    for outcome in OUTCOMES:
        hazard = pl.col(f"qfracture_{outcome}_hazard")
        for year in range(1, data["years"] + 1):
            log_survival = (
                pl.when(_FEMALE)
                .then(pl.lit(log(data[outcome]["female"]["survival"][year])))
                .otherwise(pl.lit(log(data[outcome]["male"]["survival"][year])))
            )
            outputs[f"qfracture_{outcome}_{year}y"] = 100.0 * (1.0 - (hazard * log_survival).exp())
    return {
        "workings": (
            {
                name: _place(level, data[key])
                for (key, name), level in zip(
                    PLACES.items(),
                    (_ethnic_group(), smoking_level(data), alcohol_level(data)),
                    strict=True,
                )
            },
            hazards,
        ),
        "outputs": outputs,
        "inputs": _inputs(data),
        "terms": _terms(data),
    }


def smoking_level(data: Mapping[str, Any]) -> pl.Expr:
    """QFracture's five smoking levels: as recorded, else from status and cigarettes a day."""
    status, cigarettes = pl.col("smoking_status"), pl.col("cigarettes_per_day")
    light, heavy = data["cigarettes_per_day"]
    current = status == "current"
    told = (
        pl.when(status == "never")
        .then(pl.lit("non"))
        .when(status == "former")
        .then(pl.lit("ex"))
        .when(current & (cigarettes < light))
        .then(pl.lit("light"))
        .when(current & (cigarettes < heavy))
        .then(pl.lit("moderate"))
        .when(current & (cigarettes >= heavy))
        .then(pl.lit("heavy"))
        .otherwise(None)
    )
    return pl.coalesce(pl.col("smoking_level"), told)


def alcohol_level(data: Mapping[str, Any]) -> pl.Expr:
    """QFracture's six alcohol levels: as recorded, else from units a day."""
    units = pl.col("alcohol_units_per_day")
    trivial, light, moderate = data["alcohol_units_per_day"]
    told = (
        pl.when(units <= 0)
        .then(pl.lit("none"))
        .when(units < trivial)
        .then(pl.lit("trivial"))
        .when(units < light)
        .then(pl.lit("light"))
        .when(units < moderate)
        .then(pl.lit("moderate"))
        .when(units <= data["alcohol_heavy_up_to"])
        .then(pl.lit("heavy"))
        .when(units > data["alcohol_heavy_up_to"])
        .then(pl.lit("very_heavy"))
        .otherwise(None)
    )
    return pl.coalesce(pl.col("alcohol_level"), told)


def _by_sex(models: Mapping[str, Any], part: Any) -> pl.Expr:
    return (
        pl.when(_FEMALE)
        .then(part(models["female"]))
        .when(pl.col("sex") == "male")
        .then(part(models["male"]))
        .otherwise(None)
    )


def _predictor(model: Mapping[str, Any], data: Mapping[str, Any]) -> pl.Expr:
    addends = [_power(term) for term in model["powers"]]
    addends += [_level(pl.col(place), model[name]) for name, place in PLACES.items()]
    addends += [
        condition(data["yes"][name]).cast(pl.Float64) * coefficient
        for name, coefficient in model["yes"].items()
    ]
    return reduce(add, addends)


def _power(term: Mapping[str, Any]) -> pl.Expr:
    base = pl.col("age_y") / 10 if term["of"] == "age" else _bmi() / 10
    raised = base.pow(term["power"])
    if term["log"]:
        raised = raised * base.log()
    return (raised - float(term["centre"])) * float(term["coefficient"])


def _bmi() -> pl.Expr:
    return pl.col("bmi_kg_m2")


def _ethnic_group() -> pl.Expr:
    ethnic = pl.col("ethnic_group")
    return (
        pl.when(ethnic == "not_stated")  # QFracture: "white or not stated", "other"
        .then(pl.lit("white"))
        .when(ethnic == "black_other")
        .then(pl.lit("other"))
        .otherwise(ethnic)
    )


def _level(level: pl.Expr, coefficients: Sequence[float]) -> pl.Expr:
    return looked_up(coefficients, level)


def _place(level: pl.Expr, names: Sequence[str]) -> pl.Expr:
    """A level's place in QFracture's own order."""
    return level.replace_strict(
        list(names), list(range(len(names))), default=None, return_dtype=pl.UInt32
    )


def _inputs(data: Mapping[str, Any]) -> tuple[Input, ...]:
    found = [Input(name, pl.col(name)) for name in ("sex", "age_y", "bmi_kg_m2")]
    found += [Input(name, pl.col(place)) for name, place in PLACES.items()]
    for name, sql in data["yes"].items():
        sex = _SEX_ONLY.get(name)
        needed = None if sex is None else pl.col("sex") == sex
        found.append(Input(names_in(sql)[0], condition(sql), needed))
    return tuple(found)


def _terms(data: Mapping[str, Any]) -> tuple[Term, ...]:
    """Contributions to the linear predictor of MOF, for a person's reasons."""
    models = data["mof"]
    terms = [
        Term(
            Text("年龄", "age"),
            ("age_y",),
            _by_sex(models, lambda model: _powers(model, "age")),
        ),
        Term(
            Text("体重指数", "body mass index"),
            ("bmi_kg_m2",),
            _by_sex(models, lambda model: _powers(model, "bmi")),
        ),
    ]
    labels = {
        "ethnic_group": Text("族裔", "ethnic group"),
        "smoking_level": Text("吸烟", "smoking"),
        "alcohol_level": Text("饮酒", "alcohol"),
    }
    for name, place in PLACES.items():
        points = _by_sex(models, lambda model, n=name, p=place: _level(pl.col(p), model[n]))
        terms.append(Term(labels[name], (name,), points))
    for name, sql in data["yes"].items():
        terms.append(Term(Text("", ""), names_in(sql), _by_sex(models, _yes(name, sql))))
    return tuple(terms)


def _yes(name: str, sql: str) -> Any:
    def part(model: Mapping[str, Any]) -> pl.Expr:
        return condition(sql).cast(pl.Float64) * float(model["yes"].get(name, 0.0))

    return part


def _powers(model: Mapping[str, Any], of: str) -> pl.Expr:
    return reduce(add, (_power(term) for term in model["powers"] if term["of"] == of))
