"""Facts into and out of PostgreSQL in bulk, by COPY.

Straight through the driver, as in `sqlite.py` and for the same reason.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
import psycopg

from careloop.error import CareloopError
from careloop.records.fact import FACT_SCHEMA
from careloop.web.registry.query import (
    ADD_MET_PERSONS,
    ADD_STAGED_FACTS,
    COLUMNS,
    STAGE,
    Wanted,
    select,
)

_CHUNK_BYTES = 16 << 20
_IMPORTS = 0x6361_7265  # key of the advisory lock that imports take
_TIMES = [name for name, dtype in FACT_SCHEMA.items() if dtype == pl.Datetime("us")]


def lock_imports(connection: Any) -> None:
    """Let one import write at a time, until its transaction ends: else two could deadlock."""
    connection.ensure_connection()
    connection.connection.execute("SELECT pg_advisory_xact_lock(%s)", [_IMPORTS])


def analyse(connection: Any) -> None:
    """Count the tables by samples."""
    connection.connection.execute("ANALYZE")


@contextmanager
def alone(connection: Any, name: str) -> Iterator[bool]:
    """Whether nobody else holds this name; an advisory lock of this session."""
    key = zlib.crc32(f"careloop {name}".encode())
    raw = connection.connection
    found = raw.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
    free = bool(found and found[0])
    try:
        yield free
    finally:
        if free and not raw.closed:
            raw.execute("SELECT pg_advisory_unlock(%s)", [key])


def insert(connection: Any, facts: pl.DataFrame, persons: Sequence[str]) -> int:
    """Add persons and facts that are not there yet; return how many facts were new.

    `facts` has the columns `query.COLUMNS`; the caller holds a transaction.
    """
    raw: psycopg.Connection = connection.connection
    keyed = facts.with_columns(fact_key=pl.lit(r"\x") + pl.col("fact_key").bin.encode("hex"))
    try:
        with raw.cursor() as cursor:
            cursor.execute(STAGE)
            _copy(cursor, f"staged ({', '.join(COLUMNS)})", keyed)
            _copy(cursor, "met (person_id)", pl.DataFrame({"person_id": persons}))
            cursor.execute(ADD_MET_PERSONS)
            cursor.execute(ADD_STAGED_FACTS)
            return cursor.rowcount
    except psycopg.Error as error:
        # The server's text quotes values, which are patients'; its code does not.
        raise CareloopError(
            f"PostgreSQL could not store the facts: {type(error).__name__}, code {error.sqlstate}"
        ) from None


def _copy(cursor: Any, into: str, frame: pl.DataFrame) -> None:
    # Texts are quoted, so that "" is an empty text and nothing at all is null.
    text = frame.write_csv(
        include_header=False,
        quote_style="non_numeric",
        datetime_format="%Y-%m-%d %H:%M:%S%.6f",
    )
    with cursor.copy(f"COPY {into} FROM STDIN WITH (FORMAT csv)") as copy:
        copy.write(text)


def read(connection: Any, names: Sequence[str], wanted: Wanted) -> Iterator[pl.DataFrame]:
    """Yield the facts wanted, oldest first, in these columns of `FACT_SCHEMA`."""
    statement, values = select(names, wanted, mark="%s")
    connection.ensure_connection()
    command = f"COPY ({statement}) TO STDOUT WITH (FORMAT csv)"
    with connection.connection.cursor() as cursor, cursor.copy(command, values) as copy:
        rows = bytearray()
        for row in copy:
            rows += row
            if len(rows) >= _CHUNK_BYTES:
                yield _frame(bytes(rows), names)
                rows.clear()
        if rows:
            yield _frame(bytes(rows), names)


def _frame(rows: bytes, names: Sequence[str]) -> pl.DataFrame:
    """Parse rows of CSV."""
    times = [name for name in names if name in _TIMES]
    return (
        pl.read_csv(
            rows,
            has_header=False,
            schema={"id": pl.Int64()}
            | {name: pl.String() if name in times else FACT_SCHEMA[name] for name in names},
        )
        .with_columns(pl.col(times).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us"))
        .drop("id")
    )
