"""Answers drawn from tables of rates: yes or no, one of several, a spread around a median.

Arrays hold one value a person, in the order of `People`. Every function draws from the generator it
is given and from nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]
Rates = Mapping[str, Any]

REFERENCE_AGE_Y = 70


@dataclass(slots=True)
class People:
    """What is true of each simulated person, known to nobody in the simulation.

    `female` and `age_y` come first; `traits` are added one by one under the dictionary's keys
    (units of the dictionary; numbers are NaN where they have no meaning).
    """

    female: Bools
    age_y: Floats
    traits: dict[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.female)

    def __getitem__(self, key: str) -> Array:
        return self.traits[key]

    def __setitem__(self, key: str, values: Array) -> None:
        self.traits[key] = values

    @property
    def decades(self) -> Floats:
        """Decades of age above the reference age of all rates."""
        return (self.age_y - REFERENCE_AGE_Y) / 10

    def by_sex(self, values: Rates) -> Floats:
        """`values["female"]` or `values["male"]` for each person; 0 where the sex has none."""
        woman, man = float(values.get("female", 0.0)), float(values.get("male", 0.0))
        return np.asarray(np.where(self.female, woman, man))


def yes_no(rng: np.random.Generator, people: People, rates: Rates) -> Bools:
    """Draw a yes for each person by logistic odds.

    Parameters
    ----------
    rates
        `rate` by sex at age 70; optional `odds_per_decade`, `odds` (other trait → odds ratio) and
        `requires` (a trait without which the answer is no).
    """
    log_odds = _logit(people.by_sex(rates["rate"]))
    log_odds += np.log(rates.get("odds_per_decade", 1.0)) * people.decades
    for key, ratio in rates.get("odds", {}).items():
        log_odds += np.log(ratio) * people[key]
    drawn = rng.random(len(people)) < 1 / (1 + np.exp(-log_odds))
    return drawn & people[rates["requires"]] if "requires" in rates else drawn


def one_of(rng: np.random.Generator, size: int, shares: Mapping[str, float]) -> Array:
    """Draw one key of `shares` for each of `size` people (shares need not add up to 1)."""
    return pick(rng, size, list(shares), list(shares.values()))


def one_of_by_sex(
    rng: np.random.Generator, people: People, shares: Mapping[str, Mapping[str, float]]
) -> Array:
    """Draw one key of the shares of each person's sex."""
    woman = one_of(rng, len(people), shares["female"])
    man = one_of(rng, len(people), shares["male"])
    return np.where(people.female, woman, man)


def within(
    rng: np.random.Generator, levels: Array, ranges: Mapping[str, Sequence[float]]
) -> Floats:
    """Draw uniformly from the range of each person's level; 0 for a level without range."""
    low = np.array([ranges.get(level, (0.0, 0.0))[0] for level in levels])
    high = np.array([ranges.get(level, (0.0, 0.0))[1] for level in levels])
    return rng.uniform(low, high)


def around(rng: np.random.Generator, people: People, spread: Rates) -> Floats:
    """Draw log-normal values: `median`, `log_sd`, and `per_decade` of age on the log scale."""
    centre = np.log(spread["median"]) + spread.get("per_decade", 0.0) * people.decades
    return np.asarray(np.exp(rng.normal(centre, spread["log_sd"])))


def pick(
    rng: np.random.Generator,
    size: int,
    values: Iterable[str],
    weights: Iterable[float] | None = None,
) -> Array:
    """Draw `size` of `values`, by weight."""
    values = list(values)
    chance = None
    if weights is not None:
        chance = np.array(list(weights), dtype=float)
        chance /= chance.sum()
    return np.array(values, dtype=object)[rng.choice(len(values), size=size, p=chance)]


def _logit(rate: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(rate / (1 - rate)))
