"""The guidance of the diabetes programme: one guideline, tests and follow-up. No medicines."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from careloop.dictionary.catalogue import load
from careloop.guidance.advice import read_advice
from careloop.guidance.guidance import Guidance
from careloop.guidance.reading import read_guidelines, read_referrals

_FOLDER = files("careloop.programmes.diabetes") / "guidance"
ASKS = {
    "glycaemia": ("glucose_fasting_mmol_l", "glucose_2h_mmol_l", "hba1c_pct"),
    "cdrs": ("waist_cm", "sbp_mmhg", "family_diabetes_first_degree", "bmi_kg_m2"),
    "cdrs_applies": ("diabetes_diagnosed", "ethnic_group"),
    "findrisc_applies": ("diabetes_diagnosed",),
}
"""What to ask a person for where a column that careloop computes is unknown."""


@cache
def guidance() -> Guidance:
    """Read the guideline and the advice (read once, then kept)."""
    return Guidance(
        programme="diabetes",
        guidelines=read_guidelines(_FOLDER / "guidelines"),
        advice=read_advice(_FOLDER / "follow_up.toml", load()),
        referrals=read_referrals(_FOLDER / "referral.toml"),
        asks=ASKS,
    )
