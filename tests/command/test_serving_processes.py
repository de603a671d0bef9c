"""Several processes serve one port: one may die, and none outlives the one that watches them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="reads /proc to find the processes"
)
PROGRAM = "from careloop.cli import main; main()"
OPTIONS = ("--processes=2", "--no-worker")


@pytest.fixture
def site(tmp_path):
    """A site served by two processes: the watching process and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "CARELOOP_DATABASE_URL": f"sqlite:///{tmp_path}/site.sqlite3",
        "CARELOOP_VAR": str(tmp_path / "var"),
    }
    with (tmp_path / "printed").open("w") as printed:
        watching = subprocess.Popen(
            [
                sys.executable,
                "-c",
                PROGRAM,
                "serve",
                f"--port={port}",
                "--processes=2",
                "--no-worker",
            ],
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}/health"
    try:
        until(lambda: answers(address))
        yield watching, address, tmp_path / "printed"
    finally:
        watching.kill()
        watching.wait()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def until(true, *, patience_s=60.0):
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def serving(watching):
    """Processes that serve for this one."""
    children = Path(f"/proc/{watching.pid}/task/{watching.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in command_of(child)]


def command_of(child):
    return Path(f"/proc/{child}/cmdline").read_bytes()


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_who_dies_is_replaced_and_the_site_goes_on(site):
    watching, address, printed = site
    until(lambda: len(serving(watching)) == 2)
    before = serving(watching)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(serving(watching)) == 2 and before[0] not in serving(watching))
    assert before[1] in serving(watching)
    until(lambda: answers(address))
    until(lambda: "started anew" in printed.read_text())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_none_outlives_the_watching_process(site, how):
    watching, address, _printed = site
    until(lambda: len(serving(watching)) == 2)
    children = serving(watching)
    watching.send_signal(how)
    watching.wait(30)
    until(lambda: not any(alive(child) for child in children), patience_s=30)
    assert not answers(address)
