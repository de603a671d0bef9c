"""FHIR resources as small as they can be, and a way to read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.records.fact import empty_facts
from careloop.records.reading import ImportReport
from careloop.records.sources.fhir import read_fhir

TODAY = date(2024, 6, 30)
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
ATC, ICD10 = "http://www.whocc.no/atc", "http://hl7.org/fhir/sid/icd-10"
OWN = "urn:careloop:variable"
UCUM = "http://unitsofmeasure.org"


@dataclass
class Result:
    """What a reading gave."""

    facts: pl.DataFrame
    report: ImportReport
    rejected: pl.DataFrame

    def of(self, variable: str) -> list[dict[str, Any]]:
        return self.facts.filter(pl.col("variable") == variable).to_dicts()

    def only(self, variable: str) -> dict[str, Any]:
        (fact,) = self.of(variable)
        return fact

    def codes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for finding in self.report.findings:
            found[finding.code] = found.get(finding.code, 0) + finding.count
        return found

    def outcome(self, kind: str) -> dict[str, int]:
        return {o: n for (k, o), n in self.report.outcomes.items() if k == kind}


def concept(system: str, code: str, display: str = "") -> dict[str, Any]:
    coding = {"system": system, "code": code}
    return {"coding": [coding | {"display": display} if display else coding]}


def observation(code: Any = ("8302-2",), **parts: Any) -> dict[str, Any]:
    """A height of 160 cm of person p on 2020-05-01, changed by `parts`."""
    if isinstance(code, tuple):
        code = concept(LOINC, *code)
    whole = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": code,
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2020-05-01T08:30:00+08:00",
        "valueQuantity": {"value": 160, "unit": "cm", "system": UCUM, "code": "cm"},
    } | parts
    if any(name.startswith("value") or name == "component" for name in parts):
        whole.pop("valueQuantity") if "valueQuantity" not in parts else None
    return {name: part for name, part in whole.items() if part is not None}


def bundle(*resources: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [{"resource": resource} for resource in resources],
    }


@pytest.fixture(scope="session")
def dictionary():
    return load()


@pytest.fixture
def read(tmp_path: Path, dictionary: Any) -> Callable[..., Result]:
    """Read resources (as a bundle), or bytes as they are."""

    def read(*content: Any, name: str = "sent.json", **options: Any) -> Result:
        path = tmp_path / name
        raw = len(content) == 1 and isinstance(content[0], bytes)
        path.write_bytes(content[0] if raw else orjson.dumps(bundle(*content)))
        reading = read_fhir(path, dictionary=dictionary, **({"today": TODAY} | options))
        batches: Iterable[pl.DataFrame] = list(reading.batches())
        facts = pl.concat([empty_facts(), *batches])
        for kind, met in reading.report.resources.items():
            told = sum(n for (k, _), n in reading.report.outcomes.items() if k == kind)
            assert told == met, kind  # the account adds up, whatever was sent
        return Result(facts, reading.report, reading.rejected())

    return read
