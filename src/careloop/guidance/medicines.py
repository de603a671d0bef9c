"""Reading a programme's medicine table, and which cautions and checks concern a person.

The file::

    [group.oral_bisphosphonate]        # shared by the medicines that name it
    stop = [{ key = "oesophagus", when = "…", label = { … }, source = "…", mark = "A" }]
    caution = [ … ]
    check = [ … ]
    note = [{ zh = "…", en = "…" }]

    [[medicine]]
    key = "alendronate"
    name = { zh = "阿仑膦酸", en = "alendronate" }
    atc = ["M05BA04"]
    group = "antiresorptive"
    shares = ["oral_bisphosphonate"]
    route = "po"
    dose = { zh = "…", en = "…" }
    interval_days = 7
    current = "alendronate_current"
    stop = [ … ]
    source = "…"
    mark = "A"

A clause may say `jurisdiction = ["CN"]`: it then counts there only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources.abc import Traversable
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.codes import check_code
from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Code, Text
from careloop.error import ConfigError
from careloop.guidance.medicine import Medicine
from careloop.risk.decision import NamedClause
from careloop.risk.wording import listed

GROUPS = (
    "antiresorptive",
    "anabolic",
    "dual",
    "active_vitamin_d",
    "vitamin_k",
    "supplement",
    "hormone",
    "other",
)
ROUTES = ("po", "iv", "sc", "im", "nasal")
_SHARED = {"stop", "caution", "check", "note"}
_MEDICINE = _SHARED | {
    "key",
    "name",
    "atc",
    "group",
    "shares",
    "route",
    "dose",
    "interval_days",
    "current",
    "source",
    "mark",
    "proposed",
}
_CLAUSE = {"key", "when", "label", "source", "mark", "jurisdiction"}


def read_medicines(
    file: Traversable, dictionary: Dictionary, *, jurisdiction: str = "CN"
) -> tuple[Medicine, ...]:
    """Read the medicine table.

    Parameters
    ----------
    file
        The TOML file (see the head of this module).
    dictionary
        Must hold every medicine's `current` variable.
    jurisdiction
        Whose labels apply (ISO 3166): clauses of others are left out.

    Raises
    ------
    ConfigError
        Naming the file and the fault: an unknown setting, a clause that does not compile, a bad
        ATC code, a clause key that means two things.
    """
    where = file.name
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), where=where, remedy="mend the TOML syntax") from error
    try:
        groups = content.get("group", {})
        for name, table in groups.items():
            known_settings(table, _SHARED, f"{where} [group.{name}]")
        medicines = tuple(
            replace(
                _medicine(table, groups, jurisdiction, where), treated=content.get("treated", "")
            )
            for table in content["medicine"]
        )
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{type(error).__name__}: {error}",
            where=where,
            remedy="see careloop.guidance.medicines",
        ) from error
    _check(medicines, dictionary, where)
    return medicines


def clause(table: Mapping[str, Any], where: str) -> NamedClause:
    """Make a named clause of a TOML table; refuse one that does not compile (`ConfigError`)."""
    known_settings(table, _CLAUSE, where)
    condition(table["when"])
    if table["mark"] not in ("A", "B", "C"):
        raise ConfigError(f"mark {table['mark']!r}", where=where, remedy="A, B or C")
    return NamedClause(
        table["key"], table["when"], Text(**table["label"]), table["source"], table["mark"]
    )


def known_settings(table: Mapping[str, Any], known: set[str], where: str) -> None:
    """Refuse a setting nobody reads (`ConfigError`)."""
    if strange := set(table) - known:
        raise ConfigError(
            f"no setting {sorted(strange)}", where=where, remedy=f"use {sorted(known)}"
        )


def concern_columns(medicines: Sequence[Medicine]) -> list[pl.Expr]:
    """`<key>_cautions` and `<key>_checks`: keys of the clauses that hold, by spaces."""
    return [
        (_held(clauses) if clauses else pl.lit("")).alias(f"{medicine.key}_{name}")
        for medicine in medicines
        for name, clauses in (("cautions", medicine.cautions), ("checks", medicine.checks))
    ]


def _held(clauses: Sequence[NamedClause]) -> pl.Expr:
    keys = listed([each.holds for each in clauses], [each.key for each in clauses])
    if any(names_in(each.sql) for each in clauses):
        return keys
    return pl.lit(pl.select(keys).item())  # true for everybody: one word for all rows


def _medicine(
    table: Mapping[str, Any], groups: Mapping[str, Any], jurisdiction: str, where: str
) -> Medicine:
    where = f"{where} {table['key']}"
    known_settings(table, _MEDICINE, where)
    tables = [*(groups[name] for name in table.get("shares", ())), table]

    def clauses(kind: str) -> tuple[NamedClause, ...]:
        return tuple(
            clause(each, where)
            for one in tables
            for each in one.get(kind, ())
            if jurisdiction in each.get("jurisdiction", (jurisdiction,))
        )

    return Medicine(
        key=table["key"],
        name=Text(**table["name"]),
        atc=tuple(table.get("atc", ())),
        group=table["group"],
        route=table["route"],
        dose=Text(**table["dose"]),
        interval_days=table.get("interval_days"),
        current=table["current"],
        stops=clauses("stop"),
        cautions=clauses("caution"),
        checks=clauses("check"),
        notes=tuple(Text(**note) for one in tables for note in one.get("note", ())),
        source=table["source"],
        mark=table["mark"],
        proposed=table.get("proposed", True),
    )


def _check(medicines: Sequence[Medicine], dictionary: Dictionary, where: str) -> None:
    keys = [medicine.key for medicine in medicines]
    meanings: dict[tuple[str, str], NamedClause] = {}
    for medicine in medicines:
        here = f"{where} {medicine.key}"
        if keys.count(medicine.key) > 1:
            raise ConfigError(f"{medicine.key} stands twice", where=where, remedy="keep one")
        if medicine.group not in GROUPS or medicine.route not in ROUTES:
            raise ConfigError("no such group or route", where=here, remedy=f"{GROUPS}, {ROUTES}")
        if dictionary[medicine.current].kind != "boolean":
            raise ConfigError(f"{medicine.current} is not boolean", where=here, remedy="mend it")
        for code in medicine.atc:
            check_code(Code("atc", code), where=here)
        for kind, clauses in (
            ("stop", medicine.stops),
            ("caution", medicine.cautions),
            ("check", medicine.checks),
        ):
            if len({each.key for each in clauses}) < len(clauses):
                raise ConfigError(f"a {kind} stands twice", where=here, remedy="rename it")
            for each in clauses:
                if meanings.setdefault((kind, each.key), each) != each:
                    raise ConfigError(
                        f"{kind} {each.key!r} means two things", where=here, remedy="rename it"
                    )
