"""The text layer of a PDF, word by word, in the pixels of the page as it is drawn."""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError
from careloop.imaging.report.page.document import MOST_PAGES, Document
from careloop.imaging.report.word import Box, Word

MOST_RENDERED_PIXELS = 30_000_000
_FINER = 16  # PDFium maps to whole pixels: the page is mapped this much larger than drawn
_PASSWORD_NEEDED = 4  # FPDF_ERR_PASSWORD
_INVISIBLE = 3  # text render mode of a searchable scan: someone else's OCR
_LOCK = threading.Lock()  # PDFium may not be entered by two threads


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a PDF: drawn, with the words of its text layer and what covers it.

    `pictured` is the share of the page that embedded pictures cover; `hidden` says that the text
    is drawn invisibly, as programs do that lay their own OCR over a scan; `smaller` that the page
    is so large that it was drawn at less than the density asked for.
    """

    number: int
    picture: NDArray[np.uint8]
    words: tuple[Word, ...]
    dpi: float
    pictured: float
    hidden: bool
    smaller: bool = False


def leaves(document: Document, *, dpi: float) -> Iterator[Leaf]:
    """The pages of a PDF, drawn at `dpi` or, where they are very large, at less.

    Raises
    ------
    InputError
        If the file is damaged, locked by a password or has too many pages.
    """
    import pypdfium2
    from pypdfium2 import raw

    with _LOCK:
        try:
            pdf = pypdfium2.PdfDocument(document.data)
        except pypdfium2.PdfiumError:
            locked = raw.FPDF_GetLastError() == _PASSWORD_NEEDED
            raise InputError(
                "the PDF is locked by a password" if locked else "the PDF is damaged",
                where=document.name,
                remedy="Save it without a password."
                if locked
                else "Export the report again, or print it and scan the page.",
            ) from None
    try:
        with _LOCK:
            count = len(pdf)
        if not 0 < count <= MOST_PAGES:
            raise InputError(
                f"{count} pages; 1 to {MOST_PAGES} are read",
                where=document.name,
                remedy="Give the report pages alone.",
            )
        for index in range(count):
            with _LOCK:
                leaf = _leaf(pdf, index, dpi, document.name)
            yield leaf
    finally:
        with _LOCK:
            pdf.close()


def _leaf(pdf: Any, index: int, dpi: float, name: str) -> Leaf:
    import pypdfium2

    try:
        page = pdf[index]
        width_pt, height_pt = page.get_size()
        if not (width_pt > 0 and height_pt > 0):
            raise InputError("the page has no size", where=f"{name}, page {index + 1}")
        most = 72 * (MOST_RENDERED_PIXELS / (width_pt * height_pt)) ** 0.5
        drawn_dpi = min(dpi, most)
        picture = page.render(scale=drawn_dpi / 72, may_draw_forms=True).to_numpy()
        text = page.get_textpage()
        try:
            runs = list(_runs(page, text, picture.shape[:2]))
        finally:
            text.close()
        pictured, hidden = _coverage(page, width_pt * height_pt)
        page.close()
    except pypdfium2.PdfiumError:
        raise InputError(
            "the page is damaged",
            where=f"{name}, page {index + 1}",
            remedy="Export the report again, or print it and scan the page.",
        ) from None
    rgb = picture[..., 2::-1] if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    height, width = rgb.shape[:2]
    turns = _heading(runs)
    words = tuple(
        Word("".join(c.text for c in run), _upright(_around(run), turns, width, height))
        for run in runs
    )
    upright = np.ascontiguousarray(np.rot90(rgb, turns))
    return Leaf(index + 1, upright, words, drawn_dpi, pictured, hidden, drawn_dpi < dpi)


def _heading(runs: list[list[_Character]]) -> int:
    """The heading of most characters; that of a page without text is 0."""
    counts = np.bincount([c.heading for run in runs for c in run], minlength=4)
    return int(np.argmax(counts))


def _coverage(page: Any, area_pt: float) -> tuple[float, bool]:
    """The share of the page under pictures, and whether most of its text is invisible."""
    from pypdfium2 import raw

    covered, shown, hidden = 0.0, 0, 0
    for item in page.get_objects(max_depth=3):
        if item.type == raw.FPDF_PAGEOBJ_TEXT:
            mode = raw.FPDFTextObj_GetTextRenderMode(item.raw)
            hidden, shown = hidden + (mode == _INVISIBLE), shown + (mode != _INVISIBLE)
        elif item.type == raw.FPDF_PAGEOBJ_IMAGE:
            covered += _area_pt(item)
    return min(covered / area_pt, 1.0), hidden > shown


def _area_pt(item: Any) -> float:
    """The area that a picture covers on the page, its forms' matrices applied."""
    matrix = item.get_matrix()
    scale = abs(matrix.a * matrix.d - matrix.b * matrix.c)
    form = getattr(item, "container", None)
    while form is not None:
        outer = form.get_matrix()
        scale *= abs(outer.a * outer.d - outer.b * outer.c)
        form = getattr(form, "container", None)
    return float(scale)


# --- characters to words


@dataclass(frozen=True, slots=True)
class _Character:
    text: str
    box: Box
    heading: int  # quarter turns clockwise of the text as drawn: 0 to the right, 1 downwards


def _runs(page: Any, text: Any, size: tuple[int, ...]) -> Iterator[list[_Character]]:
    """Runs of characters: cut at spaces, at line ends, at wide gaps and where the line turns."""
    run: list[_Character] = []
    for character in _characters(page, text, size):
        if run and (character is None or not _follows(run[-1], character)):
            yield run
            run = []
        if character is not None:
            run.append(character)
    if run:
        yield run


def _around(run: list[_Character]) -> Box:
    boxes = [c.box for c in run]
    return Box(
        min(b.x0 for b in boxes),
        min(b.y0 for b in boxes),
        max(b.x1 for b in boxes),
        max(b.y1 for b in boxes),
    )


def _follows(last: _Character, character: _Character) -> bool:
    """Whether a character continues the run: no wide gap, no step back, the same line.

    A raised or lowered small character (the ² of cm²) belongs to its run.
    """
    if last.heading != character.heading:
        return False
    a, b = _upright(last.box, last.heading), _upright(character.box, character.heading)
    height = max(a.height, b.height)
    gap = b.x0 - a.x1
    overlap = min(a.y1, b.y1) - max(a.y0, b.y0)
    return -0.5 * height <= gap <= 0.6 * height and overlap > -0.5 * height


def _upright(box: Box, heading: int, width: float = 0.0, height: float = 0.0) -> Box:
    """A box after the page (`width` × `height`) is turned so that text of a heading is upright."""
    x0, y0, x1, y1 = box.x0, box.y0, box.x1, box.y1
    if heading == 1:
        return Box(y0, width - x1, y1, width - x0)
    if heading == 2:
        return Box(width - x1, height - y1, width - x0, height - y0)
    if heading == 3:
        return Box(height - y1, x0, height - y0, x1)
    return box


def _characters(page: Any, text: Any, size: tuple[int, ...]) -> Iterator[_Character | None]:
    """Each character with its box in picture pixels; None where a word ends."""
    from pypdfium2 import raw

    high = 0
    for index in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text.raw, index)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000 and high:
            code, high = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00), 0
        letter = chr(code) if code and not 0xD800 <= code < 0xE000 else "\ufffd"
        if letter.isspace() or letter == "\u00a0":
            yield None
            continue
        if letter in "\ufeff\u200b\u00ad\ufffe\x02":
            continue
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        if not raw.FPDFText_GetCharBox(text.raw, index, left, right, bottom, top):
            continue
        box = _drawn(page, size, (left.value, bottom.value, right.value, top.value))
        angle_deg = np.degrees(max(raw.FPDFText_GetCharAngle(text.raw, index), 0.0))
        heading = round((page.get_rotation() - angle_deg) / 90) % 4
        yield _Character(letter, box, heading)


def _drawn(page: Any, size: tuple[int, ...], edges: tuple[float, ...]) -> Box:
    """A rectangle of page space in picture pixels: rotation and crop box are PDFium's work."""
    from pypdfium2 import raw

    height, width = size
    x, y = ctypes.c_int(), ctypes.c_int()
    points = []
    for across, up in ((edges[0], edges[1]), (edges[2], edges[3])):
        raw.FPDF_PageToDevice(page.raw, 0, 0, width * _FINER, height * _FINER, 0, across, up, x, y)
        points.append((x.value / _FINER, y.value / _FINER))
    (xa, ya), (xb, yb) = points
    return Box(min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb))


# --- is the layer any good?

_NUMBER = re.compile(r"\d+[.,]\d+")
_SIGNS = frozenset("²³±–—−°·“”‘’•©®™（）：，。％")
_FEWEST_NUMBERS = 3  # decimal numbers of a page that may be a report
_GARBLED = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")


def legible(leaf: Leaf) -> bool:
    """Whether a text layer is shown on the page and its letters are letters."""
    letters = "".join(word.text for word in leaf.words)
    if leaf.hidden or not letters or len(_GARBLED.findall(letters)) > 0.02 * len(letters):
        return False
    plain = sum(c.isascii() or c.isalpha() or c in _SIGNS for c in letters)
    return plain >= 0.9 * len(letters)


def trusted(leaf: Leaf) -> bool:
    """Whether a text layer can stand for the page: legible, with decimal numbers in it."""
    numbers = sum(bool(_NUMBER.search(word.text)) for word in leaf.words)
    return legible(leaf) and numbers >= _FEWEST_NUMBERS
