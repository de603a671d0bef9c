"""The published instruments the plain way: one person, one row, ordinary Python.

Written by hand from the publications, without Polars and without the data files of the programme
(only QFracture's coefficients are read from theirs). It is the baseline of the benchmark and the
slow, obvious twin of the tests: `plain(row)` must give what the expressions give.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

Row = Mapping[str, Any]


def plain(row: Row) -> dict[str, Any]:
    """Every instrument's value for one person; None where it is unknown or not defined."""
    return {
        "osta": osta(row),
        "orai": orai(row),
        "osiris": osiris(row),
        "score": score(row),
        "mores": mores(row),
        "abone": abone(row),
        "fracture_index": fracture_index(row),
        "fracscore": fracscore(row),
        "iof_positive": iof(row),
        "caroc_basal_class": caroc_basal(row),
        **qfracture(row),
    }


def known(row: Row, *names: str) -> bool:
    return all(row.get(name) is not None for name in names)


def osta(row: Row) -> float | None:
    if not known(row, "weight_kg", "age_y"):
        return None
    return float(round(round(0.2 * row["weight_kg"], 10) + round(-0.2 * row["age_y"], 10), 10))


def orai(row: Row) -> float | None:
    if not known(row, "age_y", "weight_kg", "oestrogen_current") or row["age_y"] < 45:
        return None
    age, weight = row["age_y"], row["weight_kg"]
    points = 15 if age >= 75 else 9 if age >= 65 else 5 if age >= 55 else 0
    points += 9 if weight < 60 else 3 if weight < 70 else 0
    return float(points + (0 if row["oestrogen_current"] else 2))


def osiris(row: Row) -> float | None:
    if not known(row, "age_y", "weight_kg", "oestrogen_current", "fracture_prior"):
        return None
    points = -int(round(0.2 * row["age_y"], 10)) + int(round(0.2 * row["weight_kg"], 10))
    return float(points + 2 * row["oestrogen_current"] - 2 * row["fracture_prior"])


def score(row: Row) -> float | None:
    sites = ("fracture_wrist_after_45", "fracture_hip_after_45", "fracture_rib_after_45")
    names = ("ethnic_group", "rheumatoid_arthritis", *sites, "age_y", "hrt_ever", "weight_kg")
    if not known(row, *names) or row["ethnic_group"] == "not_stated":
        return None
    points = 0 if row["ethnic_group"].startswith("black") else 5
    points += 4 * row["rheumatoid_arthritis"] + 4 * sum(row[site] for site in sites)
    points += 3 * int(row["age_y"] // 10) + (not row["hrt_ever"])
    return float(points) - int(round(row["weight_kg"] / 0.45359237 / 10, 10))


def mores(row: Row) -> float | None:
    if not known(row, "age_y", "copd", "weight_kg"):
        return None
    points = 4 if row["age_y"] >= 75 else 3 if row["age_y"] >= 56 else 0
    points += 3 * row["copd"]
    return float(points) + (6 if row["weight_kg"] <= 70 else 4 if row["weight_kg"] <= 80 else 0)


def abone(row: Row) -> float | None:
    pill = "oral_contraceptive_or_oestrogen_6m"
    if not known(row, "age_y", "weight_kg", pill):
        return None
    return float((row["age_y"] > 65) + (row["weight_kg"] < 63.5) + (not row[pill]))


def fracture_index(row: Row) -> float | None:
    flags = ("fracture_after_50", "mother_hip_fracture_after_50", "smoking_current")
    if not known(row, "age_y", "weight_kg", "arms_to_stand", *flags):
        return None
    points = sum(row["age_y"] >= edge for edge in (65, 70, 75, 80, 85))
    points += sum(row[name] for name in flags) + (row["weight_kg"] <= 57)
    points += 2 * row["arms_to_stand"]
    t = row.get("t_total_hip")
    if t is not None:
        points += 0 if t >= -1 else 2 if t >= -2 else 3 if t >= -2.5 else 4
    return float(points)


def fracscore(row: Row) -> float | None:
    flags = ("fracture_prior", "mother_hip_fracture", "smoking_ever")
    if not known(row, "age_y", "weight_kg", "arms_to_stand", *flags):
        return None
    points = sum(row["age_y"] >= edge for edge in (60, 65, 70, 75, 80, 85))
    points += sum(row[name] for name in flags) + (row["weight_kg"] < 56.8)
    return float(points + 2 * row["arms_to_stand"])


def both(*answers: bool | None) -> bool | None:
    """Kleene's AND."""
    if any(answer is False for answer in answers):
        return False
    return None if any(answer is None for answer in answers) else True


def either(*answers: bool | None) -> bool | None:
    """Kleene's OR."""
    if any(answer is True for answer in answers):
        return True
    return None if any(answer is None for answer in answers) else False


def no(answer: bool | None) -> bool | None:
    """Kleene's NOT."""
    return None if answer is None else not answer


def compare(row: Row, name: str, test: Any) -> bool | None:
    return None if row.get(name) is None else bool(test(row[name]))


def iof(row: Row) -> bool | None:
    female = compare(row, "sex", lambda sex: sex == "female")
    male = compare(row, "sex", lambda sex: sex == "male")
    get = row.get
    return either(
        get("parent_osteoporosis_or_fracture"),
        get("parent_kyphosis"),
        compare(row, "age_y", lambda age: age > 40),
        get("fracture_prior"),
        either(get("falls_recurrent"), get("fear_of_falling")),
        get("height_loss_over_3cm"),
        compare(row, "bmi_kg_m2", lambda bmi: bmi < 19),
        get("glucocorticoid_over_3m"),
        get("rheumatoid_arthritis"),
        get("iof_disorder"),
        both(female, compare(row, "menopause_age_y", lambda age: age <= 45)),
        both(female, get("amenorrhoea_over_12m")),
        both(female, get("ovariectomy_before_50"), no(get("hrt_ever"))),
        both(male, get("hypogonadism_symptoms")),
        compare(row, "alcohol_units_per_day", lambda units: units > 2),
        get("smoking_ever"),
        compare(row, "activity_min_per_day", lambda minutes: minutes < 30),
        both(no(get("dairy_intake")), no(get("calcium_supplement"))),
        both(
            compare(row, "outdoors_min_per_day", lambda minutes: minutes < 10),
            no(get("vitamin_d_supplement")),
        ),
    )


CAROC = {  # age: (women low, high), (men low, high)
    50: ((-2.5, -3.8), (-2.5, -3.9)),
    55: ((-2.5, -3.8), (-2.5, -3.9)),
    60: ((-2.3, -3.7), (-2.5, -3.7)),
    65: ((-1.9, -3.5), (-2.4, -3.7)),
    70: ((-1.7, -3.2), (-2.3, -3.7)),
    75: ((-1.2, -2.9), (-2.3, -3.8)),
    80: ((-0.5, -2.6), (-2.1, -3.8)),
    85: ((0.1, -2.2), (-2.0, -3.8)),
}


def caroc_basal(row: Row) -> str | None:
    if not known(row, "sex", "age_y", "t_femoral_neck") or row["age_y"] < 50:
        return None
    low, high = CAROC[min(int(row["age_y"]) // 5 * 5, 85)][row["sex"] == "male"]
    t = row["t_femoral_neck"]
    return "low" if t > low else "high" if t < high else "moderate"


@cache
def coefficients() -> dict[str, Any]:
    folder = files("careloop.programmes.osteoporosis") / "instruments" / "data"
    return tomllib.loads((folder / "qfracture.toml").read_text(encoding="utf-8"))


def smoking(row: Row) -> str | None:
    if row.get("smoking_level") is not None:
        return str(row["smoking_level"])
    status, cigarettes = row.get("smoking_status"), row.get("cigarettes_per_day")
    if status in ("never", "former"):
        return "non" if status == "never" else "ex"
    if status is None or cigarettes is None:
        return None
    return "light" if cigarettes < 10 else "moderate" if cigarettes < 20 else "heavy"


def alcohol(row: Row) -> str | None:
    if row.get("alcohol_level") is not None:
        return str(row["alcohol_level"])
    units = row.get("alcohol_units_per_day")
    if units is None:
        return None
    names = ("none", "trivial", "light", "moderate", "heavy", "very_heavy")
    tests = (units <= 0, units < 1, units < 3, units < 7, units <= 9, True)
    return next(name for name, holds in zip(names, tests, strict=True) if holds)


def qfracture(row: Row) -> dict[str, float | None]:
    data = coefficients()
    names = [f"qfracture_{outcome}_{year}y" for outcome in ("mof", "hip") for year in range(1, 19)]
    nothing: dict[str, float | None] = dict.fromkeys(names)
    levels = {"smoking_level": smoking(row), "alcohol_level": alcohol(row)}
    ethnic = {"not_stated": "white", "black_other": "other"}
    group = row.get("ethnic_group")
    levels["ethnic_group"] = None if group is None else ethnic.get(group, group)
    if not known(row, "sex", "age_y", "bmi_kg_m2") or None in levels.values():
        return nothing
    age, bmi = row["age_y"] / 10, row["bmi_kg_m2"] / 10
    if not (3 <= age <= 10 and 20 <= row["bmi_kg_m2"] <= 40):
        return nothing
    result = dict(nothing)
    for outcome in ("mof", "hip"):
        model = data[outcome][row["sex"]]
        a = 0.0
        for term in model["powers"]:
            base = age if term["of"] == "age" else bmi
            raised = base ** term["power"] * (math.log(base) if term["log"] else 1.0)
            a += (raised - term["centre"]) * term["coefficient"]
        for name, level in levels.items():
            a += model[name][data[name].index(level)]
        for name, weight in model["yes"].items():
            answer = either(*(row.get(one) for one in data["yes"][name].split(" OR ")))
            if answer is None:
                a = math.nan
                break
            a += weight * answer
        if math.isnan(a):
            continue
        for year in range(1, 19):
            survival = model["survival"][year] ** math.exp(a)
            result[f"qfracture_{outcome}_{year}y"] = 100 * (1 - survival)
    return result
