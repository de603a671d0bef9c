"""One person's plan, composed of what every part of guidance proposes.

The parts each look at the person's row of the guided table and propose; `resolution` merges what
is said twice and settles what contradicts. A plan holds no orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.condition import names_in
from careloop.dictionary.variable import Text
from careloop.guidance.advice import AdviceRule, advice_columns, advice_reads, advise
from careloop.guidance.advice import withheld as withheld_advice
from careloop.guidance.choice import choose
from careloop.guidance.comparison import fired
from careloop.guidance.decisive import decisive
from careloop.guidance.guidance import Guidance
from careloop.guidance.guideline import Guideline
from careloop.guidance.interaction import interaction_alerts, interaction_columns
from careloop.guidance.plan import Plan, PlanItem, Reason, Withheld
from careloop.guidance.precedence import precedence_columns
from careloop.guidance.resolution import resolved
from careloop.risk.decision import Outcome
from careloop.risk.wording import listed

__all__ = ["compose", "plan_columns", "plan_reads"]

_FLAGS = "plan_flags"


def plan_reads(guidance: Guidance) -> list[str]:
    """Columns that `plan_columns` reads beside those of `guidance_reads`."""
    names = [name for each in guidance.interactions for name in names_in(each.sql)]
    names += [name for rule in guidance.precedence for name in rule.reads()]
    return list(dict.fromkeys([*names, *advice_reads(_rules(guidance))]))


def plan_columns(guidance: Guidance) -> list[pl.Expr]:
    """Columns that composing needs beside those of `guided`: the conditions of precedence."""
    flags = [flag.holds for flag in guidance.flags]
    words = [flag.key for flag in guidance.flags]
    return [
        *precedence_columns(guidance.precedence),
        *interaction_columns(guidance.interactions),
        *advice_columns(_rules(guidance)),
        (listed(flags, words) if flags else pl.lit("")).alias(_FLAGS),
    ]


def compose(  # noqa: PLR0917 - the contract of guidance
    row: Mapping[str, Any],
    guidance: Guidance,
    guideline_key: str,
    as_of: date,
    dictionary: Dictionary,
    *,
    also: Iterable[PlanItem] = (),
) -> Plan:
    """Compose the plan of one person.

    Parameters
    ----------
    row
        The person's row of the table of `guided`, with `plan_columns`.
    guidance, guideline_key
        Whose rules, and which guideline to follow ("": the default).
    as_of
        The date of the snapshot.
    dictionary
        Names what is missing.
    also
        Proposals from elsewhere (the response to a treatment), merged like all others.

    Returns
    -------
    Plan
        No medicine in it has a hard stop that is true; one with an unknown hard stop says what to
        check first. No two items in it contradict each other.
    """
    guideline = guidance.guideline(guideline_key)
    rules = _rules(guidance)
    chosen = choose(
        row,
        guideline,
        guidance.medicines,
        interactions=guidance.interactions,
        timers=guidance.timers,
    )
    items: list[PlanItem] = [
        *_referral(row, guideline, guidance.referrals),
        *_because_of_class(chosen.items, row, guideline),
        *interaction_alerts(
            row, guidance.interactions, guidance.medicines, guideline=guideline.key
        ),
        *advise(row, rules, as_of),
        *also,
    ]
    withheld: list[Withheld] = [*chosen.withheld, *withheld_advice(row, rules)]
    stand, gone = resolved(
        items,
        row,
        rules=guidance.precedence,
        withheld=withheld,
        medicines=guidance.medicines,
    )
    return Plan(
        person_id=str(row["person_id"]),
        as_of=as_of,
        programme=guidance.programme,
        guideline=guideline.key,
        risk_class=row.get(guideline.risk_class.key),
        items=stand,
        withheld=gone,
        missing=_missing(row, guidance, guideline, dictionary),
        flags=_flags(row, guidance),
    )


def _rules(guidance: Guidance) -> tuple[AdviceRule, ...]:
    return (*guidance.advice, *guidance.monitoring, *guidance.timers)


def _flags(row: Mapping[str, Any], guidance: Guidance) -> tuple[Reason, ...]:
    """Contradictions in the facts."""
    held = str(row.get(_FLAGS) or "").split()
    return tuple(
        Reason(flag.key, flag.label, flag.source, flag.mark)
        for flag in guidance.flags
        if flag.key in held
    )


def _referral(
    row: Mapping[str, Any], guideline: Guideline, words: Mapping[str, Text]
) -> Iterator[PlanItem]:
    """Where the guideline sends the person."""
    table = guideline.referral
    outcome = _outcome(row, table.key, table.outcomes) if table else None
    if table is None or outcome is None:
        return
    because = tuple(fired(row, table))
    yield PlanItem(
        key=f"referral.{outcome.key}",
        kind="referral",
        text=outcome.label,
        patient=words.get(outcome.key, outcome.label),
        because=because,
        guideline=guideline.key,
        mark=max([guideline.mark, *(one.mark for one in because)]),
        priority=20,
    )


def _because_of_class(
    items: Iterable[PlanItem], row: Mapping[str, Any], guideline: Guideline
) -> Iterator[PlanItem]:
    """Medicines to begin, with the reasons to treat at all and for the class of risk."""
    told = (*fired(row, guideline.treatment), *fired(row, guideline.risk_class))
    treat = tuple({(one.text, one.source): one for one in reversed(told)}.values())[::-1]
    for item in items:
        begins = item.kind == "medicine" and not (item.details or {}).get("current")
        if begins and row.get(guideline.treatment.key) == "treat":
            yield replace(item, because=tuple(dict.fromkeys((*item.because, *treat))))
        else:
            yield item


def _outcome(row: Mapping[str, Any], key: str, outcomes: tuple[Outcome, ...]) -> Outcome | None:
    return next((each for each in outcomes if each.key == row.get(key)), None)


def _missing(
    row: Mapping[str, Any], guidance: Guidance, guideline: Guideline, dictionary: Dictionary
) -> tuple[str, ...]:
    """What to ask the person or to measure: the unknowns that could change the plan."""
    asked: dict[str, None] = {}
    for name in decisive(row, guideline.risk_class, guideline.treatment):
        asked.update(dict.fromkeys(guidance.asks.get(name, (name,))))
    return tuple(name for name in asked if name in dictionary and row.get(name) is None)
