"""The people of the demo community: who they are and what is true of their bones and health.

Nothing here is measured or written down: that is `visit` (what a nurse records, with gaps) and
`dxa` (what the hospital measures). All rates come from `assumptions.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from careloop.programmes.osteoporosis.demo.assumption import Table, assumptions
from careloop.programmes.osteoporosis.demo.trait import (
    Array,
    Bools,
    Floats,
    People,
    Rates,
    around,
    one_of,
    one_of_by_sex,
    within,
    yes_no,
)

SITES = ("lumbar_spine", "femoral_neck", "total_hip")
FRACTURE_SITES = ("hip", "vertebral", "humerus", "pelvis", "forearm", "rib")
GROUP_Y = 5
FIRST_AGE_Y = 50


def simulate(
    rng: np.random.Generator, size: int, *, share: Mapping[str, list[float]] | None = None
) -> People:
    """Simulate `size` people of 50 and older.

    Parameters
    ----------
    rng
        Source of all randomness.
    share
        Weights of the age groups by sex; by default those of the community's programme.
        `general_population()` gives those of the country.

    Returns
    -------
    People
        With a trait for every question of the programme, under the dictionary's keys; true
        T-scores as `t_lumbar_spine`, `t_femoral_neck`, `t_total_hip`.
    """
    table = assumptions()
    streams = iter(rng.spawn(8))
    people = _ages(next(streams), size, table["people"], share)
    _habits(next(streams), people, table["lifestyle"])
    _answers(next(streams), people, table["yes_no"])
    _body(next(streams), people, table)
    _reproductive(next(streams), people, table)
    _bone(next(streams), people, table["bone"])
    _fractures(next(streams), people, table)
    _function_and_labs(next(streams), people, table)
    return people


def general_population() -> dict[str, list[float]]:
    """Weights of the age groups of the country, by sex, for `simulate`."""
    table = assumptions()["people"]["general_population"]
    return {"female": table["female"], "male": table["male"]}


def osteoporosis(people: People) -> Bools:
    """Who has a true T-score ≤ −2.5 at lumbar spine, femoral neck or total hip."""
    return np.asarray(lowest_t(people) <= assumptions()["prevalence"]["t_up_to"])


def lowest_t(people: People) -> Floats:
    """Take the lowest true T-score of the three sites."""
    return np.asarray(np.minimum.reduce([people[f"t_{site}"] for site in SITES]))


def _ages(
    rng: np.random.Generator, size: int, table: Table, share: Mapping[str, list[float]] | None
) -> People:
    weights = share or {"female": table["age_share"], "male": table["age_share"]}
    female_share = table["female"]
    if share:
        women, men = sum(share["female"]), sum(share["male"])
        female_share = women / (women + men)
    female = rng.random(size) < female_share
    group = np.empty(size, dtype=int)
    for sex, mask in (("female", female), ("male", ~female)):
        chance = np.array(weights[sex], dtype=float)
        group[mask] = rng.choice(len(chance), size=int(mask.sum()), p=chance / chance.sum())
    last = len(weights["female"]) - 1
    # the last group is twice as wide and thins out with age
    inside = np.where(group == last, rng.random(size) ** 2 * 2, rng.random(size))
    return People(female, FIRST_AGE_Y + GROUP_Y * (group + inside))


def _habits(rng: np.random.Generator, people: People, table: Table) -> None:
    size = len(people)
    status = one_of_by_sex(rng, people, table["smoking_status"])
    level = one_of(rng, size, table["smoking_level"])
    level = np.where(status == "never", "non", np.where(status == "former", "ex", level))
    people["smoking_status"], people["smoking_level"] = status, level
    people["smoking_current"] = status == "current"
    people["smoking_former"] = status == "former"
    people["cigarettes_per_day"] = np.round(within(rng, level, table["cigarettes_per_day"]))
    drinks = one_of_by_sex(rng, people, table["alcohol_level"])
    people["alcohol_level"] = drinks
    people["alcohol_units_per_day"] = np.round(
        within(rng, drinks, table["alcohol_units_per_day"]), 1
    )
    for key in ("activity_min_per_day", "outdoors_min_per_day"):
        step = table[key]["step"]
        people[key] = np.round(around(rng, people, table[key]) / step) * step


def _answers(rng: np.random.Generator, people: People, table: Table) -> None:
    # one stream a question: changing one rate leaves the answers of all others as they were,
    # but for those that lean on it
    for stream, (key, rates) in zip(rng.spawn(len(table)), table.items(), strict=True):
        people[key] = yes_no(stream, people, rates)
    people["parent_osteoporosis"] |= people["parent_hip_fracture"]
    people["falls_history"] = people["fallen"] | people["fallen_before"]


def _body(rng: np.random.Generator, people: People, table: Table) -> None:
    size = len(people)
    sexes = [table["body"]["female"], table["body"]["male"]]

    def number(section: str, name: str) -> Floats:
        woman, man = (float(sex[section][name]) for sex in sexes)
        return np.where(people.female, woman, man)

    height = number("height_cm", "at_70") + number("height_cm", "per_decade") * people.decades
    people["height_cm"] = np.round(rng.normal(height, number("height_cm", "sd")), 1)
    bmi = number("bmi", "at_70") + number("bmi", "per_decade") * people.decades
    bmi = np.clip(rng.normal(bmi, number("bmi", "sd")), number("bmi", "low"), number("bmi", "high"))
    weight = bmi * (people["height_cm"] / 100) ** 2
    halves = rng.random(size) < 0.5  # many scales and many nurses round to half a kilogram
    people["weight_kg"] = np.where(halves, np.round(weight * 2) / 2, np.round(weight, 1))
    people["bmi"] = bmi
    waist = number("waist", "at_bmi_24") + number("waist", "per_bmi") * (bmi - 24)
    people["waist_cm"] = np.round(rng.normal(waist, number("waist", "sd")))
    for key in ("sbp_mmhg", "dbp_mmhg"):
        spread = table["body"]["both"][key]
        mean = spread["mean"] + spread["per_decade"] * people.decades
        mean = mean + spread["hypertension"] * people["hypertension"]
        people[key] = np.round(rng.normal(mean, spread["sd"]))


def _reproductive(rng: np.random.Generator, people: People, table: Table) -> None:
    spread = table["reproductive"]["menopause_age_y"]
    age = np.clip(
        rng.normal(spread["mean"], spread["sd"], len(people)), spread["low"], spread["high"]
    )
    low, high = table["reproductive"]["age_at_ovariectomy"]
    operated = rng.uniform(low, high, len(people))
    age = np.where(people["ovariectomy_before_50"], np.minimum(age, operated), age)
    past = people.female & (age < people.age_y)
    people["postmenopausal"] = past
    people["menopause_age_y"] = np.where(past, np.floor(age), np.nan)


def _bone(rng: np.random.Generator, people: People, table: Table) -> None:
    related = table["correlation"]
    spine_neck, spine_hip, neck_hip = (
        related[key] for key in ("spine_neck", "spine_hip", "neck_hip")
    )
    correlation = np.array(
        [[1, spine_neck, spine_hip], [spine_neck, 1, neck_hip], [spine_hip, neck_hip, 1]]
    )
    noise = rng.standard_normal((len(people), len(SITES))) @ np.linalg.cholesky(correlation).T
    shift = table["bmi_effect"] * (people["bmi"] - 24)
    for key, effect in table["secondary_causes"].items():
        shift = shift + effect * people[key]
    women, men = table["female"], table["male"]
    for column, site in enumerate(SITES):
        parts = [
            np.where(people.female, women[part][site], men[part][site])
            for part in ("level", "per_decade", "sd")
        ]
        level, slope, sd = parts
        people[f"t_{site}"] = level + slope * people.decades + shift + sd * noise[:, column]


def _fractures(rng: np.random.Generator, people: People, table: Table) -> None:
    spec, size = table["fracture"], len(people)
    below = np.maximum(spec["below_t"] - lowest_t(people), 0.0)
    count, last_age = np.zeros(size), np.full(size, np.nan)
    for site in FRACTURE_SITES:
        rates: Rates = spec["site"][site]
        stream = rng.spawn(1)[0]
        log_odds = np.log(people.by_sex(rates["rate"]) / (1 - people.by_sex(rates["rate"])))
        log_odds += np.log(rates["odds_per_decade"]) * people.decades
        log_odds += np.log(rates["per_t"]) * below
        broken = stream.random(size) < 1 / (1 + np.exp(-log_odds))
        past = (people.age_y - spec["after_age"]) * stream.random(size) ** spec["recency"]
        since = spec["after_age"] + past
        people[f"fragility_fracture_{site}"] = broken
        people[f"fracture_{site}_age_y"] = np.where(broken, since, np.nan)
        last_age = np.fmax(last_age, people[f"fracture_{site}_age_y"])
        count += broken
    people["fracture_age_y"] = last_age
    again = rng.random(size) < spec["again"]
    people["fragility_fracture_count"] = count + (again & (count > 0))
    for key, site in (("wrist", "forearm"), ("hip", "hip"), ("rib", "rib")):
        people[f"fracture_{key}_after_45"] = people[f"fragility_fracture_{site}"]
    people["fracture_after_45"] = count > 0
    people["fracture_after_50"] = np.nan_to_num(last_age) >= 50
    known = table["known"]
    sick = osteoporosis(people) | people["fragility_fracture_hip"]
    people["osteoporosis_diagnosed"] = sick & (rng.random(size) < people.by_sex(known["diagnosed"]))
    people["alendronate_current"] = sick & (rng.random(size) < people.by_sex(known["treated"]))
    people["osteoporosis_diagnosed"] |= people["alendronate_current"]
    people["osteoporosis_treatment_current"] = people["alendronate_current"]
    people["height_peak_cm"] = _peak_height(rng, people, table["body"]["both"]["lost_cm"])


def _peak_height(rng: np.random.Generator, people: People, spread: Rates) -> Floats:
    lost = spread["at_70"] + spread["per_decade"] * people.decades
    lost = lost + spread["per_t_below_0"] * np.maximum(-lowest_t(people), 0)
    lost = lost + spread["per_vertebral_fracture"] * people["fragility_fracture_vertebral"]
    lost = np.maximum(rng.normal(lost, spread["sd"]), 0)
    return np.asarray(np.round(people["height_cm"] + lost))


def _function_and_labs(rng: np.random.Generator, people: People, table: Table) -> None:
    size, spec = len(people), table["function"]
    falls = rng.geometric(1 - spec["further_falls"], size)
    people["falls_12m"] = np.where(
        people["fallen"], np.minimum(falls, spec["most_falls"]), 0
    ).astype(float)
    tug = around(rng, people, spec["tug_s"]) * np.exp(spec["tug_s"]["faller"] * people["fallen"])
    people["tug_s"] = np.round(tug, 1)
    for key in ("chair_stand_30s", "grip_strength_kg"):
        spread = spec[key]
        mean = people.by_sex(spread) if "female" in spread else np.full(size, spread["mean"])
        drawn = rng.normal(mean + spread["per_decade"] * people.decades, spread["sd"])
        people[key] = np.maximum(np.round(drawn, 0 if "stand" in key else 1), 0)
    people["chair_stand_30s"] = np.where(people["arms_to_stand"], 0, people["chair_stand_30s"])
    _labs(rng, people, table["lab"])
    dose: Array = rng.choice(spec["glucocorticoid_dose_mg_day"], size)
    people["glucocorticoid_dose_mg_day"] = np.where(people["glucocorticoid_current"], dose, np.nan)


def _labs(rng: np.random.Generator, people: People, table: Table) -> None:
    size = len(people)
    spread = table["creatinine_umol_l"]
    centre = np.log(people.by_sex(spread)) + spread["per_decade"] * people.decades
    centre = centre + spread["chronic_kidney_disease"] * people["chronic_kidney_disease"]
    people["creatinine_umol_l"] = np.round(np.exp(rng.normal(centre, spread["log_sd"])))
    for key, digits in (("calcium_mmol_l", 2), ("albumin_g_l", 1), ("phosphate_mmol_l", 2)):
        spread = table[key]
        mean = np.full(size, spread["mean"])
        for trait in ("hyperparathyroidism", "malnutrition"):
            mean = mean + spread.get(trait, 0.0) * people[trait]
        people[key] = np.round(rng.normal(mean, spread["sd"]), digits)
    people["alp_u_l"] = np.round(around(rng, people, table["alp_u_l"]))
    spread = table["vitamin_d_25oh_ng_ml"]
    taken = np.exp(spread["supplement"] * people["vitamin_d_supplement"])
    people["vitamin_d_25oh_ng_ml"] = np.round(around(rng, people, spread) * taken, 1)
