"""Where facts come from and go to: a database URL, a folder of Parquet files, or plain files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.error import InputError
from careloop.records.finding import FINDINGS
from careloop.records.reading import ImportReport
from careloop.records.sources.opening import open_reading
from careloop.records.store import FactStore

DEFAULT_STORE = "sqlite:///var/careloop.sqlite3"


def store_url(url: str = "") -> str:
    """The store asked for, else CARELOOP_DATABASE_URL, else a file below `var`."""
    return url or os.environ.get("CARELOOP_DATABASE_URL", "") or DEFAULT_STORE


def open_store(url: str) -> FactStore:
    """A database (`sqlite:///…`, `postgresql://…`) or, for anything else, a folder."""
    if "://" in url:
        from careloop.web.registry.store import open_store as open_database  # noqa: PLC0415

        return open_database(url)
    from careloop.records.parquet import ParquetStore  # noqa: PLC0415

    return ParquetStore(Path(url))


def is_store(source: str) -> bool:
    """Whether a source names a store rather than a file to read."""
    return "://" in source or Path(source).is_dir()


@contextmanager
def open_facts(
    source: str | None, *, dictionary: Dictionary, mapping: Path | None, as_of: date
) -> Iterator[tuple[pl.LazyFrame, ImportReport | None]]:
    """Facts of a store, or of a file read through a temporary store; with the account of reading.

    Raises
    ------
    InputError
        If nothing can be read there.
    """
    name = store_url() if source is None else source
    if is_store(name):
        yield open_store(name).facts(distinct=False), None
        return
    from careloop.records.parquet import ParquetStore  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="careloop-") as folder:
        reading = open_reading(Path(name), dictionary=dictionary, mapping=mapping, as_of=as_of)
        store = ParquetStore(Path(folder))
        store.add(reading)
        if not reading.report.facts:
            raise InputError(
                f"no facts in it ({len(FINDINGS)} kinds of finding are known; "
                f"{len(reading.report.findings)} were met)",
                where=name,
                remedy="run `careloop import --dry-run` to see what became of every column",
            )
        yield store.facts(distinct=False), reading.report
