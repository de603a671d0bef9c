"""Where facts are kept: the small interface the pure layer sees.

Stores: `careloop.records.parquet.ParquetStore` (a folder, for populations) and
`careloop.web.registry.store.DatabaseStore` (SQLite or PostgreSQL, the site's own tables).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from careloop.records.reading import Reading, Source


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

        A snapshot is the same with `distinct=False`, which a store may answer faster and in less
        memory by repeating facts that several files told.
        """
        ...

    def sources(self) -> list[Source]:
        """Everything ever imported, oldest first."""
        ...
