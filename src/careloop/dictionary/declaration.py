"""Reading one TOML file of variables: every setting known, typed and consistent."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import Any, get_args

from careloop.dictionary.codes import check_code
from careloop.dictionary.condition import names_in, refuse_guesses
from careloop.dictionary.units import check_unit
from careloop.dictionary.variable import Code, Kind, Memory, Text, Variable
from careloop.error import ConfigError

_TYPES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "unit": (str,),
    "low": (int, float),
    "high": (int, float),
    "memory": (str,),
    "sex": (str,),
    "derive": (str,),
    "molar_mass_g_mol": (int, float),
    "international_units_per_ug": (int, float),
    "identifying": (bool,),
    "unconfirmed": (bool,),
    "note": (str,),
    "source": (str,),
    "label": (dict,),
    "unknown": (dict,),
    "values": (dict,),
    "value_codes": (dict,),
    "codes": (list,),
    "context": (list,),
}
_DERIVED_KINDS = {"number", "boolean"}


def read_variables(file: Traversable) -> list[Variable]:
    """Read one TOML file of variables and check each.

    Raises
    ------
    ConfigError
        Naming file, variable and fault.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(error), where=file.name, remedy="mend the TOML syntax") from None
    group = content.pop("group", "")
    if not isinstance(group, str) or not group:
        raise ConfigError("no group", where=file.name, remedy='begin with group = "…"')
    return [_variable(key, group, table, file.name) for key, table in content.items()]


def _variable(key: str, group: str, table: Any, file: str) -> Variable:
    where = f"{file} [{key}]"
    _check_settings(key, table, where)
    try:
        codes = tuple(Code(**code) for code in table.get("codes", ()))
    except TypeError:
        raise ConfigError(
            "a code is not written as the others",
            where=where,
            remedy="{ system = …, code = …, display = …, qualifier = …, unconfirmed = … }",
        ) from None
    settings: dict[str, Any] = {
        name: value for name, value in table.items() if name not in ("codes", "values")
    }
    for name in ("label", "unknown"):
        if name in table:
            settings[name] = _text(table[name], where, name)
    values = {
        value: _text(text, where, f"values.{value}")
        for value, text in table.get("values", {}).items()
    }
    settings["context"] = tuple(table.get("context", ()))
    variable = Variable(key=key, group=group, values=values, codes=codes, **settings)
    _check(variable, where)
    return variable


def _check_settings(key: str, table: Any, where: str) -> None:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{key!r} stands outside every variable", where=where, remedy="remove it")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", key):
        raise ConfigError(
            "a key is lower case letters, digits and _", where=where, remedy="rename it"
        )
    for name, value in table.items():
        if name not in _TYPES:
            raise ConfigError(f"no setting {name!r}", where=where, remedy=f"use {sorted(_TYPES)}")
        allowed = _TYPES[name]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise ConfigError(
                f"{name} = {value!r} is not a {allowed[-1].__name__}", where=where, remedy="mend it"
            )
    for name in ("kind", "label"):
        if name not in table:
            raise ConfigError(f"no {name}", where=where, remedy=f"add {name}")


def _text(table: Any, where: str, name: str) -> Text:
    if not isinstance(table, Mapping) or set(table) != {"zh", "en"} or not all(table.values()):
        raise ConfigError(
            f"{name} is not in both languages", where=where, remedy='{ zh = "…", en = "…" }'
        )
    return Text(**table)


def _check(variable: Variable, where: str) -> None:
    for problem, remedy in _faults(variable):
        raise ConfigError(problem, where=where, remedy=remedy)
    if variable.unit:
        check_unit(variable.unit, where=where)
    for code in variable.codes:
        check_code(code, where=where)
    _check_value_codes(variable, where)
    if variable.derive:
        try:
            refuse_guesses(variable.derive)
        except ConfigError as error:
            raise ConfigError(error.problem, where=where, remedy=error.remedy) from None


def _faults(variable: Variable) -> Iterator[tuple[str, str]]:
    """Yield settings that contradict each other, each with its remedy."""
    number = variable.kind == "number"
    limits = [limit for limit in (variable.low, variable.high) if limit is not None]
    for setting, value, allowed in (
        ("kind", variable.kind, get_args(Kind)),
        ("memory", variable.memory, get_args(Memory)),
        ("sex", variable.sex, (None, "female", "male")),
    ):
        if value not in allowed:
            yield f"{setting} {value!r}", f"one of {', '.join(str(item) for item in allowed)}"
    if number != bool(variable.unit):
        yield "numbers have a unit, other kinds have none", "write UCUM; `1` for a plain count"
    if limits and not number:
        yield "only numbers have limits", "remove low and high"
    if len(limits) == 2 and limits[0] >= limits[1]:
        yield f"low {limits[0]} is not below high {limits[1]}", "swap or mend them"
    if (variable.kind == "code") != bool(variable.values):
        yield "codes list their values, other kinds have none", "add or remove `values`"
    if variable.memory != "latest" and variable.kind != "boolean":
        yield f"memory {variable.memory!r} is for booleans", "leave it out"
    if variable.derive and variable.kind not in _DERIVED_KINDS:
        yield f"a {variable.kind} is not derived", "derive numbers and booleans only"
    if variable.key in names_in(variable.derive):
        yield "derive reads the variable itself", "mend the formula"


def _check_value_codes(variable: Variable, where: str) -> None:
    meanings = set(variable.values) if variable.kind == "code" else {"true", "false"}
    for text, value in variable.value_codes.items():
        system, _, code = text.partition("|")
        check_code(Code(system, code), where=f"{where} value_codes")
        if value not in meanings:
            raise ConfigError(
                f"value_codes: {value!r} is not a value",
                where=where,
                remedy=f"one of {', '.join(sorted(meanings))}",
            )
