"""Settings: one id for one way of measuring, whatever the order or spelling."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.error import InputError
from careloop.imaging import radiomics
from careloop.imaging.measurement import AGGREGATIONS, FAMILIES, TEXTURES, Settings

SETTINGS = st.builds(
    Settings,
    families=st.lists(st.sampled_from(FAMILIES), min_size=1).map(tuple),
    bins=st.integers(2, 256),
    aggregation=st.sampled_from(AGGREGATIONS),
    textures=st.lists(st.sampled_from(TEXTURES)).map(tuple),
    wavelet=st.sampled_from(["", "coif1", "haar"]),
    log_sigma_mm=st.lists(st.floats(0.1, 9), max_size=3).map(tuple),
    spacing_mm=st.none() | st.tuples(st.floats(0.01, 5), st.floats(0.01, 5)),
)


@given(SETTINGS)
def test_json_round_trip_keeps_settings_and_id(settings):
    again = Settings.from_json(settings.json)
    assert again == settings
    assert again.id == settings.id
    assert len(settings.id) == 16
    assert json.loads(settings.json)["bins"] == settings.bins


@given(SETTINGS, SETTINGS)
def test_the_id_is_the_same_exactly_for_the_same_settings(one, other):
    assert (one.id == other.id) == (one == other)


@given(SETTINGS, st.randoms())
def test_order_and_repetition_of_names_do_not_matter(settings, random):
    names = list(settings.families) * 2
    random.shuffle(names)
    told = json.loads(settings.json) | {"families": names}
    assert Settings.from_json(json.dumps(told)).id == settings.id


def test_families_and_aggregations_are_those_that_measure():
    assert FAMILIES == radiomics.FAMILIES
    assert set(AGGREGATIONS) <= set(radiomics.AGGREGATIONS)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"families": ("glmc",)}, "no family of features 'glmc'"),
        ({"textures": ("tbs",)}, "no texture 'tbs'"),
        ({"bins": 1}, "1 bins"),
        ({"bins": None}, "either bins or bin_width"),
        ({"bin_width": 5.0}, "either bins or bin_width"),
        ({"bins": None, "bin_width": 0.0}, "bin_width must be a positive number"),
        ({"bins": None, "bin_width": float("nan")}, "bin_width must be a positive number"),
        ({"aggregation": "3d"}, "aggregation '3d'"),
        ({"log_sigma_mm": (-1.0,)}, "log_sigma_mm must be a positive number"),
        ({"wavelet": "haar", "wavelet_levels": 9}, "9 wavelet levels"),
        ({"families": ()}, "nothing to measure"),
        ({"spacing_mm": (0.5, float("inf"))}, "spacing_mm must be a positive number"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        Settings(**wrong)
    assert Settings(bins=None, bin_width=5.0).bin_width == 5


@pytest.mark.parametrize("text", ["", "[]", "{", '{"bin": 3}', '"x"'])
def test_what_is_no_settings_file_is_refused(text):
    with pytest.raises(InputError, match="not the settings"):
        Settings.from_json(text)
