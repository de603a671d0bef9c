"""CSV of 20 columns to Parquet facts: rows per second and memory, against the plain way.

    python benchmarks/csv_import.py --rows 1_000_000
    python benchmarks/csv_import.py --megabytes 1000     # one large file: peak memory

The plain way reads the same file with `csv.DictReader`, turns one cell after the other into a fact
with ordinary Python, and writes the facts to Parquet; it is run on the file's first rows.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import resource
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

import polars as pl

from careloop.dictionary.catalogue import Dictionary, load
from careloop.records.fact import FACT_SCHEMA
from careloop.records.mapping import TableMapping, read_mapping
from careloop.records.parquet import ParquetStore
from careloop.records.sources.tables import read_table
from population import CSV_MAPPING, write_csv


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--megabytes", type=int, default=0)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--plain-rows", type=int, default=20_000)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, mapping_path = folder / "centre.csv", folder / "centre.toml"
        mapping_path.write_text(CSV_MAPPING, encoding="utf-8")
        rows = chosen.rows
        if chosen.megabytes:
            write_csv(100_000, path)
            rows = int(chosen.megabytes * 1e6 / path.stat().st_size * 100_000)
        write_csv(rows, path)
        dictionary = load()
        mapping = read_mapping(mapping_path, dictionary)
        walls, cpus, facts = [], [], 0
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        for run in range(1 if chosen.megabytes else chosen.runs):
            start, start_cpu = time.perf_counter(), time.process_time()
            reading = read_table(path, mapping, dictionary=dictionary)
            facts = ParquetStore(folder / f"store{run}").add(reading).new_facts
            walls.append(time.perf_counter() - start)
            cpus.append(time.process_time() - start_cpu)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        wall, cpu = statistics.median(walls), statistics.median(cpus)
        plain_cpu, plain_facts = plain(path, mapping, dictionary, chosen.plain_rows, folder)
        print(f"file                 {path.stat().st_size / 1e6:,.0f} MB, {rows:,} rows")
        print(f"facts                {facts:,}")
        print(f"rows per second      {rows / wall:,.0f} (wall, median of {len(walls)})")
        print(f"rows per CPU second  {rows / cpu:,.0f}")
        print(f"peak memory GiB      {peak:.2f} (before reading {before:.2f})")
        print(f"plain rows/CPU s     {chosen.plain_rows / plain_cpu:,.0f} ({plain_facts:,} facts)")
        print(f"ratio to plain       {(rows / cpu) / (chosen.plain_rows / plain_cpu):.1f}")


def plain(
    path: Path, mapping: TableMapping, dictionary: Dictionary, rows: int, folder: Path
) -> tuple[float, int]:
    """CPU seconds and facts of the plain way over the first rows."""
    start = time.process_time()
    facts = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(itertools.islice(csv.DictReader(file), rows), start=1):
            for rule in mapping.rules:
                cell = row[rule.columns[0]].strip()
                if cell in rule.missing:
                    continue
                variable = dictionary[rule.variable.key]
                value = (rule.values or {}).get(cell, cell)
                number_value, text = None, None
                if variable.kind in ("number", "boolean"):
                    try:
                        number_value = float(value)
                    except ValueError:
                        continue
                    number_value = number_value * rule.conversion.factor + rule.conversion.offset
                    if variable.low is not None and not (
                        variable.low <= number_value <= (variable.high or number_value)
                    ):
                        continue
                else:
                    text = str(value)
                seen = datetime(2026, 1, 1)
                facts.append(
                    (
                        row[mapping.person_column],
                        variable.key,
                        number_value,
                        text,
                        variable.unit,
                        seen,
                        None,
                        seen,
                        "final",
                        None,
                        None,
                        "plain",
                        number,
                        rule.columns[0],
                    )
                )
    pl.DataFrame(facts, schema=FACT_SCHEMA, orient="row").write_parquet(folder / "plain.parquet")
    return time.process_time() - start, len(facts)


if __name__ == "__main__":
    main()
