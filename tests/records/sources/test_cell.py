"""One cell: what it says, what is refused; and the fast column reader against the slow one."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.units import conversion
from careloop.dictionary.variable import Text, Variable
from careloop.records.finding import FINDINGS
from careloop.records.mapping import IDENTITY, MISSING, Rule
from careloop.records.sources.cell import (
    DATE_AMBIGUOUS,
    DATE_NONE,
    DATE_PARTIAL,
    DATE_SHORT_YEAR,
    DECIMAL_COMMA,
    NOT_UNDERSTOOD,
    UNIT_IN_CELL,
    UNIT_UNKNOWN,
    UNIT_WRONG,
    UNKNOWN_VALUE,
    read_cell,
    read_date,
    tidy,
)
from careloop.records.sources.column import OUT_OF_RANGE, ColumnReader


def rule(variable: Variable, **settings: object) -> Rule:
    return Rule(columns=("x",), variable=variable, **settings)  # type: ignore[arg-type]


def number(text: str, variable: Variable, **settings: object) -> float | str | None:
    """The value in the variable's unit, or the finding."""
    cell = read_cell(text, rule(variable, **settings))
    if cell.fault:
        return cell.fault
    return None if cell.value is None else round(float(cell.value) * cell.factor + cell.offset, 9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60", 60), (" 60.5 ", 60.5), ("６０．５", 60.5), ("+60", 60), ("6e1", 60), (".5", 0.5),
        ("60kg", 60), ("60 公斤", 60), ("120斤", 60), ("60000 g", 60), ("１２０斤", 60),
        ("1,234.5", 1234.5), ("1,234,567", 1234567),
        ("1,234", DECIMAL_COMMA), ("60,5", DECIMAL_COMMA), ("60,5 kg", DECIMAL_COMMA),
        ("60cm", UNIT_WRONG), ("60 years", UNIT_WRONG), ("60 foo", UNIT_UNKNOWN),
        ("6 0kg", UNIT_UNKNOWN), ("<60", NOT_UNDERSTOOD), ("60-70", UNIT_UNKNOWN),
        ("1.2.3", NOT_UNDERSTOOD), ("1,23,4", NOT_UNDERSTOOD), ("inf", NOT_UNDERSTOOD),
        ("nan", NOT_UNDERSTOOD), ("1e999", NOT_UNDERSTOOD), ("abc", NOT_UNDERSTOOD),
        ("", None), ("  ", None), ("NA", None), ("na", None), ("ＮＡ", None), ("未查", None),
    ],
)  # fmt: skip
def test_numbers_and_units_in_cells(small_dictionary: Dictionary, text, expected):
    assert number(text, small_dictionary["weight_kg"]) == expected


def test_units_that_need_more_than_a_factor(small_dictionary: Dictionary):
    height, calcium = small_dictionary["height_cm"], small_dictionary["calcium_mmol_l"]
    assert number("1.62 m", height) == 162
    assert number("1米62", height) == 162
    assert number("1米6", height) == 160
    assert number("64 in", height) in (162.56, UNIT_UNKNOWN)
    assert number("10 mg/dL", calcium) == pytest.approx(100 / 40.078)
    assert number("98.6 [degF]", small_dictionary["temperature_c"]) == pytest.approx(37)
    assert number("2次", small_dictionary["falls_12m"]) == 2


def test_declared_decimal_comma(small_dictionary: Dictionary):
    weight = small_dictionary["weight_kg"]
    assert number("60,5", weight, decimal=",") == 60.5
    assert number("1.060,5", weight, decimal=",") == 1060.5
    assert number("60", weight, decimal=",") == 60
    assert number("60.5", weight, decimal=",") == NOT_UNDERSTOOD


def test_values_and_missing_codes_compare_as_text_and_number(small_dictionary: Dictionary):
    sex = rule(
        small_dictionary["sex"],
        values={"1": "male", "2": "female", "Ｆ": "female"},
        missing=(*MISSING, "9"),
    )
    assert [read_cell(text, sex).value for text in ("1", "1.0", "01", "f", "9.0", "９")] == [
        "male", "male", "male", "female", None, None
    ]  # fmt: skip
    assert read_cell("3", sex).fault == UNKNOWN_VALUE
    assert read_cell("女", sex).fault == UNKNOWN_VALUE  # declared values are the whole list
    negative = rule(small_dictionary["fracture_prior"], values={"-": False, "+": True})
    assert read_cell("-", negative).value == 0  # declared, so not missing


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("是 有 yes Y TRUE 1 1.0 １", 1),
        ("否 无 没有 no N false 0 0.0", 0),
        ("未查 不详 NA", None),
    ],
)  # fmt: skip
def test_booleans(small_dictionary: Dictionary, texts, expected):
    for text in texts.split():
        cell = read_cell(text, rule(small_dictionary["fracture_prior"]))
        assert (cell.value, cell.fault) == (expected, ""), text


def test_words_for_yes_and_no_are_for_booleans_only(small_dictionary: Dictionary):
    assert read_cell("maybe", rule(small_dictionary["fracture_prior"])).fault == UNKNOWN_VALUE
    assert read_cell("2", rule(small_dictionary["fracture_prior"])).fault == UNKNOWN_VALUE
    assert read_cell("无", rule(small_dictionary["weight_kg"])).fault == NOT_UNDERSTOOD
    assert read_cell("无", rule(small_dictionary["name"])).value == "无"


def test_codes_by_key_or_label(small_dictionary: Dictionary):
    for text in ("female", "Female", "女"):
        assert read_cell(text, rule(small_dictionary["sex"])).value == "female"
    assert read_cell("x", rule(small_dictionary["sex"])).fault == UNKNOWN_VALUE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31"), ("2024/1/3", "2024-01-03"), ("2024.1.3", "2024-01-03"),
        ("2024年1月3日", "2024-01-03"), ("２０２４年１月３日", "2024-01-03"),
        ("20240131", "2024-01-31"), ("20240131083000", "2024-01-31 08:30"),
        ("2024-01-31 08:30", "2024-01-31 08:30"), ("2024-01-31T08:30:00Z", "2024-01-31 08:30"),
        ("2024-01-31T08:30:00.123+08:00", "2024-01-31 08:30"),
        ("2024-01-31 00:00:00", "2024-01-31"), ("3 Mar 2024", "2024-03-03"),
        ("03MAR2024", "2024-03-03"), ("29-Feb-2024", "2024-02-29"),
        ("2024-02", "2024-02-29"), ("2024年2月", "2024-02-29"), ("2024", "2024-12-31"),
        ("2023-02-29", DATE_NONE), ("2024-13-01", DATE_NONE), ("20241301", DATE_NONE),
        ("03/04/2020", DATE_AMBIGUOUS), ("3-4-2020", DATE_AMBIGUOUS),
        ("25/12/2020", DATE_AMBIGUOUS), ("03/04/20", DATE_SHORT_YEAR),
        ("20-03-04", DATE_SHORT_YEAR), ("20年3月4日", DATE_SHORT_YEAR), ("soon", DATE_NONE),
        ("43831", DATE_NONE), ("1066-10-14", DATE_NONE), ("0000-00-00", DATE_NONE),
    ],
)  # fmt: skip
def test_dates(text, expected):
    cell = read_date(tidy(text))
    if cell.at is None:
        assert cell.fault == expected
    else:
        assert cell.at == datetime.fromisoformat(expected)
        assert bool(cell.note) == (len(tidy(text)) < 8)
        assert cell.note in ("", DATE_PARTIAL)


def test_declared_formats_settle_ambiguous_dates():
    assert read_date("03/04/2020", ("%d/%m/%Y",)).at == datetime(2020, 4, 3)
    assert read_date("03/04/2020", ("%m/%d/%Y",)).at == datetime(2020, 3, 4)
    assert read_date("43831", ("excel",)).at == datetime(2020, 1, 1)
    assert read_date("43831.5", ("excel",)).at == datetime(2020, 1, 1, 12)
    assert read_date("2020-01-02", ("%d/%m/%Y",)).at == datetime(2020, 1, 2)


# --- the fast twin

_NUMBERS = st.one_of(
    st.floats(allow_nan=True).map(repr),
    st.integers(-300, 3000).map(str),
    st.sampled_from(
        ["60kg", "1.7m", "120斤", "9", "9.0", "NA", "-", "", " 7 ", "1,234", "６０", "1_0"]
    ),
)
_TEXTS = st.text(max_size=12)
_DATES = st.one_of(
    st.dates().map(str),
    st.datetimes().map(str),
    st.datetimes().map(lambda at: at.strftime("%Y-%m-%d %H:%M:%S")),
    st.dates().map(lambda day: day.strftime("%Y/%m/%d")),
    st.dates().map(lambda day: day.strftime("%Y%m%d")),
    st.sampled_from(
        ["03/04/2020", "2020年1月2日", "2020-1-2", "2020", "NA", "2020-02-30", "20200230"]
    ),
)
_WORDS = st.sampled_from(
    ["1", "1.0", "2", "9", "是", "否", "Yes", "NA", "", "女", "male", "x", "-"]
)

_SEXES = {"female": Text("女", "female"), "male": Text("男", "male")}


def _variable(kind: str, unit: str = "", **settings: object) -> Variable:
    return Variable("x", kind, Text("x", "x"), "test", unit, **settings)  # type: ignore[arg-type]


RULES = {
    "number": (rule(_variable("number", "kg", low=20, high=250)), _NUMBERS),
    "converted": (
        rule(_variable("number", "cm", low=100, high=220), unit="m",
             conversion=conversion("m", "cm"), missing=(*MISSING, "9")),
        _NUMBERS,
    ),
    "declared number": (
        rule(_variable("number", "1"), values={"9": 0.0, "NA": 1.0}, missing=(*MISSING, "7")),
        _NUMBERS,
    ),
    "decimal comma": (rule(_variable("number", "kg"), decimal=","), _NUMBERS),
    "boolean": (rule(_variable("boolean")), _WORDS),
    "declared boolean": (rule(_variable("boolean"), values={"1": True, "2": False}), _WORDS),
    "code": (rule(_variable("code", values=_SEXES)), _WORDS),
    "declared code": (
        rule(_variable("code", values=_SEXES), values={"1": "male"}, missing=("", "9")), _WORDS,
    ),
    "date": (rule(_variable("date")), _DATES),
    "formatted date": (rule(_variable("date"), formats=("%d/%m/%Y",)), _DATES),
    "text": (rule(_variable("text")), _WORDS),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_column_equals_one_cell_at_a_time(name):
    one_rule, cells = RULES[name]

    @given(st.lists(st.one_of(st.none(), cells, _TEXTS), min_size=1, max_size=30))
    @example(["60", None, " 60 ", "inf", "nan", "1e400", "-0"])
    def check(column: list[str | None]) -> None:
        parsed = ColumnReader(one_rule).read(pl.Series(column, dtype=pl.String))
        for at, text in enumerate(column):
            value, fault, changed = slowly(text, one_rule)
            assert parsed.value[at] == value, text
            assert (parsed.fault[at] if parsed.fault is not None else None) == fault, text
            raw = parsed.raw[at] if parsed.raw is not None else None
            assert (raw if value is not None else None) == (text if changed else None), text

    check()


def slowly(text: str | None, one_rule: Rule) -> tuple[float | str | None, str | None, bool]:
    """Value, finding, and whether the value is not simply what stands in the cell."""
    if text is None:
        return None, None, False
    cell = read_cell(text, one_rule)
    value = cell.value
    if value is not None and one_rule.variable.kind == "number":
        low, high = one_rule.variable.low, one_rule.variable.high
        if (cell.factor, cell.offset) != (1, 0):
            exact = float(value) * cell.factor + cell.offset
            value = pl.select(pl.lit(exact).round(10)).item()
        if (low is not None and value < low) or (high is not None and value > high):
            return None, OUT_OF_RANGE, False
    changed = cell.changed and value is not None
    if one_rule.conversion != IDENTITY and value is not None and not one_rule.values:
        assert changed
    if one_rule.variable.kind == "date" and value is not None:
        changed = value != text
    return value, cell.fault or None, changed


@given(st.text(), st.sampled_from(list(RULES.values())))
def test_noise_never_raises(text, one):
    cell = read_cell(text, one[0])
    assert cell.fault == "" or cell.fault in FINDINGS
    assert not (cell.fault and cell.value is not None)


def test_unit_annotations_are_told(small_dictionary: Dictionary):
    assert read_cell("60kg", rule(small_dictionary["weight_kg"])).note == UNIT_IN_CELL
    assert read_cell("60", rule(small_dictionary["weight_kg"])).note == ""
