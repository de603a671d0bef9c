"""Small parts that FHIR resources are made of, as plain dictionaries with the standard's spelling.

**Reference.** HL7 FHIR R4 (4.0.1), datatypes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from careloop.dictionary.codes import SYSTEMS
from careloop.dictionary.variable import Text, Variable
from careloop.guidance.plan import PlanItem, Reason

Resource = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
_SPACE = uuid5(NAMESPACE_URL, "urn:careloop:guidance")
_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
UNCONFIRMED = Text("未经临床签字确认", "not yet confirmed by a clinician")


def identity(*parts: object) -> UUID:
    """A UUID (version 5) that is the same whenever the parts are."""
    return uuid5(_SPACE, "\n".join(map(str, parts)))


def patient(person_id: str) -> Resource:
    """A Reference to the person: by id where the id may stand in one, else by identifier."""
    if _FHIR_ID.fullmatch(person_id):
        return {"reference": f"Patient/{person_id}", "type": "Patient"}
    return {"type": "Patient", "identifier": {"value": person_id}}


def concept(text: str, codings: Iterable[tuple[str, str, str]] = ()) -> Resource:
    """A CodeableConcept: words and, each as (system, code, display), codes.

    `system` is a key of `dictionary.codes.SYSTEMS` or a URI.
    """
    made: Resource = {}
    found = [
        {
            "system": SYSTEMS[system].uri if system in SYSTEMS else system,
            "code": code,
            **({"display": display} if display else {}),
        }
        for system, code, display in codings
    ]
    if found:
        made["coding"] = found
    made["text"] = text
    return made


def measure(variable: Variable, language: str) -> Resource:
    """The CodeableConcept of a variable: its LOINC codes and its key in the dictionary."""
    loinc = [
        (each.system, each.code, each.display)
        for each in variable.codes
        if each.system == "loinc" and not each.qualifier
    ]
    words = variable.label[language]
    return concept(words, [*loinc, ("careloop", variable.key, words)])


def quantity(value: float, unit: str) -> Resource:
    """A Quantity in a UCUM unit."""
    return (
        {"value": value, "unit": unit, "system": UCUM, "code": unit} if unit else {"value": value}
    )


def told(reason: Reason, language: str) -> str:
    """A reason in words with its source and, unless confirmed, a remark."""
    line = f"{reason.text[language]} [{reason.source}]" if reason.source else reason.text[language]
    return line if reason.mark == "A" else f"{line} ({UNCONFIRMED[language]})"


def notes_of(item: PlanItem, names: Mapping[str, str], language: str) -> list[Resource]:
    """Annotations of an item: why, what must be known first, checks, cautions, citation."""
    zh = language.startswith("zh")
    lines = [told(each, language) for each in item.because]
    if item.after_checking:
        words = ", ".join(names.get(key, key) for key in item.after_checking)
        lines.append(f"核实后方可使用：{words}" if zh else f"Only after checking: {words}")
    lines += [("检查：" if zh else "Check: ") + each[language] for each in item.checks]
    lines += [("注意：" if zh else "Caution: ") + told(each, language) for each in item.cautions]
    if cited := " ".join(part for part in (item.guideline, item.section, item.strength) if part):
        lines.append(("依据：" if zh else "By: ") + cited)
    if item.mark != "A":
        lines.append(UNCONFIRMED[language])
    return [{"text": line} for line in lines]


def reasons_of(item: PlanItem, language: str) -> list[Resource]:
    """`reasonCode` of an item: each clause that held, in words."""
    return [concept(each.text[language]) for each in item.because]
