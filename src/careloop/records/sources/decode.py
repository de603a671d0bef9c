"""Text of unknown encoding as pieces of UTF-8, decided and checked while it streams past.

GB18030, UTF-16 and UTF-8 (with or without a byte-order mark) are told apart by their bytes; a byte
that does not decode stops the reading with its offset and line.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from careloop.error import InputError

PIECE_BYTES = 4 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_REMEDY = "save the file as UTF-8 (Excel: “CSV UTF-8”), or name its encoding under [source]"


def utf8_pieces(
    stream: BinaryIO, where: str, *, encoding: str = "", piece_bytes: int = PIECE_BYTES
) -> Iterator[bytes]:
    """Yield the text of `stream` as UTF-8 without byte-order mark, line ends as LF or CRLF.

    Parameters
    ----------
    stream
        Bytes.
    where
        Name for messages.
    encoding
        `""` detects: a byte-order mark, UTF-16 by its zero bytes, else UTF-8 as long as everything
        decodes from the first byte that is not ASCII, else GB18030.

    Raises
    ------
    InputError
        A byte does not decode (offset and line named), or the file is not text at all.
    """
    pieces = _Pieces(stream, where, encoding, piece_bytes)
    yield from _line_feeds(pieces.texts())


def _line_feeds(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Turn lone carriage returns (old Macs) into line feeds where the text has no line feeds."""
    old_mac: bool | None = None
    for piece in pieces:
        if old_mac is None:
            old_mac = b"\r" in piece[:-1] and b"\n" not in piece
        yield piece.replace(b"\r", b"\n") if old_mac else piece


class _Pieces:
    def __init__(self, stream: BinaryIO, where: str, encoding: str, piece_bytes: int) -> None:
        self.stream, self.where, self.piece_bytes = stream, where, piece_bytes
        self.encoding = encoding
        self.offset = 0  # bytes of the source already decoded
        self.line = 1

    def texts(self) -> Iterator[bytes]:
        piece = self.stream.read(max(self.piece_bytes, 4))  # room for a byte-order mark
        for mark, encoding in _BOMS:
            if piece.startswith(mark) and self.encoding.removesuffix("-sig") in (
                "", encoding, "utf-8", "utf-16", "gb18030"
            ):  # fmt: skip
                self.encoding, self.offset = encoding, len(mark)
                piece = piece[len(mark) :]
                break
        if self.encoding in ("", "utf-16"):
            self.encoding = _utf16_by_zeros(piece) or self.encoding.replace("utf-16", "utf-16-le")
        decoder = self.decoder() if self.encoding else None
        while piece:
            following = self.stream.read(self.piece_bytes)
            if decoder is None and not piece.isascii():
                self.encoding = self.decide(piece, final=not following)
                decoder = self.decoder()
            out = self.plain(piece) if decoder is None else self.decoded(decoder, piece)
            yield self.checked(out)
            piece = following
        if decoder is not None:
            self.decoded(decoder, b"", final=True)

    def decoder(self) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder(self.encoding.removesuffix("-sig"))(errors="strict")

    def decide(self, piece: bytes, *, final: bool) -> str:
        """UTF-8 if the piece is; else GB18030 if it is that; else UTF-8, to fail with its place."""
        for encoding in ("utf-8", "gb18030"):
            try:
                codecs.getincrementaldecoder(encoding)().decode(piece, final)
            except UnicodeDecodeError:
                continue
            return encoding
        raise InputError(
            "is neither UTF-8 nor GB18030 (nor UTF-16 with a byte-order mark): "
            f"first odd byte at offset {self.offset + _first_odd(piece):,}, "
            f"line {self.line + piece[: _first_odd(piece)].count(10):,}",
            where=self.where,
            remedy=_REMEDY,
        )

    def plain(self, piece: bytes) -> bytes:
        self.offset += len(piece)
        return piece

    def decoded(
        self, decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool = False
    ) -> bytes:
        pending = decoder.getstate()[0]
        try:
            text = decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            at = self.offset - len(pending) + error.start
            line = self.line + (pending + piece)[: error.start].count(10)
            raise InputError(
                f"byte 0x{error.object[error.start]:02x} at offset {at:,} (line {line:,}) "
                f"does not belong to {self.encoding.upper()}: {error.reason}",
                where=self.where,
                remedy=_REMEDY,
            ) from None
        self.offset += len(piece)
        if self.encoding.startswith("utf-8") and not pending and not decoder.getstate()[0]:
            return piece
        return text.encode()

    def checked(self, piece: bytes) -> bytes:
        if b"\x00" in piece:
            line = self.line + piece[: piece.index(b"\x00")].count(10)
            raise InputError(
                f"has a zero byte in line {line:,}: this is not a text table",
                where=self.where,
                remedy="send CSV or Excel; a UTF-16 file needs its byte-order mark",
            )
        self.line += piece.count(10)
        return piece


def _utf16_by_zeros(piece: bytes) -> str:
    head = piece[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.3 * len(head) / 2 and even * 10 < odd:
        return "utf-16-le"
    if even > 0.3 * len(head) / 2 and odd * 10 < even:
        return "utf-16-be"
    return ""


def _first_odd(piece: bytes) -> int:
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return len(piece)
