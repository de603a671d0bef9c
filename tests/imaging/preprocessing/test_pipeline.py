"""Pipelines: read, written and read again the same; applied again the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.error import ConfigError
from careloop.imaging.phantom import defect
from careloop.imaging.phantom.forearm import ForearmScan, simulate_forearm
from careloop.imaging.preprocessing import (
    OPERATIONS,
    Pipeline,
    Step,
    fit_phantom,
    learn_distribution,
)
from careloop.imaging.preprocessing.calibration import calibrate, match_distribution

PHANTOM = simulate_forearm(
    ForearmScan(spacing_mm=(1.05, 0.6), rotation_deg=6.0), rng=np.random.default_rng(4)
)
BONES = np.isin(PHANTOM.labels, (1, 2))
CALIBRATION = fit_phantom([-1, 0.5, 4], [0, 1, 3.2], source="simulated inserts")
REFERENCE = learn_distribution([(PHANTOM.image(), BONES)] * 2, source="simulated forearm")
WRITTEN = {  # the settings of steps that need some
    "resample": {"spacing_mm": 0.8},
    "calibrate": dict(calibrate(PHANTOM.image(), calibration=CALIBRATION)[1].settings),
    "match_distribution": dict(
        match_distribution(PHANTOM.image(), reference=REFERENCE)[1].settings
    ),
    "convert_device": {
        "from_device": "simulated",
        "to_device": "other",
        "slope": 0.9,
        "intercept": 0.0,
        "low": 0.0,
        "high": 2.0,
        "source": "simulated, not real",
    },
}
ALL = sorted(OPERATIONS)


def step_of(name):
    return {"name": name, **WRITTEN.get(name, {})}


@pytest.mark.parametrize("name", ALL)
def test_every_step_is_applied_written_and_replayed_identically(name):
    pipeline = Pipeline.from_mapping({"step": [step_of(name)]})
    first = pipeline.apply(PHANTOM.image(), BONES)
    again = Pipeline.from_json(Pipeline(first.steps).to_json())
    assert again == Pipeline(first.steps)
    second = again.apply(PHANTOM.image(), BONES)
    np.testing.assert_array_equal(first.image.pixels, second.image.pixels)
    np.testing.assert_array_equal(first.mask, second.mask)
    assert first.steps == second.steps
    assert first.mask.shape == first.image.pixels.shape
    assert first.steps[0].name == name
    assert first.steps[0].software.startswith("careloop ")


@settings(max_examples=40)
@given(st.lists(st.sampled_from(ALL), max_size=6))
def test_json_round_trip_is_exact(names):
    pipeline = Pipeline.from_mapping({"step": [step_of(name) for name in names]})
    text = pipeline.to_json()
    assert Pipeline.from_json(text) == pipeline
    assert Pipeline.from_json(text).to_json() == text
    assert len(json.loads(text)["step"]) == len(names)


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(min_size=1))
def test_any_number_and_text_survive(number, text):
    step = Step("to_side", {"side": text}, software=text)
    other = Step("resample", {"spacing_mm": number})
    assert Pipeline.from_json(Pipeline((step, other)).to_json()).steps == (step, other)


def test_a_pipeline_in_toml():
    pipeline = Pipeline.from_toml(
        """
        [[step]]
        name = "exclude_artefacts"
        [[step]]
        name = "rotate_upright"
        [[step]]
        name = "resample"
        spacing_mm = 0.5
        [[step]]
        name = "median"
        size_px = 3
        [[step]]
        name = "z_score"
        """
    )
    metal = defect.put_metal(PHANTOM, kind="plate", rng=np.random.default_rng(1))
    result = pipeline.apply(metal.image(), BONES)
    assert [one.name for one in result.steps] == [one.name for one in pipeline.steps]
    assert result.steps[1].settings["angle_deg"] == pytest.approx(6.0, abs=1.0)
    assert result.image.spacing_mm == (0.5, 0.5)
    assert result.image.kind == "other"
    area = result.mask.sum() * 0.25
    assert 0.5 * BONES.sum() * 0.63 < area < BONES.sum() * 0.63  # less the plate
    assert np.nanmax(np.abs(result.image.pixels[result.mask])) < 6  # no metal left inside


def test_the_empty_pipeline_changes_nothing():
    result = Pipeline().apply(PHANTOM.image(), BONES)
    np.testing.assert_array_equal(result.image.pixels, PHANTOM.bmd_map)
    assert result.steps == ()
    assert Pipeline.from_json(Pipeline().to_json()) == Pipeline()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[[step]]\nname = 'sharpen'", "no step 'sharpen'"),
        ("[[step]]\nsize_px = 3", "without a name"),
        ("[[step]]\nname = 'median'\nsize = 3", "unknown settings"),
        ("[[step]]\nname = 'resample'", "missing settings"),
        ("[[step]]\nname = 'median'\nsize_px = true", "bool"),
        ("steps = 3", "nothing else"),
        ("[[step", "no TOML"),
    ],
)
def test_a_wrong_pipeline_is_refused_with_what_is_wrong(text, match):
    with pytest.raises(ConfigError, match=match):
        Pipeline.from_toml(text)
    for bad in ("[]", "{", '{"step": 3}'):
        with pytest.raises(ConfigError):
            Pipeline.from_json(bad)


def test_what_a_step_needs_is_said():
    with pytest.raises(ConfigError, match="needs a mask"):
        Pipeline((Step("exclude_artefacts"),)).apply(PHANTOM.image())
    wrong = Pipeline((Step("to_side", {"side": "left", "from_side": "right"}),))
    with pytest.raises(ConfigError, match="written for a right side"):
        wrong.apply(PHANTOM.image())
