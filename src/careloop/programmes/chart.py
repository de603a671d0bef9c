"""Charts of aggregates as Vega-Lite specifications, rendered to SVG without a browser or network.

A chart carries as few words as it can: title, legend, text alternative and the table of its
numbers stand beside it in HTML. The text that is left is drawn by the reader's own fonts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

FONT = (
    "'Noto Sans SC', 'Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei',"
    " 'WenQuanYi Micro Hei', system-ui, sans-serif"
)
INK, RULE = "#334049", "#dbe1e4"
PLAIN = "#2f7f8a"
SEXES = {"female": "#b4532a", "male": "#2b6ca3"}
LEFT_OPEN = "#8b959b"
_SHADES = {
    1: ("#9c2f1b",),
    2: ("#9c2f1b", "#3b8c96"),
    3: ("#9c2f1b", "#cc7712", "#3b8c96"),
}
_MORE = ("#6f1d13", "#9c2f1b", "#cc7712", "#6d7f2f", "#3b8c96", "#2b6ca3")
_WIDTH, _HEIGHT = 330, 190


def shades(number: int) -> tuple[str, ...]:
    """Colours for classes from worst to best; each has 3 : 1 contrast with white."""
    return _SHADES.get(number) or tuple(_MORE[place % len(_MORE)] for place in range(number))


def histogram(
    bars: Sequence[tuple[float, str | None, int]],
    *,
    step: float,
    colours: Mapping[str | None, str],
    centred: bool = False,
) -> dict[str, Any]:
    """Columns over intervals, stacked by class in the order of `colours`, the first at the foot.

    `centred` draws the interval [k, k + 1) around k: for whole numbers.
    """
    axis: dict[str, Any] = {"title": None, "tickCount": 7, "grid": False}
    if centred:
        axis |= {"tickMinStep": 1, "format": "d"}
    shift = step / 2 if centred else 0.0
    order = list(colours)
    values = [
        {
            "from": round(start - shift, 9),
            "to": round(start + step - shift, 9),
            "class": order.index(key),
            "people": count,
        }
        for start, key, count in bars
    ]
    return _chart(
        values,
        {
            "x": {
                "field": "from",
                "bin": "binned",
                "type": "quantitative",
                "axis": axis,
                "scale": {"zero": False, "nice": False},
            },
            "x2": {"field": "to"},
            "y": {
                "field": "people",
                "aggregate": "sum",
                "type": "quantitative",
                "stack": "zero",
                "axis": _counts(),
            },
            "color": _colour("class", list(range(len(order))), list(colours.values())),
            "order": {"field": "class", "type": "quantitative"},
        },
    )


def pyramid(
    bars: Sequence[tuple[str, int, int]], *, left: str, right: str, title: str
) -> dict[str, Any]:
    """Counts to both sides of an axis; rows (label, left, right) from the foot up."""
    labels = [label for label, _, _ in reversed(bars)]
    values = [
        {"row": label, "side": side, "people": people}
        for label, females, males in bars
        for side, people in (("left", -females), ("right", males))
    ]
    widest = max((max(females, males) for _, females, males in bars), default=1) or 1
    axis = _counts() | {
        "title": f"← {left}\u2003{title}\u2003{right} →",
        "labelExpr": "format(abs(datum.value), ',')",
        "tickCount": 5,
    }
    return _chart(
        values,
        {
            "y": {
                "field": "row",
                "type": "ordinal",
                "sort": labels,
                "axis": {"title": None, "domain": False, "ticks": False},
            },
            "x": {
                "field": "people",
                "type": "quantitative",
                "axis": axis,
                "scale": {"domain": [-widest, widest], "nice": True},
            },
            "color": _colour("side", ["left", "right"], list(SEXES.values())),
        },
    )


def svg(spec: Mapping[str, Any]) -> str:
    """Render a specification; the picture scales with its place and is hidden from screen readers.

    Its text alternative must stand on the element around it.
    """
    import vl_convert  # noqa: PLC0415 - starts an engine: only where something is drawn

    drawn: str = vl_convert.vegalite_to_svg(dict(spec), allowed_base_urls=[])
    box = re.search(r'viewBox="[^"]*"', drawn)
    inside = drawn[drawn.index(">") + 1 :]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} '
        f'aria-hidden="true" focusable="false">{inside}'
    )


def _chart(values: list[dict[str, Any]], encoding: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": _WIDTH,
        "height": _HEIGHT,
        "padding": 2,
        "background": "transparent",
        "autosize": {"type": "fit", "contains": "padding"},
        "data": {"values": values},
        "mark": {"type": "bar", "stroke": "white", "strokeWidth": 0.6},
        "encoding": encoding,
        "config": {
            "aria": False,
            "font": FONT,
            "view": {"stroke": None},
            "axis": {
                "labelFontSize": 12,
                "titleFontSize": 12,
                "titleFontWeight": "normal",
                "labelColor": INK,
                "titleColor": INK,
                "domainColor": INK,
                "tickColor": INK,
                "gridColor": RULE,
            },
        },
    }


def _counts() -> dict[str, Any]:
    return {"title": None, "format": ",d", "tickMinStep": 1, "tickCount": 4, "domain": False}


def _colour(field: str, domain: list[Any], colours: list[str]) -> dict[str, Any]:
    return {
        "field": field,
        "type": "nominal",
        "legend": None,
        "scale": {"domain": domain, "range": colours},
    }
