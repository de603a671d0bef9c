"""The audit's chain: every kind of tampering is found, the database refuses it, threads keep it."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from careloop.web.audit import chain
from careloop.web.audit.chain import Actor, append, holds, verify
from careloop.web.audit.models import AuditStandsError, Concerned, Entry
from careloop.web.registry.store import open_store

SOMEBODY = Actor("nurse", "nurse", "0001.", "127.0.0.1")
ENTRIES = 12


@pytest.fixture
def site(tmp_path: Path, tables):
    """The name of a database of its own with a chain, and its file."""
    file = tmp_path / "audit.sqlite3"
    alias = tables(f"sqlite:///{file}")
    for number in range(ENTRIES):
        append(SOMEBODY, "read", [uuid4()], detail={"page": number}, using=alias)
    assert verify(using=alias).faults == ()
    yield alias, file
    connections[alias].close()


TAMPERING = {
    "content": "UPDATE audit_entry SET username = 'somebody else' WHERE number = 5",
    "detail": "UPDATE audit_entry SET detail = '{\"page\": 99}' WHERE number = 5",
    "time": "UPDATE audit_entry SET at = '2020-01-01 00:00:00' WHERE number = 5",
    "person": "UPDATE audit_entry SET residents = '' WHERE number = 5",
    "digest": f"UPDATE audit_entry SET digest = '{'a' * 64}' WHERE number = 5",
    "link": f"UPDATE audit_entry SET previous = '{'0' * 64}' WHERE number = 5",
    "removed": "DELETE FROM audit_entry WHERE number = 5",
    "first removed": "DELETE FROM audit_entry WHERE number = 1",
    "several removed": "DELETE FROM audit_entry WHERE number BETWEEN 4 AND 6",
    "renumbered": "UPDATE audit_entry SET number = 50 WHERE number = 5",
    "swapped": (
        "UPDATE audit_entry SET number = CASE number WHEN 5 THEN -6 WHEN 6 THEN -5 END "
        "WHERE number IN (5, 6); UPDATE audit_entry SET number = -number WHERE number < 0"
    ),
    "concerned removed": "DELETE FROM audit_concerned WHERE entry_id = 5",
    "concerned changed": (
        "UPDATE audit_concerned SET resident_public_id = '00000000000000000000000000000000' "
        "WHERE entry_id = 5"
    ),
    "concerned added": (
        "INSERT INTO audit_concerned (entry_id, resident_public_id) "
        "VALUES (5, '11111111111111111111111111111111')"
    ),
}


def _tamper(file: Path, statements: str) -> None:
    """As somebody would who holds the file: without the triggers, and without careloop."""
    raw = sqlite3.connect(file, isolation_level=None)
    try:
        triggers = raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        assert triggers
        for (name,) in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute("PRAGMA foreign_keys = OFF")
        raw.executescript(statements)
    finally:
        raw.close()


@pytest.mark.parametrize("kind", TAMPERING)
def test_every_kind_of_tampering_is_found(site, kind):
    alias, file = site
    _tamper(file, TAMPERING[kind])
    verdict = verify(using=alias)
    assert verdict.faults, kind
    assert any(
        each.startswith(("1:", "2:", "4:", "5:", "6:", "7:", "50:")) for each in verdict.faults
    )


def test_a_chain_cut_at_its_end_is_found_by_the_digest_noted_earlier(site):
    alias, file = site
    noted = verify(using=alias).last_digest
    assert holds(noted, using=alias)
    _tamper(
        file,
        "DELETE FROM audit_concerned WHERE entry_id > 9; DELETE FROM audit_entry WHERE number > 9",
    )
    assert verify(using=alias).faults == ()  # what is left is a whole chain
    assert not holds(noted, using=alias)


def test_a_chain_forged_as_a_whole_is_found_by_the_digest_noted_earlier(site):
    alias, file = site
    noted = verify(using=alias).last_digest
    forged, before = [], chain.FIRST
    for entry in Entry.objects.using(alias).order_by("number"):
        if entry.number == 5:
            entry.username = "nobody"
        entry.previous = before
        before = chain.digest(entry)
        forged.append((entry.username, entry.previous, before, entry.number))
    connections[alias].close()
    statements = ";".join(
        f"UPDATE audit_entry SET username='{a}', previous='{b}', digest='{c}' WHERE number={d}"
        for a, b, c, d in forged
    )
    _tamper(file, statements)
    assert verify(using=alias).faults == ()
    assert not holds(noted, using=alias)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET username = 'x'",
        "DELETE FROM audit_entry WHERE number = 1",
        "UPDATE audit_concerned SET entry_id = 1",
        "DELETE FROM audit_concerned",
        (
            "INSERT OR REPLACE INTO audit_entry SELECT number, at, 'x', role, organisation_path, "
            "action, residents, detail, address, previous, digest FROM audit_entry WHERE number = 1"
        ),
    ],
)
def test_the_database_itself_refuses(site, statement):
    alias, _ = site
    with pytest.raises(DatabaseError), connections[alias].cursor() as cursor:
        cursor.execute(statement)
    assert verify(using=alias).faults == ()
    assert Entry.objects.using(alias).count() == ENTRIES


def test_the_program_refuses_too(site):
    alias, _ = site
    entry = Entry.objects.using(alias).first()
    for refused in (
        entry.save,
        entry.delete,
        Entry.objects.using(alias).delete,
        lambda: Entry.objects.using(alias).update(username="x"),
    ):
        with pytest.raises(AuditStandsError):
            refused()


def test_appends_of_many_threads_keep_one_chain(site):
    alias, _ = site

    def work(person):
        try:
            for _ in range(10):
                with transaction.atomic(using=alias):
                    append(SOMEBODY, "visit.write", [person], using=alias)
        finally:
            connections[alias].close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [uuid4() for _ in range(8)]))
    verdict = verify(using=alias)
    assert verdict.faults == ()
    assert verdict.entries == ENTRIES + 80
    assert Concerned.objects.using(alias).count() == ENTRIES + 80


def test_an_entry_goes_with_the_transaction_that_made_it(site):
    alias, _ = site

    def half_done():
        with transaction.atomic(using=alias):
            append(SOMEBODY, "visit.write", [uuid4()], using=alias)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    assert verify(using=alias) == chain.Verdict(ENTRIES, verify(using=alias).last_digest, ())


def test_times_are_kept_to_the_microsecond(site):
    alias, _ = site
    entry = append(SOMEBODY, "read", using=alias)
    assert Entry.objects.using(alias).get(number=entry.number).at == entry.at
    assert timezone.now() - entry.at < timedelta(minutes=1)


@pytest.mark.postgres
def test_postgres_keeps_verifies_and_refuses(postgres_url, tables):
    alias = tables(postgres_url())
    try:
        person = uuid4()

        def work(_):
            try:
                for number in range(5):
                    append(SOMEBODY, "read", [person], detail={"理由": [number, 1.5]}, using=alias)
            finally:
                connections[alias].close()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert verify(using=alias).entries == 20
        assert verify(using=alias).faults == ()
        for statement in (
            "UPDATE audit_entry SET username = 'x' WHERE number = 1",
            "DELETE FROM audit_concerned",
            "TRUNCATE audit_entry CASCADE",
        ):
            with pytest.raises(DatabaseError), connections[alias].cursor() as cursor:
                cursor.execute(statement)
        with connections[alias].cursor() as cursor:
            cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
            cursor.execute("UPDATE audit_entry SET action = 'list' WHERE number = 3")
        assert verify(using=alias).faults == ("3: its content was changed",)
    finally:
        connections[alias].close()


def test_stores_open_with_the_triggers(tmp_path, without_migrations):
    """What `careloop` itself sets up refuses, not only what tests set up."""
    if without_migrations:
        pytest.skip("pytest --nomigrations")
    store = open_store(f"sqlite:///{tmp_path / 'own.sqlite3'}")
    append(SOMEBODY, "read", using=store.alias)
    with pytest.raises(DatabaseError), connections[store.alias].cursor() as cursor:
        cursor.execute("DELETE FROM audit_entry")
    store.close()
