"""Delimited text as a stream of Polars frames, every cell a string, every record accounted for.

A file of any size is read in pieces cut where a record ends (a line feed outside quotes), so
memory stays bounded. Records with too many or too few fields come beside the frame; a quote that
never closes or a cell of monstrous length stops the reading with its place. Text whose quotes do
not follow RFC 4180 is read from there on by Python's own, slower `csv`.

Reference: RFC 4180 (Y. Shafranovich, 2005), section 2.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
import polars as pl
from numpy.typing import NDArray

from careloop.error import InputError
from careloop.records.mapping import DELIMITERS
from careloop.records.sources.archive import open_members
from careloop.records.sources.decode import utf8_pieces

CELL_BYTES = 128 * 1024
"""Longest cell taken: what a person types never comes near it."""
RECORD_BYTES = 16 << 20
PIECE_BYTES = 8 << 20
_CSV_ROWS = 20_000
_LF, _CR, _QUOTE = 10, 13, 34


@dataclass(frozen=True, slots=True)
class Ragged:
    """A record whose number of fields is not the header's."""

    row: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records.

    Columns of `frame` are `c0`, `c1`, … in the header's order, all strings, null where empty;
    `rows` numbers its records (from 1, header not counted, blank lines counted).
    """

    frame: pl.DataFrame
    rows: pl.Series
    ragged: list[Ragged] = field(default_factory=list)
    blank: int = 0


class TextTable:
    """A delimited text file: its header, and its records in chunks.

    Parameters
    ----------
    path
        The file; `.gz`, `.zip` and `.tar.gz` with one table inside are opened.
    encoding, delimiter
        As the mapping declares; detected where empty.

    Raises
    ------
    InputError
        At once for a file that is missing, empty, binary or without a header; while iterating for
        everything further down.
    """

    def __init__(self, path: Path, *, encoding: str = "", delimiter: str = "") -> None:
        self.path, self.name, self.encoding = path, path.name, encoding
        with _Opened(path) as stream:
            head, lines = self._head(utf8_pieces(stream, self.name, encoding=encoding))
        self.delimiter = delimiter or detect_delimiter(head)
        self.header = next(csv.reader(io.StringIO(head), delimiter=self.delimiter), [])
        self._skip = lines

    def chunks(self, *, piece_bytes: int = PIECE_BYTES) -> Iterator[Chunk]:
        """Yield the records after the header."""
        with _Opened(self.path) as stream:
            pieces = utf8_pieces(stream, self.name, encoding=self.encoding, piece_bytes=piece_bytes)
            yield from _Cutter(self, pieces).chunks(self._skip)

    def _head(self, pieces: Iterator[bytes]) -> tuple[str, int]:
        """The header record as text, and the bytes up to its end."""
        data, at = b"", 0
        for piece in pieces:
            data += piece
            while (end := _record_end(data, at)) >= 0:
                if data[at:end].strip():
                    return data[at:end].decode(), end
                at = end
            if len(data) - at > RECORD_BYTES:
                break
        if not data[at:].strip():
            raise InputError("the file is empty", where=self.name, remedy="send it again")
        if len(data) - at > CELL_BYTES:
            raise InputError(
                f"the first line does not end within {CELL_BYTES:,} bytes",
                where=self.name,
                remedy="the first line must name the columns; look for a quote that never closes",
            )
        return data[at:].decode(), len(data)


def detect_delimiter(head: str) -> str:
    """The separator that cuts the header line into most fields; a comma where none does."""
    counts = {
        one: len(next(csv.reader(io.StringIO(head), delimiter=one), [])) for one in DELIMITERS
    }
    return max(DELIMITERS, key=lambda one: counts[one])


def _record_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    while end >= 0 and data.count(b'"', start, end) % 2:
        end = data.find(b"\n", end + 1)
    return end + 1 if end >= 0 else -1


class _Opened:
    """The one table in a file or archive, as a stream."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.members = open_members(path)

    def __enter__(self) -> BinaryIO:
        member = next(self.members, None)
        if member is None:
            raise InputError("the archive is empty", where=self.path.name, remedy="send it again")
        return member.stream

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            another = next(self.members, None) if kind is None else None
        finally:
            self.members.close()  # type: ignore[attr-defined]
        if another is not None:
            raise InputError(
                f"holds more than one file ({another.name} and another)",
                where=self.path.name,
                remedy="send one table at a time",
            )


@dataclass(slots=True)
class _Marks:
    """Where things are in a buffer: record ends, delimiters, the parity of quotes at its end."""

    ends: NDArray[np.intp]
    delimiters: NDArray[np.intp]
    open_quote: bool
    odd_quotes: bool


class _Cutter:
    def __init__(self, table: TextTable, pieces: Iterator[bytes]) -> None:
        self.table, self.pieces = table, pieces
        self.row = 0  # records already given out
        self.width = len(table.header)
        self.schema = {f"c{index}": pl.String() for index in range(self.width)}

    def chunks(self, skip: int) -> Iterator[Chunk]:
        data = b""
        for piece in self.pieces:
            data = data + piece if data else piece
            if skip:
                cut = min(skip, len(data))
                data, skip = data[cut:], skip - cut
            marks = self.marks(data)
            if marks.odd_quotes:
                yield from self.by_csv(data)
                return
            if len(marks.ends):
                cut = int(marks.ends[-1]) + 1
                yield self.chunk(data[:cut], marks)
                data = data[cut:]
            if len(data) > CELL_BYTES:
                self.check_long(data)
        if data.strip(b"\r\n"):
            data += b"\n"
            marks = self.marks(data)
            if marks.odd_quotes:
                yield from self.by_csv(data)
                return
            if marks.open_quote:
                self.fail_open(data)
            yield self.chunk(data, marks)

    def marks(self, data: bytes) -> _Marks:
        buffer = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(buffer == _LF)
        delimiters = np.flatnonzero(buffer == ord(self.table.delimiter))
        if b'"' not in data:
            return _Marks(ends, delimiters, open_quote=False, odd_quotes=False)
        quote = buffer == _QUOTE
        inside = np.bitwise_xor.accumulate(quote.view(np.uint8)).view(np.bool_)
        return _Marks(
            ends[~inside[ends]],
            delimiters[~inside[delimiters]],
            open_quote=bool(inside[-1]),
            odd_quotes=self.odd_quotes(buffer, np.flatnonzero(quote)),
        )

    def odd_quotes(self, buffer: NDArray[np.uint8], quotes: NDArray[np.intp]) -> bool:
        """Whether a quote opens inside a cell, or closes before a cell's end."""
        delimiter = ord(self.table.delimiter)
        opening, closing = quotes[0::2], quotes[1::2]
        before = buffer[opening[opening > 0] - 1]
        after = buffer[closing[closing < len(buffer) - 1] + 1]
        return not (
            np.isin(before, (delimiter, _LF, _QUOTE)).all()
            and np.isin(after, (delimiter, _LF, _CR, _QUOTE)).all()
        )

    def chunk(self, data: bytes, marks: _Marks) -> Chunk:
        """Records of `data`, which ends at a record's end."""
        ends = marks.ends
        starts = np.concatenate(([0], ends[:-1] + 1))
        delimiters = marks.delimiters[: np.searchsorted(marks.delimiters, ends[-1])]
        fields = np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
        lengths = ends - starts
        if int(lengths.max()) > CELL_BYTES:
            self.check_cells(data, starts, ends, delimiters)
        buffer = np.frombuffer(data, np.uint8)
        blank = (lengths == 0) | ((lengths == 1) & (buffer[starts] == _CR))
        ragged = (fields != self.width) & ~blank
        rows = np.arange(self.row + 1, self.row + 1 + len(ends))
        self.row += len(ends)
        good = ~(blank | ragged)
        if not good.all():
            data, few = _joined(data, starts, ends, good), np.flatnonzero(ragged)
            lines = [(int(rows[at]), buffer[starts[at] : ends[at]].tobytes()) for at in few]
        else:
            lines = []
        frame = self.parsed(data, int(good.sum()))
        return self.with_ragged(
            frame, pl.Series(rows[good]), [(row, self.cells(line)) for row, line in lines],
            int(blank.sum()),
        )  # fmt: skip

    def parsed(self, data: bytes, records: int) -> pl.DataFrame:
        if not records:
            return pl.DataFrame(schema=self.schema)
        frame = pl.read_csv(
            data, has_header=False, schema=self.schema, separator=self.table.delimiter,
            quote_char='"' if b'"' in data else None,
        )  # fmt: skip
        if frame.height != records:  # never seen; the account must not go wrong silently
            self.fail(f"{records} records read as {frame.height}", "report this file's layout")
        return frame

    def cells(self, line: bytes) -> list[str]:
        return next(csv.reader([line.decode()], delimiter=self.table.delimiter), [])

    def with_ragged(
        self, frame: pl.DataFrame, rows: pl.Series, ragged: list[tuple[int, list[str]]], blank: int
    ) -> Chunk:
        """Take records whose surplus cells are all empty; keep the others apart."""
        surplus = [
            (row, cells[: self.width])
            for row, cells in ragged
            if len(cells) > self.width and not any(cells[self.width :])
        ]
        if surplus:
            taken = {row for row, _ in surplus}
            ragged = [(row, cells) for row, cells in ragged if row not in taken]
            more = self.frame_of([cells for _, cells in surplus])
            rows = pl.concat([rows, pl.Series([row for row, _ in surplus], dtype=rows.dtype)])
            order = rows.arg_sort()
            frame, rows = pl.concat([frame, more])[order], rows[order]
        return Chunk(frame, rows.cast(pl.Int64), [Ragged(*one) for one in ragged], blank)

    def frame_of(self, records: list[list[str]]) -> pl.DataFrame:
        frame = pl.DataFrame(records, schema=self.schema, orient="row")
        return frame.with_columns(pl.all().replace("", None))

    def by_csv(self, data: bytes) -> Iterator[Chunk]:
        """Read on with Python's `csv`: quotes inside unquoted cells count as plain characters."""
        reader = csv.reader(self.lines(data), delimiter=self.table.delimiter, strict=True)
        records: list[list[str]] = []
        numbers: list[int] = []
        ragged: list[tuple[int, list[str]]] = []
        blank = 0
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                self.fail(
                    f"the quotes cannot be followed: {error}",
                    'put a cell with quotes in quotes and double those inside: "5""6"',
                )
            if cells is not None:
                self.row += 1
                if not cells:
                    blank += 1
                elif len(cells) == self.width:
                    records.append(cells)
                    numbers.append(self.row)
                else:
                    ragged.append((self.row, cells))
                for index, cell in enumerate(cells):
                    if len(cell) > CELL_BYTES:
                        self.fail_cell(self.row, index, len(cell))
            if cells is None or len(records) + len(ragged) >= _CSV_ROWS:
                frame = self.frame_of(records)
                yield self.with_ragged(frame, pl.Series(numbers, dtype=pl.Int64), ragged, blank)
                records, numbers, ragged, blank = [], [], [], 0
            if cells is None:
                return

    def lines(self, data: bytes) -> Iterator[str]:
        while True:
            *lines, data = data.split(b"\n")
            yield from (line.decode() + "\n" for line in lines)
            if len(data) > RECORD_BYTES:
                self.check_long(data)
            piece = next(self.pieces, None)
            if piece is None:
                if data:
                    yield data.decode()
                return
            data += piece

    def check_cells(
        self,
        data: bytes,
        starts: NDArray[np.intp],
        ends: NDArray[np.intp],
        delimiters: NDArray[np.intp],
    ) -> None:
        """Refuse a cell over the limit, naming its row and column."""
        edges = np.sort(np.concatenate((starts - 1, delimiters, ends[-1:])))
        sizes = np.diff(edges) - 1
        worst = int(sizes.argmax())
        if sizes[worst] > CELL_BYTES:
            record = int(np.searchsorted(ends, edges[worst] + 1))
            column = int(np.searchsorted(delimiters, edges[worst + 1])) - int(
                np.searchsorted(delimiters, starts[record])
            )
            size = len(data[edges[worst] + 1 : edges[worst + 1]].decode("utf-8", "replace"))
            self.fail_cell(self.row + 1 + record, column, size)

    def check_long(self, data: bytes) -> None:
        """Refuse an unfinished record that already holds too long a cell."""
        marks = self.marks(data)
        if marks.open_quote:
            at = _last_opening(data)
            if len(data) - at > CELL_BYTES:
                self.fail_open(data)
        at = int(marks.delimiters[-1]) + 1 if len(marks.delimiters) else 0
        if len(data) - at > CELL_BYTES:
            self.fail_cell(self.row + 1, len(marks.delimiters), len(data) - at)
        if len(data) > RECORD_BYTES:
            self.fail(f"row {self.row + 1:,} is longer than {RECORD_BYTES:,} bytes", "mend the row")

    def fail_open(self, data: bytes) -> NoReturn:
        at = _last_opening(data)
        marks = self.marks(data[:at]) if at else None
        row = self.row + 1 + (len(marks.ends) if marks else 0)
        last = int(marks.ends[-1]) if marks and len(marks.ends) else -1
        column = int((marks.delimiters > last).sum()) if marks else 0
        self.fail(
            f"the quote that opens in {self.place(row, column)} never closes",
            'close the quote, or double it where it is meant as a character: ""',
        )

    def fail_cell(self, row: int, column: int, size: int) -> NoReturn:
        self.fail(
            f"the cell in {self.place(row, column)} is longer than {CELL_BYTES:,} characters "
            f"({size:,} or more)",
            "shorten the cell; look for a quote that never closes",
        )

    def place(self, row: int, column: int) -> str:
        header = self.table.header
        name = repr(header[column]) if column < len(header) else "beyond the header"
        return f"row {row:,}, column {column + 1} ({name})"

    def fail(self, problem: str, remedy: str) -> NoReturn:
        raise InputError(problem, where=f"{self.table.name}, near row {self.row:,}", remedy=remedy)


def _last_opening(data: bytes) -> int:
    """Where the quote opened that is open at the end."""
    quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == _QUOTE)
    if len(quotes) % 2 == 0:
        return len(data)
    last = len(quotes) - 1
    while last >= 2 and quotes[last] - quotes[last - 1] == 1:  # a doubled quote inside the cell
        last -= 2
    return int(quotes[last])


def _joined(
    data: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp], good: NDArray[np.bool_]
) -> bytes:
    """The records of `data` that are good, put together."""
    change = np.flatnonzero(np.diff(good.astype(np.int8), prepend=0, append=0))
    view = memoryview(data)
    return b"".join(
        view[starts[first] : ends[last - 1] + 1]
        for first, last in zip(change[0::2], change[1::2], strict=True)
    )
