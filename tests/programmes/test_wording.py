"""Words for columns, values, units and conditions."""

from __future__ import annotations

from datetime import date

import pytest

from careloop.dictionary.catalogue import load
from careloop.programmes.programme import programme
from careloop.programmes.wording import Wording, printed_number, printed_unit


@pytest.fixture(params=["zh", "en"])
def wording(request):
    return Wording(load(), programme("osteoporosis"), language=request.param)


@pytest.mark.parametrize(
    ("column", "value", "zh", "en"),
    [
        ("age_y", 72.0, "72 岁", "72 years"),
        ("weight_kg", 61.25, "61.2 kg", "61.2 kg"),
        ("bmi_kg_m2", 22.0, "22 kg/m²", "22 kg/m²"),
        ("sex", "female", "女", "Female"),
        ("fragility_fracture_hip", True, "是", "yes"),
        ("fragility_fracture_hip", False, "否", "no"),
        ("fragility_fracture_hip", None, "未知", "not known"),
        ("t_lowest", -3.0, "−3.0", "−3.0"),
        ("t_femoral_neck", -2.46, "−2.46", "−2.46"),
        ("t_femoral_neck", -0.12345, "−0.12", "−0.12"),
        ("qfracture_mof_10y", 12.345, "12.3%", "12.3%"),
        ("diagnosis", "osteoporosis", "骨质疏松症", "osteoporosis"),
        ("next_step", "complete_data", "补全资料后再评估", "complete the data, then assess again"),
        ("birth_date", date(1950, 1, 2), "1950-01-02", "1950-01-02"),
        ("sex", "unheard of", "unheard of", "unheard of"),
    ],
)
def test_values(wording, column, value, zh, en):
    assert wording.value(column, value) == {"zh": zh, "en": en}[wording.language]


@pytest.mark.parametrize(
    ("sql", "zh", "en"),
    [
        ("t_lowest IS NOT NULL", "最低 T 值已知", "lowest T-score is known"),
        ("osta IS NULL", "OSTA未知", "OSTA is not known"),
        ("sex = 'male' AND age_y >= 70", "性别为男 且 年龄 ≥ 70", "Sex is Male and Age ≥ 70"),
        (
            "NOT (osta <= -1 OR sex <> 'male')",
            "非 (OSTA ≤ −1 或 性别不为男)",
            "not (OSTA ≤ −1 or Sex is not Male)",
        ),
        ("nobody_knows_this > 1.5", "nobody_knows_this > 1.5", "nobody_knows_this > 1.5"),
    ],
)
def test_conditions(wording, sql, zh, en):
    assert wording.condition(sql) == {"zh": zh, "en": en}[wording.language]


def test_every_name_in_the_rules_has_words(wording):
    rules = [sql for _, sql in wording.programme.cascade]
    for decision in wording.programme.decisions:
        rules += [clause.sql for outcome in decision.outcomes for clause in outcome.clauses]
    for sql in rules:
        assert "_" not in wording.condition(sql), sql


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (-0.0, "0"), (1e6, "1,000,000"), (0.00004, "0"), (99.96, "100"), (123.4, "123")],
)
def test_numbers(value, said):
    assert printed_number(value) == said


def test_every_unit_of_the_dictionary_prints_without_ucum_signs():
    for variable in load().values():
        assert not set("{}[]*") & set(printed_unit(variable.unit)), variable.key
