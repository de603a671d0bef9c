"""The next plan as a difference from the last, with the reason for every change.

A change is explained by what began or ceased to hold, by what became known or must now be checked,
by what the item itself says anew (dose, date), and, where the facts behind both plans are given, by
the values that changed under those clauses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from careloop.dictionary.variable import Text
from careloop.guidance.plan import Plan, PlanItem, Reason

What = Literal["added", "removed", "changed", "kept"]
Why = Literal["began", "ceased", "withheld", "risk_class", "value", "checking", "guideline"]


@dataclass(frozen=True, slots=True)
class ChangeReason:
    """Why an item changed.

    began, ceased: a clause. withheld: something now stands against the item. risk_class: the class
    of the person. value: a value (of the item or of a fact). checking: what must first be known.
    guideline: another guideline is followed.
    """

    why: Why
    key: str
    text: Text | None = None
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What became of one item between two plans."""

    what: What
    key: str
    before: PlanItem | None
    after: PlanItem | None
    reasons: tuple[ChangeReason, ...] = ()


def plan_changes(
    before: Plan,
    after: Plan,
    *,
    facts: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None,
    reads: Mapping[str, Iterable[str]] | None = None,
) -> list[PlanChange]:
    """Every item of both plans: in the order of the new plan, then those that went.

    Parameters
    ----------
    before, after
        Plans of the same person.
    facts
        The rows behind the plans; `reads` says which of their columns a clause speaks of.

    Raises
    ------
    ValueError
        If the plans are of different people.
    """
    if before.person_id != after.person_id:
        raise ValueError("the plans are of different people")
    old = {item.key: item for item in before.items}
    new = {item.key: item for item in after.items}
    common = _common(before, after)
    changes = []
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = old.get(key), new.get(key)
        reasons = _clauses(was, now)
        if now is None:
            reasons += _withheld(key, after)
        if was is None:
            reasons += _freed(key, before)
        if was is not None and now is not None:
            reasons += _values(was, now)
            what: What = "changed" if reasons or was.text != now.text else "kept"
            if what == "changed" and not reasons:
                reasons = common or [ChangeReason("value", "text", None, was.text, now.text)]
        else:
            what = "added" if was is None else "removed"
            reasons += common
        if facts is not None and what != "kept":
            reasons += _facts(reasons, facts, reads or {})
        changes.append(PlanChange(what, key, was, now, tuple(reasons)))
    return changes


def _common(before: Plan, after: Plan) -> list[ChangeReason]:
    reasons = []
    if before.guideline != after.guideline:
        reasons.append(
            ChangeReason("guideline", "guideline", None, before.guideline, after.guideline)
        )
    if before.risk_class != after.risk_class:
        reasons.append(
            ChangeReason("risk_class", "risk_class", None, before.risk_class, after.risk_class)
        )
    return reasons


def _clauses(was: PlanItem | None, now: PlanItem | None) -> list[ChangeReason]:
    """Clauses that began and ceased to be reasons or cautions of an item."""
    had = _said(was)
    has = _said(now)
    began = [ChangeReason("began", key, one.text) for key, one in has.items() if key not in had]
    ceased = [ChangeReason("ceased", key, one.text) for key, one in had.items() if key not in has]
    return began + ceased


def _said(item: PlanItem | None) -> dict[str, Reason]:
    return {one.key: one for one in (*item.because, *item.cautions)} if item else {}


def _withheld(key: str, plan: Plan) -> list[ChangeReason]:
    return [
        ChangeReason("withheld", one.key, one.text)
        for each in plan.withheld
        if each.key == key
        for one in each.because
    ]


def _freed(key: str, plan: Plan) -> list[ChangeReason]:
    """What stood against the item before."""
    return [ChangeReason("ceased", one.key, one.text) for one in _against(key, plan)]


def _against(key: str, plan: Plan) -> list[Reason]:
    return [one for each in plan.withheld if each.key == key for one in each.because]


def _values(was: PlanItem, now: PlanItem) -> list[ChangeReason]:
    """What the item says anew: what to check first, its date, its codes and quantities."""
    said: list[tuple[Why, str, Any, Any]] = [
        ("checking", "after_checking", was.after_checking, now.after_checking),
        ("value", "due_on", was.due_on, now.due_on),
    ]
    had, has = dict(was.details or {}), dict(now.details or {})
    said += [("value", name, had.get(name), has.get(name)) for name in dict.fromkeys((*had, *has))]
    return [
        ChangeReason(why, name, None, before, after)
        for why, name, before, after in said
        if before != after
    ]


def _facts(
    reasons: list[ChangeReason],
    facts: tuple[Mapping[str, Any], Mapping[str, Any]],
    reads: Mapping[str, Iterable[str]],
) -> list[ChangeReason]:
    """The values that changed under the clauses that began or ceased."""
    had, has = facts
    names = dict.fromkeys(
        name
        for one in reasons
        if one.why in {"began", "ceased", "withheld"}
        for name in reads.get(one.key, ())
    )
    return [
        ChangeReason("value", name, None, had.get(name), has.get(name))
        for name in names
        if had.get(name) != has.get(name)
    ]
