"""Pages that say what went wrong: kindly, in both languages, with a way on, and no data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from careloop.language import translator

from .. import factory
from . import failing

REPOSITORY = Path(__file__).resolve().parents[3]
WORDS = {
    "400": ("无法识别这个请求", "This could not be understood"),
    "403": ("这不在您的工作范围内", "This is not part of your work here"),
    "404": ("没有找到", "Not found"),
    "500": ("系统出了问题", "Something went wrong on our side"),
}


@pytest.fixture(autouse=True)
def _failing_site(settings):
    settings.ROOT_URLCONF = failing.__name__


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("code", WORDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_error_is_told_in_the_readers_language_with_a_way_on(db, client, code, language):
    client.cookies["careloop_language"] = language
    response = client.get(f"/fails/{code}")
    page = response.content.decode()
    assert response.status_code == int(code)
    zh, en = WORDS[code]
    assert ((zh in page), (en in page)) == ((True, False) if language == "zh" else (False, True))
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}"' in page
    assert re.search(r'<a class="button" href="/">', page)
    assert failing.NAME not in page
    assert failing.T_SCORE not in page
    assert response.headers["Content-Security-Policy"]
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "no-store" in response.headers["Cache-Control"]


def test_a_failure_is_told_even_without_the_database(client, monkeypatch):
    def gone():
        raise ConnectionError("the database is gone")

    monkeypatch.setattr(connection, "ensure_connection", gone)
    response = client.get("/health")
    assert response.status_code == 500
    assert WORDS["500"][0] in response.content.decode()


def test_somebody_logged_in_keeps_the_ways_on_an_error_page(db, client):
    tree = factory.Tree()
    client.force_login(factory.user("nurse", tree.clinic))
    page = client.get("/fails/404").content.decode()
    assert 'href="/people"' in page
    assert 'href="/people/break-glass"' in page
    client.force_login(factory.user("village_doctor", tree.clinic))
    assert 'href="/people/break-glass"' not in client.get("/fails/404").content.decode()


def test_a_form_that_expired_says_so(db):
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/login", {"username": "a", "password": "b"})
    assert response.status_code == 403
    assert "请再提交一次" in response.content.decode()


@pytest.mark.parametrize(
    ("language", "words"), [("zh", "没有执行任何操作"), ("en", "Nothing was done")]
)
def test_an_address_that_only_takes_a_form_says_so(db, client, language, words):
    client.cookies["careloop_language"] = language
    response = client.get("/logout")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert words in response.content.decode()
    assert client.head("/logout").content == b""
    assert client.head("/health").status_code == 200  # as those who watch a site ask


def test_other_names_of_the_host_are_refused_on_every_page(db, client):
    for page in ("/", "/login", "/health", "/people"):
        response = client.get(page, headers={"host": "evil.example"})
        assert response.status_code == 400
        assert "evil" not in response.content.decode()
        assert response.headers["Content-Security-Policy"]
    reset = client.get(
        "/people", headers={"host": "testserver", "x-forwarded-host": "evil.example"}
    )
    assert reset.url == "/login?next=/people"


_CANARY = """
import django, logging, sys, warnings
django.setup()
from django.conf import settings
from django.test import Client
settings.ALLOWED_HOSTS = ["testserver"]
client = Client(raise_request_exception=False)
for code in (400, 403, 404, 500):
    print(client.get(f"/fails/{code}?q=QUERY-CANARY").status_code)
"""


def _in_a_process(folder):
    """What a real process says on its standard output and its log."""
    return subprocess.run(
        [sys.executable, "-c", _CANARY],
        cwd=REPOSITORY,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "failing_settings",
            "PYTHONPATH": str(folder),
        },
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_failure_leaves_no_patients_value_in_the_log(tmp_path):
    """Every logger writes to standard error here: nothing is quiet because nobody listens."""
    (tmp_path / "failing_site.py").write_text(
        Path(failing.__file__).read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "failing_settings.py").write_text(
        "from careloop.web.settings import *\n"
        "ROOT_URLCONF = 'failing_site'\n"
        "LOGGING = LOGGING | {'root': {'handlers': ['stderr'], 'level': 'DEBUG'}}\n",
        encoding="utf-8",
    )
    done = _in_a_process(tmp_path)
    assert done.stdout.split() == ["400", "403", "404", "500"]
    log = done.stderr
    assert "500 GET /fails/500: ValueError" in log  # the log works, and says where
    assert "400 GET /fails/400: SuspiciousOperation" in log
    for canary in (failing.NAME, failing.T_SCORE, "QUERY-CANARY", "Traceback"):
        assert canary not in log
        assert canary not in done.stdout


def test_https_keeps_cookies_on_it(tmp_path):
    code = (
        "from careloop.web import settings as s\n"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0,"
        " s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE, s.DEBUG)"
    )
    for https, expected in (("1", "True True True"), ("0", "False False False")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=os.environ | {"CARELOOP_HTTPS": https},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == f"{expected} True Lax False"


def test_every_text_of_the_error_pages_is_translated():
    folder = REPOSITORY / "src/careloop/web/site/jinja2/site"
    for name in ("400", "403", "404", "500", "form_expired"):
        for words in re.findall(r'_\("(.*?)"\)', (folder / f"{name}.html").read_text("utf-8")):
            assert translator("zh")(words) != words
