"""The snapshot of a population out of Parquet, against the plain way.

    python benchmarks/snapshot.py --persons 1_000_000

The plain way goes through the rows and keeps the last fact of each person and variable in a dict,
without periods, derivations or ages; it is run on a sample already in memory, and its time per fact
compared in the same run.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import date, datetime
from pathlib import Path

import polars as pl

from careloop.records.snapshot import snapshot, snapshot_batches
from facts import DICTIONARY, VARIABLES, batches

AS_OF = date(2018, 6, 30)
SAMPLE = 200_000


def plain(facts: list[dict[str, object]]) -> dict[tuple[object, object], dict[str, object]]:
    """The last fact of each person and variable, the obvious way."""
    end = datetime.fromisoformat("2018-07-01")
    last: dict[tuple[object, object], dict[str, object]] = {}

    def order(fact: dict[str, object]) -> tuple[datetime, datetime, int]:
        return fact["effective_at"], fact["recorded_at"], fact["row"]  # type: ignore[return-value]

    for fact in facts:
        if order(fact)[0] >= end or order(fact)[1] >= end or fact["status"] != "final":
            continue
        key = fact["person_id"], fact["variable"]
        if key not in last or order(fact) >= order(last[key]):
            last[key] = fact
    return last


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--persons", type=int, default=1_000_000)
    arguments.add_argument("--batch", type=int, default=0, help="persons at once; 0: all")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for n, table in enumerate(batches(chosen.persons)):
            table.write_parquet(Path(folder) / f"{n:05}.parquet", compression="lz4")
            if n == 0:
                sample = table.head(SAMPLE)
        del table
        facts = pl.scan_parquet(folder)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        start, start_cpu = time.perf_counter(), time.process_time()
        if chosen.batch:
            shots = snapshot_batches(facts, AS_OF, DICTIONARY, persons_per_batch=chosen.batch)
            people = sum(shot.frame.height for shot in shots)
        else:
            people = snapshot(facts, AS_OF, DICTIONARY).frame.height
        wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    start_cpu = time.process_time()
    plain(sample.to_dicts())
    plain_rate = (time.process_time() - start_cpu) / sample.height
    count = chosen.persons * VARIABLES
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"persons             {people:,}")
    print(f"facts               {count:,}")
    print(f"wall seconds        {wall:.1f}")
    print(f"cpu seconds         {cpu:.1f}")
    print(f"facts per second    {count / wall:,.0f}")
    print(f"peak memory GiB     {peak:.2f} ({before:.2f} before)")
    print(f"times the plain way {plain_rate / (cpu / count):.1f} (per fact, CPU)")


if __name__ == "__main__":
    main()
