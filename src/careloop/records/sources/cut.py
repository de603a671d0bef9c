"""Delimited text cut into chunks of whole records, each parsed into a Polars frame.

Where a record ends is told by the parity of quotes before the line feed. How many fields it has
is counted, so that a record too long or too short comes out beside the frame instead of shifting
its neighbours. Where quotes do not follow RFC 4180 (`5"6`), Python's own, slower `csv` reads on.

Reference: RFC 4180 (Y. Shafranovich, 2005), section 2.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from careloop.error import InputError

CELL_BYTES = 128 * 1024
"""Longest cell taken: what a person types never comes near it."""
RECORD_BYTES = 16 << 20
TITLE_ROWS = 20
"""So far down a header is looked for below titles and remarks."""
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


@dataclass(frozen=True, slots=True)
class _Marks:
    """Where records end and fields are divided in a buffer, and what its quotes say."""

    ends: NDArray[np.intp]
    delimiters: NDArray[np.intp]
    open_quote: bool = False
    odd_quotes: bool = False


def names(cells: Sequence[str], column: str) -> bool:
    """Tell whether a record names `column`, so that it is the header."""
    return bool(column) and folded(column) in map(folded, cells)


def folded(name: str) -> str:
    """Bring a column's name to what counts: no case, no width, no blanks."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


class Cutter:
    """Cuts pieces of UTF-8 text, which follow the header, into chunks.

    Parameters
    ----------
    pieces
        The text, cut anywhere.
    header
        Names of the columns.
    delimiter
        One ASCII character.
    name
        Of the file, for messages.

    Raises
    ------
    InputError
        A cell over `CELL_BYTES` or a quote that never closes, with row and column.
    """

    def __init__(
        self, pieces: Iterator[bytes], *, header: Sequence[str], delimiter: str, name: str
    ) -> None:
        self.pieces, self.header, self.delimiter, self.name = pieces, header, delimiter, name
        self.row = 0  # records already given out
        self.width = len(header)
        self.schema = {f"c{index}": pl.String() for index in range(self.width)}

    def chunks(self) -> Iterator[Chunk]:
        """Yield the records in their order."""
        data = b""
        for piece in self.pieces:
            data += piece
            marks = self._marks(data)
            if marks.odd_quotes:
                yield from self._by_csv(data)
                return
            if len(marks.ends):
                end = int(marks.ends[-1]) + 1
                yield self._chunk(data[:end], marks)
                data = data[end:]
            if len(data) > CELL_BYTES:
                self._check_unfinished(data)
        if data.strip(b"\r\n"):
            data += b"\n"
            marks = self._marks(data)
            if marks.odd_quotes:
                yield from self._by_csv(data)
                return
            if marks.open_quote:
                raise self._never_closes(data)
            yield self._chunk(data, marks)

    def _marks(self, data: bytes) -> _Marks:
        buffer = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(buffer == _LF)
        delimiters = np.flatnonzero(buffer == ord(self.delimiter))
        if b'"' not in data:
            return _Marks(ends, delimiters)
        quote = buffer == _QUOTE
        inside = np.bitwise_xor.accumulate(quote.view(np.uint8)).view(np.bool_)
        return _Marks(
            ends[~inside[ends]],
            delimiters[~inside[delimiters]],
            open_quote=bool(inside[-1]),
            odd_quotes=self._odd_quotes(buffer, np.flatnonzero(quote)),
        )

    def _odd_quotes(self, buffer: NDArray[np.uint8], quotes: NDArray[np.intp]) -> bool:
        """Whether a quote opens inside a cell, or closes before a cell's end."""
        delimiter = ord(self.delimiter)
        opening, closing = quotes[0::2], quotes[1::2]
        before = buffer[opening[opening > 0] - 1]
        after = buffer[closing[closing < len(buffer) - 1] + 1]
        return not (
            np.isin(before, (delimiter, _LF, _QUOTE)).all()
            and np.isin(after, (delimiter, _LF, _CR, _QUOTE)).all()
        )

    def _chunk(self, data: bytes, marks: _Marks) -> Chunk:
        """Make a chunk of `data`, which starts and ends with whole records."""
        ends = marks.ends
        starts = np.concatenate(([0], ends[:-1] + 1))
        delimiters = marks.delimiters[: np.searchsorted(marks.delimiters, ends[-1])]
        fields = np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
        lengths = ends - starts
        if int(lengths.max()) > CELL_BYTES:
            self._check_cells(data, starts, ends, delimiters)
        buffer = np.frombuffer(data, np.uint8)
        blank = (lengths == 0) | ((lengths == 1) & (buffer[starts] == _CR))
        good = (fields == self.width) & ~blank
        rows = np.arange(self.row + 1, self.row + 1 + len(ends))
        self.row += len(ends)
        ragged = []
        if not good.all():
            for at in np.flatnonzero(~good & ~blank):
                line = data[starts[at] : ends[at]].decode().rstrip("\r").replace("\r", " ")
                cells = next(csv.reader([line], delimiter=self.delimiter), [])
                ragged.append(Ragged(int(rows[at]), cells))
            data = _joined(data, starts, ends, good)
        frame = self._parsed(data, int(good.sum()))
        return self._with_surplus(Chunk(frame, pl.Series(rows[good]), ragged, int(blank.sum())))

    def _parsed(self, data: bytes, records: int) -> pl.DataFrame:
        if not records:
            return pl.DataFrame(schema=self.schema)
        frame = pl.read_csv(
            data,
            has_header=False,
            schema=self.schema,
            separator=self.delimiter,
            quote_char='"' if b'"' in data else None,
        )
        if frame.height != records:  # never seen; the account must not go wrong silently
            raise self._fault(
                f"{records} records read as {frame.height}", "report this file's layout"
            )
        return _without_empty(frame) if b'""' in data else frame

    def _with_surplus(self, chunk: Chunk) -> Chunk:
        """Take ragged records whose surplus cells are all empty; count empty ones as blank."""
        width = self.width
        filled = [one for one in chunk.ragged if any(map(str.strip, one.cells))]
        blank = chunk.blank + len(chunk.ragged) - len(filled)
        chunk = Chunk(chunk.frame, chunk.rows, filled, blank)
        taken = [
            one for one in chunk.ragged if len(one.cells) > width and not any(one.cells[width:])
        ]
        if not taken:
            return chunk
        rest = [one for one in chunk.ragged if one not in taken]
        more = self._frame([one.cells[:width] for one in taken])
        rows = pl.concat([chunk.rows, pl.Series([one.row for one in taken], dtype=pl.Int64)])
        order = rows.arg_sort()
        return Chunk(pl.concat([chunk.frame, more])[order], rows[order], rest, chunk.blank)

    def _frame(self, records: list[list[str]]) -> pl.DataFrame:
        return _without_empty(pl.DataFrame(records, schema=self.schema, orient="row"))

    def _by_csv(self, data: bytes) -> Iterator[Chunk]:
        """Read on with Python's `csv`: quotes inside unquoted cells are plain characters."""
        reader = csv.reader(self._lines(data), delimiter=self.delimiter, strict=True)
        records: list[list[str]] = []
        rows: list[int] = []
        ragged: list[Ragged] = []
        blank = 0
        while (cells := self._next(reader)) is not None:
            self.row += 1
            if len(cells) == self.width and cells:
                records.append(cells)
                rows.append(self.row)
            elif cells:
                ragged.append(Ragged(self.row, cells))
            else:
                blank += 1
            if len(records) + len(ragged) >= _CSV_ROWS:
                yield self._read_chunk(records, rows, ragged, blank)
                records, rows, ragged, blank = [], [], [], 0
        yield self._read_chunk(records, rows, ragged, blank)

    def _next(self, reader: Iterator[list[str]]) -> list[str] | None:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise self._fault(
                f"the quotes of row {self.row + 1:,} cannot be followed: {error}",
                'put a cell with quotes in quotes and double those inside: "5""6"',
            ) from None
        for column, cell in enumerate(cells or ()):
            if len(cell) > CELL_BYTES:
                raise self._too_long(self.row + 1, column, len(cell))
        return cells

    def _read_chunk(
        self, records: list[list[str]], rows: list[int], ragged: list[Ragged], blank: int
    ) -> Chunk:
        numbers = pl.Series(rows, dtype=pl.Int64)
        return self._with_surplus(Chunk(self._frame(records), numbers, ragged, blank))

    def _lines(self, data: bytes) -> Iterator[str]:
        while True:
            *lines, data = data.split(b"\n")
            yield from (line.decode() + "\n" for line in lines)
            if len(data) > RECORD_BYTES:
                self._check_unfinished(data)
            piece = next(self.pieces, None)
            if piece is None:
                if data:
                    yield data.decode()
                return
            data += piece

    def _check_cells(
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
            first, last = np.searchsorted(delimiters, (starts[record], edges[worst + 1]))
            cell = data[edges[worst] + 1 : edges[worst + 1]].decode("utf-8", "replace")
            raise self._too_long(self.row + 1 + record, int(last - first), len(cell))

    def _check_unfinished(self, data: bytes) -> None:
        """Refuse a record without an end in sight that already holds too long a cell."""
        marks = self._marks(data)
        if marks.open_quote:
            if len(data) - _last_opening(data) > CELL_BYTES:
                raise self._never_closes(data)
        else:
            last = int(marks.delimiters[-1]) if len(marks.delimiters) else -1
            if len(data) - last > CELL_BYTES:
                raise self._too_long(self.row + 1, len(marks.delimiters), len(data) - last - 1)
        if len(data) > RECORD_BYTES:
            raise self._fault(
                f"row {self.row + 1:,} is longer than {RECORD_BYTES:,} bytes", "mend the row"
            )

    def _never_closes(self, data: bytes) -> InputError:
        marks = self._marks(data[: _last_opening(data)] or b"\n")
        last = int(marks.ends[-1]) if len(marks.ends) and _last_opening(data) else -1
        row = self.row + 1 + (len(marks.ends) if last >= 0 else 0)
        column = int((marks.delimiters > last).sum())
        return self._fault(
            f"the quote that opens in {self._place(row, column)} never closes",
            'close the quote, or double it where it is meant as a character: ""',
        )

    def _too_long(self, row: int, column: int, size: int) -> InputError:
        return self._fault(
            f"the cell in {self._place(row, column)} is longer than {CELL_BYTES:,} characters "
            f"({size:,} or more)",
            "shorten the cell; look for a quote that never closes",
        )

    def _place(self, row: int, column: int) -> str:
        name = repr(self.header[column]) if column < self.width else "beyond the header"
        return f"row {row:,}, column {column + 1} ({name})"

    def _fault(self, problem: str, remedy: str) -> InputError:
        return InputError(problem, where=self.name, remedy=remedy)


def _last_opening(data: bytes) -> int:
    """Find where the quote opened that is still open at the end."""
    quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == _QUOTE)
    if len(quotes) % 2 == 0:
        return len(data)
    last = len(quotes) - 1
    while last >= 2 and quotes[last] - quotes[last - 1] == 1:  # a doubled quote inside the cell
        last -= 2
    return int(quotes[last])


def _without_empty(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all()))


def _joined(
    data: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp], good: NDArray[np.bool_]
) -> bytes:
    """Put the good records of `data` together."""
    change = np.flatnonzero(np.diff(good.astype(np.int8), prepend=0, append=0))
    view = memoryview(data)
    return b"".join(
        view[starts[first] : ends[last - 1] + 1]
        for first, last in zip(change[0::2], change[1::2], strict=True)
    )
