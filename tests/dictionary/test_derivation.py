"""Derived variables: compiled, ordered, and three-valued."""

from __future__ import annotations

import polars as pl
import pytest

from careloop.dictionary import Text, Variable, load
from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.derivation import derivation_order
from careloop.error import ConfigError

TYPES = {
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "code": pl.String(),
    "date": pl.Date(),
    "text": pl.String(),
}


def _variable(key: str, derive: str = "") -> Variable:
    return Variable(key=key, kind="boolean", label=Text(key, key), group="g", derive=derive)


def _value(key: str, **values: object) -> object:
    """What the dictionary's derivation of `key` says of one person."""
    dictionary = load()
    names = names_in(dictionary[key].derive)
    frame = pl.DataFrame(
        {name: [values.get(name)] for name in names},
        schema={name: TYPES[dictionary[name].kind] for name in names},
    )
    assert set(values) <= set(names)
    return frame.select(condition(dictionary[key].derive)).item()


@pytest.mark.parametrize("key", list(derivation_order(load())))
def test_every_derivation_compiles_to_its_own_kind(key: str) -> None:
    dictionary = load()
    schema = {name: TYPES[dictionary[name].kind] for name in derivation_order(dictionary)[key]}
    result = pl.DataFrame(schema=schema).select(condition(dictionary[key].derive).alias(key))
    assert result.schema[key] == TYPES[dictionary[key].kind]


@pytest.mark.parametrize("key", list(derivation_order(load())))
def test_a_derivation_knows_nothing_from_nothing(key: str) -> None:
    assert _value(key) is None


def test_every_derivation_follows_what_it_reads() -> None:
    order = list(derivation_order(load()))
    for place, (key, names) in enumerate(derivation_order(load()).items()):
        assert names, key
        assert all(name not in order or order.index(name) < place for name in names), key


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("bmi_kg_m2", {"weight_kg": 60.0, "height_cm": 160.0}, 23.4375),
        ("bmi_kg_m2", {"weight_kg": 60.0}, None),
        ("calcium_corrected_mmol_l", {"calcium_mmol_l": 2.10, "albumin_g_l": 30.0}, 2.30),  # §2
        ("height_loss_cm", {"height_peak_cm": 162.0, "height_cm": 158.5}, 3.5),
        ("height_loss_over_3cm", {"height_loss_cm": 3.0}, False),
        ("height_loss_over_3cm", {"height_loss_cm": 3.1}, True),
        ("fall_12m", {"falls_12m": 1.0}, True),
        ("fall_12m", {"falls_12m": 0.0}, False),
        ("falls_recurrent", {"falls_12m": 1.0}, False),
        ("smoking_current", {"smoking_status": "former"}, False),
        ("smoking_ever", {"smoking_status": "former"}, True),
        ("smoking_ever", {"smoking_status": "never"}, False),
        ("ra_or_sle", {"rheumatoid_arthritis": False}, None),  # unknown is not no
        ("ra_or_sle", {"rheumatoid_arthritis": True}, True),
        ("ra_or_sle", {"rheumatoid_arthritis": False, "sle": False}, False),
        ("cardiovascular_disease", {"stroke": True}, True),
        ("cardiovascular_disease", {"stroke": False, "myocardial_infarction": False}, None),
        ("falls_history", {"fall_12m": False, "falls_recurrent": False}, None),
        ("parent_hip_fracture", {"mother_hip_fracture": False}, None),
        ("hba1c_pct", {"hba1c_mmol_mol": 53.0}, 7.0),  # NGSP: 53 mmol/mol is 7.0 %
        ("postmenopausal", {"menopause_age_y": 50.0, "age_y": 70.0}, True),
        ("postmenopausal", {"age_y": 70.0}, None),
    ],
)
def test_derivations_against_known_answers(
    key: str, values: dict[str, object], expected: object
) -> None:
    found = _value(key, **values)
    assert found == (pytest.approx(expected, abs=5e-3) if isinstance(expected, float) else expected)


def test_any_fragility_fracture_is_one_and_none_needs_all_six() -> None:
    names = derivation_order(load())["fragility_fracture"]
    assert len(names) == 6
    for name in names:
        assert _value("fragility_fracture", **{name: True}) is True
        assert _value("fragility_fracture", **{name: False}) is None
    assert _value("fragility_fracture", **dict.fromkeys(names, False)) is False


def test_a_missing_name_and_a_circle_are_refused() -> None:
    with pytest.raises(ConfigError, match="'nobody'") as caught:
        derivation_order({"a": _variable("a", "nobody")})
    assert caught.value.where == "[a]"
    circle = {"a": _variable("a", "b"), "b": _variable("b", "c"), "c": _variable("c", "a")}
    with pytest.raises(ConfigError, match="circle"):
        derivation_order(circle)
    del circle["c"]
    circle["c"] = _variable("c")
    assert derivation_order(circle) == {"b": ("c",), "a": ("b",)}


def test_names_are_columns_only() -> None:
    sql = "NOT (sex = 'male' AND abs( age_y ) >= 60) OR t_min IS NULL OR sex = 'a b' OR NULL"
    assert names_in(sql) == ("sex", "age_y", "t_min")
