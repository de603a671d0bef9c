"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from careloop.programmes.programme import Programme


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; nothing where there are no rows."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *lines, ""] if lines else []


def number(value: object) -> str:
    """A number as people write it, with a true minus sign; anything else as TOML would."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}".replace("-", "−")
    return str(value)


def code(text: object) -> str:
    """Text in the font of code."""
    return f"`{text}`"


def listed(names: Iterable[str]) -> str:
    """Names in the font of code, each once, by commas."""
    return ", ".join(code(name) for name in dict.fromkeys(names))


def heading(programme: Programme) -> str:
    """The heading of a programme's part of a page."""
    return f"## {programme.name.en} · {programme.name.zh}"
