"""How a site is set up: one typed object, built from the environment and passed down.

CARELOOP_DATABASE_URL    sqlite:///path (relative to where it is started; four slashes for an
                         absolute path) or postgresql://user:password@host/name
                         default: sqlite:///var/careloop.sqlite3
CARELOOP_VAR             folder for what the site keeps beside its database; default: var
CARELOOP_SECRET_KEY      signs sessions, seals second factors; default: made once and kept in
                         CARELOOP_VAR/secret_key
CARELOOP_SECRET_KEY_FALLBACKS  secret keys used before, separated by commas: what they signed and
                         sealed still counts
CARELOOP_DEBUG           1 while developing, never on a site with patients; default: 0
CARELOOP_ALLOWED_HOSTS   names the site answers to, separated by commas; default: localhost
CARELOOP_HTTPS           1 behind a proxy that speaks HTTPS: cookies are then sent over it only
CARELOOP_TWO_FACTOR      1: staff must log in with a second factor; 0 (default): they may
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from careloop.error import ConfigError

SETTINGS = "careloop.web.settings"
_SQLITE_INIT = ";".join(
    (
        "PRAGMA journal_mode = WAL",  # readers go on while an import writes
        "PRAGMA synchronous = FULL",  # what was acknowledged outlives a power cut
        "PRAGMA cache_size = -16384",  # KiB, of each connection: one a thread
        "PRAGMA temp_store = MEMORY",
    )
)
_KEPT_OPEN_S = 60
"""So long a thread keeps its connection: opening PostgreSQL's takes longer than many a page."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A site's settings; see the module for the environment variables they come from."""

    database_url: str = "sqlite:///var/careloop.sqlite3"
    var: Path = Path("var")
    secret_key: str = ""
    secret_key_fallbacks: tuple[str, ...] = ()
    debug: bool = False
    allowed_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    https: bool = False
    two_factor: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Configuration:
        """Read the settings; a `ConfigError` names a variable that cannot be understood."""

        def told(name: str, default: str) -> str:
            return environment.get(f"CARELOOP_{name}", "").strip() or default

        usual = cls()

        def switch(name: str) -> bool:
            value = told(name, "0").lower()
            if value not in ("0", "1", "false", "true"):
                raise ConfigError(f"CARELOOP_{name} is {value!r}", remedy="write 0 or 1")
            return value in ("1", "true")

        def several(name: str, default: tuple[str, ...]) -> tuple[str, ...]:
            parts = told(name, ",".join(default)).split(",")
            return tuple(part.strip() for part in parts if part.strip())

        return cls(
            database_url=told("DATABASE_URL", usual.database_url),
            var=Path(told("VAR", str(usual.var))),
            secret_key=told("SECRET_KEY", ""),
            secret_key_fallbacks=several("SECRET_KEY_FALLBACKS", ()),
            debug=switch("DEBUG"),
            allowed_hosts=several("ALLOWED_HOSTS", usual.allowed_hosts),
            https=switch("HTTPS"),
            two_factor=switch("TWO_FACTOR"),
        )

    def kept_secret_key(self) -> str:
        """Give the secret key, making and keeping one (readable by its owner only) at first use."""
        if self.secret_key:
            return self.secret_key
        file = self.var / "secret_key"
        if not file.exists():
            self._make_secret_key(file)
        key = file.read_text(encoding="ascii").strip()
        if not key:
            raise ConfigError(f"{file} is empty", remedy="restore it from a backup, or remove it")
        return key

    def _make_secret_key(self, file: Path) -> None:
        """Make it whole or not at all: of several processes that start at once one wins."""
        self.var.mkdir(parents=True, exist_ok=True)
        half = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        handle = os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as out:
                out.write(secrets.token_urlsafe(50))
                out.flush()
                os.fsync(out.fileno())
            with suppress(FileExistsError):
                _link(half, file)
        finally:
            half.unlink(missing_ok=True)


def _link(half: Path, file: Path) -> None:
    """Give a file its name, unless another has it; also where the disk knows no second names."""
    try:
        os.link(half, file)
    except FileExistsError:
        raise
    except OSError:
        half.rename(file)


def database(url: str) -> dict[str, Any]:
    """Translate a database URL into Django's settings for one database.

    Raises
    ------
    ConfigError
        The URL is neither SQLite's nor PostgreSQL's, or PostgreSQL does not understand it. The
        text never holds the URL itself: it may carry a password.

    Examples
    --------
    >>> database("sqlite:///var/careloop.sqlite3")["NAME"]
    'var/careloop.sqlite3'
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": rest[1:],
            "CONN_MAX_AGE": _KEPT_OPEN_S,
            "OPTIONS": {
                "init_command": _SQLITE_INIT,
                # Take the write lock at the start: two imports wait for each other (s), instead
                # of one failing when it comes to write.
                "transaction_mode": "IMMEDIATE",
                "timeout": 60,
            },
        }
    if scheme in ("postgresql", "postgres"):
        from psycopg import Error, conninfo  # noqa: PLC0415 — only sites on PostgreSQL need it

        try:
            parts = conninfo.conninfo_to_dict(url)
        except Error:
            raise ConfigError(
                "PostgreSQL does not understand the database URL",
                remedy="write postgresql://user:password@host:5432/name",
            ) from None
        names = {
            "NAME": "dbname",
            "USER": "user",
            "PASSWORD": "password",
            "HOST": "host",
            "PORT": "port",
        }
        return {
            "ENGINE": "django.db.backends.postgresql",
            **{name: str(parts.pop(part, None) or "") for name, part in names.items()},
            "CONN_MAX_AGE": _KEPT_OPEN_S,
            "CONN_HEALTH_CHECKS": True,  # a server that was restarted is asked anew
            "OPTIONS": parts,
        }
    raise ConfigError(
        f"no database for a URL of scheme {scheme!r}",
        remedy="write sqlite:///path/file.sqlite3 or postgresql://user:password@host/name",
    )
