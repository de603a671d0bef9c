"""Setting up: what a newcomer reads where something is missing, and that a second start is free."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements/run.lock", "requirements/dev.lock")
TOOLS = ("bash", "cat", "cksum", "dirname", "grep", "mkdir", "rm", "tail", "touch")

OLD = "if [[ $2 == *print* ]]; then echo 3.9; else exit 1; fi"
WITHOUT_VENV = "case $2 in *print*) echo 3.12 ;; *ensurepip*) exit 1 ;; esac"
BROKEN = "exit 127"


@pytest.fixture
def fresh(tmp_path):
    """A checkout's set-up on a machine with nothing but the tools of any Unix."""
    for name in ("scripts/setup", "pyproject.toml", *LOCKS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def set_up(checkout: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "scripts" / "setup"), *words],
        cwd="/",
        env={"PATH": str(checkout / "bin"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def install(checkout: Path, name: str, body: str) -> None:
    stub = checkout / "bin" / name
    stub.write_text(f"#!/usr/bin/env bash\n{body}\n")
    stub.chmod(0o755)


@pytest.mark.parametrize(
    ("stubs", "said"),
    [
        ({}, "no python3 was found on the PATH"),
        ({"python3": OLD}, "python3 is Python 3.9; 3.11 or newer is needed"),
        ({"python3.12": WITHOUT_VENV}, "apt install python3.12-venv"),
        ({"python3.11": BROKEN, "python3": OLD}, "python3.11 does not start"),
    ],
    ids=["none", "too old", "without venv", "broken"],
)
def test_without_a_usable_python_it_says_what_to_do(fresh, stubs, said):
    for name, body in stubs.items():
        install(fresh, name, body)
    done = set_up(fresh, "run")
    assert done.returncode == 1
    assert "careloop needs Python 3.11, 3.12 or 3.13 with venv" in done.stderr
    assert said in done.stderr
    assert not (fresh / ".venv").exists()


def test_python_can_be_named(fresh):
    install(fresh, "python3", BROKEN)
    install(fresh, "my python", OLD)
    done = set_up(fresh, "run", PYTHON=str(fresh / "bin" / "my python"))
    assert "my python is Python 3.9" in done.stderr
    assert "does not start" not in done.stderr


def test_unknown_kind_is_refused(fresh):
    done = set_up(fresh, "everything")
    assert done.returncode == 1
    assert "use: scripts/setup run | dev" in done.stderr


def _make_venv(fresh: Path) -> None:
    """A `.venv` whose python notes every call, fails as pip and does nothing else."""
    (fresh / ".venv" / "bin").mkdir(parents=True)
    install(fresh, "../.venv/bin/python", f'echo "$*" >>{fresh}/calls; [[ $1 != -m ]]')


def _stamp(fresh: Path, kind: str) -> None:
    text = (
        "".join(
            (fresh / name).read_text() for name in ("pyproject.toml", f"requirements/{kind}.lock")
        )
        + (fresh / "scripts" / "setup").read_text()
    )
    checksum = subprocess.run(
        ["cksum"], input=text.encode(), capture_output=True, check=True
    ).stdout.decode()
    (fresh / ".venv" / ".careloop-setup").write_text(f"{kind} {fresh} {checksum}")


def test_second_start_does_nothing(fresh):
    _make_venv(fresh)
    _stamp(fresh, "dev")
    assert set_up(fresh, "run").stderr == ""  # what developers have is enough to run
    assert set_up(fresh, "dev").stderr == ""
    _stamp(fresh, "run")
    assert set_up(fresh, "run").stderr == ""
    assert "bringing .venv up to date" in set_up(fresh, "dev").stderr


def test_changed_pins_are_installed_and_failure_is_told(fresh):
    _make_venv(fresh)
    _stamp(fresh, "run")
    with (fresh / "requirements" / "run.lock").open("a") as lock:
        lock.write("# changed\n")
    done = set_up(fresh, "run")
    assert done.returncode == 1
    assert "pip could not install the pinned packages" in done.stderr
    assert "--require-hashes -r requirements/run.lock" in (fresh / "calls").read_text()
    assert set_up(fresh, "run").returncode == 1  # not stamped: it is tried again


def test_what_was_broken_off_is_begun_afresh(fresh):
    _make_venv(fresh)
    _stamp(fresh, "run")
    (fresh / ".venv" / ".careloop-setup-begun").touch()
    done = set_up(fresh, "run")  # no python to make a new .venv with: that is what it asks for
    assert "careloop needs Python" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="bash is not there by itself")
@pytest.mark.parametrize(("code", "said"), [(0, ""), (5, "no test ran"), (1, "")])
def test_ci_passes_the_exit_code_on(tmp_path, code, said):
    (tmp_path / "main" / ".ci").mkdir(parents=True)
    (tmp_path / "shared" / "data").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", tmp_path / "main" / ".ci" / "run")
    stub = tmp_path / "main" / "test"
    stub.write_text(f'#!/usr/bin/env bash\necho "$CI $CARELOOP_DATA $*"\nexit {code}\n')
    stub.chmod(0o755)
    done = subprocess.run(
        ["bash", str(tmp_path / "main" / ".ci" / "run"), "-k", "osta"],
        env={"PATH": os.environ["PATH"], "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == code
    assert done.stdout.split() == ["true", str(tmp_path / "shared" / "data"), "-k", "osta"]
    assert said in done.stderr
