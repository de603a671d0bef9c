"""What was read in a report, value by value, until a person has taken or left each of them.

A value proven by a second figure of the report is ticked already; one that is not must be ticked;
one that was refused is empty and must be typed. Nothing is saved before that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from careloop.care.entry import parse_number
from careloop.care.examination import SIDES, qualifiers
from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Variable
from careloop.programmes.wording import printed_unit
from careloop.records.finding import FINDINGS
from careloop.web.care.recording import Contact, Document
from careloop.web.imaging.entry import (
    DAY,
    KIND,
    SURE,
    examination,
    no_reference,
    read_day,
    read_value,
    unsigned,
)
from careloop.web.imaging.subject import compared, other_age
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

SAME = "same_person"
PRINTED = "printed"
"""Stands for the reference database as the report names it, where it is none of ours."""


@dataclass(slots=True)
class Value:
    """One number that was read: its picture, what was read, and what is taken."""

    key: str  # of the value within the document
    name: str  # of its field
    variable: Variable
    label: str
    unit: str
    side: str
    printed: str
    number: float
    status: str
    reasons: tuple[str, ...]
    crop: str
    place: str
    first: bool
    """Whether the programme asks for it when values are entered by hand."""
    told: str
    take: bool
    offered: str = ""
    """What stood in its field at first."""
    error: str = ""


@dataclass(slots=True)
class Table:
    """One results table: what it is about, and its values."""

    name: str
    title: str
    device: str
    reference: str
    reference_printed: str
    day: str
    day_read: str
    needs_side: bool
    side: str
    page: int
    values: list[Value]
    differs: list[str] = field(default_factory=list)
    """How the person it names is not the resident."""
    errors: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Confirmation:
    """Everything that was read in a document, with what a person said to it."""

    tables: list[Table]
    nameless: bool
    pages: list[int]
    sha256: str
    left_out: int = 0
    """Pages that nobody read."""
    errors: list[str] = field(default_factory=list)
    sure: bool = False
    same: bool = False

    @property
    def differs(self) -> list[str]:
        """How the person on the report is not the resident; on which page where some pages fit."""
        words = [
            _("page {number} of the report").format(number=table.page) + _(": ") + line
            if self.mixed
            else line
            for table in self.tables
            for line in table.differs
        ]
        return list(dict.fromkeys(words))

    @property
    def mixed(self) -> bool:
        """Whether its tables are of several people, one of whom may be the resident."""
        return len({tuple(table.differs) for table in self.tables}) > 1

    @property
    def doubts(self) -> list[str]:
        """What may be a slip."""
        return [words for table in self.tables for words in table.doubts]

    @property
    def mark(self) -> str:
        """Changes whenever anything that is taken does."""
        told = [(v.name, v.told, v.take) for table in self.tables for v in table.values]
        told += [(t.name, t.day, t.device, t.reference, t.side) for t in self.tables]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    def faults(self) -> list[str]:
        """Why it cannot be saved."""
        found = list(self.errors)
        for table in self.tables:
            found += [*table.errors.values(), *(each.error for each in table.values if each.error)]
        return list(dict.fromkeys(found))

    @property
    def may_be_saved(self) -> bool:
        """Whether nothing is wrong, and doubts were looked at."""
        return not self.faults() and (not self.doubts or self.sure)


def opened(
    read: Mapping[str, Any], resident: Resident, sha256: str, *, elsewhere: bool = False
) -> Confirmation:
    """What was read, as it is first shown.

    Of a document about several people nothing is ticked that names another than the resident.
    `elsewhere` tells that the same document was saved for somebody else.
    """
    tables = [_table(number, told) for number, told in enumerate(read["tables"])]
    nameless = compared([told["subject"] for told in read["tables"]], resident)[1]
    for table, told in zip(tables, read["tables"], strict=True):
        table.differs = compared([told["subject"]], resident)[0]
        if not told["subject"]["born_on"]:
            table.differs += other_age(told["age_y"], told["scanned_on"] or "", resident)
        if elsewhere:
            table.differs.append(_("The same file was saved for another resident."))
    shown = Confirmation(tables, nameless, list(read["pages"]), sha256, read.get("left_out", 0))
    for table in tables if shown.mixed else ():
        for value in table.values:
            value.take = value.take and not table.differs
    return shown


def answered(
    shown: Confirmation, posted: Mapping[str, str], resident: Resident, today: date
) -> None:
    """Take over what a person said; faults and doubts are noted in `shown`."""
    known = examination()
    shown.same = posted.get(SAME) == "1"
    for table in shown.tables:
        _answer_table(table, posted)
        taken: dict[str, float] = {}
        for value in table.values:
            _answer_value(value, posted, taken)
        if not taken:
            continue
        if table.differs and not shown.same:
            table.errors["who"] = _(
                "Compare who the report is about, and tick that it is this resident."
            )
        errors: dict[str, str] = {}
        read_day(table.day, born=resident.birth_date, today=today, into=errors)
        table.errors |= errors
        if table.needs_side and table.side not in SIDES:
            table.errors["side"] = _("{table}: choose left or right").format(table=table.title)
        table.doubts = [
            doubt.text[language()]
            for doubt in known.doubts(
                taken, device=table.device, reference=table.reference, sex=resident.sex
            )
        ]
        table.doubts += unsigned(
            taken, device=table.device, reference=table.reference, sex=resident.sex
        ).values()
        if not table.reference and any(key.startswith("t_") for key in taken):
            table.doubts.append(no_reference())
    if not any(each.take for table in shown.tables for each in table.values):
        shown.errors.append(_("Tick at least one value."))
    _same_twice(shown)
    shown.sure = posted.get(SURE, "") == shown.mark


def contacts(shown: Confirmation) -> list[Contact]:
    """What is recorded: an examination for each day and side.

    Sites without a side go with the first. Of two sides the one with the lower T-score comes last:
    of two values of one day the last recorded counts.
    """
    groups: dict[tuple[date, str], list[tuple[Table, Value]]] = {}
    for table in shown.tables:
        for value in table.values:
            if value.take:
                side = value.side or (table.side if table.needs_side else "")
                key = (date.fromisoformat(table.day), side)
                groups.setdefault(key, []).append((table, value))
    for day, side in [key for key in groups if not key[1]]:
        others = [key for key in groups if key[0] == day and key[1]]
        if others:
            groups[others[0]] = groups.pop((day, side)) + groups[others[0]]
    order = sorted(groups, key=lambda key: (key[0], -_lowest(groups[key]), key[1]))
    return [_contact(day, side, groups[day, side], shown.sha256) for day, side in order]


def taken(shown: Confirmation) -> dict[str, Any]:
    """What is kept of a confirmed report: by value what was read and what was taken."""
    return {
        "taken": {
            value.key: {
                "read": value.printed,
                "status": value.status,
                "taken": _number(value) if value.take else None,
            }
            for table in shown.tables
            for value in table.values
        },
        "differed": bool(shown.differs),
    }


# --- reading what was read


def _table(number: int, told: Mapping[str, Any]) -> Table:
    known = examination()
    dictionary = load()
    sites = {"spine": _("Spine"), "hip": _("Hip"), "forearm": _("Forearm"), "body": _("Whole body")}
    sides = {key: words[language()] for key, words in SIDES.items()}
    first = known.variables()
    values = []
    for index, row in enumerate((*told["values"], *told["refused"])):
        if row["variable"] not in dictionary or row["side"] == "mean":
            continue
        variable = dictionary[row["variable"]]
        refused = row["status"] == "refused"
        label = variable.label[language()]
        values.append(
            Value(
                key=row["key"],
                name=f"v{number}-{index}",
                variable=variable,
                label=f"{label} · {sides[row['side']]}" if row["side"] in sides else label,
                unit=printed_unit(variable.unit),
                side=row["side"],
                printed=row["raw"],
                number=row["value"],
                status=row["status"],
                reasons=tuple(_reason(code) for code in row["reasons"]),
                crop=row["crop"] if row["crop"].startswith("data:image/jpeg;base64,") else "",
                place=row["place"],
                first=row["variable"] in first,
                told="" if refused else _as_printed(row),
                take=row["status"] == "checked",
                offered="" if refused else _as_printed(row),
            )
        )
    values.sort(key=lambda each: not each.first)
    day = told["scanned_on"] or ""
    reference = told["reference_key"] if told["reference_key"] in known.references else ""
    page = _("page {number} of the report").format(number=told["page"])
    return Table(
        name=f"t{number}",
        title=f"{sites[told['site']]} · {page}",
        device=told["maker"] if told["maker"] in known.devices else "",
        reference=reference or (PRINTED if told["reference"] else ""),
        reference_printed=told["reference"],
        day=day if told["scanned_on_checked"] else "",
        day_read=day,
        needs_side=told["site"] in ("hip", "forearm") and any(not each.side for each in values),
        side=told["side"] if told["side"] in SIDES else "",
        page=told["page"],
        values=values,
    )


def _as_printed(row: Mapping[str, Any]) -> str:
    """The number with the places that are printed."""
    printed = row["raw"].replace("\N{MINUS SIGN}", "-")
    return printed if parse_number(printed) == row["value"] else f"{row['value']:g}"


def _reason(code: str) -> str:
    kind = FINDINGS.get(code)
    return "" if kind is None else (kind.en if language() == "en" else kind.zh)


def _answer_table(table: Table, posted: Mapping[str, str]) -> None:
    known = examination()
    table.day = posted.get(f"{table.name}-{DAY}", table.day).strip()
    table.side = posted.get(f"{table.name}-side", table.side)
    device = posted.get(f"{table.name}-device", table.device)
    table.device = device if device in known.devices else ""
    reference = posted.get(f"{table.name}-reference", table.reference)
    printed = reference == PRINTED and table.reference_printed
    table.reference = reference if reference in known.references or printed else ""


def _answer_value(value: Value, posted: Mapping[str, str], into: dict[str, float]) -> None:
    value.told = posted.get(value.name, "").strip()
    value.take = posted.get(f"{value.name}-take") == "1"
    if not value.take:
        if value.told not in ("", value.offered):
            value.error = _("{name}: typed, but not ticked").format(name=value.label)
        return
    errors: dict[str, str] = {}
    number = read_value(value.variable, value.told, errors)
    if number is None:
        value.error = errors.get(value.variable.key) or _("{name}: ticked, but empty").format(
            name=value.label
        )
    else:
        into[value.variable.key] = number


def _same_twice(shown: Confirmation) -> None:
    """One value of a day and side is taken once; the same number repeated is only one."""
    seen: dict[tuple[str, str, str], Value] = {}
    for table in shown.tables:
        for value in table.values:
            if not value.take or value.error:
                continue
            key = (table.day, value.side or table.side, value.variable.key)
            if key in seen and _number(seen[key]) != _number(value):
                value.error = _("{name}: ticked twice with different numbers").format(
                    name=value.label
                )
            seen.setdefault(key, value)


def _number(value: Value) -> float:
    number = read_value(value.variable, value.told, {})
    if number is None:
        raise ValueError("a value that cannot be read was taken")
    return number


def _lowest(rows: list[tuple[Table, Value]]) -> float:
    scores = [_number(value) for _table, value in rows if value.variable.key.startswith("t_")]
    return min(scores, default=99.0)


def _contact(day: date, side: str, rows: list[tuple[Table, Value]], sha256: str) -> Contact:
    answers: dict[str, Any] = {}
    context, places, raws = {}, {}, {}
    for table, value in rows:
        key, number = value.variable.key, _number(value)
        if key in answers:
            continue
        answers[key] = number
        reference = table.reference
        if reference == PRINTED:
            reference = re.sub(r"\W+", "_", table.reference_printed.casefold()).strip("_")
        limb = value.side or side if value.side or table.needs_side else ""
        said = qualifiers(value.variable, device=table.device, reference=reference, side=limb)
        if said:
            context[key] = said
        places[key] = value.place
        if value.printed != f"{number}":
            raws[key] = value.printed
    return Contact(KIND, day, answers, context, Document("dxa_report", sha256, places, raws))
