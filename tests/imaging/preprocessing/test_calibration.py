"""Calibration: fitted lines, reference distributions, equations between devices; refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.error import InputError
from careloop.imaging.image import Image, Origin
from careloop.imaging.phantom.forearm import ForearmScan, simulate_forearm
from careloop.imaging.preprocessing import (
    Calibration,
    DeviceEquation,
    ReferenceDistribution,
    calibrate,
    convert_device,
    fit_phantom,
    learn_distribution,
    match_distribution,
)
from careloop.imaging.preprocessing.calibration import EXTRAPOLATED

SCAN = ForearmScan(spacing_mm=(1.0, 1.0))
PHANTOM = simulate_forearm(SCAN, rng=np.random.default_rng(1))
BONES = PHANTOM.labels > 0
KNOWN = [0.0, 0.5, 1.0, 1.5]
finite = st.floats(-100, 100)


def image_of(pixels, kind="bmd_map", device="Simulated A"):
    return Image(pixels, (1.0, 1.0), "given", kind, Origin("x", "", "array"), device=device)


# --- phantom


@given(st.floats(0.01, 50), finite)
def test_a_line_is_recovered_by_both_methods(gain, offset):
    measured = [gain * value + offset for value in KNOWN]
    for method in ("least_squares", "theil_sen"):
        found = fit_phantom(measured, KNOWN, source="simulated", method=method)
        assert found.slope == pytest.approx(1 / gain, rel=1e-6)
        assert found.residual == pytest.approx(0, abs=1e-6)
        assert found.points == 4


def test_least_squares_against_polyfit():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=9), rng.normal(size=9)
    found = fit_phantom(x, y, source="simulated")
    slope, intercept = np.polyfit(x, y, 1)
    assert (found.slope, found.intercept) == pytest.approx((slope, intercept))
    expected = np.sqrt(((y - slope * x - intercept) ** 2).sum() / 7)
    assert found.residual == pytest.approx(expected)


def test_theil_sen_bears_a_bad_insert_and_the_residual_shows_it():
    x = np.arange(7.0)
    y = 2 * x + 1
    y[5] = 40
    robust = fit_phantom(x, y, source="simulated", method="theil_sen")
    plain = fit_phantom(x, y, source="simulated")
    assert robust.slope == pytest.approx(2, abs=0.01)
    assert abs(plain.slope - 2) > 0.5
    assert robust.residual > 5


def test_calibration_takes_a_second_device_back_to_the_truth():
    """A device that reads 8 % high with an offset: inserts known, the map comes back."""
    high = replace(PHANTOM.image(), pixels=PHANTOM.bmd_map * 1.08 + 0.03)
    known = np.array([0.0, 0.4, 0.8, 1.6])
    found = fit_phantom(known * 1.08 + 0.03, known, source="simulated inserts")
    back, step = calibrate(high, calibration=found)
    np.testing.assert_allclose(back.pixels, PHANTOM.bmd_map, atol=1e-9)
    assert back.kind == "bmd_map"
    assert step.settings["source"] == "simulated inserts"
    assert {"slope", "intercept", "residual", "points", "low", "high"} <= set(step.settings)


def test_no_calibration_makes_a_bmd_map_of_a_picture():
    found = fit_phantom([10, 100, 200], [0.1, 0.8, 1.5], source="simulated")
    for view in (PHANTOM.picture(), PHANTOM.radiograph()):
        assert calibrate(view, calibration=found)[0].kind == view.kind


def test_extrapolation_is_counted():
    found = fit_phantom([0.0, 0.5, 1.0], [0.0, 0.5, 1.0], source="simulated")
    pixels = np.array([[0.2, 0.7], [1.2, np.nan]])
    result, _ = calibrate(image_of(pixels), calibration=found)
    assert [(one.code, one.count) for one in result.findings] == [(EXTRAPOLATED, 1)]
    within, _ = calibrate(image_of(np.array([[0.2, 0.7]])), calibration=found)
    assert within.findings == ()
    assert np.isnan(result.pixels[1, 1])


@pytest.mark.parametrize(
    ("measured", "known", "match"),
    [
        ([1, 2], [1, 2], "measured"),
        ([1, 2, 3], [1, 2], "measured"),
        ([1, 2, float("nan")], [1, 2, 3], "missing"),
        ([1, 1, 2], [1, 2, 3], "three different levels"),
        ([1, 2, 3], [5, 5, 5], "three different levels"),
    ],
)
def test_too_little_to_fit_is_refused(measured, known, match):
    with pytest.raises(InputError, match=match):
        fit_phantom(measured, known, source="simulated")


def test_a_source_is_needed_everywhere():
    with pytest.raises(InputError, match="source"):
        fit_phantom([1, 2, 3], [1, 2, 3], source=" ")
    with pytest.raises(InputError, match="source"):
        DeviceEquation("A", "B", 1.0, 0.0, 0.0, 1.0, source="")
    with pytest.raises(InputError, match="source"):
        ReferenceDistribution((1.0, 99.0), (0.0, 1.0), 2, source="")
    with pytest.raises(InputError, match="points"):
        Calibration(1.0, 0.0, 0.0, 1.0, 0.0, 2, "least_squares", "simulated")


# --- reference distribution


@pytest.fixture(scope="module")
def reference():
    views = []
    for seed, gain in ((1, 1.0), (2, 1.3), (3, 0.8)):
        one = simulate_forearm(SCAN, rng=np.random.default_rng(seed))
        views.append((image_of(one.bmd_map * gain + 0.1, "radiograph"), one.labels > 0))
    return learn_distribution(views, source="simulated forearms")


def test_reference_has_the_landmarks_of_the_paper(reference):
    assert reference.centiles == (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
    assert reference.values[0] == pytest.approx(0)
    assert reference.values[-1] == pytest.approx(100)
    assert (np.diff(reference.values) > 0).all()
    assert reference.images == 3


@given(st.floats(0.1, 20), finite)
def test_gain_and_offset_of_a_device_vanish(gain, offset):
    result, _ = match_distribution(
        image_of(gain * PHANTOM.bmd_map + offset, "radiograph"), reference=_REFERENCE, mask=BONES
    )
    plain, _ = match_distribution(
        image_of(PHANTOM.bmd_map, "radiograph"), reference=_REFERENCE, mask=BONES
    )
    np.testing.assert_allclose(result.pixels, plain.pixels, atol=1e-5)


_REFERENCE = learn_distribution([(PHANTOM.radiograph(), BONES)] * 2, source="simulated forearm")


def test_landmarks_land_and_twice_is_once(reference):
    once, _ = match_distribution(PHANTOM.image(), reference=reference, mask=BONES)
    landed = np.percentile(once.pixels[BONES], reference.centiles)
    # Between two pixels' values a centile is interpolated: within a few hundredths of the scale.
    np.testing.assert_allclose(landed, reference.values, atol=0.3)
    twice, _ = match_distribution(once, reference=reference, mask=BONES)
    np.testing.assert_allclose(twice.pixels, once.pixels, atol=0.5)
    assert once.kind == "other"  # g/cm² no longer
    order = np.argsort(PHANTOM.bmd_map, axis=None)
    assert (np.diff(once.pixels.ravel()[order]) >= 0).all()


def test_tails_are_counted(reference):
    result, _ = match_distribution(PHANTOM.image(), reference=reference, mask=BONES)
    (finding,) = result.findings
    assert finding.code == EXTRAPOLATED
    assert finding.count == pytest.approx(0.02 * BONES.sum(), rel=0.1)


def test_too_little_to_learn_or_match_is_refused(reference):
    with pytest.raises(InputError, match="from 1 images"):
        learn_distribution([(PHANTOM.image(), BONES)], source="simulated")
    small = np.zeros(BONES.shape, bool)
    small[70:75, 50:55] = True
    with pytest.raises(InputError, match="25 pixels"):
        match_distribution(PHANTOM.image(), reference=reference, mask=small)
    with pytest.raises(InputError, match="coincide"):
        match_distribution(image_of(np.ones((40, 40))), reference=reference)


# --- device equation


EQUATION = DeviceEquation("Simulated A", "Simulated B", 0.9, 0.02, 0.0, 3.0, "simulated, not real")


def test_equation_converts_and_says_so():
    result, step = convert_device(image_of(PHANTOM.bmd_map), equation=EQUATION)
    np.testing.assert_allclose(result.pixels, 0.9 * PHANTOM.bmd_map + 0.02)
    assert result.kind == "bmd_map"
    assert result.device == "Simulated B (converted)"
    assert step.settings["source"] == "simulated, not real"
    assert EXTRAPOLATED in {one.code for one in result.findings}  # noise below 0


def test_equation_is_refused_on_another_device_or_kind():
    with pytest.raises(InputError, match="Simulated B"):
        convert_device(image_of(PHANTOM.bmd_map, device="Simulated B"), equation=EQUATION)
    with pytest.raises(InputError, match="unknown device"):
        convert_device(image_of(PHANTOM.bmd_map, device=""), equation=EQUATION)
    with pytest.raises(InputError, match="kind"):
        convert_device(replace(image_of(PHANTOM.bmd_map), kind="dxa_picture"), equation=EQUATION)
