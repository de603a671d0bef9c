"""A small dictionary, so that these tests do not move when the real one grows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text, Variable
from careloop.records.mapping import read_mapping
from careloop.records.sources.tables import TableReading, read_table

TODAY = date(2024, 6, 30)


def variable(key: str, kind: str, **settings: object) -> Variable:
    return Variable(key=key, kind=kind, label=Text(key, key), group="test", **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def small_dictionary() -> Dictionary:
    sexes = {"female": Text("女", "female"), "male": Text("男", "male")}
    smoking = {name: Text(name, name) for name in ("never", "former", "current")}
    return Dictionary(
        [
            variable("weight_kg", "number", unit="kg", low=20, high=250),
            variable("height_cm", "number", unit="cm", low=100, high=220),
            variable("bmi_kg_m2", "number", unit="kg/m2", low=8, high=100),
            variable("age_y", "number", unit="a", low=0, high=120),
            variable("falls_12m", "number", unit="1", low=0, high=365),
            variable("calcium_mmol_l", "number", unit="mmol/L", low=0.5, high=5,
                     molar_mass_g_mol=40.078),
            variable("temperature_c", "number", unit="Cel", low=20, high=45),
            variable("bmd_femoral_neck_g_cm2", "number", unit="g/cm2", low=0.1, high=2.5,
                     context=("reference_db", "device", "side")),
            variable("menopause_age_y", "number", unit="a", low=15, high=70, sex="female"),
            variable("postmenopausal", "boolean", sex="female", memory="ever"),
            variable("fracture_prior", "boolean", memory="ever"),
            variable("parent_hip_fracture", "boolean", memory="ever"),
            variable("oestrogen_current", "boolean", memory="period", sex="female"),
            variable("sex", "code", values=sexes),
            variable("smoking_status", "code", values=smoking),
            variable("birth_date", "date", identifying=True),
            variable("fracture_last_on", "date"),
            variable("name", "text", identifying=True),
        ]
    )  # fmt: skip


Read = Callable[..., TableReading]


@pytest.fixture
def read_as_table(tmp_path: Path, small_dictionary: Dictionary) -> Read:
    """Read a table (text or bytes) through a mapping (TOML); everything in a temporary folder."""

    def reading(
        content: str | bytes,
        mapping: str,
        *,
        name: str = "table.csv",
        as_of: date | None = None,
        today: date = TODAY,
    ) -> TableReading:
        table, rules = tmp_path / name, tmp_path / "mapping.toml"
        table.write_bytes(content.encode() if isinstance(content, str) else content)
        rules.write_text(mapping, encoding="utf-8")
        return read_table(
            table,
            read_mapping(rules, small_dictionary),
            dictionary=small_dictionary,
            as_of=as_of,
            today=today,
        )

    return reading
