"""The nightly work: when a day begins, once, by one worker, and again after a failure."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from os import environ, utime
from threading import Event, Thread

import pytest
from django.db import connections

from careloop.web.care import standing
from careloop.web.care.models import Standing
from careloop.web.imaging import keeping
from careloop.web.registry.registration import after_import
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import alone
from careloop.web.report import batch
from careloop.web.site import nightly

from .. import factory
from .test_registration import WANG, person, tell


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def tomorrow(monkeypatch):
    """Let a day pass."""

    def pass_a_day(days=1):
        day = standing.today() + timedelta(days=days)
        for module in (standing, nightly):
            monkeypatch.setattr(module, "today", lambda: day)
        return day

    return pass_a_day


def test_nothing_is_due_on_the_day_of_an_import(tree):
    tell(*person("P1", **WANG, weight_kg=50))
    after_import()
    made = Standing.gated.get().made_at
    assert nightly.work_due() is None
    assert Standing.gated.get().made_at == made


def test_when_a_day_begins_everybody_is_computed_once(tree, tomorrow):
    tell(*person("P1", **WANG, weight_kg=50))
    after_import()
    day = tomorrow()
    assert nightly.work_due() == 1
    assert Standing.gated.get().as_of == day
    assert nightly.work_due() is None


def test_nights_missed_are_made_up_for(tree, tomorrow):
    tell(*person("P1", **WANG, weight_kg=50))
    after_import()
    day = tomorrow(30)
    assert nightly.work_due() == 1
    assert Standing.gated.get().as_of == day


def test_somebody_without_usable_facts_does_not_keep_it_busy(tree, tomorrow):
    resident = factory.resident(tree.clinic)
    Standing.gated.create(
        resident=resident,
        organisation=tree.clinic,
        programme="osteoporosis",
        as_of=standing.today(),
    )
    tomorrow()
    assert nightly.work_due() == 1
    assert nightly.work_due() is None


def test_an_import_that_was_broken_off_before_registering_is_finished(tree):
    tell(*person("P1", **WANG, weight_kg=50))
    assert not Resident.gated.exists()
    assert nightly.work_due() == 1
    assert Resident.gated.get().name == WANG["name"]


def test_an_import_that_was_broken_off_before_computing_is_finished(tree):
    tell(*person("P1", **WANG, weight_kg=50), *person("P2", weight_kg=60))
    after_import()
    Standing.gated.filter(resident__person_id="P2").delete()
    assert nightly.work_due() == 2
    assert Standing.gated.filter(resident__person_id="P2").exists()
    assert nightly.work_due() is None


def test_a_failure_is_told_without_values_and_tried_again(tree, tomorrow, monkeypatch, capsys):
    tell(*person("P1", **WANG, weight_kg=50))
    after_import()
    day, stop, tries = tomorrow(), Event(), []

    def failing():
        tries.append(1)
        if len(tries) == 1:
            raise ValueError(WANG["name"])
        stop.set()
        return original()

    original = nightly.refresh_standings
    monkeypatch.setattr(nightly, "refresh_standings", failing)
    monkeypatch.setattr(nightly, "close_old_connections", lambda: None)  # the test's own
    nightly.work(stop, every_s=0)
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert WANG["name"] not in told
    assert Standing.gated.get().as_of == day


@pytest.mark.parametrize("root", [keeping.root, batch._root])
def test_files_of_yesterday_go_though_nothing_else_is_due(tree, root, settings, tmp_path):
    settings.CONFIGURATION = replace(settings.CONFIGURATION, var=tmp_path)
    old, new = (root() / (letter * 32) for letter in "ab")
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "document").write_bytes(b"x")
    yesterday = time.time() - keeping.KEPT_S - 60
    utime(old, (yesterday, yesterday))
    assert nightly.work_due() is None
    assert not old.exists()
    assert new.exists()


def _one_at_a_time(alias, inside):
    """How many of two threads are let in at the same moment."""
    got, entered, leave = [], Event(), Event()

    def first():
        with alone("nightly", alias) as free:
            got.append(free)
            entered.set()
            leave.wait(60)
        connections[alias].close()

    thread = Thread(target=first)
    thread.start()
    assert entered.wait(60)
    got.append(inside())
    leave.set()
    thread.join()
    got.append(inside())
    return got


def _free(alias):
    try:
        with alone("nightly", alias) as free:
            return free
    finally:
        connections[alias].close()


def test_one_worker_works_at_a_time_on_sqlite(tmp_path, tables):
    url = f"sqlite:///{tmp_path / 'site.sqlite3'}"
    alias = tables(url)
    assert _one_at_a_time(alias, lambda: _free(alias)) == [True, False, True]

    def elsewhere():
        program = (
            "import sys, django; django.setup()\n"
            "from careloop.web.registry.store import alone\n"
            "with alone('nightly') as free: sys.exit(0 if free else 3)"
        )
        own = environ | {
            "CARELOOP_DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "careloop.web.settings",
        }
        return subprocess.run([sys.executable, "-c", program], env=own, check=False).returncode == 0

    assert _one_at_a_time(alias, elsewhere) == [True, False, True]


@pytest.mark.postgres
def test_one_worker_works_at_a_time_on_postgres(postgres_url, tables):
    alias = tables(postgres_url())
    seen = []

    def inside():
        thread = Thread(target=lambda: seen.append(_free(alias)))
        thread.start()
        thread.join()
        return seen[-1]

    assert _one_at_a_time(alias, inside) == [True, False, True]
    connections[alias].close()
