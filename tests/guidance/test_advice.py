"""Advice as data: reading, three-valued logic, quantities, dates, words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text, Variable
from careloop.error import ConfigError
from careloop.guidance.advice import (
    advice_columns,
    advice_reads,
    advise,
    read_advice,
    undecided,
    withheld,
)

AS_OF = date(2026, 3, 1)
LABEL = '{ zh = "甲", en = "A" }'
FILE = """
guideline = "G"
mark = "A"
[columns]
risk_class = { kind = "code", column = "g_risk_class" }
[terms]
older = "age_y >= 65"
oldest = "older AND age_y >= 80"
[below.weak]
value = "grip"
to = 70
female = [[60, 12], [65, 11]]
male = [[60, 14], [65, 12]]
[quantity.gap_mg]
unit = "mg/d"
step = 100
rounding = "up"
low = 0
high = 600
formulas = [
  { sql = "1000 - diet", basis = { zh = "记录", en = "record" } },
  { sql = "1000 - 400", basis = { zh = "平均", en = "average" }, assumed = true },
]
[quantity.protein_g]
unit = "g/d"
formulas = [{ sql = "1.2 * weight" }]
[[rule]]
key = "calcium"
kind = "supplement"
priority = 40
clause = [{ key = "low", when = "diet < 1000 OR diet IS NULL", label = { zh = "低", en = "low" } }]
stop = [{ key = "high_ca", when = "high_ca", label = { zh = "高钙", en = "high calcium" } }]
caution = [{ key = "stones", when = "stones", label = { zh = "结石", en = "stones" } }]
text = { zh = "补 {gap_mg}（{gap_mg_basis}）", en = "take {gap_mg} ({gap_mg_basis})" }
patient = { zh = "补 {gap_mg}", en = "take {gap_mg}" }
details = { atc = "A12" }
[[rule]]
key = "protein"
kind = "nutrition"
priority = 30
section = "S"
clause = [{ key = "older", when = "older", label = { zh = "老", en = "old" } }]
text = { zh = "{protein_g} 克", en = "{protein_g} g" }
otherwise = { zh = "称重", en = "weigh" }
[[rule]]
key = "weak"
kind = "falls"
due = "30 - days_since(seen_on)"
clause = [{ key = "weak", when = "weak OR risk_class = 'older'", label = { zh = "弱", en = "w" } }]
text = { zh = "练", en = "train" }
measure = ["grip"]
"""


def _number(key: str) -> Variable:
    return Variable(key, "number", Text(f"{key}中", key), "g", unit="1")


WORDS = Dictionary(
    [
        *(_number(key) for key in ("age_y", "diet", "weight", "grip")),
        *(Variable(key, "boolean", Text("甲", key), "g") for key in ("high_ca", "stones")),
        Variable("sex", "code", Text("性别", "sex"), "g"),
        Variable("seen_on", "date", Text("日", "day"), "g"),
    ]
)
TYPES = {"high_ca": pl.Boolean, "stones": pl.Boolean, "seen_on": pl.Date}
TEXTS = ("sex", "g_risk_class")


@pytest.fixture
def write(tmp_path: Path):
    def written(text: str) -> Path:
        file = tmp_path / "advice.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


@pytest.fixture
def rules(write):
    return read_advice(write(FILE), WORDS)


def _row(rules, **facts):
    types = {
        name: TYPES.get(name, pl.String if name in TEXTS else pl.Float64)
        for name in advice_reads(rules)
    }
    types["as_of"] = pl.Date
    values = {name: [facts.get(name)] for name in types} | {"as_of": [AS_OF]}
    frame = pl.DataFrame(values, schema=types, strict=False)
    return frame.with_columns(advice_columns(rules)).row(0, named=True)


def _items(rules, **facts):
    return {item.key: item for item in advise(_row(rules, **facts), rules, AS_OF)}


@pytest.mark.parametrize(
    ("diet", "shown", "basis", "assumed"),
    [(700, 300, "record", False), (701, 300, "record", False), (699, 400, "record", False),
     (0, 600, "record", False), (None, 600, "average", True)],
)  # fmt: skip
def test_the_first_known_formula_is_used_bounded_rounded_and_named(
    rules, diet, shown, basis, assumed
):
    item = _items(rules, diet=diet, high_ca=False)["calcium"]
    assert item.text.en == f"take {shown} ({basis})"
    assert item.patient == Text(f"补 {shown}", f"take {shown}")
    expected = {"value": shown, "unit": "mg/d", "assumed": assumed}
    assert item.details == {"atc": "A12", "quantities": {"gap_mg": expected}}


def test_a_stop_forbids_and_an_unknown_stop_must_be_checked_first(rules):
    assert _items(rules, diet=500.0, high_ca=False)["calcium"].after_checking == ()
    assert _items(rules, diet=500.0)["calcium"].after_checking == ("high_ca",)
    row = _row(rules, diet=500.0, high_ca=True)
    assert "calcium" not in {item.key for item in advise(row, rules, AS_OF)}
    (kept,) = withheld(row, rules)
    assert (kept.key, kept.because[0].text.en) == ("calcium", "high calcium")
    assert kept.text.en == "take 500 (record)"
    assert withheld(_row(rules, diet=1000.0, high_ca=True), rules) == []


def test_cautions_reasons_and_order(rules):
    row = _row(rules, diet=1.0, high_ca=False, stones=True, age_y=70.0, weight=70.0)
    items = advise(row, rules, AS_OF)
    assert [item.key for item in items] == ["protein", "calcium"]
    assert [caution.key for caution in items[1].cautions] == ["stones"]
    (reason,) = items[0].because
    assert (reason.key, reason.source, reason.mark) == ("older", "G · S", "A")


def test_an_unknown_quantity_is_said_otherwise(rules):
    item = _items(rules, age_y=65.0)["protein"]
    assert (item.text.zh, item.after_checking) == ("称重", ())
    item = _items(rules, age_y=65.0, weight=70.0)["protein"]
    assert (item.text.zh, item.after_checking) == ("84 克", ())  # 1.2 * 70 is not 85
    assert "protein" not in _items(rules, age_y=64.0, weight=70.0)


@pytest.mark.parametrize(
    ("sex", "age", "grip", "weak"),
    [("female", 60, 11.9, True), ("female", 60, 12, False), ("female", 64.9, 11.9, True),
     ("female", 65, 11, False), ("male", 65, 11.9, True), ("male", 65, 12, False),
     ("female", 59, 1, None), ("female", 70, 1, None), ("female", 65, None, None),
     (None, 65, 1, None), ("male", None, 1, None)],
)  # fmt: skip
def test_the_table_by_age_and_sex_knows_its_limits(rules, sex, age, grip, weak):
    row = _row(rules, sex=sex, age_y=age, grip=grip, g_risk_class="other")
    assert row["advice_weak"] is weak
    assert ("weak" in undecided(row, rules)) == (weak is None)


def test_what_is_unknown_is_listed(rules):
    open_ = undecided(_row(rules, age_y=65.0), rules)
    assert open_ == {"weak": ("sex", "grip", "g_risk_class", "seen_on")}


@pytest.mark.parametrize(
    ("seen", "due"),
    [(date(2026, 2, 28), date(2026, 3, 30)), (date(2026, 1, 30), AS_OF), (date(2025, 1, 1), AS_OF),
     (None, None)],
)  # fmt: skip
def test_a_date_that_has_passed_is_due_now(rules, seen, due):
    item = _items(rules, g_risk_class="older", seen_on=seen)["weak"]
    assert item.due_on == due
    assert [label.en for label in item.checks] == ["grip"]


def test_a_table_and_a_person_agree(rules):
    rows = [{"diet": 900.0}, {"age_y": 70.0, "high_ca": True}, {"g_risk_class": "older"}]
    alone = [_items(rules, **row) for row in rows]
    names = [*advice_reads(rules), "as_of"]
    table = pl.DataFrame([{n: _row(rules, **row)[n] for n in names} for row in rows])
    frame = table.cast({n: TYPES.get(n, pl.String if n in TEXTS else pl.Float64)
                        for n in names if n != "as_of"})  # fmt: skip
    frame = frame.with_columns(advice_columns(rules))
    together = [advise(row, rules, AS_OF) for row in frame.iter_rows(named=True)]
    assert [{item.key: item for item in items} for items in together] == alone


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('when = "older"', 'when = "younger"', "nobody declares 'younger'"),
        ('when = "older"', 'when = "older AND"', "not a SQL condition"),
        ('when = "older"', 'when = "CASE WHEN older THEN 1 END"', "CASE takes unknown for no"),
        ('kind = "falls"', 'kind = "fall"', "kind 'fall'"),
        ('en = "{protein_g} g"', 'en = "g"', "in one language only"),
        ('en = "train"', 'en = ""', "not in both languages"),
        ('zh = "称重"', 'zh = "称{protein_g}"', "in one language only"),
        ('[quantity.protein_g]', '[quantity.protein]', "no quantity 'protein_g'"),
        ('unit = "g/d"', 'unit = "克"', "not a UCUM unit"),
        ('key = "weak"\nkind', 'key = "protein"\nkind', "stands twice"),
        ('due = ', 'do = ', "no setting ['do']"),
        ('measure = ["grip"]', 'measure = ["grasp"]', "no variable 'grasp'"),
        ('[terms]', '[term]', "no setting ['term']"),
        ('guideline = "G"', 'guideline = G', "Invalid value"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_naming_itself(write, old, new, problem):
    assert old in FILE
    with pytest.raises(ConfigError) as caught:
        read_advice(write(FILE.replace(old, new, 1)), WORDS)
    assert problem in str(caught.value)


def test_another_guidelines_column_can_be_read(write):
    rules = read_advice(write(FILE), WORDS, columns={"risk_class": "other_risk_class"})
    assert "other_risk_class" in advice_reads(rules)
    assert "g_risk_class" not in advice_reads(rules)
