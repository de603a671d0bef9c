"""How long it takes until something happens: `import careloop`, `careloop --help`, python alone.

    python benchmarks/start.py

Each command runs in a fresh interpreter; the median of all runs but the first is reported.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 11
COMMANDS = {
    "python -c pass": "pass",
    "import careloop": "import careloop",
    "careloop --help": "import sys; sys.argv = ['careloop', '--help'];"
    " from careloop.cli import main; main()",
}


def seconds(code: str) -> float:
    """Wall time of one fresh interpreter running `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    for name, code in COMMANDS.items():
        times = [seconds(code) for _ in range(RUNS)][1:]
        print(f"{name:16} median {statistics.median(times):.3f} s, worst {max(times):.3f} s")


if __name__ == "__main__":
    main()
