"""A real site in a process of its own, and a real browser that visits it."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from .picture import keep

HERE = Path(__file__).parent
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1200, "height": 800}
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here needs Chromium."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


# --- the site


@dataclass
class Site:
    """A running site with the demo community."""

    url: str
    folder: Path
    log: Path
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Role to (name, password)."""

    def rows(self, sql: str, *values: object) -> list[tuple]:
        """Rows of the site's database: to choose whom to visit, not to judge a page."""
        with sqlite3.connect(f"file:{self.folder / 'site.sqlite3'}?mode=ro", uri=True) as database:
            return database.execute(sql, values).fetchall()

    def somebody_on(self, worklist: str, place: str = "") -> str:
        """The public id of somebody on a list, of this place if one is named."""
        found = self.rows(
            "SELECT r.public_id FROM care_listed l JOIN registry_resident r ON r.id = l.resident_id"
            " JOIN accounts_organisation o ON o.id = r.organisation_id"
            " WHERE l.worklist = ? AND o.name LIKE ? ORDER BY l.rank, r.id",
            worklist,
            f"%{place}%",
        )
        return _hyphened(found[0][0])

    def own_id(self) -> str:
        """The public id of the resident who has a login."""
        found = self.rows(
            "SELECT r.public_id FROM accounts_user u"
            " JOIN registry_resident r ON r.id = u.resident_id"
        )
        return _hyphened(found[0][0])


def _hyphened(public_id: str) -> str:
    raw = public_id.replace("-", "")
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Site]:
    """The demo site: made once a run, a copy of its own for each process of the run."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    made, folder = shared / "demo-site", tmp_path_factory.mktemp("site")
    straight = bool(pytestconfig.getoption("nomigrations", default=False))
    with (shared / "demo-site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "complete").exists():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            done = subprocess.run(
                [sys.executable, HERE / "small_site.py", "make", made],
                env=_environment(made, straight=straight),
                check=False,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            (made / "complete").touch()
    shutil.copytree(made, folder, dirs_exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, HERE / "small_site.py", "serve", folder, str(port)],
            env=_environment(folder, straight=straight),
            stdout=out,
            stderr=out,
        )
    try:
        running = Site(f"http://127.0.0.1:{port}", folder, log)
        _wait_for(running, process)
        for line in (folder / "var" / "demo-logins").read_text(encoding="utf-8").splitlines():
            role, username, _name, password = line.split("\t")
            running.logins[role] = (username, password)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(folder: Path, *, straight: bool) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": str(HERE),
        "DJANGO_SETTINGS_MODULE": "browser_settings" if straight else "careloop.web.settings",
        "CARELOOP_DATABASE_URL": f"sqlite:///{folder / 'site.sqlite3'}",
        "CARELOOP_VAR": str(folder / "var"),
    }


def _wait_for(site: Site, process: subprocess.Popen) -> None:
    last = time.monotonic() + 60
    while time.monotonic() < last:
        assert process.poll() is None, site.log.read_text()
        try:
            with urllib.request.urlopen(f"{site.url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the site does not answer: {site.log.read_text()}")


# --- the browser


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's Chromium. Ended with this package: its event loop would be in Django's way."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    with tempfile.TemporaryDirectory() as cache, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=next(path for path in found if path),
            args=[*FLAGS, f"--disk-cache-dir={cache}"],
        )
        yield browser
        browser.close()


@dataclass
class Visitor:
    """Opens pages as somebody of a role; logs in through the form, once a role."""

    site: Site
    chromium: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(
        self,
        *,
        size: dict[str, int] = PHONE,
        javascript: bool = True,
        language: str = "zh",
        touch: bool = False,
        state: object = None,
    ) -> Page:
        """An empty page of a browser that nobody has logged in with (or of a kept `state`)."""
        context = self.chromium.new_context(
            base_url=self.site.url,
            viewport=size,
            java_script_enabled=javascript,
            has_touch=touch,
            locale="zh-CN" if language == "zh" else "en-GB",
            timezone_id="Asia/Shanghai",
            storage_state=state,
            reduced_motion="reduce",
        )
        context.set_default_timeout(20_000)
        if language == "en":
            context.add_cookies(
                [{"name": "careloop_language", "value": "en", "url": self.site.url}]
            )
        self.contexts.append(context)
        return context.new_page()

    def log_in(self, page: Page, role: str) -> Page:
        """Log in as people do."""
        username, password = self.site.logins[role]
        page.goto("/login")
        page.locator("[name=username]").fill(username)
        page.locator("[name=password]").fill(password)
        page.locator("main form button").click()
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    def as_role(self, role: str, **wishes: object) -> Page:
        """A page of somebody who is logged in."""
        if role not in _states:
            page = self.log_in(self.page(), role)
            _states[role] = page.context.storage_state()
        return self.page(state=_states[role], **wishes)


_states: dict[str, object] = {}


@pytest.fixture
def visit(
    site: Site, chromium: Browser, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Visitor]:
    """Somebody who visits the site; where the test fails, what they saw last is printed."""
    visitor = Visitor(site, chromium)
    yield visitor
    failed = request.node.stash.get(_FAILED, False)
    for number, context in enumerate(visitor.contexts):
        for page in context.pages if failed else ():
            file = tmp_path / f"page{number}.png"
            page.screenshot(path=file, full_page=True)
            print(f"\n--- {page.url} ({file})\n{page.locator('body').inner_text()[:1500]}")
        context.close()
    if failed:
        print(f"--- the site said\n{site.log.read_text()[-1500:]}")


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember that a test failed, for the fixtures that end after it."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.fixture
def picture(repository: Path, pytestconfig: pytest.Config) -> Callable[[Page, str], None]:
    """Write a picture of a page for the documentation, where asked to (--write-docs)."""

    def write(page: Page, name: str) -> None:
        if not pytestconfig.getoption("--write-docs"):
            return
        keep(page, repository / "docs" / "pictures" / "site" / f"{name}.png")

    return write
