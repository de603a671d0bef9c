"""UCUM against `ucumvert`, and conversions against known answers."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ucumvert import PintUcumRegistry

from careloop.dictionary import load
from careloop.dictionary.units import (
    _PART,
    _PROVEN,
    _WHOLE,
    check_unit,
    conversion,
    is_ucum,
    parse_unit,
)
from careloop.error import ConfigError


def test_units_taken_as_valid_against_ucumvert() -> None:
    registry = PintUcumRegistry()
    for unit in _PROVEN | set(_PART.values()) | set(_WHOLE.values()):
        registry.from_ucum(unit)


def test_loading_the_dictionary_needs_no_unit_parser() -> None:
    assert {variable.unit for variable in load().values()} - {""} <= _PROVEN


@pytest.mark.parametrize(
    ("key", "value", "unit", "expected"),
    [
        ("vitamin_d_25oh_ng_ml", 74.88, "nmol/L", 30.0),  # facts §2: ×2.496
        ("creatinine_umol_l", 1.0, "mg/dL", 88.4),  # facts §3.5
        ("calcium_mmol_l", 10.0, "mg/dL", 2.495),
        ("phosphate_mmol_l", 1.0, "mg/dL", 0.3229),
        ("glucose_mmol_l", 100.0, "mg/dL", 5.551),
        ("urea_mmol_l", 10.0, "mg/dL", 3.57),  # as urea nitrogen
        ("cholesterol_mmol_l", 200.0, "mg/dL", 5.173),
        ("triglycerides_mmol_l", 150.0, "mg/dL", 1.694),
        ("bilirubin_umol_l", 1.0, "mg/dL", 17.10),
        ("urate_umol_l", 6.0, "mg/dL", 356.9),
        ("free_t4_pmol_l", 1.0, "ng/dL", 12.87),
        ("pth_pg_ml", 1.0, "pmol/L", 9.425),
        ("testosterone_nmol_l", 300.0, "ng/dL", 10.40),
        ("weight_kg", 132.2, "[lb_av]", 59.965),
        ("weight_kg", 120.0, "500.g", 60.0),
        ("height_cm", 1.62, "m", 162.0),
        ("height_cm", 64.0, "[in_i]", 162.56),
        ("albumin_g_l", 4.0, "g/dL", 40.0),
        ("haemoglobin_g_l", 13.5, "g/dL", 135.0),
        ("bmd_femoral_neck_g_cm2", 730.0, "mg/cm2", 0.730),
        ("qct_lumbar_mg_cm3", 0.12, "g/cm3", 120.0),
        ("tsh_miu_l", 2.4, "u[IU]/mL", 2.4),
        ("alt_u_l", 40.0, "[IU]/L", 40.0),
        ("sbp_mmhg", 16.0, "kPa", 120.01),
        ("temperature_cel", 98.6, "[degF]", 37.0),
        ("p1np_ug_l", 45.0, "ng/mL", 45.0),
        ("ctx_ng_l", 0.28, "ng/mL", 280.0),
        ("platelets_10_9_l", 250.0, "10*3/uL", 250.0),
        ("sodium_mmol_l", 140.0, "meq/L", 140.0),
        ("gait_speed_m_s", 80.0, "cm/s", 0.8),
        ("menopause_age_y", 600.0, "mo", 50.0),
    ],
)
def test_conversion_against_known_answers(
    key: str, value: float, unit: str, expected: float
) -> None:
    variable = load()[key]
    change = conversion(
        unit,
        variable.unit,
        molar_mass_g_mol=variable.molar_mass_g_mol,
        international_units_per_ug=variable.international_units_per_ug,
    )
    assert change(value) == pytest.approx(expected, rel=5e-4)


def test_international_units_of_a_substance() -> None:
    # vitamin D: 40 IU are 1 µg (facts §4: 10 µg, 400 IU)
    assert conversion("[IU]", "ug", international_units_per_ug=40)(400) == pytest.approx(10)
    assert conversion("ug", "[IU]", international_units_per_ug=40)(10) == pytest.approx(400)
    with pytest.raises(ConfigError, match="different things"):
        conversion("[IU]", "ug")


@pytest.mark.parametrize(
    ("source", "target", "molar_mass", "why"),
    [
        ("kg", "cm", None, "different things"),
        ("g/cm2", "mg/cm3", None, "different things"),
        ("mg/dL", "mmol/L", None, "molar mass is not known"),
        ("{T-score}", "{Z-score}", None, "count different things"),
        ("{units}/d", "{cigarettes}/d", None, "count different things"),
        ("%", "{T-score}", None, "one counts"),
        ("mg/dL", "{score}", None, "one counts"),
        ("mmol/mol", "%", None, "two scales"),  # haemoglobin A1c
        ("mL/min/{1.73_m2}", "mL/min", None, "absolute rate"),  # facts §0.4
        ("meq/L", "mmol/L", 40.078, "ion's charge"),
        ("[IU]/L", "mmol/L", None, "different things"),
        ("mmHg", "mm[Hg]", None, "not a UCUM unit"),
    ],
)
def test_what_must_not_be_converted_is_refused(
    source: str, target: str, molar_mass: float | None, why: str
) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        conversion(source, target, molar_mass_g_mol=molar_mass)
    assert caught.value.remedy


def test_same_unit_changes_nothing() -> None:
    assert conversion("{T-score}", "{T-score}").changes_nothing
    assert conversion("u[IU]/mL", "m[IU]/L").changes_nothing
    assert not conversion("g", "kg").changes_nothing


@given(
    st.sampled_from([("kg", "[lb_av]"), ("cm", "[in_i]"), ("Cel", "[degF]"), ("mm[Hg]", "kPa")]),
    st.floats(-1e6, 1e6),
)
def test_there_and_back_is_the_same(units: tuple[str, str], value: float) -> None:
    there, back = conversion(*units), conversion(*reversed(units))
    assert back(there(value)) == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_check_unit_names_place_and_the_ucum_spelling() -> None:
    check_unit("g/cm2", where="dxa.toml [t]")
    with pytest.raises(ConfigError, match="mmHg") as caught:
        check_unit("mmHg", where="a.toml [sbp]")
    assert caught.value.where == "a.toml [sbp]"
    assert "mm[Hg]" in caught.value.remedy


@pytest.mark.parametrize(
    ("written", "ucum"),
    [
        *[(text, "kg") for text in ("kg", "KG", "Kg", " 公斤", "千克", "㎏", "kgs")],
        ("斤", "500.g"),
        *[(text, "cm") for text in ("cm", "CM", "厘米", "公分")],
        *[(text, "m") for text in ("m", "M", "米")],
        *[(text, "[lb_av]") for text in ("lb", "lbs", "LBS", "磅")],
        *[(text, "[in_i]") for text in ("in", "inch", "inches", "英寸", "[in_i]")],
        *[
            (text, "g/cm2")
            for text in ("g/cm²", "g/cm^2", "g/cm2", "g / cm2", "G/CM2", "克/平方厘米")
        ],
        *[(text, "umol/L") for text in ("μmol/L", "µmol/L", "umol/l", "UMOL/L", "微摩尔/升")],
        *[(text, "mmol/L") for text in ("mmol/L", "mmol/l", "MMOL/L", "mmol／L")],
        *[(text, "ng/mL") for text in ("ng/ml", "ng/mL", "NG/ML")],
        ("nmol/l", "nmol/L"),
        *[(text, "mg/dL") for text in ("mg/dl", "mg/dL", "MG/DL", "Mg/dL")],
        *[(text, "U/L") for text in ("U/L", "u/l")],
        *[(text, "[IU]/L") for text in ("IU/L", "iu/l", "[IU]/L")],
        *[(text, "m[IU]/L") for text in ("mIU/L", "mU/L", "mIU/l")],
        *[(text, "u[IU]/mL") for text in ("uIU/mL", "μIU/mL", "µIU/ml")],
        *[(text, "mm[Hg]") for text in ("mmHg", "mm[Hg]", "MMHG", "毫米汞柱", "mm Hg")],
        *[(text, "%") for text in ("%", "％", "percent")],
        *[(text, "a") for text in ("岁", "years", "yr", "周岁", "a", "year")],
        *[(text, "10*9/L") for text in ("10*9/L", "10^9/L", "×10⁹/L", "x10^9/L", "10e9/L")],
        *[
            (text, "mL/min/{1.73_m2}")
            for text in ("mL/min/1.73m²", "ml/min/1.73 m2", "mL/min/{1.73_m2}", "ml/min/1.73㎡")
        ],
        *[(text, "{score}") for text in ("score", "(score)", "分", "{score}")],
        *[(text, "{T-score}") for text in ("T-score", "T值", "{T-score}")],
        *[(text, "/min") for text in ("次/分", "bpm", "/min")],
        *[(text, "Cel") for text in ("℃", "°C", "Cel")],
        ("pg/ml", "pg/mL"),
        ("支/天", "{cigarettes}/d"),
        ("mm/hr", "mm/h"),
        ("min/day", "min/d"),
        ("kg/m²", "kg/m2"),
        ("kU/L", "k[IU]/L"),
    ],
)
def test_parse_unit_reads_what_people_and_machines_write(written: str, ucum: str) -> None:
    assert parse_unit(written) == ucum
    assert is_ucum(ucum)


@pytest.mark.parametrize("text", ["", " ", "banana", "units", "kg kg", "kg/", "x" * 10_000_000])
def test_parse_unit_does_not_guess(text: str) -> None:
    assert parse_unit(text) is None


@given(st.text(max_size=80))
def test_parse_unit_never_raises_and_answers_in_ucum(text: str) -> None:
    unit = parse_unit(text)
    assert unit is None or is_ucum(unit)


@given(
    st.text("0123456789*./(){}[]IUkgmolL%eE^+- ", max_size=30), st.sampled_from(["kg", "/L", "%"])
)
def test_conversion_meets_noise_with_words(text: str, target: str) -> None:
    with suppress(ConfigError):
        conversion(text, target)


@pytest.mark.parametrize(
    "unit",
    [
        "10*99999999/L",
        "kg99999999",
        "9999999999.g",
        "/0.g",
        "10*99.10*99.10*99.10*99/L",
        "Ym9.Ym9/L",
    ],
)
def test_a_monstrous_unit_is_refused_at_once(unit: str) -> None:
    with pytest.raises(ConfigError):
        conversion(unit, "{score}")
    with pytest.raises(ConfigError):
        conversion(unit, "/L")
