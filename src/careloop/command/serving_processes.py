"""`careloop serve --processes`: several processes answer on one port, watched over by another.

One process of Python computes on one core. The sockets' queue is shared: whoever is free takes the
next connection. A process that dies is started anew.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from time import monotonic

from careloop.command.serving import interrupted, listener, serve_on, set_up_site, shown
from careloop.error import CareloopError

_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE_S = 10.0
_SOON_S, _OFTEN = 30.0, 3
"""A process that dies so soon after its start, so often, is not started again."""


def serve_by(
    processes: int,
    *,
    host: str,
    port: int,
    threads: int,
    worker: bool,
    listening: Callable[[str], object] = str,
) -> None:
    """Serve the site by several processes until interrupted; the database is to be up to date.

    Parameters
    ----------
    worker
        Also do the nightly work, in the first of them.
    listening
        Called with the address once the site listens.

    Raises
    ------
    CareloopError
        The port is taken or not allowed, or a process dies over and over.
    """
    open_socket = listener(host, port)

    def started(number: int) -> SpawnProcess:
        told = (open_socket, threads, worker and number == 0)
        process = _SPAWN.Process(target=_serve, args=told, name=f"careloop-{number}")
        process.start()
        return process

    signal.signal(signal.SIGTERM, interrupted)
    running: list[SpawnProcess] = []
    try:
        running = [started(number) for number in range(processes)]
        listening(f"http://{shown(host)}:{port}")
        _watch(running, started)
    except KeyboardInterrupt:
        pass
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.join(_PATIENCE_S)
            process.kill()
        open_socket.close()


def _watch(running: list[SpawnProcess], started: Callable[[int], SpawnProcess]) -> None:
    """Start anew whoever dies, for ever."""
    begun = [monotonic()] * len(running)
    soon = 0
    while True:
        wait([process.sentinel for process in running])
        for number, process in enumerate(running):
            if process.is_alive():
                continue
            soon = soon + 1 if monotonic() - begun[number] < _SOON_S else 0
            if soon >= _OFTEN:
                raise CareloopError(f"{process.name} ended over and over ({process.exitcode})")
            sys.stderr.write(f"careloop: {process.name} ended ({process.exitcode}), started anew\n")
            running[number], begun[number] = started(number), monotonic()


def _serve(open_socket: socket.socket, threads: int, worker: bool) -> None:  # noqa: FBT001
    """What each process does."""
    Thread(target=_end_with_parent, daemon=True).start()
    set_up_site()
    serve_on(open_socket, threads=threads, worker=worker)


def _end_with_parent() -> None:
    """Nobody is left to watch: end as if interrupted."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
