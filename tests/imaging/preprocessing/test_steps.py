"""Denoising, contrast, geometry and masks: what each keeps, and what it must not do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop import __version__
from careloop.error import InputError
from careloop.imaging.image import Image, Origin
from careloop.imaging.phantom import defect
from careloop.imaging.phantom.forearm import ForearmScan, simulate_forearm
from careloop.imaging.preprocessing import (
    clahe,
    equalise,
    exclude_artefacts,
    median,
    mirror_mask,
    non_local_means,
    percentile_scale,
    resample,
    resample_mask,
    rotate_mask,
    rotate_upright,
    to_side,
    total_variation,
    wavelet_shrinkage,
    z_score,
)
from careloop.imaging.quality import bone_angle, check
from careloop.imaging.regions import RADIUS, ULNA, measure_forearm, place_forearm

DENOISERS = [median, non_local_means, wavelet_shrinkage, total_variation]
CONTRASTS = [percentile_scale, z_score, clahe, equalise]
SCAN = ForearmScan(spacing_mm=(1.0, 1.0), noise_g_cm2=0.05)
CLEAN = simulate_forearm(SCAN)
NOISY = simulate_forearm(SCAN, rng=np.random.default_rng(1))
BONES = np.isin(NOISY.labels, (RADIUS, ULNA))


def image_of(pixels, kind="bmd_map", spacing=(1.0, 1.0), side="left"):
    return Image(pixels, spacing, "given", kind, Origin("test", "", "array"), side=side)


# --- denoising


@pytest.mark.parametrize("denoise", DENOISERS)
def test_denoising_comes_nearer_to_the_truth(denoise):
    """The error in flat places (soft tissue) falls by a third at least, and bone keeps its BMD."""
    result, step = denoise(NOISY.image())
    flat = NOISY.body & (NOISY.labels == 0)
    before = (NOISY.bmd_map - CLEAN.bmd_map)[flat].std()
    assert (result.pixels - CLEAN.bmd_map)[flat].std() < 0.67 * before
    assert result.pixels[BONES].mean() == pytest.approx(CLEAN.bmd_map[BONES].mean(), rel=0.03)
    assert result.kind == "bmd_map"  # still g/cm²
    assert step.name == denoise.__name__
    assert step.software == f"careloop {__version__}"


@pytest.mark.parametrize("denoise", DENOISERS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_denoising_keeps_shape_type_gaps_and_the_original(denoise, dtype):
    pixels = (NOISY.picture().pixels[60:100, 20:70]).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        pixels[5:8, 9] = np.nan
    kept = pixels.copy()
    result, _ = denoise(image_of(pixels))
    assert result.pixels.shape == pixels.shape
    wanted = dtype if np.issubdtype(dtype, np.floating) else np.float64
    assert result.pixels.dtype == wanted
    np.testing.assert_array_equal(np.isnan(result.pixels), np.isnan(kept.astype(float)))
    np.testing.assert_array_equal(pixels, kept)


@pytest.mark.parametrize("denoise", DENOISERS)
def test_a_flat_or_missing_picture_stays(denoise):
    flat, _ = denoise(image_of(np.full((20, 20), 0.7)))
    np.testing.assert_allclose(flat.pixels, 0.7)
    empty, _ = denoise(image_of(np.full((20, 20), np.nan)))
    assert np.isnan(empty.pixels).all()


@given(st.floats(0.1, 10), st.floats(-5, 5))
@settings(max_examples=20)
def test_median_goes_with_scale_and_level(factor, level):
    pixels = NOISY.bmd_map[40:60, 30:60]
    one, _ = median(image_of(factor * pixels + level))
    other, _ = median(image_of(pixels))
    np.testing.assert_allclose(one.pixels, factor * other.pixels + level, atol=1e-9)


@pytest.mark.parametrize("size", [0, 2, -3])
def test_median_of_an_even_square_is_refused(size):
    with pytest.raises(InputError, match="median"):
        median(NOISY.image(), size_px=size)


def test_stacks_are_refused_by_what_works_on_a_plane():
    stack = image_of(np.zeros((3, 10, 10)), spacing=(1.0, 1.0, 1.0))
    for function in (*DENOISERS, clahe):
        with pytest.raises(InputError, match="3-d"):
            function(stack)


# --- contrast


@pytest.mark.parametrize("normalise", CONTRASTS)
@pytest.mark.parametrize(
    ("kind", "after"),
    [("bmd_map", "other"), ("ct", "other"), ("radiograph", "radiograph"), ("picture", "picture")],
)
def test_numbers_with_a_unit_lose_it(normalise, kind, after):
    result, step = normalise(image_of(NOISY.bmd_map, kind))
    assert result.kind == after
    assert step.name == normalise.__name__


def test_nobody_measures_bmd_after_contrast_mapping():
    placement = place_forearm(
        NOISY.labels, spacing_mm=(1.0, 1.0), vendor="ge", forearm_length_mm=254.0
    )
    assert measure_forearm(NOISY.image(), placement).values
    with pytest.raises(InputError, match="only a BMD map"):
        measure_forearm(z_score(NOISY.image())[0], placement)


@pytest.mark.parametrize("normalise", [percentile_scale, z_score])
@given(st.floats(0.01, 100), st.floats(-100, 100))
@settings(max_examples=15)
def test_gain_and_offset_do_not_matter_and_twice_is_once(normalise, gain, offset):
    pixels = NOISY.bmd_map[20:140, 20:90]
    mask = BONES[20:140, 20:90]
    once, _ = normalise(image_of(pixels), mask=mask)
    other, _ = normalise(image_of(gain * pixels + offset), mask=mask)
    np.testing.assert_allclose(other.pixels, once.pixels, atol=1e-6)
    twice, _ = normalise(once, mask=mask)
    np.testing.assert_allclose(twice.pixels, once.pixels, atol=0.02)


def test_z_score_has_mean_0_and_spread_1_in_the_mask():
    result, _ = z_score(NOISY.image(), mask=BONES)
    assert result.pixels[BONES].mean() == pytest.approx(0, abs=1e-12)
    assert result.pixels[BONES].std() == pytest.approx(1)


@given(st.floats(0, 40), st.floats(60, 100))
@settings(max_examples=15)
def test_percentile_scale_is_0_to_1_in_order(low, high):
    result, step = percentile_scale(NOISY.image(), low=low, high=high)
    assert (result.pixels.min(), result.pixels.max()) == (0, 1)
    order = np.argsort(NOISY.bmd_map, axis=None, kind="stable")
    assert (np.diff(result.pixels.ravel()[order]) >= 0).all()
    assert step.settings == {"low": low, "high": high}


def test_equalise_makes_shares():
    result, _ = equalise(NOISY.image(), mask=BONES)
    shares = np.sort(result.pixels[BONES])
    uniform = (np.arange(shares.size) + 0.5) / shares.size
    assert np.abs(shares - uniform).max() < 0.03


@pytest.mark.parametrize("normalise", CONTRASTS)
def test_missing_pixels_stay_missing_and_flat_pictures_are_refused(normalise):
    pixels = NOISY.bmd_map.copy()
    pixels[3, 4] = np.nan
    result, _ = normalise(image_of(pixels))
    assert np.isnan(result.pixels[3, 4])
    assert np.isfinite(np.delete(result.pixels.ravel(), 3 * pixels.shape[1] + 4)).all()
    for bad in (np.full((30, 30), 3.0), np.zeros((30, 30), np.uint8)):
        with pytest.raises(InputError, match="same value"):
            normalise(image_of(bad))


def test_mask_of_another_size_or_empty_is_refused():
    with pytest.raises(InputError, match="mask"):
        z_score(NOISY.image(), mask=np.ones((3, 3), bool))
    with pytest.raises(InputError, match="no pixel"):
        z_score(NOISY.image(), mask=np.zeros(NOISY.labels.shape, bool))


# --- geometry


@pytest.mark.parametrize("spacing", [0.5, 1.0, 2.0])
def test_resampling_keeps_places_and_amounts(spacing):
    image = NOISY.image()
    result, _ = resample(image, spacing_mm=spacing)
    mask = resample_mask(BONES, from_mm=(1.0, 1.0), spacing_mm=spacing)
    assert result.spacing_mm == (spacing, spacing)
    assert mask.shape == result.pixels.shape == (160 / spacing, 110 / spacing)
    assert mask.sum() * spacing**2 == pytest.approx(BONES.sum(), rel=0.025 * max(spacing, 1))
    assert result.pixels.sum() * spacing**2 == pytest.approx(NOISY.bmd_map.sum(), rel=0.01)
    for axis in (0, 1):  # the middle of the bone stays where it was, in mm
        before = (np.nonzero(BONES)[axis].mean() + 0.5) * 1.0
        assert (np.nonzero(mask)[axis].mean() + 0.5) * spacing == pytest.approx(before, abs=0.3)


def test_resampling_to_the_same_pixels_changes_nothing_and_twice_is_once():
    image = NOISY.image()
    same, _ = resample(image, spacing_mm=1.0)
    np.testing.assert_array_equal(same.pixels, image.pixels)
    once, _ = resample(image, spacing_mm=0.7)
    twice, _ = resample(once, spacing_mm=0.7)
    np.testing.assert_array_equal(once.pixels, twice.pixels)


def test_a_ramp_is_resampled_exactly():
    """Linear interpolation of pixel centres: a plane stays the same plane."""
    y, x = (np.arange(40) + 0.5)[:, None] * 2.0, (np.arange(50) + 0.5)[None, :] * 1.0
    result, _ = resample(image_of(3 * y - x, spacing=(2.0, 1.0)), spacing_mm=1.0)
    fresh_y, fresh_x = (np.arange(80) + 0.5)[:, None], (np.arange(50) + 0.5)[None, :]
    inner = np.s_[2:-2, 2:-2]
    np.testing.assert_allclose(result.pixels[inner], (3 * fresh_y - fresh_x)[inner], atol=1e-9)


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan"), 0.001])
def test_impossible_spacing_is_refused(spacing):
    with pytest.raises(InputError, match=r"spacing|pixels of"):
        resample(NOISY.image(), spacing_mm=spacing)


@pytest.mark.parametrize("angle", [-11.0, 7.0])
def test_rotation_makes_the_bone_upright_and_its_bmd_right(angle):
    """An oblique forearm fails the check; turned upright it passes, with the truth's BMD."""
    scan = ForearmScan(rotation_deg=angle, field_mm=(170.0, 150.0))
    phantom = simulate_forearm(scan, rng=np.random.default_rng(3))
    bones = np.isin(phantom.labels, (RADIUS, ULNA))
    turned, step = rotate_upright(phantom.image(), mask=bones)
    assert step.settings["angle_deg"] == pytest.approx(angle, abs=0.5)
    found = float(step.settings["angle_deg"])
    labels = sum(
        code * rotate_mask(phantom.labels == code, spacing_mm=(0.5, 0.5), angle_deg=found)
        for code in (1, 2, 3)
    )
    upright = np.isin(labels, (RADIUS, ULNA))
    assert bone_angle(upright, spacing_mm=(0.5, 0.5)) == pytest.approx(0, abs=0.3)
    assert check(phantom.image(), labels=phantom.labels)["rotation"].outcome == "failed"
    assert check(turned, labels=labels)["rotation"].outcome == "passed"
    placement = place_forearm(
        labels, spacing_mm=(0.5, 0.5), vendor="hologic", forearm_length_mm=254.0
    )
    filled = replace(turned, pixels=np.nan_to_num(turned.pixels))
    bmd = measure_forearm(filled, placement).bmd()
    for region in ("ud", "mid", "one_third"):
        truth = phantom.truth.regions[f"hologic radius {region}"].bmd_g_cm2
        assert bmd[region] == pytest.approx(truth, rel=0.025)


def test_rotation_is_undone_by_its_opposite_and_marks_what_is_missing():
    image = CLEAN.image()
    there, _ = rotate_upright(image, angle_deg=10.0)
    assert np.isnan(there.pixels).any()  # corners from outside
    back, _ = rotate_upright(replace(there, pixels=np.nan_to_num(there.pixels)), angle_deg=-10.0)
    inner = np.s_[30:-30, 25:-25]
    assert np.abs(back.pixels - image.pixels)[inner].mean() < 0.02
    same, _ = rotate_upright(image, angle_deg=0.0)
    np.testing.assert_array_equal(same.pixels, image.pixels)


def test_no_axis_is_refused():
    with pytest.raises(InputError, match="axis"):
        rotate_upright(NOISY.image())
    with pytest.raises(InputError, match="axis"):
        rotate_upright(NOISY.image(), mask=np.zeros(NOISY.labels.shape, bool))
    region = np.zeros(NOISY.labels.shape, bool)
    region[60:75, 30:60] = True
    with pytest.raises(InputError, match="axis"):  # it would be laid on its side
        rotate_upright(NOISY.image(), mask=region)


def test_mirroring_to_a_side_is_done_once():
    image = NOISY.image()
    same, _ = to_side(image, side="left")
    np.testing.assert_array_equal(same.pixels, image.pixels)
    right, step = to_side(image, side="right")
    np.testing.assert_array_equal(right.pixels, image.pixels[:, ::-1])
    assert (right.side, step.settings) == ("right", {"side": "right", "from_side": "left"})
    again, _ = to_side(right, side="right")
    np.testing.assert_array_equal(again.pixels, right.pixels)
    np.testing.assert_array_equal(mirror_mask(BONES, mirrored=True), BONES[:, ::-1])
    with pytest.raises(InputError, match="unknown side"):
        to_side(replace(image, side=""), side="left")


# --- artefacts


@given(st.floats(0, 10))
@settings(max_examples=10)
def test_mask_never_grows_and_loses_the_metal(margin):
    metal = defect.put_metal(NOISY, kind="watch", rng=np.random.default_rng(2))
    truth = metal.bmd_map - NOISY.bmd_map > 1
    left, step = exclude_artefacts(metal.image(), BONES, margin_mm=margin)
    assert not (left & ~BONES).any()
    assert not (left & truth).any()
    assert left.any()
    assert step.settings == {"margin_mm": margin}


def test_clean_mask_stays_whole():
    left, _ = exclude_artefacts(NOISY.image(), BONES)
    np.testing.assert_array_equal(left, BONES)
    with pytest.raises(InputError, match="margin"):
        exclude_artefacts(NOISY.image(), BONES, margin_mm=-1)
