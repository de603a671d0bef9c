"""Draft orders of a CDS Hooks request: which medicine or drug variable each one means.

A code is led to the medicine table by its ATC code, else by the dictionary (RxNorm and others). An
order whose code leads nowhere is said to be unreadable; nothing is guessed from its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.codes import ancestors, system_of_uri
from careloop.guidance.guidance import Guidance
from careloop.guidance.medicine import Medicine
from careloop.records.fact import FACT_SCHEMA

DRUGS = ("MedicationRequest", "MedicationStatement", "MedicationAdministration")


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted medicine order: its words, the medicine of the table, the variables it means."""

    reference: str
    words: str
    medicine: Medicine | None
    variables: tuple[str, ...]

    @property
    def readable(self) -> bool:
        """Whether the order's code is known at all."""
        return self.medicine is not None or bool(self.variables)


def drafts(
    resources: Iterable[Mapping[str, Any]], guidance: Guidance, dictionary: Dictionary
) -> list[Draft]:
    """The drafted medicine orders among resources; others are passed by."""
    every = list(resources)
    held = {f"Medication/{each.get('id')}": each for each in every}
    return [
        _draft(each, held, guidance, dictionary)
        for each in every
        if each.get("resourceType") == "MedicationRequest" and each.get("doNotPerform") is not True
    ]


def with_drafts(
    facts: pl.DataFrame, found: Iterable[Draft], person_id: str, on: date
) -> pl.DataFrame:
    """The person's facts, and as if the drafted medicines were taken from `on`."""
    moment = datetime.combine(on, datetime.min.time())
    rows = [
        {
            "person_id": person_id,
            "variable": variable,
            "number": 1.0,
            "effective_at": moment,
            "recorded_at": moment,
            "status": "final",
            "source": "draft",
        }
        for draft in found
        for variable in draft.variables
    ]
    own = facts.with_columns(pl.lit(person_id).alias("person_id"))
    if not rows:
        return own
    added = pl.DataFrame(rows, schema={name: FACT_SCHEMA[name] for name in rows[0]})
    return pl.concat([own, added], how="diagonal_relaxed")


def _draft(
    order: Mapping[str, Any],
    held: Mapping[str, Mapping[str, Any]],
    guidance: Guidance,
    dictionary: Dictionary,
) -> Draft:
    concepts = list(_concepts(order, held))
    codes = [code for concept in concepts for code in _codes(concept)]
    medicine = _medicine(codes, guidance)
    variables = {
        variable.key: None
        for system, code in codes
        for variable in dictionary.by_code(system, code)
        if variable.kind == "boolean"
    }
    for each in guidance.medicines:
        if medicine is None and each.current in variables:
            medicine = each
    if medicine is not None and medicine.current:
        variables.setdefault(medicine.current)
    words = next((text for concept in concepts if (text := _words(concept))), "")
    reference = f"MedicationRequest/{order.get('id', '')}"
    return Draft(reference, words[:120], medicine, tuple(variables))


def _concepts(
    order: Mapping[str, Any], held: Mapping[str, Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """The drug's concepts: in the order itself, contained in it, or drafted beside it."""
    if isinstance(concept := order.get("medicationCodeableConcept"), dict):
        yield concept
    pointer = order.get("medicationReference")
    reference = pointer.get("reference") if isinstance(pointer, dict) else None
    if not isinstance(reference, str):
        return
    contained = order.get("contained")
    inside = {
        f"#{each.get('id')}": each
        for each in (contained if isinstance(contained, list) else [])
        if isinstance(each, dict)
    }
    found = inside.get(reference) or held.get(reference)
    if found and isinstance(found.get("code"), dict):
        yield found["code"]


def _codes(concept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    codings = concept.get("coding")
    for coding in codings if isinstance(codings, list) else []:
        if isinstance(coding, dict) and isinstance(code := coding.get("code"), str) and code:
            uri = coding.get("system")
            system = system_of_uri(uri) if isinstance(uri, str) else None
            if system:
                yield system, code


def _medicine(codes: Iterable[tuple[str, str]], guidance: Guidance) -> Medicine | None:
    above = {one for system, code in codes if system == "atc" for one in ancestors(system, code)}
    return next((each for each in guidance.medicines if above & set(each.atc)), None)


def _words(concept: Mapping[str, Any]) -> str:
    if isinstance(text := concept.get("text"), str) and text:
        return text
    codings = concept.get("coding")
    found = (
        coding.get("display") or coding.get("code")
        for coding in (codings if isinstance(codings, list) else [])
        if isinstance(coding, dict)
    )
    return next((each for each in found if isinstance(each, str)), "")
