"""The diabetes programme, put together from its data files."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Text
from careloop.programmes.diabetes import shown
from careloop.programmes.diabetes.guidance_assembly import guidance
from careloop.programmes.programme import Programme, Stage
from careloop.risk.decision import read_decision
from careloop.risk.instruments.reading import read_instruments

_FOLDER = files("careloop.programmes.diabetes")


@cache
def assemble(*, experimental: bool = False) -> Programme:
    """Read instruments and rules; `experimental` adds what is not yet confirmed."""
    instruments = tuple(
        each
        for each in read_instruments(_FOLDER / "instruments", load())
        if experimental or not each.experimental
    )
    return Programme(
        key="diabetes",
        name=Text("2 型糖尿病", "type 2 diabetes"),
        instruments=instruments,
        decisions=(
            read_decision(_FOLDER / "rules" / "glycaemia.toml", "glycaemia"),
            read_decision(_FOLDER / "rules" / "next_step.toml", "next_step"),
        ),
        before=(Stage(days_since),),
        shown=(
            "sex",
            "age_y",
            "bmi_kg_m2",
            "waist_cm",
            "sbp_mmhg",
            "organisation",
            "diabetes_diagnosed",
            *shown.MEASURES,
        ),
        results=shown.RESULTS,
        cascade=shown.CASCADE,
        ranking=shown.RANKING,
        measures=shown.MEASURES,
        distributions=shown.DISTRIBUTIONS,
        guidance=guidance,
        caution=Text(
            "本报告供有资质的医务人员参考，也可用于科研；不是诊断。",
            "Decision support for qualified clinicians and a research tool; not a diagnosis.",
        ),
    )


def days_since() -> list[pl.Expr]:
    """Days since each measurement that a follow-up rests on: an old value settles nothing."""
    return [
        pl.col(f"{measured}__age_d").alias(column) for column, measured in shown.DAYS_SINCE.items()
    ]
