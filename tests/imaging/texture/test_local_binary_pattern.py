"""Local binary patterns against scikit-image, and by hand."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.feature import local_binary_pattern as patterns

from careloop.error import InputError
from careloop.imaging.texture.local_binary_pattern import (
    FEATURES,
    NO_PATTERN,
    local_binary_pattern,
    uniform_patterns,
)


def reference(image, points, radius):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about floating-point images
        return patterns(image, points, radius, method="uniform")


@pytest.mark.parametrize(("points", "radius"), [(8, 1), (8, 1.5), (12, 2.5), (16, 2), (24, 3)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint16])
def test_every_code_against_scikit_image(points, radius, dtype):
    image = (np.random.default_rng(points).random((61, 47)) * 60000).astype(dtype)
    ours = uniform_patterns(image, radius_px=radius, points=points)
    inside = ours != NO_PATTERN
    reach = math.ceil(radius)
    assert inside.sum() == (61 - 2 * reach) * (47 - 2 * reach)
    assert np.array_equal(ours[inside], reference(image, points, radius)[inside])


@pytest.mark.parametrize("levels", [2, 5, 30])
def test_every_code_against_scikit_image_with_many_equal_neighbours(levels):
    image = np.random.default_rng(levels).integers(0, levels, (80, 70)).astype(np.uint8)
    ours = uniform_patterns(image)[1:-1, 1:-1]
    assert np.array_equal(ours, reference(image, 8, 1)[1:-1, 1:-1])


def test_histogram_counts_the_codes_of_the_mask():
    rng = np.random.default_rng(5)
    image, mask = rng.random((40, 30)), rng.random((40, 30)) < 0.4
    found = local_binary_pattern(image, mask)
    codes = reference(image, 8, 1)[1:-1, 1:-1][mask[1:-1, 1:-1]].astype(int)
    shares = np.bincount(codes, minlength=10) / codes.size
    assert [found[f"lbp_uniform_{k}"] for k in range(9)] == pytest.approx(shares[:9].tolist())
    assert found["lbp_non_uniform"] == pytest.approx(shares[9])
    assert found["lbp_entropy"] == pytest.approx(-(shares * np.log2(shares)).sum())
    assert found["lbp_uniformity"] == pytest.approx((shares**2).sum())
    assert list(found) == [label.key for label in FEATURES]


@given(
    quarter=st.integers(0, 3),
    gain=st.floats(0.01, 100),
    level=st.floats(-1000, 1000),
    seed=st.integers(0, 2**20),
)
def test_turning_and_brightness_change_nothing(quarter, gain, level, seed):
    rng = np.random.default_rng(seed)
    image, mask = rng.integers(0, 50, (14, 11)), rng.random((14, 11)) < 0.7
    changed = local_binary_pattern(np.rot90(image, quarter) * gain + level, np.rot90(mask, quarter))
    assert changed == pytest.approx(local_binary_pattern(image, mask), nan_ok=True)


def test_constant_image_has_no_darker_neighbours():
    found = local_binary_pattern(np.full((9, 9), 0.1), np.ones((9, 9)))
    assert found["lbp_uniform_8"] == 1
    assert found["lbp_entropy"] == 0
    assert found["lbp_uniformity"] == 1


def test_surroundings_count_but_not_finite_ones():
    image = np.random.default_rng(1).random((20, 20))
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    holed = image.copy()
    holed[0] = np.inf
    assert local_binary_pattern(holed, mask) == local_binary_pattern(image, mask)
    holed[4, 4] = np.nan
    smaller = mask.copy()
    smaller[5, 5] = False
    assert local_binary_pattern(holed, mask) == local_binary_pattern(image, smaller)
    assert uniform_patterns(holed)[5, 5] == NO_PATTERN


def test_undefined_is_nan_and_wrong_is_refused():
    image = np.random.default_rng(1).random((12, 12))
    corner = np.zeros((12, 12))
    assert all(math.isnan(value) for value in local_binary_pattern(image, corner).values())
    corner[0, 0] = 1
    assert all(math.isnan(value) for value in local_binary_pattern(image, corner).values())
    corner[0, 0], corner[5, 5] = 0, 1
    assert sum(list(local_binary_pattern(image, corner).values())[:10]) == 1
    for wrong in ({"radius_px": 0.5}, {"radius_px": 1000}, {"points": 3}, {"points": 25}):
        with pytest.raises(InputError):
            local_binary_pattern(image, corner, **wrong)
    with pytest.raises(InputError, match="1 of 1"):
        local_binary_pattern(np.full((12, 12), np.nan), corner)


def test_codes_of_a_partly_unknown_image():
    image = np.random.default_rng(3).random((12, 10)).astype(np.float16)
    whole = uniform_patterns(image)
    holed = image.copy()
    holed[5, 5], holed[0, 0] = np.nan, np.inf
    found = uniform_patterns(holed)
    unknown = np.zeros(image.shape, bool)
    unknown[4:7, 4:7] = unknown[:2, :2] = True
    assert (found[unknown] == NO_PATTERN).all()
    assert np.array_equal(found[~unknown], whole[~unknown])
    assert (uniform_patterns(holed * np.nan) == NO_PATTERN).all()
    with pytest.raises(InputError):
        uniform_patterns(image.astype(complex))
