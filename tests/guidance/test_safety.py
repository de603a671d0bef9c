"""Safety over 100,000 random people: what the plans propose, not only what the statuses say."""

from datetime import date

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.guidance.evaluation import guidance_reads
from careloop.programmes.assessment import reads
from careloop.programmes.planning import guidance_of, planned
from careloop.programmes.programme import programme
from careloop.records.snapshot import Snapshot
from population import batches

DISEASE = programme("osteoporosis")
GUIDANCE = guidance_of(DISEASE)
AS_OF = date(2026, 6, 30)


def unsafe(people: int, *, seed: int, size: int) -> tuple[int, int, list[str]]:
    """Plans made, medicines proposed, and everything that must not be."""
    names = dict.fromkeys([*reads(DISEASE), *guidance_reads(GUIDANCE)])
    known = [name for name in names if name.partition("__")[0] in load() and "__age_d" not in name]
    made = proposed = 0
    wrong = []
    dates = [name for name in known if load_kind(name) == "date"]
    nothing = [pl.lit(None, dtype=pl.Date).alias(name) for name in dates]
    for batch in batches(people, columns=known, seed=seed, size=size):
        frame = batch.with_columns(nothing)
        for one in planned(Snapshot(frame, AS_OF, load()), DISEASE, "china_2022"):
            made += 1
            for item in one.plan.items:
                key = (item.details or {}).get("medicine")
                if item.kind != "medicine" or not key:
                    continue
                proposed += 1
                if one.row[f"{key}_status"] == "blocked":
                    wrong.append(f"{one.plan.person_id}: {key} against {one.row[f'{key}_stops']}")
                if one.row[f"{key}_unknown"] and not item.after_checking:
                    wrong.append(f"{one.plan.person_id}: {key} with an unknown hard stop")
    return made, proposed, wrong


def load_kind(name: str) -> str:
    return "" if "__" in name else load()[name].kind if name in load() else ""


def test_no_plan_goes_against_a_hard_stop():
    made, proposed, wrong = unsafe(2_000, seed=3, size=2_000)
    assert made == 2_000
    assert proposed > 300
    assert not wrong


@pytest.mark.slow
def test_no_plan_goes_against_a_hard_stop_over_100_000_people():
    made, proposed, wrong = unsafe(100_000, seed=4, size=20_000)
    assert made == 100_000
    assert proposed > 10_000
    assert not wrong
