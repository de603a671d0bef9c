"""A plan in words, ready to be shown: what the terminal and the pages print.

No clinical decision is made here; everything is said in the words of the plan's own data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text
from careloop.guidance.comparison import GuidelineAnswer
from careloop.guidance.guidance import Guidance
from careloop.guidance.plan import KINDS, Kind, Plan, PlanItem, Reason
from careloop.language import translator
from careloop.programmes.programme import Programme
from careloop.programmes.wording import Wording

_SIMPLE: tuple[Kind, ...] = ("test", "nutrition", "lifestyle", "monitoring", "follow_up")
_ABOUT = ("sex", "age_y")


@dataclass(frozen=True, slots=True)
class ReasonView:
    """A reason in one language."""

    text: str
    source: str
    unconfirmed: bool


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item in one language."""

    key: str
    kind: Kind
    text: str
    because: tuple[ReasonView, ...]
    after_checking: tuple[str, ...]
    waits: bool
    """Whether it waits for what must be checked; simple advice is given all the same."""
    checks: tuple[str, ...]
    cautions: tuple[ReasonView, ...]
    source: str
    strength: str
    unconfirmed: bool
    due_on: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """A whole plan in one language; `sections` are the kinds that have items, in order."""

    person_id: str
    about: str
    as_of: str
    programme: str
    guideline: str
    guideline_unconfirmed: bool
    risk_class: str
    sections: tuple[tuple[str, tuple[ItemView, ...]], ...]
    withheld: tuple[tuple[str, tuple[ReasonView, ...]], ...]
    missing: tuple[str, ...]
    flags: tuple[ReasonView, ...]
    caution: str


@dataclass(frozen=True, slots=True)
class GuidelineView:
    """What one guideline says, in one language."""

    guideline: str
    unconfirmed: bool
    risk_class: str
    treatment: str
    referral: str
    because: tuple[ReasonView, ...]
    first: tuple[str, ...]


class PlanWords:
    """Turns plans of one programme into words of one language."""

    def __init__(
        self, guidance: Guidance, programme: Programme, dictionary: Dictionary, *, language: str
    ) -> None:
        self.guidance, self.programme, self.language = guidance, programme, language
        self.wording = Wording(dictionary, programme, language=language)
        self._ = translator(language)
        self._labels = _labels(guidance)

    def view(self, plan: Plan, row: Mapping[str, Any] | None = None) -> PlanView:
        """A plan in words; `row` gives sex and age for the head."""
        guideline = self.guidance.guideline(plan.guideline)
        return PlanView(
            person_id=printable(plan.person_id),
            about=self.about(row or {}),
            as_of=plan.as_of.isoformat(),
            programme=self.programme.name[self.language],
            guideline=guideline.name[self.language],
            guideline_unconfirmed=guideline.unconfirmed,
            risk_class=guideline.risk_class.label(plan.risk_class)[self.language],
            sections=tuple(
                (self.kind(kind), items)
                for kind in KINDS
                if (items := tuple(self.item(one) for one in plan.items if one.kind == kind))
            ),
            withheld=tuple(
                (one.text[self.language], self.reasons(one.because)) for one in plan.withheld
            ),
            missing=tuple(self.name(key) for key in plan.missing),
            flags=self.reasons(plan.flags),
            caution=self.programme.caution[self.language],
        )

    def answer(self, one: GuidelineAnswer) -> GuidelineView:
        """What one guideline says."""
        guideline, language = one.guideline, self.language
        names = {each.key: each.name[language] for each in self.guidance.medicines}
        referral = guideline.referral.label(one.referral) if guideline.referral else None
        return GuidelineView(
            guideline=guideline.name[language],
            unconfirmed=guideline.unconfirmed,
            risk_class=guideline.risk_class.label(one.risk_class)[language],
            treatment=guideline.treatment.label(one.treatment)[language],
            referral=referral[language] if referral and one.referral else "",
            because=self.reasons(one.because),
            first=tuple(names.get(key, key) for key in one.first),
        )

    def about(self, row: Mapping[str, Any]) -> str:
        """Sex and age."""
        return " · ".join(
            self.wording.value(key, row[key]) for key in _ABOUT if row.get(key) is not None
        )

    def item(self, one: PlanItem) -> ItemView:
        """One item."""
        known = {each.key: each.name[self.language] for each in self.guidance.guidelines}
        guideline = known.get(one.guideline, one.guideline)
        source = " · ".join(part for part in (guideline, one.section) if part)
        return ItemView(
            key=one.key,
            kind=one.kind,
            text=one.text[self.language],
            because=self.reasons(one.because),
            after_checking=tuple(dict.fromkeys(self.name(key) for key in one.after_checking)),
            waits=one.kind not in _SIMPLE,
            checks=tuple(check[self.language] for check in one.checks),
            cautions=self.reasons(one.cautions),
            source=self.wording.cited(source),
            strength=one.strength,
            unconfirmed=one.mark != "A",
            due_on=_day(one.due_on),
        )

    def reasons(self, reasons: Sequence[Reason]) -> tuple[ReasonView, ...]:
        """Reasons."""
        return tuple(
            ReasonView(one.text[self.language], self.wording.cited(one.source), one.mark != "A")
            for one in reasons
        )

    def name(self, key: str) -> str:
        """A variable, a hard stop or a clause, in words; the key where it has none."""
        if key in self._labels:
            return self._labels[key][self.language]
        return self.wording.name(key)

    def kind(self, kind: Kind) -> str:
        """What a kind of item is called."""
        return {
            "alert": self._("Alerts"),
            "referral": self._("Referral"),
            "test": self._("Tests"),
            "medicine": self._("Medicines to choose from"),
            "supplement": self._("Supplements"),
            "nutrition": self._("Nutrition"),
            "exercise": self._("Exercise"),
            "falls": self._("Falls"),
            "lifestyle": self._("Lifestyle"),
            "monitoring": self._("Monitoring"),
            "follow_up": self._("Follow-up"),
        }[kind]


def _labels(guidance: Guidance) -> dict[str, Text]:
    """Words for the keys of hard stops and clauses."""
    labels: dict[str, Text] = {}
    for medicine in guidance.medicines:
        for clause in (*medicine.stops, *medicine.cautions, *medicine.checks):
            labels.setdefault(clause.key, clause.label)
            labels.setdefault(f"{medicine.key}.{clause.key}", clause.label)
    for guideline in guidance.guidelines:
        for table in guideline.decisions():
            for outcome in table.outcomes:
                for clause in outcome.clauses:
                    labels.setdefault(clause.key, clause.label)
    return labels


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def printable(text: str) -> str:
    """Text from a source without anything that could steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
