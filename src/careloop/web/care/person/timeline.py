"""Everything that was ever stated about a person, day by day, with who said it and when."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.programmes.wording import Wording
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import User
from careloop.web.care.models import Visit
from careloop.web.care.person.considered import words
from careloop.web.care.person.fact import with_withdrawals
from careloop.web.care.person.head import way
from careloop.web.care.person.word import CONTEXT, KINDS, TEXTURE, device, groups
from careloop.web.imaging.measured.page import image_of
from careloop.web.imaging.measured.word import region
from careloop.web.registry.models import Source
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

PAGE = 50
_OWN = {"visit", "image"}
"""Kinds of sources that people bring in on the site itself."""
_ROUNDED = 100
"""From here on `Wording.value` rounds to whole numbers."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who or what a fact is from."""

    words: str
    by: str
    address: str


@dataclass(frozen=True, slots=True)
class Item:
    """One fact in words."""

    name: str
    value: str
    context: str
    raw: str
    until: date | None
    assumed: bool
    recorded_on: date | None
    told: Told
    where: str
    withdrawn_on: date | None
    withdrawn_by: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of facts by day, newest first."""

    days: tuple[tuple[date, tuple[Item, ...]], ...]
    groups: tuple[tuple[str, str, int], ...]
    group: str
    on: date | None
    total: int
    folded: int
    """Grey values and textures left out, of which an image has hundreds; its group lists them."""
    page: int
    pages: int


def timeline(
    gate: Gate,
    resident: Resident,
    *,
    group: str = "",
    on: date | None = None,
    page: int = 1,
) -> Timeline:
    """One page of a person's facts.

    Parameters
    ----------
    group
        Only the variables of this group of the dictionary; "" for all but `TEXTURE`.
    on
        Only facts of this day.
    page
        From 1; beyond the last page the last is shown.
    """
    dictionary = load()
    marked = with_withdrawals(gate.facts(resident))
    known = {key: dictionary[key].group for key in marked["variable"].unique() if key in dictionary}
    marked = marked.with_columns(
        group=pl.col("variable").replace_strict(known, default="", return_dtype=pl.String)
    )
    counted = dict(marked.group_by("group").len().rows())
    if group:
        marked = marked.filter(pl.col("group") == group)
    if on is not None:
        marked = marked.filter(pl.col("effective_at").dt.date() == on)
    everything = marked.height
    if not group:
        marked = marked.filter(~pl.col("variable").str.contains(TEXTURE))
    pages = max(1, math.ceil(marked.height / PAGE))
    page = min(max(page, 1), pages)
    titles = groups()
    order = {name: place for place, name in enumerate(titles)}
    chosen = (
        marked.with_columns(
            day=pl.col("effective_at").dt.date(),
            place=pl.col("group").replace_strict(order, default=99, return_dtype=pl.Int32),
        )
        .sort("day", "place", "variable", "recorded_at", descending=[True, False, False, True])
        .slice((page - 1) * PAGE, PAGE)
    )
    rows = chosen.to_dicts()
    told = sources_of(gate, resident, rows)
    wording = words(language()).wording
    return Timeline(
        tuple(
            (day, tuple(in_words(row, told, wording) for row in part))
            for day, part in groupby(rows, key=lambda row: row["day"])
        ),
        tuple((name, title, counted[name]) for name, title in titles.items() if name in counted),
        group if group in titles else "",
        on,
        marked.height,
        everything - marked.height,
        page,
        pages,
    )


def sources_of(gate: Gate, resident: Resident, rows: list[dict[str, Any]]) -> Mapping[str, Told]:
    """Words for the sources on this page: three queries, however many facts."""
    ids = {row[name] for row in rows for name in ("source", "withdrawn_by") if row[name]}
    sources = {each.source_id: each for each in Source.objects.filter(source_id__in=ids)}
    visits = {each.source: each for each in gate.about(resident, Visit).filter(source__in=ids)}
    senders = {key: _username(each) for key, each in sources.items()}
    names = dict(
        User.objects.filter(username__in=set(senders.values()) - {""}).values_list(
            "username", "name"
        )
    )
    found = {}
    for key, each in sources.items():
        visit = visits.get(key)
        own = each.kind in _OWN
        kind = str(KINDS.get(each.name, each.name)) if own else each.name
        found[key] = Told(
            kind,
            names.get(senders[key], senders[key]) or ("" if own else each.sender),
            way(gate.user, "visit:edit", visit.public_id) if visit else image_of(resident, each),
        )
    return found


def _username(source: Source) -> str:
    """Who recorded a visit or an image on this site: `careloop:<user>:<source>`."""
    parts = source.sender.split(":")
    return parts[1] if source.kind in _OWN and len(parts) == 3 else ""


def in_words(row: Mapping[str, Any], told: Mapping[str, Told], wording: Wording) -> Item:
    """A fact as the timeline shows it: value, unit, source, and who withdrew it."""
    unknown = Told(_("source not known"), "", "")
    by = told.get(row["withdrawn_by"]) if row["withdrawn_by"] else None
    recorded: datetime | None = row["recorded_at"]
    withdrawn: datetime | None = row["withdrawn_at"]
    return Item(
        wording.name(row["variable"]),
        _value(row, wording),
        _context(row["context"], wording),
        _raw(row, wording),
        row["until"].date() if row["until"] else None,
        row["status"] == "assumed",
        recorded.date() if recorded else None,
        told.get(row["source"], unknown),
        _("row {number}").format(number=row["row"]) if row["row"] is not None else "",
        withdrawn.date() if withdrawn else None,
        by.by if by else "",
    )


def _value(row: Mapping[str, Any], wording: Wording) -> str:
    """The value in words; of an identity number only its tail."""
    key = row["variable"]
    if key not in wording.dictionary:
        value = row["text"] if row["text"] is not None else row["number"]
        return f"{value if value is not None else ''} {row['unit'] or ''}".strip()
    variable = wording.dictionary[key]
    if variable.kind == "boolean":
        return wording.value(key, bool(row["number"]))
    if variable.kind == "number" and row["number"] is not None:
        return _measured(key, float(row["number"]), wording)
    text = row["text"] or "—"
    if key == "national_id" and len(text) > 4:
        return f"••••{text[-4:]}"
    return wording.value(key, text)


def _measured(key: str, number: float, wording: Wording) -> str:
    """A number as it was recorded: a density with three decimals, 151.5 cm not as 152."""
    if wording.dictionary[key].unit == "g/cm2":
        return f"{number:.3f} {wording.unit(key)}"
    if abs(number) >= _ROUNDED:
        return f"{number:,.6g} {wording.unit(key)}".replace("-", "−").strip()
    return wording.value(key, number)


def _raw(row: Mapping[str, Any], wording: Wording) -> str:
    """What the source wrote; never of an identity, which is masked."""
    key = row["variable"]
    hidden = key in wording.dictionary and wording.dictionary[key].identifying
    return "" if hidden else row["raw"] or ""


def _context(text: str | None, wording: Wording) -> str:
    if not text:
        return ""
    parts = []
    for name, value in json.loads(text).items():
        label = CONTEXT.get(name)
        if label is None or value in (None, ""):
            continue
        qualifier = wording.programme.qualifiers.get(str(value))
        if name == "region":
            parts.append(f"{label} {region(str(value))}")
            continue
        sides = {"left": _("left"), "right": _("right")}
        said = (
            qualifier[wording.language] if qualifier else sides.get(str(value), device(str(value)))
        )
        parts.append(f"{label} {said}")
    return _("; ").join(parts)
