"""Which medicines a guideline would choose for one person, and which it may not.

Rules of safety, in this order: nobody gets a second long-term bone medicine beside one that is
taken or still acts; a medicine whose hard stop holds is never proposed; one whose hard stop is
unknown is proposed after checking only; what must follow an ended course comes before anything
else, and an anabolic medicine is not put after an antiresorptive course that must be followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text
from careloop.guidance.advice_rule import AdviceRule
from careloop.guidance.comparison import when_column
from careloop.guidance.guideline import Choice, Guideline
from careloop.guidance.interaction import Interaction, interacting, interaction_columns
from careloop.guidance.medicine import ALLOWED, BLOCKED, CHECK_FIRST, Medicine
from careloop.guidance.medicines import concern_columns
from careloop.guidance.plan import PlanItem, Reason, Withheld
from careloop.guidance.timer import paused, to_follow
from careloop.risk.decision import NamedClause

LONG_TERM = ("antiresorptive", "anabolic", "dual")
"""Groups of which a person takes one at a time."""
TREATED = "osteoporosis_treatment_current"
_FIRST_PRIORITY = 30
_MARKS = "ABC"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is proposed, in the guideline's order, and what is not, with the reasons."""

    items: tuple[PlanItem, ...] = ()
    withheld: tuple[Withheld, ...] = ()


@dataclass(frozen=True, slots=True)
class _Option:
    medicine: Medicine
    choice: Choice | None
    because: tuple[Reason, ...]


def choice_columns(
    guidelines: Iterable[Guideline],
    medicines: Sequence[Medicine],
    interactions: Iterable[Interaction] = (),
) -> list[pl.Expr]:
    """What `choose` reads beside the guided table and `advice_columns(timers)`.

    `<guideline>_first_<n>` (whether the condition of a choice holds), `<medicine>_cautions` and
    `<medicine>_checks` (keys that hold), `interaction_<key>`.
    """
    columns = {
        when_column(guideline, choice.when): condition(choice.when)
        for guideline in guidelines
        for choice in guideline.first
        if choice.when
    }
    return [
        *(expression.alias(name) for name, expression in columns.items()),
        *concern_columns(medicines),
        *interaction_columns(interactions),
    ]


def taken_now(row: Mapping[str, Any], medicines: Iterable[Medicine]) -> list[Medicine]:
    """Long-term bone medicines that are taken, or whose last dose still covers the day of the plan.

    A dose covers `interval_days`, counted in the column `<medicine>_days` where there is one.
    """
    return [
        medicine
        for medicine in medicines
        if medicine.group in LONG_TERM
        and (row.get(medicine.current) is True or _covered(row, medicine))
    ]


def choose(
    row: Mapping[str, Any],
    guideline: Guideline,
    medicines: Sequence[Medicine],
    *,
    interactions: Sequence[Interaction] = (),
    timers: Sequence[AdviceRule] = (),
) -> Chosen:
    """Choose medicines for one person.

    Parameters
    ----------
    row
        A row of the guided table with `choice_columns` and `advice_columns(timers)`.
    guideline
        Whose choices, by risk class; nothing is begun unless its answer is "treat".
    medicines, interactions, timers
        The programme's tables.

    Returns
    -------
    Chosen
        Who takes a long-term bone medicine is offered to continue it, or what must follow it.
        Others are offered the guideline's choices; blocked ones are withheld. Never a medicine
        with a hard stop that holds.
    """
    taken = taken_now(row, medicines)
    follow = tuple(
        rule
        for rule in to_follow(row, timers, [medicine.key for medicine in taken])
        if not _followed(rule, taken)
    )
    if follow:
        chosen = _following(row, guideline, medicines, follow)
    elif taken:
        chosen = _continued(row, guideline, medicines, taken)
        resting = paused(row, timers)
        kept = (each for each in chosen.items if medicine_key(each) not in resting)
        chosen = replace(chosen, items=tuple(kept))
    elif row.get(TREATED) is True and not any(row.get(name) is True for name in _explaining()):
        chosen = Chosen((_unnamed(guideline),))
    elif row.get(guideline.treatment.key) == "treat":
        chosen = _offered(row, guideline, _first_options(row, guideline, medicines))
    else:
        chosen = Chosen()
    items = tuple(_with_interactions(row, item, interactions) for item in chosen.items)
    told = {each.details.get("of") for each in timers if row.get(each.column) is True}
    told |= {
        key
        for each in interactions
        if each.severity == "hard" and row.get(each.column) is True
        for key in each.medicines
    }
    alerts = tuple(
        _stop_alert(row, medicine, guideline)
        for medicine in _other_taken(row, medicines)
        if medicine.key not in told and row.get(f"{medicine.key}_status") == BLOCKED
    )
    return replace(chosen, items=(*alerts, *items))


def _other_taken(row: Mapping[str, Any], medicines: Iterable[Medicine]) -> list[Medicine]:
    """Medicines taken that are none of the long-term ones; one of those told by one variable."""
    by_variable = {
        medicine.current: medicine
        for medicine in reversed(list(medicines))
        if medicine.group not in LONG_TERM and row.get(medicine.current) is True
    }
    return list(by_variable.values())


@cache
def _explaining() -> tuple[str, ...]:
    """Variables that each make `TREATED` true: where one does, the treatment is named."""
    names = names_in(load()[TREATED].derive) if TREATED in load() else ()
    return tuple(name for name in names if name != "bisphosphonate_current")


def _followed(rule: AdviceRule, taken: Iterable[Medicine]) -> bool:
    """Whether an antiresorptive that is taken or still acts is the follow-on already."""
    return any(
        each.group == "antiresorptive" and each.key != rule.details.get("of") for each in taken
    )


def medicine_key(item: PlanItem) -> str:
    """The key of the medicine that an item proposes or continues; "" where it does neither."""
    return str((item.details or {}).get("medicine", "")) if item.kind == "medicine" else ""


def _covered(row: Mapping[str, Any], medicine: Medicine) -> bool:
    days = row.get(f"{medicine.key}_days")
    return (
        medicine.interval_days is not None
        and days is not None
        and 0 <= float(days) <= medicine.interval_days
    )


# --- what is taken already


def _continued(
    row: Mapping[str, Any],
    guideline: Guideline,
    medicines: Sequence[Medicine],
    taken: Sequence[Medicine],
) -> Chosen:
    """Go on with what is taken; where a hard stop holds, an alert and what could replace it."""
    items, stopped = [], []
    for medicine in taken:
        if row.get(f"{medicine.key}_status") == BLOCKED:
            stopped.append(medicine)
            items.append(_stop_alert(row, medicine, guideline))
        else:
            items.append(_continue(row, medicine, guideline))
    if len(stopped) < len(taken):
        return Chosen(tuple(items))
    keys = {medicine.key for medicine in taken}
    reason = Reason("instead", Text("替代有禁忌的在用药", "instead of what is taken"), "", "B")
    others = [
        replace(option, because=(*option.because, reason))
        for option in _first_options(row, guideline, medicines)
        if option.medicine.key not in keys
    ]
    after = _offered(row, guideline, others)
    return Chosen((*items, *after.items), after.withheld)


def _continue(row: Mapping[str, Any], medicine: Medicine, guideline: Guideline) -> PlanItem:
    item = _item(row, _Option(medicine, None, ()), guideline, place=0)
    name = medicine.name
    return replace(
        item,
        text=Text(
            f"继续{name.zh}：{medicine.dose.zh}；核对依从性，不另加第二种",
            f"continue {name.en}: {medicine.dose.en}; ask about adherence, no second one",
        ),
        patient=Text(f"继续用{name.zh}，不要自行停药。", f"Go on with {name.en}; do not stop it."),
        details={**(item.details or {}), "current": True},
    )


def _stop_alert(row: Mapping[str, Any], medicine: Medicine, guideline: Guideline) -> PlanItem:
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


def _unnamed(guideline: Guideline) -> PlanItem:
    return PlanItem(
        key="test.current_medicine",
        kind="test",
        text=Text(
            "正在接受抗骨质疏松药物治疗，但药名未知：先查明，再决定，不另加第二种",
            "takes an osteoporosis medicine that is not named: find out which before any other",
        ),
        patient=Text("请把正在吃的药带来给医生看。", "Bring the medicines you take to the doctor."),
        guideline=guideline.key,
        mark="B",
        priority=_FIRST_PRIORITY,
    )


# --- what must follow a course


def _following(
    row: Mapping[str, Any],
    guideline: Guideline,
    medicines: Sequence[Medicine],
    rules: Sequence[AdviceRule],
) -> Chosen:
    rule = rules[0]
    because = tuple(
        Reason(clause.key, clause.label, clause.source, clause.mark) for clause in rule.clauses
    )
    preferred = [option.medicine for option in _class_options(row, guideline, medicines)]
    wanted = _wanted(rule, preferred, medicines)
    chosen = _offered(row, guideline, [_Option(each, None, because) for each in wanted])
    why = Reason(
        "sequence",
        Text("须先接续抗骨吸收药", "an antiresorptive must come first"),
        rule.section,
        rule.mark,
    )
    later = tuple(
        Withheld(f"medicine.{medicine.key}", medicine.name, (why,))
        for medicine in preferred
        if medicine not in wanted and medicine.group in {"anabolic", "dual"}
    )
    return Chosen(chosen.items, (*chosen.withheld, *later))


def _wanted(
    rule: AdviceRule, preferred: Sequence[Medicine], medicines: Sequence[Medicine]
) -> list[Medicine]:
    """What a timer asks for: medicines by name, of a group those that the guideline names."""
    ended = rule.details.get("of") if rule.details.get("finished") else None
    wanted: list[Medicine] = []
    for name in rule.details["follow_on"]:
        named = [medicine for medicine in medicines if medicine.key == name]
        grouped = [medicine for medicine in preferred if medicine.group == name]
        others = [each for each in medicines if each.group == name and each.proposed]
        wanted += named or grouped or others
    return [each for each in dict.fromkeys(wanted) if each.key != ended]


# --- what is begun


def _first_options(
    row: Mapping[str, Any], guideline: Guideline, medicines: Sequence[Medicine]
) -> list[_Option]:
    """The choices of the person's risk class: those with a condition that holds come first."""
    risk_class = row.get(guideline.risk_class.key)
    return _options(
        [each for each in guideline.first if each.risk_class == risk_class],
        row,
        guideline,
        medicines,
    )


def _class_options(
    row: Mapping[str, Any], guideline: Guideline, medicines: Sequence[Medicine]
) -> list[_Option]:
    """The choices of the person's risk class, then those of the others."""
    mine = _first_options(row, guideline, medicines)
    seen = {option.medicine.key for option in mine}
    others = _options(guideline.first, row, guideline, medicines)
    return mine + [option for option in others if option.medicine.key not in seen]


def _options(
    choices: Iterable[Choice],
    row: Mapping[str, Any],
    guideline: Guideline,
    medicines: Sequence[Medicine],
) -> list[_Option]:
    known = {medicine.key: medicine for medicine in medicines if medicine.proposed}
    apply = [
        each for each in choices if not each.when or row.get(when_column(guideline, each.when))
    ]
    found: dict[str, _Option] = {}
    for choice in sorted(apply, key=lambda each: not each.when):
        because: tuple[Reason, ...] = ()
        if choice.when and choice.note is not None:
            because = (Reason("preferred", choice.note, choice.section, choice.mark),)
        for key in choice.medicines:
            if key in known:
                found.setdefault(key, _Option(known[key], choice, because))
    return list(found.values())


def _offered(row: Mapping[str, Any], guideline: Guideline, options: Sequence[_Option]) -> Chosen:
    """Items for those that may be given; the blocked are withheld, with their hard stops."""
    items: list[PlanItem] = []
    withheld = []
    for option in options:
        medicine = option.medicine
        if row.get(f"{medicine.key}_status") in {ALLOWED, CHECK_FIRST}:
            items.append(_item(row, option, guideline, place=len(items)))
        else:
            stops = _reasons(medicine.stops, row.get(f"{medicine.key}_stops"))
            withheld.append(Withheld(f"medicine.{medicine.key}", medicine.name, stops))
    if options and not items:
        items.append(_none_left(withheld, guideline))
    return Chosen(tuple(items), tuple(withheld))


def _item(row: Mapping[str, Any], option: _Option, guideline: Guideline, *, place: int) -> PlanItem:
    medicine, choice = option.medicine, option.choice
    check = str(row.get(f"{medicine.key}_unknown") or "").split()
    if row.get(TREATED, False) is None and not _is_taken(row, medicine):
        check.append(TREATED)
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
        priority=_FIRST_PRIORITY + place,
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


def _is_taken(row: Mapping[str, Any], medicine: Medicine) -> bool:
    return row.get(medicine.current) is True or _covered(row, medicine)


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


def _with_interactions(
    row: Mapping[str, Any], item: PlanItem, interactions: Sequence[Interaction]
) -> PlanItem:
    key = medicine_key(item)
    met = tuple(each.reason for each in interacting(row, key, interactions)) if key else ()
    return replace(item, cautions=(*item.cautions, *met)) if met else item


def _reasons(clauses: Iterable[NamedClause], held: object) -> tuple[Reason, ...]:
    keys = set(str(held or "").split())
    return tuple(_named(clauses, keys))


def _named(clauses: Iterable[NamedClause], keys: set[str]) -> Iterator[Reason]:
    for clause in clauses:
        if clause.key in keys:
            yield Reason(clause.key, clause.label, clause.source, clause.mark)


def _least(*marks: str) -> str:
    return max(marks, key=_MARKS.index)
