"""Resources in memory are read as the same resources in a file are."""

from __future__ import annotations

from careloop.records.fact import FACT_SCHEMA
from careloop.records.sources.fhir import read_resources
from careloop.records.sources.fhir.code import CodeBook

from .conftest import TODAY, observation

PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1950-01-02"}


def test_memory_equals_file(read, dictionary):
    sent = [PATIENT, observation(), observation(id="strange", code={"text": "?"})]
    book = CodeBook(dictionary)
    facts, report = read_resources([(each, "") for each in sent], book, today=TODAY)
    file = read(*sent)
    assert facts.drop("source").equals(file.facts.drop("source"))
    assert report.outcomes == file.report.outcomes


def test_noise_does_not_raise(dictionary):
    noise = [{}, {"resourceType": 3}, {"resourceType": "Observation", "code": 7, "subject": []}]
    facts, report = read_resources(
        [(each, "") for each in noise], CodeBook(dictionary), today=TODAY
    )
    assert facts.is_empty()
    assert dict(facts.schema) == FACT_SCHEMA
    assert report.records == 3
