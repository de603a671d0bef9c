"""`careloop run`, as somebody sees it who starts it for the first and for the second time."""

from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
import json
import re
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from django.conf import settings

from careloop.command.serving import MOST_REQUEST_BYTES
from careloop.web.imaging import keeping
from careloop.web.imaging.measured import sending

ROLES = ("manager", "doctor", "nurse", "village", "researcher", "patient")
PEOPLE = 240
HOMES = {"manager": "/numbers", "doctor": "/people", "nurse": "/people", "village": "/people",
         "researcher": "/numbers", "patient": "/me"}  # fmt: skip


@contextlib.contextmanager
def started(environment, tmp_path, port):
    """A running site and what it printed; ended as Ctrl-C does."""
    program = (
        "from pathlib import Path; from careloop.command.starting import run_site; "
        f"run_site(Path({str(tmp_path / 'out')!r}), host='127.0.0.1', port={port}, threads=4, "
        f"language='zh', people={PEOPLE})"
    )
    with (tmp_path / "printed").open("w+", encoding="utf-8") as printed:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", program],
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
        )
        try:
            for _ in range(900):
                text = (tmp_path / "printed").read_text(encoding="utf-8")
                if "Ctrl-C" in text or process.poll() is not None:
                    break
                time.sleep(0.2)
            assert "Ctrl-C" in text, text
            yield text
        finally:
            process.terminate()
            assert process.wait(30) == 0


class Browser:
    """Somebody's browser: keeps cookies, sends the form's token."""

    def __init__(self, port):
        self.at = f"http://127.0.0.1:{port}"
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path):
        with self._opener.open(self.at + path, timeout=60) as response:
            return response.url.removeprefix(self.at), response.read().decode()

    def log_in(self, username, password):
        _, page = self.get("/login")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
        fields = {"csrfmiddlewaretoken": token, "username": username, "password": password}
        request = urllib.request.Request(
            f"{self.at}/login", urllib.parse.urlencode(fields).encode(), {"Referer": self.at}
        )
        with self._opener.open(request, timeout=60) as response:
            return response.url.removeprefix(self.at)


def too_large(port, size):
    """What the site answers as soon as it hears how much is to come."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/login")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    with contextlib.closing(connection):
        return connection.getresponse().status


def test_a_request_may_hold_the_largest_file_that_a_page_takes():
    image = sending.MOST_BYTES + sending.MOST_MASK_BYTES
    for most in (image, keeping.MOST_BYTES):
        assert most + settings.DATA_UPLOAD_MAX_MEMORY_SIZE < MOST_REQUEST_BYTES


def logins(text):
    return {
        match[1]: match[2]
        for match in re.finditer(r"^  (\w+) +(\w{4}-\w{4}-\w{4})", text, re.MULTILINE)
    }


def state(tmp_path):
    """Everything that a second start must not change."""
    with contextlib.closing(sqlite3.connect(tmp_path / "site.sqlite3")) as raw:
        tables = ("registry_fact", "registry_source", "registry_resident", "accounts_user",
                  "care_referral", "care_standing", "care_listed", "care_task",
                  "care_visit")  # fmt: skip
        counts = {t: raw.execute(f"SELECT count(*), max(id) FROM {t}").fetchone() for t in tables}
        made = raw.execute("SELECT max(made_at) FROM care_standing").fetchone()
        passwords = raw.execute("SELECT username, password FROM accounts_user").fetchall()
    return counts, made, passwords


def test_a_first_start_makes_the_demo_site_and_a_second_only_serves_it(
    environment, tmp_path, free_port
):
    with started(environment, tmp_path, free_port) as printed:
        made = logins(printed)
        assert tuple(made) == ROLES
        assert len(set(made.values())) == len(ROLES)
        for username, password in made.items():
            browser = Browser(free_port)
            wrong = Browser(free_port).log_in(username, f"wrong-{password}")
            assert wrong == "/login"
            assert browser.log_in(username, password) != "/login"
            _, page = browser.get(HOMES[username])
            assert "模拟数据" in page, username
            assert password not in page
        assert too_large(free_port, MOST_REQUEST_BYTES) == 413
        report = (tmp_path / "out" / "report" / "report.html").read_text(encoding="utf-8")
        assert "模拟数据" in report
    file = tmp_path / "var" / "demo-logins"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = state(tmp_path)
    residents, referrals = before[0]["registry_resident"][0], before[0]["care_referral"][0]
    assert residents >= PEOPLE
    assert referrals == before[0]["care_visit"][0] == 3
    assert before[0]["care_standing"][0] == residents
    assert before[0]["care_task"][0] > residents / 2  # the yearly review of whoever was screened

    begun = time.monotonic()
    with started(environment, tmp_path, free_port) as printed:
        seconds = time.monotonic() - begun
        assert logins(printed) == made
        assert Browser(free_port).log_in("nurse", made["nurse"]) != "/login"
    after = state(tmp_path)
    assert after == before
    assert seconds < 30  # the bound of 5 s is measured by benchmarks/start.py on a quiet machine


def test_a_lost_file_of_logins_gives_new_passwords_and_no_default_ones(
    environment, tmp_path, free_port
):
    with started(environment, tmp_path, free_port) as printed:
        first = logins(printed)
    (tmp_path / "var" / "demo-logins").unlink()
    with started(environment, tmp_path, free_port) as printed:
        second = logins(printed)
        assert set(first.values()).isdisjoint(second.values())
        assert Browser(free_port).log_in("doctor", second["doctor"]) != "/login"


def test_a_database_with_other_facts_never_gets_the_demo(environment, tmp_path, free_port):
    program = (
        "from careloop.web.registry.store import open_store; from datetime import datetime, UTC\n"
        "store = open_store()\n"
        "from careloop.web.registry.models import Fact, Person, Source\n"
        "s = Source.objects.create(source_id='x', kind='t', name='t', sha256='0', sender='t', "
        "read_at=datetime.now(UTC))\n"
        "p = Person.objects.create(person_id='P1')\n"
        "Fact(fact_key=b'0' * 16, person=p, variable='weight_kg', number=50, source=s, "
        "effective_at=datetime(2026, 3, 1), recorded_at=datetime(2026, 3, 1), "
        "status='final').save()\n"
    )
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, cwd=tmp_path)
    with started(environment, tmp_path, free_port) as printed:
        assert logins(printed) == {}
        _, page = Browser(free_port).get("/login")
        assert "模拟数据" not in page
        assert json.loads(Browser(free_port).get("/health")[1]) == {"ok": True}
    assert not (tmp_path / "var" / "demo-logins").exists()


def test_a_port_in_use_is_told_before_anything_is_made(environment, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        program = (
            "import sys; from careloop.cli import main; sys.argv[1:] = "
            f"['run', '--port', '{other.getsockname()[1]}']; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=tmp_path,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode != 0
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "var" / "demo").exists()
