"""Check digits, spellings and the trap list of facts.md §0 and §6."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.dictionary import Dictionary, load
from careloop.dictionary.codes import (
    SYSTEMS,
    ancestors,
    check_code,
    is_valid_atc,
    is_valid_icd10,
    is_valid_icd10cm,
    is_valid_loinc,
    is_valid_snomed,
    loinc_check_digit,
    members,
    system_of_uri,
)
from careloop.dictionary.variable import Code
from careloop.error import ConfigError

LOINC = [code.code for v in load().values() for code in v.codes if code.system == "loinc"]
SNOMED = [code.code for v in load().values() for code in v.codes if code.system == "snomed"]


def test_loinc_against_published_codes() -> None:
    # facts §0.1 and §6: these exist; those fail the check digit and are often seen all the same
    for code in ("38263-0", "38265-5", "24966-4", "90265-0", "104938-6", "24890-6", "98979-8"):
        assert is_valid_loinc(code), code
    for code in ("38263-4", "24890-2", "38263", "38263-", "-0", "38263-00", "3826３-0", ""):
        assert not is_valid_loinc(code), code


def test_snomed_against_synthea_codes() -> None:
    for code in ("64859006", "312681000", "443165006", "359817006", "124171000119105"):
        assert is_valid_snomed(code), code
    for code in ("64859007", "6485900", "064859006", "12345", "64859006 ", "", "6" * 19):
        assert not is_valid_snomed(code), code


@given(st.sampled_from(LOINC), st.data())
def test_any_single_wrong_digit_of_a_loinc_code_is_caught(code: str, data: st.DataObject) -> None:
    assert is_valid_loinc(code)
    place = data.draw(st.sampled_from([at for at, sign in enumerate(code) if sign != "-"]))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != code[place]]))
    assert not is_valid_loinc(code[:place] + digit + code[place + 1 :])


@given(st.integers(1, 9_999_999))
def test_one_check_digit_of_ten_is_right(stem: int) -> None:
    right = [digit for digit in range(10) if is_valid_loinc(f"{stem}-{digit}")]
    assert right == [loinc_check_digit(str(stem))]


@given(st.sampled_from(SNOMED), st.data())
def test_any_single_wrong_digit_or_swap_of_a_snomed_code_is_caught(
    code: str, data: st.DataObject
) -> None:
    assert is_valid_snomed(code)
    place = data.draw(st.integers(0, len(code) - 1))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != code[place]]))
    assert not is_valid_snomed(code[:place] + digit + code[place + 1 :])
    if place and code[place] != code[place - 1]:
        swapped = code[: place - 1] + code[place] + code[place - 1] + code[place + 1 :]
        assert not is_valid_snomed(swapped)


@pytest.mark.parametrize(
    ("code", "who", "cm"),
    [
        ("M80", True, True),
        ("M80.0", True, True),
        ("M81.5", True, True),  # spelled like both; CM has no such code
        ("M80.051A", False, True),
        ("C4A", False, True),
        ("C00-C97", True, True),
        ("C97-C00", False, False),
        ("M800", False, False),
        ("m80.0", False, False),
        ("M80.", False, False),
        ("80.0", False, False),
        ("", False, False),
    ],
)
def test_icd10_of_who_and_icd10cm_are_spelled_apart(code: str, who: bool, cm: bool) -> None:
    assert is_valid_icd10(code) is who
    assert is_valid_icd10cm(code) is cm


def test_atc_is_spelled_by_level() -> None:
    assert all(is_valid_atc(code) for code in ("M", "M05", "M05B", "M05BA", "M05BA04"))
    assert not any(is_valid_atc(c) for c in ("", "E05", "M5", "M05BA4", "M05BA044", "m05ba04"))


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (Code("loinc", "38263-4"), "loinc.org"),
        (Code("snomed", "64859007"), "SNOMED"),
        (Code("icd10", "M80.051A"), "ICD-10-CM"),
        (Code("icd10cm", "M8"), "M80.051A"),
        (Code("atc", "M05BA4"), "M05BA04"),
        (Code("rxnorm", "x"), "digits"),
        (Code("icd-10", "M80"), "icd10"),
    ],
)
def test_an_impossible_code_is_refused_with_place_and_remedy(code: Code, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_code(code, where="dxa.toml [femur_t]")
    assert caught.value.where == "dxa.toml [femur_t]"
    assert remedy in caught.value.remedy
    check_code(Code("loinc", "38263-0"), where="here")


def test_a_system_is_known_by_uri_alias_and_key() -> None:
    for system in SYSTEMS.values():
        for uri in (system.uri, system.uri + "/", system.uri + "|2024", *system.aliases):
            assert system_of_uri(uri) == system.key, uri
    assert system_of_uri("https://loinc.org") == "loinc"
    assert system_of_uri("urn:oid:2.16.840.1.113883.6.96") == "snomed"
    assert system_of_uri("http://snomed.info/sct/731000124108/version/20240301") == "snomed"
    assert system_of_uri("http://hl7.org/fhir/sid/icd-10") == "icd10"
    assert system_of_uri("http://hl7.org/fhir/sid/icd-10-cm") == "icd10cm"
    assert [system_of_uri(uri) for uri in (None, "", "http://example.org", "sct")] == [None] * 4


def test_ancestors_drop_signs_and_shorten() -> None:
    assert list(ancestors("icd10", "m80.8x011"))[-3:] == ["M80.8X", "M80.8", "M80"]
    assert list(ancestors("icd10", "M800")) == ["M80.0", "M80"]
    assert list(ancestors("atc", "h02ab06")) == ["H02AB06", "H02AB", "H02A", "H02", "H"]
    assert list(ancestors("snomed", " 64859006 ")) == ["64859006"]
    assert list(ancestors("icd10", "M8")) == []
    assert list(ancestors("atc", "")) == []


def test_a_block_holds_its_categories() -> None:
    categories = members("icd10", "C00-C97")
    assert (categories[0], categories[-1], len(categories)) == ("C00", "C97", 98)
    assert members("icd10", "D99-E01") == ["D99", "E00", "E01"]
    assert members("loinc", "8302-2") == ["8302-2"]


@pytest.mark.parametrize(
    ("system", "code", "key"),
    [
        ("icd10", "M05.803", "rheumatoid_arthritis"),
        ("icd10", "E11.900x001", "diabetes_type2"),  # national extension
        ("icd10", "C341", "cancer_any"),
        ("icd10", "M81.5", "osteoporosis_diagnosed"),
        ("icd10cm", "M80.051A", "fragility_fracture_hip"),
        ("icd10cm", "C4A.0", "cancer_any"),
        ("atc", "H02AB06", "glucocorticoid_current"),
        ("atc", "N06AB04", "antidepressant_current"),
        ("atc", "M05BA04", "alendronate_current"),
        ("rxnorm", "904419", "alendronate_current"),
        ("snomed", "64859006", "osteoporosis_diagnosed"),
        ("loinc", "38265-5", "t_radius_ulna"),
        ("careloop", "t_femoral_neck", "t_femoral_neck"),
    ],
)
def test_by_code_finds_codes_and_what_stands_above_them(system: str, code: str, key: str) -> None:
    assert key in [variable.key for variable in load().by_code(system, code)]


def test_by_code_keeps_the_two_icd10_and_what_is_not_meant_apart() -> None:
    dictionary = load()

    def found(system: str, code: str) -> list[str]:
        return [variable.key for variable in dictionary.by_code(system, code)]

    assert "osteoporosis_diagnosed" not in found("icd10", "M81.6")  # localized
    assert "osteoporosis_diagnosed" not in found("icd10cm", "M81.5")  # exists in WHO only
    assert found("icd10", "M80.05") == found("icd10", "M80")  # 5 is no femur in WHO's M80.0
    assert "fragility_fracture_hip" not in found("icd10", "S72.0")  # force not known
    assert "fracture_hip_any" in found("icd10", "S72.0")
    assert found("icd10", "Z99") == found("nowhere", "M80") == found("loinc", "38263-4") == []


def test_matches_tell_the_code_that_matched_and_its_qualifier() -> None:
    matches = load().matches("loinc", "38263-0")
    assert {v.key: code.qualifier for v, code in matches} == {
        "t_femoral_neck": "femoral neck",
        "t_total_hip": "total hip",
        "t_trochanter": "trochanter",
        "femur_t": "",
    }


def test_the_more_specific_match_comes_first() -> None:
    keys = [variable.key for variable in load().by_code("icd10cm", "M80.051A")]
    assert keys.index("fragility_fracture_hip") < keys.index("fragility_fracture")


def test_an_empty_dictionary_finds_nothing() -> None:
    assert Dictionary([]).by_code("icd10", "M80") == []
