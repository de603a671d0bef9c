"""Excel sheets (xlsx, xlsm, xlsb, xls, ods) as frames of strings, dates as ISO text.

A sheet holds at most 1,048,576 rows and is read whole; what its zip container would unpack to is
measured first.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from careloop.error import InputError
from careloop.records.sources.cut import CELL_BYTES, TITLE_ROWS, Chunk, names

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CHUNK_ROWS = 65_536
_UNPACKED_BYTES = 2 << 30
_RATIO = 200
"""Sheet XML shrinks 10 to 50 times; a bomb, a thousand times."""
_FLOOR_BYTES = 64 << 20


def is_excel(path: Path) -> bool:
    """Whether the content is a spreadsheet, whatever the file is called."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
        if head.startswith(_OLD_EXCEL):
            return True
        if not head.startswith(b"PK\x03\x04"):
            return False
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return path.suffix.lower() in SUFFIXES
    return "[Content_Types].xml" in names or "mimetype" in names


class ExcelTable:
    """One sheet: its header and its records.

    The header is the row, among the first, that names the column `key`; else the first that is not
    empty.

    Raises
    ------
    InputError
        A damaged file, no such sheet, an empty sheet, a password, a decompression bomb, or a cell
        longer than the limit.
    """

    def __init__(self, path: Path, *, sheet: str = "", key: str = "") -> None:
        self.path, self.name = path, path.name
        if zipfile.is_zipfile(path):
            _check_container(path)
        frame = self._sheet(sheet)
        empty = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
        filled = (~empty).arg_true().head(TITLE_ROWS)
        if not len(filled):
            raise InputError(
                "the sheet is empty", where=f"{self.name} [{self.sheet}]", remedy="send it again"
            )
        rows = {at: [cell or "" for cell in frame.row(at)] for at in filled}
        head = next((at for at, cells in rows.items() if names(cells, key)), filled[0])
        self.header = rows[head]
        self._frame = frame[head + 1 :]
        self._empty = empty[head + 1 :]
        self._check_cells()

    def chunks(self) -> Iterator[Chunk]:
        """Yield the records after the header."""
        rows = pl.int_range(1, self._frame.height + 1, eager=True)
        for start in range(0, self._frame.height, _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            full = ~self._empty[part]
            frame = self._frame[part].filter(full)
            yield Chunk(frame, rows[part].filter(full), blank=len(full) - frame.height)

    def _sheet(self, sheet: str) -> pl.DataFrame:
        import fastexcel  # noqa: PLC0415 - loaded when used

        try:
            reader = fastexcel.read_excel(self.path)
        except Exception as error:  # the parser raises its own and Rust's errors on noise
            raise InputError(
                f"cannot be read as Excel: {_plain(error)}",
                where=self.name,
                remedy="open it in Excel and save it again as .xlsx, without a password",
            ) from None
        if sheet and sheet not in reader.sheet_names:
            raise InputError(
                f"has no sheet {sheet!r}",
                where=self.name,
                remedy=f"there are: {', '.join(reader.sheet_names)}",
            )
        self.sheet = sheet or next(iter(reader.sheet_names), "")
        try:
            loaded = reader.load_sheet(self.sheet, header_row=None, skip_rows=0, dtypes="string")
            frame = loaded.to_polars()
        except Exception as error:
            raise InputError(
                f"the sheet cannot be read: {_plain(error)}",
                where=f"{self.name} [{self.sheet}]",
                remedy="open it in Excel and save it again as .xlsx",
            ) from None
        frame.columns = [f"c{at}" for at in range(frame.width)]
        if not frame.width:
            return pl.DataFrame({"c0": pl.Series([], dtype=pl.String())})
        midnight = pl.all().cast(pl.String).str.replace(r"^(\d{4}-\d{2}-\d{2}) 00:00:00$", "$1")
        return frame.select(midnight).select(
            pl.when(pl.all().str.strip_chars() != "").then(pl.all())  # a cell of blanks is empty
        )

    def _check_cells(self) -> None:
        longest = self._frame.select(pl.all().str.len_bytes().max())
        for at, size in enumerate(longest.row(0) if longest.height else ()):
            if size and size > CELL_BYTES:
                row = self._frame[f"c{at}"].str.len_bytes().fill_null(0).arg_max()
                raise InputError(
                    f"the cell in row {(row or 0) + 1}, column {at + 1} ({self.header[at]!r}) is "
                    f"longer than {CELL_BYTES:,} characters ({size:,} bytes)",
                    where=f"{self.name} [{self.sheet}]",
                    remedy="shorten the cell",
                )


def _check_container(path: Path) -> None:
    """Unpack every part once, counting only, so that no declared size has to be believed."""
    size, out = max(path.stat().st_size, 1), 0
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            for info in archive.infolist():
                file.seek(info.header_offset)
                head = file.read(30)
                skip = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
                file.seek(info.header_offset + 30 + skip)
                data = file.read(info.compress_size)
                inflate = info.compress_type == zipfile.ZIP_DEFLATED
                for count in _unpacked(data) if inflate else (len(data),):
                    out += count
                    _check_size(out, size, path)
    except (zipfile.BadZipFile, OSError, zlib.error, ValueError, NotImplementedError) as error:
        raise InputError(
            f"the workbook is damaged: {_plain(error)}",
            where=path.name,
            remedy="ask for it again, or open it in Excel and save it anew",
        ) from None


def _unpacked(data: bytes) -> Iterator[int]:
    """Yield how many bytes come out, a megabyte at a time."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    while data:
        yield len(inflate.decompress(data, 1 << 20))
        data = inflate.unconsumed_tail


def _check_size(out: int, size: int, path: Path) -> None:
    if out > _UNPACKED_BYTES or (out > _FLOOR_BYTES and out > _RATIO * size):
        raise InputError(
            f"{size:,} bytes unpack to more than {out:,}: it looks like a decompression bomb",
            where=path.name,
            remedy="if it is what you expect, save the sheet as CSV and import that",
        )


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
