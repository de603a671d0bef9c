"""Column heads: found by their words over one to three lines, never by where they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from careloop.imaging.report.line import joined, lines, overlap, phrases
from careloop.imaging.report.vocabulary import head_words, names, quantity_of, tight, vocabulary
from careloop.imaging.report.word import Box, Word

_ABOVE, _BELOW = 1.9, 1.9
"""How far the words of one head may stand above and below the word BMD, in its heights."""
_BONES = {"radius", "ulna", "radius+", "+ulna", "radius+ulna", "r+u", "桡骨", "尺骨", "桡骨+尺骨"}
_STARTERS = (
    *("bmd", "bmc", "area", "骨密度", "骨矿", "骨盐", "面积", "t-", "z-", "young", "age"),
    *("length", "width", "height"),
)
_CLOSERS = (")", "score", "change", "t值", "z值", "评分", "分数")
_PURE_SIGN = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: which quantity by its head, and the width of the head."""

    quantity: str  # "other" where the head is not known; "bmc?" where only the unit was read
    box: Box
    text: str


@dataclass(frozen=True, slots=True)
class Header:
    """The heads of one table: the head of the region names and the columns right of it."""

    region: Word
    columns: tuple[Column, ...]
    bottom: float
    height: float  # of its letters
    bone: str  # "radius", "ulna", "both" where the head of the names says it, else ""
    trend: bool  # a table over time

    @property
    def left(self) -> float:
        """Where the first column begins."""
        return min(column.box.x0 for column in self.columns)


def find_headers(words: Sequence[Word]) -> list[Header]:
    """Every header on a page: BMD or BMC with the head of region names to its left.

    Axes of a diagram ("BMD (g/cm²)", "YA T-score") have no head of region names and are none. A
    head that was not read leaves its column unknown or the table unread.
    """
    found: list[Header] = []
    anchors = [word for word in words if _is_anchor(word.text)]
    for anchor in sorted(anchors, key=lambda word: (word.box.y0, word.box.x0)):
        header = _header(anchor, words)
        if header is not None and not any(_same(header, other) for other in found):
            found.append(header)
    return found


def _is_anchor(text: str) -> bool:
    return tight(text) in {"bmd", "bmc", "骨密度", "骨矿密度", "bmd(g/cm2)"} or tight(
        text
    ).startswith(("bmd(", "骨密度("))


def _same(one: Header, other: Header) -> bool:
    return one.region.box == other.region.box


def _header(anchor: Word, words: Sequence[Word]) -> Header | None:
    height, middle = anchor.box.height, anchor.box.middle[1]
    band = [
        word
        for word in words
        if -_ABOVE * height <= word.box.middle[1] - middle <= _BELOW * height
        and 0.3 * height < word.box.height < 3 * height
    ]
    region = _region_head(anchor, band)
    if region is None:
        return None
    edge = region.box.x1
    right = _next_table(region, band, anchor)
    parts = [
        word
        for word in band
        if edge < word.box.middle[0] < right and _is_part(word, anchor, region)
    ]
    columns = _columns(parts)
    if not any(column.quantity in {"bmd", "bmc"} for column in columns):
        return None
    # scores and units of the same head, not those of a diagram further right: a repeated quantity
    # ends the table
    kept: list[Column] = []
    for column in columns:
        if column.quantity != "other" and column.quantity in {each.quantity for each in kept}:
            break
        kept.append(column)
    bottom = max([region.box.y1, *(column.box.y1 for column in kept)])
    trend = any(
        tight(word.text) in set(vocabulary()["heads"]["trend"])
        for word in band
        if region.box.x0 - 12 * height < word.box.middle[0] < kept[-1].box.x1 + height
    )
    return Header(region, tuple(kept), bottom, height, _bone(region.text), trend)


def _region_head(anchor: Word, band: Sequence[Word]) -> Word | None:
    """The head of the region names nearest on the left, its second line joined."""
    known = set(vocabulary()["heads"]["region"])
    left = [word for word in band if word.box.x1 <= anchor.box.x0]
    runs = [phrase for line in lines(left) for phrase in _phrases(line)]
    heads = [run for run in runs if tight(run.text) in known or tight(run.text) in _BONES]
    if not heads:
        return None
    nearest = max(heads, key=lambda run: run.box.x1)
    stacked = [run for run in heads if overlap(run.box, nearest.box) > 0.3]
    return joined(sorted(stacked, key=lambda run: run.box.y0))


def _next_table(region: Word, band: Sequence[Word], anchor: Word) -> float:
    known = set(vocabulary()["heads"]["region"])
    others = [
        word.box.x0
        for word in band
        if tight(word.text) in known and word.box.x0 > max(region.box.x1, anchor.box.x1)
    ]
    return min(others, default=float("inf"))


def _is_part(word: Word, anchor: Word, region: Word) -> bool:
    """Whether a word in the band belongs to the heads.

    Known words do. Unknown ones do where they stand on the line of the anchor or of the region
    head: their column is then unknown, and its values go to nobody.
    """
    text = tight(word.text)
    if text in head_words() or quantity_of(word.text) != "other":
        return True
    if text in {"-", "+", "t-", "z-", "t", "z"}:
        return True
    if _PURE_SIGN.fullmatch(text):
        return text in {"()", "(/)", "(%)"}
    if text in names("regions.hip") or re.match(r"^(l\d|t1[0-2])", text):
        return False
    height = anchor.box.height
    near = (anchor.box.middle[1], region.box.middle[1])
    return min(abs(word.box.middle[1] - line) for line in near) < 0.4 * height


def _columns(parts: Sequence[Word]) -> list[Column]:
    """Heads stacked by their places: a word above several others speaks for each of them."""
    stacked = [
        phrase
        for line in lines(parts)
        for phrase in _with_units(_phrases(line))
        if tight(phrase.text) not in {"-", "+"}
    ]
    feet = [
        phrase
        for phrase in stacked
        if not any(_stands_on(phrase, other) for other in stacked if other is not phrase)
    ]
    columns = []
    for foot in sorted(feet, key=lambda phrase: phrase.box.x0):
        over = [phrase for phrase in stacked if phrase is not foot and _stands_on(phrase, foot)]
        own = [phrase for phrase in over if sum(_stands_on(phrase, each) for each in feet) == 1]
        text = " ".join(
            phrase.text for phrase in [*sorted(over, key=lambda each: each.box.y0), foot]
        )
        columns.append(Column(quantity_of(text), joined([foot, *own]).box, text))
    return columns


def _phrases(line: Sequence[Word]) -> list[Word]:
    """Phrases of a line of heads, cut where one is complete or a second quantity begins."""
    known = {*vocabulary()["heads"]["region"], *_STARTERS}
    cut: list[list[Word]] = [[]]
    for word in line:
        text = tight(word.text)
        begun = text.startswith(_STARTERS) and any(
            tight(before.text).startswith(tuple(known)) for before in cut[-1]
        )
        complete = cut[-1] and tight(cut[-1][-1].text).endswith(_CLOSERS)
        if begun or (complete and not text.startswith(("(adj", "(校"))):
            cut.append([])
        cut[-1].append(word)
    return [phrase for run in cut for phrase in phrases(run)]


_UNIT = re.compile(r"\((?:cm[2²]|g|g/cm[2²]|%)\)")


def _with_units(phrases_of_line: Sequence[Word]) -> list[Word]:
    """A unit in brackets a blank or two behind the head it belongs to, joined to it.

    A line of nothing but units, which stands below the heads, stays as it is.
    """
    found: list[Word] = []
    for phrase in phrases_of_line:
        before = found[-1] if found else None
        if (
            before is not None
            and _UNIT.fullmatch(tight(phrase.text))
            and not _UNIT.search(tight(before.text))
            and phrase.box.x0 - before.box.x1 < 2.0 * phrase.box.height
        ):
            found[-1] = joined([before, phrase])
        else:
            found.append(phrase)
    return found


def _stands_on(upper: Word, lower: Word) -> bool:
    return (
        upper.box.middle[1] < lower.box.middle[1] - 0.25 * min(upper.box.height, lower.box.height)
        and overlap(upper.box, lower.box) > 0.3
    )


def _bone(head: str) -> str:
    text = tight(head)
    bones = names("regions.bone")
    return bones.get(text, "")
