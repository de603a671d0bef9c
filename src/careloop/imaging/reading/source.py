"""What lies at the paths given: files, folders, archives, each file told by its content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from careloop.error import InputError
from careloop.imaging.reading import nifti, raster, reason
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.refusal import Refusal, RefusedError
from careloop.records.sources.archive import open_members

_BLOCK = 1 << 20
_HIDDEN = (".", "__MACOSX")


@dataclass(frozen=True, slots=True)
class File:
    """One file's bytes; `path` where it can be read again from disk, unpacked."""

    name: str
    data: bytes
    path: Path | None


def files_below(path: Path) -> Iterator[Path]:
    """The files of a folder and its folders in order of their names, without hidden ones."""
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(_HIDDEN):
            continue
        if entry.is_dir():
            if not entry.is_symlink():
                yield from files_below(entry)
        elif entry.is_file():
            yield entry


def open_path(path: Path, *, limits: Limits) -> Iterator[File | Refusal]:
    """The files in a path that is no folder: itself, or what the archive holds; never raises."""
    try:
        for member in open_members(path):
            packed = member.name != path.name
            alone = not packed or path.name.lower() == f"{member.name.lower()}.gz"
            name = path.name if alone else f"{path.name} › {member.name}"
            data = _read(member.stream, limits)
            if data is None:
                detail = f"{limits.file_bytes:,} bytes"
                yield RefusedError(reason.FILE_TOO_LARGE, detail).refusal(name)
                continue
            yield File(name, data, None if packed else path)
    except InputError as error:
        remedy = error.remedy or "unpack it and read the files"
        yield Refusal(error.where or path.name, error.problem, remedy, reason.ARCHIVE_FAULT)
    except Exception as error:  # disks, permissions, names that cannot be
        yield RefusedError(reason.ARCHIVE_FAULT, type(error).__name__).refusal(path.name)


def _read(stream: BinaryIO, limits: Limits) -> bytes | None:
    """The bytes of a file, `None` where it is too large; of no image its beginning alone."""
    first = stream.read(_BLOCK)
    if kind_of(first) in {"", "pdf"}:
        return first
    blocks, total = [first], len(first)
    if total > limits.file_bytes:
        return None
    while block := stream.read(_BLOCK):
        total += len(block)
        if total > limits.file_bytes:
            return None
        blocks.append(block)
    return b"".join(blocks)


def kind_of(data: bytes) -> str:
    """Tell "dicom", "raster", "nifti" or "pdf" by content; empty for anything else."""
    head = data[:1024]
    if head[128:132] == b"DICM":
        return "dicom"
    if raster.format_of(head):
        return "raster"
    if nifti.looks_like_nifti(head):
        return "nifti"
    if b"%PDF-" in head:
        return "pdf"
    from careloop.imaging.reading.dicom.parsing import looks_like_dicom

    return "dicom" if looks_like_dicom(head) else ""
