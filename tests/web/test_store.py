"""The registry keeps facts as the Parquet store does, on SQLite and on PostgreSQL."""

from __future__ import annotations

import gc
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import polars as pl
import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connections
from django.db.models import ProtectedError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from careloop.dictionary.catalogue import Dictionary, load
from careloop.dictionary.variable import Text, Variable
from careloop.error import CareloopError, ConfigError, InputError
from careloop.records.fact import FACT_SCHEMA
from careloop.records.finding import Finding
from careloop.records.parquet import ParquetStore
from careloop.records.reading import ImportReport, Source
from careloop.records.snapshot import snapshot
from careloop.records.sources.opening import open_reading
from careloop.web.registry import postgresql, sqlite
from careloop.web.registry.query import Wanted, select
from careloop.web.registry.store import analyse, open_store

LABEL = Text("名", "name")
WORDS = Dictionary(
    [
        Variable("weight_kg", "number", LABEL, "test", unit="kg"),
        Variable("name", "text", LABEL, "test"),
        Variable("drug", "boolean", LABEL, "test", memory="period"),
        Variable("fall", "boolean", LABEL, "test", memory="ever"),
        Variable("t_hip", "number", LABEL, "test", unit="1", context=("device",)),
    ]
)
DAY = datetime.fromisoformat("2024-03-01T08:30:00.000001")
READ_AT = datetime(2024, 4, 1, tzinfo=UTC)


def fact(person="P1", variable="weight_kg", value=60.0, **more):
    return {
        **dict.fromkeys(FACT_SCHEMA),
        "person_id": person,
        "variable": variable,
        "number": None if isinstance(value, str) else value,
        "text": value if isinstance(value, str) else None,
        "unit": "kg",
        "effective_at": DAY,
        "recorded_at": DAY,
        "status": "final",
        "row": 1,
        "field": "体重",
        **more,
    }


def tables():
    """The models; they can be imported once a store has been opened."""
    return import_module("careloop.web.registry.models")


class FewFacts:
    """A reading of lists of facts; an exception among them is raised in its place."""

    def __init__(self, *batches, source_id="s1", sender="东湖", read_at=READ_AT):
        self.source = Source(source_id, "table", "f.csv", "00", sender, read_at, "m", "careloop")
        self.report = ImportReport()
        self._batches = batches

    def batches(self):
        for facts in self._batches:
            if isinstance(facts, Exception):
                raise facts
            rows = [{**one, "source": self.source.source_id} for one in facts]
            self.report.facts += len(rows)
            yield pl.DataFrame(rows, schema=FACT_SCHEMA)

    def rejected(self):
        return pl.DataFrame()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/deep/er/registry.sqlite3"
    else:
        url = request.getfixturevalue("postgres_url")()
    opened = open_store(url)
    yield opened
    opened.close()


# ---------------------------------------------------------------- whole or not at all, and once


def test_facts_come_back_as_they_went_in(store):
    nasty = ["", "\\N", 'a "quoted", text\nof two lines\r\n', "张三", "nul\x00", "NULL", "-"]
    facts = [fact(variable="name", value=text, row=n) for n, text in enumerate(nasty)]
    numbers = [0.1, -0.0, 1e-300, 1.7976931348623157e308, 123456789.12345679, None]
    facts += [fact(value=number, row=None, until=DAY + timedelta(days=1)) for number in numbers]
    facts.append(fact(context='{"device":"ge"}', raw="60公斤", unit=None, status="assumed"))
    reading = FewFacts(facts)
    added = store.add(reading)
    assert (added.new_facts, added.known_facts) == (len(facts), 0)
    expected = next(reading.batches()).with_columns(
        pl.col("text").str.replace_all("\x00", "\N{REPLACEMENT CHARACTER}")
    )
    assert_frame_equal(store.facts().collect(), expected)
    assert store.sources() == [reading.source]


def test_facts_are_chosen_in_the_database_and_in_the_frame(store):
    store.add(FewFacts([fact("A"), fact("B"), fact("B", "fall", 1.0)]))
    assert store.facts(person_id="B").collect()["variable"].to_list() == ["weight_kg", "fall"]
    assert store.facts(variables=["fall"]).collect()["person_id"].to_list() == ["B"]
    assert store.facts(variables=[]).collect().height == 0
    everybody = store.facts()
    assert everybody.filter(pl.col("variable") == "fall").select("row").collect().item() == 1
    assert everybody.select("until").collect()["until"].to_list() == [None] * 3
    assert everybody.select(pl.len()).collect().item() == 3
    assert everybody.head(2).collect().height == 2
    assert everybody.filter(pl.col("person_id") == "B").head(1).collect().height == 1


def test_import_twice_is_import_once(store):
    batch = [fact("A"), fact("B", "fall", 0.0)]
    store.add(FewFacts(batch))
    same_file = store.add(FewFacts(RuntimeError("must not be read")))
    assert (same_file.new_facts, same_file.known_facts, same_file.already_imported) == (0, 2, True)
    other_file = store.add(FewFacts([*batch, fact("C")], batch, source_id="s2"))
    assert (other_file.new_facts, other_file.known_facts) == (1, 4)
    other_sender = store.add(FewFacts(batch, source_id="s3", sender="西湖"))
    assert (other_sender.new_facts, other_sender.known_facts) == (2, 0)
    assert store.facts().collect()["source"].to_list() == ["s1", "s1", "s2", "s3", "s3"]


@pytest.mark.parametrize(
    "change",
    [
        {"person_id": "A2"},
        {"variable": "fall"},
        {"number": 61.0},
        {"number": None},
        {"text": ""},
        {"unit": "g"},
        {"unit": None},
        {"effective_at": DAY + timedelta(microseconds=1)},
        {"until": DAY},
        {"status": "entered_in_error"},
        {"context": "{}"},
    ],
)
def test_a_fact_is_new_where_anything_that_matters_differs(tmp_path, change):
    store = open_store(f"sqlite:///{tmp_path}/registry.sqlite3")
    beside = fact("A") | {"row": 9, "raw": "x", "field": "y", "recorded_at": DAY.replace(year=2025)}
    added = store.add(FewFacts([fact("A"), beside, fact("A") | change]))
    assert (added.new_facts, added.known_facts) == (2, 1)


def test_a_failure_in_the_second_batch_leaves_nothing(store):
    with pytest.raises(RuntimeError, match="torn"):
        store.add(FewFacts([fact("A")], RuntimeError("torn")))
    assert store.facts().collect().height == 0
    assert store.sources() == []
    assert store.add(FewFacts([fact("A")], [fact("B")])).new_facts == 2


def test_two_imports_at_once_wait_for_each_other(store):
    def add(source_id):
        try:
            facts = [fact(f"P{n}", source=source_id) for n in range(200)]
            return store.add(FewFacts(facts, facts[::-1], source_id=source_id))
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(add, ["s1", "s1", "s2", "s2"]))
    assert sorted(one.already_imported for one in added) == [False, False, True, True]
    assert sum(one.new_facts for one in added) == 200
    assert store.facts().collect().height == 200


def test_readers_go_on_while_sqlite_is_written(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/registry.sqlite3")
    store.add(FewFacts([fact("A")]))
    met = []

    class Watched(FewFacts):
        def batches(self):
            for batch in super().batches():
                yield batch
                met.append(store.facts().collect().height)

    store.add(Watched([fact("B")], [fact("C")], source_id="s2"))
    assert met == [1, 1]
    assert store.facts().collect().height == 3


def test_one_persons_facts_are_looked_up_whatever_the_statistics_say(tmp_path):
    """Every visit is a source: statistics of a day with one must not mean going through all."""
    store = open_store(f"sqlite:///{tmp_path}/registry.sqlite3")
    store.add(FewFacts([fact("A")]))
    analyse(store.alias)
    store.close()  # statistics are read with the next connection
    statement, values = select(list(FACT_SCHEMA), Wanted(person_id="A"), mark="%s")
    with connections[store.alias].cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        steps = [step for *_, step in cursor.fetchall()]
    assert any("SEARCH s" in step for step in steps)
    assert not any("SCAN s" in step for step in steps)


def test_what_does_not_fit_is_refused_without_telling_values(store):
    for bad in (fact("x" * 201), fact(unit="u" * 65)):
        with pytest.raises(InputError, match="of more than"):
            store.add(FewFacts([fact("A")], [bad]))
    with pytest.raises(InputError, match="facts without person_id"):
        store.add(FewFacts([fact(None)]))
    with pytest.raises(InputError, match="facts of a status not among"):
        store.add(FewFacts([fact(status="probably")]))
    assert store.facts().collect().height == 0


def test_a_refusal_of_the_database_tells_no_values(store, monkeypatch):
    for driver, name in ((sqlite, "ADD_FACT"), (postgresql, "ADD_STAGED_FACTS")):
        monkeypatch.setattr(driver, name, getattr(driver, name).replace("registry_fact", "gone"))
    with pytest.raises(CareloopError, match="could not store the facts") as refused:
        store.add(FewFacts([fact("秘密")]))
    assert "秘密" not in str(refused.value)
    assert refused.value.__cause__ is None
    monkeypatch.undo()
    assert store.facts().collect().height == 0


def test_values_never_reach_the_log(store, caplog, settings_debug):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "django.db.backends")
    store.add(FewFacts([fact("CANARY-1", "name", "CANARY-2")]))
    assert store.facts(person_id="CANARY-1").collect().height == 1
    assert "registry_source" in caplog.text  # the log works
    assert "CANARY" not in caplog.text


@pytest.fixture
def settings_debug(monkeypatch):
    monkeypatch.setattr(django_settings, "DEBUG", True)


def test_the_account_is_kept_with_the_source(store):
    Row = tables().Source  # noqa: N806

    reading = FewFacts([fact("A"), fact("A")])
    reading.report.outcomes["Observation", "read"] = 2
    reading.report.findings.append(Finding("Q101", "f.csv row 3", value="张三"))
    store.add(reading)
    row = Row.objects.using(store.alias).get()
    assert (row.facts_told, row.facts_new) == (2, 1)
    assert row.import_report["outcomes"] == [["Observation", "read", 2]]
    assert "张三" not in str(row.import_report)


# ---------------------------------------------------------------- the three stores agree

TIMES = st.integers(0, 6).map(lambda days: DAY + timedelta(days=days))


@st.composite
def some_facts(draw):
    key = draw(st.sampled_from(["weight_kg", "name", "drug", "fall", "t_hip"]))
    value = {
        "weight_kg": st.sampled_from([50.0, 60.5]),
        "t_hip": st.sampled_from([-2.5, -1.0]),
        "name": st.sampled_from(["张三", "李四", ""]),
    }.get(key, st.sampled_from([0.0, 1.0]))
    at = draw(TIMES)
    return fact(
        draw(st.sampled_from(["A", "B"])),
        key,
        draw(value),
        effective_at=at,
        recorded_at=at,
        until=draw(st.one_of(st.none(), TIMES)) if key == "drug" else None,
        context=draw(st.sampled_from([None, '{"device":"ge"}'])) if key == "t_hip" else None,
        status=draw(st.sampled_from(["final", "final", "assumed", "entered_in_error"])),
        row=draw(st.integers(1, 2)),
    )


FILES = st.lists(st.lists(some_facts(), max_size=8), min_size=1, max_size=3)


def snapshots(files, *stores):
    for store in stores:
        for n, facts in enumerate(files):
            read_at = READ_AT + timedelta(days=n)
            store.add(FewFacts(facts[:4], facts[4:], source_id=f"s{n}", read_at=read_at))
    as_of = date(2024, 3, 4)
    return [snapshot(store.facts(), as_of, WORDS).frame.sort("person_id") for store in stores]


@settings(max_examples=40, deadline=None)
@given(FILES)
def test_sqlite_and_parquet_give_the_same_snapshot(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("stores")
    sqlite = open_store(f"sqlite:///{folder}/registry.sqlite3")
    one, other = snapshots(files, ParquetStore(folder / "facts"), sqlite)
    assert_frame_equal(one, other)
    sqlite.close()


@pytest.mark.postgres
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(FILES)
def test_postgresql_and_sqlite_give_the_same_snapshot(tmp_path_factory, postgres_url, files):
    folder = tmp_path_factory.mktemp("stores")
    postgres = open_store(postgres_url())
    sqlite = open_store(f"sqlite:///{folder}/registry.sqlite3")
    one, other = snapshots(files, postgres, sqlite)
    assert_frame_equal(one, other)
    postgres.close()
    sqlite.close()


# ---------------------------------------------------------------- the tables themselves


def test_facts_are_never_changed_or_deleted(store):
    Fact, Person, Source = tables().Fact, tables().Person, tables().Source  # noqa: N806

    store.add(FewFacts([fact("A")]))
    facts = Fact.objects.using(store.alias)
    one = facts.get()
    one.number = 99.0
    attempts = (
        one.save,
        one.delete,
        lambda: one.save(update_fields=["number"]),
        lambda: facts.update(number=1.0),
        lambda: facts.filter(variable="weight_kg").delete(),
        lambda: facts.bulk_update([one], ["number"]),
        lambda: facts.bulk_create([one], update_conflicts=True, update_fields=["number"]),
    )
    for attempt in attempts:
        with pytest.raises(tables().FactStandsError, match="never changed or deleted"):
            attempt()
    for row in (Person.objects.using(store.alias).get(), Source.objects.using(store.alias).get()):
        with pytest.raises(ProtectedError):
            row.delete()
    assert facts.get().number == 60.0
    # What may be done: add one, and read it as it was.
    new = Fact(
        fact_key=b"k" * 16,
        person_id="A",
        variable="weight_kg",
        number=62.0,
        effective_at=DAY,
        recorded_at=DAY,
        status="final",
        source_id=one.source_id,
    )
    new.save(using=store.alias)
    assert facts.get(number=62.0).effective_at == DAY
    assert facts.filter(effective_at__gte=DAY).count() == 2
    assert facts.filter(effective_at__lt=DAY).count() == 0


def test_a_wall_clock_has_no_zone(store):
    Fact = tables().Fact  # noqa: N806

    with pytest.raises(ValidationError, match="no time zone"):
        list(Fact.objects.using(store.alias).filter(effective_at=READ_AT))
    with pytest.raises(ValidationError, match="is not a time"):
        list(Fact.objects.using(store.alias).filter(effective_at="soon"))


def test_two_databases_in_one_process_stay_apart(tmp_path):
    one = open_store(f"sqlite:///{tmp_path}/one.sqlite3")
    two = open_store(f"sqlite:///{tmp_path}/two.sqlite3")
    one.add(FewFacts([fact("A")]))
    assert (one.facts().collect().height, two.facts().collect().height) == (1, 0)
    assert open_store(f"sqlite:///{tmp_path}/one.sqlite3").alias == one.alias


@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
def test_what_is_no_database_is_refused(tmp_path):
    for url in ("mysql://x/y", "registry.sqlite3", "sqlite://x", "postgresql://h:port/x?a=b=c"):
        with pytest.raises(ConfigError):
            open_store(url)
    (tmp_path / "file.sqlite3").write_text("this is a letter, not a database" * 100)
    with pytest.raises(CareloopError, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/file.sqlite3")
    gc.collect()  # Django leaves such a connection open; Python 3.13 says so when it finds it


@pytest.mark.filterwarnings("ignore:Got an error checking a consistent migration history")
def test_the_migrations_are_those_of_the_models(tmp_path):
    open_store(f"sqlite:///{tmp_path}/registry.sqlite3")
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.realdata
def test_real_sources_give_the_same_snapshot_from_every_store(tmp_path, data_dir, repository):
    words, as_of = load(), date(2021, 1, 1)
    sources = (
        (data_dir / "fhir_synthea/bundles.tar.gz", None),
        (data_dir / "glow/GLOW500.txt", repository / "examples/glow500.toml"),
        (
            data_dir / "nhanes_2017_2020/nhanes_50plus.csv.gz",
            repository / "examples/nhanes_2017_2020.toml",
        ),
    )
    parquet = ParquetStore(tmp_path / "facts")
    sqlite_store = open_store(f"sqlite:///{tmp_path}/registry.sqlite3")
    for file, mapping in sources:
        for store in (parquet, sqlite_store):
            reading = open_reading(file, dictionary=words, mapping=mapping, as_of=as_of)
            added = store.add(reading)
            assert added.new_facts + added.known_facts == reading.report.facts > 0
    frames = [
        snapshot(facts, as_of, words).frame.sort("person_id")
        for facts in (parquet.facts(distinct=False), parquet.facts(), sqlite_store.facts())
    ]
    assert frames[0].height > 5000
    assert_frame_equal(frames[0], frames[1])
    assert_frame_equal(frames[0], frames[2])
