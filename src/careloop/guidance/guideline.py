"""A guideline as data: edition, risk classes, whom to treat, when to refer, what to choose first.

One TOML file a guideline, in the programme's `guidance/guidelines/` folder::

    [guideline]
    key = "china_2022"
    name = { zh = "…", en = "…" }
    edition = "2022"
    citation = "…"
    mark = "B"

    [risk_class]            # decision tables of careloop.risk.decision
    outcome = [ … ]
    [treatment]
    outcome = [ … ]
    [referral]
    outcome = [ … ]

    [[first]]               # which medicines first, by risk class
    risk_class = "very_high"
    medicines = ["zoledronate", "denosumab", "teriparatide"]
    section = "…"
    mark = "B"

    [base]                  # the person of every row of the specification
    sex = "female"
    [[spec]]                # what differs ("unknown": not known), and what must come out
    facts = { t_femoral_neck = -3.1 }
    expect = { risk_class = "very_high", holds = ["vh_t"], fails = [ … ], unknown = [ … ] }
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from careloop.dictionary.variable import Text
from careloop.risk.decision import Decision


@dataclass(frozen=True, slots=True)
class Choice:
    """Medicines a guideline names for a situation, in its order.

    `when` is an optional further condition (a hip fracture prefers zoledronate).
    """

    risk_class: str
    medicines: tuple[str, ...]
    section: str
    mark: str
    when: str = ""
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class SpecRow:
    """One row of a guideline's specification: facts in, answers out."""

    facts: Mapping[str, object]
    expect: Mapping[str, object]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Guideline:
    """One edition of one guideline."""

    key: str
    name: Text
    edition: str
    citation: str
    mark: str
    risk_class: Decision
    treatment: Decision
    referral: Decision | None = None
    first: tuple[Choice, ...] = ()
    spec: tuple[SpecRow, ...] = field(default=(), repr=False)

    @property
    def unconfirmed(self) -> bool:
        """Whether a clinician's signature is still missing."""
        return self.mark != "A"

    def decisions(self) -> tuple[Decision, ...]:
        """Its decision tables, in the order of evaluation (columns `<guideline>_<table>`)."""
        tables = (self.risk_class, self.treatment, self.referral)
        return tuple(table for table in tables if table is not None)
