"""Every number is read more than once, and trusted only where the readings bear each other out.

The letters of a recogniser are wrong together with a high confidence, and what it loses most
easily is what matters most: the minus sign and the decimal point. So the cell of a table is cut
out of the page in three ways (`LOOKS`), and its text is settled by these rules:

- at least two looks read exactly the same;
- the third has the same digits, though it may lack marks that the two have (a look may lose a
  minus or a point; it hardly ever sees one where there is none);
- the ink does not go on beyond the cell (a digit cut off), and where the text begins without a
  minus, no ink before it looks like one;
- it is written as numbers are: no 04, no whole negative number, no whole number in a column of
  decimals (`out_of_column`): those have lost their point.

What breaks a rule stays in the page with a confidence below one half, for a person to enter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.report.page import engine
from careloop.imaging.report.page.line import cut, grown, is_ink, pieces
from careloop.imaging.report.word import Word

LOOKS = ((0.0, 0.12), (0.12, 0.0))  # what later looks add to a cell: along, down (of its height)
DOUBTFUL = 0.4  # the most that a number in doubt is trusted
_DIGIT = re.compile(r"\d")
_NUMERIC = re.compile(r"[-−–—+±<>~]?[\daoOαQDºIl|/.,:%()]*\d[\daoOαQDºIl|/.,:%()]*")
_DIGIT_LIKE = str.maketrans("aoOαQDºIl|", "0000000111")
_POINT_LOST = re.compile(r"-\d+|-?0\d{1,2}(\.\d+)?")  # longer: a number of a person, a date
_LETTER = re.compile(r"[^\W\d_]|[º|]")
_DECIMAL = re.compile(r"[-+]?\d+[.,]\d+")
_WHOLE = re.compile(r"[-+]?\d{1,4}")
_BESIDE = 0.4  # of its height: the paper beside a cell that is searched for more ink
_MINUS = str.maketrans("−–—一", "----")


@dataclass(frozen=True, slots=True)
class Part:
    """A word as first read: its text, its corners on the page, and those with its neighbours.

    `alone` says that nothing else stands in its strip: it is the cell of a table.
    """

    text: str
    corners: NDArray[np.float32]
    company: NDArray[np.float32]
    confidence: float
    alone: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """What a word is after all looks, and whether it is a number that stays in doubt."""

    text: str
    confidence: float
    doubtful: bool = False


def look_again(bgr: NDArray[np.uint8], parts: list[Part]) -> list[Settled]:
    """Each word of a page settled: numbers are read again, other words stay as they are.

    Parameters
    ----------
    bgr
        The page, BGR [y, x, 3].
    parts
        Its words as first read.
    """
    settled = [Settled(plain(part.text), part.confidence) for part in parts]
    cells = [i for i, p in enumerate(parts) if p.alone and _is_cell(p.text)]
    again = engine.read_lines(
        [
            cut(bgr, grown(parts[i].corners, along=a, down=d)).picture
            for i in cells
            for a, d in LOOKS
        ]
    )
    for n, i in enumerate(cells):
        looks = again[n * len(LOOKS) : (n + 1) * len(LOOKS)]
        settled[i] = _agreed(parts[i], looks, bgr)
    others = [i for i, p in enumerate(parts) if i not in set(cells) and _DIGIT.search(p.text)]
    near = engine.read_lines(
        [cut(bgr, grown(parts[i].company, along=0.1, down=0.05)).picture for i in others]
    )
    for i, look in zip(others, near, strict=True):
        settled[i] = _confirmed(parts[i], look)
    return settled


def plain(text: str) -> str:
    """A text with one kind of minus and without spaces."""
    return re.sub(r"\s", "", text).translate(_MINUS)


def _is_cell(text: str) -> bool:
    """Whether a text is a number, or what a recogniser makes of one (a1 for 0.1)."""
    return len(text) <= 9 and bool(_NUMERIC.fullmatch(plain(text)))


def _confirmed(part: Part, look: engine.Glyphs) -> Settled:
    """A number in a sentence: seen again among its neighbours."""
    text = plain(part.text)
    seen = plain(look.text)
    place = seen.find(text.strip(",;:."))  # what stands at the end of a word is no part of it
    if place < 0:
        return Settled(text, min(part.confidence, DOUBTFUL), doubtful=True)
    letters = [c for c, letter in zip(look.confidences, look.text, strict=False) if letter.strip()]
    least = min(letters[place : place + len(text)], default=0.0)
    return Settled(text, min(part.confidence, least))


def _agreed(part: Part, looks: list[engine.Glyphs], bgr: NDArray[np.uint8]) -> Settled:
    """A cell of a table: see the rules at the head of this module."""
    texts = [plain(part.text), *(plain(look.text) for look in looks)]
    sure = [part.confidence, *(min(look.confidences, default=0.0) for look in looks)]
    best = max(texts, key=lambda text: (texts.count(text), len(text)))
    same = [c for text, c in zip(texts, sure, strict=True) if text == best]
    if (
        len(same) < 2
        or not _DIGIT.search(best)
        or any(not _lossy(text, best) for text in texts)
        or _LETTER.search(best)
        or _POINT_LOST.fullmatch(best)
        or _goes_on(cut(bgr, grown(part.corners, along=_BESIDE)).picture, best)
    ):
        return Settled(best, min(max(same), DOUBTFUL), doubtful=True)
    return Settled(best, sorted(same)[-2])


def _lossy(text: str, whole: str) -> bool:
    """Whether a text is another with nothing but marks lost, or digits taken for like letters."""
    if text == whole:
        return True
    digits, all_digits = _digits(text), _digits(whole)
    fewer = all(text.count(mark) <= whole.count(mark) for mark in "-./,:%")
    return digits == all_digits and fewer


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text.translate(_DIGIT_LIKE))


def _goes_on(picture: NDArray[np.uint8], text: str) -> bool:
    """Whether a cell, cut out with paper beside it, has ink there that belongs to its text.

    That is ink joined to the cell's own without a gap, or, before a text without a minus, a
    short bar at half height.
    """
    import cv2

    ink = is_ink(np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5), np.uint8))
    high, wide = ink.shape
    ink = _without_rules(ink)
    left, right = _BESIDE * high, wide - _BESIDE * high
    runs = pieces(ink, gap=0.2 * high)
    if any(a < left - 0.2 * high and b > left + 0.1 * high for a, b in runs):
        return True
    if any(b > right + 0.2 * high and a < right - 0.1 * high for a, b in runs):
        return True
    return not text.startswith("-") and _has_minus(ink)


def _without_rules(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Ink without the rules of a table: rows and columns of ink throughout, and the outer rows."""
    kept = ink.copy()
    margin = ink.shape[0] // 10
    kept[:margin] = kept[-margin:] = False
    kept[ink.mean(axis=1) > 0.8] = False
    kept[:, ink.mean(axis=0) > 0.95] = False
    return kept


def _has_minus(ink: NDArray[np.bool_]) -> bool:
    """Whether the first ink of a cell is a short bar at half height: a minus sign."""
    high = ink.shape[0]
    runs = pieces(ink, gap=1)
    if len(runs) < 2:
        return False
    start, stop = runs[0]
    rows = np.flatnonzero(ink[:, start:stop].any(axis=1))
    thick = rows[-1] - rows[0] + 1
    middle = (rows[-1] + rows[0]) / 2 / high
    long = stop - start
    return bool(
        start > 0
        and thick <= 0.3 * high
        and long >= 1.1 * thick
        and 0.12 * high <= long <= 0.6 * high
        and 0.3 < middle < 0.7
    )


def out_of_column(words: list[Word]) -> set[int]:
    """The whole numbers among words that stand in a column of decimals: their point was lost.

    A column is what lies above and below within eight lines, with a common left, middle or right.
    """
    decimals = [w.box for w in words if _DECIMAL.fullmatch(w.text)]
    found = set()
    for i, word in enumerate(words):
        if not _WHOLE.fullmatch(word.text):
            continue
        box, reach = word.box, 0.5 * word.box.height
        column = [
            b
            for b in decimals
            if abs(b.middle[1] - box.middle[1]) < 8 * 1.6 * box.height
            and min(abs(b.x0 - box.x0), abs(b.middle[0] - box.middle[0]), abs(b.x1 - box.x1))
            < reach
        ]
        if len(column) >= 2:
            found.add(i)
    return found
