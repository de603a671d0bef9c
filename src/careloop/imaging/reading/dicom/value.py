"""Values of a data set, taken so that no bad value raises: it counts as absent."""

from __future__ import annotations

import math
from typing import Any

from pydicom import Dataset

_MOST = 4096


def value(dataset: Dataset, keyword: str) -> Any:
    """The value of an attribute, `None` where it is absent, empty or cannot be converted."""
    try:
        found = dataset.get(keyword)
    except Exception:  # converters raise value, type, key, unicode and other errors
        return None
    return None if found is None or found == "" else found


def text(dataset: Dataset, keyword: str) -> str:
    """An attribute as text without padding; several values are joined by a backslash."""
    found = value(dataset, keyword)
    if found is None:
        return ""
    try:
        parts = [found] if isinstance(found, str) else list(found)
    except TypeError:
        parts = [found]
    joined = "\\".join(str(part) for part in parts[:_MOST])
    return " ".join(joined.replace("\x00", " ").split())


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """The finite numbers of an attribute; empty where any value is not a number."""
    found = value(dataset, keyword)
    if found is None:
        return ()
    parts = found if hasattr(found, "__iter__") and not isinstance(found, str) else [found]
    try:
        out = tuple(float(part) for part in list(parts)[:_MOST])
    except (TypeError, ValueError, OverflowError):
        return ()
    return out if all(math.isfinite(part) for part in out) else ()


def number(dataset: Dataset, keyword: str) -> float | None:
    """One number, `None` where there is none or several."""
    found = numbers(dataset, keyword)
    return found[0] if len(found) == 1 else None


def whole(dataset: Dataset, keyword: str) -> int | None:
    """One whole number."""
    found = number(dataset, keyword)
    return int(found) if found is not None and found == int(found) else None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; empty where it is absent or cannot be read."""
    found = value(dataset, keyword)
    try:
        return [item for item in found if isinstance(item, Dataset)] if found is not None else []
    except Exception:  # an item is parsed when it is first touched
        return []


def group(dataset: Dataset, frame: int, keyword: str) -> Dataset | None:
    """A functional group of one frame: its own, or the one shared by all frames."""
    own = items(dataset, "PerFrameFunctionalGroupsSequence")
    shared = items(dataset, "SharedFunctionalGroupsSequence")
    for holder in ([own[frame]] if frame < len(own) else []) + shared[:1]:
        found = items(holder, keyword)
        if found:
            return found[0]
    return None
