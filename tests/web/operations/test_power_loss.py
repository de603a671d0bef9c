"""kill -9 at random moments while visits are saved: no acknowledged save is lost, none is half."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connections

from careloop.web.accounts.models import Organisation, User
from careloop.web.audit.chain import verify
from careloop.web.audit.models import Entry
from careloop.web.care.models import Standing, Visit, VisitVersion
from careloop.web.registry.models import Fact, Person, Source
from careloop.web.registry.resident import Resident

SAVER = Path(__file__).with_name("saver.py")
PEOPLE = 5


@pytest.fixture
def site(environment, tables, without_migrations):
    """A database with a nurse and five residents; Django's name of it here."""
    alias = tables(environment["CARELOOP_DATABASE_URL"])
    place = Organisation(name="东街社区卫生服务中心", kind="centre")
    place.save(using=alias)
    nurse = User(username="nurse", name="护士", role="nurse", organisation=place)
    nurse.set_password("correct-horse-battery")
    nurse.save(using=alias)
    for number in range(PEOPLE):
        Person.objects.using(alias).create(person_id=f"P{number}")
        Resident.gated.using(alias).create(
            person_id=f"P{number}", organisation=place, name="王秀英", sex="female"
        )
    yield alias
    connections[alias].close()


def _run_until_killed(
    environment, first: int, last: int, rng: random.Random | None
) -> dict[int, str]:
    """Save visits `first` to `last`; killed after a random while. What was acknowledged."""
    process = subprocess.Popen(
        [sys.executable, str(SAVER)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    acknowledged: dict[int, str] = {}
    try:
        assert process.stdout.readline() == "ready\n"
        end = first + rng.randrange(1, last - first + 1) if rng else last
        for number in range(first, last):
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            if number == end:  # somewhere inside this save
                time.sleep(rng.random() * 0.08)
                break
            told, visit = process.stdout.readline().split()
            acknowledged[int(told)] = visit
        if rng:
            process.kill()
            for line in process.stdout.read().splitlines():  # acknowledged just before
                if len(line.split()) == 2 and line.endswith(("-", *"0123456789abcdef")):
                    told, visit = line.split()
                    if len(visit) == 36:
                        acknowledged[int(told)] = visit
        else:
            process.stdin.close()
    finally:
        process.wait(60)
        process.stdout.close()
        if not process.stdin.closed:
            process.stdin.close()
    return acknowledged


def _check(alias: str, acknowledged: dict[int, str]) -> None:
    """Every save acknowledged is there; every save that is there is whole."""
    visits = {visit.request_key.int: visit for visit in Visit.gated.using(alias)}
    for number, public_id in acknowledged.items():
        assert number in visits, f"save {number} was acknowledged and is lost"
        assert visits[number].public_id == UUID(public_id)
    versions = VisitVersion.gated.using(alias)
    entries = Entry.objects.using(alias).filter(action="visit.write")
    for number, visit in visits.items():
        facts = Fact.objects.using(alias).filter(source__source_id=visit.source)
        told = {fact.variable: fact.number for fact in facts}
        assert told == {"weight_kg": 40 + number / 10, "falls_12m": number % 3}
        assert versions.filter(visit=visit, version=1).count() == 1
    assert versions.count() == len(visits)
    assert entries.count() == len(visits)
    assert Source.objects.using(alias).filter(kind="visit").count() == len(visits)
    assert Fact.objects.using(alias).count() == 2 * len(visits)
    assert verify(using=alias).faults == ()
    seen = {visit.resident_id for visit in visits.values()}
    assert set(Standing.gated.using(alias).values_list("resident", flat=True)) == seen
    with connections[alias].cursor() as cursor:
        assert cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _saves(site, environment, *, saves: int, kills: int) -> None:
    rng = random.Random(20261122)
    acknowledged: dict[int, str] = {}
    step = saves // (kills + 1)
    for kill in range(kills + 1):
        first, last = kill * step, (kill + 1) * step
        # What was cut off is sent again, as a nurse whose connection broke does.
        missing = [number for number in range(first) if number not in acknowledged]
        start = min([first, *missing])
        acknowledged |= _run_until_killed(environment, start, last, rng if kill < kills else None)
        connections[site].close()
        _check(site, acknowledged)
    assert len(acknowledged) == (kills + 1) * step
    assert Visit.gated.using(site).count() == (kills + 1) * step  # none twice


def test_two_hundred_saves_and_twelve_kills(site, environment):
    _saves(site, environment, saves=208, kills=12)
