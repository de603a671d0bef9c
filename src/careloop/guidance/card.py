"""Cards of CDS Hooks: a plan as a clinician sees it; `order_card` has those of drafted orders.

**Reference.** HL7 CDS Hooks 2.0, "CDS Service Response": `summary` below 140 characters, `detail`
in GitHub Flavored Markdown, `selectionBehavior` wherever there are suggestions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careloop.dictionary.variable import Text
from careloop.guidance.element import UNCONFIRMED, identity, told
from careloop.guidance.fhir import MEDICINES, SERVICES, PlanWords, request
from careloop.guidance.guidance import Guidance
from careloop.guidance.guideline import Guideline
from careloop.guidance.plan import Plan, PlanItem, Reason
from careloop.risk.decision import NamedClause

SUMMARY = 139
"""Most characters of a summary (the specification says less than 140)."""
_MISSING = 8
_ADVISED = 12
OVERRIDES = (
    ("patient-declined", Text("患者不同意", "The patient declined")),
    ("already-done", Text("已经进行", "Already done")),
    ("not-suitable", Text("不适合该患者", "Not suitable for this patient")),
    ("record-wrong", Text("记录有误", "The record is wrong")),
    ("later", Text("稍后处理", "Will be dealt with later")),
    ("benefit-outweighs", Text("获益大于风险", "Benefit outweighs the risk")),
)
OVERRIDE_SYSTEM = "urn:careloop:override-reason"
_TOPIC = "urn:careloop:guideline"


@dataclass(frozen=True, slots=True)
class Considered:
    """One person: the row of the guided table and the plan made of it."""

    row: Mapping[str, Any]
    plan: Plan


@dataclass(frozen=True, slots=True)
class Answer:
    """What every card of one response shares."""

    instance: str
    guidance: Guidance
    guideline: Guideline
    words: PlanWords

    @property
    def language(self) -> str:
        """Of the cards."""
        return self.words.language

    def say(self, zh: str, en: str) -> str:
        """One of two texts."""
        return zh if self.language.startswith("zh") else en

    def name(self, key: str) -> str:
        """What a key is called."""
        return self.words.names.get(key, key)


def plan_cards(
    found: Considered, answer: Answer, *, absent: Sequence[str] = (), unread: int = 0
) -> list[dict[str, Any]]:
    """The cards of patient-view: alarms, medicines, what to order, advice, what to ask."""
    plan = found.plan
    cards = [_alert_card(each, plan, answer) for each in plan.items if each.kind == "alert"]
    cards += [flag_card(each, answer) for each in plan.flags]
    medicines = [item for item in plan.items if item.kind in MEDICINES]
    services = [item for item in plan.items if item.kind in SERVICES]
    advice = [item for item in plan.items if item.kind not in (*MEDICINES, *SERVICES, "alert")]
    cards.append(_medicine_card(plan, medicines, found, answer))
    if services:
        cards.append(_service_card(plan, services, answer))
    if advice or plan.missing or absent or unread:
        cards.append(_advice_card(plan, advice, answer, absent=absent, unread=unread))
    return cards


def short(text: str) -> str:
    """A text cut to what a summary may hold.

    Examples
    --------
    >>> len(short("x" * 500))
    139
    """
    line = " ".join(text.split())
    return line if len(line) <= SUMMARY else line[: SUMMARY - 1] + "…"


def card(
    answer: Answer,
    key: str,
    *,
    summary: str,
    indicator: str,
    detail: str = "",
    suggestions: Sequence[dict[str, Any]] = (),
    selection: str = "any",
) -> dict[str, Any]:
    """One card; `key` tells it apart from the others of the response."""
    guideline = answer.guideline
    label = f"{guideline.name[answer.language]} ({guideline.edition})"
    made: dict[str, Any] = {
        "uuid": str(identity(answer.instance, "card", key)),
        "summary": short(summary),
        "indicator": indicator,
        "source": {
            "label": label,
            "topic": {"system": _TOPIC, "code": guideline.key, "display": label},
        },
        "overrideReasons": [
            {"system": OVERRIDE_SYSTEM, "code": code, "display": text[answer.language]}
            for code, text in OVERRIDES
        ],
    }
    if detail:
        made["detail"] = detail
    if suggestions:
        made["suggestions"] = list(suggestions)
        made["selectionBehavior"] = selection
    return made


def _suggestion(item: PlanItem, plan: Plan, answer: Answer, *, best: bool) -> dict[str, Any]:
    resource = request(item, plan, answer.words)
    made: dict[str, Any] = {
        "label": short(item.text[answer.language]),
        "uuid": str(identity(answer.instance, "suggestion", item.key)),
        "actions": [
            {
                "type": "create",
                "description": item.text[answer.language],
                "resource": resource,
            }
        ],
    }
    if best and not item.after_checking:
        made["isRecommended"] = True
    return made


def _alert_card(item: PlanItem, plan: Plan, answer: Answer) -> dict[str, Any]:
    return card(
        answer,
        item.key,
        summary=item.text[answer.language],
        indicator="critical",
        detail=_item_lines(item, answer, plan),
    )


def flag_card(flag: Reason, answer: Answer) -> dict[str, Any]:
    """A contradiction in the record."""
    head = answer.say("请先核对资料：", "Check the record first: ")
    return card(
        answer,
        f"flag {flag.key}",
        summary=head + flag.text[answer.language],
        indicator="warning",
        detail=told(flag, answer.language),
    )


def _medicine_card(
    plan: Plan, items: Sequence[PlanItem], found: Considered, answer: Answer
) -> dict[str, Any]:
    """Risk class, medicines proposed, and those that may not be given, with reasons."""
    risk = answer.name(plan.risk_class) if plan.risk_class else answer.say("未定", "not known")
    said = answer.guideline.risk_class.label(plan.risk_class)[answer.language]
    risk = said if plan.risk_class else risk
    drugs = [item for item in items if item.kind == "medicine"]
    head = answer.say(f"风险分层：{risk}", f"Risk class: {risk}")
    if drugs:
        first = answer.say("（先核实）", " (check first)")
        names = answer.say("、", ", ").join(
            _drug_name(item, answer) + (first if item.after_checking else "") for item in drugs[:3]
        )
        head += answer.say(f"；建议：{names}", f"; proposed: {names}")
    lines = [f"**{head}**", *_risk_reasons(found, answer), ""]
    for item in items:
        lines += [_item_lines(item, answer, plan), ""]
    if plan.withheld:
        lines.append(f"**{answer.say('未建议', 'Not proposed')}**")
        for each in plan.withheld:
            why = "; ".join(told(reason, answer.language) for reason in each.because)
            lines.append(f"- {each.text[answer.language]}" + (f": {why}" if why else ""))
    urgent = bool(drugs) and plan.risk_class in ("high", "very_high")
    return card(
        answer,
        "medicine",
        summary=head,
        indicator="warning" if urgent else "info",
        detail="\n".join(lines).strip(),
        suggestions=[
            _suggestion(item, plan, answer, best=number == 0)
            for number, item in enumerate(items)
            if not (item.details or {}).get("current")  # it is ordered already
        ],
        selection="any",
    )


def _risk_reasons(found: Considered, answer: Answer) -> list[str]:
    """The clauses by which the guideline's risk class holds."""
    table = answer.guideline.risk_class
    because = str(found.row.get(f"{table.key}_because") or "").split()
    outcome = next((each for each in table.outcomes if each.key == found.plan.risk_class), None)
    held = [each for each in outcome.clauses if each.key in because] if outcome else []
    return [f"- {clause_words(each, answer)}" for each in held]


def _service_card(plan: Plan, items: Sequence[PlanItem], answer: Answer) -> dict[str, Any]:
    names = answer.say("、", ", ").join(item.text[answer.language] for item in items[:3])
    return card(
        answer,
        "service",
        summary=answer.say("建议检查或转诊：", "Tests and referrals: ") + names,
        indicator="warning" if any(item.kind == "referral" for item in items) else "info",
        detail="\n\n".join(_item_lines(item, answer, plan) for item in items),
        suggestions=[_suggestion(item, plan, answer, best=False) for item in items],
    )


def _advice_card(
    plan: Plan,
    items: Sequence[PlanItem],
    answer: Answer,
    *,
    absent: Sequence[str],
    unread: int,
) -> dict[str, Any]:
    lines = [_item_lines(item, answer, plan) for item in items[:_ADVISED]]
    if plan.missing:
        names = answer.say("、", ", ").join(answer.name(key) for key in plan.missing[:_MISSING])
        lines.append(
            answer.say(f"**补充后建议可能改变**：{names}", f"**Could change this**: {names}")
        )
    if absent:
        names = ", ".join(absent)
        lines.append(
            answer.say(
                f"系统未提供（按未知处理）：{names}", f"Not sent (taken as unknown): {names}"
            )
        )
    if unread:
        lines.append(
            answer.say(
                f"{unread} 条用药编码无法识别，相互作用未核对，请人工核对。",
                f"{unread} medicine entries have unknown codes: check interactions by hand.",
            )
        )
    return card(
        answer,
        "advice",
        summary=answer.say("营养、运动、防跌倒与随访建议", "Nutrition, exercise, falls, follow-up")
        if items
        else answer.say(
            "资料不全：补充后建议可能改变", "Facts that could change the plan are missing"
        ),
        indicator="warning" if unread else "info",
        detail="\n\n".join(lines),
    )


def _item_lines(item: PlanItem, answer: Answer, plan: Plan) -> str:
    """An item in Markdown: what, why, what to check first, citation."""
    language = answer.language
    lines = [f"**{item.text[language]}**"]
    if item.after_checking:
        names = answer.say("、", ", ").join(answer.name(key) for key in item.after_checking)
        lines.append(answer.say(f"- 核实后方可使用：{names}", f"- Only after checking: {names}"))
    lines += [f"- {told(each, language)}" for each in item.because]
    lines += [f"- {answer.say('检查：', 'Check: ')}{each[language]}" for each in item.checks]
    lines += [
        f"- {answer.say('注意：', 'Caution: ')}{told(each, language)}" for each in item.cautions
    ]
    cited = " ".join(part for part in (item.guideline or plan.guideline, item.section) if part)
    remark = "" if item.mark == "A" else f" ({UNCONFIRMED[language]})"
    lines.append(f"- _{cited}{remark}_")
    if item.due_on:
        lines.append(f"- {answer.say('日期：', 'Due: ')}{item.due_on.isoformat()}")
    return "\n".join(lines)


def _drug_name(item: PlanItem, answer: Answer) -> str:
    key = item.key.rsplit(".", 1)[-1]
    known = {each.key: each for each in answer.guidance.medicines}
    return known[key].name[answer.language] if key in known else item.text[answer.language]


def clause_words(clause: NamedClause, answer: Answer) -> str:
    """A clause with its source and, unless confirmed, a remark."""
    words = clause.label[answer.language]
    line = f"{words} [{clause.source}]" if clause.source else words
    return f"{line} ({UNCONFIRMED[answer.language]})" if clause.unconfirmed else line
