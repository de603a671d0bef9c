"""One plan out of many proposals: duplicates merged, contradictions settled, nothing lost.

The order of rank: an alert before everything else, then the lower `priority`, then the order in
which kinds are listed, then the order of arrival. What gives way is kept as withheld, with the
reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from careloop.guidance.medicine import BLOCKED, CHECK_FIRST, Medicine
from careloop.guidance.plan import KINDS, PlanItem, Reason, Withheld
from careloop.guidance.precedence import Precedence, matches

Value = TypeVar("Value")


def resolved(
    items: Iterable[PlanItem],
    row: Mapping[str, Any],
    *,
    rules: Sequence[Precedence] = (),
    withheld: Iterable[Withheld] = (),
    medicines: Iterable[Medicine] = (),
) -> tuple[tuple[PlanItem, ...], tuple[Withheld, ...]]:
    """Items that stand, in the order in which a plan lists them, and those that do not.

    Parameters
    ----------
    items
        Proposals of every part, in any order.
    row
        The person: `precedence_<rule>` and `<medicine>_status`, `_stops`, `_unknown`.
    rules
        The programme's table of precedence.
    withheld
        What the parts themselves held back.
    medicines
        The programme's table, for the words of hard stops.
    """
    ranked = sorted(merged(items), key=_rank)
    gone = list(withheld)
    table = {medicine.key: medicine for medicine in medicines}
    stand: list[PlanItem] = []
    for item in ranked:
        checked, stopped = _checked(item, row, table)
        if stopped is None:
            stand.append(checked)
        else:
            gone.append(stopped)
    for rule in rules:
        stand, lost = _apply(rule, stand, row)
        gone += lost
    stand, lost = _excluded(stand)
    gone += lost
    there = {item.key for item in stand}
    return (
        tuple(sorted(stand, key=_listing)),
        tuple(one for one in _merged_withheld(gone) if one.key not in there),
    )


def merged(items: Iterable[PlanItem]) -> list[PlanItem]:
    """Items of the same key made one: the words of the highest in rank, the reasons of all."""
    by_key: dict[str, PlanItem] = {}
    for item in items:
        known = by_key.get(item.key)
        by_key[item.key] = item if known is None else _joined(known, item)
    return list(by_key.values())


def _joined(one: PlanItem, other: PlanItem) -> PlanItem:
    first, second = (one, other) if _rank(one) <= _rank(other) else (other, one)
    return replace(
        first,
        patient=first.patient or second.patient,
        because=_union(first.because, second.because),
        cautions=_union(first.cautions, second.cautions),
        checks=_union(first.checks, second.checks),
        after_checking=_union(first.after_checking, second.after_checking),
        excludes=_union(first.excludes, second.excludes),
        due_on=_earlier(first.due_on, second.due_on),
        mark=max(first.mark, second.mark),  # A, B, C: the less confirmed
        details={**(second.details or {}), **(first.details or {})} or None,
    )


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day), default=None)


def _union(one: tuple[Value, ...], other: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _rank(item: PlanItem) -> tuple[bool, int, int]:
    return item.kind != "alert", item.priority, KINDS.index(item.kind)


def _listing(item: PlanItem) -> tuple[int, int]:
    return KINDS.index(item.kind), item.priority


def medicine_of(item: PlanItem) -> str | None:
    """The key of the medicine that an item proposes; None where it proposes none."""
    if item.kind not in {"medicine", "supplement"}:
        return None
    named = (item.details or {}).get("medicine")
    return str(named) if named is not None else item.key.rpartition(".")[2]


def _checked(
    item: PlanItem, row: Mapping[str, Any], medicines: Mapping[str, Medicine]
) -> tuple[PlanItem, Withheld | None]:
    """The last door: no blocked medicine passes, none with an unknown hard stop unmarked."""
    medicine = medicine_of(item)
    status = row.get(f"{medicine}_status") if medicine else None
    if status == BLOCKED:
        held = str(row.get(f"{medicine}_stops") or "").split()
        known = medicines.get(medicine or "")
        because = tuple(
            Reason(stop.key, stop.label, stop.source, stop.mark)
            for stop in (known.stops if known else ())
            if stop.key in held
        )
        return item, Withheld(item.key, item.text, because)
    if status == CHECK_FIRST and not item.after_checking:
        unknown = tuple(str(row.get(f"{medicine}_unknown") or "").split())
        return replace(item, after_checking=unknown), None
    return item, None


def _apply(
    rule: Precedence, items: list[PlanItem], row: Mapping[str, Any]
) -> tuple[list[PlanItem], list[Withheld]]:
    """One rule of precedence; an item never makes itself give way."""
    stronger = any(_fits(item, rule.stays) for item in items)
    holds = row.get(rule.column) if rule.when else False
    if not holds and not stronger and (holds is False or not rule.check_unknown):
        return items, []
    stand, gone = [], []
    for item in items:
        if not _fits(item, rule.gives_way) or _fits(item, rule.stays):
            stand.append(item)
        elif holds or stronger:
            gone.append(Withheld(item.key, item.text, (rule.reason,)))
        elif holds is None and rule.check_unknown:
            check = _union(item.after_checking, rule.reads())
            stand.append(replace(item, after_checking=check))
        else:
            stand.append(item)
    return stand, gone


def _excluded(items: list[PlanItem]) -> tuple[list[PlanItem], list[Withheld]]:
    """Where two items exclude each other, the one of lower rank goes."""
    stand: list[PlanItem] = []
    gone = []
    for item in sorted(items, key=_rank):
        against = next((one for one in stand if conflict(one, item)), None)
        if against is None:
            stand.append(item)
        else:
            reason = Reason(f"conflict.{against.key}", against.text, against.section, against.mark)
            gone.append(Withheld(item.key, item.text, (reason,)))
    return stand, gone


def conflict(one: PlanItem, other: PlanItem) -> bool:
    """Whether two items may not stand side by side."""
    return bool(one.excludes and _fits(other, one.excludes)) or bool(
        other.excludes and _fits(one, other.excludes)
    )


def _fits(item: PlanItem, patterns: tuple[str, ...]) -> bool:
    """Whether patterns speak of an item, by its key or by the medicine it proposes."""
    medicine = medicine_of(item)
    return matches(item.key, patterns) or (medicine is not None and matches(medicine, patterns))


def _merged_withheld(withheld: Iterable[Withheld]) -> list[Withheld]:
    by_key: dict[str, Withheld] = {}
    for one in withheld:
        known = by_key.get(one.key)
        because = _union(known.because, one.because) if known else one.because
        by_key[one.key] = replace(one, because=because)
    return list(by_key.values())
