"""Excel sheets: dates, numbers and texts as they look, damaged and hostile workbooks."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.error import CareloopError, InputError
from careloop.records.sources.cut import CELL_BYTES
from careloop.records.sources.excel import ExcelTable, is_excel

MAPPING = """
[source]
sheet = "档案"
[person]
id = "编号"
[dates]
effective = "日期"
[columns."体重"]
variable = "weight_kg"
unit = "kg"
[columns."骨折"]
variable = "fracture_prior"
[columns."出生"]
variable = "birth_date"
"""


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "档案.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("说明").write(0, 0, "nothing here")
        sheet = book.add_worksheet("档案")
        chinese = book.add_format({"num_format": 'yyyy"年"m"月"d"日"'})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet.write_row(1, 0, ["编号", "日期", "体重", "骨折", "出生", "备注"])
        for at in range(3):
            sheet.write_number(2 + at, 0, 420106195001010020 // 1000 + at)
            sheet.write_datetime(2 + at, 1, datetime(2020, 1, 1 + at, at * 6), moment)
            sheet.write_number(2 + at, 2, 60 + at / 10)
            sheet.write_boolean(2 + at, 3, at == 0)
            sheet.write_datetime(2 + at, 4, datetime(1950, 1, 1 + at), chinese)
        sheet.write_row(6, 0, ["A7", "2020-01-05", "61公斤", "有", "1950-1-1", "第5行是空行"])
        sheet.write_formula(2, 5, "=1/0", value="#DIV/0!")
    return path


def test_cells_are_read_as_they_look(workbook, read_as_table):
    reading = read_as_table(workbook.read_bytes(), MAPPING, name="x.xlsx")
    facts = pl.concat(reading.batches())
    weights = facts.filter(variable="weight_kg")
    assert weights["number"].to_list() == [60, 60.1, 60.2, 61]
    assert weights["person_id"].to_list()[0] == "420106195001010"
    assert weights["row"].to_list() == [1, 2, 3, 5]
    assert weights["effective_at"].to_list() == [
        datetime(2020, 1, 1), datetime(2020, 1, 2, 6),
        datetime(2020, 1, 3, 12), datetime(2020, 1, 5),
    ]  # fmt: skip
    born = facts.filter(variable="birth_date")["text"].to_list()
    assert born == ["1950-01-01", "1950-01-02", "1950-01-03", "1950-01-01"]
    assert facts.filter(variable="fracture_prior")["number"].to_list() == [1, 0, 0, 1]
    assert reading.report.rejected_records == 0
    assert [one.count for one in reading.report.findings if one.code == "T106"] == [1]


def test_content_tells_not_the_name(workbook, tmp_path):
    disguised = tmp_path / "table.csv"
    disguised.write_bytes(workbook.read_bytes())
    assert is_excel(disguised)
    assert not is_excel(Path(__file__))
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", "a,b\n")
    assert not is_excel(tmp_path / "t.zip")


def test_faults_of_workbooks(workbook, tmp_path):
    with pytest.raises(InputError, match=r"(?s)no sheet '居民'.*说明, 档案"):
        ExcelTable(workbook, sheet="居民")
    empty = tmp_path / "empty.xlsx"
    with xlsxwriter.Workbook(empty) as book:
        book.add_worksheet()
    with pytest.raises(InputError, match="empty"):
        ExcelTable(empty)
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(workbook.read_bytes()[:-700])
    with pytest.raises(InputError, match=r"damaged|cannot be read"):
        ExcelTable(cut)
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
    with pytest.raises(InputError, match="cannot be read as Excel"):
        ExcelTable(old)


def test_a_bomb_is_measured_before_it_is_opened(tmp_path):
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(100 << 20))
    content = bytearray(path.read_bytes())
    for lie in (False, True):
        if lie:  # the directory claims one byte
            at = content.rfind(b"PK\x01\x02")
            content[at + 24 : at + 28] = (1).to_bytes(4, "little")
            path.write_bytes(content)
        with pytest.raises(InputError, match="bomb"):
            ExcelTable(path)


def test_a_monstrous_cell_is_named(tmp_path, workbook):
    """Excel itself stops at 32,767 characters; a file need not."""
    out = io.BytesIO()
    with zipfile.ZipFile(workbook) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        for info in old.infolist():
            part = old.read(info)
            if info.filename == "xl/sharedStrings.xml":
                part = part.replace("第5行是空行".encode(), b"x" * (CELL_BYTES + 1))
            new.writestr(info.filename, part)
    path = tmp_path / "long.xlsx"
    path.write_bytes(out.getvalue())
    with pytest.raises(InputError, match=r"row 5, column 6 \('备注'\).*longer"):
        ExcelTable(path, sheet="档案")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8)
)
def test_noise_never_raises_anything_else(workbook, places):
    content = bytearray(workbook.read_bytes())
    for at, byte in places:
        content[at % len(content)] = byte
    path = workbook.with_name("noise.xlsx")
    path.write_bytes(content)
    try:
        if is_excel(path):
            list(ExcelTable(path).chunks())
    except CareloopError:
        pass
