"""The rates of the demo community, read from `assumptions.toml` and `names.toml`.

No number of the simulation stands in code. Every table says where it comes from (`source`) or that
it was made up (`simulated = true`); `unmarked` finds one that says neither.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

Table = Mapping[str, Any]


@cache
def assumptions() -> Table:
    """All simulated rates, by section (see `assumptions.toml`)."""
    return _read("assumptions.toml")


@cache
def places() -> Table:
    """Surnames, given names, centres, clinics and number ranges (see `names.toml`)."""
    return _read("names.toml")


def unmarked(table: Table, name: str = "") -> list[str]:
    """Names of the innermost tables that neither they nor their parents give an origin for.

    Parameters
    ----------
    table
        A section of `assumptions`.
    name
        Its own name, put before the names of its parts.
    """
    if table.get("simulated") is True or table.get("source"):
        return []
    parts = {key: part for key, part in table.items() if isinstance(part, Mapping)}
    if not parts or len(parts) < len(table):
        return [name]
    return [
        fault
        for key, part in parts.items()
        for fault in unmarked(part, f"{name}.{key}" if name else key)
    ]


def _read(file: str) -> Table:
    return tomllib.loads((files(__package__) / file).read_text(encoding="utf-8"))
