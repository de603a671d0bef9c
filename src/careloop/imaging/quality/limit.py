"""Limits of the checks: data with source and mark, in `limits.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, where it comes from, and whether anyone has confirmed it."""

    key: str
    value: float
    unit: str
    mark: Literal["read", "unconfirmed"]
    source: str


@cache
def limits() -> dict[str, Limit]:
    """All limits by key."""
    text = files("careloop.imaging.quality").joinpath("limits.toml").read_text(encoding="utf-8")
    return {key: Limit(key, **entry) for key, entry in tomllib.loads(text).items()}


def limit(key: str) -> float:
    """The value of a limit."""
    return limits()[key].value
