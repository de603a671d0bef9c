"""What tests of a whole site need: an environment of its own for another process."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path, tables, without_migrations) -> dict[str, str]:
    """Variables under which `careloop` has a database and a folder of its own."""
    url = f"sqlite:///{tmp_path / 'site.sqlite3'}"
    chosen = os.environ | {"CARELOOP_DATABASE_URL": url, "CARELOOP_VAR": str(tmp_path / "var")}
    chosen.pop("CARELOOP_SECRET_KEY", None)
    if without_migrations:
        tables(url)
        (tmp_path / "site_settings.py").write_text(
            "from careloop.web.settings import *\n"
            "MIGRATION_MODULES = {name.rpartition('.')[2]: None for name in INSTALLED_APPS}\n"
        )
        chosen |= {"DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONPATH": str(tmp_path)}
    else:
        chosen["DJANGO_SETTINGS_MODULE"] = "careloop.web.settings"
    return chosen
