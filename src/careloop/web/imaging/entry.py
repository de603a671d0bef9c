"""Reading a bone density form: numbers in the dictionary's ranges, every fault at once.

A fault keeps the form from being saved. A doubt does not: it is shown once, and the same values
sent again with the tick "I compared them" are saved (`sure` holds the mark of those values).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from careloop.care.entry import EARLIEST, parse_number
from careloop.care.examination import SIDES, Examination, Site, qualifiers
from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Variable
from careloop.error import ConfigError
from careloop.programmes.wording import printed_unit
from careloop.web.care.recording import Contact
from careloop.web.care.standing import the_programme
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

KIND = "dxa"
DAY, DEVICE, REFERENCE, SURE = "happened_on", "device", "reference_db", "sure"
SIDE = "side-"


def examination() -> Examination:
    """The programme's examination."""
    make = the_programme().examination
    if make is None:
        raise ConfigError("the programme has no examination", remedy="leave the page out")
    return make()


@dataclass(slots=True)
class Entry:
    """What a filled-in form says; `errors` and `doubts` are words by the name of the field."""

    happened_on: date | None = None
    values: dict[str, float] = field(default_factory=dict)
    device: str = ""
    reference: str = ""
    sides: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    sure: bool = False

    @property
    def mark(self) -> str:
        """Changes whenever anything that was entered does."""
        told = repr((self.happened_on, sorted(self.values.items()), self.device, self.reference))
        return hashlib.sha256((told + repr(sorted(self.sides.items()))).encode()).hexdigest()[:16]

    @property
    def may_be_saved(self) -> bool:
        """Without faults, and its doubts seen."""
        return not self.errors and (not self.doubts or self.sure)

    def contact(self) -> Contact:
        """What is recorded."""
        if self.happened_on is None:
            raise ValueError("an examination without a day")
        sites = examination().variables()
        context = {}
        for key in self.values:
            site = sites[key]
            variable = next(one for one in site.values if one.key == key)
            told = qualifiers(
                variable,
                device=self.device,
                reference=self.reference,
                side=self.sides.get(site.limb, ""),
            )
            if told:
                context[key] = told
        return Contact(KIND, self.happened_on, dict(self.values), context)


def read_entry(
    posted: Mapping[str, str],
    *,
    sex: str,
    born: date | None,
    today: date,
    unlisted: str = "",
) -> Entry:
    """Read a posted form.

    Parameters
    ----------
    posted
        Texts by name, as a browser sends them: a value by its variable, `side-<limb>`, and so on.
    sex, born
        Of the resident; "" and None where not known.
    today
        No examination lies after it.
    unlisted
        A reference database besides those known: one that a report named.
    """
    known = examination()
    entry = Entry()
    entry.happened_on = read_day(posted.get(DAY, ""), born=born, today=today, into=entry.errors)
    entry.device = _one_of(posted.get(DEVICE, ""), known.devices, DEVICE, entry)
    references = {*known.references, unlisted} - {""}
    entry.reference = _one_of(posted.get(REFERENCE, ""), references, REFERENCE, entry)
    for limb in known.limbs:
        side = _one_of(posted.get(SIDE + limb, ""), SIDES, SIDE + limb, entry)
        if side:
            entry.sides[limb] = side
    for site in known.sites:
        for variable in site.values:
            number = read_value(variable, posted.get(variable.key, ""), entry.errors)
            if number is not None:
                entry.values[variable.key] = number
        _needs_side(site, entry, known)
    if not entry.values and not entry.errors:
        entry.errors["values"] = _("Nothing was entered: write at least one value of the report.")
    for doubt in known.doubts(
        entry.values, device=entry.device, reference=entry.reference, sex=sex
    ):
        entry.doubts.setdefault(doubt.variable, doubt.text[language()])
    for key, words in unsigned(
        entry.values, device=entry.device, reference=entry.reference, sex=sex
    ).items():
        entry.doubts.setdefault(key, words)
    if not entry.reference and any(key.startswith("t_") for key in entry.values):
        entry.doubts[REFERENCE] = no_reference()
    entry.sure = posted.get(SURE, "") == entry.mark
    return entry


def unsigned(
    values: Mapping[str, float], *, device: str, reference: str, sex: str
) -> dict[str, str]:
    """Words by T-score above zero that no measurement vouches for.

    A minus sign is what is lost most easily in typing and in reading a picture, and without it the
    sickest bone is the healthiest.
    """
    known = examination().compared(values, device=device, reference=reference, sex=sex)
    words = _("{name}: {number} is above zero. Is a minus sign missing?")
    return {
        key: words.format(name=load()[key].label[language()], number=f"+{number:g}")
        for key, number in values.items()
        if key.startswith("t_") and number > 0 and key not in known
    }


def no_reference() -> str:
    """What is lost without the reference database."""
    return _(
        "Without the reference database a T-score cannot be compared with later ones. "
        "It stands at the foot of the report."
    )


def read_day(told: str, *, born: date | None, today: date, into: dict[str, str]) -> date | None:
    """The day of the examination; a fault goes into `into`."""
    try:
        day = date.fromisoformat(told.strip()) if told.strip() else None
    except ValueError:
        day = None
    if day is None:
        into[DAY] = _("Write the date of the examination, such as 2026-05-01.")
    elif day > today:
        into[DAY] = _("The examination cannot lie in the future.")
    elif day < (born or EARLIEST):
        into[DAY] = _("The examination cannot lie before the resident's birth.")
    else:
        return day
    return None


def read_value(variable: Variable, told: str, into: dict[str, str]) -> float | None:
    """A number in the variable's range; a fault goes into `into`, an empty field is no value."""
    if not told.strip():
        return None
    number = parse_number(told)
    name = variable.label[language()]
    if number is None:
        into[variable.key] = _("{name}: “{told}” is not a number").format(
            name=name, told=told.strip()[:20]
        )
        return None
    low = -math.inf if variable.low is None else variable.low
    high = math.inf if variable.high is None else variable.high
    if not low <= number <= high:
        into[variable.key] = _(
            "{name}: {number} is outside {low} to {high}; read it again on the report"
        ).format(name=name, number=f"{number:g}", low=f"{low:g}", high=f"{high:g}")
        return None
    return number


def _one_of(told: str, known: Collection[str], name: str, entry: Entry) -> str:
    if told and told not in known:
        entry.errors[name] = _("Choose one of the answers offered.")
        return ""
    return told


def _needs_side(site: Site, entry: Entry, known: Examination) -> None:
    """A value of a limb without a side cannot be compared with the next one."""
    given = any(one.key in entry.values for one in site.values)
    name = SIDE + site.limb
    if given and site.limb and site.limb not in entry.sides and name not in entry.errors:
        entry.errors[name] = _("{limb}: choose left or right").format(
            limb=known.limbs[site.limb][language()]
        )


# --- the form as a page shows it


@dataclass(frozen=True, slots=True)
class Field:
    """One number to be entered."""

    name: str
    label: str  # "BMD", "T", "Z"
    full: str
    unit: str
    value: str
    error: str
    doubt: str
    signed: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A site with its fields; `sides` names the limb whose side is asked just before it."""

    key: str
    label: str
    fields: tuple[Field, ...]
    more: bool
    limb: str
    limb_label: str
    side: str
    side_error: str


def parts(posted: Mapping[str, str], entry: Entry | None, *, near: bool) -> list[Part]:
    """The sites in order, with what was typed and what is wrong with it."""
    known = examination()
    errors, doubts = (entry.errors, entry.doubts) if entry else ({}, {})
    asked: set[str] = set()
    found = []
    for site in known.ordered(near=near):
        limb = "" if site.limb in asked else site.limb
        asked.add(site.limb)
        fields = tuple(_field(one, posted, errors, doubts) for one in site.values)
        found.append(
            Part(
                site.key,
                site.label[language()],
                fields,
                site.more and not any(one.value for one in fields),
                limb,
                known.limbs[limb][language()] if limb else "",
                posted.get(SIDE + limb, "") if limb else "",
                errors.get(SIDE + limb, "") if limb else "",
            )
        )
    return found


def _field(
    variable: Variable,
    posted: Mapping[str, str],
    errors: Mapping[str, str],
    doubts: Mapping[str, str],
) -> Field:
    key = variable.key
    short = {"bmd": "BMD", "t": _("T-score"), "z": _("Z-score")}
    return Field(
        key,
        short.get(key.partition("_")[0], variable.label[language()]),
        variable.label[language()],
        printed_unit(variable.unit),
        posted.get(key, ""),
        errors.get(key, ""),
        doubts.get(key, ""),
        signed=variable.low is not None and variable.low < 0,
    )
