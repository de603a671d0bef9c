"""A delimited text file (CSV, TSV) of any size: its header, and its records in chunks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from careloop.error import InputError
from careloop.records.mapping import DELIMITERS
from careloop.records.sources.archive import open_members
from careloop.records.sources.cut import CELL_BYTES, TITLE_ROWS, Chunk, Cutter, names
from careloop.records.sources.decode import utf8_pieces

PIECE_BYTES = 8 << 20
"""A chunk of about 60,000 records of 20 columns, whose facts take some 300 MB."""


class TextTable:
    """A delimited text file.

    Parameters
    ----------
    path
        The file; `.gz`, `.zip` and `.tar.gz` with one table inside are opened.
    encoding, delimiter
        As the mapping declares; detected where empty.
    key
        A column the header names: titles above it are passed over. Without it, or where no record
        names it, the first record that is not blank is the header.

    Raises
    ------
    InputError
        At once for a file that is missing, empty, binary or without a header; while iterating for
        everything further down.
    """

    def __init__(
        self, path: Path, *, encoding: str = "", delimiter: str = "", key: str = ""
    ) -> None:
        self.path, self.name, self.encoding = path, path.name, encoding
        with _opened(path, alone=False) as stream:
            heads = list(self._heads(stream))
        found = [
            (fields, mark, end)
            for head, end in heads
            for mark in [delimiter or detect_delimiter(head)]
            for fields in [_fields(head, mark)]
        ]
        self.header, self.delimiter, self._header_bytes = next(
            (one for one in found if names(one[0], key)), found[0]
        )

    def chunks(self) -> Iterator[Chunk]:
        """Yield the records after the header."""
        with _opened(self.path) as stream:
            pieces = utf8_pieces(stream, self.name, encoding=self.encoding, piece_bytes=PIECE_BYTES)
            cutter = Cutter(
                _after(pieces, self._header_bytes),
                header=self.header,
                delimiter=self.delimiter,
                name=self.name,
            )
            yield from cutter.chunks()

    def _heads(self, stream: BinaryIO) -> Iterator[tuple[str, int]]:
        """Yield the first records that are not blank, and how many bytes lead past each."""
        data, start, found = b"", 0, 0
        pieces = utf8_pieces(  # as in `chunks`, so that the encoding is decided alike
            stream, self.name, encoding=self.encoding, piece_bytes=PIECE_BYTES
        )
        for piece in pieces:
            data += piece
            while (end := _record_end(data, start)) > 0:
                if data[start:end].strip():
                    yield data[start:end].decode(), end
                    found += 1
                start = end
                if found == TITLE_ROWS:
                    return
            if len(data) - start > CELL_BYTES:
                if found:
                    return
                raise InputError(
                    f"the first line does not end within {CELL_BYTES:,} bytes",
                    where=self.name,
                    remedy="it must name the columns; look for a quote that never closes",
                )
        if data[start:].strip():
            yield data[start:].decode(), len(data)
        elif not found:
            raise InputError("the file is empty", where=self.name, remedy="send it again")


def detect_delimiter(head: str) -> str:
    """Return the separator that cuts the header into most fields; a comma where none does."""
    return max(DELIMITERS, key=lambda delimiter: len(_fields(head, delimiter)))


def _fields(head: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return head.strip().split(delimiter)


def _record_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    while end >= 0 and data.count(b'"', start, end) % 2:
        end = data.find(b"\n", end + 1)
    return end + 1


def _after(pieces: Iterator[bytes], skip: int) -> Iterator[bytes]:
    for piece in pieces:
        rest = piece[skip:]
        skip -= len(piece) - len(rest)
        if rest:
            yield rest


@contextmanager
def _opened(path: Path, *, alone: bool = True) -> Iterator[BinaryIO]:
    """Open the one table in a file or archive; at the end, see whether it was `alone`.

    Raises
    ------
    InputError
        The archive is damaged, empty, or holds several files.
    """
    members = open_members(path)
    member = next(members, None)
    if member is None:
        raise InputError("the archive is empty", where=path.name, remedy="send it again")
    yield member.stream
    another = next(members, None) if alone else None
    if another is not None:
        raise InputError(
            f"holds more than one file (also {another.name})",
            where=path.name,
            remedy="send one table at a time",
        )
