"""A district of invented people for measuring the site: deterministic, thirty facts each.

Numbers of people's registers begin with region 990000, which exists in no register; shares are
rounded guesses that make lists neither empty nor full. Nothing clinical is to be read from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from careloop.dictionary.catalogue import load
from careloop.records.fact import FACT_SCHEMA
from careloop.records.reading import ImportReport, Source

CENTRES, CLINICS = 20, 10
BATCH = 5_000
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SURNAMES = list("王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余")
_FIRST, _SECOND = (
    list("秀桂玉淑凤素春月金美建国志文永德光明世家"),
    list("英兰珍芳华梅莲香荣云军平生林强民元祥才清"),
)
_SMOKING = np.array(["never", "never", "never", "ex", "current"], dtype=object)


class Population:
    """People as a source of facts (`careloop.records.reading.Reading`)."""

    def __init__(self, people: int, *, seed: int = 1, today: date | None = None) -> None:
        self.people, self.seed = people, seed
        self.today = today or date.today()
        self.report = ImportReport()
        self.source = Source(
            source_id=f"site-population-{people}-{seed}",
            kind="benchmark",
            name="invented district",
            sha256="0" * 64,
            sender="benchmark",
            read_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    def batches(self) -> Iterator[pl.DataFrame]:
        for start in range(0, self.people, BATCH):
            yield self._batch(start, min(BATCH, self.people - start))

    def rejected(self) -> pl.DataFrame:
        return pl.DataFrame({"reason": []}, schema={"reason": pl.String})

    def _batch(self, start: int, size: int) -> pl.DataFrame:
        rng = np.random.default_rng([self.seed, start])
        number = np.arange(start, start + size)
        ids = np.array([f"990000{each:011d}" for each in number], dtype=object)
        female = rng.random(size) < 0.6
        age_d = (rng.normal(68, 9, size).clip(45, 98) * 365.25).astype(int)
        today = np.datetime64(self.today, "D")
        born = today - age_d.astype("timedelta64[D]")
        first = today - rng.integers(200, 900, size).astype("timedelta64[D]")
        later = today - rng.integers(5, 190, size).astype("timedelta64[D]")
        frames = [
            _facts(ids, first, variable, values)
            for variable, values in self._identity(rng, number, born, female).items()
        ]
        screened = _first(rng, size, female, age_d)
        followed = _later(rng, size, age_d, first, screened)
        for at, told in ((first, screened), (later, followed)):
            frames += [_facts(ids, at, variable, values) for variable, values in told.items()]
        facts = pl.concat(frames).with_columns(source=pl.lit(self.source.source_id))
        return facts.sort("person_id", maintain_order=True).select(list(FACT_SCHEMA))

    def _identity(self, rng: Any, number: Any, born: Any, female: Any) -> dict[str, Any]:
        size = len(number)
        names = np.array(
            [
                _SURNAMES[a] + _FIRST[b] + _SECOND[c]
                for a, b, c in zip(
                    rng.integers(0, len(_SURNAMES), size),
                    rng.integers(0, len(_FIRST), size),
                    rng.integers(0, len(_SECOND), size),
                    strict=True,
                )
            ],
            dtype=object,
        )
        clinic = number % (CENTRES * CLINICS)
        places = np.array(
            [
                f"测试第{each // CLINICS + 1}社区卫生服务中心·测试{each + 1}村卫生室"
                for each in range(CENTRES * CLINICS)
            ],
            dtype=object,
        )
        order = (number // (CENTRES * CLINICS)) % 500 * 2 + ~female
        days = [str(each).replace("-", "") for each in born]
        return {
            "name": names,
            "sex": np.where(female, "female", "male").astype(object),
            "birth_date": born.astype(str).astype(object),
            "national_id": np.array(
                [_national_id(day, int(last)) for day, last in zip(days, order, strict=True)],
                dtype=object,
            ),
            "phone": np.array([f"129{each:08d}" for each in number], dtype=object),
            "address": np.array(
                [f"测试县{each % 997}村{each % 89}号" for each in number], dtype=object
            ),
            "organisation": places[clinic],
        }


def _first(rng: Any, size: int, female: Any, age_d: Any) -> dict[str, Any]:
    """What is asked and measured at a screening."""
    dxa = rng.random(size) < 0.2
    t_hip = rng.normal(-1.4, 1.0, size) - (age_d / 365.25 - 65) * 0.03

    def share(chance: float) -> Any:
        return (rng.random(size) < chance).astype(float)

    return {
        "height_cm": (rng.normal(157, 6, size) + 9 * ~female).round(1),
        "weight_kg": rng.normal(59, 9, size).clip(35, 110).round(1),
        "fragility_fracture_forearm": share(0.07),
        "fragility_fracture_vertebral": share(0.05),
        "fragility_fracture_hip": share(0.02),
        "parent_hip_fracture": share(0.06),
        "glucocorticoid_over_3m": share(0.02),
        "rheumatoid_arthritis": share(0.02),
        "diabetes_type2": share(0.18),
        "smoking_status": _SMOKING[rng.integers(0, len(_SMOKING), size)],
        "falls_12m": rng.poisson(0.3, size).astype(float),
        "sbp_mmhg": rng.normal(136, 16, size).clip(90, 210).round(),
        "t_femoral_neck": np.where(dxa, t_hip.round(1), np.nan),
        "t_total_hip": np.where(dxa, (t_hip + rng.normal(0.1, 0.3, size)).round(1), np.nan),
        "t_lumbar_spine": np.where(dxa, (t_hip + rng.normal(0, 0.8, size)).round(1), np.nan),
        "osteoporosis_treatment_current": share(0.08),
        "fear_of_falling": share(0.4),
        "postmenopausal": np.where(female, 1.0, np.nan),
        "residence": np.where(rng.random(size) < 0.6, "rural", "urban").astype(object),
    }


def _later(rng: Any, size: int, age_d: Any, first: Any, screened: dict[str, Any]) -> dict[str, Any]:
    """What a follow-up adds."""
    injected = rng.random(size) < 0.02
    day = (first + rng.integers(10, 150, size).astype("timedelta64[D]")).astype(str).astype(object)
    return {
        "height_cm": (screened["height_cm"] - rng.exponential(0.5, size)).round(1),
        "weight_kg": (screened["weight_kg"] + rng.normal(0, 1.5, size)).clip(35, 110).round(1),
        "falls_12m": rng.poisson(0.3, size).astype(float),
        "tug_s": rng.normal(11 + (age_d / 365.25 - 68) * 0.2, 2.5, size).clip(5, 60).round(1),
        "sbp_mmhg": rng.normal(136, 16, size).clip(90, 210).round(),
        "dbp_mmhg": rng.normal(80, 9, size).clip(50, 120).round(),
        "creatinine_umol_l": np.where(
            rng.random(size) < 0.6, rng.normal(72, 14, size).clip(30, 200).round(), np.nan
        ),
        "calcium_supplement": (rng.random(size) < 0.3).astype(float),
        "chair_stand_30s": rng.normal(12, 3, size).clip(0, 30).round(),
        "denosumab_last_on": np.where(injected, day, None),
    }


def _facts(ids: Any, at: Any, variable: str, values: Any) -> pl.DataFrame:
    is_text = values.dtype == object
    known = np.array([each is not None for each in values]) if is_text else ~np.isnan(values)
    nothing = [None] * int(known.sum())
    moment = pl.Series(at[known].astype("datetime64[us]"))
    return (
        pl.DataFrame(
            {
                "person_id": pl.Series(ids[known], dtype=pl.String),
                "number": pl.Series(nothing if is_text else values[known], dtype=pl.Float64),
                "text": pl.Series(values[known] if is_text else nothing, dtype=pl.String),
            }
        )
        .with_columns(
            variable=pl.lit(variable),
            unit=pl.lit(load()[variable].unit or None, dtype=pl.String),
            effective_at=moment,
            until=pl.lit(None, dtype=pl.Datetime("us")),
            recorded_at=moment + timedelta(hours=1),
            status=pl.lit("final"),
            context=pl.lit(None, dtype=pl.String),
            raw=pl.lit(None, dtype=pl.String),
            source=pl.lit(""),
            row=pl.lit(None, dtype=FACT_SCHEMA["row"]),
            field=pl.lit(None, dtype=pl.String),
        )
        .select(list(FACT_SCHEMA))
    )


def _national_id(day: str, order: int) -> str:
    body = f"990000{day}{order:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]
