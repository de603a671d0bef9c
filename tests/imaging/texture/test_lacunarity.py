"""Lacunarity against its definition, and where it is known by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.error import InputError
from careloop.imaging.texture.lacunarity import FEATURES, lacunarity


def by_definition(image, mask, size, zero):
    """Glide one box after the other."""
    masses = [
        (image[y : y + size, x : x + size] - zero).sum()
        for y in range(image.shape[0] - size + 1)
        for x in range(image.shape[1] - size + 1)
        if mask[y : y + size, x : x + size].all()
    ]
    if not masses or np.mean(masses) == 0:
        return math.nan
    return np.mean(np.square(masses)) / np.mean(masses) ** 2


@given(seed=st.integers(0, 2**20), fill=st.floats(0.3, 1), zero=st.sampled_from([None, -60.0]))
def test_against_its_definition(seed, fill, zero):
    rng = np.random.default_rng(seed)
    image = rng.integers(-50, 50, (12, 9)).astype(float)
    mask = rng.random((12, 9)) < fill
    found = lacunarity(image, mask, sizes=(1, 2, 3, 16), zero=zero)
    base = (image[mask].min() if mask.any() else 0) if zero is None else zero
    for size in (1, 2, 3, 16):
        expected = by_definition(image, mask, size, base)
        assert found[f"lacunarity_{size}_px"] == pytest.approx(expected, rel=1e-9, nan_ok=True)
    assert math.isnan(found["lacunarity_slope"])  # 16 never fits


@given(gain=st.floats(0.01, 100), level=st.floats(-1000, 1000), seed=st.integers(0, 2**20))
def test_brightness_and_contrast_change_nothing(gain, level, seed):
    image = np.random.default_rng(seed).random((20, 20))
    one = lacunarity(image, image >= 0)
    other = lacunarity(image * gain + level, image >= 0)
    assert other == pytest.approx(one, rel=1e-6)
    assert all(one[f"lacunarity_{size}_px"] >= 1 for size in (2, 4, 8, 16))
    assert list(one) == [label.key for label in FEATURES]


def test_slope_of_white_noise_is_minus_two_on_its_excess():
    """Λ − 1 = variance / (mean² s²): checked at Λ(s) itself, and the sign of the slope."""
    image = np.random.default_rng(0).random((400, 400))
    found = lacunarity(image, image >= 0, zero=0.0, sizes=(1, 2, 4))
    for size in (1, 2, 4):
        assert found[f"lacunarity_{size}_px"] - 1 == pytest.approx(1 / 3 / size**2, rel=0.05)
    log = [math.log(found[f"lacunarity_{size}_px"]) for size in (1, 2, 4)]
    assert found["lacunarity_slope"] == pytest.approx(np.polyfit(np.log([1, 2, 4]), log, 1)[0])


def test_undefined_is_nan_and_wrong_is_refused():
    image = np.random.default_rng(1).random((30, 30))
    one_pixel = np.zeros((30, 30), int)
    assert all(math.isnan(value) for value in lacunarity(image, one_pixel).values())
    one_pixel[3, 4] = 1
    assert all(math.isnan(value) for value in lacunarity(image, one_pixel).values())
    assert all(math.isnan(value) for value in lacunarity(image * 0 + 9.1, image < 2).values())
    assert lacunarity(image * 0 + 9, image < 2, zero=0.0)["lacunarity_8_px"] == 1
    for wrong in ({"sizes": ()}, {"sizes": (2, 2)}, {"sizes": (0, 2)}, {"zero": 0.5}):
        with pytest.raises(InputError):
            lacunarity(image, image < 2, **wrong)
    image[5, 5] = np.nan
    with pytest.raises(InputError, match="not finite"):
        lacunarity(image, np.ones((30, 30)))
