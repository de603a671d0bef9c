"""What the nurses of the four centres recorded: who was seen when, and which answers stand there.

The first visit is the screening with its whole form, less blanks; some residents come a second time
for a short one. A value is None where nothing was recorded: absence is never no.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from careloop.dictionary.catalogue import load
from careloop.programmes.osteoporosis.demo.assumption import Table, assumptions
from careloop.programmes.osteoporosis.demo.dxa import Scans
from careloop.programmes.osteoporosis.demo.identity import Days, Registration
from careloop.programmes.osteoporosis.demo.trait import Array, Bools, Floats, People

_DAYS_A_YEAR = 365.25
_SHORT_FORM = (
    "weight_kg",
    "sbp_mmhg",
    "dbp_mmhg",
    "falls_12m",
    "dairy_intake",
    "calcium_supplement",
    "vitamin_d_supplement",
    "activity_min_per_day",
    "fear_of_falling",
    "osteoporosis_diagnosed",
    "osteoporosis_treatment_current",
    "alendronate_current",
)
_UNSEEN = frozenset({"t_lumbar_spine", "t_femoral_neck", "t_total_hip"})
"""True of the person, known to no nurse."""


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits in the order of the residents, first visits before second ones.

    `recorded` holds, under the dictionary's keys, what stands in the form: a number in the
    dictionary's unit, a bool, a code or a date; None where nothing does.
    """

    person: npt.NDArray[np.int64]
    on: Days
    first: Bools
    recorded: dict[str, Array]

    def __len__(self) -> int:
        return len(self.person)

    def only(self, mask: Bools) -> Visits:
        """Keep the visits where `mask` is true."""
        recorded = {key: values[mask] for key, values in self.recorded.items()}
        return Visits(self.person[mask], self.on[mask], self.first[mask], recorded)


def screening_days(rng: np.random.Generator, size: int) -> Days:
    """Draw the working day of each resident's screening."""
    table = assumptions()["people"]
    start, end = (np.datetime64(table[key]) for key in ("screened_from", "screened_until"))
    days = start + rng.integers(0, int((end - start) / np.timedelta64(1, "D")) + 1, size)
    return np.minimum(np.busday_offset(days, 0, roll="forward"), end)


def visits(
    rng: np.random.Generator, people: People, register: Registration, seen_on: Days, scans: Scans
) -> Visits:
    """Record the screening of everybody and the follow-up of some.

    Parameters
    ----------
    people, register
        What is true, and what the register says.
    seen_on
        Day of each screening.
    scans
        What the hospital found: known to the nurse at a follow-up after it.
    """
    form = _form(people, register, seen_on)
    _blank(rng, form, assumptions()["missing"])
    size = len(people)
    person, first = np.arange(size), np.ones(size, dtype=bool)
    second, second_on, short = _follow_up(rng, people, form, seen_on, scans)
    recorded = {
        key: np.concatenate([values, short.get(key, np.full(len(second), None))])
        for key, values in form.items()
    }
    return Visits(
        np.concatenate([person, second]),
        np.concatenate([seen_on, second_on]),
        np.concatenate([first, np.zeros(len(second), dtype=bool)]),
        recorded,
    )


def _form(people: People, register: Registration, seen_on: Days) -> dict[str, Array]:
    """Fill in the whole form with every answer, as it would be without blanks."""
    size = len(people)
    form: dict[str, Array] = {
        "name": register.name,
        "sex": np.where(people.female, "female", "male").astype(object),
        "birth_date": _dates(register.birth_date),
        "national_id": register.national_id,
        "phone": register.phone,
        "address": register.address,
        "organisation": register.organisation,
        "residence": register.residence,
        "ethnic_group": np.full(size, "chinese", dtype=object),
    }
    dictionary = load()
    for key, values in people.traits.items():
        if key in dictionary and key not in _UNSEEN:
            form[key] = values.astype(object)
            sex = dictionary[key].sex
            if sex:
                form[key][form["sex"] != sex] = None
    form["fracture_last_on"] = _last_fracture(people, seen_on)
    for values in form.values():
        values[np.array([value != value for value in values])] = None  # noqa: PLR0124 (NaN)
    return form


def _last_fracture(people: People, seen_on: Days) -> Array:
    broken = people["fragility_fracture_count"] > 0
    ago: Floats = np.where(broken, people.age_y - people["fracture_age_y"], 0.0)
    days = _dates(seen_on - (ago * _DAYS_A_YEAR).astype("timedelta64[D]"))
    days[~broken] = None
    return days


def _blank(rng: np.random.Generator, form: dict[str, Array], table: Table) -> None:
    size = len(form["sex"])
    always = {"name", "sex", "birth_date", "organisation", "residence", "ethnic_group"}
    for stream, key in zip(rng.spawn(len(form)), list(form), strict=True):
        if key not in always:
            chance = table["question"].get(key, table["every_question"])
            form[key][stream.random(size) < chance] = None
    for page in table["page"].values():
        if page is True:
            continue
        skipped = rng.random(size) < page["chance"]
        for key in page["questions"]:
            form[key][skipped] = None


def _follow_up(
    rng: np.random.Generator,
    people: People,
    form: dict[str, Array],
    seen_on: Days,
    scans: Scans,
) -> tuple[npt.NDArray[np.int64], Days, dict[str, Array]]:
    table, size = assumptions(), len(people)
    spec = table["visit"]
    low, high = spec["follow_up_days"]
    days = rng.integers(low, high, size, endpoint=True)
    on = np.busday_offset(seen_on + days.astype("timedelta64[D]"), 0, roll="forward")
    comes = (rng.random(size) < spec["follow_up"]) & (on <= np.datetime64(spec["follow_up_until"]))
    who = np.flatnonzero(comes)
    short = {key: form[key][who].copy() for key in _SHORT_FORM}
    for key, sd in spec["change_sd"].items():
        digits = 1 if key == "weight_kg" else 0
        changed = people[key][who] + rng.normal(0.0, sd, len(who))
        short[key] = np.round(changed, digits).astype(object)
    for key in ("name", "sex", "birth_date", "organisation"):
        short[key] = form[key][who]
    found = np.zeros(size, dtype=bool)
    found[scans.person[scans.lowest_t <= table["prevalence"]["t_up_to"]]] = True
    scanned_on = np.full(size, np.datetime64("2100-01-01"))
    scanned_on[scans.person] = scans.on
    known = (found & (scanned_on < on))[who]
    treated = known & (rng.random(len(who)) < people.by_sex(table["dxa"]["treated_after"])[who])
    short["osteoporosis_diagnosed"][known] = True
    for key in ("osteoporosis_treatment_current", "alendronate_current"):
        short[key][treated] = True
    return who, on[who], short


def _dates(days: Days) -> Array:
    return np.array(days.astype("datetime64[D]").astype(object), dtype=object)
