"""A programme's plans and rule sets for other systems: words, risk values and FHIR bundles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from careloop.dictionary.catalogue import Dictionary
from careloop.guidance.definition import plan_definition
from careloop.guidance.element import Resource, identity
from careloop.guidance.fhir import PlanWords, RiskValue, plan_bundle
from careloop.guidance.plan import Plan
from careloop.programmes.planning import guidance_of
from careloop.programmes.programme import Programme
from careloop.risk.instruments.definition import Instrument

HORIZONS_Y = (1, 3, 5, 10)
"""The horizons sent where an instrument has one value for every year."""


def plan_words(programme: Programme, dictionary: Dictionary, language: str = "zh") -> PlanWords:
    """What variables, results, hard stops and risk classes are called."""
    guidance = guidance_of(programme)
    names = {key: variable.label[language] for key, variable in dictionary.items()}
    names |= {each.key: each.label[language] for each in programme.results if each.label.zh}
    for medicine in guidance.medicines:
        for clause in (*medicine.stops, *medicine.cautions, *medicine.checks):
            names.setdefault(clause.key, clause.label[language])
    for guideline in guidance.guidelines[::-1]:  # the default's words count
        names |= {each.key: each.label[language] for each in guideline.risk_class.outcomes}
    return PlanWords(dictionary, names, language)


def fhir_plan(
    plan: Plan,
    row: Mapping[str, Any],
    programme: Programme,
    dictionary: Dictionary,
    *,
    language: str = "zh",
) -> Resource:
    """The FHIR Bundle of one person's plan with the instruments' values as RiskAssessments.

    Parameters
    ----------
    plan, row
        As `programmes.planning.planned` gives them.
    programme, dictionary
        Whose words and codes to use.
    language
        "zh" or "en".
    """
    words = plan_words(programme, dictionary, language)
    risks, targets = list(risk_values(row, programme)), guidance_of(programme).targets
    return plan_bundle(plan, words, risks, targets=targets)


def fhir_rules(programme: Programme, *, language: str = "zh") -> Resource:
    """Every guideline's rule set as a PlanDefinition, in one Bundle (type collection)."""
    guidance = guidance_of(programme)
    found = [plan_definition(each, guidance, language=language) for each in guidance.guidelines]
    return {
        "resourceType": "Bundle",
        "id": str(identity("rules", programme.key)),
        "type": "collection",
        "entry": [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in found],
    }


def risk_values(row: Mapping[str, Any], programme: Programme) -> Iterator[RiskValue]:
    """What the instruments made for this person say: risks in percent, else their class."""
    results = {each.key: each for each in programme.results}
    for instrument in programme.instruments:
        if row.get(f"{instrument.key}_applies") is not True:
            continue
        found = False
        for key in instrument.outputs:
            value, result = row.get(key), results.get(key)
            if value is None or result is None or result.unit != "%":
                continue
            found = True
            if result.horizon_y is None or result.horizon_y in HORIZONS_Y:
                yield RiskValue(
                    key,
                    outcome=result.label,
                    method=instrument.name,
                    citation=instrument.citation,
                    percent=float(value),
                    horizon_y=result.horizon_y,
                    unconfirmed=instrument.unconfirmed,
                )
        if not found and (quality := _class(instrument, row)):
            yield quality


def _class(instrument: Instrument, row: Mapping[str, Any]) -> RiskValue | None:
    key = row.get(f"{instrument.key}_class")
    chosen = next((each for each in instrument.classes if each.key == key), None)
    if chosen is None:
        return None
    return RiskValue(
        instrument.key,
        outcome=chosen.label,
        method=instrument.name,
        citation=instrument.citation,
        quality=chosen.label,
        unconfirmed=instrument.unconfirmed,
    )
