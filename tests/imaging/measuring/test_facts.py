"""Measurements as facts: valid by the dictionary, stored whole, and seen in a snapshot."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.dictionary.catalogue import load
from careloop.error import InputError
from careloop.imaging.geometry.radiogrammetry import radiogrammetry_of_masks
from careloop.imaging.image import Origin
from careloop.imaging.measurement import Measurement, Settings
from careloop.imaging.measuring.facts import (
    CONTEXT,
    MeasurementReading,
    image_source,
    measurement_facts,
)
from careloop.imaging.measuring.quantity import quantities
from careloop.imaging.measuring.result import bone_measurements
from careloop.imaging.measuring.single import Task, measured_image
from careloop.records.fact import FACT_SCHEMA
from careloop.records.parquet import ParquetStore
from careloop.records.snapshot import snapshot

from .conftest import image

SETTINGS = Settings(families=("intensity_statistics", "glcm"), wavelet="haar")


def measured(seed=0, **others):
    (one,) = measured_image(image(seed, **others), Task(SETTINGS))
    return one.measurements()


MEASUREMENTS = st.builds(
    Measurement,
    variable=st.sampled_from([each.variable for each in quantities()]),
    value=st.floats(allow_nan=True, allow_infinity=True),
    unit=st.just("1"),
    region=st.text(min_size=1, max_size=9),
    settings=st.fixed_dictionaries(
        {"settings": st.just(SETTINGS.id), "filter": st.sampled_from(["original", "wavelet_hh1"])},
        optional={"side": st.sampled_from(["left", ""]), "device": st.text(max_size=9)},
    ),
    origin=st.just(Origin("a.dcm", "0" * 64, "dicom")),
    software=st.just("careloop"),
    taken_at=st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),
)


@given(st.lists(MEASUREMENTS))
def test_finite_numbers_become_facts_and_nothing_else(measurements):
    facts = measurement_facts(measurements, person_id="P1", source="s")
    assert facts.schema == pl.Schema(FACT_SCHEMA)
    finite = [each for each in measurements if abs(each.value) < float("inf")]
    assert facts["number"].to_list() == [each.value for each in finite]
    assert facts["field"].to_list() == [each.region for each in finite]
    for told, each in zip(facts["context"], finite, strict=True):
        context = json.loads(told)
        assert list(context) == sorted(context)
        assert context["region"] == each.region
        assert "" not in context.values()


def test_facts_are_valid_by_the_dictionary():
    facts = measurement_facts(measured(), person_id="P1", source="s")
    assert facts.height == 5 * (18 + 25)
    for variable, number, unit, context in facts.select(
        "variable", "number", "unit", "context"
    ).iter_rows():
        declared = load()[variable]
        assert declared.unit == unit
        assert declared.low <= number <= declared.high
        assert set(json.loads(context)) <= set(declared.context)
    assert set(CONTEXT) == set(load()["radiomics_glcm_contrast"].context)
    assert facts["effective_at"].unique().to_list() == [datetime(2024, 5, 6, 7, 8)]


def test_facts_are_stored_once_and_seen_in_a_snapshot(tmp_path):
    store = ParquetStore(tmp_path)
    found = measured(side="left", device="Maker Model")
    added = store.add(MeasurementReading(found, person_id="P1"))
    assert added.new_facts == len(found)
    assert store.add(MeasurementReading(found, person_id="P1")).already_imported
    renamed = [replace(each, origin=replace(each.origin, name="other.dcm")) for each in found]
    assert store.add(MeasurementReading(renamed, person_id="P1")).already_imported
    (source,) = store.sources()
    assert (source.kind, source.mapping) == ("image", SETTINGS.id)

    seen = snapshot(store.facts(), date(2024, 12, 31), load()).frame
    key = "radiomics_glcm_contrast"
    (unfiltered,) = (
        each.value for each in found if each.variable == key and each.filter == "original"
    )
    assert seen["person_id"].to_list() == ["P1"]
    assert seen[key].to_list() == [unfiltered]  # not a sub-band's
    for name, value in (
        ("filter", "original"),
        ("region", "foreground"),
        ("settings", SETTINGS.id),
        ("side", "left"),
        ("device", "Maker Model"),
        ("mask", "automatic"),
    ):
        assert seen[f"{key}__{name}"].to_list() == [value]


def test_another_mask_or_other_settings_are_another_source():
    found = measured()
    ids = {
        image_source(found).source_id,
        image_source(found[1:]).source_id,
        image_source(measured(1)).source_id,
        image_source([replace(each, software="careloop 9") for each in found]).source_id,
    }
    assert len(ids) == 4


def test_a_fact_needs_a_person_and_a_time():
    with pytest.raises(InputError, match="nobody is named"):
        measurement_facts(measured(), person_id="", source="s")
    with pytest.raises(InputError, match="without a date"):
        measurement_facts(measured(taken_at=None), person_id="P1", source="s")
    with pytest.raises(InputError, match="2 images"):
        image_source([*measured(0), *measured(1)])


def test_geometry_becomes_facts_too():
    bone, cortex = np.zeros((200, 60), bool), np.zeros((200, 60), bool)
    bone[10:190, 20:40] = cortex[10:190, 20:40] = True
    cortex[10:190, 24:36] = False
    found = radiogrammetry_of_masks(bone, cortex, spacing=(0.5, 0.5), at="middle")
    numbers = found.measurements()
    made = bone_measurements(numbers, image(0), region="metacarpal", at="middle")
    facts = measurement_facts(made, person_id="P1", source="s")
    told = dict(zip(facts["variable"], facts["number"], strict=True))
    assert told["bone_outer_width_mm"] == pytest.approx(10, abs=0.6)
    assert all(load()[key].unit == unit for key, unit in facts.select("variable", "unit").rows())
    assert set(facts["field"]) == {"metacarpal"}
