"""A process of its own for files from outside, with limits of time and memory.

A request only starts it. The process works in the folder of an upload and writes `result.json`
there; where it crashed or took too long, this writes `{"failed": …}` in its place.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from threading import BoundedSemaphore, Thread
from typing import Any

LIMIT_S = 180
MOST_BYTES = 6 << 30
AT_ONCE = 1
_turn = BoundedSemaphore(AT_ONCE)


def start(module: str, folder: Path) -> Thread:
    """Run a module on a folder in the background; one at a time, so that the site stays quick."""
    thread = Thread(target=_supervise, args=(module, folder), daemon=True, name="upload")
    thread.start()
    return thread


def _supervise(module: str, folder: Path) -> None:
    failed = "crashed"
    with _turn:
        try:
            done = subprocess.run(  # noqa: S603 — a module of ours, a folder with a random name
                [sys.executable, "-m", module, str(folder.resolve())],
                timeout=LIMIT_S,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # a traceback would hold a patient's values
                check=False,
            )
            if done.returncode == 0:
                return
        except subprocess.TimeoutExpired:
            failed = "time"
    if folder.exists():
        tell(folder, {"failed": failed})


def tell(folder: Path, result: dict[str, Any]) -> None:
    """Write what came of an upload."""
    from careloop.web.imaging.keeping import RESULT, write  # noqa: PLC0415 — Django comes with it

    write(folder / RESULT, json.dumps(result, ensure_ascii=False).encode())


def limited() -> None:
    """No more time and memory than an upload needs, whatever the file does."""
    try:
        import resource  # noqa: PLC0415
    except ImportError:  # not on Windows; the time limit of the caller stands
        return
    resource.setrlimit(resource.RLIMIT_CPU, (2 * LIMIT_S, 2 * LIMIT_S + 5))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
