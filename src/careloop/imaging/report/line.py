"""Words cut at blanks and gathered to phrases and lines, whatever the page room gave in one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from careloop.imaging.report.word import Box, Word


@dataclass(frozen=True, slots=True)
class Token(Word):
    """A word cut out of a longer run of text; `run` is the same for all words of the run."""

    run: int = -1


def tokens(words: Iterable[Word]) -> list[Word]:
    """Every run of text without a blank as its own word; places inside a run by its letters."""
    found: list[Word] = []
    for run, word in enumerate(words):
        text = word.text
        if not text.strip() or word.box.width <= 0 or word.box.height <= 0:
            continue
        step = word.box.width / len(text)
        start = 0
        for part in text.split():
            at = text.index(part, start)
            start = at + len(part)
            box = Box(word.box.x0 + at * step, word.box.y0, word.box.x0 + start * step, word.box.y1)
            found.append(Token(part, box, word.confidence, run))
    return found


def joined(words: Sequence[Word]) -> Word:
    """Words side by side or stacked as one: texts joined by blanks, the least confidence."""
    return Word(
        " ".join(word.text for word in words),
        Box(
            min(word.box.x0 for word in words),
            min(word.box.y0 for word in words),
            max(word.box.x1 for word in words),
            max(word.box.y1 for word in words),
        ),
        min(word.confidence for word in words),
    )


def lines(words: Iterable[Word], *, tolerance: float = 0.5) -> list[list[Word]]:
    """Words gathered to lines from top to bottom, each from left to right.

    A word belongs to a line while its middle is within `tolerance` of its height of the line's.
    """
    found: list[list[Word]] = []
    middles: list[float] = []
    for word in sorted(words, key=lambda word: word.box.middle[1]):
        middle = word.box.middle[1]
        if found and middle - middles[-1] <= tolerance * _height(found[-1]):
            found[-1].append(word)
            middles[-1] = median(each.box.middle[1] for each in found[-1])
        else:
            found.append([word])
            middles.append(middle)
    return [sorted(line, key=lambda word: word.box.x0) for line in found]


def phrases(line: Sequence[Word], *, gap: float = 0.5) -> list[Word]:
    """The words of one line joined where they were one run, or near: `gap` of their height."""
    runs: list[list[Word]] = []
    for word in line:
        height = max(word.box.height, runs[-1][-1].box.height) if runs else word.box.height
        if runs and (
            _run(word) == _run(runs[-1][-1]) != -1
            or word.box.x0 - runs[-1][-1].box.x1 <= gap * height
        ):
            runs[-1].append(word)
        else:
            runs.append([word])
    return [joined(run) for run in runs]


def overlap(one: Box, other: Box) -> float:
    """How much of the narrower box lies beside the other, 0 to 1, horizontally."""
    shared = min(one.x1, other.x1) - max(one.x0, other.x0)
    return max(0.0, shared) / max(1e-9, min(one.width, other.width))


def _run(word: Word) -> int:
    return word.run if isinstance(word, Token) else -1


def _height(line: Sequence[Word]) -> float:
    return median(word.box.height for word in line)
