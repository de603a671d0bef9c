"""Risk class and drug eligibility of a million people, against the plain way.

    python benchmarks/guidance.py --people 1_000_000

From snapshots: instruments, diagnosis, every guideline's risk class, treatment and referral with
their reasons, and every medicine's status with its hard stops. The plain way takes the same rules
one person at a time in ordinary Python (`careloop.dictionary.syntax.value`) over assessed rows; it
is run on a sample, must give the same answers, and its time per person is compared. Making the
population is not counted.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from datetime import date

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.dictionary.syntax import Value
from careloop.guidance.evaluation import guidance_reads, guided, made_by
from careloop.programmes.assessment import assessed, reads
from careloop.programmes.programme import programme
from plain_guidance import plain
from population import batches

AS_OF = date(2026, 6, 30)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--people", type=int, default=1_000_000)
    arguments.add_argument("--plain", type=int, default=2_000, help="people for the plain way")
    chosen = arguments.parse_args()

    disease = programme("osteoporosis")
    assert disease.guidance
    guidance = disease.guidance()
    facts = [n for n in guidance_reads(guidance) if n.partition("__")[0] in load()]
    needed = tuple(dict.fromkeys([*reads(disease), *facts]))
    wall = cpu = 0.0
    people = 0
    counted: dict[str, int] = {}
    rates, guidance_rates = [], []
    sample: list[dict[str, Value]] = []
    same = made_by(guidance)
    for frame in batches(chosen.people, columns=needed):
        start, start_cpu = time.perf_counter(), time.process_time()
        table = assessed(frame.lazy().with_columns(as_of=pl.lit(AS_OF)), disease, language="en")
        before = table.collect()
        middle_cpu = time.process_time()
        result = guided(before.lazy(), guidance).select("person_id", *same).collect()
        spent, spent_cpu = time.perf_counter() - start, time.process_time() - start_cpu
        wall, cpu, people = wall + spent, cpu + spent_cpu, people + result.height
        rates.append(spent_cpu / result.height)
        guidance_rates.append((time.process_time() - middle_cpu) / result.height)
        for key, count in result[guidance.default.risk_class.key].value_counts().iter_rows():
            counted[str(key)] = counted.get(str(key), 0) + count
        if not sample:
            sample = guided(before.head(chosen.plain).lazy(), guidance).collect().to_dicts()

    start_cpu = time.process_time()
    answers = [plain(row, guidance) for row in sample]
    plain_rate = (time.process_time() - start_cpu) / len(sample)
    for row, answer in zip(sample, answers, strict=True):
        assert answer == {name: row[name] for name in answer}, row["person_id"]
    rate = statistics.median(guidance_rates)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"people                    {people:,}")
    print(f"guidelines, medicines     {len(guidance.guidelines)}, {len(guidance.medicines)}")
    print(f"wall seconds              {wall:.1f} (assessment and guidance)")
    print(f"cpu seconds               {cpu:.1f}")
    print(f"peak memory GiB           {peak:.2f} (with the population)")
    print(f"all, us/person            {statistics.median(rates) * 1e6:.2f} CPU (median of batches)")
    print(f"guidance, us/person       {rate * 1e6:.2f} CPU")
    print(f"plain, us/person          {plain_rate * 1e6:.2f} CPU (guidance only)")
    print(f"ratio plain/expressions   {plain_rate / rate:.1f}")
    print(f"risk class, default       {counted}")


if __name__ == "__main__":
    main()
