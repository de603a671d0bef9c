"""A site of its own in another process, on a file: for what a test must not do to itself.

    python own_site.py make                 tables, places, a nurse, 20 residents
    python own_site.py save FROM TO         a visit for each number, told once it is kept
    python own_site.py together             the same form from four threads at one moment
    python own_site.py check                what is kept, as JSON

The database is CARELOOP_DATABASE_URL. Each save goes through the whole site: log-in, form, answer.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "careloop.web.settings")

import django

django.setup()

from django.apps import apps  # noqa: E402 - once set up
from django.conf import settings  # noqa: E402 - once set up
from django.core.management import call_command  # noqa: E402 - once set up
from django.db import connection  # noqa: E402 - once set up
from django.test import Client  # noqa: E402 - once set up

PEOPLE = 20
NAMESPACE = 0xCA2E
ANSWERS = {"height_cm": "150", "sure-since_last": "yes", "falls_12m": "0"}


def make() -> None:
    settings.MIGRATION_MODULES = dict.fromkeys((app.label for app in apps.get_app_configs()), None)
    call_command("migrate", run_syncdb=True, verbosity=0)
    from careloop.web.accounts.models import Organisation, User  # noqa: PLC0415
    from careloop.web.registry.models import Person  # noqa: PLC0415
    from careloop.web.registry.resident import Resident  # noqa: PLC0415

    place = Organisation.objects.create(name="示范中心", kind="centre")
    User.objects.create_user("nurse", "unused-here", name="护士", role="nurse", organisation=place)
    for number in range(PEOPLE):
        person = f"99000000000{number:06d}"
        Person.objects.create(person_id=person)
        Resident.gated.create(organisation=place, person_id=person, name="王秀英", sex="female")


def client() -> Client:
    from careloop.web.accounts.models import User  # noqa: PLC0415

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STATIC_ROOT = Path(settings.DATABASES["default"]["NAME"]).parent
    made = Client()
    made.force_login(User.objects.get(username="nurse"))
    return made


def address(number: int) -> str:
    from careloop.web.registry.resident import Resident  # noqa: PLC0415

    person = f"99000000000{number % PEOPLE:06d}"
    return f"/people/{Resident.gated.get(person_id=person).public_id}/visit/home"


def key(number: int) -> UUID:
    return UUID(int=NAMESPACE + number, version=4)


def save(first: int, last: int) -> None:
    nurse = client()
    for number in range(first, last):
        answers = ANSWERS | {"request_key": str(key(number)), "weight_kg": f"{40 + number % 40}"}
        response = nurse.post(address(number), answers)
        assert response.status_code == 302, response.content.decode()
        print(number, flush=True)  # acknowledged: the nurse has read "saved"


def together() -> None:
    clients, barrier = [client() for _ in range(4)], threading.Barrier(4)
    answers = ANSWERS | {"request_key": str(key(1000)), "weight_kg": "50"}
    place = address(0)

    def post(each: Client) -> tuple[int, str]:
        barrier.wait()
        try:
            response = each.post(place, answers)
            return response.status_code, response.get("Location", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        print(json.dumps(list(pool.map(post, clients))))


def check() -> None:
    from careloop.web.audit.chain import verify  # noqa: PLC0415
    from careloop.web.audit.models import Entry  # noqa: PLC0415
    from careloop.web.care.models import Standing, Task, Visit, VisitVersion  # noqa: PLC0415
    from careloop.web.registry.models import Fact, Source  # noqa: PLC0415

    visits = Visit.gated.select_related("resident")
    sources = {source.source_id: source.pk for source in Source.objects.all()}
    facts = {
        visit.source: Fact.objects.filter(source=sources.get(visit.source, -1)).count()
        for visit in visits
    }
    versions = set(VisitVersion.gated.values_list("visit_id", flat=True))
    print(
        json.dumps(
            {
                "saved": sorted(visit.request_key.int for visit in visits),
                "facts": [facts[visit.source] for visit in visits],
                "answers": [len(visit.answers) for visit in visits],
                "without_version": sum(visit.pk not in versions for visit in visits),
                "sources": len(sources),
                "all_facts": Fact.objects.count(),
                "written": Entry.objects.filter(action="visit.write").count(),
                "standings": Standing.gated.count(),
                "people": len({visit.resident_id for visit in visits}),
                "open_tasks": Task.gated.filter(state="open").count(),
                "faults_in_chain": list(verify().faults),
            }
        )
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make"]:
            make()
        case ["save", first, last]:
            save(int(first), int(last))
        case ["together"]:
            together()
        case ["check"]:
            check()
