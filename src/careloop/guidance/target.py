"""What a plan aims at: a variable and the range it should come to, with where that is said.

A file of the programme, `guidance/target.toml`::

    [[target]]
    key = "vitamin_d"
    items = ["vitamin_d_*"]          # a plan with any of these items has this aim
    variable = "vitamin_d_25oh_ng_ml"
    low = 30                         # in the variable's unit; `high` likewise
    text = { zh = "…", en = "…" }
    source = "…"
    mark = "A"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.guidance.plan import Plan
from careloop.guidance.precedence import matches


@dataclass(frozen=True, slots=True)
class Target:
    """One aim."""

    key: str
    items: tuple[str, ...]
    variable: str
    text: Text
    source: str
    mark: str
    low: float | None = None
    high: float | None = None

    def serves(self, plan: Plan) -> bool:
        """Whether some item of the plan works towards it."""
        return any(matches(item.key, self.items) for item in plan.items)


def read_targets(file: Traversable, dictionary: Dictionary) -> tuple[Target, ...]:
    """Read the aims of a programme.

    Raises
    ------
    ConfigError
        Naming file and fault; for a variable that the dictionary does not have, naming it.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        found = tuple(
            Target(
                each["key"],
                tuple(each["items"]),
                dictionary[each["variable"]].key,
                Text(**each["text"]),
                each["source"],
                each["mark"],
                each.get("low"),
                each.get("high"),
            )
            for each in content["target"]
        )
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            str(error), where=file.name, remedy="see careloop.guidance.target"
        ) from error
    for each in found:
        if each.low is None and each.high is None:
            raise ConfigError(
                f"{each.key} has neither low nor high", where=file.name, remedy="give one"
            )
    return found
