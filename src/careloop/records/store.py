"""Where facts are kept: the small interface the pure layer sees.

Stores: `careloop.records.parquet.ParquetStore` (a folder, for populations) and
`careloop.web.registry.store.DatabaseStore` (SQLite or PostgreSQL, the site's own tables).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from careloop.error import InputError
from careloop.records.fact import FACT_SCHEMA, STATUSES
from careloop.records.reading import Reading, Source

SAME_FACT = (
    "person_id",
    "variable",
    "number",
    "text",
    "unit",
    "effective_at",
    "until",
    "status",
    "context",
    "sender",
)
"""What makes two facts the same, whichever file they stood in (`sender` is the source's)."""

_NEVER_NULL = ("person_id", "variable", "effective_at", "recorded_at", "status")


@dataclass(frozen=True, slots=True)
class Added:
    """What a store did with a reading."""

    source_id: str
    new_facts: int
    known_facts: int  # already in the store: same person, variable, value, times and sender
    already_imported: bool  # the very same file with the same mapping


class FactStore(Protocol):
    """Keeps facts for ever; a correction is a new fact, nothing is overwritten."""

    def add(self, reading: Reading) -> Added:
        """Store a reading whole or not at all; the same source twice adds nothing."""
        ...

    def facts(
        self,
        *,
        person_id: str | None = None,
        variables: Sequence[str] | None = None,
        distinct: bool = True,
    ) -> pl.LazyFrame:
        """Facts in the columns of `FACT_SCHEMA`, each distinct fact once.

        With `distinct=False` a store may answer faster and in less memory by repeating facts that
        were told several times. A snapshot does not mind, but for one case: of two values told for
        the same moment the one told again later then counts as the later.
        """
        ...

    def sources(self) -> list[Source]:
        """Everything ever imported, oldest first."""
        ...


def checked(batch: pl.DataFrame, source_id: str) -> pl.DataFrame:
    """Bring a batch of facts into `FACT_SCHEMA`, every fact under the source it came from.

    Raises
    ------
    InputError
        A column is lacking, or a fact has no person, variable, time or known status: a
        reader's fault.
    """
    if missing := [name for name in FACT_SCHEMA if name not in batch.columns]:
        raise InputError(f"a batch of facts lacks the columns {missing}", remedy="mend the reader")
    if empty := [name for name in _NEVER_NULL if batch[name].null_count()]:
        raise InputError(f"facts without {', '.join(empty)}", remedy="mend the reader")
    if not batch["status"].is_in(STATUSES).all():
        raise InputError(f"facts of a status not among {STATUSES}", remedy="mend the reader")
    return batch.select(
        pl.lit(source_id).alias(name) if name == "source" else pl.col(name).cast(dtype)
        for name, dtype in FACT_SCHEMA.items()
    )
