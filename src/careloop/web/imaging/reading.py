"""Reading an uploaded report in a process of its own.

The process writes `result.json` beside the document: the tables that were read with a picture of
each value, and the pages with their places drawn; or why it failed.
"""

from __future__ import annotations

# ruff: noqa: PLC0415 — what is heavy is loaded in the process that reads, never in the site's
import base64
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from careloop.error import InputError, MissingExtra
from careloop.web.imaging import isolation
from careloop.web.imaging.isolation import limited, tell

if TYPE_CHECKING:
    from threading import Thread

    from careloop.imaging.report import DxaReport, RegionValue
    from careloop.imaging.report.word import Box, Page

MOST_PAGES = 12
_WIDTH = 1000  # pixels of a page's picture as it is shown
_COLOURS = {"checked": "#2f7d45", "to_confirm": "#c9871f", "refused": "#8f2614"}


def start(folder: Path) -> Thread:
    """Read a document in the background."""
    return isolation.start("careloop.web.imaging.reading", folder)


def read_document(folder: Path) -> None:
    """Read the document of a folder and write the result there."""
    from careloop.imaging.report import read_page_reports
    from careloop.imaging.report.page import read_pages

    try:
        pages = read_pages(str(folder / "document"))
    except MissingExtra:
        tell(folder, {"failed": "extra"})
        return
    except InputError:
        tell(folder, {"failed": "unreadable"})
        return
    reports = read_page_reports(pages[:MOST_PAGES])
    if not reports:
        tell(folder, {"failed": "no_table"})
        return
    shown = sorted({each.page for each in reports})
    by_number = {page.number: page for page in pages}
    for number in shown:
        _draw(by_number[number], reports, folder / f"page-{number}.jpg")
    tables = []
    for report in reports:
        told = report.to_json()
        for name in ("values", "refused"):
            for row, value in zip(told[name], getattr(report, name), strict=True):
                row |= {"place": value.place, "crop": _crop(by_number[value.page], value)}
        tables.append(told)
    tell(folder, {"tables": tables, "pages": shown, "left_out": max(0, len(pages) - MOST_PAGES)})


def _crop(page: Page, value: RegionValue) -> str:
    """A value in a frame, its region's name beside it, and no other number; as a small picture."""
    from PIL import Image, ImageDraw

    height, width = page.size
    box, tall = value.box, max(value.box.height, 8.0)
    top, bottom = max(0.0, box.y0 - 0.9 * tall), min(float(height), box.y1 + 0.9 * tall)
    line = [word.box for word in page.words if _on_line(word.box, box)]
    before = max((one.x1 for one in line if one.x1 < box.x0), default=0.0)
    after = min((one.x0 for one in line if one.x0 > box.x1), default=float(width))
    left = max((before + box.x0) / 2, box.x0 - 4 * tall)
    right = min((after + box.x1) / 2, box.x1 + 4 * tall)
    picture = Image.fromarray(page.picture[int(top) : int(bottom), int(left) : int(right)])
    pad = 0.18 * tall
    frame = (box.x0 - left - pad, box.y0 - top - pad, box.x1 - left + pad, box.y1 - top + pad)
    thick = max(2, int(tall / 12))
    ImageDraw.Draw(picture).rectangle(frame, outline=_COLOURS[value.status], width=thick)
    label = _label(page, value)
    if label is not None:
        name = page.picture[int(top) : int(bottom), int(label.x0) : int(label.x1 + tall / 2)]
        both = Image.new("RGB", (name.shape[1] + picture.width, picture.height), "white")
        both.paste(Image.fromarray(name), (0, 0))
        both.paste(picture, (name.shape[1], 0))
        picture = both
    picture.thumbnail((520, 120))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=60)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _on_line(one: Box, other: Box) -> bool:
    return abs(one.middle[1] - other.middle[1]) < 0.5 * other.height


def _label(page: Page, value: RegionValue) -> Box | None:
    """Where the name of the value's region stands: left of the value, on the same line."""
    from careloop.imaging.report.word import Box

    tall = value.box.height
    words = [
        word.box
        for word in page.words
        if _on_line(word.box, value.box)
        and word.box.x1 < value.box.x0
        and word.text.strip()
        and word.text.strip() in value.label
    ]
    if not words:
        return None
    first = min(words, key=lambda box: box.x0)
    near = [box for box in words if box.x0 - first.x1 < 8 * tall]
    last = max(box.x1 for box in near)
    return Box(first.x0, min(box.y0 for box in near), last, max(box.y1 for box in near))


def _draw(page: Page, reports: list[DxaReport], file: Path) -> None:
    """A page with a frame around everything that was read on it."""
    from PIL import Image, ImageDraw

    from careloop.web.imaging.keeping import write

    picture = Image.fromarray(page.picture)
    scale = min(1.0, _WIDTH / picture.width)
    picture = picture.resize((int(picture.width * scale), int(picture.height * scale)))
    draw = ImageDraw.Draw(picture)
    for report in reports:
        for each in (*report.values, *report.refused):
            if each.page == page.number:
                box = each.box
                frame = tuple(
                    scale * one for one in (box.x0 - 2, box.y0 - 2, box.x1 + 2, box.y1 + 2)
                )
                draw.rectangle(frame, outline=_COLOURS[each.status], width=2)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=70)
    write(file, out.getvalue())


if __name__ == "__main__":
    limited()
    read_document(Path(sys.argv[1]))
