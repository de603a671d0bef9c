"""Finding residents by whatever is at hand: name, initials, pinyin, id, telephone, number.

What is typed tells what is meant. A whole number of a registration that was merged (its own, the
id, the telephone) finds the one that stands. Each way of finding is one query answered from one
index (a search through names reads the index alone), so that 100,000 residents take milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation
from careloop.web.care.models import Standing
from careloop.web.care.standing import PROGRAMME
from careloop.web.registry.national_id import normalised, written_out
from careloop.web.registry.resident import Resident
from careloop.web.registry.spelling import clean
from careloop.web.registry.spelling import name as one_name
from careloop.web.registry.spelling import phone as one_phone

PAGE = 50
MOST = 200
"""A search gives no more than this: with more, another character helps sooner than another page."""
FEW = 10
"""Where so many begin with a text, those that only contain it are not looked for."""
_LAST = "\U0010ffff"
_PHONE = 11


@dataclass(frozen=True, slots=True)
class Lookup:
    """One way of finding: a condition, and the columns of the index that answers it, in order."""

    where: Q
    order: tuple[str, ...] = ("pk",)
    unless: int = MOST  # not asked where so many were found before


@dataclass(frozen=True, slots=True)
class Row:
    """A resident as a list shows them."""

    resident: Resident
    level: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of what was found. `more` says that there were too many to show them all."""

    rows: Sequence[Row]
    number: int
    next: bool
    more: bool


def lookups(told: str) -> list[Lookup]:
    """The ways in which a text may be meant, the likeliest first."""
    text = clean(told)
    packed = normalised(text)
    if not packed:
        return []
    number = Lookup(Q(person_id__in={text, text.upper()}))
    earlier = Lookup(Q(merged__person_id__in={text, text.upper()}), unless=0)
    if re.fullmatch(r"\+?[0-9]+X?", packed):
        return [number, *_digits(one_phone(packed).removeprefix("+")), earlier]
    if re.fullmatch(r"[a-z0-9 '\-]+", text, re.IGNORECASE):
        letters = re.sub(r"[^a-z0-9]", "", text.lower())
        spelt = [
            Lookup(_begins("initials", letters), ("initials", "pk")),
            Lookup(_begins("pinyin", letters), ("pinyin", "pk")),
        ]
        if len(letters) > 3:  # a given name alone
            spelt.append(Lookup(Q(pinyin__contains=letters), ("pinyin", "pk"), FEW))
        return [number, *spelt, earlier]
    name = one_name(text)[:60]
    return [
        Lookup(_begins("name", name), ("name", "pk")),
        Lookup(Q(name__contains=name), ("name", "pk"), FEW),
    ]


def _digits(packed: str) -> list[Lookup]:
    """A national id, a telephone, or the tail of either."""
    size = len(packed)
    ways: list[Lookup] = []
    spelt = {packed}
    if size == 15 and packed.isdigit():
        spelt.add(written_out(packed))
    if size in (15, 18):
        ways.append(Lookup(Q(national_id__in=spelt)))
        ways.append(Lookup(Q(merged__national_id__in=spelt), unless=0))
    if size == 6:
        ways.append(Lookup(Q(national_id_tail=packed)))
    if size in (4, 5):
        ways.append(Lookup(_ends("national_id", packed)))
    if packed.isdigit():
        if size >= _PHONE:
            ways.append(Lookup(Q(phone=packed)))
            ways.append(Lookup(Q(merged__phone=packed), unless=0))
        elif size >= 4:
            ways += [Lookup(_ends("phone", packed)), Lookup(Q(phone=packed))]
    return ways


def _begins(column: str, text: str) -> Q:
    """Whether a column begins with a text, so that the database seeks in its index."""
    if connection.vendor == "sqlite":
        return Q(**{f"{column}__gte": text, f"{column}__lt": text + _LAST})
    return Q(**{f"{column}__startswith": text})


def _ends(column: str, tail: str) -> Q:
    """Whether a column ends so; its last four characters are indexed."""
    found = Q(**{f"{column}_last4": tail[-4:]})
    return found & Q(**{f"{column}__endswith": tail}) if len(tail) > 4 else found


def within(gate: Gate, place: Organisation | None) -> list[QuerySet[Resident]]:
    """Residents within reach, of one place and those below it where one is chosen.

    In parts, so that each is answered from one index: those of the region, those referred here.
    """
    found = gate.residents()
    if place is not None:
        chosen = list(place.subtree().values_list("pk", flat=True))
        if {*chosen} == {*gate.reach}:
            return [found]
        only = len(chosen) == 1
        return [found.filter(organisation=place) if only else found.filter(organisation__in=chosen)]
    if not gate.referred:
        return [found]
    return [found.filter(organisation__in=gate.reach), found.filter(pk__in=gate.referred)]


def find(gate: Gate, told: str, *, place: Organisation | None = None, number: int = 1) -> Page:
    """A page of the residents whom a text means; without one, of those of a place.

    Parameters
    ----------
    gate
        Whose search it is: nobody out of reach is found.
    told
        What was typed.
    place
        Only there and below.
    number
        Which page, from 1.
    """
    start = (max(number, 1) - 1) * PAGE
    more = False
    parts = within(gate, place)
    if ways := lookups(told):
        found = _found(parts, ways)
        more = len(found) > MOST
        ids = found[:MOST][start : start + PAGE + 1]
    elif place is not None and not told.strip():
        ids = list(_ids(parts[0], ("name", "pk"))[start : start + PAGE + 1])
    else:
        ids = []
    return Page(rows(gate, ids[:PAGE]), max(number, 1), len(ids) > PAGE, more)


def _found(parts: Sequence[QuerySet[Resident]], ways: Iterable[Lookup]) -> list[int]:
    """Keys of those found, at most one more than `MOST`, the likeliest first."""
    found: dict[int, None] = {}
    for way in ways:
        if len(found) > way.unless:
            continue
        for part in parts:
            found |= dict.fromkeys(_ids(part.filter(way.where), way.order)[: MOST + 1])
    return list(found)[: MOST + 1]


def _ids(residents: QuerySet[Resident], order: tuple[str, ...]) -> Any:
    return residents.order_by(*order).values_list("pk", flat=True)


def rows(gate: Gate, ids: Sequence[int]) -> list[Row]:
    """Residents with their levels, in the order of the keys: two queries, however many."""
    known = {
        each.pk: each for each in gate.residents().filter(pk__in=ids).select_related("organisation")
    }
    levels = dict(
        gate.rows(Standing)
        .filter(resident__in=ids, programme=PROGRAMME)
        .values_list("resident_id", "level")
    )
    return [Row(known[pk], levels.get(pk, 0)) for pk in ids if pk in known]
