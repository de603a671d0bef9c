"""Bytes in, a DICOM data set out: complete or bare, deflated or not, with every limit kept."""

from __future__ import annotations

import io
import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from careloop.imaging.reading import finding, reason
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.refusal import RefusedError, refuse
from careloop.records.finding import Finding

_PREAMBLE = 128
_FIRST_GROUPS = (0x0002, 0x0008)
_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN "
    b"UR US UT UV".split()
)


@dataclass(slots=True)
class Header:
    """A data set that was read, the syntax of its pixels, and remarks made on the way."""

    dataset: Dataset
    syntax: str
    name: str
    findings: list[Finding] = field(default_factory=list)

    def remark(self, code: str, *, detail: str = "", count: int = 1) -> None:
        """Add a finding at this file."""
        self.findings.append(Finding(code, self.name, detail=detail, count=count))


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        return False


@contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Keep pydicom from printing or logging values of the file; yields the warnings it made."""
    logger = logging.getLogger("pydicom")
    own = _Quiet()  # one for each call: they may be nested
    logger.addFilter(own)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        logger.removeFilter(own)


class _MeteredBytes(io.BytesIO):
    """Bytes that may be read only so many times: a header of endless elements is refused."""

    def __init__(self, data: bytes, reads: int) -> None:
        super().__init__(data)
        self.left = reads

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            refuse(reason.DAMAGED, "the header never ends")
        return super().read(size)


def looks_like_dicom(head: bytes) -> bool:
    """Tell a DICOM file by its first bytes, with or without the 128-byte preamble."""
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM" or head[:4] == b"DICM":
        return True
    return _bare_syntax(head) is not None


def _bare_syntax(head: bytes) -> str | None:
    """The transfer syntax of a file that begins with an element of group 2 or 8."""
    if len(head) < 8:
        return None
    for order, syntax in (
        ("little", str(ExplicitVRLittleEndian)),
        ("big", str(ExplicitVRBigEndian)),
    ):
        group = int.from_bytes(head[0:2], order)  # type: ignore[arg-type]
        element = int.from_bytes(head[2:4], order)  # type: ignore[arg-type]
        if group not in _FIRST_GROUPS or element > 0x2200:
            continue
        if head[4:6] in _VRS:
            return syntax
        if order == "little" and int.from_bytes(head[4:8], "little") <= 1024:
            return str(ImplicitVRLittleEndian)
    return None


def parse(data: bytes, *, name: str, limits: Limits, stop_before_pixels: bool = False) -> Header:
    """Read a data set from the bytes of a file.

    Parameters
    ----------
    data
        The whole file, or its beginning where `stop_before_pixels`.
    name
        For findings.
    limits
        Bounds; a deflated data set counts as its unpacked bytes.
    stop_before_pixels
        Read the header alone.

    Raises
    ------
    RefusedError
        What is damaged, endless or not DICOM.
    """
    with quiet() as caught:
        try:
            header = _parse(data, name, limits, stop_before_pixels)
        except RefusedError:
            raise
        except Exception as error:  # noise in a header raises almost anything
            refuse(reason.DAMAGED, type(error).__name__)
    if caught:
        header.remark(finding.BROKEN_VALUES, count=len(caught))
    return header


def _parse(data: bytes, name: str, limits: Limits, stop: bool) -> Header:  # noqa: FBT001
    guessed = ""
    if data[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        if data[:4] == b"DICM":
            data = bytes(_PREAMBLE) + data
            guessed = "no preamble"
        elif (bare := _bare_syntax(data)) is None:
            refuse(reason.UNKNOWN_KIND)
        elif data[:2] == b"\x02\x00":
            data = bytes(_PREAMBLE) + b"DICM" + data
            guessed = "no preamble"
        else:
            return _bare(data, bare, name=name, limits=limits, stop=stop)
    meta, body_at = _meta(data)
    syntax = str(meta.get("TransferSyntaxUID", "") or "")
    if not syntax:
        bare = _bare_syntax(data[body_at : body_at + 16]) or str(ImplicitVRLittleEndian)
        header = _bare(data[body_at:], bare, name=name, limits=limits, stop=stop)
        header.dataset.file_meta = meta
        return header
    if syntax == DeflatedExplicitVRLittleEndian:
        inflated = _inflate(data[body_at:], limits.file_bytes)
        header = _bare(inflated, str(ExplicitVRLittleEndian), name=name, limits=limits, stop=stop)
        header.findings.clear()
        header.dataset.file_meta = meta
        return header
    dataset = dcmread(_MeteredBytes(data, limits.header_reads), force=True, stop_before_pixels=stop)
    header = Header(dataset, syntax, name)
    if guessed:
        header.remark(finding.HEADER_GUESSED, detail=guessed)
    return header


def _bare(data: bytes, syntax: str, *, name: str, limits: Limits, stop: bool) -> Header:
    def at_pixels(tag: Any, vr: str | None, length: int) -> bool:  # noqa: ARG001
        return bool(tag >= 0x7FE00008)

    dataset = read_dataset(
        _MeteredBytes(data, limits.header_reads),
        syntax == ImplicitVRLittleEndian,
        syntax != ExplicitVRBigEndian,
        stop_when=at_pixels if stop else None,
    )
    dataset.file_meta = FileMetaDataset()
    header = Header(dataset, syntax, name)
    header.remark(finding.HEADER_GUESSED, detail="no file meta information")
    return header


def _meta(data: bytes) -> tuple[FileMetaDataset, int]:
    """The file meta group (explicit little endian) and where the data set begins.

    Read by walking its elements: a wrong group length does no harm.
    """
    at = _PREAMBLE + 4
    start = at
    while data[at : at + 2] == b"\x02\x00" and len(data) >= at + 8:
        if data[at + 4 : at + 6] in {b"OB", b"OW", b"UN", b"SQ", b"UT", b"UC", b"UR"}:
            step = 12 + int.from_bytes(data[at + 8 : at + 12], "little")
        else:
            step = 8 + int.from_bytes(data[at + 6 : at + 8], "little")
        at += step
        if at > len(data):
            refuse(reason.DAMAGED, "the file meta information runs past the end")
    meta = read_dataset(io.BytesIO(data[start:at]), is_implicit_VR=False, is_little_endian=True)
    return FileMetaDataset(meta), at


def _inflate(data: bytes, limit: int) -> bytes:
    for bits in (-zlib.MAX_WBITS, zlib.MAX_WBITS):
        unpacker = zlib.decompressobj(bits)
        try:
            out = unpacker.decompress(data, limit)
        except zlib.error:
            continue
        if unpacker.unconsumed_tail:
            refuse(reason.FILE_TOO_LARGE, f"it unpacks to more than {limit:,} bytes")
        if not unpacker.eof:
            refuse(reason.DAMAGED, "the deflated data set ends early")
        return out
    return refuse(reason.DAMAGED, "the deflated data set is broken")
