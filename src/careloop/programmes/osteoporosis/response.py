"""Response to osteoporosis treatment: from facts to the numbers that the response tables judge.

Baseline is the last value before (or on) the day the present drug was started; "now" is the newest
value that is old enough to tell something: turnover markers from 12 weeks on an antiresorptive and
from 4 weeks on an anabolic drug (facts §3.4: after 3–6 and 1–3 months); bone density on the same
device at any time after the start.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import condition
from careloop.guidance.plan import PlanItem
from careloop.guidance.response import (
    Response,
    percent_change,
    read_response,
    response_items,
    responses,
)
from careloop.programmes.osteoporosis.precision import bmd_changes
from careloop.records.snapshot import snapshot
from careloop.records.withdrawal import standing
from careloop.stats.adherence import ADHERENT

MARKERS = {"p1np": "p1np_ug_l", "ctx": "ctx_ng_l"}
TELLING_AFTER_DAYS = {"anabolic": 28, "antiresorptive": 84}
_GROUPS = (
    ("anabolic", "teriparatide_current OR abaloparatide_current"),
    (
        "oral_bisphosphonate",
        "alendronate_current OR risedronate_current OR ibandronate_current OR minodronate_current",
    ),
    (
        "antiresorptive",
        "zoledronate_current OR denosumab_current OR raloxifene_current OR bazedoxifene_current",
    ),
)
_STATE = (
    *("bone_treatment_started_on", "fractures_on_treatment", "fragility_fracture"),
    *("fracture_last_on", "medicine_covered_share", "medicine_adherence"),
    *("osteoporosis_treatment_current", "teriparatide_current", "abaloparatide_current"),
    *("alendronate_current", "risedronate_current", "ibandronate_current", "minodronate_current"),
    *("zoledronate_current", "denosumab_current", "raloxifene_current", "bazedoxifene_current"),
)


@cache
def rules() -> Response:
    """The response tables of this programme."""
    return read_response(files("careloop.programmes.osteoporosis") / "guidance" / "response.toml")


def treatment_response(
    facts: pl.DataFrame, as_of: date, *, lsc_g_cm2: dict[str, float] | None = None
) -> pl.DataFrame:
    """Judge the response of everybody on a drug.

    Parameters
    ----------
    facts
        A table of facts (`careloop.records.fact.FACT_SCHEMA`).
    as_of
        Nothing effective or recorded later is used.
    lsc_g_cm2
        The centre's own least significant change by site (see `bmd_changes`).

    Returns
    -------
    pl.DataFrame
        One row a person who takes an osteoporosis drug and whose start is recorded: `person_id`,
        the numbers of `response_numbers`, and per table of `rules()` the answer with reasons.
    """
    numbers = response_numbers(facts, as_of, lsc_g_cm2=lsc_g_cm2)
    return responses(numbers.lazy(), rules()).collect()


def proposals(facts: pl.DataFrame, as_of: date) -> dict[str, list[PlanItem]]:
    """What the response to treatment proposes, by person."""
    if not (facts["variable"] == "bone_treatment_started_on").any():
        return {}  # nobody whose start is recorded: most people, so this is asked first
    judged = treatment_response(facts, as_of)
    return {row["person_id"]: response_items(row, rules()) for row in judged.iter_rows(named=True)}


def response_numbers(
    facts: pl.DataFrame, as_of: date, *, lsc_g_cm2: dict[str, float] | None = None
) -> pl.DataFrame:
    """The numbers that the tables of `rules()` read, one row a treated person."""
    state = _state(facts, as_of)
    known = _usable(facts, as_of).join(
        state.select("person_id", "start", "response_group"), on="person_id"
    )
    table = state
    for name, variable in MARKERS.items():
        table = table.join(_marker(known, name, variable), on="person_id", how="left")
    table = table.join(_bone(known, lsc_g_cm2), on="person_id", how="left")
    return table.with_columns(
        percent_change("p1np_before", "p1np_now_ug_l").alias("p1np_change_pct"),
        percent_change("ctx_before", "ctx_now_ng_l").alias("ctx_change_pct"),
        (pl.col("p1np_now_ug_l") - pl.col("p1np_before")).round(10).alias("p1np_rise_ug_l"),
    )


def _state(facts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Treated people with a recorded start: drug group, fractures since, adherence."""
    frame = snapshot(facts, as_of, load(), variables=_STATE).frame
    group: pl.Expr = pl.lit(None, dtype=pl.String)
    for name, sql in reversed(_GROUPS):
        group = pl.when(condition(sql)).then(pl.lit(name)).otherwise(group)
    start, last = pl.col("bone_treatment_started_on"), pl.col("fracture_last_on")
    since = (
        pl.when(last > start)
        .then(1.0)  # one at least
        .when((last <= start) | ~pl.col("fragility_fracture"))
        .then(0.0)
        .otherwise(None)
    )
    share, told = pl.col("medicine_covered_share"), pl.col("medicine_adherence")
    return frame.filter(pl.col("osteoporosis_treatment_current"), start <= pl.lit(as_of)).select(
        "person_id",
        start.alias("start"),
        group.alias("response_group"),
        pl.coalesce("fractures_on_treatment", since).alias("fractures_on_treatment"),
        share,
        pl.when(share.is_not_null())
        .then(share >= ADHERENT)
        .otherwise(told == "regular")
        .alias("adherent"),
    )


def _usable(facts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Markers and scans up to the day, the newest record of each day last."""
    recorded = pl.coalesce("recorded_at", "effective_at").dt.date()
    wanted = pl.col("variable").is_in(list(MARKERS.values())) | (
        pl.col("variable").str.starts_with("bmd_")
    )
    told = facts.filter(pl.col("effective_at").dt.date() <= as_of, recorded <= as_of)
    return (
        standing(told)
        .filter(wanted, pl.col("number").is_not_null())
        .with_columns(pl.col("effective_at").dt.date().alias("on"))
        .sort("person_id", "variable", "effective_at", "recorded_at")
    )


def _marker(known: pl.DataFrame, name: str, variable: str) -> pl.DataFrame:
    """`<name>_before` and `<variable now>` of a marker."""
    wait = (
        pl.when(pl.col("response_group") == "anabolic")
        .then(TELLING_AFTER_DAYS["anabolic"])
        .otherwise(TELLING_AFTER_DAYS["antiresorptive"])
    )
    since = (pl.col("on") - pl.col("start")).dt.total_days()
    stem, _, unit = variable.partition("_")
    return (
        known.filter(pl.col("variable") == variable)
        .group_by("person_id")
        .agg(
            pl.col("number").filter(since <= 0).last().alias(f"{name}_before"),
            pl.col("number").filter(since >= wait).last().alias(f"{stem}_now_{unit}"),
        )
    )


def _bone(known: pl.DataFrame, lsc_g_cm2: dict[str, float] | None) -> pl.DataFrame:
    """Change of bone density since the start, each site and side on one device; real from the LSC.

    Of several devices or sides at a site the one with the largest fall counts.
    """
    before = pl.col("on") <= pl.col("start")
    told = [
        pl.col("context").str.json_path_match(f"$.{name}").alias(name)
        for name in ("device", "side")
    ]
    scans = known.filter(pl.col("variable").str.starts_with("bmd_")).with_columns(told)
    ends = scans.group_by("person_id", "variable", "device", "side", before.alias("before")).agg(
        pl.all().exclude("before").last()
    )
    changes = bmd_changes(ends, lsc_g_cm2=lsc_g_cm2)
    started = known.select("person_id", "start").unique()
    changes = changes.join(started, on="person_id").filter(pl.col("from_on") <= pl.col("start"))
    site, change = pl.col("site"), pl.col("change_pct").round(10)

    def worst(*sites: str) -> pl.Expr:
        return change.filter(site.is_in(sites)).min()

    judged = site.is_in(["lumbar_spine", "total_hip", "femoral_neck"])
    fell, rose = pl.col("change_g_cm2") < 0, pl.col("change_g_cm2") > 0
    return changes.group_by("person_id").agg(
        worst("lumbar_spine").alias("bmd_change_lumbar_spine_pct"),
        worst("total_hip", "femoral_neck").alias("bmd_change_hip_pct"),
        pl.when(judged.any()).then((judged & fell & pl.col("real")).any()).alias("bmd_real_loss"),
        pl.when(judged.any()).then((judged & rose & pl.col("real")).any()).alias("bmd_real_gain"),
    )
