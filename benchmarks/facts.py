"""Facts for the benchmarks of stores and snapshots: persons × variables, as readers give them.

Batches are like those of a table reader: all facts of one column, then those of the next. Half of
the variables are told once of everybody, half at random, so that some persons have several.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text, Variable
from careloop.records.fact import FACT_SCHEMA
from careloop.records.reading import ImportReport, Source

VARIABLES = 20
PERSONS_PER_BATCH = 50_000
_LABEL = Text("值", "value")
_DAY_US = 86_400_000_000
_FIRST_US = 1_262_304_000_000_000  # 2010-01-01


def _variable(n: int) -> Variable:
    if n < 14:
        return Variable(f"number_{n}", "number", _LABEL, "test", unit="kg")
    if n < 18:
        memory = ("latest", "ever", "period", "period")[n - 14]
        return Variable(f"boolean_{n}", "boolean", _LABEL, "test", memory=memory)  # type: ignore[arg-type]
    return Variable(f"code_{n}", "code", _LABEL, "test", values={"never": _LABEL, "now": _LABEL})


DICTIONARY = Dictionary(
    [
        *(_variable(n) for n in range(VARIABLES)),
        Variable("derived", "boolean", _LABEL, "test", derive="number_1 > 50 OR boolean_15"),
    ]
)


def batches(persons: int, *, seed: int = 1, source: str = "benchmark") -> Iterator[pl.DataFrame]:
    """Yield `persons` × 20 facts, the facts of 50,000 persons at a time."""
    rng = np.random.default_rng(seed)
    for start in range(0, persons, PERSONS_PER_BATCH):
        count = min(PERSONS_PER_BATCH, persons - start)
        ids = pl.Series([f"P{n:08}" for n in range(start, start + count)])
        yield pl.concat(
            _column(ids, n, rng, start)
            .with_columns(source=pl.lit(source))
            .select(pl.col(name).cast(dtype) for name, dtype in FACT_SCHEMA.items())
            for n in range(VARIABLES)
        )


def _column(ids: pl.Series, n: int, rng: np.random.Generator, start: int) -> pl.DataFrame:
    variable = list(DICTIONARY.values())[n]
    count = len(ids)
    at = pl.Series(_FIRST_US + rng.integers(0, 3650, count) * _DAY_US).cast(pl.Datetime("us"))
    number: np.ndarray | None = None
    text = None
    if variable.kind == "code":
        text = pl.Series(["never", "now"]).gather(rng.integers(0, 2, count))
    else:
        number = rng.random(count) * 100
        number = number.round(1) if variable.kind == "number" else (number < 30) * 1.0
    return pl.DataFrame(
        {
            "person_id": ids.gather(rng.integers(0, count, count)) if n % 2 else ids,
            "number": pl.Series(number, dtype=pl.Float64) if number is not None else None,
            "text": text,
            "effective_at": at,
            "recorded_at": at,
            "row": np.arange(start + 1, start + count + 1),
        }
    ).with_columns(
        variable=pl.lit(variable.key),
        unit=pl.lit(variable.unit or None, dtype=pl.String),
        until=pl.lit(None, dtype=pl.Datetime("us")),
        status=pl.lit("final"),
        context=pl.lit(None, dtype=pl.String),
        raw=pl.lit(None, dtype=pl.String),
        field=pl.lit(f"COLUMN_{n}"),
    )


@dataclass
class Batches:
    """A reading of tables that are there already."""

    tables: list[pl.DataFrame]
    source_id: str = "benchmark"
    report: ImportReport = field(default_factory=ImportReport)
    source: Source = field(init=False)

    def __post_init__(self) -> None:
        read_at = datetime(2024, 1, 1, tzinfo=UTC)
        self.source = Source(self.source_id, "table", "made.csv", "", "benchmark", read_at)

    def batches(self) -> Iterator[pl.DataFrame]:
        yield from self.tables

    def rejected(self) -> pl.DataFrame:
        return pl.DataFrame()
