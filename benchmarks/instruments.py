"""All instruments and the diagnosis over millions of residents, against the plain way.

    python benchmarks/instruments.py --people 10_000_000

The plain way is `plain_instruments.plain`, one person at a time in ordinary Python; it is run on a
sample and its time per person compared in the same run. Making the population is not counted.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time

from careloop.programmes.assessment import assessed, columns, reads
from careloop.programmes.programme import programme
from plain_instruments import plain
from population import batches


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--people", type=int, default=10_000_000)
    arguments.add_argument("--plain", type=int, default=5_000, help="people for the plain way")
    chosen = arguments.parse_args()

    disease = programme("osteoporosis")
    needed = reads(disease)
    wall = cpu = 0.0
    people = 0
    decided: dict[str, int] = {}
    rates = []
    sample: list[dict[str, object]] = []
    for frame in batches(chosen.people, columns=needed):
        if not sample:
            sample = frame.head(chosen.plain).to_dicts()
        start, start_cpu = time.perf_counter(), time.process_time()
        table = assessed(frame.lazy(), disease, language="en")
        names = columns(disease, table.collect_schema().names())
        result = table.select(names).collect()
        spent, spent_cpu = time.perf_counter() - start, time.process_time() - start_cpu
        wall, cpu, people = wall + spent, cpu + spent_cpu, people + result.height
        rates.append(spent_cpu / result.height)
        for key, count in result["diagnosis"].value_counts().iter_rows():
            decided[str(key)] = decided.get(str(key), 0) + count
        results = result.width

    start_cpu = time.process_time()
    for row in sample:
        plain(row)
    plain_rate = (time.process_time() - start_cpu) / len(sample)
    rate = statistics.median(rates)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"people                  {people:,}")
    print(f"result columns          {results}")
    print(f"wall seconds            {wall:.1f}")
    print(f"cpu seconds             {cpu:.1f}")
    print(f"peak memory GiB         {peak:.2f} (with the population)")
    print(f"expressions, us/person  {rate * 1e6:.2f} CPU (median of batches)")
    print(f"plain, us/person        {plain_rate * 1e6:.2f} CPU (instruments only, no diagnosis)")
    print(f"ratio plain/expressions {plain_rate / rate:.1f}")
    print(f"diagnosis               {decided}")


if __name__ == "__main__":
    main()
