"""Courses of medicines: when a dose is due, when a course ends, what must follow.

Timers are rules of advice (`careloop.guidance.advice_file`) whose `details` name the medicine
(`of`) and, where one must follow, what (`follow_on`: medicine keys or groups); `finished` says
that it must follow although the medicine is still taken. `pause` names medicines that are not
simply continued while the rule holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Any

from careloop.dictionary.catalogue import Dictionary
from careloop.error import ConfigError
from careloop.guidance.advice_file import read_advice
from careloop.guidance.advice_rule import AdviceRule
from careloop.guidance.medicine import Medicine
from careloop.guidance.medicines import GROUPS

_DETAILS = {"of", "follow_on", "finished", "pause"}


def read_timers(
    file: Traversable,
    dictionary: Dictionary,
    medicines: Sequence[Medicine],
    *,
    columns: Mapping[str, str] | None = None,
) -> tuple[AdviceRule, ...]:
    """Read the timers of a programme (`columns` as in `read_advice`).

    Raises
    ------
    ConfigError
        Naming file, rule and fault: as `read_advice`, and a medicine or group that is not there.
    """
    rules = read_advice(file, dictionary, columns=columns)
    known = {medicine.key for medicine in medicines} | {*GROUPS}
    for rule in rules:
        where = f"{file.name} [{rule.key}]"
        if strange := set(rule.details) - _DETAILS:
            raise ConfigError(f"no details {sorted(strange)}", where=where, remedy=f"{_DETAILS}")
        named = {
            rule.details.get("of", ""),
            *rule.details.get("follow_on", ()),
            *rule.details.get("pause", ()),
        } - {""}
        if strange := named - known:
            raise ConfigError(f"no medicine {sorted(strange)}", where=where, remedy="mend it")
    return rules


def to_follow(
    row: Mapping[str, Any], rules: Iterable[AdviceRule], taken: Iterable[str]
) -> tuple[AdviceRule, ...]:
    """The timers that hold for a person and after which another medicine must follow.

    Parameters
    ----------
    row
        With the columns of `advice_columns(rules)`.
    taken
        Keys of the medicines taken now: what must follow a medicine that is still taken waits,
        unless its course is finished.
    """
    now = set(taken)
    return tuple(
        sorted(
            (
                rule
                for rule in rules
                if rule.details.get("follow_on") and row.get(rule.column) is True
                if rule.details.get("finished") or rule.details.get("of") not in now
            ),
            key=lambda rule: rule.priority,
        )
    )


def paused(row: Mapping[str, Any], rules: Iterable[AdviceRule]) -> set[str]:
    """Keys of the medicines that some timer would not simply continue."""
    return {
        key
        for rule in rules
        if row.get(rule.column) is True
        for key in rule.details.get("pause", ())
    }
