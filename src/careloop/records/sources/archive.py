"""Opening what arrives: a plain file, or a gzip, zip or tar of files, read as streams.

Nothing is written to disk, so a member's name is only a label and a path such as `../../etc/x` is
harmless. Data is counted as it comes out: an archive that unpacks to too much is refused while it
is being read, long before it can fill memory. Archives inside archives are refused.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from careloop.error import InputError

_BUFFER = 1 << 20
_GZIP, _ZIP, _TAR = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06"), b"ustar"
_TAR_AT = 257
_FOREIGN = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}
_OFFICE = (".xlsx", ".xlsm", ".xltx", ".ods", ".docx")
"""Documents that are zip files inside; whoever asks for them wants them whole."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come out of one archive (bytes; counts).

    `ratio` is bytes out per byte of the archive on disk, looked at once `floor_bytes` are out.
    Text compresses 5 to 50 times; gzip of zeros reaches about 1,000.
    """

    total_bytes: int = 64 << 30
    ratio: float = 200.0
    floor_bytes: int = 64 << 20
    members: int = 100_000


@dataclass(frozen=True, slots=True)
class Member:
    """One file to read. `stream` is valid until the next member is asked for."""

    name: str
    stream: BinaryIO


def open_members(path: str | Path, *, limits: Limits | None = None) -> Iterator[Member]:
    """Yield the files in `path`: itself, or what its gzip, zip, tar or tar.gz holds.

    The kind is told by content, not by name. Directories and the file-manager's own entries
    (`__MACOSX/`, `._x`, `.DS_Store`) are passed over. Office documents count as plain files.

    Parameters
    ----------
    path
        File on disk.
    limits
        Bounds against decompression bombs; `Limits()` where not given.

    Raises
    ------
    InputError
        While iterating or while reading a stream: no such file, a damaged or truncated archive,
        an encrypted one, an archive inside an archive, or more data than `limits` allow.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.txt.gz"
    >>> _ = file.write_bytes(gzip.compress(b"hello"))
    >>> [(member.name, member.stream.read()) for member in open_members(file)]
    [('a.txt', b'hello')]
    """
    path = Path(path)
    limits = limits or Limits()
    with ExitStack() as stack:
        try:
            file: io.BufferedReader = io.BufferedReader(io.FileIO(path), _BUFFER)
        except OSError as error:
            raise InputError(
                f"cannot be opened: {error.strerror or error}",
                where=path.name,
                remedy="check the path; a folder is read file by file",
            ) from None
        stack.enter_context(file)
        head = file.peek(_TAR_AT + len(_TAR))
        _refuse_foreign(head, path.name)
        meter = _Meter(path.name, max(path.stat().st_size, 1), limits)
        if head.startswith(_GZIP):
            unpacked = stack.enter_context(gzip.GzipFile(fileobj=file))
            stream = _metered(cast("BinaryIO", unpacked), meter)
            if _is_tar(stream.peek(_TAR_AT + len(_TAR))):
                yield from _tar_members(stream, meter)
            else:
                yield _member(_without_gz(path.name), stream, meter)
        elif head.startswith(_ZIP) and not path.name.lower().endswith(_OFFICE):
            yield from _zip_members(file, meter)
        elif _is_tar(head):
            yield from _tar_members(file, meter)
        else:
            yield Member(path.name, cast("BinaryIO", file))


class _Meter:
    """Counts what has come out of one archive and refuses too much of it."""

    def __init__(self, name: str, size: int, limits: Limits) -> None:
        self.name, self.size, self.limits = name, size, limits
        self.out = self.members = 0

    def bytes_out(self, count: int, member: str) -> None:
        self.out += count
        limits, remedy = self.limits, "if it is what you expect, unpack it and import the files"
        if self.out > limits.total_bytes:
            raise InputError(
                f"unpacks to more than {limits.total_bytes:,} bytes",
                where=self.where(member),
                remedy=remedy,
            )
        if self.out > limits.floor_bytes and self.out > limits.ratio * self.size:
            raise InputError(
                f"{self.size:,} bytes unpack to more than {self.out:,} "
                f"(limit {limits.ratio:g} times): it looks like a decompression bomb",
                where=self.where(member),
                remedy=remedy,
            )

    def member_out(self, member: str) -> None:
        self.members += 1
        if self.members > self.limits.members:
            raise InputError(
                f"holds more than {self.limits.members:,} files",
                where=self.where(member),
                remedy="split it into several archives",
            )

    def where(self, member: str) -> str:
        return f"{self.name} › {member}" if member else self.name

    def damaged(self, error: Exception, member: str) -> NoReturn:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"the archive is damaged or cut short ({reason}) after {self.out:,} bytes",
            where=self.where(member),
            remedy="ask for it again, or copy it anew and compare sizes",
        ) from None


class _MeteredRaw(io.RawIOBase):
    """A raw stream that counts, and words every fault of the decompressor as `InputError`."""

    def __init__(self, stream: BinaryIO, meter: _Meter, member: str) -> None:
        self._stream, self._meter, self._member = stream, meter, member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._stream.read(len(view))
        except InputError:
            raise
        except Exception as error:  # decompressors raise zlib, EOF, OS, value and other errors
            self._meter.damaged(error, self._member)
        view[: len(data)] = data
        self._meter.bytes_out(len(data), self._member)
        return len(data)


def _metered(stream: BinaryIO, meter: _Meter, member: str = "") -> io.BufferedReader:
    return io.BufferedReader(_MeteredRaw(stream, meter, member), _BUFFER)


def _member(name: str, stream: io.BufferedReader, meter: _Meter) -> Member:
    meter.member_out(name)
    head = stream.peek(_TAR_AT + len(_TAR))
    nested = (
        head.startswith(_GZIP)
        or _is_tar(head)
        or (head.startswith(_ZIP) and not name.lower().endswith(_OFFICE))
    )
    if nested:
        raise InputError(
            "an archive inside an archive is not opened",
            where=meter.where(name),
            remedy="unpack the outer one and import what it holds",
        )
    _refuse_foreign(head, meter.where(name))
    return Member(name, cast("BinaryIO", stream))


def _zip_members(file: io.BufferedReader, meter: _Meter) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(file)
    except Exception as error:  # noise in a directory raises almost anything
        meter.damaged(error, "")
    with archive:
        for info in archive.infolist():
            if info.is_dir() or _file_manager_entry(info.filename):
                continue
            if info.flag_bits & 0x1:
                raise InputError(
                    "is protected by a password",
                    where=meter.where(info.filename),
                    remedy="unpack it with the password and import the files",
                )
            try:
                opened = archive.open(info)
            except Exception as error:  # bad headers, unknown compression
                meter.damaged(error, info.filename)
            with opened:
                stream = _metered(cast("BinaryIO", opened), meter, info.filename)
                yield _member(info.filename, stream, meter)


def _tar_members(stream: io.BufferedReader, meter: _Meter) -> Iterator[Member]:
    try:
        archive = tarfile.open(  # noqa: SIM115 (closed below; opening has faults of its own)
            fileobj=stream, mode="r|", tarinfo=_StrictHeader
        )
    except InputError:
        raise
    except Exception as error:  # noise in a header raises almost anything
        meter.damaged(error, "")
    with archive:
        while (info := _next_header(archive, meter)) is not None:
            if info.isdir() or _file_manager_entry(info.name):
                continue
            opened = archive.extractfile(info) if info.isfile() and not info.issparse() else None
            if opened is None:
                raise InputError(
                    "is a link, a device or a sparse file, not a file with data",
                    where=meter.where(info.name),
                    remedy="pack the file itself",
                )
            with opened:
                # Bytes of a tar.gz are counted where gzip hands them out.
                outer = _Meter(meter.name, meter.size, meter.limits)
                outer.members = meter.members
                inner = _metered(cast("BinaryIO", opened), outer, info.name)
                yield _member(info.name, inner, outer)
                meter.members = outer.members
            archive.members.clear()  # type: ignore[attr-defined]  # it keeps every header otherwise
        while stream.read(_BUFFER):  # to the end, so that gzip checks its sum
            pass


def _next_header(archive: tarfile.TarFile, meter: _Meter) -> tarfile.TarInfo | None:
    try:
        return archive.next()
    except InputError:
        raise
    except Exception as error:
        meter.damaged(error, "")


class _StrictHeader(tarfile.TarInfo):
    """A header that must be whole: `tarfile` itself takes a damaged one for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _StrictHeader:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"bad header: {error}") from None


def _is_tar(head: bytes) -> bool:
    return head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR


def _refuse_foreign(head: bytes, where: str) -> None:
    for magic, name in _FOREIGN.items():
        if head.startswith(magic) and (name != "bzip2" or head[4:7] == b"1AY"):
            raise InputError(
                f"is a {name} archive, which is not read",
                where=where,
                remedy="repack it as .zip, .gz or .tar.gz",
            )


def _file_manager_entry(name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    return name.startswith("__MACOSX/") or base.startswith("._") or base == ".DS_Store"


def _without_gz(name: str) -> str:
    return name[:-3] if name.lower().endswith(".gz") and len(name) > 3 else name
