"""Facts into and out of SQLite in bulk.

Straight through the driver: Django's cursors would keep every statement with its values, which are
patients', when DEBUG is on.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from careloop.error import CareloopError
from careloop.records.fact import FACT_SCHEMA
from careloop.web.registry.clock import FORMAT
from careloop.web.registry.query import ADD_FACT, ADD_PERSON, Wanted, select

_ROWS = 100_000
_TIMES = [name for name, dtype in FACT_SCHEMA.items() if dtype == pl.Datetime("us")]


def lock_imports(connection: Any) -> None:
    """Let one import write at a time: `transaction_mode` IMMEDIATE has done so already."""


def analyse(connection: Any) -> None:
    """Count the tables by samples: some hundred milliseconds, however large they are."""
    connection.connection.execute("PRAGMA analysis_limit = 1000")
    connection.connection.execute("ANALYZE")


@contextmanager
def alone(connection: Any, name: str) -> Iterator[bool]:
    """Whether nobody else holds this name; a lock on a file beside the database."""
    database = str(connection.settings_dict["NAME"])
    if ":memory:" in database or "mode=memory" in database:
        yield True  # nobody else sees it
        return
    with Path(f"{database}.{name}.lock").open("w", encoding="ascii") as file:
        yield _locked(file.fileno())  # closing the file gives it back, and so does a crash


def _locked(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 — only there

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 — not on Windows

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def insert(connection: Any, facts: pl.DataFrame, persons: Sequence[str]) -> int:
    """Add persons and facts that are not there yet; return how many facts were new.

    `facts` has the columns `query.COLUMNS`; the caller holds a transaction.
    """
    raw: sqlite3.Connection = connection.connection
    rows = facts.with_columns(pl.col(_TIMES).dt.to_string("%Y-%m-%d %H:%M:%S%.6f")).iter_rows()
    try:
        raw.executemany(ADD_PERSON, ((person,) for person in persons))
        before = raw.total_changes
        raw.executemany(ADD_FACT, rows)
    except sqlite3.Error as error:
        # The driver's text may name columns, never values.
        raise CareloopError(f"SQLite could not store the facts: {error}") from None
    return raw.total_changes - before


def read(connection: Any, names: Sequence[str], wanted: Wanted) -> Iterator[pl.DataFrame]:
    """Yield the facts wanted, oldest first, in these columns of `FACT_SCHEMA`."""
    statement, values = select(names, wanted, mark="?")
    schema = {"id": pl.Int64()} | {
        name: pl.String() if name in _TIMES else FACT_SCHEMA[name] for name in names
    }
    times = [name for name in names if name in _TIMES]
    connection.ensure_connection()
    cursor = connection.connection.cursor()
    # Rows come as tuples from Django's connection, texts as they are.
    cursor.execute(statement, values)
    while rows := cursor.fetchmany(_ROWS):
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        yield frame.with_columns(
            pl.col(times).str.to_datetime(FORMAT.replace(".%f", "%.f"), time_unit="us")
        ).drop("id")
