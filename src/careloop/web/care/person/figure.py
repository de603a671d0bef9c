"""Small line charts over time, drawn by the page itself: sizes only, the template writes the SVG.

A chart is never the only way to read the numbers: a table of them stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from careloop.programmes.wording import printed_number

WIDTH, HEIGHT = 320.0, 170.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 14.0, 14.0, 26.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A point: where it stands, and its words."""

    x: float
    y: float
    on: str
    value: str


@dataclass(frozen=True, slots=True)
class Band:
    """The range around a value within which the next one is not a real change."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the scale, or a date below it."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Line:
    """A chart, ready to be drawn."""

    title: str
    path: str
    marks: tuple[Mark, ...]
    bands: tuple[Band, ...]
    rows: tuple[Tick, ...]
    days: tuple[Tick, ...]
    alternative: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    foot: float = HEIGHT - _BOTTOM


def line(
    title: str,
    values: Sequence[tuple[date, float]],
    *,
    limits: Sequence[tuple[date, date, float, float]] = (),
    places: int | None = None,
    zero: bool = False,
    least: float = 0.0,
) -> Line:
    """A line through values over time.

    Parameters
    ----------
    title
        What is drawn, with its unit.
    values
        Days and values, oldest first; at least one.
    limits
        Bands: from and to which day, between which values.
    places
        Decimals of the values' words; by default about three digits.
    zero
        Whether the scale begins at zero: for shares, so that a small change looks small.
    least
        What the scale spans at least, around the values: so that a small change looks small.
    """
    numbers = [value for _, value in values]
    middle = (max(numbers) + min(numbers)) / 2
    numbers += [0.0] * zero + [middle - least / 2, middle + least / 2]
    numbers += [value for _, _, low, high in limits for value in (low, high)]
    step = _step(max(numbers) - min(numbers))
    low, high = math.floor(min(numbers) / step) * step, math.ceil(max(numbers) / step) * step
    if high == low:
        low, high = low - step, high + step
    first, last = values[0][0], values[-1][0]
    span = max((last - first).days, 1)

    def x(day: date) -> float:
        return round(_LEFT + (day - first).days / span * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        room = HEIGHT - _TOP - _BOTTOM
        return round(_TOP + (high - value) / (high - low) * room, 1)

    def word(value: float) -> str:
        if places is None:
            return printed_number(round(value, 3))
        return f"{value:.{places}f}".replace("-", "−")

    marks = tuple(Mark(x(day), y(value), day.isoformat(), word(value)) for day, value in values)
    count = round((high - low) / step)
    days = [Tick(marks[0].x, first.strftime("%Y-%m"), "start")]
    if last > first:
        days.append(Tick(marks[-1].x, last.strftime("%Y-%m"), "end"))
    return Line(
        title,
        " ".join(f"{'L' if place else 'M'}{mark.x} {mark.y}" for place, mark in enumerate(marks)),
        marks,
        tuple(
            Band(x(start), y(top), round(x(end) - x(start), 1), round(y(bottom) - y(top), 1))
            for start, end, bottom, top in limits
        ),
        tuple(
            Tick(y(low + number * step), printed_number(round(low + number * step, 6)), "end")
            for number in range(count + 1)
        ),
        tuple(days),
        "; ".join(f"{mark.on}: {mark.value}" for mark in marks),
    )


def _step(span: float) -> float:
    """A round step that gives at most five lines."""
    least = max(span, 1e-6) / 4
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(each * power for each in _STEPS if each * power >= least * (1 - 1e-9))
