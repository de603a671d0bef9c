"""Pictures of pages for the documentation: few colours, small files."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

LARGEST = 120_000
"""Bytes of a picture in the documentation, at most."""
TALLEST = 1500
"""Pixels; what is below is on the page, not in the picture."""


def keep(page: Page, file: Path) -> None:
    """Write what the page shows as a palette PNG; a fault of the test if it gets too large."""
    page.add_style_tag(
        content=".save, .batch { position: static !important }"
    )  # nothing floats in it
    page.evaluate("document.activeElement.blur()")
    drawn = Image.open(io.BytesIO(page.screenshot(full_page=True, animations="disabled")))
    drawn = drawn.convert("RGB").crop((0, 0, drawn.width, min(drawn.height, TALLEST)))
    file.parent.mkdir(parents=True, exist_ok=True)
    for colours in (64, 32, 16):
        drawn.quantize(colours, dither=Image.Dither.NONE).save(file, optimize=True)
        if file.stat().st_size <= LARGEST:
            return
    raise AssertionError(f"{file.name} is {file.stat().st_size:,} bytes")
