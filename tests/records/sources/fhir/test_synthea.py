"""The 28 bundles of Synthea: a foreign sender, whole."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from datetime import date

import polars as pl
import pytest

from careloop.records.snapshot import snapshot
from careloop.records.sources.fhir import read_fhir

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def bundles(data_dir):
    """Every resource of the archive, counted with the standard library only."""
    found = []
    with tarfile.open(data_dir / "fhir_synthea" / "bundles.tar.gz") as archive:
        for member in archive:
            if member.isfile():
                content = json.load(archive.extractfile(member))
                found.append([entry["resource"] for entry in content["entry"]])
    return found


@pytest.fixture(scope="module")
def read(data_dir, dictionary):
    path = data_dir / "fhir_synthea" / "bundles.tar.gz"
    reading = read_fhir(path, dictionary=dictionary, sender="Synthea", today=date(2025, 1, 1))
    return pl.concat(list(reading.batches())), reading


def test_every_resource_is_met(bundles, read):
    expected = Counter(resource["resourceType"] for each in bundles for resource in each)
    assert len(bundles) == 28
    assert sum(expected.values()) == 11_643
    met = {k: n for k, n in read[1].report.resources.items() if k != "Observation.component"}
    assert met == expected
    assert read[1].report.records == 11_643


def test_every_outcome_adds_up(bundles, read):
    report = read[1].report
    told = Counter()
    for (kind, _), count in report.outcomes.items():
        told[kind] += count
    assert told == report.resources
    components = sum(len(r.get("component", [])) for each in bundles for r in each)
    assert report.resources["Observation.component"] == components
    rejected = sum(n for (k, o), n in report.outcomes.items()
                   if o.startswith("rejected: ") and k != "Observation.component")  # fmt: skip
    assert rejected == report.rejected_records == len(read[1].rejected())
    assert report.outcomes["Immunization", "ignored by design"] == 309
    assert report.outcomes["Patient", "fact"] == 28


def test_nothing_measured_is_lost_without_a_reason(bundles, read, dictionary):
    """Every number under a code of the dictionary is a fact, or a rejected resource."""
    facts, reading = read
    codes = {code.code for v in dictionary.values() for code in v.codes if code.system == "loinc"}
    sent = {
        f"Observation/{resource['id']}"
        for each in bundles
        for resource in each
        if resource["resourceType"] == "Observation"
        and any(coding["code"] in codes for coding in resource["code"]["coding"])
        and "valueQuantity" in resource
    }
    rejected = set(reading.rejected()["reference"])
    assert sent == (set(facts["field"]) & sent) | (rejected & sent)
    assert rejected <= sent
    assert set(reading.rejected()["reason"]) == {"rejected: out of range"}


def test_persons_are_the_patients(bundles, read):
    facts, reading = read
    ids = {r["id"] for each in bundles for r in each if r["resourceType"] == "Patient"}
    assert set(facts["person_id"]) == ids
    assert reading.report.persons == 28
    sexes = Counter(r["gender"] for each in bundles for r in each if r["resourceType"] == "Patient")
    assert dict(facts.filter(variable="sex")["text"].value_counts().rows()) == sexes


def test_values_are_the_senders(bundles, read):
    facts = read[0].filter(variable="height_cm")
    by_field = dict(facts.select("field", "number").rows())
    sent = {
        f"Observation/{r['id']}": r["valueQuantity"]["value"]
        for each in bundles
        for r in each
        if r["resourceType"] == "Observation" and r["code"]["coding"][0]["code"] == "8302-2"
    }
    assert by_field.items() <= sent.items()
    assert len(by_field) + sum(1 for value in sent.values() if value < 100) == len(sent)


def test_38265_5_is_kept_as_radius_and_ulna_and_flagged(bundles, read):
    facts, reading = read
    sent = sorted(
        r["valueQuantity"]["value"]
        for each in bundles
        for r in each
        if r["resourceType"] == "Observation" and r["code"]["coding"][0]["code"] == "38265-5"
    )
    assert len(sent) == 18
    assert sorted(facts.filter(variable="t_radius_ulna")["number"]) == sent
    others = facts.filter(pl.col("variable").str.starts_with("t_"))["variable"].unique().to_list()
    assert others == ["t_radius_ulna"]  # never a hip or a spine
    (finding,) = [each for each in reading.report.findings if each.code == "F210"]
    assert finding.count == 18
    assert finding.value == "DXA [T-score] Bone density"


def test_a_snapshot_of_it(read, dictionary):
    taken = snapshot(read[0], date(2019, 6, 1), dictionary).frame
    assert len(taken) == 28
    assert taken["alendronate_current"].sum() == len(
        read[0].filter(variable="alendronate_current")["person_id"].unique()
    )
    assert taken["age_y"].null_count() == 0
