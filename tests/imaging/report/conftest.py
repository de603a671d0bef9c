"""Reports drawn as words: a table's cells at their places, as a text layer or an OCR gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from careloop.imaging.report.word import Box, Page, Word

LETTER = 6.0  # width of a letter, its height is 10


def words_at(x: float, y: float, text: str, *, right: bool = False, confidence: float = 1.0):
    """The words of a text that begins at (x, y), or ends at x."""
    start = x - LETTER * len(text) if right else x
    found = []
    for part in text.split(" "):
        if part:
            found.append(Word(part, Box(start, y, start + LETTER * len(part), y + 10), confidence))
        start += LETTER * (len(part) + 0.6)
    return found


def draw_table(
    heads: Sequence[Sequence[str]],
    rows: Sequence[Sequence[str]],
    *,
    x: float = 50,
    y: float = 200,
    pitch: float = 16,
    column: float = 70,
    names: float = 110,
    confidence: float = 1.0,
) -> list[Word]:
    """A table: lines of heads, then rows; the first cell to the left, the others right-aligned."""
    found = []
    for line in [*heads, *rows]:
        for index, text in enumerate(line):
            if index == 0:
                found += words_at(x, y, text, confidence=confidence)
            else:
                end = x + names + index * column
                found += words_at(end, y, text, right=True, confidence=confidence)
        y += pitch
    return found


@pytest.fixture(scope="session")
def table() -> Callable[..., list[Word]]:
    return draw_table


@pytest.fixture(scope="session")
def text() -> Callable[..., list[Word]]:
    return words_at


@pytest.fixture(scope="session")
def page() -> Callable[..., Page]:
    def make(words: Sequence[Word], *, ocr: bool = False, number: int = 1) -> Page:
        picture = np.zeros((4, 4, 3), np.uint8)
        return Page(number, picture, tuple(words), "ocr" if ocr else "text layer", dpi=100.0)

    return make


@pytest.fixture(scope="session")
def apex_heads() -> list[list[str]]:
    return [
        ["Region", "Area", "BMC", "BMD", "T -", "PR", "Z -", "AM"],
        ["", "(cm²)", "(g)", "(g/cm²)", "score", "(%)", "score", "(%)"],
    ]


@pytest.fixture(scope="session")
def apex_spine() -> list[list[str]]:
    """A made-up woman of 62: BMC ÷ area = BMD, the totals are the sums, one T per region."""
    return [
        ["L1", "12.40", "9.92", "0.800", "-1.8", "81", "-0.4", "95"],
        ["L2", "13.10", "11.14", "0.850", "-1.6", "83", "-0.2", "97"],
        ["L3", "14.60", "12.85", "0.880", "-1.9", "81", "-0.3", "96"],
        ["L4", "15.30", "13.01", "0.850", "-2.4", "76", "-0.8", "91"],
        ["Total", "55.40", "46.92", "0.847", "-1.8", "81", "-0.3", "96"],
    ]
