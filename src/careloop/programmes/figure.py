"""Figures of the report: a chart with its title, legend, text alternative and table of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from careloop.language import translator
from careloop.programmes import chart
from careloop.programmes.tally import Histogram
from careloop.programmes.wording import Wording, printed_number
from careloop.risk.instruments.definition import Instrument


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn chart and everything a reader needs who cannot see it."""

    key: str
    title: str
    svg: str
    caption: str
    alternative: str
    """What the chart shows, for those who cannot see it: the caption and each class."""
    legend: tuple[tuple[str, str, int], ...]
    """Words, colour and people of each class."""
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    unconfirmed: bool = False


def figure(counted: Histogram, wording: Wording, *, instrument: Instrument | None) -> Figure:
    """A histogram coloured by class."""
    _ = translator(wording.language)
    classes = _classes(counted, wording)
    legend = tuple(
        (words, colour, sum(people for _, key, people in counted.bars if key == each))
        for each, (words, colour) in classes.items()
    )
    whole = counted.whole and counted.step == 1
    drawn = chart.histogram(
        counted.bars,
        step=counted.step,
        colours={key: colour for key, (_, colour) in classes.items()},
        centred=whole,
    )
    name, unit = wording.name(counted.key), wording.unit(counted.key)
    name = f"{name} ({unit})" if unit else name
    starts = sorted({start for start, _, _ in counted.bars})
    table = {(start, key): people for start, key, people in counted.bars}
    rows = tuple(
        (
            _interval(start, counted, last=start == starts[-1]),
            *(f"{table.get((start, key), 0):,}" for key in classes),
        )
        for start in starts
    )
    caption = _caption(counted, wording)
    return Figure(
        counted.key,
        name,
        chart.svg(drawn),
        caption,
        _alternative(caption, legend, wording) if counted.by else caption,
        legend if counted.by else (),
        (name, *(words for words, _ in classes.values())),
        rows,
        instrument is not None and instrument.unconfirmed,
    )


def age_figure(counted: Histogram, wording: Wording, *, everybody: int) -> Figure:
    """Women to the left, men to the right, in steps of age."""
    _ = translator(wording.language)
    people: dict[float, dict[str | None, int]] = {}
    for start, sex, count in counted.bars:
        people.setdefault(start, {})[sex] = count
    low, high = min(people), max(people)
    steps = round((high - low) / counted.step) + 1
    starts = [low + number * counted.step for number in range(steps)]
    bars = [
        (
            f"{start:.0f}–{start + counted.step - 1:.0f}",
            people.get(start, {}).get("female", 0),
            people.get(start, {}).get("male", 0),
        )
        for start in starts
    ]
    sexes = [wording.value("sex", sex) for sex in chart.SEXES]
    drawn = chart.pyramid(bars, left=sexes[0], right=sexes[1], title=_("people"))
    totals = [sum(row[side] for row in bars) for side in (1, 2)]  # type: ignore[misc]
    legend = tuple(zip(sexes, chart.SEXES.values(), totals, strict=True))
    caption = _caption(counted, wording)
    besides = everybody - sum(totals)
    if besides:
        caption += " " + _("Not drawn, because age or sex is not known: {people}.").format(
            people=f"{besides:,}"
        )
    return Figure(
        counted.key,
        _("Age by sex"),
        chart.svg(drawn),
        caption,
        _alternative(caption, legend, wording),
        legend,
        (wording.name("age_y"), *sexes),
        tuple((label, f"{left:,}", f"{right:,}") for label, left, right in bars),
    )


def _classes(counted: Histogram, wording: Wording) -> dict[str | None, tuple[str, str]]:
    """Words and colour of each class, worst first; what has no class comes last, in grey."""
    _ = translator(wording.language)
    if not counted.by:
        return {None: (_("people"), chart.PLAIN)}
    met = {key for _, key, _ in counted.bars}
    listed = [key for key in wording.words(counted.by) if key in met]
    found: dict[str | None, tuple[str, str]] = {
        key: (wording.value(counted.by, key), colour)
        for key, colour in zip(listed, chart.shades(len(listed)), strict=True)
    }
    rest = sorted(key for key in met if key is not None and key not in found)
    for key in (*rest, *([None] if None in met else [])):
        words = _("without class") if key is None else wording.value(counted.by, key)
        found[key] = (words, chart.LEFT_OPEN)
    return found


def _interval(start: float, counted: Histogram, *, last: bool) -> str:
    if last and counted.open_end:
        return f"≥ {printed_number(start)}"
    if counted.whole and counted.step == 1:
        return printed_number(start)
    return f"{printed_number(start)} ~ {printed_number(start + counted.step)}"


def _alternative(caption: str, legend: Sequence[tuple[str, str, int]], wording: Wording) -> str:
    _ = translator(wording.language)
    classes = _("; ").join(f"{label} {people:,}" for label, _colour, people in legend)
    stop = _(".")
    return f"{caption} {classes}{stop}"


def _caption(counted: Histogram, wording: Wording) -> str:
    _ = translator(wording.language)
    low, middle, high = (printed_number(value) for value in counted.quartiles)
    words = _(
        "{name} of {people} people: median {middle}, half of them between {low} and {high}."
    ).format(
        name=wording.name(counted.key),
        people=f"{counted.people:,}",
        middle=middle,
        low=low,
        high=high,
    )
    if counted.open_end:
        words += " " + _("The last column holds everybody from {value} up.").format(
            value=printed_number(counted.bars[-1][0])
        )
    return words
