"""Cards for drafted orders: hard stops, interactions, what to check first, unreadable codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from careloop.guidance.card import Answer, Considered, card, clause_words, flag_card
from careloop.guidance.draft import Draft
from careloop.guidance.element import told
from careloop.guidance.interaction import Interaction, interacting
from careloop.guidance.medicine import BLOCKED, CHECK_FIRST, Medicine
from careloop.risk.decision import NamedClause


def order_cards(
    before: Considered, after: Considered, drafted: Iterable[Draft], answer: Answer
) -> list[dict[str, Any]]:
    """The cards of order-select and order-sign; none where nothing speaks against the orders.

    A drafted medicine with a hard stop is critical; so is one by which a medicine taken already
    meets a hard stop, and a contradiction that was not there before.
    """
    cards = []
    known = list(drafted)
    ordered = {draft.medicine.key for draft in known if draft.medicine}
    for draft in known:
        if draft.medicine is not None:
            cards += _order_card(draft.medicine, after.row, draft.reference, answer)
        elif not draft.readable:
            cards.append(_unreadable_card(draft, answer))
    for medicine in answer.guidance.medicines:
        column = f"{medicine.key}_status"
        taken = before.row.get(medicine.current) is True and medicine.key not in ordered
        stopped = after.row.get(column) == BLOCKED and before.row.get(column) != BLOCKED
        met = _interactions(medicine, before.row, answer)
        if taken and (stopped or len(_interactions(medicine, after.row, answer)) > len(met)):
            cards += _order_card(medicine, after.row, "current", answer)
    there = {flag.key for flag in before.plan.flags}
    cards += [flag_card(flag, answer) for flag in after.plan.flags if flag.key not in there]
    return cards


def _order_card(
    medicine: Medicine, row: Mapping[str, Any], reference: str, answer: Answer
) -> list[dict[str, Any]]:
    """A card where the medicine is blocked, must be checked first, or has a caution that holds."""
    name, status = medicine.name[answer.language], row.get(f"{medicine.key}_status")
    held = _named(medicine.stops, row.get(f"{medicine.key}_stops"))
    unknown = _named(medicine.stops, row.get(f"{medicine.key}_unknown"))
    cautions = _named(medicine.cautions, row.get(f"{medicine.key}_cautions"))
    checks = _named(medicine.checks, row.get(f"{medicine.key}_checks"))
    met = _interactions(medicine, row, answer)
    words = answer.say("、", ", ")
    if status == BLOCKED:
        why = words.join(each.label[answer.language] for each in held)
        summary = answer.say(f"禁用 {name}：{why}", f"Do not give {name}: {why}")
        indicator = "critical"
    elif met:
        why = words.join(each.text[answer.language] for each in met)
        summary = answer.say(f"{name}：相互作用：{why}", f"{name} interacts: {why}")
        indicator = "critical" if any(each.severity == "hard" for each in met) else "warning"
    elif status == CHECK_FIRST:
        what = words.join(each.label[answer.language] for each in unknown)
        summary = answer.say(f"{name}：核实后方可使用：{what}", f"{name}: first check {what}")
        indicator = "warning"
    elif cautions:
        why = words.join(each.label[answer.language] for each in cautions)
        summary = answer.say(f"慎用 {name}：{why}", f"{name} with caution: {why}")
        indicator = "warning"
    else:
        return []
    groups = (
        (answer.say("禁忌", "Hard stops"), held),
        (answer.say("未知，需核实", "Unknown, to be checked"), unknown),
        (answer.say("慎用", "Cautions"), cautions),
        (answer.say("用药前检查", "Checks before the first dose"), checks),
    )
    lines = []
    if met:
        lines += [f"**{answer.say('相互作用', 'Interactions')}**"]
        lines += [f"- {told(each.reason, answer.language)}" for each in met] + [""]
    for title, clauses in groups:
        if clauses:
            lines += [f"**{title}**", *(f"- {clause_words(each, answer)}" for each in clauses), ""]
    if medicine.source:
        lines.append(f"[{medicine.source}]")
    detail = "\n".join(lines).strip()
    key = f"order {medicine.key} {reference}"
    return [card(answer, key, summary=summary, indicator=indicator, detail=detail)]


def _interactions(medicine: Medicine, row: Mapping[str, Any], answer: Answer) -> list[Interaction]:
    """Interactions of a medicine with what is known to be taken."""
    return list(interacting(row, medicine.key, answer.guidance.interactions))


def _unreadable_card(draft: Draft, answer: Answer) -> dict[str, Any]:
    return card(
        answer,
        f"unreadable {draft.reference}",
        summary=answer.say(
            f"无法识别药品编码，未作核对：{draft.words}",
            f"Not checked, the medicine's code is not known: {draft.words}",
        ),
        indicator="info",
    )


def _named(clauses: Iterable[NamedClause], keys: object) -> list[NamedClause]:
    wanted = set(str(keys or "").split())
    return [each for each in clauses if each.key in wanted]
