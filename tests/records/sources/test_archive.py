"""Archives: what comes out, what is refused, and that noise raises nothing of its own."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.error import CareloopError, InputError
from careloop.records.sources.archive import Limits, open_members

FILES = {"a.json": b'{"a": 1}', "folder/b.csv": "姓名\n王\n".encode(), "empty.txt": b""}
SMALL = Limits(total_bytes=1 << 20, ratio=50, floor_bytes=1 << 16, members=5)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def members(path: Path, limits: Limits | None = None) -> dict[str, bytes]:
    return {member.name: member.stream.read() for member in open_members(path, limits=limits)}


def written(folder: Path, data: bytes, name: str = "sent") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


# --- what comes out


@pytest.mark.parametrize(
    "data",
    [zipped(FILES), zipped(FILES, zipfile.ZIP_STORED), tarred(FILES)],
    ids=["deflated", "stored", "tar"],
)
def test_members_are_the_files(tmp_path, data):
    assert members(written(tmp_path, data)) == FILES


def test_kind_is_told_by_content_not_name(tmp_path):
    assert members(written(tmp_path, gzip.compress(tarred(FILES)), "x.json")) == FILES
    assert members(written(tmp_path, b"plain", "x.zip")) == {"x.zip": b"plain"}
    assert members(written(tmp_path, b"", "x.gz")) == {"x.gz": b""}


def test_gzip_member_has_the_name_without_gz(tmp_path):
    assert members(written(tmp_path, gzip.compress(b"x"), "b.ndjson.gz")) == {"b.ndjson": b"x"}
    two = gzip.compress(b"x") + gzip.compress(b"y")  # as `cat a.gz b.gz` makes
    assert members(written(tmp_path, two, "b.gz")) == {"b": b"xy"}


def test_members_may_be_left_unread(tmp_path):
    for data in (zipped(FILES), tarred(FILES), gzip.compress(tarred(FILES))):
        assert [m.name for m in open_members(written(tmp_path, data))] == list(FILES)


def test_stopping_early_closes_the_file(tmp_path):
    path = written(tmp_path, gzip.compress(tarred(FILES)))
    going = open_members(path)
    next(going)
    going.close()  # type: ignore[attr-defined]
    path.unlink()


def test_names_only_label(tmp_path):
    files = {"../../etc/passwd": b"x", "/abs": b"y"}
    for data in (zipped(files), tarred(files)):
        inside = written(tmp_path, data, "in")
        assert list(members(inside).values()) == [b"x", b"y"]
        assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_file_manager_entries_are_passed_over(tmp_path):
    files = {"__MACOSX/._a.json": b"\0", "x/._a.json": b"\0", ".DS_Store": b"\0", "x/a.json": b"{}"}
    assert members(written(tmp_path, zipped(files))) == {"x/a.json": b"{}"}


def test_office_documents_are_plain_files(tmp_path):
    book = zipped({"[Content_Types].xml": b"<x/>"})
    assert members(written(tmp_path, book, "t.xlsx")) == {"t.xlsx": book}
    assert members(written(tmp_path, zipped({"t.xlsx": book}), "t.zip")) == {"t.xlsx": book}


# --- what is refused


@pytest.mark.parametrize(
    "inner", [zipped(FILES), gzip.compress(b"x"), tarred(FILES)], ids=["zip", "gzip", "tar"]
)
@pytest.mark.parametrize(
    "pack",
    [zipped, tarred, lambda files: gzip.compress(tarred(files))],
    ids=["zip", "tar", "tar.gz"],
)
def test_archives_inside_archives_are_refused(tmp_path, inner, pack):
    with pytest.raises(InputError, match=r"sent › in: an archive inside an archive"):
        members(written(tmp_path, pack({"in": inner})))


@pytest.mark.parametrize("inner", [zipped(FILES), gzip.compress(b"x")], ids=["zip", "gzip"])
def test_gzip_of_an_archive_is_refused_but_for_tar(tmp_path, inner):
    with pytest.raises(InputError, match="inside an archive"):
        members(written(tmp_path, gzip.compress(inner)))
    assert members(written(tmp_path, gzip.compress(tarred(FILES)))) == FILES


def test_bombs_are_refused_while_they_unfold(tmp_path):
    zeros = bytes(1 << 19)
    for data in (
        gzip.compress(zeros),
        zipped({"z": zeros}),
        zipped({str(n): bytes(1 << 17) for n in range(4)}),
        gzip.compress(tarred({"z": zeros})),
    ):
        with pytest.raises(InputError, match="decompression bomb") as caught:
            members(written(tmp_path, data), SMALL)
        assert "unpack it and import" in caught.value.remedy
        assert members(written(tmp_path, data))  # within the default limits


def test_too_much_in_all_is_refused(tmp_path):
    noise = os.urandom(1 << 20)
    with pytest.raises(InputError, match="more than 1,048,576 bytes"):
        members(written(tmp_path, zipped({"a": noise, "b": b"x"})), SMALL)


def test_too_many_members_are_refused(tmp_path):
    for pack in (zipped, tarred):
        with pytest.raises(InputError, match="more than 5 files"):
            members(written(tmp_path, pack({str(n): b"" for n in range(6)})), SMALL)
        assert len(members(written(tmp_path, pack({str(n): b"" for n in range(5)})), SMALL)) == 5


def test_a_zip_bomb_of_overlapping_members_is_refused(tmp_path):
    """Many directory entries that lead to one and the same compressed data."""
    kernel = zipped({"a" * 8: bytes(1 << 18)})
    at = kernel.index(b"PK\x01\x02")
    entry, end = kernel[at : kernel.index(b"PK\x05\x06")], bytearray(kernel[-22:])
    end[8:12] = (5).to_bytes(2, "little") * 2
    end[12:16] = (len(entry) * 5).to_bytes(4, "little")
    with pytest.raises(InputError):
        members(written(tmp_path, kernel[:at] + entry * 5 + bytes(end)), SMALL)


@pytest.mark.parametrize("pack", [zipped, tarred, lambda files: gzip.compress(tarred(files))])
def test_cut_short_is_refused(tmp_path, pack):
    whole = pack({f"{n}.txt": os.urandom(2000) for n in range(4)})
    ends = len(whole) - 10_240 if pack is tarred else len(whole)  # a tar ends in zeros
    for cut in range(300, ends, 509):
        with pytest.raises(InputError, match="damaged or cut short") as caught:
            members(written(tmp_path, whole[:cut]))
        assert caught.value.where.startswith("sent")
        assert caught.value.remedy


def test_a_flipped_byte_is_found(tmp_path):
    whole = bytearray(gzip.compress(os.urandom(5000)))
    whole[2500] ^= 1
    with pytest.raises(InputError, match="damaged"):
        members(written(tmp_path, bytes(whole)))


def test_a_damaged_tar_header_is_not_taken_for_the_end(tmp_path):
    data = bytearray(tarred({"a": b"x" * 512, "b": b"y"}))
    data[1024 + 10] ^= 1
    with pytest.raises(InputError, match="bad header"):
        members(written(tmp_path, bytes(data)))


def test_links_are_refused(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(InputError, match=r"sent › link: is a link"):
        members(written(tmp_path, out.getvalue()))


def test_encrypted_zip_is_refused(tmp_path):
    data = bytearray(zipped({"a": b"x"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match="password"):
        members(written(tmp_path, bytes(data)))


@pytest.mark.parametrize(
    ("head", "name"),
    [(b"BZh91AY&SY", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"7z\xbc\xaf\x27\x1c", "7-Zip")],
)
def test_other_archives_are_named(tmp_path, head, name):
    with pytest.raises(InputError, match=f"{name} archive, which is not read"):
        members(written(tmp_path, head + bytes(100)))
    with pytest.raises(InputError, match=name):
        members(written(tmp_path, zipped({"in": head + bytes(100)})))


def test_what_cannot_be_opened_is_said(tmp_path):
    with pytest.raises(InputError, match=r"^none: cannot be opened"):
        members(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be opened"):
        members(tmp_path)


# --- noise

KINDS = [zipped(FILES), tarred(FILES), gzip.compress(tarred(FILES)), gzip.compress(b"text" * 99)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    data=st.sampled_from(KINDS),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=4)), max_size=4),
    cut=st.integers(0, 12_000),
)
def test_noise_raises_nothing_of_its_own(tmp_path, data, changes, cut):
    noisy = bytearray(data)
    for at, new in changes:
        noisy[at : at + len(new)] = new
    with contextlib.suppress(CareloopError):
        members(written(tmp_path, bytes(noisy[:cut])), SMALL)
