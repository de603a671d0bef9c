"""Whose report or image it is: the person whom a document names, beside the resident."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from careloop.dictionary.catalogue import load
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_AGES_APART = 2


def compared(subjects: list[Mapping[str, Any]], resident: Resident) -> tuple[list[str], bool]:
    """How the people named on a document differ from the resident; whether none is named."""
    differs: dict[str, None] = {}
    named = False
    for who in subjects:
        named = named or bool(who["name"])
        if who["name"] and resident.name and not same_name(who["name"], resident):
            words = _("Name on the document: {told}; resident: {resident}")
            differs[words.format(told=who["name"][:60], resident=resident.name)] = None
        born = resident.birth_date.isoformat() if resident.birth_date else ""
        if who["born_on"] and born and who["born_on"] != born:
            words = _("Birth date on the document: {told}; resident: {resident}")
            differs[words.format(told=who["born_on"], resident=born)] = None
        if who["sex"] and resident.sex and who["sex"] != resident.sex:
            sexes = load()["sex"].values
            words = _("Sex on the document: {told}; resident: {resident}")
            differs[
                words.format(
                    told=sexes[who["sex"]][language()], resident=sexes[resident.sex][language()]
                )
            ] = None
        number = who["person_id"].strip().upper()
        if re.fullmatch(r"\d{17}[\dX]", number) and resident.national_id not in ("", number):
            differs[_("The ID number on the document is not the resident's.")] = None
    return list(differs), not named


def other_age(age_y: float | None, on: str, resident: Resident) -> list[str]:
    """How the age on a document, of the day `on` (ISO, "" where not read), is not the resident's.

    Two years apart is the same person: many count a child as one year old at birth, and on New
    Year's Day everybody a year older.
    """
    born = resident.birth_date
    if age_y is None or not on or born is None:
        return []
    day = date.fromisoformat(on)
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    if abs(age_y - age) <= _AGES_APART:
        return []
    words = _("Age on the document: {told}; resident on that day: {resident}")
    return [words.format(told=f"{age_y:g}", resident=age)]


def same_name(printed: str, resident: Resident) -> bool:
    """Whether a printed name is the resident's, in characters or in pinyin in any order.

    Examples
    --------
    >>> someone = Resident(name="王秀英", pinyin="wangxiuying")
    >>> names = ("王 秀英", "WANG, XIU YING", "Xiuying Wang", "李秀英")
    >>> [same_name(name, someone) for name in names]
    [True, True, True, False]
    """
    told = _plain(printed)
    if told == _plain(resident.name):
        return True
    letters = told.isascii() and bool(told)
    return letters and sorted(told) == sorted(_plain(resident.pinyin))


def _plain(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", unicodedata.normalize("NFKC", text)).casefold()
