"""Documents are told by their content, not by their name, and refused when they are too large."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
Kind: TypeAlias = Literal["pdf", "picture"]

MOST_BYTES = 200_000_000
MOST_PAGES = 50
LEAST_SIDE = 64  # pixels
MOST_OBLONG = 10  # the longer side of a page over the shorter
MOST_PIXELS = 80_000_000
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
_REMEDY = "Give the report as PDF, PNG, JPEG or TIFF."
_HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1", b"ftypavif")


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of a document, what they are and how to name it in a message."""

    data: bytes
    kind: Kind
    name: str


def open_document(source: Source) -> Document:
    """A document from a path, bytes or a binary stream, told by its first bytes.

    Raises
    ------
    InputError
        If it is missing, empty, larger than `MOST_BYTES`, or neither PDF nor a picture.
    """
    data, name = _take(source)
    if not data:
        raise InputError("the file is empty", where=name, remedy=_REMEDY)
    if len(data) > MOST_BYTES:
        raise InputError(
            f"the file is larger than {MOST_BYTES // 1_000_000} MB",
            where=name,
            remedy="Give the report pages alone.",
        )
    if b"%PDF-" in data[:1024]:
        return Document(data, "pdf", name)
    if data[4:12] in _HEIC:
        raise InputError(
            "HEIC and AVIF photographs cannot be read",
            where=name,
            remedy="Set the phone's camera to 'most compatible', or export the photo as JPEG.",
        )
    return Document(data, "picture", name)


def _take(source: Source) -> tuple[bytes, str]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), "document"
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        try:
            with path.open("rb") as stream:
                return stream.read(MOST_BYTES + 1), path.name
        except OSError as error:
            problem = error.strerror or "cannot be opened"
            raise InputError(problem, where=path.name, remedy="Check the path.") from None
    name = getattr(source, "name", "document")
    return source.read(MOST_BYTES + 1), Path(name).name if isinstance(name, str) else "document"


@dataclass(frozen=True, slots=True)
class Frame:
    """One page of a picture file: RGB pixels, upright by its own tag, and its printed density."""

    pixels: NDArray[np.uint8]
    dpi: float | None


def frames(document: Document) -> Iterator[Frame]:
    """The pages of a picture file (a TIFF may hold many), RGB on white, turned by the EXIF tag.

    Raises
    ------
    InputError
        If the bytes are no picture that is known, are cut off, or hold too many pixels or pages.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(document.data), formats=FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        problem = (
            "the picture has too many pixels"
            if isinstance(error, Image.DecompressionBombError)
            else "the file is neither a PDF nor a picture that is known"
        )
        raise InputError(problem, where=document.name, remedy=_REMEDY) from None
    with picture:
        count = int(getattr(picture, "n_frames", 1)) if picture.format == "TIFF" else 1
        if count > MOST_PAGES:
            raise InputError(
                f"{count} pages; at most {MOST_PAGES} are read",
                where=document.name,
                remedy="Give the report pages alone.",
            )
        for number in range(count):
            yield _frame(picture, number, document.name)


def _frame(picture: Picture, number: int, name: str) -> Frame:
    from PIL import ImageOps

    where = f"{name}, page {number + 1}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if number:
                picture.seek(number)
            _check_size(picture, where)
            dpi = _printed_density(picture)
            upright = ImageOps.exif_transpose(picture)
            pixels = _rgb(upright)
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError) as error:
        raise InputError(
            f"the picture is damaged ({type(error).__name__})",
            where=where,
            remedy="Export, scan or photograph the page again.",
        ) from None
    return Frame(pixels, dpi)


def _check_size(picture: Picture, where: str) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise InputError(
            f"{picture.width} × {picture.height} pixels are too many",
            where=where,
            remedy=f"Give the page with less than {MOST_PIXELS // 1_000_000} megapixels.",
        )
    if min(picture.size) < LEAST_SIDE or max(picture.size) > MOST_OBLONG * min(picture.size):
        raise InputError(
            f"{picture.width} × {picture.height} pixels are no page",
            where=where,
            remedy=_REMEDY,
        )


def _rgb(picture: Picture) -> NDArray[np.uint8]:
    """RGB bytes of any mode: 16-bit grey is stretched, what is transparent lies on white."""
    from PIL import Image

    if picture.mode in {"I", "F", "I;16", "I;16B", "I;16L"}:
        grey = np.asarray(picture, dtype=np.float64)
        low, high = float(grey.min()), float(grey.max())
        scaled = (grey - low) * (255.0 / max(high - low, 1e-9))
        return np.repeat(scaled.astype(np.uint8)[..., None], 3, axis=2)
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, layered)
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def _printed_density(picture: Picture) -> float | None:
    """Dots per inch where the file says so and the page then has the size of paper."""
    dpi = picture.info.get("dpi")
    try:
        density = float(dpi[0]) if dpi else 0.0
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not 50 <= density <= 1200:
        return None
    longest_in = max(picture.size) / density
    return density if 5 <= longest_in <= 25 else None
