"""Which medicines a guideline would choose for one person, and which it may not.

Rules of safety, in this order: nobody gets a second long-term bone medicine beside one that is
taken or still acts; a medicine whose hard stop holds is never proposed; one whose hard stop is
unknown is proposed after checking only; what must follow an ended course comes before anything
else, and an anabolic medicine is not put after an antiresorptive course that must be followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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
from careloop.guidance.medicine import BLOCKED, Medicine
from careloop.guidance.medicines import concern_columns
from careloop.guidance.offer import (
    FIRST_PRIORITY,
    Chosen,
    Option,
    covered,
    offer,
    offered,
    stop_alert,
)
from careloop.guidance.plan import PlanItem, Reason, Withheld
from careloop.guidance.timer import paused, to_follow

LONG_TERM = ("antiresorptive", "anabolic", "dual")
"""Groups of which a person takes one at a time."""


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
        and (row.get(medicine.current) is True or covered(row, medicine))
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
    elif _unnamed_treatment(row, medicines):
        chosen = Chosen((_unnamed(guideline),))
    elif row.get(guideline.treatment.key) == "treat":
        chosen = offered(row, guideline, _first_options(row, guideline, medicines))
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
        stop_alert(row, medicine, guideline)
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


def _unnamed_treatment(row: Mapping[str, Any], medicines: Iterable[Medicine]) -> bool:
    """Whether something is taken of which nobody says what it is."""
    return any(
        row.get(name) is True and not any(row.get(one) is True for one in _explaining(name))
        for name in {medicine.treated for medicine in medicines if medicine.treated}
    )


@cache
def _explaining(treated: str) -> tuple[str, ...]:
    """Variables that each make `treated` true: where one does, the treatment is named."""
    dictionary = load()
    names = names_in(dictionary[treated].derive)
    return tuple(name for name in names if not dictionary[name].derive)


def _followed(rule: AdviceRule, taken: Iterable[Medicine]) -> bool:
    """Whether an antiresorptive that is taken or still acts is the follow-on already."""
    return any(
        each.group == "antiresorptive" and each.key != rule.details.get("of") for each in taken
    )


def medicine_key(item: PlanItem) -> str:
    """The key of the medicine that an item proposes or continues; "" where it does neither."""
    return str((item.details or {}).get("medicine", "")) if item.kind == "medicine" else ""


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
            items.append(stop_alert(row, medicine, guideline))
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
    after = offered(row, guideline, others)
    return Chosen((*items, *after.items), after.withheld)


def _continue(row: Mapping[str, Any], medicine: Medicine, guideline: Guideline) -> PlanItem:
    item = offer(row, Option(medicine, None, ()), guideline, place=0)
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


def _unnamed(guideline: Guideline) -> PlanItem:
    return PlanItem(
        key="test.current_medicine",
        kind="test",
        text=Text(
            "正在接受药物治疗，但药名未知：先查明，再决定，不另加第二种",
            "takes a medicine that is not named: find out which before any other",
        ),
        patient=Text("请把正在吃的药带来给医生看。", "Bring the medicines you take to the doctor."),
        guideline=guideline.key,
        mark="B",
        priority=FIRST_PRIORITY,
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
    chosen = offered(row, guideline, [Option(each, None, because) for each in wanted])
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
) -> list[Option]:
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
) -> list[Option]:
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
) -> list[Option]:
    known = {medicine.key: medicine for medicine in medicines if medicine.proposed}
    apply = [
        each for each in choices if not each.when or row.get(when_column(guideline, each.when))
    ]
    found: dict[str, Option] = {}
    for choice in sorted(apply, key=lambda each: not each.when):
        because: tuple[Reason, ...] = ()
        if choice.when and choice.note is not None:
            because = (Reason("preferred", choice.note, choice.section, choice.mark),)
        for key in choice.medicines:
            if key in known:
                found.setdefault(key, Option(known[key], choice, because))
    return list(found.values())


def _with_interactions(
    row: Mapping[str, Any], item: PlanItem, interactions: Sequence[Interaction]
) -> PlanItem:
    key = medicine_key(item)
    met = tuple(each.reason for each in interacting(row, key, interactions)) if key else ()
    return replace(item, cautions=(*item.cautions, *met)) if met else item
