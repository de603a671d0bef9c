"""From codes to variables: hierarchies, qualifiers, several meanings."""

from __future__ import annotations

import orjson
import pytest

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.codes import SYSTEMS
from careloop.dictionary.variable import Code, Text, Variable
from careloop.records.sources.fhir import read_fhir
from careloop.records.sources.fhir.code import CodeBook, choose, plain, sites_named

from .conftest import ATC, ICD10, LOINC, OWN, SNOMED, TODAY, bundle, concept, observation


def variable(key, *codes, kind="boolean", **parts):
    return Variable(key, kind, Text(key, key), "test", codes=codes, **parts)


BOOK = CodeBook(
    Dictionary(
        [
            variable("bisphosphonate", Code("atc", "M05BA")),
            variable("alendronate", Code("atc", "M05BA04")),
            variable("fracture", Code("icd10", "M80")),
            variable("cancer", Code("icd10", "C00-C97")),
            variable("neck", Code("loinc", "38263-0", "Femur", qualifier="femoral neck")),
            variable("hip", Code("loinc", "38263-0", "Femur", qualifier="total hip")),
            variable("fall", Code("snomed", "161512007")),
        ]
    )
)


def keys(*coding):
    return {target.variable.key for target in BOOK.of_coding(*coding)}


@pytest.mark.parametrize(
    ("uri", "code", "found"),
    [
        (ATC, "M05BA04", {"bisphosphonate", "alendronate"}),
        (ATC, "M05BA", {"bisphosphonate"}),
        (ATC, "M05BA07", {"bisphosphonate"}),
        (ATC, "M05", set()),
        (ICD10, "M80.0", {"fracture"}),
        (ICD10, "M80.900x021", {"fracture"}),  # a Chinese extension
        (ICD10, "m800", {"fracture"}),
        (ICD10, "C50.9", {"cancer"}),
        (ICD10, "D00.0", set()),
        ("http://hl7.org/fhir/sid/icd-10-cm", "M80.051A", set()),  # another system
        (SNOMED, "161512007", {"fall"}),
        ("http://snomed.info/sct/900000000000207008/version/20240101", "161512007", {"fall"}),
        ("urn:oid:2.16.840.1.113883.6.96", "161512007", {"fall"}),
        ("", "161512007", set()),  # a code without its system means nothing
        ("urn:local", "161512007", set()),
        (OWN, "fall", {"fall"}),
        (OWN, "none_such", set()),
    ],
)
def test_what_a_code_means(uri, code, found):
    assert keys(uri, code) == found
    assert keys(uri, code) == found  # remembered


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        (["Femoral neck"], ["neck"]),
        (["left FEMORAL-NECK, L"], ["neck"]),
        (["股骨颈(左)"], ["neck"]),
        (["total_hip"], ["hip"]),
        (["hip"], []),
        ([], []),
    ],
)
def test_qualifiers(said, chosen):
    targets = BOOK.of_coding(LOINC, "38263-0")
    assert [target.variable.key for target in choose(targets, said)] == chosen
    free = BOOK.of_coding(SNOMED, "161512007")
    assert [target.variable.key for target in choose([*targets, *free], said)] == (
        chosen or ["fall"]
    )


def test_a_code_that_needs_its_site_is_rejected_without(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(orjson.dumps(bundle(observation(("38263-0",), valueBoolean=True))))
    reading = read_fhir(path, dictionary=BOOK.dictionary, today=TODAY)
    assert list(reading.batches()) == []
    assert dict(reading.report.outcomes) == {("Observation", "rejected: site"): 1}
    (finding,) = reading.report.findings
    assert (finding.code, finding.detail) == ("F211", "neck, hip")


def test_plain_text_and_sites():
    assert plain("  Neck_of\tFEMUR (L) ") == "neck of femur l"
    assert sites_named(["DXA", "左侧股骨颈"]) == {"hip"}
    assert sites_named(["Radius"]) == {"forearm"}
    assert not sites_named(["DXA [T-score] Bone density"])


def test_fingerprint_follows_the_codes():
    one = CodeBook(Dictionary([variable("a", Code("atc", "M05BA"))]))
    same = CodeBook(Dictionary([variable("a", Code("atc", "M05BA"))]))
    more = CodeBook(Dictionary([variable("a", Code("atc", "M05BA"), Code("atc", "M05BB"))]))
    assert one.fingerprint == same.fingerprint != more.fingerprint


def test_every_code_of_the_dictionary_is_found(dictionary):
    book = CodeBook(dictionary)
    for each in dictionary.values():
        for code in each.codes:
            uri, first = SYSTEMS[code.system].uri, code.code.split("-")[0]
            sent = first if len(first) == 3 and code.system.startswith("icd") else code.code
            found = book.of_concept(concept(uri, sent))
            assert each.key in {target.variable.key for target in found}, code
        for said, value in each.value_codes.items():
            system, _, code = said.partition("|")
            assert book.value(each, concept(SYSTEMS[system].uri, code)) == value
