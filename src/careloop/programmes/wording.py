"""Words for result columns, their values, their units and the conditions written over them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text
from careloop.language import translator
from careloop.programmes.programme import Programme

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MINUS = "−"
_TOKEN = re.compile(
    r"(?P<known>\w+)\s+IS\s+(?P<nothing>NOT\s+)?NULL"
    r"|(?P<compared>\w+)\s*(?P<equal>=|<>)\s*'(?P<word>[^']*)'"
    r"|(?P<number>-?\b\d+(?:\.\d+)?)|(?P<sign><=|>=|<>|[-<>=*/+()])|(?P<name>\w+)",
    re.IGNORECASE,
)
_FULL_WIDTH = {",": "，", ";": "；", ":": "："}
_BESIDE_CHINESE = re.compile(r"(?:(?<=[一-鿿])[,;:]|[,;:](?= [一-鿿])) ")
_SCORES = {"{T-score}", "{Z-score}"}
_SIGNS = {"<=": "≤", ">=": "≥", "<>": "≠", "*": "×", "/": "÷", "-": _MINUS}


class Wording:
    """Names columns and values of a programme's results in one language."""

    def __init__(self, dictionary: Dictionary, programme: Programme, *, language: str) -> None:
        self.dictionary, self.programme, self.language = dictionary, programme, language
        self._ = translator(language)
        self._results = {each.key: each for each in programme.results}
        self._instruments = {each.key: each for each in programme.instruments}
        self._decisions = {each.key: each for each in programme.decisions}
        parts = sorted(programme.record().sources, key=len, reverse=True)
        self._cited = (
            re.compile(rf"(?<![A-Za-z])(?:{'|'.join(map(re.escape, parts))})(?![A-Za-z])")
            if parts
            else None
        )

    def name(self, column: str) -> str:
        """What a column is called; its key where nobody gave it a name."""
        if column in self._results:
            return self._results[column].label[self.language]
        if column in self.dictionary:
            return self.dictionary[column].label[self.language]
        if column in self._instruments:
            return self._instruments[column].name[self.language]
        for suffix, words in (
            ("_class", self._("{instrument}: class")),
            ("_applies", self._("{instrument} applies")),
            ("_positive", self._("{instrument}: positive")),
        ):
            key = column.removesuffix(suffix)
            if key != column and key in self._instruments:
                return words.format(instrument=self.name(key))
        return column

    def unit(self, column: str) -> str:
        """The unit of a column as it is printed; empty where it has none."""
        unit = self._ucum(column)
        return self._("years") if unit == "a" else printed_unit(unit)

    def _ucum(self, column: str) -> str:
        for declared in (self._results, self.dictionary, self._instruments):
            if column in declared:
                return declared[column].unit
        return ""

    def value(self, column: str, value: Any) -> str:
        """A value of a column in words, with its unit."""
        if value is None:
            return self._("not known")
        if isinstance(value, bool):
            return self._("yes") if value else self._("no")
        if isinstance(value, (int, float)):
            if self._ucum(column) in _SCORES:
                return printed_number(round(value, 2), least_places=1)
            number, unit = printed_number(float(value)), self.unit(column)
            return f"{number}{unit}" if unit in {"", "%"} else f"{number} {unit}"
        if isinstance(value, date):
            return value.isoformat()
        text = self.words(column).get(str(value))
        return text[self.language] if text else str(value)

    def cited(self, source: str) -> str:
        """A citation as this language writes it; names of papers and societies stay."""
        if self.language != "zh" or self._cited is None:
            return source
        known = self.programme.record().sources
        told = self._cited.sub(lambda match: known[match[0]], source)
        return _BESIDE_CHINESE.sub(lambda match: _FULL_WIDTH[match[0][0]], told)

    def joined(self, words: Iterable[str]) -> str:
        """Several sayings in one line."""
        return self._("; ").join(words)

    def assumed(self, names: Iterable[str], row: Mapping[str, Any]) -> tuple[str, ...]:
        """What a source assumed of a person: each variable with the value it declared."""
        return tuple(f"{self.name(name)} = {self.value(name, row.get(name))}" for name in names)

    def condition(self, sql: str) -> str:
        """A SQL condition in words; what is not understood stays as it is."""
        return " ".join(_TOKEN.sub(self._token, sql).split()).replace("( ", "(").replace(" )", ")")

    def _token(self, match: re.Match[str]) -> str:
        part = match.groupdict()
        if part["known"]:
            words = self._("{name} is known") if part["nothing"] else self._("{name} is not known")
            return words.format(name=self.name(part["known"]))
        if part["compared"]:
            words = (
                self._("{name} is {value}")
                if part["equal"] == "="
                else self._("{name} is not {value}")
            )
            column = part["compared"]
            return words.format(name=self.name(column), value=self.value(column, part["word"]))
        if part["number"]:
            return part["number"].replace("-", _MINUS)
        if part["sign"]:
            return _SIGNS.get(part["sign"], part["sign"])
        joining = {"and": self._("and"), "or": self._("or"), "not": self._("not")}
        return joining.get(part["name"].lower()) or self.name(part["name"])

    def words(self, column: str) -> Mapping[str, Text]:
        """The words for a column's values, in their declared order; empty where there are none."""
        if column in self._decisions:
            decision = self._decisions[column]
            keys = [each.key for each in decision.outcomes]
            keys += [decision.undecided] if decision.undecided else []
            return {key: decision.label(key) for key in keys}
        if column in self._results:
            return self._results[column].values
        if column in self.dictionary:
            return self.dictionary[column].values
        instrument = self._instruments.get(column.removesuffix("_class"))
        return {each.key: each.label for each in instrument.classes} if instrument else {}


def printed_number(value: float, *, least_places: int = 0) -> str:
    """A number in about three significant digits, with a true minus sign.

    Examples
    --------
    >>> printed_number(-2.5), printed_number(1234567), printed_number(0.8581)
    ('−2.5', '1,234,567', '0.858')
    >>> printed_number(-3.0, least_places=1), printed_number(-2.46, least_places=1)
    ('−3.0', '−2.46')
    """
    size = abs(value)
    if size == round(size) or size >= 100:
        text = f"{size:,.0f}"
    else:
        text = f"{size:.3f}" if size < 1 else f"{size:.2f}" if size < 10 else f"{size:.1f}"
        text = text.rstrip("0").rstrip(".")
    if least_places and "." not in text:
        text += "." + "0" * least_places
    return f"{_MINUS}{text}" if value < 0 and text.strip("0.") else text


def printed_unit(ucum: str) -> str:
    """A UCUM unit as people write it.

    Examples
    --------
    >>> [printed_unit(unit) for unit in ("kg/m2", "umol/L", "10*9/L", "mm[Hg]", "{T-score}", "1")]
    ['kg/m²', 'µmol/L', '10⁹/L', 'mmHg', '', '']
    """
    if ucum == "1":
        return ""
    unit = ucum.replace("{1.73_m2}", "1.73 m2")
    unit = re.sub(r"\{[^}]*\}", "", unit).replace("[", "").replace("]", "")
    unit = re.sub(r"10\*(-?\d+)", lambda match: "10" + match[1].translate(_SUPERSCRIPT), unit)
    unit = re.sub(r"(?<=[a-z])(\d)\b", lambda match: match[1].translate(_SUPERSCRIPT), unit)
    unit = re.sub(r"\bu(?=mol|g)", "µ", unit)
    return "°C" if unit == "Cel" else unit
