"""The released trees: scikit-learn's own answers, JSON there and back, tampering refused."""

import csv
import hashlib
import json
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import names_in
from careloop.error import ConfigError
from careloop.programmes.diabetes import programme
from careloop.programmes.diabetes import progression as module
from careloop.programmes.diabetes.progression import BoostedTrees
from careloop.risk.instruments.evaluation import evaluate, input_variables

KEY = "diabetes_progression"
DATA = files("careloop.programmes.diabetes") / "instruments" / "data"
CONTENT = (DATA / f"{KEY}.json").read_bytes()
PIN = tomllib.loads((DATA / f"{KEY}.toml").read_text("utf-8"))
MODEL = BoostedTrees.from_json(CONTENT, sha256=PIN["sha256"])
ORACLE = Path(__file__).with_name(f"{KEY}.csv")
(INSTRUMENT,) = [each for each in programme(experimental=True).instruments if each.key == KEY]
NAMES = [one.variable for one in MODEL.inputs]


def oracle():
    with ORACLE.open(encoding="utf-8", newline="") as lines:
        rows = [
            {name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)
        ]
    return pl.DataFrame(rows)


def applied(frame, **facts):
    """The instrument on a table of inputs, the rest of what it reads given or unknown."""
    rest = {name: facts.get(name) for name in input_variables([INSTRUMENT]) if name not in NAMES}
    frame = frame.with_columns(
        pl.lit(value, dtype=pl.Boolean).alias(name) for name, value in rest.items()
    )
    return evaluate(frame, [INSTRUMENT], language="en").collect()


# --- the same answers


def test_expression_against_scikit_learn():
    """At random and on both sides of every threshold: the sum is the same to 1e-9."""
    table = oracle()
    found = table.select(MODEL.expression().alias("found"))["found"].to_numpy()
    assert np.abs(found - table[KEY].to_numpy()).max() < 1e-9
    assert table.height > 500


def test_twin_one_at_a_time():
    table = oracle()
    for row in table.iter_rows(named=True):
        assert MODEL.predict([row[name] for name in NAMES]) == pytest.approx(row[KEY], abs=1e-9)


def test_trained_anew_it_is_the_same():
    """The script's data and settings give these trees, where scikit-learn is installed."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    ensemble = pytest.importorskip("sklearn.ensemble")
    raw = datasets.load_diabetes(scaled=False)
    data = np.ascontiguousarray(raw.data)
    assert hashlib.sha256(data.tobytes()).hexdigest() == MODEL.about["training"]["sha256"]
    column = dict(zip(raw.feature_names, raw.data.T, strict=True))
    molar = {name: load()[name].molar_mass_g_mol for name in NAMES}
    table = np.column_stack(
        [
            column["age"],
            column["bmi"],
            column["bp"],
            column["s1"] * 10 / molar["cholesterol_mmol_l"],
            column["s3"] * 10 / molar["hdl_mmol_l"],
            np.exp(column["s5"]) * 10 / molar["triglycerides_mmol_l"],
            column["s6"] * 10 / molar["glucose_mmol_l"],
        ]
    )
    made = ensemble.HistGradientBoostingRegressor(**MODEL.about["settings"]).fit(table, raw.target)
    frame = pl.DataFrame(dict(zip(NAMES, table.T, strict=True)))
    ours = frame.select(MODEL.expression().alias("ours"))["ours"].to_numpy()
    assert np.abs(ours - made.predict(table)).max() < 1e-9
    said = MODEL.about["validation"]["boosted_trees"]
    seen = 1 - ((ours - raw.target) ** 2).mean() / raw.target.var()
    assert said["r2"] < seen  # what is printed was not measured on the people trained on


# --- JSON


def test_json_there_and_back():
    again = MODEL.to_json()
    assert BoostedTrees.from_json(again, sha256=hashlib.sha256(again).hexdigest()) == MODEL
    assert json.loads(again) == json.loads(CONTENT)


def test_a_tampered_file_is_refused():
    changed = CONTENT.replace(b'"version": "1"', b'"version": "2"')
    assert changed != CONTENT
    for content in (changed, CONTENT + b" ", b""):
        with pytest.raises(ConfigError, match="hash"):
            BoostedTrees.from_json(content, sha256=PIN["sha256"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: table.pop("trees"),
        lambda table: table["trees"].append([99, 1.0, 0.0, 1.0]),
        lambda table: table["trees"].append([0, 1.0, 0.0]),
        lambda table: table["trees"].append(["age_y", 1.0, 0.0, 1.0]),
        lambda table: table.update(start="much"),
        lambda table: table["inputs"][0].pop("low"),
    ],
)
def test_what_is_no_model_is_refused(spoil):
    table = json.loads(CONTENT)
    spoil(table)
    content = json.dumps(table).encode()
    with pytest.raises(ConfigError, match="not a model"):
        BoostedTrees.from_json(content, sha256=hashlib.sha256(content).hexdigest())


def test_the_instrument_refuses_a_tampered_file(tmp_path, monkeypatch):
    (tmp_path / PIN["file"]).write_bytes(CONTENT)
    monkeypatch.setattr(module, "_DATA", tmp_path)
    assert set(module.parts(PIN)["outputs"]) == {KEY}
    with pytest.raises(ConfigError, match="version"):
        module.parts(PIN | {"version": "0"})
    (tmp_path / PIN["file"]).write_bytes(CONTENT.replace(b"26.95", b"26.96"))
    with pytest.raises(ConfigError, match="hash"):
        module.parts(PIN)


# --- as an instrument


def test_unknown_stays_unknown():
    table = oracle().head(1)
    assert applied(table)[KEY].item() is not None
    for name in NAMES:
        less = table.with_columns(pl.lit(None, dtype=pl.Float64).alias(name))
        assert applied(less)[KEY].item() is None, name


def test_only_where_diabetes_is_diagnosed_and_within_the_training_data():
    inside = pl.DataFrame([{one.variable: (one.low + one.high) / 2 for one in MODEL.inputs}])
    for diagnosed in (True, False, None):
        assert applied(inside, diabetes_diagnosed=diagnosed)[f"{KEY}_applies"].item() is diagnosed
    for one in MODEL.inputs:
        for outside in (one.low - 0.01, one.high + 0.01):
            frame = inside.with_columns(pl.lit(outside).alias(one.variable))
            result = applied(frame, diabetes_diagnosed=True)
            assert result[f"{KEY}_applies"].item() is False, one.variable
            assert "trained on" in result[f"{KEY}_reason"].item()


def test_limits_and_units_are_those_of_the_training_data():
    clauses = {names_in(each.sql)[0]: each.sql for each in INSTRUMENT.population}
    for one in MODEL.inputs:
        assert load()[one.variable].unit == one.unit
        low, high = (float(part.split()[-1]) for part in clauses[one.variable].split(" AND "))
        assert one.low <= low <= one.low + 0.01
        assert one.high - 0.01 <= high <= one.high


def test_it_is_experimental_and_decides_nothing():
    assert INSTRUMENT.experimental
    assert INSTRUMENT.mark == "C"
    assert KEY not in {each.key for each in programme().instruments}
    for decision in programme(experimental=True).decisions:
        assert not [name for name in decision.reads() if name.startswith(KEY)]
    validation = MODEL.about["validation"]
    for text in (INSTRUMENT.note.en, INSTRUMENT.note.zh):
        for name in ("boosted_trees", "linear"):
            assert f"{validation[name]['r2']:.2f}" in text
            assert f"{validation[name]['rmse']:.0f}" in text


def test_the_product_needs_no_scikit_learn():
    program = (
        "import sys\nsys.modules['sklearn'] = None\n"
        "from careloop.programmes.diabetes import programme\n"
        "print(len(programme(experimental=True).instruments))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "3"
