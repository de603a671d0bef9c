"""What a next step means in practice: words for the resident, and the buttons that do it.

A programme declares it in TOML, the first entry that fits a person counts::

    [[step]]
    key = "dxa"                         # an outcome of the programme's last decision
    patient = { zh = "请去做骨密度检查", en = "please have your bones measured" }
    actions = ["refer", "dxa"]          # the first is the main one
    where = "on_treatment"              # only where this column is true; may be left out
    label = { zh = "…", en = "…" }      # instead of the decision's own words; may be left out
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from careloop.dictionary.variable import Text
from careloop.error import ConfigError

ACTIONS = ("screening", "home", "phone", "dxa", "refer", "plan", "slip", "report")
"""What a site can do at once."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry: an outcome, its simple words, and what does it."""

    key: str
    patient: Text
    actions: tuple[str, ...]
    where: str = ""
    label: Text | None = None

    def fits(self, outcome: str | None, row: Mapping[str, Any]) -> bool:
        """Whether it speaks of this outcome and this person."""
        return self.key == outcome and (not self.where or row.get(self.where) is True)


def read_steps(file: Traversable) -> tuple[Step, ...]:
    """Read a programme's steps.

    Raises
    ------
    ConfigError
        Naming file, step and fault.
    """
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    made = []
    for table in content.get("step", ()):
        key = str(table.get("key", "?"))
        try:
            label = table.pop("label", None)
            step = Step(
                patient=Text(**table.pop("patient")),
                actions=tuple(table.pop("actions")),
                label=Text(**label) if label else None,
                **table,
            )
        except (KeyError, TypeError) as error:
            raise ConfigError(f"step {key}: {error}", where=file.name, remedy="mend it") from None
        if strange := set(step.actions) - set(ACTIONS):
            raise ConfigError(
                f"step {key}: no actions {sorted(strange)}",
                where=file.name,
                remedy=f"one of {list(ACTIONS)}",
            )
        made.append(step)
    return tuple(made)
