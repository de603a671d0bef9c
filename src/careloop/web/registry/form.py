"""Who somebody is, as typed into a form: read with every fault found, none raised.

A national id says birth date and sex; where both are given they must agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from careloop.error import InputError
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation
from careloop.web.care.standing import today
from careloop.web.registry import national_id, spelling
from careloop.web.registry.pinyin import spelt
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _

SEXES = ("female", "male")
_LONGEST = {"name": 60, "address": 200}
_OLDEST_Y = 120


@dataclass(frozen=True, slots=True)
class Details:
    """Who somebody is and where they are looked after."""

    name: str = ""
    national_id: str = ""
    birth_date: date | None = None
    sex: str = ""
    phone: str = ""
    address: str = ""
    organisation: Organisation | None = None

    @property
    def pinyin(self) -> str:
        """How the name is spelt."""
        return spelt(self.name)[0]


TOLD = tuple(one.name for one in fields(Details) if one.name != "organisation")
"""The details that are kept as facts in words of their own."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, what it means, and what is wrong with it (field to sentence)."""

    typed: Mapping[str, str]
    details: Details
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def derived(self) -> bool:
        """Whether birth date and sex are told by the national id."""
        return bool(self.details.national_id)


def read(post: Mapping[str, Any], gate: Gate, *, before: Resident | None = None) -> Form:
    """Read a form. A place must be within reach; default: the user's own, or the one before."""
    typed = {name: spelling.clean(post.get(name, "")) for name in (*TOLD, "organisation")}
    faults: dict[str, str] = {}
    name = typed["name"] = spelling.name(typed["name"])
    if not name:
        faults["name"] = _("Write the name.")
    for key, most in _LONGEST.items():
        if len(typed[key]) > most:
            faults[key] = _("This is too long.")
    number, born, sex = _identity(typed, faults, before)
    phone = _phone(typed["phone"], faults)
    organisation = _place(typed["organisation"], gate, faults, before)
    return Form(
        typed, Details(name, number, born, sex, phone, typed["address"], organisation), faults
    )


def of_resident(resident: Resident) -> Form:
    """The form as it stands for somebody registered."""
    details = Details(
        **{name: getattr(resident, name) for name in TOLD}, organisation=resident.organisation
    )
    typed = {name: str(getattr(resident, name) or "") for name in TOLD}
    said = _said(details.national_id)
    if said is not None and (said.birth_date, said.sex) == (details.birth_date, details.sex):
        typed |= {"birth_date": "", "sex": ""}  # they follow from the number
    return Form(typed | {"organisation": str(resident.organisation.public_id)}, details)


def _identity(
    typed: Mapping[str, str], faults: dict[str, str], before: Resident | None
) -> tuple[str, date | None, str]:
    """National id, birth date and sex, the latter two from the id where there is one.

    A number that stood before and is not touched is no fault of whoever corrects something else.
    """
    known = before.national_id if before is not None else ""
    if before is not None and known and national_id.normalised(typed["national_id"]) == known:
        said = _said(known)
        if said is None or (said.birth_date, said.sex) != (before.birth_date, before.sex):
            born = _born(typed["birth_date"], faults) or before.birth_date
            return known, born, typed["sex"] if typed["sex"] in SEXES else before.sex
    born, sex = _born(typed["birth_date"], faults), typed["sex"]
    if sex and sex not in SEXES:
        sex = ""
    if not typed["national_id"]:
        if born is None and "birth_date" not in faults:
            faults["birth_date"] = _("Without a national id, write the birth date.")
        if not sex:
            faults["sex"] = _("Without a national id, choose the sex.")
        return "", born, sex
    try:
        told = national_id.read(typed["national_id"], today=today())
    except InputError as error:
        faults["national_id"] = _wrong_id(error.problem)
        return "", born, sex
    faults.pop("birth_date", None)
    if born is not None and born != told.birth_date:
        faults["birth_date"] = _("The national id tells another birth date.")
    if sex and sex != told.sex:
        faults["sex"] = _("The national id tells another sex.")
    return told.number, told.birth_date, told.sex


def _said(number: str) -> national_id.NationalId | None:
    """What a number says; None where it is none."""
    try:
        return national_id.read(number, today=today())
    except InputError:
        return None


def _wrong_id(problem: str) -> str:
    return {
        "length": _("A national id has 18 characters (old ones 15)."),
        "check": _("The last character does not fit: a digit is mistyped."),
        "date": _("Characters 7 to 14 are no birth date."),
        "future": _("The birth date lies in the future."),
    }[problem]


def _born(told: str, faults: dict[str, str]) -> date | None:
    """A birth date as a date field or a hurried hand writes it: 1950-05-01, 19500501, 1950.5.1."""
    if not told:
        return None
    parts = re.fullmatch(r"([0-9]{4})[-/.年 ]?([0-9]{1,2})[-/.月 ]?([0-9]{1,2})日?", told)
    try:
        born = date(*map(int, parts.groups())) if parts else None
    except ValueError:
        born = None
    if born is None:
        faults["birth_date"] = _("Write the date as 1950-05-01.")
    elif born > today():
        faults["birth_date"] = _("The birth date lies in the future.")
        return None
    elif today().year - born.year > _OLDEST_Y:
        faults["birth_date"] = _("This is more than 120 years ago.")
        return None
    return born


def _phone(told: str, faults: dict[str, str]) -> str:
    """Digits only; 7 to 15 of them, as any telephone of the world has."""
    digits = spelling.phone(told)
    if digits and not re.fullmatch(r"\+?[0-9]{7,15}", digits):
        faults["phone"] = _("A telephone number has 7 to 15 digits.")
        return ""
    return digits


def _place(
    told: str, gate: Gate, faults: dict[str, str], before: Resident | None
) -> Organisation | None:
    if before is not None and told in ("", str(before.organisation.public_id)):
        return before.organisation
    if before is not None and not gate.looks_after(before):
        faults["organisation"] = _("Only those who look after somebody hand them to another place.")
        return None
    if not told and gate.user.organisation is not None:
        return gate.user.organisation
    for each in gate.organisations():
        if str(each.public_id) == told:
            return each
    faults["organisation"] = _("Choose one of the places.")
    return None
