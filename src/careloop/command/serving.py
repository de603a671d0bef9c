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
_BACKLOG = 1024
DEFAULT_HOST, DEFAULT_PORT, DEFAULT_THREADS = "127.0.0.1", 8000, 8
MOST_REQUEST_BYTES = 85_000_000
"""What a request may hold at most: an image of 64 MB, its regions of 16 MB, and a form's words."""


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
    with listener(host, port) as open_socket:
        serve_on(
            open_socket,
            threads=threads,
            worker=worker,
            listening=lambda: listening(f"http://{shown(host)}:{port}"),
        )


def serve_on(
    open_socket: socket.socket,
    *,
    threads: int,
    worker: bool,
    listening: Callable[[], object] = bool,
) -> None:
    """Serve whoever connects to a socket, until interrupted (see `serve`)."""
    from django.conf import settings  # noqa: PLC0415
    from waitress.server import create_server  # noqa: PLC0415

    (var_folder() / "static").mkdir(parents=True, exist_ok=True)  # whitenoise looks there
    from careloop.web.site.nightly import attend, make_ready  # noqa: PLC0415
    from careloop.web.wsgi import application  # noqa: PLC0415

    server = create_server(
        application,
        sockets=[open_socket],
        threads=threads,
        channel_timeout=60,
        connection_limit=500,
        max_request_body_size=MOST_REQUEST_BYTES,
        ident=None,
        **behind_proxy(https=settings.CONFIGURATION.https),
    )
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue is not a fault
    stop = Event()
    background = Thread(
        target=attend if worker else make_ready, args=(stop,), name="nightly", daemon=True
    )
    background.start()
    signal.signal(signal.SIGTERM, interrupted)
    listening()
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


def listener(host: str, port: int) -> socket.socket:
    """A socket that listens; a `CareloopError` where the port is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CareloopError(
            f"cannot listen on {host}:{port} ({error.strerror})\n"
            "  → is careloop running already? choose another port: --port 8001"
        ) from None


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


def interrupted(_number: int, _frame: FrameType | None) -> None:
    """A signal's handler: end as after Ctrl+C."""
    raise KeyboardInterrupt


def shown(host: str) -> str:
    """A host as one opens it on this machine."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 — only shown
