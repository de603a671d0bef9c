"""One image: quality first, then numbers; every refusal says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from careloop.dictionary.catalogue import load
from careloop.imaging.filter_bank import wavelet
from careloop.imaging.measurement import Settings
from careloop.imaging.measuring.filtering import filtered
from careloop.imaging.measuring.mask import Region, RegionError
from careloop.imaging.measuring.quantity import quantities, units
from careloop.imaging.measuring.result import Measured, Refused
from careloop.imaging.measuring.single import (
    Demand,
    QualityError,
    Task,
    measure,
    measured_image,
    measured_region,
    site_of,
    steps_of,
)
from careloop.imaging.measuring.value import columns, values
from careloop.imaging.preprocessing import Pipeline
from careloop.imaging.radiomics import extract

from .conftest import bone, image

FEW = Settings(families=("intensity_statistics", "glcm"), bins=16)


def broken():
    """An image that a blocking check stops: nothing in it is known."""
    return replace(image(0), pixels=np.full((96, 72), np.nan))


def saturated():
    """A blocking defect that leaves numbers to measure: much of the bone is clipped."""
    pixels = image(0).pixels.copy()
    pixels[bone(0)[1] & (pixels > 150)] = 255
    return replace(image(0), pixels=pixels)


def test_numbers_are_those_of_extract():
    one, mask = image(1), bone(1)[1]
    found = {each.variable: each.value for each in measure(one, mask, region="r", settings=FEW)}
    wanted = extract(one.pixels, mask, bins=16, families=FEW.families)
    assert found == {f"radiomics_{key}": value for key, value in wanted.items()}


def test_every_measurement_says_what_it_must():
    for each in measure(image(1), bone(1)[1], region="ud", settings=FEW):
        assert each.unit == load()[each.variable].unit
        assert (each.region, each.filter) == ("ud", "original")
        assert each.settings["settings"] == FEW.id
        assert each.settings["mask"] == "drawn"
        assert str(each.settings["quality"]).startswith("passed ")
        assert each.software.startswith("careloop ")
        assert each.taken_at is not None


def test_a_blocking_check_stops_unless_that_is_allowed_and_then_stands_in_every_number():
    mask = bone(0)[1]
    with pytest.raises(QualityError) as caught:
        measure(saturated(), mask, region="r", settings=FEW)
    codes = [each.code for each in caught.value.findings]
    assert codes
    assert all(code.startswith("I3") for code in codes)
    found = measure(saturated(), mask, region="r", settings=FEW, demand=Demand(allow_failed=True))
    assert found
    assert all(codes[0] in str(each.settings["quality"]) for each in found)
    assert measure(image(0), mask, region="r", settings=FEW)


def test_masks_that_cannot_be_measured():
    with pytest.raises(RegionError) as caught:
        measure(image(0), np.ones((4, 4)), region="r", settings=FEW)
    assert caught.value.code in {"I506"}
    tiny = np.zeros((96, 72))
    tiny[40:43, 40:43] = 1
    with pytest.raises(RegionError) as caught:
        measure(image(0), tiny, region="r", settings=FEW)
    assert caught.value.code == "I507"


def test_a_run_never_raises_and_names_no_value(monkeypatch):
    task = Task(FEW)
    (refused,) = measured_image(broken(), task)
    assert isinstance(refused, Refused)
    assert refused.code == "I501"

    def burst(*_, **__):
        raise RuntimeError("Canary^Secret")

    monkeypatch.setattr("careloop.imaging.measuring.single.values", burst)
    (refused,) = measured_image(image(0), task)
    assert (refused.code, refused.problem) == ("I509", "RuntimeError")


def test_regions_are_refused_one_by_one():
    mask = bone(0)[1]
    tiny = np.zeros_like(mask)
    tiny[0, 0] = True
    masks = lambda _: [Region("whole", mask), Region("tiny", tiny)]  # noqa: E731
    good, bad = measured_image(image(0), Task(FEW, masks=masks), picture=True)
    assert isinstance(good, Measured)
    assert good.mask_from == "drawn"
    assert good.picture.startswith("data:image/png;base64,")
    assert isinstance(bad, Refused)
    assert (bad.code, bad.region) == ("I507", "tiny")


def test_an_automatic_region_is_flagged():
    (one,) = measured_image(image(0), Task(FEW))
    assert one.mask_from == "automatic"
    assert "I503" in {each.code for each in one.findings}
    assert {each.settings["mask"] for each in one.measurements()} == {"automatic"}


def test_no_name_travels_with_a_result():
    (one,) = measured_image(image(0), Task(FEW))
    assert "Test^Name" not in repr(one)
    assert one.image.subject.person_id == "P1"
    assert one.image.pixels.size == 0


def test_a_stack_is_measured_and_says_that_it_was_not_checked():
    pixels, mask = bone(0)
    stack = replace(
        image(0), pixels=np.stack([pixels, pixels[::-1]]), spacing_mm=(1.0, 0.5, 0.5), kind="ct"
    )
    drawn = np.stack([mask, mask[::-1]])
    wanted = replace(FEW, textures=("variogram",))
    (one,) = measured_image(stack, Task(wanted, masks=lambda _: [Region("r", drawn)]))
    assert one.quality == "not checked"
    assert "I514" in {each.code for each in one.findings}
    assert not [name for name in one.values if name.startswith("texture")]
    assert one.values["radiomics_intensity_mean"] == pytest.approx(stack.pixels[drawn].mean())


@pytest.mark.parametrize("shape", [(96, 72), (2, 96, 72)])
def test_wavelets_of_the_crop_are_those_of_the_whole_image(shape):
    rng = np.random.default_rng(0)
    pixels, mask = rng.normal(size=shape), np.zeros(shape, bool)
    mask[..., 20:50, 30:60] = True
    settings = Settings(wavelet="coif1", wavelet_levels=2)
    found = {
        name: response[inside]
        for name, response, inside in filtered(
            pixels, mask, spacing_mm=(1.0, 1.0), settings=settings
        )
    }
    planes = pixels[None] if pixels.ndim == 2 else pixels
    whole = [wavelet(plane, wavelet="coif1", levels=2) for plane in planes]
    assert len(found) == 9
    for band in whole[0]:
        response = np.stack([each[band] for each in whole]).reshape(shape)
        np.testing.assert_allclose(found[f"wavelet_{band.lower()}"], response[mask], atol=1e-12)


def test_every_filter_and_texture_has_its_columns():
    everything = Settings(
        textures=("local_binary_pattern", "variogram", "hurst", "lacunarity", "density"),
        wavelet="haar",
        log_sigma_mm=(1.5,),
        gabor_wavelength_mm=(4.0,),
    )
    named = columns(everything)
    mask = bone(2, (128, 96))[1]
    found = values(bone(2, (128, 96))[0], mask, spacing_mm=(0.5, 0.5), settings=everything)
    assert set(found) == set(named)
    assert len(named) == len(set(named))
    prefixes = {name.rpartition("__")[0] for name in named}
    bands = {f"wavelet_{band}1" for band in ("ll", "lh", "hl", "hh")}
    assert prefixes == {"", "log_1_5_mm", "gabor_4_mm", *bands}
    assert {name.rpartition("__")[2] for name in named} <= set(units())


@pytest.mark.parametrize(
    "odd",
    [
        Settings(log_sigma_mm=(0.1,), gabor_wavelength_mm=(0.3, 9.0)),
        Settings(bins=None, bin_width=0.001),
        Settings(bins=None, bin_width=2000.0),
        Settings(families=(), textures=("lacunarity",)),
    ],
)
def test_columns_are_known_for_all_settings(odd):
    found = columns(odd)
    assert found
    assert found == list(dict.fromkeys(found))


def test_every_texture_feature_that_is_listed_is_measured():
    listed = {each.variable for each in quantities() if each.variable.startswith("texture_")}
    families = {each.family for each in quantities() if each.variable.startswith("texture_")}
    found = columns(Settings(families=(), textures=tuple(families)))
    assert set(found) == listed


def test_preprocessing_is_applied_and_changes_the_id():
    pipeline = Pipeline.from_toml('[[step]]\nname = "median"\nsize_px = 5\n')
    smooth = replace(FEW, preprocessing=steps_of(pipeline))
    one, mask = image(1), bone(1)[1]
    after = {each.variable: each.value for each in measure(one, mask, region="r", settings=smooth)}
    wanted = extract(pipeline.apply(one, mask).image.pixels, mask, bins=16, families=FEW.families)
    assert after == {f"radiomics_{key}": value for key, value in wanted.items()}
    assert smooth.id != FEW.id
    assert "software" not in smooth.json


def test_resampling_takes_the_mask_along():
    pipeline = Pipeline.from_toml('[[step]]\nname = "resample"\nspacing_mm = 1.0\n')
    coarse = replace(FEW, preprocessing=steps_of(pipeline))
    assert measure(image(1), bone(1)[1], region="r", settings=coarse)


@pytest.mark.parametrize(
    ("words", "site"),
    [
        ("L FOREARM", "forearm"),
        ("左前臂", "forearm"),
        ("WRIST PA", "forearm"),
        ("AP Spine", "other"),
    ],
)
def test_the_site_is_read_from_the_files_words(words, site):
    assert site_of(image(0, body_part=words)) == site


@hypothesis_settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([0.25, 0.5, 2, 8]), st.integers(-900, 900))
def test_texture_does_not_depend_on_gain_and_offset(seed, gain, offset):
    pixels, mask = bone(seed, (48, 40))
    only = Settings(families=("glcm",), bins=8)
    one = values(pixels.astype(float), mask, spacing_mm=(1.0, 1.0), settings=only)
    other = values(pixels.astype(float) * gain + offset, mask, spacing_mm=(1.0, 1.0), settings=only)
    assert one == other


def test_pixels_that_are_not_square_are_resampled_and_it_is_said():
    picture = image(spacing_mm=(1.05, 0.6))
    mask = np.zeros(picture.pixels.shape, dtype=bool)
    mask[10:50, 10:70] = True
    one = measured_region(
        picture,
        Region("box", mask),
        settings=Settings(families=("glcm",)),
        quality="passed",
        mask_from="drawn",
    )
    (remark,) = [each for each in one.findings if each.code == "I515"]
    assert remark.detail == "1.05 × 0.6 → 0.6 mm"
    assert one.region_pixels == pytest.approx(mask.sum() * 1.05 / 0.6, rel=0.05)
