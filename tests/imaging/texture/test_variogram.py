"""The variogram against its definition, and its slope on surfaces of known Hurst exponent."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.error import InputError
from careloop.imaging.phantom.surface import fractional_brownian_surface
from careloop.imaging.texture.variogram import (
    DIRECTIONS,
    FEATURES,
    variogram,
    variogram_slope,
    variogram_slope_map,
)


def by_definition(image, mask, lags):
    """γ pair by pair."""
    found = np.full((4, len(lags)), np.nan)
    rows, columns = image.shape
    for number, (down, right) in enumerate(DIRECTIONS):
        for place, lag in enumerate(lags):
            squares = []
            for y in range(rows):
                for x in range(columns):
                    v, u = y + down * lag, x + right * lag
                    if 0 <= v < rows and 0 <= u < columns and mask[y, x] and mask[v, u]:
                        squares.append((image[y, x] - image[v, u]) ** 2)
            if squares:
                found[number, place] = np.mean(squares) / 2
    return found


@given(seed=st.integers(0, 2**20), fill=st.floats(0.1, 1), rows=st.integers(1, 9))
def test_variogram_against_its_definition(seed, fill, rows):
    rng = np.random.default_rng(seed)
    image, mask = rng.integers(-50, 50, (rows, 8)), rng.random((rows, 8)) < fill
    np.testing.assert_allclose(
        variogram(image, mask, lags=(1, 3, 2)),
        by_definition(image, mask, (1, 3, 2)) if mask.any() else np.full((4, 3), np.nan),
        rtol=1e-12,
    )


@pytest.mark.parametrize("hurst", [0.3, 0.5, 0.7])
@pytest.mark.parametrize(("region", "single"), [("square", 0.04), ("ellipse", 0.08)])
def test_known_hurst_exponent_is_found(hurst, region, single, masks, surfaces):
    """Mean of 24 surfaces within ± 0.02, and each single one within what its region allows."""
    found = [variogram_slope(surface, masks(region)) for surface in surfaces(hurst, 24)]
    h = np.array([values["variogram_hurst"] for values in found])
    assert abs(h.mean() - hurst) < 0.02
    assert np.abs(h - hurst).max() < single
    assert found[0]["variogram_slope"] == pytest.approx(2 * h[0])
    assert found[0]["variogram_fractal_dimension"] == pytest.approx(3 - h[0])
    assert min(values["variogram_linearity"] for values in found) > 0.98
    assert list(found[0]) == [label.key for label in FEATURES]


@pytest.mark.parametrize(("thin", "spacing"), [((1, 2), (0.5, 1.0)), ((3, 1), (0.6, 0.2))])
def test_unequal_spacing_does_not_bend_slope_or_roughness(thin, spacing, surfaces):
    """A surface of which every second column, or third row, is kept."""
    found = []
    for surface in surfaces(0.5, 8):
        kept = surface[:: thin[0], :: thin[1]]
        found.append(variogram_slope(kept, kept == kept, spacing=spacing))
    mean = {key: np.mean([values[key] for values in found]) for key in found[0]}
    assert mean["variogram_hurst"] == pytest.approx(0.5, abs=0.02)
    # E[(g_u − g_v)²] = (r / mm of an original pixel)^2H, and γ(1 mm) is half of it at 1 mm
    original_mm = spacing[0] / thin[0]
    assert mean["variogram_roughness"] == pytest.approx(original_mm**-0.5 / 2**0.5, rel=0.02)


def test_directions_are_told_apart():
    """B(x) of H = 0.7 along the rows plus another of H = 0.3 along the columns."""
    rng = np.random.default_rng(4)
    along, down = (
        np.mean(
            [variogram_slope(_cross(0.7, 0.3, rng), np.ones((256, 256)))[key] for _ in range(4)]
        )
        for key in ("variogram_slope_row", "variogram_slope_column")
    )
    assert along == pytest.approx(1.4, abs=0.15)
    assert down == pytest.approx(0.6, abs=0.1)


def _cross(along, down, rng):
    row = fractional_brownian_surface((1, 256), along, rng=rng)
    column = fractional_brownian_surface((256, 1), down, rng=rng)
    return row + column


@given(gain=st.floats(0.001, 1000), level=st.floats(-1e4, 1e4), seed=st.integers(0, 2**20))
def test_slope_has_no_unit_and_roughness_that_of_the_image(gain, level, seed):
    rng = np.random.default_rng(seed)
    image, mask = rng.random((16, 16)), rng.random((16, 16)) < 0.9
    one, other = (variogram_slope(grey, mask) for grey in (image, image * gain + level))
    one["variogram_roughness"] *= gain
    assert other == pytest.approx(one, rel=1e-5, abs=1e-5)


def test_map_is_the_slope_of_each_window():
    rng = np.random.default_rng(9)
    image, mask = rng.random((40, 33)), rng.random((40, 33)) < 0.8
    image[~mask] = np.nan
    found = variogram_slope_map(image, mask, spacing=(0.5, 0.25), lags=(1, 2, 4), radius_mm=2.0)
    assert found.shape == image.shape
    assert np.isnan(found[~mask]).all()
    for y, x in [(0, 0), (3, 30), (20, 16), (39, 32), (25, 1)]:
        if not mask[y, x]:
            continue
        window = np.zeros_like(mask)
        window[max(y - 4, 0) : y + 5, max(x - 8, 0) : x + 9] = True
        expected = variogram_slope(image, window & mask, spacing=(0.5, 0.25), lags=(1, 2, 4))
        assert found[y, x] == pytest.approx(expected["variogram_slope"], rel=1e-9)


def test_map_of_a_surface_averages_to_its_slope():
    surface = fractional_brownian_surface(128, 0.5, rng=np.random.default_rng(2))
    found = variogram_slope_map(surface, np.ones((128, 128)), radius_mm=10)
    assert found[10:-10, 10:-10].mean() == pytest.approx(1.0, abs=0.1)


def test_map_of_equal_grey_levels_is_unknown():
    image = np.zeros((40, 40))
    image[:, 20:] = np.random.default_rng(0).random((40, 20)) * 1000
    found = variogram_slope_map(image, np.ones((40, 40)), radius_mm=5)
    assert np.isnan(found[:, :10]).all()
    assert np.isfinite(found[:, 25:]).all()
    assert np.isnan(variogram_slope_map(image, np.zeros((40, 40)))).all()


@pytest.mark.parametrize("mask", ["empty", "pixel", "column"])
def test_undefined_is_nan(mask):
    image = np.random.default_rng(0).random((20, 20))
    inside = np.zeros((20, 20), np.uint8)
    if mask == "pixel":
        inside[3, 3] = 1
    if mask == "column":
        inside[:, 3] = 1
    assert all(math.isnan(value) for value in variogram_slope(image, inside).values())
    assert all(math.isnan(value) for value in variogram_slope(image * 0 + 7, image < 2).values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"lags": (1,)},
        {"lags": (1, 1)},
        {"lags": (0, 1)},
        {"lags": (1.5, 2)},
        {"spacing": (0, 1)},
        {"spacing": (1, 1, 1)},
        {"spacing": (float("nan"), 1)},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(InputError):
        variogram_slope(np.eye(20), np.ones((20, 20)), **wrong)
    with pytest.raises(InputError):
        variogram_slope_map(np.eye(20), np.ones((20, 20)), **wrong)


def test_a_window_smaller_than_the_lags_is_refused():
    with pytest.raises(InputError, match="radius_mm"):
        variogram_slope_map(np.eye(20), np.ones((20, 20)), lags=(1, 9), radius_mm=4)
