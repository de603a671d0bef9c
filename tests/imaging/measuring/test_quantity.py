"""The list of what is measured, and the dictionary made from it."""

from __future__ import annotations

import re
import subprocess
import sys

from pydicom.uid import UID_dictionary

from careloop.dictionary.catalogue import load
from careloop.dictionary.codes import system_of_uri
from careloop.imaging.feature.table import feature_table
from careloop.imaging.measuring.quantity import FAMILY_NAMES, quantities


def test_the_dictionary_is_in_step(repository):
    done = subprocess.run(
        [sys.executable, repository / "scripts" / "image_variables", "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_variables_are_declared_with_unit_names_and_ids():
    keys = [each.variable for each in quantities()]
    assert len(keys) == len(set(keys))
    for each in quantities():
        declared = load()[each.variable]
        assert (declared.unit, declared.label, declared.kind) == (each.unit, each.label, "number")
        assert [code.code for code in declared.codes] == ([each.ibsi_id] if each.ibsi_id else [])
        assert re.search(r"[\u4e00-\u9fff]", each.label.zh)
    image = {key for key, each in load().items() if each.group == "image"}
    assert image == set(keys)


def test_every_ibsi_feature_is_found_by_its_id():
    for feature in feature_table():
        (found,) = load().by_code("ibsi", feature.ibsi_id)
        assert found.key == f"radiomics_{feature.key}"
    assert system_of_uri("urn:oid:1.2.840.10008.2.16.13") == "ibsi"


def test_the_coding_scheme_is_the_one_dicom_registers():
    assert UID_dictionary["1.2.840.10008.2.16.13"][4] == "IBSI"


def test_families_have_names():
    assert {each.family for each in quantities()} == set(FAMILY_NAMES)
