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

import difflib
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from careloop.dictionary.units import Conversion, conversion
from careloop.dictionary.variable import Variable
from careloop.error import CareloopError, ConfigError

Value = float | bool | str
Rows = Literal["person", "visit"]

MISSING = ("", "NA", "N/A", "null", "-", "未查", "不详")
"""What means "not known" in every column; a mapping adds to it."""
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "gb2312")

_TOP = {"source", "person", "dates", "missing", "columns", "combined", "assumed", "ignored"}
_SOURCE = {"sender", "sheet", "encoding", "delimiter", "rows", "decimal"}
_DATES = {"effective", "recorded", "formats"}
_CELL = {"unit", "values", "missing", "context", "effective", "formats", "decimal"}
_SECTIONS = {
    "person": {"id"},
    "missing": {"codes"},
    "ignored": {"columns"},
    "source": _SOURCE,
    "dates": _DATES,
}
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
            remedy='mend the TOML syntax; names with other letters stand in quotes: [columns."体重"]',
        ) from None
    except RecursionError:
        raise ConfigError("is nested too deeply", where=path.name, remedy="flatten it") from None
    return _Reader(path.name, dictionary, hashlib.sha256(content).hexdigest()).mapping(table)


def nearest(name: str, names: Iterable[str]) -> str:
    """The names that look most like `name`, as a remedy; all of them where none does."""
    names = list(names)
    folded = {other.casefold(): other for other in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    if near:
        return f"did you mean {', '.join(folded[other] for other in near)}?"
    return f"there are: {', '.join(names[:30])}{' …' if len(names) > 30 else ''}"


class _Reader:
    def __init__(self, file: str, dictionary: Mapping[str, Variable], sha256: str) -> None:
        self.file, self.dictionary, self.sha256 = file, dictionary, sha256

    def mapping(self, table: dict[str, Any]) -> TableMapping:
        self.known(table, _TOP, "")
        for name, allowed in _SECTIONS.items():
            self.known(self.table(table.get(name, {}), f"[{name}]"), allowed, f"[{name}]")
        source, dates = table.get("source", {}), table.get("dates", {})
        person = self.text(table.get("person", {}), "id", "[person]")
        if not person:
            self.fail("[person]", "no column with the person's id", 'write id = "column name"')
        self.missing = MISSING + self.texts(table.get("missing", {}), "codes", "[missing]")
        self.formats = self.date_formats(dates, "[dates]")
        self.decimal = self.one_of(source, "decimal", (".", ","), "[source]") or "."
        rows = self.one_of(source, "rows", ("person", "visit"), "[source]") or "visit"
        rules = self.rules(table)
        assumed = self.assumed(table.get("assumed", {}))
        if not rules:
            self.fail("", "no [columns.…] section", "say what at least one column means")
        return TableMapping(
            name=self.file,
            sha256=self.sha256,
            person_column=person,
            rules=tuple(rules),
            sender=self.text(source, "sender", "[source]"),
            sheet=self.text(source, "sheet", "[source]"),
            encoding=self.encoding(source),
            delimiter=self.one_of(source, "delimiter", DELIMITERS, "[source]"),
            rows="person" if rows == "person" else "visit",
            recorded_column=self.text(dates, "recorded", "[dates]"),
            formats=self.formats,
            missing=self.missing,
            assumed=assumed,
            ignored=self.texts(table.get("ignored", {}), "columns", "[ignored]"),
            **self.effective(dates),
        )

    def fail(self, section: str, problem: str, remedy: str) -> None:
        raise ConfigError(problem, where=f"{self.file} {section}".strip(), remedy=remedy)

    def table(self, value: Any, section: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(section, f"is {value!r}, not a section", f"write it as {section}")
        return dict(value)

    def known(self, table: Mapping[str, Any], allowed: set[str], section: str) -> None:
        for name in table:
            if name not in allowed:
                self.fail(section, f"no setting {name!r}", nearest(name, sorted(allowed)))

    def text(self, table: Mapping[str, Any], name: str, section: str) -> str:
        value = table.get(name, "")
        if not isinstance(value, str):
            self.fail(section, f"{name} is {value!r}, not a text", f'write {name} = "…"')
        return str(value)

    def texts(self, table: Mapping[str, Any], name: str, section: str) -> tuple[str, ...]:
        value = table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.fail(section, f"{name} is {value!r}, not a list of texts", f'{name} = ["…", "…"]')
        return tuple(value)

    def one_of(
        self, table: Mapping[str, Any], name: str, allowed: tuple[str, ...], section: str
    ) -> str:
        value = self.text(table, name, section)
        if value and value not in allowed:
            self.fail(section, f"{name} = {value!r}", f"write one of {list(allowed)}")
        return value

    def encoding(self, source: Mapping[str, Any]) -> str:
        name = self.text(source, "encoding", "[source]").lower().replace("_", "-")
        name = {"utf8": "utf-8", "utf16": "utf-16", "gb-18030": "gb18030"}.get(name, name)
        if name and name not in ENCODINGS:
            self.fail("[source]", f"encoding = {name!r}", f"write one of {list(ENCODINGS)}")
        return "gb18030" if name in ("gbk", "gb2312") else name

    def date_formats(self, table: Mapping[str, Any], section: str) -> tuple[str, ...]:
        formats = self.texts(table, "formats", section)
        for form in formats:
            parts = set(re.findall(r"%-?(.)", form))
            if "y" in parts:
                self.fail(section, f"format {form!r} has a two-digit year", "send years in full")
            if form != "excel" and not ({"Y", "m", "d"} <= parts or parts & {"F"}):
                self.fail(section, f"format {form!r} is not a whole date", 'e.g. "%d/%m/%Y"')
            if parts - set("YmdHMSfTFR"):
                self.fail(section, f"format {form!r}", "use %Y %m %d %H %M %S %F %T")
        return formats

    def effective(self, dates: Mapping[str, Any]) -> dict[str, Any]:
        section, value = "[dates]", dates.get("effective")
        how = 'write effective = "column", { constant = "2019-06-30" } or { as_of = true }'
        if isinstance(value, str) and value:
            return {"effective_column": value}
        if isinstance(value, dict) and value == {"as_of": True}:
            return {"effective_as_of": True}
        if isinstance(value, dict) and set(value) == {"constant"}:
            constant = value["constant"]
            try:
                day = constant if type(constant) is date else date.fromisoformat(constant)
            except (TypeError, ValueError):
                self.fail(section, f"constant = {constant!r} is no date", 'write "2019-06-30"')
            return {"effective_constant": day}
        self.fail(section, "does not say when the values held", how)
        raise AssertionError

    def rules(self, table: Mapping[str, Any]) -> list[Rule]:
        rules = []
        for column, declared in self.table(table.get("columns", {}), "[columns]").items():
            several = declared if isinstance(declared, list) else [declared]
            for one in several:
                section = f"[columns.{column}]"
                cell = self.table(one, section)
                self.known(cell, _CELL | {"variable"}, section)
                key = self.text(cell, "variable", section)
                rules.append(self.rule((column,), key, cell, section))
        for key, declared in self.table(table.get("combined", {}), "[combined]").items():
            section = f"[combined.{key}]"
            cell = self.table(declared, section)
            self.known(cell, _CELL | {"any_of"}, section)
            columns = self.texts(cell, "any_of", section)
            if not columns:
                self.fail(section, "names no columns", 'write any_of = ["A", "B"]')
            rule = self.rule(columns, key, cell, section)
            if rule.variable.kind != "boolean":
                self.fail(section, f"{key} is a {rule.variable.kind}", "any_of is for yes or no")
            rules.append(rule)
        return rules

    def variable(self, key: str, section: str) -> Variable:
        if key not in self.dictionary:
            problem = f"no variable {key!r} in the dictionary" if key else "names no variable"
            self.fail(section, problem, nearest(key, self.dictionary))
        return self.dictionary[key]

    def rule(
        self, columns: tuple[str, ...], key: str, cell: Mapping[str, Any], section: str
    ) -> Rule:
        variable = self.variable(key, section)
        unit = self.text(cell, "unit", section)
        if unit and variable.kind != "number":
            self.fail(section, f"{key} is a {variable.kind} and has no unit", "leave unit out")
        values = self.values(variable, cell, section)
        context = self.context(variable, cell, section)
        return Rule(
            columns=columns,
            variable=variable,
            unit=unit,
            conversion=self.conversion(variable, unit, section),
            values=values,
            missing=self.missing + self.texts(cell, "missing", section),
            context=context,
            effective=self.text(cell, "effective", section) or None,
            formats=self.date_formats(cell, section) or self.formats,
            decimal=self.one_of(cell, "decimal", (".", ","), section) or self.decimal,
        )

    def conversion(self, variable: Variable, unit: str, section: str) -> Conversion:
        if not unit or unit == variable.unit:
            return IDENTITY
        try:
            return conversion(
                unit,
                variable.unit,
                molar_mass_g_mol=variable.molar_mass_g_mol,
                international_units_per_ug=variable.international_units_per_ug,
            )
        except CareloopError as error:
            self.fail(
                section,
                f"unit {unit!r} does not convert to {variable.unit!r} of {variable.key}: "
                f"{getattr(error, 'problem', error)}",
                getattr(error, "remedy", "") or "write the unit in UCUM, as kg, cm, mmol/L",
            )
            raise AssertionError from None

    def values(
        self, variable: Variable, cell: Mapping[str, Any], section: str
    ) -> dict[str, Value] | None:
        if "values" not in cell:
            return None
        table = self.table(cell["values"], f"{section} values")
        return {key: self.value(variable, value, section) for key, value in table.items()}

    def value(self, variable: Variable, value: Any, section: str) -> Value:
        """`value` as the variable holds it; dates as ISO text."""
        kind = variable.kind
        if kind == "boolean" and isinstance(value, bool):
            return value
        if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value) or not in_range(variable, float(value)):
                low, high = variable.low, variable.high
                self.fail(section, f"{value} is outside {low}–{high} {variable.unit}", "mend it")
            return float(value)
        if kind == "code" and isinstance(value, str):
            if value not in variable.values:
                self.fail(
                    section, f"{variable.key} has no {value!r}", nearest(value, variable.values)
                )
            return value
        if kind == "date" and type(value) is date:
            return value.isoformat()
        if kind == "date" and isinstance(value, str):
            try:
                return date.fromisoformat(value).isoformat()
            except ValueError:
                self.fail(section, f"{value!r} is no date", 'write "2019-06-30"')
        if kind == "text" and isinstance(value, str) and value:
            return value
        self.fail(section, f"{value!r} is no {kind} for {variable.key}", f"write a {kind}")
        raise AssertionError

    def context(self, variable: Variable, cell: Mapping[str, Any], section: str) -> str | None:
        context = self.table(cell.get("context", {}), f"{section} context")
        for name, value in context.items():
            if name not in variable.context:
                self.fail(
                    section,
                    f"{variable.key} keeps no {name!r}",
                    nearest(name, variable.context) if variable.context else "leave context out",
                )
            if not isinstance(value, str) or not value:
                self.fail(section, f"context {name} = {value!r} is no text", "write a text")
        return (
            json.dumps(context, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            if context
            else None
        )

    def assumed(self, declared: Any) -> tuple[tuple[Variable, Value], ...]:
        section = "[assumed]"
        found = []
        for key, value in self.table(declared, section).items():
            variable = self.variable(key, section)
            found.append((variable, self.value(variable, value, section)))
        return tuple(found)


def in_range(variable: Variable, value: float) -> bool:
    """Whether `value` (in the variable's unit) is plausible."""
    above = variable.low is None or value >= variable.low
    return above and (variable.high is None or value <= variable.high)
