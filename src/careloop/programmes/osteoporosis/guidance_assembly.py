"""The guidance of the osteoporosis programme, put together from its data files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import condition
from careloop.guidance.advice import read_advice
from careloop.guidance.advice_rule import AdviceRule
from careloop.guidance.flag import read_flags
from careloop.guidance.guidance import Guidance
from careloop.guidance.interaction import read_interactions
from careloop.guidance.medicines import read_medicines
from careloop.guidance.precedence import read_precedence
from careloop.guidance.reading import read_guidelines, read_referrals
from careloop.guidance.target import read_targets
from careloop.guidance.timer import read_timers
from careloop.programmes.osteoporosis import guidance_stage

_FOLDER = files("careloop.programmes.osteoporosis") / "guidance"
_DEFAULT = "china_2022"
_T_SITES = ("t_femoral_neck", "t_total_hip", "t_lumbar_spine", "t_radius_33")
_FRACTURES = tuple(
    f"fragility_fracture_{site}" for site in ("hip", "vertebral", "humerus", "pelvis", "forearm")
)
ASKS: dict[str, tuple[str, ...]] = {
    "t_lowest": _T_SITES[:3],
    "t_min": _T_SITES[:3],
    "z_min": ("z_femoral_neck", "z_total_hip", "z_lumbar_spine"),
    "t_score_used": ("sex", "age_y", "postmenopausal"),
    "diagnosis": (*_FRACTURES[:2], *_T_SITES[:3]),
    "next_step": (*_T_SITES[:3],),
    "frax_applies": ("frax_mof_pct", "frax_hip_pct"),
    "frax_mof_adjusted_pct": ("frax_mof_pct",),
    "frax_hip_adjusted_pct": ("frax_hip_pct",),
    "fracture_recent_months": ("fracture_last_on",),
    "vertebral_recent_months": ("fracture_vertebral_last_on",),
    "crcl_ml_min": ("creatinine_umol_l", "weight_kg"),
    "egfr_ckd_epi_2021": ("creatinine_umol_l",),
    "mi_or_stroke_months": ("myocardial_infarction_on", "stroke_on"),
    "denosumab_days": ("denosumab_last_on",),
    "zoledronate_days": ("zoledronate_last_on",),
}
"""What to ask a person for where a column that careloop computes is unknown."""


@cache
def guidance(followed: str = _DEFAULT) -> Guidance:
    """Read guidelines, medicines and advice (read once, then kept).

    Advice, monitoring and timers go by the risk class and treatment of the guideline followed.
    """
    columns = {name: f"{followed}_{name}" for name in ("risk_class", "treatment")}
    medicines = read_medicines(_FOLDER / "medicine.toml", load())
    return Guidance(
        programme="osteoporosis",
        guidelines=read_guidelines(_FOLDER / "guidelines", first=_DEFAULT),
        medicines=medicines,
        interactions=read_interactions(_FOLDER / "interaction.toml", load(), medicines),
        timers=read_timers(
            _FOLDER / "timer.toml", load(), medicines, columns={"risk_class": columns["risk_class"]}
        ),
        stage=stage,
        flags=read_flags(_FOLDER / "flag.toml"),
        advice=_part("advice.toml", columns),
        monitoring=_part("monitoring.toml", columns),
        precedence=read_precedence(_FOLDER / "precedence.toml"),
        targets=read_targets(_FOLDER / "target.toml", load()),
        referrals=read_referrals(_FOLDER / "referral.toml"),
        asks=ASKS,
        following=guidance,
    )


def _part(name: str, columns: dict[str, str]) -> tuple[AdviceRule, ...]:
    file = _FOLDER / name
    return read_advice(file, load(), columns=columns) if file.is_file() else ()


def stage() -> Sequence[pl.Expr]:
    """Columns of `guidance_stage` and `vertebral_recent_months` (months since the last one)."""
    return (*guidance_stage.guidance_columns(), vertebral_recent_months())


def vertebral_recent_months() -> pl.Expr:
    """Months since the last vertebral fracture, as of `as_of`.

    Without its own date it is the last fracture's, if the vertebra is the only site that broke: a
    single fracture, or no fracture at any other site. Else unknown.
    """
    other = " OR ".join(
        f"fragility_fracture_{site}" for site in ("hip", "humerus", "pelvis", "forearm", "rib")
    )
    only = condition(f"fragility_fracture_count = 1 OR NOT ({other})")
    known = pl.col("fracture_vertebral_last_on")
    start = pl.when(known.is_null() & only).then(pl.col("fracture_last_on")).otherwise(known)
    return guidance_stage.months_between(start, pl.col("as_of")).alias("vertebral_recent_months")
