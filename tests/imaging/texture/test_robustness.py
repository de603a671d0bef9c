"""Whatever image and mask come, a texture feature answers or refuses; and its examples run."""

import doctest
import importlib
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from careloop.error import InputError
from careloop.imaging.texture.box_counting import box_counting_dimension
from careloop.imaging.texture.density import density_distribution
from careloop.imaging.texture.hurst import hurst
from careloop.imaging.texture.lacunarity import lacunarity
from careloop.imaging.texture.local_binary_pattern import local_binary_pattern
from careloop.imaging.texture.region import region
from careloop.imaging.texture.variogram import variogram_slope, variogram_slope_map

MEASURE = (
    local_binary_pattern,
    variogram_slope,
    hurst,
    lacunarity,
    density_distribution,
    lambda image, mask: {"box": box_counting_dimension(image, mask)},
    lambda image, mask: {"map": float(np.nanmax(variogram_slope_map(image, mask), initial=0))},
)

DTYPES = st.sampled_from(
    [np.bool_, np.uint8, np.int16, np.uint64, np.int64, np.float16, np.float32, np.float64]
)
CASES = array_shapes(min_dims=2, max_dims=2, max_side=24).flatmap(
    lambda shape: st.tuples(
        DTYPES.flatmap(lambda dtype: arrays(dtype, shape)),
        arrays(np.bool_, shape) | st.just(np.ones(shape, np.uint8)),
    )
)


@given(CASES)
@example((np.full((20, 20), 1e300), np.ones((20, 20))))
@example((np.full((20, 20), 1e-320), np.ones((20, 20))))
@example((np.eye(20) * 1e99, np.ones((20, 20))))
@example((np.eye(20) * 1e-300, np.ones((20, 20))))
@example((np.full((20, 20), 2**64 - 1, np.uint64), np.ones((20, 20))))
def test_any_image_gives_finite_numbers_nan_or_a_refusal(case):
    """Warnings are errors here, so none is given either."""
    image, mask = case
    with np.errstate(all="ignore"):
        sound = (np.abs(image[mask != 0].astype(float)) <= 1e100).all()
    for measure in MEASURE:
        if not sound:
            with pytest.raises(InputError, match="not finite"):
                measure(image, mask)
            continue
        for key, value in measure(image, mask).items():
            assert type(value) is float, key
            assert not math.isinf(value), key


def test_region_is_cropped_with_its_margin_and_says_where():
    image = np.arange(70).reshape(7, 10)
    mask = np.zeros((7, 10), np.int8)
    mask[2:4, 5:9] = 3
    found = region(image, mask)
    assert np.array_equal(found.grey, image[2:4, 5:9])
    assert found.mask.all()
    assert found[2:] == (2, 5)
    wider = region(image, mask, margin=3)
    assert np.array_equal(wider.grey, image[0:7, 2:10])
    assert np.array_equal(wider.mask, mask[0:7, 2:10] != 0)
    assert wider[2:] == (0, 2)
    assert region(image, mask * 0).grey.shape == (0, 0)


@pytest.mark.parametrize(
    "module",
    [
        "texture.local_binary_pattern",
        "texture.variogram",
        "texture.hurst",
        "texture.lacunarity",
        "texture.density",
        "filter_bank",
        "phantom.surface",
    ],
)
def test_examples_run(module):
    ran = doctest.testmod(importlib.import_module(f"careloop.imaging.{module}"))
    assert ran.failed == 0
    assert ran.attempted > 0
