"""FHIR dates and times: partial ones, and the sender's wall clock.

`2019` means some day of 2019, `2019-06` some day of that June. A fact may use only what was surely
known, so a partial date stands for the last day it allows. An offset is dropped, not converted: a
blood sample drawn at 08:00 in Wuhan was drawn in the morning.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

EARLIEST = datetime(1850, 1, 1)  # noqa: DTZ001 (wall clock)
"""Nobody alive has data from before; such a date is a mistake or a placeholder."""

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(\.\d+)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


class Span(NamedTuple):
    """The first and the last moment a FHIR date allows, at midnight where no time is said."""

    first: datetime
    last: datetime

    @property
    def partial(self) -> bool:
        """Whether the day is not said."""
        return self.first != self.last


@lru_cache(maxsize=1 << 16)
def parse_time(text: str) -> Span | None:
    """Read a FHIR `date`, `dateTime` or `instant`; None if it is none or does not exist.

    Examples
    --------
    >>> parse_time("2019-02").last
    datetime.datetime(2019, 2, 28, 0, 0)
    >>> parse_time("2019-06-30T08:00:00.250+08:00").last
    datetime.datetime(2019, 6, 30, 8, 0, 0, 250000)
    >>> parse_time("30.6.2019")
    """
    try:
        if found := _INSTANT.fullmatch(text):
            at = datetime.fromisoformat(found[1])
            if found[2]:
                at += timedelta(microseconds=int(found[2][1:7].ljust(6, "0")))
            span = Span(at, at)
        elif found := _DATE.fullmatch(text):
            year, month, day = (int(part) if part else 0 for part in found.groups())
            if day:
                at = datetime(year, month, day)  # noqa: DTZ001 (wall clock)
                span = Span(at, at)
            elif month:
                last = monthrange(year, month)[1]
                span = Span(datetime(year, month, 1), datetime(year, month, last))  # noqa: DTZ001
            else:
                span = Span(datetime(year, 1, 1), datetime(year, 12, 31))  # noqa: DTZ001
        else:
            return None
    except (ValueError, OverflowError):  # a 30 February, a month 13, a leap second
        return None
    return span if span.first >= EARLIEST else None


def settle(span: Span, today: date, known_at: datetime | None = None) -> datetime | None:
    """The moment a date counts from: its last, but never one after `today`.

    A partial date that reaches into the future was written at `known_at`, so it counts from then
    where that is said and lies within it. None if the date lies, or may lie, in the future.
    """
    if span.last.date() <= today:
        return span.last
    if span.partial and known_at and span.first <= known_at and known_at.date() <= today:
        return known_at
    return None


def years_later(start: datetime, years: float) -> datetime:
    """The last day before the next birthday after `years` completed years (an `onsetAge`)."""
    year = start.year + int(years) + 1
    day = min(start.day, monthrange(year, start.month)[1])
    return start.replace(year=year, day=day) - timedelta(days=1)
