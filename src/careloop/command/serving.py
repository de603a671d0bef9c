"""`careloop serve`, `careloop worker` and what `careloop run` starts: the site on this machine."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import Any

from careloop.error import CareloopError

_PATIENCE_S = 2.0
DEFAULT_HOST, DEFAULT_PORT, DEFAULT_THREADS = "127.0.0.1", 8000, 8


def set_up_site() -> None:
    """Set Django up and bring the site's own database up to date."""
    from careloop.web.registry.store import open_store  # noqa: PLC0415 — loads Django

    open_store()


def serve(
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    threads: int = DEFAULT_THREADS,
    worker: bool = True,
    listening: Callable[[str], object] = str,
) -> None:
    """Serve the site until interrupted; the database is to be up to date.

    Parameters
    ----------
    worker
        Also do the nightly work in this process.
    listening
        Called with the address once the site listens.

    Raises
    ------
    CareloopError
        The port is taken, or not allowed.
    """
    from django.conf import settings  # noqa: PLC0415
    from waitress.server import create_server  # noqa: PLC0415

    (var_folder() / "static").mkdir(parents=True, exist_ok=True)  # whitenoise looks there
    from careloop.web.site.nightly import attend, make_ready  # noqa: PLC0415
    from careloop.web.wsgi import application  # noqa: PLC0415

    try:
        server = create_server(
            application,
            host=host,
            port=port,
            threads=threads,
            channel_timeout=60,
            connection_limit=500,
            ident=None,
            **behind_proxy(https=settings.CONFIGURATION.https),
        )
    except OSError as error:
        raise CareloopError(
            f"cannot listen on {host}:{port} ({error.strerror})\n"
            "  → is careloop running already? choose another port: --port 8001"
        ) from None
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue is not a fault
    stop = Event()
    background = Thread(
        target=attend if worker else make_ready, args=(stop,), name="nightly", daemon=True
    )
    background.start()
    signal.signal(signal.SIGTERM, _interrupted)
    listening(f"http://{_shown(host)}:{port}")
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        stop.set()
        server.close()
        background.join(_PATIENCE_S)
        if background.is_alive():  # computing: what it has not written yet is due at the next start
            sys.stdout.flush()
            os._exit(0)


def behind_proxy(*, https: bool) -> dict[str, Any]:
    """Believe a proxy on this machine, and nobody else, from where and by which scheme one asks.

    Without it the audit and the counting of wrong log-ins would know one address for everybody.
    """
    if not https:
        return {}
    return {
        "trusted_proxy": "127.0.0.1",
        "trusted_proxy_count": 1,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
        "clear_untrusted_proxy_headers": True,
    }


def work(*, once: bool) -> None:
    """Do the nightly work, now and whenever it is due, until interrupted."""
    set_up_site()
    from careloop.web.site import nightly  # noqa: PLC0415

    if once:
        done = nightly.work_due()
        sys.stdout.write("nothing was due\n" if done is None else f"{done:,} standings\n")
        return
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        nightly.work(stop)
    except KeyboardInterrupt:
        stop.set()


def free_port(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0


def var_folder() -> Path:
    """Where the site keeps what stands beside its database."""
    from careloop.web.configuration import Configuration  # noqa: PLC0415

    return Configuration.from_environment().var


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _shown(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 — only shown
