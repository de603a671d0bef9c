"""A plan: what is proposed to one person, why, by which guideline, and what must be known first.

Nothing is ordered: a clinician accepts, edits or rejects every item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from careloop.dictionary.variable import Text

Kind = Literal[
    "medicine",
    "supplement",
    "test",
    "referral",
    "nutrition",
    "exercise",
    "falls",
    "lifestyle",
    "monitoring",
    "follow_up",
    "alert",
]
KINDS: tuple[Kind, ...] = (
    "alert",
    "referral",
    "test",
    "medicine",
    "supplement",
    "nutrition",
    "exercise",
    "falls",
    "lifestyle",
    "monitoring",
    "follow_up",
)
"""In the order in which a plan lists them."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A clause that held: its words, its source and how far it is confirmed."""

    key: str
    text: Text
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One proposal. `key` is stable between plans, so that plans can be compared."""

    key: str
    kind: Kind
    text: Text
    """For the doctor: exact, with quantities."""
    patient: Text | None = None
    """For the patient: short, kind, simple; None where it is not for them."""
    because: tuple[Reason, ...] = ()
    after_checking: tuple[str, ...] = ()
    """Variables or hard-stop keys that must be known first; empty: nothing is in the way."""
    checks: tuple[Text, ...] = ()
    cautions: tuple[Reason, ...] = ()
    guideline: str = ""
    section: str = ""
    strength: str = ""
    mark: str = "B"
    due_on: date | None = None
    priority: int = 50
    """Lower comes first; where two items conflict the lower one stays."""
    excludes: tuple[str, ...] = ()
    """Keys of items that may not stand beside this one."""
    details: Mapping[str, Any] | None = None
    """Codes and quantities for FHIR (atc, dose, interval_days, value, unit)."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A proposal that was not made, and why: blocked medicines, items that lost a conflict."""

    key: str
    text: Text
    because: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one person as of a date."""

    person_id: str
    as_of: date
    programme: str
    guideline: str
    risk_class: str | None
    items: tuple[PlanItem, ...]
    withheld: tuple[Withheld, ...] = ()
    missing: tuple[str, ...] = ()
    """Variables whose value could change the plan, most decisive first."""
    flags: tuple[Reason, ...] = ()
    """Contradictions and alarms for the clinician."""
