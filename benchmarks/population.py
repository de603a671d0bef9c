"""Populations for the benchmarks: millions of residents as a snapshot holds them, or as a CSV.

`wide_population` fills every column that the osteoporosis programme reads, whatever that is at the
time, with plausible values and gaps; it is made for speed, not for epidemiology (that is
`careloop.programmes.osteoporosis.demo`). `write_csv` writes the 20-column file of the import
benchmark, and `CSV_MAPPING` says what its columns mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import condition
from careloop.dictionary.derivation import derivation_order
from careloop.dictionary.variable import Variable
from careloop.programmes.osteoporosis.demo.assumption import assumptions
from careloop.programmes.programme import Programme, programme
from careloop.records.derived import inputs_of
from careloop.risk.instruments.evaluation import input_variables

BATCH = 500_000
_FULL = 1 << 16
_BLANK = 0.04  # share of unknowns where nothing else is said
_YES = 0.05

# mean, sd, share of unknowns; in the dictionary's units
_NUMBERS: dict[str, tuple[float, float, float]] = {
    "falls_12m": (-0.6, 1.0, 0.03),
    "height_peak_cm": (162.0, 7.0, 0.4),
    "menopause_age_y": (49.5, 3.6, 0.05),
    "cigarettes_per_day": (12.0, 8.0, 0.5),
    "alcohol_units_per_day": (0.2, 1.5, 0.1),
    "activity_min_per_day": (55.0, 30.0, 0.06),
    "outdoors_min_per_day": (70.0, 40.0, 0.08),
    "glucocorticoid_dose_mg_day": (7.0, 3.0, 0.98),
    "fragility_fracture_count": (-0.8, 1.0, 0.03),
    "frax_mof_pct": (7.0, 4.0, 0.93),
    "frax_hip_pct": (2.2, 1.6, 0.93),
    "qct_lumbar_mg_cm3": (95.0, 30.0, 0.97),
}
_T = (-1.6, 1.2)
_SCANNED = 0.2
_FEMALE = 0.57
_WHOLE = frozenset({"falls_12m", "fragility_fracture_count", "menopause_age_y"})
_REFERENCE = {"female": ("ge_lunar", "china_women_2007"), "male": ("hologic", "changsha_men_2007")}


def needed_columns(of: Programme) -> tuple[str, ...]:
    """Every snapshot column that the programme's instruments, stages and decisions read."""
    names = dict.fromkeys(input_variables(of.instruments))
    for stage in (*of.before, *of.after):
        names.update(dict.fromkeys(stage.reads))
        for expression in stage.columns():
            names.update(dict.fromkeys(expression.meta.root_names()))
    for decision in of.decisions:
        for outcome in decision.outcomes:
            for clause in outcome.clauses:
                names.update(dict.fromkeys(condition(clause.sql).meta.root_names()))
    names.update(dict.fromkeys(of.shown))
    known = load()
    return tuple(name for name in names if name.partition("__")[0] in known)


def wide_population(
    n: int, seed: int, *, columns: Sequence[str] | None = None, first: int = 0
) -> pl.DataFrame:
    """Simulate `n` residents in snapshot columns.

    Parameters
    ----------
    n
        Rows.
    seed
        The same seed gives the same table.
    columns
        What is wanted; by default what the osteoporosis programme reads (`needed_columns`).
        `person_id` comes first in any case.
    first
        Number of the first resident, so that batches do not share ids.
    """
    rng = np.random.default_rng(seed)
    dictionary = load()
    columns = needed_columns(programme("osteoporosis")) if columns is None else columns
    keys = [name for name in columns if "__" not in name]
    wanted = inputs_of(keys, dictionary) | {"sex", "age_y", "height_cm", "weight_kg"}
    # what a derivation can only confirm ("… OR NULL") is asked about like any other question
    order = [key for key in derivation_order(dictionary) if "NULL" not in dictionary[key].derive]
    base = [key for key in dictionary if key in wanted and key not in order]
    table = _body(rng, n, first)
    drawn = {key: _drawn(rng, n, dictionary[key]) for key in base if key not in table}
    frame = pl.DataFrame(
        {**table, **{key: values for key, values in drawn.items() if values is not None}}
    )
    lazy = frame.lazy().with_columns(_settled(dictionary[key]) for key in base if key in drawn)
    for key in order:
        if key in wanted:
            lazy = lazy.with_columns(condition(dictionary[key].derive).alias(key))
    beside = [_beside(name) for name in columns if "__" in name]
    return lazy.with_columns(beside).select("person_id", *columns).collect()


def batches(
    total: int, *, columns: Sequence[str] | None = None, seed: int = 1, size: int = BATCH
) -> Iterator[pl.DataFrame]:
    """Yield `total` residents, `size` at a time."""
    for number, first in enumerate(range(0, total, size)):
        rows = min(size, total - first)
        yield wide_population(rows, seed * 1_000_003 + number, columns=columns, first=first)


def _body(rng: np.random.Generator, n: int, first: int) -> dict[str, pl.Series]:
    female = rng.integers(0, _FULL, n, dtype=np.uint16) < _FEMALE * _FULL
    age = np.floor(np.clip(rng.standard_normal(n, dtype=np.float32) * 8.5 + 70, 40, 99))
    height = np.where(female, 154.0, 165.0) + 5.8 * rng.standard_normal(n, dtype=np.float32)
    bmi = np.clip(24.0 + 3.4 * rng.standard_normal(n, dtype=np.float32), 15, 42)
    weight = bmi * (height / 100) ** 2
    ids = pl.select(pl.format("R{}", pl.int_range(first, first + n))).to_series()
    return {
        "person_id": ids,
        "sex": pl.select(
            pl.when(pl.Series(female)).then(pl.lit("female")).otherwise(pl.lit("male"))
        ).to_series(),
        "age_y": pl.Series(age.astype(np.float64)),
        "height_cm": pl.Series(np.round(height.astype(np.float64), 1)),
        "weight_kg": pl.Series(np.round(weight.astype(np.float64), 1)),
    }


def _drawn(rng: np.random.Generator, n: int, variable: Variable) -> pl.Series | None:
    """Raw numbers of one column, to be settled by `_settled`."""
    if variable.kind in ("boolean", "code"):
        return pl.Series(rng.integers(0, _FULL, n, dtype=np.uint16))
    if variable.kind == "number":
        return pl.Series(rng.standard_normal(n, dtype=np.float32))
    return None


def _settled(variable: Variable) -> pl.Expr:
    """The column's values from its raw numbers, with gaps."""
    key, raw = variable.key, pl.col(variable.key)
    if variable.kind == "boolean":
        blank = int(_blank(key) * _FULL)
        yes = pl.when(raw >= blank).then(raw < blank + int(_rate(key) * (_FULL - blank)))
        return _of_sex(variable, yes).alias(key)
    if variable.kind == "code":
        words = list(variable.values)
        blank = int(_blank(key) * _FULL)
        each = (_FULL - blank) // len(words) + 1
        place = ((raw - blank) // each).cast(pl.UInt32)
        table = pl.lit(pl.Series(words))
        return pl.when(raw >= blank).then(table.gather(place.clip(0, len(words) - 1))).alias(key)
    if variable.kind == "number":
        return _number(variable, raw).alias(key)
    return pl.lit(None, dtype={"date": pl.Date()}.get(variable.kind, pl.String())).alias(key)


def _number(variable: Variable, raw: pl.Expr) -> pl.Expr:
    key = variable.key
    if key.startswith(("t_", "z_", "bmd_")):
        mean, sd = _T if not key.startswith("bmd_") else (0.8, 0.14)
        value = (raw * sd + mean).cast(pl.Float64).round(3 if key.startswith("bmd_") else 1)
        # the last digits of the weight decide who was scanned: every site of the same people
        return pl.when((pl.col("weight_kg") * 10 % 10) < 10 * _SCANNED).then(value)
    low, high = variable.low or 0.0, variable.high or 100.0
    mean, sd, blank = _NUMBERS.get(key, ((low + high) / 2, (high - low) / 12, 0.9))
    value = (raw * sd + mean).cast(pl.Float64).clip(low, high)
    value = value.round(0) if key in _WHOLE else value.round(2)
    # unknown for the people whose tenths of a millimetre fall into the gap
    gap = (pl.col("height_cm") * 1000 % 97) < blank * 97
    return _of_sex(variable, pl.when(~gap).then(value))


def _of_sex(variable: Variable, value: pl.Expr) -> pl.Expr:
    return value if variable.sex is None else pl.when(pl.col("sex") == variable.sex).then(value)


def _beside(name: str) -> pl.Expr:
    """A qualifier beside a value: device or reference database; false for `assumed`."""
    key, _, part = name.partition("__")
    if part == "assumed":
        return pl.lit(value=False).alias(name)
    if part == "age_d":
        return pl.when(pl.col(key).is_not_null()).then(pl.lit(200, dtype=pl.Int32)).alias(name)
    at = 0 if part == "device" else 1
    woman, man = (_REFERENCE[sex][at] for sex in ("female", "male"))
    word = pl.when(pl.col("sex") == "female").then(pl.lit(woman)).otherwise(pl.lit(man))
    return pl.when(pl.col(key).is_not_null()).then(word).alias(name)


@cache
def _rate(key: str) -> float:
    table = assumptions()["yes_no"].get(key)
    if table is None:
        return _YES
    rates: list[float] = list(table["rate"].values())
    return sum(rates) / len(rates) * (_rate(table["requires"]) if "requires" in table else 1.0)


def _blank(key: str) -> float:
    return float(assumptions()["missing"]["question"].get(key, _BLANK))


CSV_MAPPING = """\
[source]
sender = "benchmark"
[person]
id = "person"
[dates]
effective = "date"
[columns]
"sex" = { variable = "sex", values = { "1" = "male", "2" = "female" } }
"born" = { variable = "birth_date" }
"height" = { variable = "height_cm", unit = "cm" }
"weight" = { variable = "weight_kg", unit = "kg" }
"sbp" = { variable = "sbp_mmhg", unit = "mm[Hg]" }
"dbp" = { variable = "dbp_mmhg", unit = "mm[Hg]" }
"falls" = { variable = "falls_12m" }
"smoking" = { variable = "smoking_level", values = { "0" = "non", "1" = "ex", "2" = "light", \
"3" = "moderate", "4" = "heavy" } }
"alcohol" = { variable = "alcohol_units_per_day" }
"hypertension" = { variable = "hypertension", values = { "1" = true, "2" = false } }
"diabetes" = { variable = "diabetes_type2", values = { "1" = true, "2" = false } }
"stroke" = { variable = "stroke", values = { "1" = true, "2" = false } }
"ra" = { variable = "rheumatoid_arthritis", values = { "1" = true, "2" = false } }
"steroid" = { variable = "glucocorticoid_current", values = { "1" = true, "2" = false } }
"hip_fracture" = { variable = "fragility_fracture_hip", values = { "1" = true, "2" = false } }
"parent_hip" = { variable = "parent_hip_fracture", values = { "1" = true, "2" = false } }
"creatinine" = { variable = "creatinine_umol_l", unit = "mg/dL" }
"calcium" = { variable = "calcium_mmol_l", unit = "mmol/L" }
"""
"""Mapping of the file that `write_csv` writes: id, date and 18 variables."""


def write_csv(n_rows: int, path: Path, *, seed: int = 1, size: int = BATCH) -> int:
    """Write a 20-column CSV of `n_rows` visits, with its mapping file beside it (`.toml`).

    Returns
    -------
    int
        Bytes written.
    """
    path.with_suffix(".toml").write_text(CSV_MAPPING, encoding="utf-8")
    rng = np.random.default_rng(seed)
    with path.open("wb") as file:
        for first in range(0, n_rows, size):
            rows = min(size, n_rows - first)
            _visits(rng, rows, first).write_csv(file, include_header=first == 0)
    return path.stat().st_size


def _visits(rng: np.random.Generator, n: int, first: int) -> pl.DataFrame:
    def normal(mean: float, sd: float, digits: int) -> pl.Series:
        drawn = rng.standard_normal(n, dtype=np.float32).astype(np.float64) * sd + mean
        return pl.Series(np.round(drawn, digits))

    def choice(*shares: float) -> pl.Series:
        edges = np.cumsum(shares) / sum(shares) * _FULL
        return pl.Series(np.searchsorted(edges, rng.integers(0, _FULL, n, dtype=np.uint16)))

    day = pl.date(2025, 1, 1)
    frame = pl.DataFrame(
        {
            "person": pl.select(pl.format("R{}", pl.int_range(first, first + n))).to_series(),
            "day": choice(*([1] * 365)),
            "sex": choice(43, 57) + 1,
            "age_d": pl.Series(rng.integers(50 * 365, 92 * 365, n)),
            "height": normal(158.0, 8.0, 1).clip(125, 195),
            "weight": normal(60.0, 10.0, 1).clip(30, 120),
            "sbp": normal(134, 16, 0).clip(70, 240).cast(pl.Int32),
            "dbp": normal(77, 10, 0).clip(35, 140).cast(pl.Int32),
            "falls": choice(82, 12, 4, 2),
            "smoking": choice(72, 12, 5, 6, 5),
            "alcohol": normal(0.2, 1.2, 1).clip(0, 15),
            **{
                name: choice(rate, 1 - rate) + 1
                for name, rate in (
                    ("hypertension", 0.5),
                    ("diabetes", 0.18),
                    ("stroke", 0.04),
                    ("ra", 0.01),
                    ("steroid", 0.01),
                    ("hip_fracture", 0.01),
                    ("parent_hip", 0.03),
                )
            },
            "creatinine": normal(0.8, 0.15, 2).clip(0.3, 3),
            "calcium": normal(2.29, 0.09, 2).clip(1.6, 3),
        }
    )
    gaps = ("creatinine", "calcium", "parent_hip", "alcohol")
    return frame.with_columns(
        (day + pl.duration(days=pl.col("day"))).alias("date"),
        (day - pl.duration(days=pl.col("age_d"))).alias("born"),
        *(pl.when(pl.col("age_d") % 7 > at).then(pl.col(name)) for at, name in enumerate(gaps)),
    ).select("person", "date", "sex", "born", *frame.columns[4:])
