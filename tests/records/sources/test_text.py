"""Delimited text: encodings, quotes, ragged records, monstrous cells; the same rows as `csv`."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.error import CareloopError, InputError
from careloop.records.sources import text as text_module
from careloop.records.sources.cut import CELL_BYTES, Cutter
from careloop.records.sources.decode import utf8_pieces
from careloop.records.sources.text import TextTable, detect_delimiter

TABLE = "编号,姓名,体重\n1,王秀英,60\n2,“李”,70.5\n"
ROWS = [("1", "王秀英", "60"), ("2", "“李”", "70.5")]


def opened(tmp_path: Path, content: bytes, name: str = "t.csv", **settings: str) -> TextTable:
    path = tmp_path / name
    path.write_bytes(content)
    return TextTable(path, **settings)


def rows(table: TextTable) -> list[tuple[str | None, ...]]:
    return [row for chunk in table.chunks() for row in chunk.frame.rows()]


def zipped(content: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return out.getvalue()


def tarred(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("t.csv")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


# --- encodings


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk"],
)
@pytest.mark.parametrize("declared", [False, True])
def test_encodings_are_detected_or_declared(tmp_path, encoding, declared):
    known = {"gbk": "gb18030"}.get(encoding, encoding) if declared else ""
    table = opened(tmp_path, TABLE.encode(encoding), encoding=known)
    assert table.header == ["编号", "姓名", "体重"]
    assert rows(table) == ROWS


def test_gb18030_first_seen_far_down(tmp_path, monkeypatch):
    monkeypatch.setattr(text_module, "PIECE_BYTES", 1000)
    content = "id,name\n" + "1,Wang\n" * 1000 + "2,王秀英\n" * 1000
    table = opened(tmp_path, content.encode("gb18030"))
    assert rows(table) == [("1", "Wang")] * 1000 + [("2", "王秀英")] * 1000


def test_undecodable_byte_is_named_with_offset_and_line(tmp_path):
    content = "a,b\n1,王\n".encode() + b"2,\xff\xff\n"
    with pytest.raises(InputError, match=r"neither UTF-8 nor GB18030.*offset 12, line 3"):
        opened(tmp_path, content)
    declared = opened(tmp_path, TABLE.encode() * 3, encoding="utf-8")
    assert len(rows(declared)) == 8
    with pytest.raises(InputError, match=r"byte 0x[0-9a-f]{2} at offset \d+ \(line 1\).*UTF-8"):
        opened(tmp_path, TABLE.encode("gb18030"), encoding="utf-8")
    with pytest.raises(InputError, match="unexpected end of data"):
        rows(opened(tmp_path, "a,b\n1,王".encode()[:-1], encoding="utf-8"))


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 5, 7, 64])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_pieces_cut_inside_characters(piece_bytes, encoding):
    declared = "" if piece_bytes > 3 else encoding
    pieces = utf8_pieces(
        io.BytesIO(TABLE.encode(encoding)), "x", encoding=declared, piece_bytes=piece_bytes
    )
    assert b"".join(pieces).decode() == TABLE


def test_not_text_at_all(tmp_path):
    with pytest.raises(InputError, match="zero byte"):
        opened(tmp_path, b"a,b\n1,\x00\x00\n")
    with pytest.raises(InputError):
        opened(tmp_path, bytes(range(256)) * 100)


# --- layout


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n\n", b"\xef\xbb\xbf"])
def test_empty_file(tmp_path, content):
    with pytest.raises(InputError, match="empty"):
        opened(tmp_path, content)


def test_header_only(tmp_path):
    table = opened(tmp_path, b"a,b")
    assert table.header == ["a", "b"]
    assert rows(table) == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter):
    table = opened(tmp_path, TABLE.replace(",", delimiter).encode())
    assert table.delimiter == delimiter
    assert rows(table) == ROWS
    assert detect_delimiter('"a;b","c;d",e') == ","


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, end):
    assert rows(opened(tmp_path, TABLE.replace("\n", end).encode())) == ROWS
    assert rows(opened(tmp_path, TABLE.replace("\n", end).encode()[: -len(end)])) == ROWS


def test_quotes_hold_delimiters_line_feeds_and_quotes(tmp_path):
    content = b'id,"a\nb"\n1,"x,y"\n2,"l1\nl2"\n3,"say ""hi"""\n4,""\n'
    table = opened(tmp_path, content)
    assert table.header == ["id", "a\nb"]
    assert rows(table) == [("1", "x,y"), ("2", "l1\nl2"), ("3", 'say "hi"'), ("4", None)]


def test_quotes_as_characters_are_read_by_csv(tmp_path):
    content = b'id,height\n1,5\'6"\n2,"5\'7"""\n\n3,x,\n4,y,z\n'
    table = opened(tmp_path, content)
    (chunk,) = table.chunks()
    assert chunk.frame.rows() == [("1", "5'6\""), ("2", "5'7\""), ("3", "x")]
    assert chunk.rows.to_list() == [1, 2, 4]
    assert chunk.blank == 1
    assert [(one.row, one.cells) for one in chunk.ragged] == [(5, ["4", "y", "z"])]


def test_ragged_and_blank_records_do_not_shift_their_neighbours(tmp_path):
    content = b'a,b,c\n1,2,3\n4,5\n\n"6,7",8,9\n1,2,3,4\n\r\n5,6,7,,\n8,9,10\n'
    (chunk,) = opened(tmp_path, content).chunks()
    assert chunk.frame.rows() == [
        ("1", "2", "3"),
        ("6,7", "8", "9"),
        ("5", "6", "7"),
        ("8", "9", "10"),
    ]
    assert chunk.rows.to_list() == [1, 4, 7, 8]
    assert [(one.row, one.cells) for one in chunk.ragged] == [
        (2, ["4", "5"]), (5, ["1", "2", "3", "4"])
    ]  # fmt: skip
    assert chunk.blank == 2


def test_text_after_a_closing_quote_is_refused_with_its_row(tmp_path):
    with pytest.raises(InputError, match=r"row 2 cannot be followed"):
        rows(opened(tmp_path, b'a,b\n1,"x"\n2,"x"y\n'))


def test_unclosed_quote_is_named_where_it_opened(tmp_path):
    with pytest.raises(InputError, match=r"row 2, column 2 \('b'\) never closes"):
        rows(opened(tmp_path, b'a,b,c\n1,2,3\n4,"5,6\n7,8,9\n'))
    with pytest.raises(InputError, match=r"row 1, column 1 \('a'\) never closes"):
        rows(opened(tmp_path, b'a,b,c\n"1 ""x"",2,3\n7,8,9\n'))
    with pytest.raises(InputError, match=r"row 1, column 1 \('a'\) never closes"):
        rows(opened(tmp_path, b'a,b,c\n"1,2,3\n' + b"7,8,9\n" * CELL_BYTES))


def test_cell_of_ten_million_characters_is_refused_with_row_and_column(tmp_path):
    huge = b"x" * 10_000_000
    for cell in (huge, b'"' + huge + b'"'):
        content = b"a,b,c\n1,2,3\n4," + cell + b",6\n7,8,9\n"
        with pytest.raises(InputError, match=r"row 2, column 2 \('b'\).*(longer|closes)"):
            rows(opened(tmp_path, content))
        with pytest.raises(InputError, match=r"row 2, column 2 \('b'\).*(longer|closes)"):
            rows(opened(tmp_path, content[:-20]))
    with pytest.raises(InputError, match="first line does not end"):
        opened(tmp_path, huge)
    assert len(rows(opened(tmp_path, b"a\n" + b"x" * CELL_BYTES + b"\n"))) == 1


# --- archives


def test_archives_of_one_table(tmp_path):
    content = TABLE.encode()
    for name, packed in {
        "t.csv.gz": gzip.compress(content), "t.zip": zipped(content, "t.csv"),
        "t.tar.gz": tarred(content),
    }.items():  # fmt: skip
        assert rows(opened(tmp_path, packed, name)) == ROWS, name
    with pytest.raises(InputError, match="more than one file"):
        rows(opened(tmp_path, zipped(content, "a.csv", "b.csv"), "t.zip"))
    with pytest.raises(InputError, match="empty"):
        opened(tmp_path, zipped(content), "t.zip")


def test_zip_bomb_is_refused(tmp_path):
    bomb = b"a,b\n" + b"0,0\n" * (100 << 18)
    for name, packed in {"t.zip": zipped(bomb, "t.csv"), "t.csv.gz": gzip.compress(bomb)}.items():
        with pytest.raises(InputError, match="bomb"):
            for _ in opened(tmp_path, packed, name).chunks():
                pass


def test_truncated_gzip(tmp_path):
    packed = gzip.compress(TABLE.encode() * 1000)
    with pytest.raises(InputError, match="damaged or cut short"):
        rows(opened(tmp_path, packed[:-20], "t.csv.gz"))


# --- the slow, obvious twin

_CELLS = st.text(st.sampled_from('ab1,"\n\r ;é王'), max_size=6)
_TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(_CELLS, min_size=width, max_size=width), max_size=12)
)


@given(_TABLES, st.integers(1, 80))
def test_cutting_equals_csv(records, piece_bytes):
    """What `csv` writes is read back, wherever the pieces are cut."""
    records = [[cell.replace("\r", " ") for cell in record] for record in records]
    width = len(records[0]) if records else 1
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(records)
    content = out.getvalue().encode()
    pieces = (content[at : at + piece_bytes] for at in range(0, len(content), piece_bytes))
    cutter = Cutter(pieces, header=["x"] * width, delimiter=",", name="x")
    found = [row for chunk in cutter.chunks() for row in chunk.frame.rows()]
    expected = [tuple(cell or None for cell in record) for record in records]
    assert found == expected


@given(st.binary(max_size=400) | st.text(st.sampled_from('a1,"\n\r\t;')).map(str.encode))
def test_noise_never_raises_anything_else(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    try:
        table = opened(folder, content, "noise.csv")
        frames = [chunk.frame for chunk in table.chunks()]
    except CareloopError:
        return
    assert all(frame.width == len(table.header) for frame in frames)
    assert all(kind == pl.String for frame in frames for kind in frame.schema.values())
