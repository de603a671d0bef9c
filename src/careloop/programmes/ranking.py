"""Who is at highest risk: decided for treatment first, then by how far out on any risk measure.

The order, also printed in the report:

1. The decisions, the last one first, each in the order of its outcomes (refer for treatment before
   refer for DXA; severe osteoporosis before osteoporosis). Undecided comes last.
2. Within equals, the person's place. For each measure in `Programme.ranking` everybody whose value
   is known, and whom its instrument was made for, is put in order from the worst; a person's place
   is the best rank among their measures, as a share of those ranked. So a very low T-score counts
   although no risk score could be computed, and the other way round.
3. Within equals, the measures themselves in the order of the programme, then the id.

Whom no measure ranks and no decision names is not listed.
"""

from __future__ import annotations

import polars as pl

from careloop.programmes.assessment import Assessment
from careloop.programmes.programme import Ranking
from careloop.programmes.tally import usable_flag


def highest_risk(assessment: Assessment, *, most: int = 20) -> pl.DataFrame:
    """The people at highest risk, worst first.

    Returns
    -------
    pl.DataFrame
        `person_id`; `place` (share of those ranked, null where no measure ranks the person); and
        `measure`, the column that gives the place.
    """
    frame, programme = assessment.frame, assessment.programme
    measures = [each for each in programme.ranking if each.key in frame.columns]
    table = frame.lazy().select(
        "person_id",
        *(_outcome_rank(assessment, number) for number in range(len(programme.decisions))),
        *(
            pl.when(usable_flag(assessment, each.key)).then(_badness(each)).alias(each.key)
            for each in measures
        ),
    )
    table = table.with_columns(
        (pl.col(each.key).rank("min", descending=True) / pl.col(each.key).count()).alias(
            f"place {each.key}"
        )
        for each in measures
    )
    places = [pl.col(f"place {each.key}") for each in measures]
    place = pl.min_horizontal(*places) if places else pl.lit(None, dtype=pl.Float64)
    which: pl.Expr = pl.lit(None, dtype=pl.String)
    for each, here in zip(reversed(measures), reversed(places), strict=True):
        which = pl.when(here == pl.col("place")).then(pl.lit(each.key)).otherwise(which)
    outcomes = [f"outcome {number}" for number in range(len(programme.decisions))]
    ranked = pl.col("place").is_not_null()
    if outcomes:
        ranked = ranked | pl.col(outcomes[-1]).is_not_null()
    order = [*reversed(outcomes), "place", *(each.key for each in measures), "person_id"]
    falling = [name in {each.key for each in measures} for name in order]
    return (
        table.with_columns(place.alias("place"))
        .with_columns(which.alias("measure"))
        .filter(ranked)
        .sort(order, descending=falling, nulls_last=True)
        .head(most)
        .select("person_id", "place", "measure")
        .collect()
    )


def _outcome_rank(assessment: Assessment, number: int) -> pl.Expr:
    """The place of a decision's outcome in its table; null where it is undecided."""
    decision = assessment.programme.decisions[number]
    keys = [outcome.key for outcome in decision.outcomes]
    rank = pl.col(decision.key).replace_strict(
        keys, list(range(len(keys))), default=None, return_dtype=pl.Int32
    )
    return rank.alias(f"outcome {number}")


def _badness(each: Ranking) -> pl.Expr:
    value = pl.col(each.key).cast(pl.Float64)
    return value if each.worst == "high" else -value
