"""Schedules: when a person is to be seen again, as steps counted from a day that is known.

A programme declares chains of steps in TOML::

    [[chain]]
    key = "treatment"
    when = "osteoporosis_treatment_current"     # for whom, over what is known
    anchor = "bone_treatment_started_on"        # from when the months are counted
    kinds = ["home", "community", "hospital"]   # contacts that fulfil a step …
    measured = ["t_total_hip"]                  # … or variables that do, once measured: an
                                                #   import brings no contacts, only values
    early_days = 14                             # so many days before its day, it counts already
    next = "follow_up_next_on"                  # a day agreed on instead

    [[chain.step]]
    key = "treatment_1m"
    months = 1
    label = { zh = "治疗1个月随访", en = "1 month on treatment" }
    form = "phone"

The last step may say `repeat = true`: it comes again every so many months. A chain asks for one
step at a time: the first that is due after the last contact. Without a contact since the anchor it
is the newest step that has come due: nobody is called five times for one year without a visit.
"""

from __future__ import annotations

import calendar
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources.abc import Traversable
from typing import Any

from careloop.care.clause import holds
from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.variable import Text
from careloop.error import ConfigError

LAST_CONTACT = "last_contact_on"
"""An anchor: the newest day of a contact that counts, or of what counts as one once measured."""
_FURTHEST = 1200
"""Most repetitions looked at: a hundred years of months."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something due so many months after the anchor, to be done with a form."""

    key: str
    months: int
    label: Text
    form: str = ""
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps that follow one another for the people for whom `when` holds."""

    key: str
    when: str
    anchor: str
    steps: tuple[Step, ...]
    kinds: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    early_days: int = 0
    next: str = ""

    def days(self, anchor_on: date) -> Iterator[tuple[Step, date]]:
        """Every step with its day, in order."""
        for step in self.steps:
            yield step, months_after(anchor_on, step.months)
        last = self.steps[-1]
        if last.repeat:
            every = last.months - (self.steps[-2].months if len(self.steps) > 1 else 0)
            for number in range(1, _FURTHEST):
                yield last, months_after(anchor_on, last.months + number * every)

    def met(self, contacts: Iterable[tuple[str, date]]) -> list[date]:
        """Days of the contacts that fulfil a step."""
        return [day for kind, day in contacts if kind in self.kinds]

    def measured_on(self, row: Mapping[str, Any], as_of: date) -> list[date]:
        """Days of the measurements that fulfil a step; what a source assumes was not measured."""
        ages = [
            row.get(f"{name}__age_d")
            for name in self.measured
            if row.get(name) is not None and not row.get(f"{name}__assumed")
        ]
        return [as_of - timedelta(days=int(age)) for age in ages if age is not None]

    def fulfils(self, day: date, due_on: date) -> bool:
        """Whether something on this day fulfils a step that is due on that day."""
        return day >= due_on - timedelta(days=self.early_days)


@dataclass(frozen=True, slots=True)
class Due:
    """A step and its day."""

    chain: Chain
    step: Step
    due_on: date


@dataclass(frozen=True, slots=True)
class Schedule:
    """A programme's chains."""

    chains: tuple[Chain, ...]

    def steps(self) -> dict[str, Step]:
        """Every step by its key."""
        return {step.key: step for chain in self.chains for step in chain.steps}

    def reads(self) -> tuple[str, ...]:
        """The variables that chains name; of measured ones their age is read."""
        names: dict[str, None] = {}
        for chain in self.chains:
            names |= dict.fromkeys(names_in(chain.when))
            names |= dict.fromkeys((*chain.measured, chain.anchor, chain.next))
        return tuple(name for name in names if name and name != LAST_CONTACT)

    def due(
        self,
        row: Mapping[str, Any],
        contacts: Iterable[tuple[str, date]],
        as_of: date,
        *,
        called_off: Iterable[tuple[str, date]] = (),
    ) -> list[Due]:
        """What is due next, at most one step a chain.

        Parameters
        ----------
        row
            What is known: variables, and `<key>__age_d` of measured ones.
        contacts
            Kind and day of every contact so far.
        as_of
            Today.
        called_off
            Key and day of every step that was taken off with a reason.
        """
        seen, off = list(contacts), list(called_off)
        found = [_next(chain, row, seen, as_of, after=_newest(chain, off)) for chain in self.chains]
        return [each for each in found if each is not None]


def _newest(chain: Chain, called_off: Iterable[tuple[str, date]]) -> date:
    """The newest day of a step of this chain that was called off."""
    keys = {step.key for step in chain.steps}
    return max((day for key, day in called_off if key in keys), default=date.min)


def _next(
    chain: Chain,
    row: Mapping[str, Any],
    contacts: list[tuple[str, date]],
    as_of: date,
    *,
    after: date,
) -> Due | None:
    if not holds(chain.when, row):
        return None
    met, measured = chain.met(contacts), chain.measured_on(row, as_of)
    last = max([*met, *measured], default=None)
    anchor_on = last if chain.anchor == LAST_CONTACT else row.get(chain.anchor)
    if not isinstance(anchor_on, date):
        return None
    agreed = _agreed(chain, row, met, as_of)
    if (
        agreed is not None
        and agreed > after
        and not any(chain.fulfils(day, agreed) for day in measured)
    ):
        step = next((s for s, day in chain.days(anchor_on) if day >= agreed), chain.steps[-1])
        return Due(chain, step, agreed)
    missed: Due | None = None
    for step, day in chain.days(anchor_on):
        if day <= after:
            continue
        due = Due(chain, step, day)
        if last is not None and last >= anchor_on:
            if not chain.fulfils(last, day):
                return due
        elif day > as_of:
            return missed or due
        else:
            missed = due
    return missed if last is None or last < anchor_on else None


def _agreed(chain: Chain, row: Mapping[str, Any], met: Iterable[date], as_of: date) -> date | None:
    """The day that was agreed on at the last contact or since."""
    agreed = row.get(chain.next) if chain.next else None
    told = row.get(f"{chain.next}__age_d") if chain.next else None
    if not isinstance(agreed, date) or told is None:
        return None
    told_on = as_of - timedelta(days=int(told))
    return agreed if all(told_on >= day for day in met) else None


def months_after(day: date, months: int) -> date:
    """The same day of the month so many months later, or that month's last.

    Examples
    --------
    >>> months_after(date(2025, 11, 30), 3), months_after(date(2026, 1, 31), 12)
    (datetime.date(2026, 2, 28), datetime.date(2027, 1, 31))
    """
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def read_schedule(file: Traversable, dictionary: Dictionary) -> Schedule:
    """Read the chains of a programme.

    Raises
    ------
    ConfigError
        Naming file, chain and fault.
    """
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    chains = tuple(_chain(table, dictionary, file.name) for table in content.pop("chain", ()))
    if content:
        raise ConfigError(f"no settings {sorted(content)}", where=file.name, remedy="mend the name")
    keys = [step.key for chain in chains for step in chain.steps]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ConfigError(f"declared twice: {sorted(twice)}", where=file.name, remedy="keep one")
    return Schedule(chains)


def _chain(table: dict[str, Any], dictionary: Dictionary, file: str) -> Chain:
    where = f"{file} chain {table.get('key', '?')}"
    known = {"key", "when", "anchor", "step", "kinds", "measured", "early_days", "next"}
    if strange := set(table) - known:
        raise ConfigError(f"no settings {sorted(strange)}", where=where, remedy=f"{sorted(known)}")
    try:
        steps = tuple(
            Step(label=Text(**each.pop("label")), **each) for each in list(table.pop("step"))
        )
        kinds, measured = tuple(table.pop("kinds", ())), tuple(table.pop("measured", ()))
        made = Chain(steps=steps, kinds=kinds, measured=measured, **table)
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{error}", where=where, remedy="add what is missing") from None
    condition(made.when)
    for name in (*names_in(made.when), *made.measured, made.anchor, made.next):
        if name and name != LAST_CONTACT:
            dictionary[name]
    _in_order(made, where)
    return made


def _in_order(chain: Chain, where: str) -> None:
    months = [step.months for step in chain.steps]
    if not months or months != sorted(set(months)) or months[0] < 1:
        raise ConfigError(f"months {months}", where=where, remedy="from 1 upwards, in order")
    if any(step.repeat for step in chain.steps[:-1]):
        raise ConfigError("only the last step repeats", where=where, remedy="move it to the end")
