"""The value of an Observation or component, in the dictionary's own terms."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from careloop.dictionary.units import Conversion, conversion, parse_unit
from careloop.dictionary.variable import Variable
from careloop.error import CareloopError
from careloop.records.sources.fhir import finding
from careloop.records.sources.fhir.account import NO_VALUE, NotTakenError, rejected
from careloop.records.sources.fhir.code import texts_of
from careloop.records.sources.fhir.intake import TEXT_LENGTH, Intake
from careloop.records.sources.fhir.time import parse_time, settle

_UCUM = ("http://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8")
_QUANTITY = re.compile(r"\s*([<>]=?)?\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(.*)", re.DOTALL)
_VALUES = (
    "valueQuantity",
    "valueCodeableConcept",
    "valueString",
    "valueBoolean",
    "valueInteger",
    "valueDateTime",
    "valueDate",
    "valueDecimal",
    "valueCoding",
    "valueCode",
    "valueRange",
    "valueRatio",
    "valueSampledData",
    "valueTime",
    "valuePeriod",
)
_KNOWN_UNITS = 10_000


class Value(NamedTuple):
    """What a fact holds: `number` or `text`, and `raw` where the source says it differently."""

    number: float | None = None
    text: str | None = None
    raw: str | None = None


class ValueReader:
    """Reads values for variables; remembers conversions."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._conversions: dict[tuple[str, str], Conversion | str] = {}

    def read(self, variable: Variable, holder: dict[str, Any]) -> Value:
        """The value in `holder` (an Observation or one of its components).

        Raises
        ------
        NotTakenError
            There is no value, or it does not fit the variable.
        """
        for name in _VALUES:
            if name in holder:
                value = holder[name]
                break
        else:
            raise NotTakenError(NO_VALUE)
        if variable.kind == "number":
            return self._number(variable, name, value)
        if variable.kind == "boolean":
            return self._boolean(variable, name, value)
        if variable.kind == "code":
            return self._code(variable, name, value)
        if variable.kind == "date":
            return self._date(variable, name, value)
        return _text(variable, name, value)

    def _number(self, variable: Variable, name: str, value: Any) -> Value:
        bound = ""
        if name == "valueQuantity" and isinstance(value, dict):
            number, bound = value.get("value"), value.get("comparator") or ""
            if number is None:
                raise NotTakenError(NO_VALUE)
            units = _units(value)
        elif name in ("valueInteger", "valueDecimal"):
            number, units = value, []
        elif name == "valueString" and isinstance(value, str):
            found = _QUANTITY.fullmatch(value[:TEXT_LENGTH])
            if not found:
                raise _misfit(variable, value)
            bound, number = found[1] or "", float(found[2])
            units = [found[3].strip()] if found[3].strip() else []
        else:
            raise _misfit(variable, value)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise _misfit(variable, number)
        if bound not in ("", "<", "<=", ">", ">="):
            raise _misfit(variable, bound)
        return self._in_range(variable, float(number), units, bound)

    def _in_range(self, variable: Variable, sent: float, units: list[str], bound: str) -> Value:
        change = self._conversion(variable, units)
        number = change(sent) if change else sent
        too_low = variable.low is not None and number < variable.low
        too_high = variable.high is not None and number > variable.high
        said = f"{bound}{sent:.12g} {units[0] if units else ''}".strip()
        if too_low or too_high or not math.isfinite(number):
            raise rejected(
                "out of range",
                finding.OUT_OF_RANGE,
                said,
                f"{variable.key}: {variable.low} to {variable.high} {variable.unit}",
            )
        if bound:
            self._intake.find(finding.BOUND, said, variable.key)
        return Value(number, raw=said if change or bound else None)

    def _conversion(self, variable: Variable, units: list[str]) -> Conversion | None:
        """How to come to the variable's unit; None if the number already stands in it."""
        if not units:
            if variable.unit == "1" or variable.unit.startswith("{"):
                return None
            raise rejected("no unit", finding.NO_UNIT, detail=f"{variable.key}: {variable.unit}")
        if units[0] == variable.unit:
            return None
        problem = ""
        for unit in units:
            key = variable.key, unit
            found = self._conversions.get(key)
            if found is None:
                found = self._find_conversion(variable, unit)
                if len(self._conversions) < _KNOWN_UNITS:
                    self._conversions[key] = found
            if isinstance(found, Conversion):
                return None if found.changes_nothing else found
            problem = problem or found
        raise rejected("unit", finding.BAD_UNIT, units[0], f"{variable.key}: {problem}")

    def _find_conversion(self, variable: Variable, unit: str) -> Conversion | str:
        """A conversion, or why there is none."""
        understood = parse_unit(unit) if len(self._conversions) < _KNOWN_UNITS else None
        if understood is None:
            return f"{unit[:40]!r} is no unit that is understood"
        try:
            return conversion(
                understood,
                variable.unit,
                molar_mass_g_mol=variable.molar_mass_g_mol,
                international_units_per_ug=variable.international_units_per_ug,
            )
        except CareloopError as error:
            return getattr(error, "problem", str(error))

    def _boolean(self, variable: Variable, name: str, value: Any) -> Value:
        word: str | None = None
        if isinstance(value, bool):
            return Value(float(value))
        if name in ("valueInteger", "valueDecimal") and value in (0, 1):
            return Value(float(value))
        if name in ("valueCodeableConcept", "valueCoding"):
            word = self._intake.book.value(variable, _concept(value))
        elif isinstance(value, str):
            word = self._intake.book.worded(variable, [value])
        if word not in ("true", "false"):
            raise _misfit(variable, value)
        return Value(1.0 if word == "true" else 0.0, raw=_said(value))

    def _code(self, variable: Variable, name: str, value: Any) -> Value:
        key: str | None = None
        if name in ("valueCodeableConcept", "valueCoding"):
            key = self._intake.book.value(variable, _concept(value))
        elif isinstance(value, str):
            key = self._intake.book.worded(variable, [value])
        if key is None:
            raise _misfit(variable, value)
        said = _said(value)
        return Value(text=key, raw=said if said != key else None)

    def _date(self, variable: Variable, name: str, value: Any) -> Value:
        span = parse_time(value) if isinstance(value, str) else None
        at = settle(span, self._intake.today) if span else None
        if name not in ("valueDateTime", "valueDate", "valueString") or at is None:
            raise _misfit(variable, value)
        day = at.date().isoformat()
        return Value(text=day, raw=value if value != day else None)


def _text(variable: Variable, name: str, value: Any) -> Value:
    words = value
    if name in ("valueCodeableConcept", "valueCoding"):
        words = next(iter(texts_of(_concept(value))), None)
    if not isinstance(words, str) or not words.strip():
        raise _misfit(variable, value)
    return Value(text=clean(words))


def clean(text: str) -> str:
    """A text that can be kept: stripped, no NUL, not too long.

    Raises
    ------
    NotTakenError
        It is longer than `TEXT_LENGTH`.
    """
    text = text.replace("\x00", "").strip()
    if len(text) > TEXT_LENGTH:
        raise rejected("text too long", finding.TOO_LONG, f"{len(text):,} characters")
    return text


def _units(quantity: dict[str, Any]) -> list[str]:
    """The unit's spellings, the most exact first: the UCUM code, then the words."""
    code, words = quantity.get("code"), quantity.get("unit")
    code = code if isinstance(code, str) and code.strip() else None
    words = words if isinstance(words, str) and words.strip() else None
    coded = quantity.get("system") in (None, *_UCUM)
    spellings = [code, words] if coded else [words, code]
    return [unit for unit in dict.fromkeys(spellings) if unit]


def _concept(value: Any) -> Any:
    """A Coding as the CodeableConcept it could be."""
    return {"coding": [value]} if isinstance(value, dict) and "code" in value else value


def _said(value: Any) -> str | None:
    """What a coded value or word was in the source."""
    if isinstance(value, str):
        return value
    concept = _concept(value)
    if words := texts_of(concept):
        return words[0]
    codings = concept.get("coding") if isinstance(concept, dict) else None
    code = codings[0].get("code") if codings else None
    return code if isinstance(code, str) else None


def _misfit(variable: Variable, value: Any) -> NotTakenError:
    shown = _said(value) if isinstance(value, dict) else value
    return rejected("value", finding.BAD_VALUE, shown, f"{variable.key}: {variable.kind}")
