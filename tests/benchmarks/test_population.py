"""The benchmark populations: the columns that are read, with gaps, the same for the same seed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from careloop.dictionary.catalogue import load
from careloop.programmes.programme import programme
from careloop.records.mapping import read_mapping
from careloop.records.sources.tables import read_table
from careloop.risk.instruments.evaluation import evaluate


@pytest.fixture(scope="module")
def population(repository: Path) -> ModuleType:
    path = repository / "benchmarks" / "population.py"
    spec = importlib.util.spec_from_file_location("population", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["population"] = module
    spec.loader.exec_module(module)
    return module


def test_every_instrument_gives_answers_and_gaps(population: ModuleType) -> None:
    frame = population.wide_population(20_000, 1)
    assert_frame_equal(frame, population.wide_population(20_000, 1))
    dictionary = load()
    for name in frame.columns[1:]:
        assert name.partition("__")[0] in dictionary
    instruments = programme("osteoporosis").instruments
    table = evaluate(frame, instruments).collect()
    for each in instruments:
        for output in each.outputs:
            if output.endswith("_class"):
                continue
            assert table[output].null_count() < len(table), output
    assert frame["weight_kg"].is_between(20, 250).all()
    assert 0 < frame["dementia"].null_count() < len(frame)


def test_batches_share_no_person(population: ModuleType) -> None:
    parts = list(population.batches(25, columns=("sex", "weight_kg"), size=10))
    assert [len(part) for part in parts] == [10, 10, 5]
    assert pl.concat(parts)["person_id"].n_unique() == 25


def test_csv_is_read_without_a_finding(population: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    assert population.write_csv(3_000, path) == path.stat().st_size
    dictionary = load()
    mapping = read_mapping(path.with_suffix(".toml"), dictionary)
    reading = read_table(path, mapping, dictionary=dictionary)
    facts = pl.concat(list(reading.batches()))
    assert reading.report.records == 3_000
    assert facts["person_id"].n_unique() == 3_000
    assert len(reading.report.columns) == 18
    assert [one.code for one in reading.report.findings] in ([], ["T100"])
    assert reading.report.rejected_records == 0
