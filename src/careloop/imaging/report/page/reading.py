"""Pages out of documents: the text layer where it can be trusted, the picture where it cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.report.page import remark
from careloop.imaging.report.page.document import Frame, Source, frames, open_document
from careloop.imaging.report.page.recognition import read_picture
from careloop.imaging.report.page.straightening import settle
from careloop.imaging.report.page.text_layer import Leaf, leaves, legible, trusted
from careloop.imaging.report.word import Page, Word
from careloop.records.finding import Finding

Ocr = Literal["auto", "never", "always"]
_PICTURED = 0.5  # share of a page under pictures from which the text layer may not be all
_COARSE_HEIGHT = 9.0  # pixels of a line, margins included, below which numbers get lost
_BLURRED = 0.25  # width of an edge as a share of the line height; sharp print has 0.1


def read_pages(source: Source, *, dpi: float = 200, ocr: Ocr = "auto") -> list[Page]:
    """Every page of a report with its words: PDF, scan or photograph, told by content.

    Parameters
    ----------
    source
        A path, bytes or a binary stream: PDF, PNG, JPEG, TIFF (all pages), BMP, WebP or GIF.
    dpi
        Dots per inch at which PDF pages are drawn.
    ocr
        "auto" reads pictures where there is no text layer that can be trusted, "never" takes
        text layers only, "always" reads the picture even where there is a good text layer.

    Returns
    -------
    list of Page
        Words with boxes in pixels of the page's picture. A number whose two readings differ has
        a confidence below 0.5.

    Raises
    ------
    InputError
        If the document cannot be opened, is locked, damaged or too large.
    MissingExtra
        If a picture is to be read and the extra `ocr` is not installed.
    """
    document = open_document(source)
    if document.kind == "pdf":
        return [_of_leaf(leaf, ocr) for leaf in leaves(document, dpi=dpi)]
    return [_of_frame(n, frame, ocr) for n, frame in enumerate(frames(document), start=1)]


def _of_leaf(leaf: Leaf, ocr: Ocr) -> Page:
    where = f"page {leaf.number}"
    good = trusted(leaf)
    smaller = (Finding(remark.RENDERED_SMALLER, where),) if leaf.smaller else ()
    if ocr == "never" or (ocr == "auto" and good and leaf.pictured < _PICTURED):
        unread = () if good else (Finding(remark.NOT_RECOGNISED, where),)
        return Page(
            leaf.number,
            leaf.picture,
            leaf.words if legible(leaf) else (),
            "text layer",
            leaf.dpi,
            findings=(*smaller, *unread),
        )
    page = _read(leaf.number, leaf.picture, leaf.dpi)
    page = replace(page, findings=(*smaller, *page.findings))
    if page.rectified or ocr == "always" or not legible(leaf):
        unusable = (Finding(remark.TEXT_LAYER_UNUSABLE, where),) if leaf.words else ()
        return replace(page, findings=(*unusable, *page.findings))
    joined = (Finding(remark.PICTURE_IN_PAGE, where),) if leaf.words else ()
    words = _joined(leaf.words, page.words)
    return replace(page, words=words, findings=(*joined, *page.findings))


def _of_frame(number: int, frame: Frame, ocr: Ocr) -> Page:
    if ocr == "never":
        finding = Finding(remark.NOT_RECOGNISED, f"page {number}")
        return Page(number, frame.pixels, (), "ocr", frame.dpi, findings=(finding,))
    return _read(number, frame.pixels, frame.dpi)


def _read(number: int, picture: NDArray[np.uint8], dpi: float | None) -> Page:
    """A page read from its picture: straightened, then recognised."""
    where = f"page {number}"
    straight = settle(picture, where=where)
    reading = read_picture(straight.even, straight.lines)
    findings = list(straight.findings)
    if not reading.words:
        findings.append(Finding(remark.NO_TEXT, where))
    if 0 < reading.line_height < _COARSE_HEIGHT:
        findings.append(Finding(remark.TOO_COARSE, where))
    if reading.blur > _BLURRED:
        findings.append(Finding(remark.BLURRED, where))
    if reading.doubtful:
        findings.append(Finding(remark.READINGS_DIFFER, where, count=reading.doubtful))
    return Page(
        number,
        straight.picture,
        reading.words,
        "ocr",
        None if straight.changed else dpi,
        straight.changed,
        tuple(findings),
    )


def _joined(layer: tuple[Word, ...], read: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words of a text layer, and what was read where the layer has none."""
    return (*layer, *(word for word in read if not any(_same_place(word, w) for w in layer)))


def _same_place(word: Word, other: Word) -> bool:
    """Whether a third of a word lies on another."""
    a, b = word.box, other.box
    across = min(a.x1, b.x1) - max(a.x0, b.x0)
    down = min(a.y1, b.y1) - max(a.y0, b.y0)
    return across > 0 and down > 0 and across * down > a.width * a.height / 3
