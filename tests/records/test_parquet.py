"""A Parquet store keeps a reading whole or not at all, and the same source once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from careloop.error import InputError
from careloop.records.fact import FACT_SCHEMA
from careloop.records.finding import Finding
from careloop.records.parquet import ParquetStore
from careloop.records.reading import ColumnAccount, ImportReport, Source


def batch(persons, *, source="s1", variable="weight_kg", number=60.0):
    day = datetime.fromisoformat("2024-03-01")
    frame = pl.DataFrame({"person_id": list(persons)}).with_columns(
        variable=pl.lit(variable),
        number=pl.lit(number),
        text=pl.lit(None, pl.String),
        unit=pl.lit("kg"),
        effective_at=pl.lit(day, pl.Datetime("us")),
        until=pl.lit(None, pl.Datetime("us")),
        recorded_at=pl.lit(day, pl.Datetime("us")),
        status=pl.lit("final"),
        context=pl.lit(None, pl.String),
        raw=pl.lit(None, pl.String),
        source=pl.lit(source),
        row=pl.int_range(1, pl.len() + 1),
        field=pl.lit("w"),
    )
    return frame.cast(FACT_SCHEMA)


class FewFacts:
    """A reading of given batches; an exception among them is raised in its place."""

    def __init__(self, batches, *, source_id="s1", sender="东湖", read_at=None):
        read_at = read_at or datetime(2024, 4, 1, tzinfo=UTC)
        self.source = Source(source_id, "table", "f.csv", "00", sender, read_at)
        self.report = ImportReport()
        self._batches = batches

    def batches(self):
        for one in self._batches:
            if isinstance(one, Exception):
                raise one
            self.report.facts += one.height
            yield one

    def rejected(self):
        return pl.DataFrame()


def test_a_reading_comes_back_as_it_went_in(tmp_path):
    store = ParquetStore(tmp_path / "store")
    assert store.facts().collect().height == 0
    assert store.sources() == []
    reading = FewFacts([batch("AB"), batch(""), batch("C")])
    added = store.add(reading)
    assert (added.new_facts, added.already_imported) == (3, False)
    assert_frame_equal(store.facts().collect(), pl.concat([batch("AB"), batch("C")]))
    assert store.sources() == [reading.source]
    assert store.facts(person_id="B").collect()["person_id"].to_list() == ["B"]
    assert store.facts(variables=["tug_s"]).collect().height == 0
    assert store.facts(variables=["weight_kg"]).collect().height == 3


def test_the_same_source_twice_adds_nothing(tmp_path):
    store = ParquetStore(tmp_path)
    store.add(FewFacts([batch("AB")]))
    again = store.add(FewFacts([RuntimeError("must not be read")]))
    assert (again.new_facts, again.known_facts, again.already_imported) == (0, 2, True)
    assert store.facts(distinct=False).collect().height == 2


def test_a_fact_in_two_files_of_one_sender_is_one_fact(tmp_path):
    store = ParquetStore(tmp_path)
    first = datetime(2024, 4, 1, tzinfo=UTC)
    for day, (source_id, sender) in enumerate([("z9", "东湖"), ("a1", "东湖"), ("b1", "西湖")]):
        facts = batch("AB", source=source_id)
        read_at = first + timedelta(days=day)
        store.add(FewFacts([facts], source_id=source_id, sender=sender, read_at=read_at))
    assert store.facts(distinct=False).collect().height == 6
    distinct = store.facts().collect()
    assert Counter(distinct["source"]) == {"z9": 2, "b1": 2}
    assert [source.source_id for source in store.sources()] == ["z9", "a1", "b1"]


def test_a_failure_midway_leaves_nothing(tmp_path):
    store = ParquetStore(tmp_path)
    with pytest.raises(RuntimeError, match="torn"):
        store.add(FewFacts([batch("AB"), batch("C"), RuntimeError("torn")]))
    assert store.facts().collect().height == 0
    assert list((tmp_path / "unfinished").iterdir()) == []
    assert store.add(FewFacts([batch("AB"), batch("C")])).new_facts == 3


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_parquet import FewFacts, ParquetStore, batch

class Killed(FewFacts):
    def batches(self):
        yield batch("AB")
        yield batch("CD")
        print("two batches given", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

ParquetStore({folder!r}).add(Killed([]))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_kill_9_midway_leaves_nothing_visible(tmp_path):
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.stdout.strip(), done.returncode) == ("two batches given", -signal.SIGKILL)
    store = ParquetStore(tmp_path)
    left = list((tmp_path / "unfinished").iterdir())
    assert len(left) == 1
    assert store.facts().collect().height == 0
    assert store.sources() == []
    # The next import goes through; what was left is removed once it is a day old.
    os.utime(left[0], (0, 0))
    assert store.add(FewFacts([batch("AB")])).new_facts == 2
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_the_account_is_kept_without_values(tmp_path):
    reading = FewFacts([batch("A")])
    reading.report.columns["w"] = ColumnAccount("w", "weight_kg", rows=1, taken=1)
    reading.report.resources["Observation"] = 2
    reading.report.outcomes["Observation", "read"] = 2
    reading.report.findings.append(Finding("Q101", "f.csv row 3", value="张三"))
    ParquetStore(tmp_path).add(reading)
    text = (tmp_path / "facts/s1/manifest.json").read_text(encoding="utf-8")
    report = json.loads(text)["report"]
    assert report["facts"] == 1
    assert report["columns"][0]["taken"] == 1
    assert report["resources"] == {"Observation": 2}
    assert report["outcomes"] == [["Observation", "read", 2]]
    assert report["findings"][0]["code"] == "Q101"
    assert "张三" not in text


def test_bad_sources_and_batches_are_refused(tmp_path):
    store = ParquetStore(tmp_path)
    for source_id in ("../evil", "", "a/b", ".hidden"):
        with pytest.raises(InputError, match="cannot name a folder"):
            store.add(FewFacts([batch("A")], source_id=source_id))
    with pytest.raises(InputError, match="lacks the columns"):
        store.add(FewFacts([batch("A").drop("unit")]))
    with pytest.raises(InputError, match="facts without person_id"):
        store.add(FewFacts([batch(["A", None])]))
    assert store.facts().collect().height == 0
    store.add(FewFacts([batch("A")]))
    manifest = tmp_path / "facts/s1/manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    with pytest.raises(InputError, match="format 99"):
        store.facts()
