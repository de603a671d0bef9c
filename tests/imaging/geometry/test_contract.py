"""What every geometric measurement keeps: keys from the list, refusals by number, no crash."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu

from careloop.error import InputError
from careloop.imaging.geometry import feature
from careloop.imaging.geometry.axis import Shaft, long_axis, shaft
from careloop.imaging.geometry.bone import radius_and_ulna
from careloop.imaging.geometry.constant import CONSTANTS, DISTAL_RADIUS_CUT_OFF
from careloop.imaging.geometry.cross_section import (
    CrossSection,
    StressStrainIndex,
    cross_section,
    stress_strain_index,
)
from careloop.imaging.geometry.distal_radius import (
    DistalRadius,
    PalmarTilt,
    distal_radius,
    palmar_tilt,
)
from careloop.imaging.geometry.distal_radius_thickness import (
    DistalRadiusThickness,
    distal_radius_thickness,
)
from careloop.imaging.geometry.femur import FemurAxes, femur_axes
from careloop.imaging.geometry.finding import NotMeasurable
from careloop.imaging.geometry.hip_section import HipSection, hip_section
from careloop.imaging.geometry.hip_structure import hip_structure
from careloop.imaging.geometry.radiogrammetry import (
    Radiogrammetry,
    radiogrammetry,
    radiogrammetry_of_masks,
)
from careloop.imaging.geometry.vertebra import VertebralHeights, vertebral_heights
from careloop.records.finding import FINDINGS

RESULTS = {
    Shaft: feature.SHAFT,
    Radiogrammetry: feature.RADIOGRAMMETRY,
    DistalRadius: feature.DISTAL_RADIUS_ANGLE,
    PalmarTilt: feature.DISTAL_RADIUS_ANGLE,
    HipSection: feature.HIP_SECTION,
    FemurAxes: feature.HIP_AXIS,
    CrossSection: feature.CT_SECTION,
    StressStrainIndex: feature.STRESS_STRAIN,
    VertebralHeights: feature.VERTEBRA,
}


def _made(kind):
    """A result whose numbers are all 2.0: only its keys matter."""
    values = {field.name: 2.0 for field in dataclasses.fields(kind)}
    return kind(**values)


@pytest.mark.parametrize("kind", RESULTS)
def test_keys_are_those_of_the_list(kind):
    listed = [label.key for label in RESULTS[kind]]
    keys = list(_made(kind).measurements())
    if kind in {DistalRadius, PalmarTilt}:
        assert set(keys) < set(listed)
    else:
        assert keys == listed


def test_distal_radius_thickness_has_its_keys():
    level = _made(Radiogrammetry)
    keys = list(DistalRadiusThickness(level, level).measurements())
    assert keys == [label.key for label in feature.DISTAL_RADIUS_THICKNESS]
    both = {*_made(DistalRadius).measurements(), *_made(PalmarTilt).measurements()}
    assert both == {label.key for label in feature.DISTAL_RADIUS_ANGLE}


def test_labels_are_complete_and_unique():
    keys = [label.key for label in feature.FEATURES]
    assert len(set(keys)) == len(keys)
    for label in feature.FEATURES:
        assert label.zh, label.key
        assert label.en, label.key
        unit = {"mm": "_mm", "mm2": "_mm2", "mm3": "_mm3", "mm4": "_mm4", "cm": "_cm",
                "cm2": "_cm2", "cm3": "_cm3", "cm4": "_cm4", "deg": "_deg", "%": "_percent",
                "g/cm2": "_g_cm2", "mg/cm3": "_mg_cm3", "1": ""}[label.unit]  # fmt: skip
        assert label.key.endswith(unit), label.key


def test_findings_have_their_numbers_and_both_languages():
    ours = {code: kind for code, kind in FINDINGS.items() if "I420" <= code <= "I449"}
    assert len(ours) == 18
    for kind in ours.values():
        assert kind.zh
        assert kind.en
        assert kind.remedy_zh
        assert kind.remedy_en


def test_constants_name_their_source():
    assert len({constant.key for constant in CONSTANTS}) == len(CONSTANTS)
    assert all(constant.source for constant in CONSTANTS)
    unconfirmed = {constant.value for constant in CONSTANTS if constant.unconfirmed}
    assert {1.053, 0.6, 0.7, 1.0, 1200.0} <= unconfirmed
    assert "no significant correlation" in DISTAL_RADIUS_CUT_OFF.source


def _outcome(measure):
    try:
        return measure()
    except NotMeasurable as refused:
        return refused


def _all(image, mask, spacing):
    yield lambda: shaft(mask, spacing=spacing)
    for method in ("shell", "gradient", "half_maximum"):
        yield lambda method=method: radiogrammetry(
            image, mask, spacing=spacing, edges=method, at="middle", band_mm=2.0
        )
    yield lambda: radiogrammetry_of_masks(mask, mask, spacing=spacing)
    yield lambda: distal_radius_thickness(
        image, mask, spacing=spacing, distal="up", levels_mm=(5.0, 9.0), band_mm=2.0
    )
    yield lambda: radius_and_ulna(mask, spacing=spacing, distal="up")
    yield lambda: distal_radius(mask, spacing=spacing, distal="up", ulnar="right")
    yield lambda: palmar_tilt(mask, spacing=spacing, distal="left", palmar="up")
    yield lambda: femur_axes(mask, spacing=spacing)
    bmd = np.abs(image)
    yield lambda: hip_structure(bmd, mask, spacing=spacing, kind="bmd_map")
    for margins in ("shell", "gradient", "mask"):
        yield lambda margins=margins: hip_section(
            bmd, mask, spacing=spacing, kind="bmd_map", margins=margins,
            axis=long_axis(mask, spacing=spacing), at_mm=0.0,
        )  # fmt: skip
    yield lambda: cross_section(mask, spacing=spacing)
    yield lambda: stress_strain_index(500 * image, mask, spacing=spacing)
    yield lambda: vertebral_heights(mask, spacing=spacing, anterior="left")


@given(
    seed=st.integers(0, 2**16),
    rows=st.integers(1, 60),
    columns=st.integers(1, 60),
    blob=st.sampled_from(["noise", "bar", "full", "row", "none"]),
    holes=st.booleans(),
)
@settings(max_examples=10)
def test_anything_is_measured_or_refused(seed, rows, columns, blob, holes):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(rows, columns))
    mask = np.zeros((rows, columns), dtype=bool)
    if blob == "noise":
        mask = rng.random((rows // 6 + 1, columns // 6 + 1)) < 0.6
        mask = np.kron(mask, np.ones((6, 6)))[:rows, :columns] > 0
    elif blob == "bar":
        mask[:, columns // 3 : 2 * columns // 3 + 1] = True
    elif blob == "row":
        mask[rng.integers(rows)] = True
    elif blob == "full":
        mask[:] = True
    image += mask
    if holes:
        image[rng.integers(rows)] = np.nan
    spacing = (float(rng.uniform(0.1, 2.0)), float(rng.uniform(0.1, 2.0)))
    outcomes = [_outcome(measure) for measure in _all(image, mask, spacing)]
    refusals = [outcome for outcome in outcomes if isinstance(outcome, NotMeasurable)]
    for refused in refusals:
        assert isinstance(refused, InputError)
        assert FINDINGS[refused.finding.code].severity == "error"
    for result in outcomes:
        if hasattr(result, "measurements"):
            assert np.isfinite(list(result.measurements().values())).all()
    assert blob != "none" or len(refusals) == len(outcomes)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["IMG0002445.jpg", "IMG0004314.jpg"])
def test_real_forearms_do_not_break_it(data_dir, name):
    """A rough mask of a real film: every bone is measured or refused by number."""
    (file,) = (data_dir / "radiographs").rglob(name)
    grey = np.asarray(Image.open(file).convert("L").reduce(3), dtype=float)
    local = grey - ndimage.gaussian_filter(grey, 40)
    mask = ndimage.binary_opening(local > threshold_otsu(local), iterations=2)
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())[1:]
    outcomes = [
        _outcome(measure)
        for number in np.argsort(-sizes)[: min(count, 2)]
        for measure in _all(grey / 100.0, labels == number + 1, (0.4, 0.4))
    ]
    refused = [each.finding.code for each in outcomes if isinstance(each, NotMeasurable)]
    assert set(refused) <= set(FINDINGS)
    assert len(refused) < len(outcomes)
