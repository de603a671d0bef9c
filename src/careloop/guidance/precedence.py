"""What gives way to what, when two parts of a plan contradict each other. A table of the programme.

`guidance/precedence.toml`; keys of items may be patterns (`medicine.*`)::

    [[rule]]
    key = "hypercalcaemia"
    when = "hypercalcaemia"             # a condition on the person …
    stays = ["alert.hypercalcaemia"]    # … or items of the plan; with both, either is enough
    gives_way = ["supplement.calcium"]  # what is withheld then
    text = { zh = "血钙升高，不补钙", en = "calcium is high: no calcium supplement" }
    source = "…"
    mark = "B"

Rules are applied in the order of the file; an item that was withheld no longer makes others give
way. A condition that is unknown withholds nothing; with `unknown = "check"` the item stays, to be
done only after the condition's variables are known.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources.abc import Traversable

import polars as pl

from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.guidance.plan import Reason

_SETTINGS = {"key", "when", "stays", "gives_way", "text", "source", "mark", "unknown"}


@dataclass(frozen=True, slots=True)
class Precedence:
    """One rule of precedence."""

    key: str
    gives_way: tuple[str, ...]
    text: Text
    source: str
    mark: str
    stays: tuple[str, ...] = ()
    when: str = ""
    check_unknown: bool = False

    @property
    def column(self) -> str:
        """The column that says whether `when` holds."""
        return f"precedence_{self.key}"

    @property
    def reason(self) -> Reason:
        """Why an item gave way."""
        return Reason(f"precedence.{self.key}", self.text, self.source, self.mark)

    def reads(self) -> tuple[str, ...]:
        """The columns `when` speaks of."""
        return names_in(self.when) if self.when else ()


@lru_cache(100_000)
def matches(key: str, patterns: tuple[str, ...]) -> bool:
    """Whether a key fits any of some patterns.

    Examples
    --------
    >>> matches("medicine.alendronate", ("medicine.*",)), matches("test.dxa", ("medicine.*",))
    (True, False)
    """
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def precedence_columns(rules: tuple[Precedence, ...]) -> list[pl.Expr]:
    """`precedence_<key>` (Boolean, null: unknown) for every rule with a condition."""
    return [condition(rule.when).alias(rule.column) for rule in rules if rule.when]


def read_precedence(file: Traversable) -> tuple[Precedence, ...]:
    """Read the table.

    Raises
    ------
    ConfigError
        Naming file, rule and fault.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8")).get("rule", [])
        rules = tuple(_rule(table, file.name) for table in tables)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), where=file.name, remedy="mend the TOML syntax") from error
    except (KeyError, TypeError) as error:
        raise ConfigError(
            str(error), where=file.name, remedy="see careloop.guidance.precedence"
        ) from error
    keys = [rule.key for rule in rules]
    for key in {each for each in keys if keys.count(each) > 1}:
        raise ConfigError(f"rule {key!r} stands twice", where=file.name, remedy="rename one")
    return rules


def _rule(table: dict[str, object], where: str) -> Precedence:
    if strange := sorted(set(table) - _SETTINGS):
        raise ConfigError(f"unknown settings {strange}", where=where, remedy=f"use {_SETTINGS}")
    rule = Precedence(
        key=str(table["key"]),
        gives_way=_texts(table["gives_way"]),
        text=Text(**table["text"]),  # type: ignore[arg-type]
        source=str(table["source"]),
        mark=str(table["mark"]),
        stays=_texts(table.get("stays", ())),
        when=str(table.get("when", "")),
        check_unknown=table.get("unknown", "ignore") == "check",
    )
    if not rule.stays and not rule.when:
        raise ConfigError(f"{rule.key}: neither `when` nor `stays`", where=where, remedy="add one")
    if rule.when:
        condition(rule.when)
    return rule


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value)  # type: ignore[attr-defined]
