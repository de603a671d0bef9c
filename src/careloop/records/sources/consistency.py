"""What two cells of one row say about each other: swapped, contradicting, of the wrong sex.

Neither cell of a contradicting pair is taken: nobody but the sender can say which one is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from careloop.dictionary.variable import Variable
from careloop.records.finding import declare
from careloop.records.mapping import Rule, TableMapping
from careloop.records.sources.column import Parsed, keep

SWAPPED = declare(
    "T150",
    "error",
    zh="身高与体重可能填反",
    en="height and weight are probably exchanged",
    remedy_zh="核对后互换两格",
    remedy_en="check, and exchange the two cells",
)
SEX_MISMATCH = declare(
    "T151",
    "error",
    zh="该项只适用于另一性别",
    en="this applies to the other sex only",
    remedy_zh="核对性别，或清空该格",
    remedy_en="check the sex, or empty the cell",
)
AGE_CONTRADICTS = declare(
    "T152",
    "error",
    zh="年龄与出生日期矛盾",
    en="age and birth date contradict each other",
    remedy_zh="核对两格，改正其一",
    remedy_en="check both and mend one",
)
COLUMNS_CONTRADICT = declare(
    "T153",
    "error",
    zh="两列对同一项的说法矛盾",
    en="two columns say different things about the same variable",
    remedy_zh="核对两列，改正其一",
    remedy_en="check both columns and mend one",
)
BEFORE_BIRTH = declare(
    "T154",
    "error",
    zh="日期早于出生日期",
    en="a date before the birth date",
    remedy_zh="核对该日期与出生日期",
    remedy_en="check this date and the birth date",
)

_AGE_OVER_Y, _AGE_UNDER_Y = 2, 1
"""Recorded age may exceed the age in full years by 2 (虚岁 counts from 1 and from New Year) and
may be 1 behind (the age at an earlier visit of the year)."""


@dataclass(slots=True)
class RuleReading:
    """One rule and what it read in the chunk."""

    rule: Rule
    parsed: Parsed


def check_rows(
    readings: list[RuleReading],
    mapping: TableMapping,
    dictionary: Mapping[str, Variable],
    effective_at: pl.Series,
) -> None:
    """Take back the cells of `readings` that another cell of their row contradicts."""
    by_key: dict[str, list[RuleReading]] = {}
    for reading in readings:
        by_key.setdefault(reading.rule.variable.key, []).append(reading)
    if "height_cm" in by_key and "weight_kg" in by_key and "bmi_kg_m2" in dictionary:
        _swapped(by_key["height_cm"][0], by_key["weight_kg"][0], dictionary["bmi_kg_m2"])
    for same in by_key.values():
        for at, first in enumerate(same):
            for second in same[at + 1 :]:
                _conflict(first, second)
    birth = by_key["birth_date"][0].parsed if "birth_date" in by_key else None
    if birth is not None and birth.at is not None:
        if "age_y" in by_key:
            _age(by_key["age_y"][0].parsed, birth, effective_at)
        for reading in readings:
            if reading.parsed.at is not None and reading.parsed is not birth:
                _refuse(reading.parsed, reading.parsed.at < birth.at, BEFORE_BIRTH)
    _sex(readings, by_key, mapping)


def _refuse(parsed: Parsed, mask: pl.Series, code: str) -> None:
    mask = mask.fill_null(value=False)
    if mask.any():
        parsed.refuse(mask, code)


def _swapped(height: RuleReading, weight: RuleReading, bmi: Variable) -> None:
    tall, heavy = height.parsed.number, weight.parsed.number
    if tall is None or heavy is None or height.rule.effective != weight.rule.effective:
        return

    def plausible(height_number: pl.Series, weight_number: pl.Series) -> pl.Series:
        """Whether both, and the body-mass index they give, lie in their ranges."""
        cm, kg = _converted(height_number, height.rule), _converted(weight_number, weight.rule)
        inside = _inside(cm, height.rule.variable) & _inside(kg, weight.rule.variable)
        return inside & _inside(kg / (cm * cm) * 10_000, bmi)

    odd = ~plausible(tall, heavy)
    if odd.any():
        mask = odd & plausible(heavy, tall)
        _refuse(height.parsed, mask, SWAPPED)
        _refuse(weight.parsed, mask, SWAPPED)


def _converted(number: pl.Series, rule: Rule) -> pl.Series:
    return number * rule.conversion.factor + rule.conversion.offset


def _inside(series: pl.Series, variable: Variable) -> pl.Series:
    low = float("-inf") if variable.low is None else variable.low
    high = float("inf") if variable.high is None else variable.high
    return (series >= low) & (series <= high)


def _conflict(first: RuleReading, second: RuleReading) -> None:
    same = first.rule.effective == second.rule.effective
    if same and first.rule.context == second.rule.context:
        mask = (first.parsed.value != second.parsed.value).fill_null(value=False)
        if mask.any():
            first.parsed.refuse(mask, COLUMNS_CONTRADICT)
            second.parsed.refuse(mask, COLUMNS_CONTRADICT)


def _age(age: Parsed, birth: Parsed, effective_at: pl.Series) -> None:
    frame = pl.DataFrame({"birth": birth.at, "at": effective_at, "age": age.value})
    years = (
        pl.col("at").dt.year()
        - pl.col("birth").dt.year()
        - (
            (pl.col("at").dt.month() * 100 + pl.col("at").dt.day())
            < (pl.col("birth").dt.month() * 100 + pl.col("birth").dt.day())
        ).cast(pl.Int32)
    )
    over = pl.col("age").floor() - years
    mask = frame.select((over > _AGE_OVER_Y) | (over < -_AGE_UNDER_Y)).to_series()
    _refuse(age, mask, AGE_CONTRADICTS)
    _refuse(birth, mask, AGE_CONTRADICTS)


def _sex(
    readings: list[RuleReading], by_key: dict[str, list[RuleReading]], mapping: TableMapping
) -> None:
    assumed = {variable.key: value for variable, value in mapping.assumed}
    if "sex" in by_key:
        sex = by_key["sex"][0].parsed.value
    elif "sex" in assumed and readings:
        length = len(readings[0].parsed.value)
        sex = pl.Series([str(assumed["sex"])]).new_from_index(0, length)
    else:
        return
    for reading in readings:
        variable, parsed = reading.rule.variable, reading.parsed
        if variable.sex is None:
            continue
        other = (sex != variable.sex).fill_null(value=False) & parsed.value.is_not_null()
        if not other.any():
            continue
        if variable.kind == "boolean":  # "no" about the other sex says nothing: as if not asked
            parsed.value = keep(parsed.value, ~(other & (parsed.value == 0)))
            other &= parsed.value.is_not_null()
        _refuse(parsed, other, SEX_MISMATCH)
