"""Interactions of medicines with whatever else a person takes, as data.

The file::

    [[interaction]]
    key = "warfarin_menatetrenone"
    medicines = ["menatetrenone"]        # keys of the medicine table
    when = "warfarin_current"            # the other drug, over the dictionary
    atc = ["B01AA03"]                    # the other drug's codes; empty: not a drug
    severity = "hard"
    text = { zh = "…", en = "…" }        # what to do
    source = "…"
    mark = "B"

Severity: `hard` (not together: the medicine table has a hard stop for it), `caution` (watch),
`timing` (together, but not at the same hour), `double` (two of a kind).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, Literal, get_args

import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.codes import ancestors, check_code
from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Code, Text
from careloop.error import ConfigError
from careloop.guidance.medicine import Medicine
from careloop.guidance.plan import PlanItem, Reason

Severity = Literal["hard", "caution", "timing", "double"]
_PRIORITY: dict[Severity, int] = {"hard": 5, "double": 10, "caution": 30, "timing": 40}
_SETTINGS = {"key", "medicines", "when", "atc", "severity", "text", "source", "mark"}


@dataclass(frozen=True, slots=True)
class Interaction:
    """One interaction between medicines of the table and something else."""

    key: str
    medicines: tuple[str, ...]
    sql: str
    atc: tuple[str, ...]
    severity: Severity
    text: Text
    source: str
    mark: str

    @property
    def column(self) -> str:
        """Whether the other drug is taken: true, false or null (unknown)."""
        return f"interaction_{self.key}"

    @property
    def reason(self) -> Reason:
        """The interaction as a caution of a medicine."""
        return Reason(f"interaction.{self.key}", self.text, self.source, self.mark)


def read_interactions(
    file: Traversable, dictionary: Dictionary, medicines: Sequence[Medicine]
) -> tuple[Interaction, ...]:
    """Read the table.

    Raises
    ------
    ConfigError
        Naming file, interaction and fault: a medicine or variable nobody declares, a bad ATC code.
    """
    where = file.name
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), where=where, remedy="mend the TOML syntax") from error
    known = {medicine.key for medicine in medicines}
    try:
        made = tuple(_interaction(table, where) for table in content["interaction"])
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{type(error).__name__}: {error}",
            where=where,
            remedy="see careloop.guidance.interaction",
        ) from error
    for each in made:
        here = f"{where} {each.key}"
        if strange := set(each.medicines) - known:
            raise ConfigError(f"no medicines {sorted(strange)}", where=here, remedy="mend them")
        for name in names_in(each.sql):
            _ = dictionary[name]
        for code in each.atc:
            check_code(Code("atc", code), where=here)
    if len({each.key for each in made}) < len(made):
        raise ConfigError("a key stands twice", where=where, remedy="rename it")
    return made


def interaction_columns(interactions: Iterable[Interaction]) -> list[pl.Expr]:
    """`interaction_<key>`: whether the other drug of each interaction is taken."""
    return [condition(each.sql).alias(each.column) for each in interactions]


def interacting(
    row: Mapping[str, Any], medicine: str, interactions: Iterable[Interaction]
) -> tuple[Interaction, ...]:
    """The interactions of a medicine with what this person is known to take.

    `row` has the columns of `interaction_columns`.
    """
    return tuple(
        each for each in interactions if medicine in each.medicines and row.get(each.column) is True
    )


def interaction_alerts(
    row: Mapping[str, Any],
    interactions: Sequence[Interaction],
    medicines: Sequence[Medicine],
    *,
    guideline: str = "",
) -> Iterator[PlanItem]:
    """An item for every interaction between two things that the person takes now."""
    for each in interactions:
        taken = [
            medicine
            for medicine in medicines
            if medicine.key in each.medicines and row.get(medicine.current) is True
        ]
        if not taken or row.get(each.column) is not True:
            continue
        zh = "、".join(medicine.name.zh for medicine in taken)
        en = ", ".join(medicine.name.en for medicine in taken)
        yield PlanItem(
            key=f"alert.interaction.{each.key}",
            kind="alert" if each.severity in {"hard", "double"} else "monitoring",
            text=Text(f"正在使用{zh}：{each.text.zh}", f"takes {en}: {each.text.en}"),
            because=(each.reason,),
            guideline=guideline,
            section=each.source,
            mark=each.mark,
            priority=_PRIORITY[each.severity],
            details={
                "interaction": each.key,
                "severity": each.severity,
                "medicines": [medicine.key for medicine in taken],
            },
        )


def interactions_between(
    ordered: Iterable[str],
    taken: Iterable[str],
    interactions: Iterable[Interaction],
    medicines: Iterable[Medicine],
) -> tuple[Interaction, ...]:
    """Interactions between drugs known by their ATC codes alone.

    A code means itself and everything below it: `A02BC` in the table is met by `A02BC01`.
    """
    codes = {medicine.key: set(medicine.atc) for medicine in medicines}
    new, old = _with_ancestors(ordered), _with_ancestors(taken)
    found = []
    for each in interactions:
        own = {code for key in each.medicines for code in codes.get(key, ())}
        other = set(each.atc)
        if (own & new and other & (old | new)) or (own & old and other & new):
            found.append(each)
    return tuple(found)


def _with_ancestors(codes: Iterable[str]) -> set[str]:
    return {above for code in codes for above in ancestors("atc", code)}


def _interaction(table: Mapping[str, Any], where: str) -> Interaction:
    where = f"{where} {table['key']}"
    if strange := set(table) - _SETTINGS:
        raise ConfigError(
            f"no setting {sorted(strange)}", where=where, remedy=f"use {sorted(_SETTINGS)}"
        )
    if table["severity"] not in get_args(Severity) or table["mark"] not in ("A", "B", "C"):
        raise ConfigError("no such severity or mark", where=where, remedy=f"{get_args(Severity)}")
    condition(table["when"])
    return Interaction(
        table["key"],
        tuple(table["medicines"]),
        table["when"],
        tuple(table.get("atc", ())),
        table["severity"],
        Text(**table["text"]),
        table["source"],
        table["mark"],
    )
