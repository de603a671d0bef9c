"""What each guideline says of one person, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from careloop.guidance.guidance import Guidance
from careloop.guidance.guideline import Guideline
from careloop.guidance.medicine import BLOCKED
from careloop.guidance.plan import Reason
from careloop.risk.decision import Decision


@dataclass(frozen=True, slots=True)
class GuidelineAnswer:
    """One guideline's answers: None where it cannot be told from what is known."""

    guideline: Guideline
    risk_class: str | None
    treatment: str | None
    referral: str | None
    because: tuple[Reason, ...]
    """The clauses behind risk class and treatment."""
    unknown: tuple[str, ...]
    """Clauses that could not be told."""
    first: tuple[str, ...]
    """Medicines it names first for this class, without those blocked for this person."""


def compare_guidelines(row: Mapping[str, Any], guidance: Guidance) -> tuple[GuidelineAnswer, ...]:
    """Every guideline's answers for one row of the guided table, the default guideline first."""
    return tuple(_answer(row, each) for each in guidance.guidelines)


def _answer(row: Mapping[str, Any], guideline: Guideline) -> GuidelineAnswer:
    tables = (guideline.risk_class, guideline.treatment)
    because = [reason for table in tables for reason in fired(row, table)]
    unknown = [key for table in tables for key in _listed(row, f"{table.key}_unknown")]
    risk_class = row.get(guideline.risk_class.key)
    treatment = row.get(guideline.treatment.key)
    first = [
        medicine
        for choice in guideline.first
        if choice.risk_class == risk_class and treatment == "treat"
        if not choice.when or row.get(when_column(guideline, choice.when))
        for medicine in choice.medicines
        if row.get(f"{medicine}_status") != BLOCKED
    ]
    return GuidelineAnswer(
        guideline=guideline,
        risk_class=risk_class,
        treatment=treatment,
        referral=row.get(guideline.referral.key) if guideline.referral else None,
        because=tuple(dict.fromkeys(because)),
        unknown=tuple(dict.fromkeys(unknown)),
        first=tuple(dict.fromkeys(first)),
    )


def when_column(guideline: Guideline, when: str) -> str:
    """The column that says whether the condition of a choice of medicines holds."""
    number = next(place for place, each in enumerate(guideline.first) if each.when == when)
    return f"{guideline.key}_first_{number}"


def fired(row: Mapping[str, Any], table: Decision, outcome: str | None = None) -> list[Reason]:
    """The clauses of the outcome taken (or of the one named) that held, as reasons."""
    taken = outcome or row.get(table.key)
    held = set(_listed(row, f"{table.key}_because"))
    return [
        Reason(clause.key, clause.label, clause.source, clause.mark)
        for each in table.outcomes
        if each.key == taken
        for clause in each.clauses
        if clause.key in held
    ]


def _listed(row: Mapping[str, Any], column: str) -> list[str]:
    return str(row.get(column) or "").split()
