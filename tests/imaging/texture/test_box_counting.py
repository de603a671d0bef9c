"""Differential box counting: what it gives, and that its bias is the one documented."""

import math

import numpy as np
import pytest

from careloop.error import InputError
from careloop.imaging.texture.box_counting import box_counting_dimension


def test_bias_on_exact_surfaces_is_as_documented(masks, surfaces):
    for hurst, documented in ((0.3, 2.24), (0.5, 2.10), (0.7, 1.98)):
        found = [box_counting_dimension(s, masks("square")) for s in surfaces(hurst, 5)]
        assert np.mean(found) == pytest.approx(documented, abs=0.03)


def test_a_plane_has_dimension_two():
    plane = np.arange(256.0) * np.ones((256, 1))
    assert box_counting_dimension(plane, np.ones((256, 256))) == pytest.approx(2, abs=0.1)


def test_undefined_is_nan_and_wrong_is_refused():
    image = np.random.default_rng(0).random((40, 40))
    assert math.isnan(box_counting_dimension(image, image * 0))
    assert math.isnan(box_counting_dimension(image * 0, image < 2))
    assert math.isnan(box_counting_dimension(image[:10, :10], image[:10, :10] < 2))
    for sizes in ((2,), (2, 2), (1, 2)):
        with pytest.raises(InputError):
            box_counting_dimension(image, image < 2, sizes=sizes)
