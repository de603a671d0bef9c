"""A person's facts as pages need them: which were withdrawn, and whether anything is new."""

from __future__ import annotations

from datetime import date

import polars as pl

from careloop.records.withdrawal import standing, with_withdrawals

__all__ = ["fingerprint", "known_days", "standing", "with_withdrawals"]


def fingerprint(facts: pl.DataFrame) -> tuple[int, int]:
    """Changes whenever a fact is added, or a registration is merged or parted."""
    return facts.height, int(facts.hash_rows(seed=7).sum() or 0) if facts.height else 0


def known_days(facts: pl.DataFrame) -> list[date]:
    """The days on which something new was known (recorded, and not before it held), in order."""
    if facts.is_empty():
        return []
    day = pl.max_horizontal("effective_at", pl.coalesce("recorded_at", "effective_at")).dt.date()
    found: list[date] = facts.select(day.unique().sort()).to_series().to_list()
    return found
