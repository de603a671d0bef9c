"""A section of a configuration file that knows its place, so that every fault can name it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from careloop.error import ConfigError


class Section:
    """A TOML table read strictly: unknown settings and wrong types raise `ConfigError`.

    Parameters
    ----------
    table
        What the file holds.
    file, name
        File name and section (as `[columns.BMXWT]`) for messages.
    """

    def __init__(self, table: Any, *, file: str, name: str = "") -> None:
        self.file, self.name = file, name
        if not isinstance(table, dict):
            raise self.fault(f"is {table!r}, not a section", f"write it as {name}")
        self.table: Mapping[str, Any] = table

    def __contains__(self, name: str) -> bool:
        return name in self.table

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def fault(self, problem: str, remedy: str) -> ConfigError:
        """Return the error to raise, with this place."""
        return ConfigError(problem, where=f"{self.file} {self.name}".strip(), remedy=remedy)

    def only(self, allowed: set[str]) -> None:
        """Refuse settings that are not allowed, naming the nearest ones."""
        for name in self.table:
            if name not in allowed:
                raise self.fault(f"no setting {name!r}", nearest(name, sorted(allowed)))

    def get(self, name: str) -> Any:
        """Return what stands there, or None."""
        return self.table.get(name)

    def text(self, name: str) -> str:
        """Return a text, empty where absent."""
        value = self.table.get(name, "")
        if not isinstance(value, str):
            raise self.fault(f"{name} is {value!r}, not a text", f'write {name} = "…"')
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty where absent."""
        value = self.table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.fault(
                f"{name} is {value!r}, not a list of texts", f'write {name} = ["…", "…"]'
            )
        return tuple(value)

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return a text out of `allowed`, empty where absent."""
        value = self.text(name)
        if value and value not in allowed:
            raise self.fault(f"{name} = {value!r}", f"write one of {', '.join(map(repr, allowed))}")
        return value

    def section(self, name: str) -> Section:
        """Return the section below, empty where absent."""
        below = f"[{self.name[1:-1]}.{name}]" if self.name else f"[{name}]"
        return Section(self.table.get(name, {}), file=self.file, name=below)


def nearest(name: str, names: Iterable[str]) -> str:
    """Say which of `names` look most like `name`, or what there is."""
    names = list(names)
    folded = {other.casefold(): other for other in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    if near:
        return f"did you mean {', '.join(folded[other] for other in near)}?"
    return f"there are: {', '.join(names[:30])}{' …' if len(names) > 30 else ''}"
