"""Who may be the same person under two ids: findings for a human to decide, never a merge."""

from __future__ import annotations

import polars as pl

IDENTITY = ("national_id", "name", "birth_date", "sex")
"""The variables by which people are told apart."""


def possible_duplicates(facts: pl.LazyFrame | pl.DataFrame) -> pl.DataFrame:
    """Pairs of ids that look like one person registered twice.

    Parameters
    ----------
    facts
        A table of facts; `national_id`, `name`, `birth_date` and `sex` are read.

    Returns
    -------
    pl.DataFrame
        `person_id, other_id, evidence`: "national_id" where both state the same national id, else
        "name_birth_sex" where name, birth date and sex agree and no two national ids contradict.
        Each pair once, the smaller id first.
    """
    wide = (
        facts.lazy()
        .filter(
            pl.col("variable").is_in(IDENTITY),
            pl.col("status") == "final",
        )
        .sort("effective_at", "recorded_at")
        .group_by("person_id", "variable")
        .agg(pl.col("text").last())
        .collect()
        .pivot(on="variable", index="person_id", values="text")
    )
    wide = wide.with_columns(
        pl.lit(None, dtype=pl.String).alias(name) for name in IDENTITY if name not in wide.columns
    )
    same_id = _pairs(wide, ["national_id"], "national_id")
    same_words = _pairs(wide, ["name", "birth_date", "sex"], "name_birth_sex")
    contradicted = pl.col("national_id") != pl.col("national_id_right")
    same_words = same_words.filter(~contradicted.fill_null(value=False))
    pairs = pl.concat([same_id, same_words]).unique(
        ["person_id", "other_id"], keep="first", maintain_order=True
    )
    return pairs.select("person_id", "other_id", "evidence").sort("person_id", "other_id")


def _pairs(wide: pl.DataFrame, on: list[str], evidence: str) -> pl.DataFrame:
    known = wide.drop_nulls(on)
    often = known.filter(pl.len().over(on) > 1)
    return (
        often.join(often, on=on, how="inner", coalesce=False)
        .rename({"person_id_right": "other_id"})
        .filter(pl.col("person_id") < pl.col("other_id"))
        .select(
            "person_id",
            "other_id",
            "national_id",
            "national_id_right",
            evidence=pl.lit(evidence),
        )
    )
