"""Whole files: every wrapping gives the same facts; whose they are; what is refused and how."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from datetime import date

import orjson
import pytest

from careloop.dictionary.catalogue import Dictionary
from careloop.error import InputError
from careloop.records.finding import FINDINGS
from careloop.records.sources.fhir import account, document, read_fhir, reading

from .conftest import TODAY, bundle, observation

PEOPLE = [
    {
        "resourceType": "Patient",
        "id": each,
        "gender": "female",
        "birthDate": "1950-03-01",
        "identifier": [{"system": "urn:card", "value": f"card-{each}"}],
    }
    for each in "pq"
]
HEIGHTS = [
    observation(id=f"o{number}", subject={"reference": f"Patient/{person}"})
    for number, person in enumerate("pqp")
]
ALL = [*HEIGHTS, *PEOPLE]


def ndjson(*resources):
    return b"\n".join(orjson.dumps(resource) for resource in resources) + b"\n"


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return out.getvalue()


def tar_gz(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name.replace("_", "."))
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


WHOLE = orjson.dumps(bundle(*ALL))
PRETTY = orjson.dumps(bundle(*ALL, kind="transaction"), option=orjson.OPT_INDENT_2)
EXPORT = {"Observation_ndjson": ndjson(*HEIGHTS), "Patient_ndjson": ndjson(*PEOPLE)}
WRAPPINGS = {
    "bundle": WHOLE,
    "pretty": PRETTY,
    "windows": b"\xef\xbb\xbf" + PRETTY.replace(b"\n", b"\r\n"),
    "list": orjson.dumps(ALL),
    "nested": orjson.dumps(bundle(bundle(*ALL))),
    "ndjson": ndjson(*ALL),
    "blank lines": b"\n\n" + ndjson(*ALL).replace(b"\n", b"\r\n\r\n"),
    "bundles by line": ndjson(bundle(*HEIGHTS), bundle(*PEOPLE)),
    "gzip": gzip.compress(WHOLE),
    "ndjson gzip": gzip.compress(ndjson(*ALL)),
    "zip": zipped(a_json=WHOLE),
    "export zip": zipped(**EXPORT),
    "export tar.gz": tar_gz(**EXPORT),
}


@pytest.mark.parametrize("data", WRAPPINGS.values(), ids=list(WRAPPINGS))
@pytest.mark.parametrize("person_id", ["", "urn:card"])
def test_every_wrapping_gives_the_same_facts(read, data, person_id):
    result = read(data, name="x", person_id=person_id)
    assert result.outcome("Observation") == {"fact": 3}
    assert result.outcome("Patient") == {"fact": 2}
    heights = result.facts.filter(variable="height_cm").select("person_id", "field").rows()
    prefix = "card-" if person_id else ""
    assert heights == [(f"{prefix}{p}", f"Observation/o{n}") for n, p in enumerate("pqp")]
    assert sorted(result.facts["row"].unique()) == [1, 2, 3, 4, 5]
    assert (result.report.records, result.report.persons) == (5, 2)
    assert result.report.findings == []


def test_reading_again_gives_the_same(tmp_path, dictionary):
    path = tmp_path / "x.json"
    path.write_bytes(orjson.dumps(bundle(*ALL, observation(id=None, status="odd"))))
    one, two = (read_fhir(path, dictionary=dictionary, today=TODAY) for _ in range(2))
    first = [table.rows() for table in one.batches()]
    again = [table.rows() for table in one.batches()]
    assert first == again == [table.rows() for table in two.batches()]
    assert one.source.source_id == two.source.source_id
    assert one.report == two.report
    assert one.rejected().equals(two.rejected())


def test_the_source_is_content_identifier_and_codes(tmp_path, dictionary):
    path = tmp_path / "x.json"
    path.write_bytes(WHOLE)

    def source(**options):
        return read_fhir(path, **({"dictionary": dictionary} | options)).source

    first = source(sender="东湖")
    assert (first.kind, first.name, first.sender) == ("fhir", "x.json", "东湖")
    assert source(sender="other").source_id == first.source_id
    assert source(person_id="urn:card").source_id != first.source_id
    fewer = Dictionary([dictionary["height_cm"]])
    assert source(dictionary=fewer).source_id != first.source_id
    path.write_bytes(WHOLE + b" ")
    assert source().source_id != first.source_id


def test_batches_are_small(tmp_path, dictionary, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 2)
    path = tmp_path / "x.ndjson"
    path.write_bytes(ndjson(*HEIGHTS))
    found = read_fhir(path, dictionary=dictionary, today=TODAY)
    assert [len(table) for table in found.batches()] == [2, 1]
    assert found.report.facts == 3


# --- whose


def test_references_by_full_url(read):
    urn = "urn:uuid:d67a0cff-8f7e-46f7-bb99-577a6623e59a"
    entries = [
        {"fullUrl": urn, "resource": PEOPLE[0] | {"id": "mine"}},
        {"resource": observation(subject={"reference": urn})},
        {"fullUrl": f"{urn}0", "resource": {k: v for k, v in PEOPLE[1].items() if k != "id"}},
        {"resource": observation(subject={"reference": f"{urn}0"})},
    ]
    result = read(orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    heights = result.facts.filter(variable="height_cm")["person_id"].to_list()
    assert heights == ["mine", f"{urn}0".removeprefix("urn:uuid:")]


@pytest.mark.parametrize(
    ("subject", "person"),
    [
        ({"reference": "Patient/p"}, "p"),
        ({"reference": "Patient/elsewhere"}, "elsewhere"),  # in another file of the export
        ({"reference": "https://x.org/fhir/Patient/elsewhere"}, "elsewhere"),
        ({"reference": "Patient/elsewhere/_history/2"}, "elsewhere"),
        ({"reference": "Patient?identifier=urn:card|card-q"}, "q"),
        ({"identifier": {"system": "urn:card", "value": "card-q"}}, "q"),
        ({"identifier": {"system": "urn:card", "value": "none"}}, None),
        ({"reference": "urn:uuid:nobody"}, None),
        ({"reference": "Group/g"}, None),
        ({"reference": "Patient/" + "x" * 1000}, None),
        ({"reference": ""}, None),
        ({"display": "Ann"}, None),
        (None, None),
        ("Patient/p", None),
    ],
)
def test_subjects(read, subject, person):
    result = read(*PEOPLE, observation(subject=subject))
    assert [fact["person_id"] for fact in result.of("height_cm")] == ([person] if person else [])
    if person is None:
        assert sum(result.codes().values()) == 1
        assert set(result.codes()) <= {"F201", "F202", "F203"}
        assert result.report.rejected_records == 1
        assert len(result.rejected) == 1


def test_a_chosen_identifier_must_be_there(read):
    stranger = PEOPLE[0] | {"id": "r", "identifier": [{"system": "urn:other", "value": "1"}]}
    lost = observation(subject={"reference": "Patient/r"})
    unknown = observation(subject={"reference": "Patient/nobody"})
    result = read(stranger, lost, unknown, *ALL, person_id="urn:card")
    assert set(result.facts["person_id"]) == {"card-p", "card-q"}
    assert result.codes() == {"F203": 3}
    assert result.report.rejected_records == 3


# --- accounting


def test_types_that_are_not_read_are_counted(read):
    result = read({"resourceType": "Claim"}, {"resourceType": "Immunization"}, observation())
    assert dict(result.report.outcomes) == {
        ("Claim", "not read"): 1,
        ("Immunization", "ignored by design"): 1,
        ("Observation", "fact"): 1,
    }
    entries = [{"response": {"status": "201"}}, {"resource": {"id": "x"}}, "odd",
               {"resource": observation()}]  # fmt: skip
    result = read(orjson.dumps({"resourceType": "Bundle", "entry": entries}))
    assert dict(result.report.resources) == {
        "(entry without resource)": 2,
        "(no resourceType)": 1,
        "Observation": 1,
    }


def test_other_files_in_an_archive_are_pointed_out(read):
    manifest = orjson.dumps({"transactionTime": "2024-01-01", "output": []})
    result = read(zipped(readme_txt=b"hello", a_json=WHOLE, list_json=manifest), name="x.zip")
    assert result.outcome("Observation") == {"fact": 3}
    found = [(finding.code, finding.where) for finding in result.report.findings]
    assert found == [("F222", "x.zip › list.json"), ("F222", "x.zip › readme.txt")]


def test_the_list_of_rejected_resources_has_room_for_some(read, monkeypatch):
    monkeypatch.setattr(account, "_KEPT_ROWS", 2)
    result = read(*[observation(subject=None)] * 5)
    assert result.report.rejected_records == 5
    assert len(result.rejected) == 2
    assert result.codes() == {"F202": 5, "F223": 3}


def test_equal_findings_are_one_with_a_count(read):
    result = read(*[observation(id=str(n), subject=None) for n in range(7)])
    (finding,) = result.report.findings
    assert (finding.count, finding.where) == (7, "sent.json: Observation/0")


def test_many_different_findings_stay_few(read, monkeypatch):
    monkeypatch.setattr(account, "_KEPT_KINDS", 3)
    monkeypatch.setattr(account, "_KEPT_CODES", 3)
    odd = [observation(id=str(n), valueQuantity={"value": 1, "unit": f"unit{n}"}) for n in range(9)]
    strange = [observation((f"{n}-0",)) for n in range(9)]
    result = read(*odd, *strange)
    assert result.codes() == {"F207": 9}
    assert len(result.report.findings) == 4
    assert len(result.report.unmapped_codes) == 4
    assert sum(result.report.unmapped_codes.values()) == 9


def test_every_finding_speaks_both_languages():
    own = {code: kind for code, kind in FINDINGS.items() if code.startswith("F2")}
    assert len(own) >= 27
    for kind in own.values():
        assert all((kind.zh, kind.en, kind.remedy_zh, kind.remedy_en))
        assert any("\u4e00" <= letter <= "\u9fff" for letter in kind.zh)
        assert kind.en.isascii()
    for text in account.OUTCOMES.values():
        assert text.zh
        assert text.en


# --- what is refused


@pytest.mark.parametrize("data", [WHOLE, PRETTY], ids=["one line", "pretty"])
@pytest.mark.parametrize("wrap", [bytes, gzip.compress, lambda b: zipped(a_json=b)],
                         ids=["plain", "gzip", "zip"])  # fmt: skip
def test_truncated_json_is_refused_wherever_it_is_cut(read, data, wrap):
    for cut in [2, 17, 100, len(data) // 2, len(data) - 1]:
        with pytest.raises(InputError, match="JSON cut short at line ") as caught:
            read(wrap(data[:cut]), name="x")
        assert caught.value.where == ("x › a.json" if wrap(b"")[:2] == b"PK" else "x")
        assert f"of {cut:,}" in caught.value.problem
        assert "copy it again" in caught.value.remedy


def test_a_truncated_line_is_named(read):
    with pytest.raises(InputError, match="JSON cut short") as caught:
        read(ndjson(*ALL)[:-10], name="x.ndjson")
    assert caught.value.where == "x.ndjson, line 5"


def test_facts_before_the_fault_are_not_a_whole_reading(tmp_path, dictionary, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 1)
    path = tmp_path / "x.ndjson"
    path.write_bytes(ndjson(*HEIGHTS)[:-10])
    going = read_fhir(path, dictionary=dictionary, today=TODAY).batches()
    assert len(next(going)) == 1
    with pytest.raises(InputError):
        list(going)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "holds no FHIR resource"),
        (b" \n\r\n ", "holds no FHIR resource"),
        (b"<Bundle xmlns='http://hl7.org/fhir'/>", "is XML, not JSON"),
        (b"SEQN,AGE\n1,2\n", "is no JSON"),
        (b"{}", "no FHIR"),
        (b"[1, 2]", "no FHIR"),
        (b'{"resourceType": 7}', "no FHIR"),
        (b'{"a": 1}\n{"b": 2}\n', "no FHIR"),
        (b'{"resourceType": "Bundle"}', "holds no FHIR resource"),
        (b'{"resourceType": "Patient", "id": "\xd6"}', "no valid JSON"),
        (b'{"resourceType": "Patient", "id": "\\ud800"}', "no valid JSON"),
        (b'{"resourceType": "Patient", "id": "p",}', "no valid JSON"),
        (b'{"a":' * 5000, "no valid JSON|cut short"),
        ("{}".encode("utf-16"), "is no JSON"),
        (zipped(x_json=b"SEQN"), "is no JSON"),
    ],
)
def test_what_is_no_fhir_is_refused(read, data, problem):
    with pytest.raises(InputError, match=problem) as caught:
        read(data)
    assert caught.value.where.startswith("sent.json")
    assert caught.value.remedy


def test_documents_have_a_largest_size(read, monkeypatch):
    monkeypatch.setattr(document, "DOCUMENT_BYTES", len(WHOLE) - 1)
    for data in (WHOLE, PRETTY, gzip.compress(WHOLE)):
        with pytest.raises(InputError, match="larger than") as caught:
            read(data)
        assert "NDJSON" in caught.value.remedy
    assert read(ndjson(*ALL)).report.records == 5


def test_a_missing_file_is_named(tmp_path, dictionary):
    with pytest.raises(InputError, match=r"^none\.json: cannot be opened"):
        read_fhir(tmp_path / "none.json", dictionary=dictionary)


def test_today_is_today_unless_said(read):
    tomorrow = observation(effectiveDateTime="2999-01-01")
    assert read(tomorrow, today=None).codes() == {"F206": 1}
    assert read(tomorrow, today=date(2999, 1, 1)).codes() == {}


def test_a_dictionary_without_demography(tmp_path, dictionary):
    path = tmp_path / "x.json"
    path.write_bytes(WHOLE)
    found = read_fhir(path, dictionary=Dictionary([dictionary["height_cm"]]), today=TODAY)
    (facts,) = found.batches()
    assert facts["variable"].unique().to_list() == ["height_cm"]
    assert found.report.outcomes["Patient", "says nothing the dictionary has"] == 2
