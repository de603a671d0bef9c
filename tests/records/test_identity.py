"""Possible duplicates are found, and nothing that speaks against is overlooked."""

from datetime import datetime

import polars as pl

from careloop.records.fact import FACT_SCHEMA
from careloop.records.identity import possible_duplicates


def people(*rows):
    facts = [
        {
            "person_id": person,
            "variable": variable,
            "text": text,
            "effective_at": datetime(2026, 1, 1),
            "recorded_at": datetime(2026, 1, 1),
            "status": "final",
        }
        for person, known in rows
        for variable, text in known.items()
    ]
    return pl.DataFrame(facts, schema=FACT_SCHEMA)


WANG = {"name": "王秀英", "birth_date": "1950-03-01", "sex": "female"}


def test_pairs_and_their_evidence():
    table = people(
        ("A1", WANG | {"national_id": "990000195003010021"}),
        ("B7", {"name": "王秀瑛", "national_id": "990000195003010021"}),
        ("C2", WANG),
        ("D3", WANG | {"national_id": "990000195003010048"}),
        ("E4", WANG | {"birth_date": "1950-03-02"}),
    )
    found = possible_duplicates(table).rows()
    assert found == [
        ("A1", "B7", "national_id"),
        ("A1", "C2", "name_birth_sex"),
        ("C2", "D3", "name_birth_sex"),
    ]


def test_nobody_is_a_duplicate_of_unknown():
    table = people(("A", {"sex": "female"}), ("B", {"sex": "female"}))
    assert possible_duplicates(table).is_empty()
    assert possible_duplicates(people()).is_empty()
