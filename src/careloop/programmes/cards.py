"""The people at highest risk, each as a card: why, by how much, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from careloop.language import translator
from careloop.programmes.assessment import Assessment
from careloop.programmes.evidence import Verdict, headline, verdict
from careloop.programmes.ranking import highest_risk
from careloop.programmes.reasons import Driver, Finding, Reasons, reasons
from careloop.programmes.wording import Wording
from careloop.records.snapshot import Snapshot

_DRIVERS = 3
_MISSING = 6


@dataclass(frozen=True, slots=True)
class Score:
    """One instrument's result with what drove it."""

    key: str
    name: str
    value: str
    risk_class: str
    refer: bool
    ranked: bool
    unconfirmed: bool
    drivers: tuple[str, ...]
    assumed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One person of the list."""

    person_id: str
    about: str
    place: str
    said: tuple[Verdict, ...]
    measures: dict[str, list[tuple[str, str]]]
    """Name and value of each measurement, by reference."""
    ranked: tuple[Score, ...]
    others: tuple[Score, ...]
    """Scores by which people are ranked, and other instruments that call for a next step."""
    missing: tuple[str, ...]
    more_missing: int


def cards(assessment: Assessment, taken: Snapshot, *, most: int = 20) -> list[Card]:
    """The people at highest risk, worst first, in the assessment's language."""
    ranked = highest_risk(assessment, most=most)
    wording = Wording(taken.dictionary, assessment.programme, language=assessment.language)
    found = reasons(
        taken,
        assessment.programme,
        ranked["person_id"].to_list(),
        language=assessment.language,
    )
    places = {row["person_id"]: row for row in ranked.iter_rows(named=True)}
    return [
        _card(each, wording, places[each.person_id]["place"], places[each.person_id]["measure"])
        for each in found
    ]


def measured(each: Reasons, wording: Wording) -> dict[str, list[tuple[str, str]]]:
    """The person's measurements (name, value) by the reference they were judged by ("": none)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key in wording.programme.measures:
        value = each.row.get(key)
        if value is None:
            continue
        reference = each.row.get(f"{key}__reference_db") or ""
        words = wording.programme.qualifiers.get(reference)
        said = words[wording.language] if words else reference
        found.setdefault(said, []).append((wording.name(key), wording.value(key, value)))
    return found


def main_drivers(finding: Finding, wording: Wording) -> tuple[Driver, ...]:
    """The parts of a score that raised the risk most; of a short score, all parts."""
    known = [each for each in finding.drivers if each.points is not None]
    if len(known) <= _DRIVERS:
        return tuple(known)
    worst = {each.key: each.worst for each in wording.programme.ranking}
    sign = -1.0 if worst.get(headline(finding.instrument, wording)) == "low" else 1.0
    raising = [each for each in known if sign * (each.points or 0.0) > 0]
    raising.sort(key=lambda each: -sign * (each.points or 0.0))
    return tuple(raising[:_DRIVERS])


def driver_name(driver: Driver, wording: Wording) -> str:
    """What a part of a score is called: its own label, else the variables it reads."""
    return driver.label[wording.language] or " / ".join(wording.name(key) for key in driver.values)


def _card(each: Reasons, wording: Wording, place: float | None, measure: str | None) -> Card:
    row = each.row
    about = [wording.value(key, row.get(key)) for key in ("sex", "age_y") if key in row]
    about += [wording.name(key) for key in wording.programme.shown if row.get(key) is True]
    missing = [wording.name(key) for key in each.missing]
    scores = [_score(one, wording, row) for one in each.findings if _worth_showing(one, wording)]
    return Card(
        each.person_id,
        " · ".join(about),
        _place(place, measure, wording),
        tuple(verdict(one, row, wording) for one in wording.programme.decisions),
        measured(each, wording),
        tuple(score for score in scores if score.ranked),
        tuple(score for score in scores if not score.ranked),
        tuple(missing[:_MISSING]),
        max(0, len(missing) - _MISSING),
    )


def _place(place: float | None, measure: str | None, wording: Wording) -> str:
    _: Callable[[str], str] = translator(wording.language)
    if place is None or measure is None:
        return ""
    share = f"{100 * place:.2g}" if place < 0.1 else f"{100 * place:.0f}"
    return _("{measure}: worst {share}%").format(measure=wording.name(measure), share=share)


def _worth_showing(finding: Finding, wording: Wording) -> bool:
    if not finding.applies:
        return False
    key = headline(finding.instrument, wording)
    ranked = key in {each.key for each in wording.programme.ranking}
    return finding.outputs[key] is not None and (ranked or finding.refer)


def _score(finding: Finding, wording: Wording, row: Mapping[str, Any]) -> Score:
    key, ranked = (
        headline(finding.instrument, wording),
        {each.key for each in wording.programme.ranking},
    )
    value = finding.outputs[key]
    return Score(
        finding.instrument.key,
        wording.name(finding.instrument.key if isinstance(value, bool) else key),
        "" if isinstance(value, bool) else wording.value(key, value),
        finding.risk_class[wording.language] if finding.risk_class else "",
        finding.refer,
        key in ranked,
        finding.instrument.unconfirmed,
        tuple(_driver(each, wording) for each in main_drivers(finding, wording))
        if key in ranked
        else (),
        wording.assumed(finding.assumed, row),
    )


def _driver(driver: Driver, wording: Wording) -> str:
    values = [
        wording.value(key, value) for key, value in driver.values.items() if value is not True
    ]
    return " ".join([driver_name(driver, wording), " / ".join(values)]).strip()
