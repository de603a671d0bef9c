"""The site's own tables as a store of facts (`careloop.records.store.FactStore`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import django
import polars as pl
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from polars.io.plugins import register_io_source

from careloop.error import CareloopError, InputError
from careloop.records.fact import FACT_SCHEMA, empty_facts
from careloop.records.reading import Reading, Source
from careloop.records.store import Added, checked
from careloop.web.configuration import SETTINGS, database
from careloop.web.registry import postgresql, sqlite
from careloop.web.registry.key import fact_keys
from careloop.web.registry.query import Wanted

_LONGEST = {"person_id": 200, "variable": 100, "unit": 64}
_TEXTS = ("person_id", "text", "context", "raw", "field")


def open_store(url: str = "") -> DatabaseStore:
    """Open the database that a URL names and bring its tables up to date.

    Works outside a site: Django is set up on the first call. Several URLs may be open at once.

    Parameters
    ----------
    url
        `sqlite:///path` or `postgresql://…`; default: the site's own (CARELOOP_DATABASE_URL).

    Raises
    ------
    ConfigError
        The URL names no database that careloop can use.
    CareloopError
        The database cannot be opened.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    django.setup()
    wanted = connections.settings[DEFAULT_DB_ALIAS] if not url else database(url)
    alias = _alias(wanted)
    if wanted["ENGINE"].endswith("sqlite3"):
        Path(wanted["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    try:
        call_command("migrate", database=alias, interactive=False, verbosity=0)
    except DatabaseError as error:
        raise CareloopError(f"the database cannot be opened: {error}".strip()) from None
    return DatabaseStore(alias)


def _alias(wanted: dict[str, Any]) -> str:
    """Name the connection with these settings, adding one to Django's if there is none."""
    for alias, known in connections.settings.items():
        if all(known.get(name) == value for name, value in wanted.items()):
            return alias
    alias = f"store{len(connections.settings)}"
    usual = connections.configure_settings({DEFAULT_DB_ALIAS: {}, alias: wanted})
    connections.settings[alias] = usual[alias]
    return alias


class DatabaseStore:
    """Facts in the registry's tables; implements `FactStore`. Made by `open_store`.

    Parameters
    ----------
    alias
        Django's name of the database.
    """

    def __init__(self, alias: str = DEFAULT_DB_ALIAS) -> None:
        self.alias = alias

    def add(self, reading: Reading) -> Added:
        """Store a reading in one transaction; the same source twice, or fact, adds nothing.

        Raises
        ------
        InputError
            A batch is not a table of facts, or a person's id is longer than the tables allow.
        CareloopError
            The database refused. Whatever is raised, nothing of the reading is kept.
        """
        from careloop.web.registry.models import Source as SourceRow  # noqa: PLC0415 — once set up

        connection = connections[self.alias]
        driver = _driver(connection)
        told = new = 0
        with transaction.atomic(using=self.alias):
            driver.lock_imports(connection)
            known = (
                SourceRow.objects.using(self.alias)
                .filter(source_id=reading.source.source_id)
                .first()
            )
            if known is not None:
                return Added(known.source_id, 0, known.facts_told, already_imported=True)
            row = SourceRow(**asdict(reading.source) | {"read_at": _instant(reading.source)})
            row.save(using=self.alias)
            for batch in reading.batches():
                facts = _for_tables(checked(batch, reading.source.source_id))
                keyed = facts.with_columns(
                    source=pl.lit(row.pk, dtype=pl.Int64),
                    fact_key=pl.Series(fact_keys(facts, reading.source.sender), dtype=pl.Binary),
                ).select("fact_key", *FACT_SCHEMA)
                persons = facts["person_id"].unique(maintain_order=True).to_list()
                new += driver.insert(connection, keyed, persons)
                told += facts.height
            row.facts_told, row.facts_new = told, new
            row.import_report = reading.report.to_json()
            row.save(using=self.alias)
        return Added(reading.source.source_id, new, told - new, already_imported=False)

    def facts(
        self,
        *,
        person_id: str | None = None,
        variables: Sequence[str] | None = None,
        distinct: bool = True,
    ) -> pl.LazyFrame:
        """Facts in the columns of `FACT_SCHEMA`, in the order they came; distinct they always are.

        Read from the database each time the frame is collected, and only the columns it needs.
        """
        del distinct
        chosen = None if variables is None else tuple(variables)

        def scan(
            columns: list[str] | None,
            predicate: pl.Expr | None,
            at_most: int | None,
            _: int | None,
        ) -> Iterator[pl.DataFrame]:
            names = list(FACT_SCHEMA) if columns is None else columns
            wanted = Wanted(person_id, chosen, at_most)
            for frame in self._read(names, wanted):
                yield frame if predicate is None else frame.filter(predicate)

        return register_io_source(scan, schema=FACT_SCHEMA)

    def facts_of(self, person_id: str) -> pl.DataFrame:
        """One person's facts on this thread's own connection: a transaction sees what it added."""
        return self._now(Wanted(person_id=person_id))

    def facts_of_many(self, person_ids: Sequence[str]) -> pl.DataFrame:
        """The facts of some people (up to some 30,000), as `facts_of`."""
        return self._now(Wanted(person_ids=tuple(person_ids)))

    def _now(self, wanted: Wanted) -> pl.DataFrame:
        names, connection = list(FACT_SCHEMA), connections[self.alias]
        frames = list(_driver(connection).read(connection, names, wanted))
        return pl.concat(frames) if frames else empty_facts()

    def _read(self, names: Sequence[str], wanted: Wanted) -> Iterator[pl.DataFrame]:
        # Polars reads in threads of its own, where Django's connections must not go.
        connection = connections[self.alias].copy()
        connection.inc_thread_sharing()
        try:
            yield from _driver(connection).read(connection, names, wanted)
        finally:
            connection.close()

    def sources(self) -> list[Source]:
        """Everything ever imported, oldest first."""
        from careloop.web.registry.models import Source as SourceRow  # noqa: PLC0415 — once set up

        names = [entry.name for entry in fields(Source)]
        rows = SourceRow.objects.using(self.alias).values(*names)
        return [Source(**row) for row in rows]

    def close(self) -> None:
        """Close this thread's connection; the next use opens another."""
        connections[self.alias].close()


def lock_imports(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Let nobody else store facts until the caller's transaction ends."""
    _driver(connections[alias]).lock_imports(connections[alias])


def analyse(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Let the database count its tables, so that it chooses the right index; after much is new."""
    connections[alias].ensure_connection()
    _driver(connections[alias]).analyse(connections[alias])


@contextmanager
def alone(name: str, alias: str = DEFAULT_DB_ALIAS) -> Iterator[bool]:
    """Whether nobody else, in whatever process, is inside this block of this name right now."""
    connection = connections[alias]
    connection.ensure_connection()
    with _driver(connection).alone(connection, name) as free:
        yield free


def _driver(connection: Any) -> ModuleType:
    return postgresql if connection.vendor == "postgresql" else sqlite


def _instant(source: Source) -> datetime:
    """When the source was read; UTC where it does not say."""
    at = source.read_at
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _for_tables(facts: pl.DataFrame) -> pl.DataFrame:
    """Fit facts to the tables: no NUL characters, which PostgreSQL cannot hold, no endless ids."""
    for name, longest in _LONGEST.items():
        if (facts[name].str.len_chars() > longest).any():
            raise InputError(
                f"a {name} of more than {longest} characters",
                remedy="look at the mapping: is another column meant?",
            )
    return facts.with_columns(
        pl.col(_TEXTS).str.replace_all("\x00", "\N{REPLACEMENT CHARACTER}", literal=True)
    )
