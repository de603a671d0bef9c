"""Mapping files: every fault is named with file, section and what to write instead."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from careloop.dictionary.catalogue import Dictionary
from careloop.error import ConfigError
from careloop.records.mapping import MISSING, TableMapping, read_mapping

HEAD = """
[person]
id = "编号"
[dates]
effective = "日期"
"""


@pytest.fixture
def mapped(tmp_path: Path, small_dictionary: Dictionary):
    def read(text: str) -> TableMapping:
        path = tmp_path / "mapping.toml"
        path.write_text(text, encoding="utf-8")
        return read_mapping(path, small_dictionary)

    return read


def test_everything_a_mapping_can_say(mapped):
    mapping = mapped(
        """
        [source]
        sender = "东湖社区卫生服务中心"
        sheet = "档案"
        encoding = "GBK"
        delimiter = "\\t"
        rows = "person"
        [person]
        id = "编号"
        [dates]
        effective = "检查日期"
        recorded = "录入日期"
        formats = ["%d/%m/%Y"]
        [missing]
        codes = ["9999"]
        [columns."身高"]
        variable = "height_cm"
        unit = "m"
        missing = ["0"]
        [[columns.SMOKE]]
        variable = "smoking_status"
        values = { "1" = "current", "0" = "never" }
        [[columns.SMOKE]]
        variable = "fracture_prior"
        [columns.bmd]
        variable = "bmd_femoral_neck_g_cm2"
        unit = "g/cm2"
        context = { reference_db = "nhanes3_white_female", device = "hologic" }
        effective = "DXA日期"
        decimal = ","
        [combined.parent_hip_fracture]
        any_of = ["M", "F"]
        values = { "1" = true, "2" = false }
        [assumed]
        oestrogen_current = false
        sex = "female"
        [ignored]
        columns = ["备注"]
        """
    )
    assert mapping.sender == "东湖社区卫生服务中心"
    assert (mapping.sheet, mapping.encoding, mapping.delimiter) == ("档案", "gb18030", "\t")
    assert (mapping.rows, mapping.person_column) == ("person", "编号")
    assert (mapping.effective_column, mapping.recorded_column) == ("检查日期", "录入日期")
    height, smoking, fracture, bmd, parents = mapping.rules
    assert height.conversion(1.62) == 162
    assert height.missing == (*MISSING, "9999", "0")
    assert smoking.values == {"1": "current", "0": "never"}
    assert fracture.columns == smoking.columns == ("SMOKE",)
    assert bmd.context == '{"device":"hologic","reference_db":"nhanes3_white_female"}'
    assert (bmd.effective, bmd.decimal, bmd.formats) == ("DXA日期", ",", ("%d/%m/%Y",))
    assert parents.columns == ("M", "F")
    assert parents.field == "M + F"
    assert {one.key: value for one, value in mapping.assumed} == {
        "oestrogen_current": False,
        "sex": "female",
    }
    assert mapping.columns() == [
        "编号", "检查日期", "录入日期", "身高", "SMOKE", "bmd", "DXA日期", "M", "F"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ('"日期"', {"effective_column": "日期"}),
        ('{ constant = "2019-06-30" }', {"effective_constant": date(2019, 6, 30)}),
        ("{ constant = 2019-06-30 }", {"effective_constant": date(2019, 6, 30)}),
        ("{ as_of = true }", {"effective_as_of": True}),
    ],
)
def test_three_ways_to_say_when(mapped, declared, expected):
    mapping = mapped(
        f'[person]\nid = "a"\n[dates]\neffective = {declared}\n[columns.w]\nvariable = "weight_kg"'
    )
    for name, value in expected.items():
        assert getattr(mapping, name) == value


WEIGHT = '[columns.w]\nvariable = "weight_kg"\n'
FAULTS = {
    "misspelled section": ('[colums.w]\nvariable = "weight_kg"', "colums", "columns"),
    "misspelled setting": (WEIGHT + 'units = "kg"', "units", "did you mean unit"),
    "unknown variable": ('[columns.w]\nvariable = "weigth_kg"', "weigth_kg", "weight_kg"),
    "no variable": ('[columns.w]\nunit = "kg"', "names no variable", ""),
    "unit of another quantity": (WEIGHT + 'unit = "cm"', "[columns.w]", "'cm'"),
    "no unit at all": (WEIGHT + 'unit = "stones?"', "[columns.w]", "stones?"),
    "unit on a boolean": ('[columns.f]\nvariable = "fracture_prior"\nunit = "kg"', "no unit", ""),
    "value not of the code": (
        '[columns.s]\nvariable = "sex"\nvalues = { "1" = "femal" }', "femal", "female",
    ),
    "boolean as text": (
        '[columns.s]\nvariable = "fracture_prior"\nvalues = { "1" = "true" }', "'true'", "boolean",
    ),
    "number out of range": (WEIGHT + 'values = { "x" = 900 }', "900", "20–250 kg"),
    "a value for empty cells": (
        '[columns.s]\nvariable = "fracture_prior"\nvalues = { "" = false }', "empty", "[assumed]",
    ),
    "context the variable lacks": (WEIGHT + 'context = { side = "left" }', "side", "leave"),
    "context misspelled": (
        '[columns.b]\nvariable = "bmd_femoral_neck_g_cm2"\ncontext = { refernce_db = "x" }',
        "refernce_db", "reference_db",
    ),
    "combined number": ('[combined.weight_kg]\nany_of = ["a"]', "number", "yes or no"),
    "combined of nothing": ("[combined.fracture_prior]\nany_of = []", "no columns", "any_of"),
    "assumed unknown": (WEIGHT + "[assumed]\nestrogen_current = false", "estrogen", "oestrogen"),
    "assumed of another kind": (WEIGHT + "[assumed]\nfracture_prior = 0", "0", "boolean"),
    "two-digit years": (WEIGHT + 'formats = ["%d/%m/%y"]', "two-digit", ""),
    "half a date": (WEIGHT + 'formats = ["%d/%m"]', "whole date", ""),
    "delimiter": (WEIGHT + '[source]\ndelimiter = "x"', "delimiter", "','"),
    "encoding": (WEIGHT + '[source]\nencoding = "latin-1"', "latin-1", "gb18030"),
    "rows": (WEIGHT + '[source]\nrows = "patient"', "patient", "visit"),
    "section that is a value": ("columns = 3", "[columns]", "section"),
    "column that is a value": ("[columns]\nw = 3", "[columns.w]", "section"),
    "nothing mapped": ("", "no [columns.…] section", ""),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_names_section_and_remedy(mapped, fault):
    text, *told = FAULTS[fault]
    head = HEAD if not text.startswith("columns") else ""
    with pytest.raises(ConfigError) as caught:
        mapped(text + "\n" + HEAD if not head else HEAD + text)
    for words in ("mapping.toml", *told):
        assert words in str(caught.value)


def test_who_and_when_must_be_said(mapped):
    with pytest.raises(ConfigError, match="person's id"):
        mapped('[dates]\neffective = "d"\n' + WEIGHT)
    with pytest.raises(ConfigError, match=r"as_of = true"):
        mapped('[person]\nid = "a"\n' + WEIGHT)
    with pytest.raises(ConfigError, match="no date"):
        mapped('[person]\nid = "a"\n[dates]\neffective = { constant = "soon" }\n' + WEIGHT)


def test_bad_files(tmp_path, small_dictionary):
    path = tmp_path / "m.toml"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_mapping(path, small_dictionary)
    path.write_text("[columns.体重]")
    with pytest.raises(ConfigError, match="quote names"):
        read_mapping(path, small_dictionary)
    path.write_bytes("[columns.'体重']".encode("gb18030"))
    with pytest.raises(ConfigError, match="UTF-8"):
        read_mapping(path, small_dictionary)
    path.write_text("a = " + "[" * 5000)
    with pytest.raises(ConfigError):
        read_mapping(path, small_dictionary)
