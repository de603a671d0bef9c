"""Who a page is about: the same head on every page of a resident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import resolve, reverse

from careloop.dictionary.catalogue import load
from careloop.web.accounts.access import action_of
from careloop.web.accounts.models import User
from careloop.web.care.models import Standing
from careloop.web.care.person.word import STATES
from careloop.web.care.standing import worklists
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_TAGS = {3: "stop", 2: "warn", 1: "good"}


@dataclass(frozen=True, slots=True)
class Head:
    """Who it is, in words."""

    name: str
    sex: str
    age: int | None
    born: date | None
    id_tail: str
    phone: str
    tel: str
    place: str
    address: str
    state: str
    active: bool


@dataclass(frozen=True, slots=True)
class Level:
    """How much attention somebody needs."""

    label: str
    tag: str


def head(resident: Resident, today: date) -> Head:
    """The head of a resident's pages."""
    sexes = load()["sex"].values
    tail = resident.national_id_tail[-4:]
    return Head(
        resident.name or _("(no name)"),
        sexes[resident.sex][language()] if resident.sex in sexes else _("sex not known"),
        resident.age_on(today),
        resident.birth_date,
        f"••••{tail}" if tail else "",
        resident.phone,
        "".join(char for char in resident.phone if char.isdigit() or char == "+"),
        resident.organisation.name,
        resident.address,
        str(STATES.get(resident.state, resident.state)),
        resident.state == "active",
    )


def level(standing: Standing | None) -> Level:
    """The level of attention as a tag; unknown where nothing was assessed."""
    chosen = next(
        (each for each in worklists().levels if standing and each.level == standing.level), None
    )
    if chosen is None:
        return Level(_("risk not known"), "")
    return Level(chosen.label[language()], _TAGS.get(chosen.level, ""))


def way(user: User, name: str, *args: Any, **query: str) -> str:
    """The address of a page that this user's role may open; "" where it may not."""
    address = reverse(name, args=args)
    if not user.may(action_of(resolve(address).func)):
        return ""
    if query:
        address += "?" + "&".join(f"{key}={value}" for key, value in query.items())
    return address
