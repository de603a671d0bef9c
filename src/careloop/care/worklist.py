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
    show = ["osta", "age_y"]       # values that stand beside the name
    since = ["t_total_hip__age_d"] # days since what brings a person here: the newest counts
    decided = true                 # whoever has a decision on their plan since then is not on it

    [[worklist.reason]]            # instead of `when`: on the list for any of these reasons
    key = "thigh_pain"
    when = "thigh_pain AND on_treatment"
    label = { zh = "…", en = "…" }
    alarm = true

    [[level]]                  # how much attention a person needs, the first that holds
    level = 3
    label = { zh = "高", en = "high" }
    when = "next_step = 'treatment_assessment'"

    [[measure]]                # a step of the cascade, with its definition in words
    key = "treated"
    label = { zh = "正在治疗", en = "on treatment" }
    definition = { zh = "…", en = "…" }
    when = "osteoporosis_treatment_current"

Conditions are SQL over the columns of an assessed and guided snapshot, in three-valued logic: a
person of whom it is unknown whether they belong on a list is not on it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import polars as pl

from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.risk.wording import listed

LEVEL = "care_level"
"""The column that `care_columns` gives the level: 0 where none holds."""


@dataclass(frozen=True, slots=True)
class Because:
    """One reason to be on a list; `alarm`: it cannot wait."""

    key: str
    when: str
    label: Text
    alarm: bool = False

    @property
    def holds(self) -> pl.Expr:
        """True, false or null (unknown)."""
        return _truth(self.when)


@dataclass(frozen=True, slots=True)
class Worklist:
    """One list: who is on it, in what order, by when, and when it is an alarm."""

    key: str
    label: Text
    hint: Text
    when: str = ""
    rank: str = ""
    due: str = ""
    alarm: str = ""
    show: tuple[str, ...] = ()
    since: tuple[str, ...] = ()
    decided: bool = False
    reasons: tuple[Because, ...] = ()

    @property
    def column(self) -> str:
        """The column that says whether a person is on the list."""
        return f"worklist_{self.key}"

    def columns(self) -> list[pl.Expr]:
        """Membership, and for members rank, days until due and since, reasons and alarm."""
        held = [each.holds for each in self.reasons]
        on = [*held, *([_truth(self.when)] if self.when else [])]
        alarms = [_truth(self.alarm)] if self.alarm else []
        alarms += [each.holds for each in self.reasons if each.alarm]
        days = [pl.col(name).cast(pl.Float64) for name in self.since]
        why = listed(held, [each.key for each in self.reasons]) if held else pl.lit("")
        return [
            _any(on).alias(self.column),
            _number(self.rank).alias(f"{self.column}_rank"),
            _number(self.due).alias(f"{self.column}_due"),
            (pl.min_horizontal(days) if days else _number("")).alias(f"{self.column}_since"),
            why.alias(f"{self.column}_why"),
            _any(alarms).alias(f"{self.column}_alarm"),
        ]

    def reads(self) -> list[str]:
        """The columns that the conditions name, and those shown."""
        conditions = (self.when, self.rank, self.due, self.alarm)
        named = _names((*conditions, *(each.when for each in self.reasons)))
        return list(dict.fromkeys([*named, *self.show, *self.since]))


@dataclass(frozen=True, slots=True)
class Level:
    """How much attention a person needs."""

    level: int
    label: Text
    when: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A step of the cascade: how many people it counts is reported with its definition."""

    key: str
    label: Text
    definition: Text
    when: str

    @property
    def column(self) -> str:
        """The column that says whether a person is counted."""
        return f"measure_{self.key}"


@dataclass(frozen=True, slots=True)
class Worklists:
    """All lists, levels and measures of a programme, in their order."""

    lists: tuple[Worklist, ...]
    levels: tuple[Level, ...]
    measures: tuple[Measure, ...] = ()

    def columns(self) -> list[pl.Expr]:
        """The columns of every list and measure, and `care_level`."""
        level: pl.Expr = pl.lit(0, dtype=pl.Int64)
        for each in reversed(self.levels):
            level = (
                pl.when(condition(each.when).fill_null(value=False))
                .then(pl.lit(each.level, dtype=pl.Int64))
                .otherwise(level)
            )
        counted = [_any([_truth(each.when)]).alias(each.column) for each in self.measures]
        lists = [one for each in self.lists for one in each.columns()]
        return [*lists, *counted, level.alias(LEVEL)]

    def reads(self) -> list[str]:
        """Every column that some list, level or measure names."""
        names = [name for each in self.lists for name in each.reads()]
        conditions = [each.when for each in self.levels] + [each.when for each in self.measures]
        return list(dict.fromkeys([*names, *_names(conditions)]))

    def counted(self, row: Mapping[str, Any]) -> int:
        """Which measures count a person: bit `i` stands for the measure of that place."""
        return sum(1 << place for place, each in enumerate(self.measures) if row.get(each.column))

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
    measures = tuple(_measure(table, file.name) for table in content.pop("measure", ()))
    if content:
        raise ConfigError(f"no settings {sorted(content)}", where=file.name, remedy="mend the name")
    _once([each.key for each in lists], file.name)
    _once([each.key for each in measures], file.name)
    made = Worklists(lists, levels, measures)
    made.columns()
    return made


def _worklist(table: dict[str, Any], where: str) -> Worklist:
    known = {"key", "label", "hint", "when", "rank", "due", "alarm", "show", "since", "decided"}
    if strange := set(table) - known - {"reason"}:
        raise ConfigError(f"no settings {sorted(strange)}", where=where, remedy=f"{sorted(known)}")
    try:
        reasons = tuple(
            Because(label=Text(**each.pop("label")), **each) for each in table.pop("reason", ())
        )
        label, hint = Text(**table.pop("label")), Text(**table.pop("hint"))
        table |= {name: tuple(table.get(name, ())) for name in ("show", "since")}
        made = Worklist(label=label, hint=hint, reasons=reasons, **table)
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"worklist {table.get('key', '?')}: {error}", where=where, remedy="add what is missing"
        ) from None
    _once([each.key for each in reasons], where)
    if not made.when and not reasons:
        raise ConfigError(f"worklist {made.key}: nobody", where=where, remedy="add `when`")
    if made.decided and not made.since:
        raise ConfigError(f"worklist {made.key}: since when?", where=where, remedy="add `since`")
    return made


def _measure(table: dict[str, Any], where: str) -> Measure:
    try:
        label, definition = Text(**table.pop("label")), Text(**table.pop("definition"))
        return Measure(label=label, definition=definition, **table)
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"measure {table.get('key', '?')}: {error}", where=where, remedy="add what is missing"
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


def _truth(sql: str) -> pl.Expr:
    """A condition; of a single person's row, a column of nothing but null has no type yet."""
    return condition(sql).cast(pl.Boolean)


def _any(conditions: Sequence[pl.Expr]) -> pl.Expr:
    """Whether some condition holds; unknown is no."""
    if not conditions:
        return pl.lit(value=False)
    return pl.any_horizontal(*conditions).fill_null(value=False)


def _number(sql: str) -> pl.Expr:
    return (condition(sql) if sql else pl.lit(None)).cast(pl.Float64)


def _names(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for text in texts if text for name in names_in(text)))
