"""Worklists: who must be called, examined or decided on, as conditions over what is known.

A programme declares its lists in TOML::

    [[worklist]]
    key = "dxa_wanted"
    label = { zh = "高风险未做骨密度", en = "high risk, no DXA" }
    hint = { zh = "请联系做骨密度检查", en = "arrange a DXA" }
    when = "next_step = 'dxa'"
    rank = "osta"              # the lowest first
    due = "183 - denosumab_days"   # days from today; may be negative (late)
    alarm = "denosumab_days > 213" # shown as urgent

    [[level]]                  # how much attention a person needs, the first that holds
    level = 3
    label = { zh = "高", en = "high" }
    when = "next_step = 'treatment_assessment'"

Conditions are SQL over the columns of an assessed and guided snapshot, in three-valued logic: a
person of whom it is unknown whether they belong on a list is not on it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import polars as pl

from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text
from careloop.error import ConfigError

LEVEL = "care_level"
"""The column that `care_columns` gives the level: 0 where none holds."""


@dataclass(frozen=True, slots=True)
class Worklist:
    """One list: who is on it, in what order, by when, and when it is an alarm."""

    key: str
    label: Text
    hint: Text
    when: str
    rank: str = ""
    due: str = ""
    alarm: str = ""

    @property
    def column(self) -> str:
        """The column that says whether a person is on the list."""
        return f"worklist_{self.key}"

    def columns(self) -> list[pl.Expr]:
        """Membership, and for members rank, days until due and alarm."""
        on = condition(self.when).fill_null(value=False)
        return [
            on.alias(self.column),
            _number(self.rank).alias(f"{self.column}_rank"),
            _number(self.due).alias(f"{self.column}_due"),
            (condition(self.alarm) if self.alarm else pl.lit(value=False))
            .fill_null(value=False)
            .alias(f"{self.column}_alarm"),
        ]

    def reads(self) -> list[str]:
        """The columns that the conditions name."""
        return _names((self.when, self.rank, self.due, self.alarm))


@dataclass(frozen=True, slots=True)
class Level:
    """How much attention a person needs."""

    level: int
    label: Text
    when: str


@dataclass(frozen=True, slots=True)
class Worklists:
    """All lists and levels of a programme, in their order."""

    lists: tuple[Worklist, ...]
    levels: tuple[Level, ...]

    def columns(self) -> list[pl.Expr]:
        """The columns of every list, and `care_level`."""
        level: pl.Expr = pl.lit(0, dtype=pl.Int64)
        for each in reversed(self.levels):
            level = (
                pl.when(condition(each.when).fill_null(value=False))
                .then(pl.lit(each.level, dtype=pl.Int64))
                .otherwise(level)
            )
        return [*(one for each in self.lists for one in each.columns()), level.alias(LEVEL)]

    def reads(self) -> list[str]:
        """Every column that some list or level names."""
        names = [name for each in self.lists for name in each.reads()]
        return list(dict.fromkeys([*names, *_names(each.when for each in self.levels)]))

    def __getitem__(self, key: str) -> Worklist:
        """The list of this key; KeyError where there is none."""
        for each in self.lists:
            if each.key == key:
                return each
        raise KeyError(key)


def read_worklists(file: Traversable) -> Worklists:
    """Read the lists of a programme.

    Raises
    ------
    ConfigError
        Naming file, list and fault: an unknown setting, a missing one, a bad condition.
    """
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    lists = tuple(_worklist(table, file.name) for table in content.pop("worklist", ()))
    levels = tuple(_level(table, file.name) for table in content.pop("level", ()))
    if content:
        raise ConfigError(f"no settings {sorted(content)}", where=file.name, remedy="mend the name")
    _once([each.key for each in lists], file.name)
    made = Worklists(lists, levels)
    made.columns()
    return made


def _worklist(table: dict[str, Any], where: str) -> Worklist:
    known = {"key", "label", "hint", "when", "rank", "due", "alarm"}
    if strange := set(table) - known:
        raise ConfigError(f"no settings {sorted(strange)}", where=where, remedy=f"{sorted(known)}")
    try:
        label, hint = Text(**table.pop("label")), Text(**table.pop("hint"))
        return Worklist(label=label, hint=hint, **table)
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"worklist {table.get('key', '?')}: {error}", where=where, remedy="add what is missing"
        ) from None


def _level(table: dict[str, Any], where: str) -> Level:
    try:
        return Level(int(table["level"]), Text(**table["label"]), table["when"])
    except (KeyError, TypeError) as error:
        raise ConfigError(f"level: {error}", where=where, remedy="add what is missing") from None


def _once(keys: Sequence[str], where: str) -> None:
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ConfigError(f"declared twice: {sorted(twice)}", where=where, remedy="keep one")


def _number(sql: str) -> pl.Expr:
    return (condition(sql) if sql else pl.lit(None)).cast(pl.Float64)


def _names(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for text in texts if text for name in names_in(text)))
