"""One person at a time answers as the snapshot of a population does."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.records.test_snapshot import AS_OF, WORDS, as_people, fact, some_facts, table

from careloop.dictionary.catalogue import load
from careloop.dictionary.derivation import derivation_order
from careloop.records.single import SingleSnapshot
from careloop.records.snapshot import snapshot

SINGLE = SingleSnapshot(WORDS)


def told(rows):
    """Rows in the form of `as_people`."""
    return {
        row["person_id"]: {
            key: value
            for key, value in row.items()
            if key != "person_id" and value is not None and (value or not key.endswith("__assumed"))
        }
        for row in rows
    }


@settings(max_examples=400, deadline=None)
@given(some_facts())
def test_rows_are_those_of_the_snapshot(facts):
    known = table(facts)
    rows = SINGLE.rows(known, AS_OF)
    taken = snapshot(known, AS_OF, WORDS).frame
    assert [row["person_id"] for row in rows] == taken["person_id"].to_list()
    assert told(rows) == as_people(taken)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_derivation_of_our_dictionary_answers_the_same(data):
    dictionary = load()
    derived = [key for key in dictionary if dictionary[key].derive]
    names = sorted({name for key in derived for name in [key, *derivation_order(dictionary)[key]]})
    facts = [
        fact(name, _any(dictionary[name], data.draw), status=status)
        for name in data.draw(st.lists(st.sampled_from(names), max_size=25))
        for status in [data.draw(st.sampled_from(["final", "final", "assumed"]))]
    ]
    known = table(facts)
    rows = SingleSnapshot(dictionary).rows(known, AS_OF)
    assert told(rows) == as_people(snapshot(known, AS_OF, dictionary).frame)


def _any(variable, draw):
    if variable.kind == "date":
        return draw(st.sampled_from(["1950-01-31", "2019-02-28"]))
    if variable.kind == "code":
        return draw(st.sampled_from(sorted(variable.values)))
    if variable.kind == "boolean":
        return draw(st.sampled_from([0.0, 1.0]))
    low, high = variable.low or 0.0, variable.high or 100.0
    return draw(st.floats(low, high))


@pytest.mark.parametrize("text", ["1950-1-5", "1950-02-30", "1950-03-04T10:00", "x", "1950/03/04"])
def test_days_are_read_as_polars_reads_them(text):
    known = table([fact("birth_date", text)])
    assert told(SINGLE.rows(known, AS_OF)) == as_people(snapshot(known, AS_OF, WORDS).frame)


@pytest.mark.parametrize("context", ['{"side": 3}', '{"device": true, "side": ["a"]}', "{}"])
def test_qualifiers_are_read_as_polars_reads_them(context):
    known = table([fact("t_hip", -2.0, context=context)])
    assert told(SINGLE.rows(known, AS_OF)) == as_people(snapshot(known, AS_OF, WORDS).frame)


def test_what_is_not_a_number_is_no_value():
    known = table([fact("weight_kg", float("nan")), fact("height_cm", float("inf"))])
    assert told(SINGLE.rows(known, AS_OF)) == as_people(snapshot(known, AS_OF, WORDS).frame)


def test_facts_without_optional_columns_are_read():
    known = table([fact("weight_kg", 81.0)]).drop("context", "until", "row", "field", "source")
    found = told(SINGLE.rows(known, date(2020, 1, 1)))
    assert found == as_people(snapshot(known, date(2020, 1, 1), WORDS).frame)
    assert found["P1"]["weight_kg"] == 81.0
    assert SINGLE.rows(known, date(2019, 12, 31)) == []


def test_what_is_recorded_later_is_not_known_yet():
    late = {**fact("weight_kg", 81.0), "recorded_at": datetime.fromisoformat("2020-06-16")}
    assert SINGLE.rows(table([late]), AS_OF) == []
