"""From a sender's codes to the dictionary's variables and values.

Every lookup is remembered: a file uses few codes, many times.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.codes import ancestors, members, system_of_uri
from careloop.dictionary.variable import Variable

RELATIONS = frozenset({"parent", "mother", "father", "mother after 50"})
"""Qualifiers that only a family history satisfies."""
_SITES = {
    "forearm": re.compile(r"radi(?:us|al)|ulna|forearm|wrist|桡骨|尺骨|前臂|腕", re.IGNORECASE),
    "hip": re.compile(r"fem(?:ur|oral)|\bhips?\b|trochanter|股骨|髋|转子|粗隆", re.IGNORECASE),
    "spine": re.compile(r"spin(?:e|al)\b|lumbar|vertebra|腰椎|脊柱|椎体", re.IGNORECASE),
    "heel": re.compile(r"calcane|\bheel\b|跟骨", re.IGNORECASE),
}
"""Where bone density is measured, and the words that say so."""
_SYNONYMS = {
    "femoral neck": (
        "neck of femur",
        "femur neck",
        "neck of left femur",
        "neck of right femur",
        "股骨颈",
    ),
    "total hip": ("hip total", "total proximal femur", "全髋", "髋部总体"),
    "trochanter": ("greater trochanter", "大转子", "大粗隆"),
    "lumbar": ("l1 l4", "腰椎"),
}
"""Other words for the qualifiers of body sites; SNOMED CT's own names among them."""
_YES_NO = {
    ("http://snomed.info/sct", "373066001"): True,
    ("http://snomed.info/sct", "373067005"): False,
    ("http://loinc.org", "LA33-6"): True,
    ("http://loinc.org", "LA32-8"): False,
    ("http://terminology.hl7.org/CodeSystem/v2-0136", "Y"): True,
    ("http://terminology.hl7.org/CodeSystem/v2-0136", "N"): False,
    ("http://terminology.hl7.org/CodeSystem/v2-0532", "Y"): True,
    ("http://terminology.hl7.org/CodeSystem/v2-0532", "N"): False,
}
"""Yes and no as the standards' own answer lists spell them (SNOMED CT, LOINC, HL7)."""
_YES_NO_WORDS = {"yes": True, "no": False, "true": True, "false": False, "是": True, "否": False}


@dataclass(frozen=True, slots=True)
class Target:
    """A variable that a code may mean, and what else must be said before it does."""

    variable: Variable
    qualifier: str
    sites: frozenset[str]
    """The body sites that the code's official name speaks of."""


class CodeBook:
    """The dictionary, looked up by the codes of FHIR resources."""

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        self._index: dict[tuple[str, str], list[Target]] = {}
        self._values: dict[tuple[str, str], list[tuple[Variable, str]]] = {}
        for variable in dictionary.values():
            for code in variable.codes:
                target = Target(variable, plain(code.qualifier), sites_named([code.display]))
                for member in members(code.system, code.code):
                    self._index.setdefault((code.system, member), []).append(target)
            for said, value in variable.value_codes.items():
                system, _, code_text = said.partition("|")
                self._values.setdefault((system, code_text), []).append((variable, value))
        self._known: dict[tuple[str, str], tuple[Target, ...]] = {}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of every code and value that is understood: this book's edition."""
        lines = [
            f"{key} {target.variable.key} {target.qualifier}\n"
            for key, targets in self._index.items()
            for target in targets
        ]
        lines += [
            f"{key} {variable.key}={value}\n"
            for key, values in self._values.items()
            for variable, value in values
        ]
        return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()

    def of_coding(self, uri: str, code: str) -> tuple[Target, ...]:
        """What one coding may mean; empty if the dictionary has nothing."""
        key = uri, code
        found = self._known.get(key)
        if found is None:
            found = self._find(uri, code)
            if len(self._known) < 1 << 18:
                self._known[key] = found
        return found

    def _find(self, uri: str, code: str) -> tuple[Target, ...]:
        system = system_of_uri(uri)
        if system is None:
            return ()
        if system == "careloop":
            known = code in self.dictionary
            return (Target(self.dictionary[code], "", frozenset()),) if known else ()
        found: dict[tuple[str, str], Target] = {}
        for above in ancestors(system, code):
            for target in self._index.get((system, above), ()):
                found.setdefault((target.variable.key, target.qualifier), target)
        return tuple(found.values())

    def of_concept(self, concept: Any) -> tuple[Target, ...]:
        """What a CodeableConcept may mean, by any of its codings."""
        codings = codings_of(concept)
        if len(codings) == 1:
            return self.of_coding(*codings[0][:2])
        found: dict[tuple[str, str], Target] = {}
        for uri, code, _ in codings:
            for target in self.of_coding(uri, code):
                found.setdefault((target.variable.key, target.qualifier), target)
        return tuple(found.values())

    def value(self, variable: Variable, concept: Any) -> str | None:
        """The key of a coded variable's value (booleans: "true", "false") that a concept says."""
        for uri, code, _ in codings_of(concept):
            system = system_of_uri(uri)
            if system == "careloop":
                if code in variable.values:
                    return code
            elif system:
                for owner, value in self._values.get((system, code), ()):
                    if owner.key == variable.key:
                        return value
            if variable.kind == "boolean" and (uri, code) in _YES_NO:
                return "true" if _YES_NO[uri, code] else "false"
        return self.worded(variable, texts_of(concept))

    def worded(self, variable: Variable, texts: Iterable[str]) -> str | None:
        """The value that words spell: its key or its label in either language, or yes and no."""
        for text in texts:
            word = text.strip().casefold()
            for key, label in variable.values.items():
                if word in (key.casefold(), label.zh.casefold(), label.en.casefold()):
                    return key
            if variable.kind == "boolean" and word in _YES_NO_WORDS:
                return "true" if _YES_NO_WORDS[word] else "false"
        return None

    def valued(self, concept: Any) -> list[tuple[Variable, str]]:
        """Coded variables of which a concept is itself a value ("smokes daily" as a Condition)."""
        found = []
        for uri, code, _ in codings_of(concept):
            if system := system_of_uri(uri):
                found += self._values.get((system, code), [])
        return [(variable, value) for variable, value in found if variable.kind == "code"]


def choose(targets: Iterable[Target], said: Iterable[str]) -> list[Target]:
    """The targets meant, given what else was `said`.

    Those whose qualifier is named; where there is none, those that need none; empty if more would
    have to be said.
    """
    targets = list(targets)
    words = [f" {plain(text)} " for text in said]
    named = [target for target in targets if target.qualifier and _named(target.qualifier, words)]
    return named or [target for target in targets if not target.qualifier]


def _named(qualifier: str, words: list[str]) -> bool:
    names = (qualifier, *_SYNONYMS.get(qualifier, ()))
    return any(
        (f" {name} " if name.isascii() else name) in text for name in names for text in words
    )


def plain(text: str) -> str:
    """Lower case, with single spaces for anything but letters, digits and `|`."""
    return re.sub(r"[\W_]+", " ", text.replace("|", "\x00")).replace("\x00", "|").strip().lower()


def sites_named(texts: Iterable[str]) -> frozenset[str]:
    """The sites of bone density that texts speak of.

    >>> sorted(sites_named(["DXA Radius and Ulna [T-score]", "左髋"]))
    ['forearm', 'hip']
    """
    joined = "\n".join(texts)
    return frozenset(site for site, words in _SITES.items() if words.search(joined))


def codings_of(concept: Any) -> list[tuple[str, str, str]]:
    """(system, code, display) of every coding that has a code; system may be ""."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not codings:
        return []
    return [
        (_text(coding.get("system")), code, _text(coding.get("display")))
        for coding in codings
        if isinstance(coding, dict) and isinstance(code := coding.get("code"), str) and code
    ]


def texts_of(concept: Any) -> list[str]:
    """The words of a concept: its text and the displays of its codings."""
    if not isinstance(concept, dict):
        return []
    displays = [display for _, _, display in codings_of(concept) if display]
    text = _text(concept.get("text"))
    return [text, *displays] if text else displays


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
