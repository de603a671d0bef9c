"""What is said of a medicine in a plan: an offer, an alert against it, or that it is withheld."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careloop.dictionary.variable import Text
from careloop.guidance.guideline import Choice, Guideline
from careloop.guidance.medicine import ALLOWED, CHECK_FIRST, Medicine
from careloop.guidance.plan import PlanItem, Reason, Withheld
from careloop.risk.decision import NamedClause

FIRST_PRIORITY = 30
_MARKS = "ABC"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is proposed, in the guideline's order, and what is not, with the reasons."""

    items: tuple[PlanItem, ...] = ()
    withheld: tuple[Withheld, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """A medicine that could be offered: by which choice of the guideline, and why."""

    medicine: Medicine
    choice: Choice | None
    because: tuple[Reason, ...]


def offered(row: Mapping[str, Any], guideline: Guideline, options: Sequence[Option]) -> Chosen:
    """Items for those that may be given; the blocked are withheld, with their hard stops."""
    items: list[PlanItem] = []
    withheld = []
    for option in options:
        medicine = option.medicine
        if row.get(f"{medicine.key}_status") in {ALLOWED, CHECK_FIRST}:
            items.append(offer(row, option, guideline, place=len(items)))
        else:
            stops = _reasons(medicine.stops, row.get(f"{medicine.key}_stops"))
            withheld.append(Withheld(f"medicine.{medicine.key}", medicine.name, stops))
    if options and not items:
        items.append(_none_left(withheld, guideline))
    return Chosen(tuple(items), tuple(withheld))


def offer(row: Mapping[str, Any], option: Option, guideline: Guideline, *, place: int) -> PlanItem:
    """The item that proposes a medicine, with what must be checked first."""
    medicine, choice = option.medicine, option.choice
    check = str(row.get(f"{medicine.key}_unknown") or "").split()
    treated = medicine.treated
    if treated and row.get(treated, False) is None and not is_taken(row, medicine):
        check.append(treated)
    cautions = _reasons(medicine.cautions, row.get(f"{medicine.key}_cautions"))
    held = str(row.get(f"{medicine.key}_checks") or "").split()
    name = medicine.name
    return PlanItem(
        key=f"medicine.{medicine.key}",
        kind="medicine",
        text=Text(f"{name.zh}：{medicine.dose.zh}", f"{name.en}: {medicine.dose.en}"),
        patient=Text(
            f"医生会和您商量用{name.zh}，请不要自己买药。",
            f"The doctor will discuss {name.en} with you; do not buy it yourself.",
        ),
        because=option.because,
        after_checking=tuple(check),
        checks=(
            *(each.label for each in medicine.checks if each.key in held),
            *medicine.notes,
        ),
        cautions=cautions,
        guideline=guideline.key,
        section=choice.section if choice else medicine.source,
        mark=_least(medicine.mark, choice.mark if choice else "A"),
        priority=FIRST_PRIORITY + place,
        details={
            "medicine": medicine.key,
            "name": {"zh": name.zh, "en": name.en},
            "atc": list(medicine.atc),
            "dose": {"zh": medicine.dose.zh, "en": medicine.dose.en},
            "route": medicine.route,
            "interval_days": medicine.interval_days,
            "status": row.get(f"{medicine.key}_status"),
            "order": place + 1,
        },
    )


def stop_alert(row: Mapping[str, Any], medicine: Medicine, guideline: Guideline) -> PlanItem:
    """An alert: a medicine is taken although a hard stop of it holds."""
    reasons = _reasons(medicine.stops, row.get(f"{medicine.key}_stops"))
    zh = "、".join(reason.text.zh for reason in reasons)
    en = "; ".join(reason.text.en for reason in reasons)
    return PlanItem(
        key=f"alert.stop.{medicine.key}",
        kind="alert",
        text=Text(
            f"正在使用{medicine.name.zh}，但有禁忌：{zh}。请复核用药；需接续者不可单纯停用",
            f"takes {medicine.name.en} in spite of: {en}. Review it; do not just stop what needs a "
            "follow-on",
        ),
        patient=Text(
            f"您正在用的{medicine.name.zh}可能不合适，请尽快联系医生，不要自行停药。",
            f"{medicine.name.en} may not suit you: see the doctor soon, do not stop it yourself.",
        ),
        because=reasons,
        guideline=guideline.key,
        section=medicine.source,
        mark=_least(medicine.mark, *(reason.mark for reason in reasons)),
        priority=2,
        details={"medicine": medicine.key, "current": True},
    )


def _none_left(withheld: Sequence[Withheld], guideline: Guideline) -> PlanItem:
    reasons = {reason.key: reason for each in withheld for reason in each.because}
    return PlanItem(
        key="referral.no_medicine_left",
        kind="referral",
        text=Text(
            "指南首选药物均有禁忌：转专科，先纠正可纠正的原因",
            "every medicine the guideline names is contraindicated: refer, correct what can be",
        ),
        patient=Text("常用的药您暂时都不合适，请看专科医生。", "Please see a specialist about it."),
        because=tuple(reasons.values()),
        guideline=guideline.key,
        mark="B",
        priority=20,
    )


def is_taken(row: Mapping[str, Any], medicine: Medicine) -> bool:
    """Whether a medicine is taken, or its last dose still acts."""
    return row.get(medicine.current) is True or covered(row, medicine)


def covered(row: Mapping[str, Any], medicine: Medicine) -> bool:
    """Whether the last dose (`<medicine>_days` ago) still covers the day of the plan."""
    days = row.get(f"{medicine.key}_days")
    return (
        medicine.interval_days is not None
        and days is not None
        and 0 <= float(days) <= medicine.interval_days
    )


def _reasons(clauses: Iterable[NamedClause], held: object) -> tuple[Reason, ...]:
    keys = set(str(held or "").split())
    return tuple(_named(clauses, keys))


def _named(clauses: Iterable[NamedClause], keys: set[str]) -> Iterator[Reason]:
    for clause in clauses:
        if clause.key in keys:
            yield Reason(clause.key, clause.label, clause.source, clause.mark)


def _least(*marks: str) -> str:
    return max(marks, key=_MARKS.index)
