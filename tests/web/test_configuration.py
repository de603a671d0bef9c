"""One typed object holds the settings of a site."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from careloop.error import ConfigError
from careloop.web.configuration import Configuration, database


def test_settings_come_from_the_environment():
    told = Configuration.from_environment(
        {
            "CARELOOP_DATABASE_URL": "postgresql://u:p@h:5433/n",
            "CARELOOP_VAR": "elsewhere",
            "CARELOOP_DEBUG": "1",
            "CARELOOP_ALLOWED_HOSTS": "a.example, b.example",
        }
    )
    assert told.var == Path("elsewhere")
    assert told.debug is True
    assert told.allowed_hosts == ("a.example", "b.example")
    assert Configuration.from_environment({}) == Configuration()
    with pytest.raises(ConfigError, match="CARELOOP_DEBUG"):
        Configuration.from_environment({"CARELOOP_DEBUG": "maybe"})


def test_database_urls():
    assert database("sqlite:////data/x.sqlite3")["NAME"] == "/data/x.sqlite3"
    socket = database("postgresql://postgres:@/postgres?host=/run/pg")
    assert (socket["NAME"], socket["HOST"], socket["PORT"]) == ("postgres", "/run/pg", "")
    server = database("postgresql://u:p%40ss@h:5433/n?sslmode=require")
    assert (server["USER"], server["PASSWORD"], server["PORT"]) == ("u", "p@ss", "5433")
    assert server["OPTIONS"] == {"sslmode": "require"}
    with pytest.raises(ConfigError) as refused:
        database("oracle://scott:tiger@h/x")
    assert "tiger" not in str(refused.value)


def test_the_secret_key_is_made_once_and_kept(tmp_path):
    site = Configuration(var=tmp_path / "var")
    key = site.kept_secret_key()
    assert len(key) >= 50
    assert site.kept_secret_key() == key
    assert (tmp_path / "var/secret_key").stat().st_mode & 0o077 == 0
    assert Configuration(var=tmp_path / "other").kept_secret_key() != key
    assert Configuration(secret_key="given").kept_secret_key() == "given"


def test_processes_that_start_at_once_agree_on_one_secret_key(tmp_path, monkeypatch):
    """Nobody reads a key that another is still writing."""
    site = Configuration(var=tmp_path)
    fsync, seen = os.fsync, []

    def slowly(handle):
        monkeypatch.setattr(os, "fsync", fsync)
        seen.append(site.kept_secret_key())  # the other process, in the midst of it
        fsync(handle)

    monkeypatch.setattr(os, "fsync", slowly)
    assert [site.kept_secret_key()] == seen
    assert len(seen[0]) >= 50
    assert [each.name for each in tmp_path.iterdir()] == ["secret_key"]


def test_an_empty_secret_key_is_told(tmp_path):
    (tmp_path / "secret_key").touch()
    with pytest.raises(ConfigError, match="is empty"):
        Configuration(var=tmp_path).kept_secret_key()


def test_opening_a_store_elsewhere_leaves_no_files_here(tmp_path):
    code = (
        "from careloop.web.registry.store import open_store\n"
        "print(open_store('sqlite:///deep/x.sqlite3').facts().collect().height)\n"
        "from django.conf import settings\n"
        "import os; print(sorted(os.listdir())); print(bool(str(settings.SECRET_KEY)))\n"
        "print(sorted(os.listdir()))\n"
    )
    environment = {"PATH": "", "PYTHONPATH": "", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["0", "['deep']", "True", "['deep', 'var']"], done.stderr
