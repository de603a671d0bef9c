"""Density distribution where every answer is known by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.error import InputError
from careloop.imaging.texture.density import FEATURES, density_distribution


@given(seed=st.integers(0, 2**20), dtype=st.sampled_from([np.uint8, np.int16, np.float32]))
def test_fractions_against_numpy_histogram(seed, dtype):
    rng = np.random.default_rng(seed)
    image, mask = (rng.random((12, 9)) * 200).astype(dtype), rng.random((12, 9)) < 0.8
    grey = image[mask].astype(float)
    found = density_distribution(image, mask, edges=(20, 50, 51.5, 150))
    expected = np.histogram(grey, bins=(20, 50, 51.5, 150))[0] / grey.size
    assert [found[f"density_fraction_{k}"] for k in (1, 2, 3)] == pytest.approx(expected.tolist())
    assert "density_fraction_4" not in found
    ten = density_distribution(image, mask)
    shares = [ten[f"density_fraction_{k}"] for k in range(1, 11)]
    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx((np.histogram(grey, 10)[0] / grey.size).tolist(), abs=0.02)
    assert list(ten) == [label.key for label in FEATURES]


def test_high_fraction():
    image = np.array([[0.0, 0, 0, 0, 10]])
    mask = np.ones((1, 5))
    assert density_distribution(image, mask)["density_high_fraction"] == 0.2  # 2 + 4 < 10
    assert density_distribution(image, mask, high_above=-1)["density_high_fraction"] == 1
    assert density_distribution(image, mask, high_above=10)["density_high_fraction"] == 0


@pytest.mark.parametrize("angle", [0, 30, 90, 135, 200, 359])
def test_gradient_of_a_plane_of_unequal_spacing(angle):
    y, x = np.mgrid[:30, :20] * np.array([0.5, 0.8])[:, None, None]
    plane = 3 * (x * np.cos(np.deg2rad(angle)) - y * np.sin(np.deg2rad(angle)))
    mask = np.hypot(y - 7, x - 8) < 6
    found = density_distribution(np.where(mask, plane, np.nan), mask, spacing=(0.5, 0.8))
    assert found["density_gradient_per_mm"] == pytest.approx(3)
    assert found["density_gradient_coherence"] == pytest.approx(1)
    assert found["density_gradient_angle_deg"] == pytest.approx(angle)


def test_gradients_that_cancel_have_no_direction():
    image = np.abs(np.arange(21) - 10.0) * np.ones((9, 1))
    found = density_distribution(image, np.ones(image.shape))
    assert found["density_gradient_coherence"] == pytest.approx(0, abs=1e-12)
    assert math.isnan(found["density_gradient_angle_deg"])


def test_heterogeneity_is_that_of_block_means():
    means = np.array([[1.0, 2, 3], [4, 5, 6]])
    image = np.kron(means, np.ones((4, 4))) + np.tile([[0.3, -0.3], [-0.3, 0.3]], (4, 6))
    found = density_distribution(image, np.ones(image.shape), spacing=(0.5, 0.5), block_mm=2.0)
    assert found["density_heterogeneity"] == pytest.approx(means.std(ddof=1) / means.mean())
    half = np.ones(image.shape, bool)
    half[:4, 1:4] = False  # less than half of the first block is left
    found = density_distribution(image, half, spacing=(0.5, 0.5), block_mm=2.0)
    rest = means.ravel()[1:]
    assert found["density_heterogeneity"] == pytest.approx(rest.std(ddof=1) / rest.mean())


@given(level=st.floats(-1e3, 1e3), gain=st.floats(0.01, 100), seed=st.integers(0, 2**20))
def test_brightness_and_contrast(level, gain, seed):
    rng = np.random.default_rng(seed)
    image, mask = rng.random((20, 24)), rng.random((20, 24)) < 0.95
    one, other = (density_distribution(grey, mask) for grey in (image, image * gain + level))
    assert other["density_gradient_per_mm"] == pytest.approx(gain * one["density_gradient_per_mm"])
    assert other["density_high_fraction"] == one["density_high_fraction"]


def test_undefined_is_nan_and_wrong_is_refused():
    image = np.random.default_rng(1).random((30, 30))
    empty = np.zeros((30, 30))
    assert all(math.isnan(value) for value in density_distribution(image, empty).values())
    empty[4, 4] = 1
    one = density_distribution(image, empty)
    assert one["density_high_fraction"] == 0
    assert [key for key, value in one.items() if not math.isnan(value)] == ["density_high_fraction"]
    flat = density_distribution(image * 0 + 0.1, image < 2)
    assert flat["density_high_fraction"] == 0
    assert flat["density_gradient_per_mm"] == 0
    assert flat["density_heterogeneity"] == pytest.approx(0, abs=1e-12)
    assert math.isnan(flat["density_fraction_1"])
    assert math.isnan(flat["density_gradient_angle_deg"])
    for wrong in (
        {"block_mm": 0},
        {"block_mm": math.nan},
        {"edges": (1,)},
        {"edges": (1, 1)},
        {"edges": (1, math.nan)},
        {"spacing": (1,)},
    ):
        with pytest.raises(InputError):
            density_distribution(image, image < 2, **wrong)
