"""What fits on the patient's one page: the most important first, in large type, in simple words.

The page is fitted by counting lines, not by shrinking the type. What finds no room is not lost:
the page says how many more things the doctor will explain, and the doctor's page has them all.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from careloop.guidance.guidance import Guidance
from careloop.guidance.plan import Kind, Plan, PlanItem
from careloop.guidance.resolution import medicine_of
from careloop.language import translator

LINES = 27
"""Lines of text for the items, at the type size of `plan_patient.html`."""
COLUMNS = 29
"""Full-width characters in a line."""
_SECTION_LINES = 0.35
_GROUPS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("first", ("alert", "referral")),
    ("medicine", ("medicine", "supplement")),
    ("tests", ("test",)),
    ("food", ("nutrition",)),
    ("moving", ("exercise",)),
    ("falls", ("falls",)),
    ("daily", ("lifestyle",)),
    ("visits", ("monitoring", "follow_up")),
)


@dataclass(frozen=True, slots=True)
class PatientSection:
    """A part of the page: its short title and its sentences."""

    key: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatientPage:
    """What stands on the page, and how many more things there are."""

    sections: tuple[PatientSection, ...]
    more: int


def patient_page(
    plan: Plan,
    guidance: Guidance,
    *,
    language: str = "zh",
    lines: int = LINES,
    columns: int = COLUMNS,
) -> PatientPage:
    """Choose what the patient reads.

    Every section keeps its first sentence if there is any room; then sentences are added in the
    order of their priority. Medicines to choose from are one sentence, for the choice is made with
    the doctor.
    """
    said = _said(plan, guidance, language)
    order = [each[0] for each in said.values() if each]
    rest = [one for each in said.values() for one in each[1:]]
    order += sorted(rest, key=lambda one: one[0])
    room, chosen, titled = float(lines), set(), set()
    for priority, group, text in order:
        need = _height(text, columns) + (0 if group in titled else _SECTION_LINES)
        if need <= room:
            room -= need
            titled.add(group)
            chosen.add((priority, group, text))
    titles = _titles(language)
    sections = tuple(
        PatientSection(group, titles[group], tuple(one[2] for one in each if one in chosen))
        for group, each in said.items()
        if any(one in chosen for one in each)
    )
    return PatientPage(sections, sum(len(each) for each in said.values()) - len(chosen))


def _said(plan: Plan, guidance: Guidance, language: str) -> dict[str, list[tuple[int, str, str]]]:
    """Sentences by group: priority, group, text; no sentence twice."""
    seen: set[str] = set()
    said: dict[str, list[tuple[int, str, str]]] = {}
    for group, kinds in _GROUPS:
        items = [item for kind in kinds for item in plan.items if item.kind == kind]
        sentences = []
        options = [item for item in items if is_option(item)]
        if len(options) > 1:
            sentences.append((options[0].priority, group, _choice(options, guidance, language)))
            items = [item for item in items if item not in options]
        for item in sorted(items, key=_urgency):
            if text := _sentence(item, language):
                sentences.append((_urgency(item), group, text))  # noqa: PERF401
        said[group] = [one for one in sentences if not (one[2] in seen or seen.add(one[2]))]  # type: ignore[func-returns-value]
    return said


def _urgency(item: PlanItem) -> int:
    """Lower comes first: alerts before everything else, then by priority."""
    return item.priority - (1_000 if item.kind == "alert" else 0)


def _sentence(item: PlanItem, language: str) -> str:
    """The item's words; what is to be begun and waits for a check says so."""
    if item.patient is None:
        return ""
    text = item.patient[language]
    begins = item.kind == "supplement" or is_option(item)
    if text and begins and item.after_checking:
        _ = translator(language)
        return _("{words} (Only after the doctor has checked.)").format(words=text)
    return text


def is_option(item: PlanItem) -> bool:
    """Whether an item is one of several medicines to choose from (not one taken already)."""
    return item.kind == "medicine" and not (item.details or {}).get("current")


def _choice(options: Sequence[PlanItem], guidance: Guidance, language: str) -> str:
    _ = translator(language)
    known = {medicine.key: medicine.name[language] for medicine in guidance.medicines}
    names = [known.get(medicine_of(item) or "", "") for item in options]
    words = _(", ").join(name for name in names if name)
    return _(
        "You need medicine. The doctor will choose one with you: {names}. Do not buy it yourself."
    ).format(names=words)


def _height(text: str, columns: int) -> int:
    """Lines that a sentence needs."""
    wide = sum(1.0 if unicodedata.east_asian_width(char) in "WFA" else 0.55 for char in text)
    return max(1, -(-int(wide + 0.999) // columns))


def _titles(language: str) -> dict[str, str]:
    _ = translator(language)
    return {
        "first": _("Do first"),
        "medicine": _("Medicine"),
        "tests": _("To be tested"),
        "food": _("Eating"),
        "moving": _("Moving"),
        "falls": _("No falls"),
        "daily": _("Every day"),
        "visits": _("Come back"),
    }
