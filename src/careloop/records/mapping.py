"""The mapping file: what each column of a sender's table means, declared in TOML and checked.

A mapping is read once, against the dictionary, and is valid from then on: every variable exists,
every unit converts, every value belongs to its variable. `docs/` describes the format; a short
one looks like this::

    [source]
    sender = "东湖社区卫生服务中心"
    [person]
    id = "档案号"
    [dates]
    effective = "检查日期"
    [columns."体重"]
    variable = "weight_kg"
    unit = "kg"
    [columns."性别"]
    variable = "sex"
    values = { "1" = "male", "2" = "female" }
    [assumed]
    oestrogen_current = false
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from careloop.dictionary.units import Conversion, conversion, parse_unit
from careloop.dictionary.variable import Variable
from careloop.error import ConfigError
from careloop.records.section import Section, nearest

Value = float | bool | str
Rows = Literal["person", "visit"]

MISSING = ("", "NA", "N/A", "null", "-", "未查", "不详")
"""What means "not known" in every column; a mapping adds to it."""
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "gb2312")

_SETTINGS = {
    "source": {"sender", "sheet", "encoding", "delimiter", "rows", "decimal"},
    "person": {"id"},
    "dates": {"effective", "recorded", "formats"},
    "missing": {"codes"},
    "ignored": {"columns"},
}
_TOP = {*_SETTINGS, "columns", "combined", "assumed"}
_CELL = {"unit", "values", "missing", "context", "effective", "formats", "decimal"}
_DATE_PARTS = set("YmdHMSfTFR")
IDENTITY = Conversion(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Rule:
    """How cells become one variable.

    `columns` holds one column, or several for a combined variable (true if any is true, false if
    all are false, else unknown). `conversion` leads from `unit` to the variable's own unit.
    Keys of `values` and codes of `missing` compare as text and, where they are numbers, as
    numbers. `effective` names a column with this rule's own date. `decimal` is "." or ",". An empty
    `unit` was not declared: the variable's own is taken.
    """

    columns: tuple[str, ...]
    variable: Variable
    unit: str = ""
    conversion: Conversion = IDENTITY
    values: Mapping[str, Value] | None = None
    missing: tuple[str, ...] = MISSING
    context: str | None = None
    effective: str | None = None
    formats: tuple[str, ...] = ()
    decimal: str = "."

    @property
    def field(self) -> str:
        """What `Fact.field` says: the column, or the columns joined by a plus."""
        return " + ".join(self.columns)


@dataclass(frozen=True, slots=True)
class TableMapping:
    """A whole mapping file, checked.

    Exactly one of `effective_column`, `effective_constant` and `effective_as_of` says when the
    values of a row held. `recorded_column` may say when they became known.
    """

    name: str
    sha256: str
    person_column: str
    rules: tuple[Rule, ...]
    sender: str = ""
    sheet: str = ""
    encoding: str = ""
    delimiter: str = ""
    rows: Rows = "visit"
    effective_column: str = ""
    effective_constant: date | None = None
    effective_as_of: bool = False
    recorded_column: str = ""
    formats: tuple[str, ...] = ()
    missing: tuple[str, ...] = MISSING
    assumed: tuple[tuple[Variable, Value], ...] = ()
    ignored: tuple[str, ...] = ()

    def columns(self) -> list[str]:
        """Every column the mapping reads, each once, in the order of first mention."""
        named = [self.person_column, self.effective_column, self.recorded_column]
        for rule in self.rules:
            named += [*rule.columns, rule.effective or ""]
        return [name for name in dict.fromkeys(named) if name]


def read_mapping(path: str | Path, dictionary: Mapping[str, Variable]) -> TableMapping:
    """Read and check a mapping file.

    Parameters
    ----------
    path
        TOML file.
    dictionary
        Variables by key.

    Raises
    ------
    ConfigError
        Naming file, section, what is wrong and what to write instead.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
        table = tomllib.loads(text.replace("\r\n", "\n"))
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror or error}", where=str(path), remedy="check the path"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not UTF-8 (byte {error.start})", where=path.name, remedy="save it as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            str(error),
            where=path.name,
            remedy='mend the TOML syntax; quote names in other letters: [columns."体重"]',
        ) from None
    except RecursionError:
        raise ConfigError("is nested too deeply", where=path.name, remedy="flatten it") from None
    return _mapping(Section(table, file=path.name), dictionary, hashlib.sha256(content).hexdigest())


def _mapping(file: Section, dictionary: Mapping[str, Variable], sha256: str) -> TableMapping:
    file.only(_TOP)
    for name, allowed in _SETTINGS.items():
        file.section(name).only(allowed)
    source, dates, person = (file.section(name) for name in ("source", "dates", "person"))
    if not person.text("id"):
        raise person.fault("no column with the person's id", 'write id = "column name"')
    defaults = _Defaults(
        dictionary,
        missing=MISSING + file.section("missing").texts("codes"),
        formats=_formats(dates),
        decimal=source.one_of("decimal", (".", ",")) or ".",
    )
    rules = [*_column_rules(file, defaults), *_combined_rules(file, defaults)]
    if not rules:
        raise file.fault("no [columns.…] section", "say what at least one column means")
    return TableMapping(
        name=file.file,
        sha256=sha256,
        person_column=person.text("id"),
        rules=tuple(rules),
        sender=source.text("sender"),
        sheet=source.text("sheet"),
        encoding=_encoding(source),
        delimiter=source.one_of("delimiter", DELIMITERS),
        rows="person" if source.one_of("rows", ("person", "visit")) == "person" else "visit",
        recorded_column=dates.text("recorded"),
        formats=defaults.formats,
        missing=defaults.missing,
        assumed=_assumed(file.section("assumed"), dictionary),
        ignored=file.section("ignored").texts("columns"),
        **_effective(dates),
    )


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What holds for every column that says nothing else."""

    dictionary: Mapping[str, Variable]
    missing: tuple[str, ...]
    formats: tuple[str, ...]
    decimal: str


def _encoding(source: Section) -> str:
    name = source.text("encoding").lower().replace("_", "-")
    name = {"utf8": "utf-8", "utf16": "utf-16", "gb-18030": "gb18030"}.get(name, name)
    if name and name not in ENCODINGS:
        raise source.fault(f"encoding = {name!r}", f"write one of {', '.join(ENCODINGS)}")
    return "gb18030" if name in ("gbk", "gb2312") else name


def _formats(section: Section) -> tuple[str, ...]:
    formats = section.texts("formats")
    for form in formats:
        parts = set(re.findall(r"%(.)", form))
        if "y" in parts:
            raise section.fault(f"format {form!r} has a two-digit year", "have years sent in full")
        if parts - _DATE_PARTS:
            raise section.fault(f"format {form!r} is not understood", "use %Y %m %d %H %M %S %F %T")
        if form != "excel" and not (set("Ymd") <= parts or "F" in parts):
            raise section.fault(f"format {form!r} is not a whole date", 'write one as "%d/%m/%Y"')
    return formats


def _effective(dates: Section) -> dict[str, Any]:
    value = dates.get("effective")
    if isinstance(value, str) and value:
        return {"effective_column": value}
    if value == {"as_of": True}:
        return {"effective_as_of": True}
    if isinstance(value, dict) and set(value) == {"constant"}:
        return {"effective_constant": date.fromisoformat(_day(value["constant"], dates))}
    raise dates.fault(
        "does not say when the values held",
        'write effective = "column", { constant = "2019-06-30" } or { as_of = true }',
    )


def _column_rules(file: Section, defaults: _Defaults) -> Iterator[Rule]:
    columns = file.section("columns")
    for column in columns:
        declared = columns.get(column)
        for one in declared if isinstance(declared, list) else [declared]:
            section = Section(one, file=file.file, name=f"[columns.{column}]")
            section.only(_CELL | {"variable"})
            yield _rule((column,), section.text("variable"), section, defaults)


def _combined_rules(file: Section, defaults: _Defaults) -> Iterator[Rule]:
    combined = file.section("combined")
    for key in combined:
        section = combined.section(key)
        section.only(_CELL | {"any_of"})
        columns = section.texts("any_of")
        if not columns:
            raise section.fault("names no columns", 'write any_of = ["A", "B"]')
        rule = _rule(columns, key, section, defaults)
        if rule.variable.kind != "boolean":
            raise section.fault(f"{key} is a {rule.variable.kind}", "any_of is for yes or no")
        yield rule


def _rule(columns: tuple[str, ...], key: str, section: Section, defaults: _Defaults) -> Rule:
    variable = _variable(key, section, defaults.dictionary)
    unit = section.text("unit")
    if unit and variable.kind != "number":
        raise section.fault(f"{key} is a {variable.kind} and has no unit", "leave unit out")
    return Rule(
        columns=columns,
        variable=variable,
        unit=unit,
        conversion=_conversion(variable, unit, section),
        values=_values(variable, section),
        missing=defaults.missing + section.texts("missing"),
        context=_context(variable, section.section("context")),
        effective=section.text("effective") or None,
        formats=_formats(section) or defaults.formats,
        decimal=section.one_of("decimal", (".", ",")) or defaults.decimal,
    )


def _variable(key: str, section: Section, dictionary: Mapping[str, Variable]) -> Variable:
    if key not in dictionary:
        problem = f"no variable {key!r} in the dictionary" if key else "names no variable"
        raise section.fault(problem, nearest(key, dictionary))
    return dictionary[key]


def _conversion(variable: Variable, unit: str, section: Section) -> Conversion:
    ucum = parse_unit(unit) or unit
    if not unit or ucum == variable.unit:
        return IDENTITY
    try:
        return conversion(
            ucum,
            variable.unit,
            molar_mass_g_mol=variable.molar_mass_g_mol,
            international_units_per_ug=variable.international_units_per_ug,
        )
    except ConfigError as error:
        raise section.fault(
            f"unit {unit!r} does not become {variable.unit!r} of {variable.key}: {error.problem}",
            error.remedy or "write the unit in UCUM, as kg, cm, mmol/L",
        ) from None


def _values(variable: Variable, section: Section) -> dict[str, Value] | None:
    if "values" not in section:
        return None
    values = section.section("values")
    if any(not key.strip() for key in values):
        raise values.fault("an empty cell is unknown, never a value", "declare it under [assumed]")
    return {key: _value(variable, values.get(key), values) for key in values}


def _assumed(
    section: Section, dictionary: Mapping[str, Variable]
) -> tuple[tuple[Variable, Value], ...]:
    variables = [_variable(key, section, dictionary) for key in section]
    return tuple((one, _value(one, section.get(one.key), section)) for one in variables)


def _value(variable: Variable, value: Any, section: Section) -> Value:
    """Check `value` and return it as the variable holds it (a date as ISO text)."""
    match variable.kind, value:
        case "boolean", bool():
            return value
        case "number", int() | float() if not isinstance(value, bool) and math.isfinite(value):
            if not in_range(variable, value):
                bounds = f"{variable.low}–{variable.high} {variable.unit}"
                raise section.fault(
                    f"{value} for {variable.key} is outside {bounds}", "mend the value"
                )
            return float(value)
        case "code", str():
            if value not in variable.values:
                raise section.fault(
                    f"{variable.key} has no value {value!r}", nearest(value, variable.values)
                )
            return value
        case "date", _:
            return _day(value, section)
        case "text", str() if value:
            return value
    raise section.fault(
        f"{value!r} is no {variable.kind}", f"{variable.key} takes a {variable.kind}"
    )


def _day(value: Any, section: Section) -> str:
    if type(value) is date:
        return value.isoformat()
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise section.fault(f"{value!r} is no date", 'write "2019-06-30"') from None


def _context(variable: Variable, section: Section) -> str | None:
    for name in section:
        if name not in variable.context:
            there = nearest(name, variable.context) if variable.context else "leave context out"
            raise section.fault(f"{variable.key} keeps no {name!r}", there)
        if not section.text(name):
            raise section.fault(f"context {name} is empty", "name it or leave it out")
    if not section.table:
        return None
    return json.dumps(section.table, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def in_range(variable: Variable, value: float) -> bool:
    """Whether `value` (in the variable's unit) is plausible."""
    above = variable.low is None or value >= variable.low
    return above and (variable.high is None or value <= variable.high)
