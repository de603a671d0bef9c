"""FHIR bundles to Parquet facts: resources per second on one core, against the plain way.

    CARELOOP_DATA=../shared/data python benchmarks/fhir_import.py --resources 50_000

The 28 bundles of Synthea are written several times over, each copy with patients of its own, into
one `.tar.gz`. The plain way parses with `json` and validates every resource with the R4B models of
`fhir.resources`, without making a single fact; it is run on a sample in the same process. All times
are CPU times, so the number of cores does not matter; medians over the runs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import statistics
import tarfile
import tempfile
import time
from pathlib import Path

from careloop.dictionary.catalogue import load
from careloop.records.parquet import ParquetStore
from careloop.records.sources.fhir import read_fhir

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--resources", type=int, default=50_000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--plain", type=int, default=600, help="resources for the plain way")
    chosen = arguments.parse_args()
    data = Path(os.environ.get("CARELOOP_DATA") or SHARED)
    bundles = unpack(data / "fhir_synthea" / "bundles.tar.gz")
    dictionary = load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "bundles.tar.gz"
        size = pack(bundles, chosen.resources, path)
        reading, importing, met, facts = [], [], 0, 0
        for run in range(chosen.runs):
            start = time.process_time()
            for _ in read_fhir(path, dictionary=dictionary).batches():
                pass
            reading.append(time.process_time() - start)
            start = time.process_time()
            source = read_fhir(path, dictionary=dictionary)
            facts = ParquetStore(folder / f"store{run}").add(source).new_facts
            importing.append(time.process_time() - start)
            met = source.report.records
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        plain_rate = plain(bundles, chosen.plain, chosen.runs)
    rate, stored = met / statistics.median(reading), met / statistics.median(importing)
    print(f"resources                     {met:,} ({size / 1e6:.0f} MB of JSON in a .tar.gz)")
    print(f"facts                         {facts:,}")
    print(f"peak memory, GB               {peak:.2f}")
    print(f"read, resources/s of CPU      {rate:,.0f}")
    print(f"read and stored, resources/s  {stored:,.0f}")
    print(f"plain way, resources/s        {plain_rate:,.0f} (json and fhir.resources, no facts)")
    print(f"ratio                         {stored / plain_rate:,.0f}")


def unpack(path: Path) -> dict[str, bytes]:
    """The bundles by name."""
    with tarfile.open(path) as archive:
        opened = {each.name: archive.extractfile(each) for each in archive if each.isfile()}
        return {name: file.read() for name, file in opened.items() if file}


def pack(bundles: dict[str, bytes], resources: int, path: Path) -> int:
    """Write copies of the bundles until there are enough resources; bytes of JSON."""
    met = copies = size = 0
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        while met < resources:
            for name, content in bundles.items():
                entries = json.loads(content)["entry"]
                person = next(
                    entry["resource"]["id"]
                    for entry in entries
                    if entry["resource"]["resourceType"] == "Patient"
                )
                copy = content.replace(person.encode(), f"{copies:08d}{person[8:]}".encode())
                info = tarfile.TarInfo(f"{copies}/{name}")
                info.size = len(copy)
                archive.addfile(info, io.BytesIO(copy))
                met, size = met + len(entries), size + len(copy)
            copies += 1
    return size


def plain(bundles: dict[str, bytes], sample: int, runs: int) -> float:
    """Resources per second of CPU when each is parsed and validated one by one."""
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415 - not a dependency

    texts = [
        json.dumps(entry["resource"])
        for content in bundles.values()
        for entry in json.loads(content)["entry"]
    ]
    texts = texts[:: max(1, len(texts) // sample)][:sample]
    kinds = {json.loads(text)["resourceType"] for text in texts}
    models = {kind: get_fhir_model_class(kind) for kind in kinds}  # imports are not counted
    spent = []
    for _ in range(runs + 1):
        start = time.process_time()
        for text in texts:
            parsed = json.loads(text)
            models[parsed["resourceType"]].model_validate(parsed)
        spent.append(time.process_time() - start)
    return len(texts) / statistics.median(spent[1:])


if __name__ == "__main__":
    main()
