"""Names, numbers and places of people who do not exist.

The numbers have the right form, so that every check of a real system passes or fails as it would,
but can never be a real person's: region 990000 exists in no register (GB/T 2260), and mobile
numbers of mainland China begin with 13 to 19, never with 12.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from careloop.programmes.osteoporosis.demo.assumption import Table, places
from careloop.programmes.osteoporosis.demo.trait import Array, People, one_of, pick

Days = npt.NDArray[np.datetime64]

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Registration:
    """What a centre's register says of each person; arrays in the order of `People`.

    `centre` counts from 1. `person_id` is the number of the resident's health record (居民健康档案
    编号, 17 digits), which centres and hospital share.
    """

    centre: npt.NDArray[np.int64]
    person_id: Array
    name: Array
    birth_date: Days
    national_id: Array
    phone: Array
    address: Array
    organisation: Array
    residence: Array


def register(rng: np.random.Generator, people: People, seen_on: Days) -> Registration:
    """Give every person a name, a centre, a clinic and numbers.

    Parameters
    ----------
    people
        The simulated people.
    seen_on
        Day of the first visit, on which `people.age_y` was reached.
    """
    size, table = len(people), places()
    centre = np.sort(
        rng.choice(
            [one["code"] for one in table["centres"]],
            size=size,
            p=np.array([one["residents"] for one in table["centres"]]),
        )
    )
    birth_date = seen_on - (people.age_y * _DAYS_A_YEAR).astype("timedelta64[D]")
    clinic, street, rural = _places(rng, centre, table)
    house = rng.integers(1, 200, size)
    region = table["numbers"]["region"]
    serial = np.arange(1, size + 1)
    order = rng.integers(0, 500, size) * 2 + ~people.female  # odd for men
    tail = rng.permutation(10**6)[:size]
    return Registration(
        centre=centre,
        person_id=_texts(
            f"{region}{one:03d}{1:03d}{number:05d}"
            for one, number in zip(centre, serial, strict=True)
        ),
        name=names(rng, people.female),
        birth_date=birth_date,
        national_id=_texts(
            national_id(region, str(born).replace("-", ""), int(last))
            for born, last in zip(birth_date, order, strict=True)
        ),
        phone=_texts(f"{table['numbers']['phone_prefix']}{one:06d}" for one in tail),
        address=_texts(
            f"示例县{where}{number}号" for where, number in zip(street, house, strict=True)
        ),
        organisation=clinic,
        residence=np.where(rural, "rural", "urban").astype(object),
    )


def names(rng: np.random.Generator, female: npt.NDArray[np.bool_]) -> Array:
    """Draw a Chinese name for each person."""
    size, table = len(female), places()
    surname = one_of(rng, size, table["surname"]["weight"])
    given = table["given"]
    single = rng.random(size) < given["one_character"]
    parts = {}
    for sex in ("female", "male"):
        first, second = (pick(rng, size, given[f"{sex}_{part}"]) for part in ("first", "second"))
        alone = pick(rng, size, given[f"{sex}_single"])
        double = np.where(first == second, second, first + second)
        parts[sex] = np.where(single, alone, double)
    return np.asarray(surname + np.where(female, parts["female"], parts["male"]))


def national_id(region: str, born: str, order: int) -> str:
    """Write an 18-character identity number (GB 11643; check character ISO 7064 MOD 11-2).

    Parameters
    ----------
    region
        Six digits.
    born
        Date of birth, eight digits.
    order
        0 to 999; odd for men, even for women.

    Examples
    --------
    >>> national_id("990000", "19500131", 2)
    '99000019500131002X'
    """
    body = f"{region}{born}{order:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + _CHECK[total % 11]


def _places(
    rng: np.random.Generator, centre: npt.NDArray[np.int64], table: Table
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Clinic (with its centre), street and whether it is rural, for each person."""
    clinic = np.empty(len(centre), dtype=object)
    street = np.empty(len(centre), dtype=object)
    rural = np.zeros(len(centre), dtype=bool)
    for one in table["centres"]:
        mask = np.flatnonzero(centre == one["code"])
        village = np.array(["村" in name for name in one["clinics"]])
        chance = np.where(
            village, one["rural"] / village.sum(), (1 - one["rural"]) / (~village).sum()
        )
        chosen = rng.choice(len(village), size=len(mask), p=chance)
        clinic[mask] = [f"{one['organisation']}·{one['clinics'][index]}" for index in chosen]
        street[mask] = [one["streets"][index] for index in chosen]
        rural[mask] = village[chosen]
    return clinic, street, rural


def _texts(values: object) -> Array:
    return np.array(list(values), dtype=object)  # type: ignore[call-overload]
