"""Facts: what somebody stated about a person, when, and where it was read.

A table of facts is a Polars frame with the columns of `FACT_SCHEMA`, one row a fact. Numbers stand
in the dictionary's unit; booleans are 1.0 and 0.0; codes, dates (ISO) and texts stand in `text`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

import polars as pl

Status = Literal["final", "assumed", "entered_in_error"]
STATUSES: tuple[Status, ...] = ("final", "assumed", "entered_in_error")

FACT_SCHEMA: dict[str, pl.DataType] = {
    "person_id": pl.String(),
    "variable": pl.String(),
    "number": pl.Float64(),
    "text": pl.String(),
    "unit": pl.String(),
    "effective_at": pl.Datetime("us"),  # the sender's wall clock; a partial date is its last day
    "until": pl.Datetime("us"),  # end of a period (drug, condition); null while it lasts
    "recorded_at": pl.Datetime("us"),  # when it became known; effective_at where nobody says
    "status": pl.String(),
    "context": pl.String(),  # JSON of qualifiers such as reference_db and side, keys sorted
    "raw": pl.String(),  # what the source says, where it differs from the value
    "source": pl.String(),  # Source.source_id
    "row": pl.Int64(),  # record number in the source, from 1 (tables: data rows without header)
    "field": pl.String(),  # column name or FHIR reference
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; `value` is what `number` and `text` hold in the variable's own type."""

    person_id: str
    variable: str
    value: float | bool | str
    unit: str
    effective_at: datetime
    recorded_at: datetime
    source: str
    until: datetime | None = None
    status: Status = "final"
    context: str | None = None
    raw: str | None = None
    row: int | None = None
    field: str | None = None


def known_at(facts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The facts that held and were known on a date, without those entered in error."""
    end = datetime.combine(as_of, time.max)
    return facts.filter(
        pl.col("effective_at") <= end,
        pl.coalesce("recorded_at", "effective_at") <= end,
        pl.col("status") != "entered_in_error",
    )


def empty_facts() -> pl.DataFrame:
    """A table of no facts."""
    return pl.DataFrame(schema=FACT_SCHEMA)
