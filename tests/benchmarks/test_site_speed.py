"""Fifty nurses at once, in small: the benchmark of the site works, and nobody gets an error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "more", [(), pytest.param(("--postgres",), marks=pytest.mark.postgres)], ids=["sqlite", "pg"]
)
def test_fifty_nurses_work_at_once_without_an_error(repository: Path, tmp_path: Path, more) -> None:
    district = ("--folder", str(tmp_path), "--people", "600", "--times", "0")
    crowd = ("--minutes", "0.2", "--think", "1")
    done = subprocess.run(
        [sys.executable, "benchmarks/site_speed.py", *district, *crowd, *more],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(r"50 nurses, .*: ([\d,]+) requests", done.stdout)
    assert told is not None
    assert int(told[1].replace(",", "")) >= 50 * 6
    assert "302×" in done.stdout
    assert "errors: 0" in done.stdout
