"""What the hospital's two densitometers measured, for the residents who were sent and went.

Women are measured on a GE Lunar, the make on which the reference of Chinese women was made, men on
the hospital's other device; each T-score refers to the reference of `assumptions.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from careloop.programmes.osteoporosis.demo.assumption import Table, assumptions
from careloop.programmes.osteoporosis.demo.community import SITES
from careloop.programmes.osteoporosis.demo.identity import Days
from careloop.programmes.osteoporosis.demo.trait import Bools, Floats, People


@dataclass(frozen=True, slots=True)
class Scans:
    """One examination a row. `bmd` (g/cm²) and `t` by site; NaN where a site was not measured."""

    person: npt.NDArray[np.int64]
    on: Days
    bmd: dict[str, Floats]
    t: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.person)

    @property
    def lowest_t(self) -> Floats:
        """The lowest printed T-score of each examination."""
        return np.asarray(np.fmin.reduce([self.t[site] for site in SITES]))

    def only(self, mask: Bools) -> Scans:
        """Keep the examinations where `mask` is true."""
        bmd = {site: values[mask] for site, values in self.bmd.items()}
        t = {site: values[mask] for site, values in self.t.items()}
        return Scans(self.person[mask], self.on[mask], bmd, t)


def measure(rng: np.random.Generator, people: People, seen_on: Days) -> Scans:
    """Send part of the residents to the hospital and measure them.

    Parameters
    ----------
    people
        The simulated people, with their true T-scores.
    seen_on
        Day of the screening; the examination follows it.

    Returns
    -------
    Scans
        BMD to 0.001 g/cm², T to 0.1 from the BMD as printed.
    """
    table = assumptions()
    spec = table["dxa"]
    points = spec["osta"]
    osta = points["weight_kg"] * people["weight_kg"] + points["age_y"] * people.age_y
    many = (people.female & (osta <= points["up_to"])) | (people["fragility_fracture_count"] > 0)
    chance = np.where(many, spec["sent"]["many"], spec["sent"]["few"])
    low, high = spec["days_after"]
    days = rng.integers(low, high, len(people), endpoint=True)
    on = _workday(seen_on + days.astype("timedelta64[D]"))
    goes = (rng.random(len(people)) < chance) & (on <= np.datetime64(spec["until"]))
    person = np.flatnonzero(goes)
    bmd, t = {}, {}
    no_hip = rng.random(len(person)) < spec["hip_missing"]
    no_spine = (rng.random(len(person)) < spec["spine_missing"]) & ~no_hip
    for site in SITES:
        noise = rng.normal(0.0, table["bone"]["measurement_sd"][site], len(person))
        left_out = no_spine if site == "lumbar_spine" else no_hip
        bmd[site], t[site] = _printed(people, person, site, noise, table["reference"])
        bmd[site][left_out] = t[site][left_out] = np.nan
    return Scans(person, on[person], bmd, t)


def _printed(
    people: People, person: npt.NDArray[np.int64], site: str, noise: Floats, reference: Table
) -> tuple[Floats, Floats]:
    female = people.female[person]
    mean, sd = (
        np.where(female, reference["female"][part][site], reference["male"][part][site])
        for part in ("mean", "sd")
    )
    bmd = np.round(mean + sd * (people[f"t_{site}"][person] + noise), 3)
    return bmd, np.round((bmd - mean) / sd, 1)


def _workday(days: Days) -> Days:
    return np.busday_offset(days, 0, roll="forward")
