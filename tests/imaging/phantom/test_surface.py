"""Fractional Brownian surfaces: their law is exact, and follows from it."""

import numpy as np
import pytest

from careloop.error import InputError
from careloop.imaging.phantom import surface
from careloop.imaging.phantom.surface import fractional_brownian_surface


@pytest.mark.parametrize("hurst", [0.05, 0.3, 0.5, 0.7, 0.75, 0.8, 0.95])
@pytest.mark.parametrize("shape", [(2, 2), (17, 40), (64, 64)])
def test_law_of_the_embedding_is_exactly_that_of_fractional_brownian_motion(hurst, shape):
    """No sample: covariance on the torus plus plane give 2 (r/d)^2H for every lag of the image."""
    diameter = float(np.hypot(shape[0] - 1, shape[1] - 1))
    torus = surface._torus_side(hurst, diameter)
    spectrum, plane = surface._embedding(hurst, diameter, torus)
    covariance = np.fft.irfft2(spectrum, s=(torus, torus))[: shape[0], : shape[1]]
    r = np.hypot(*np.indices(shape)) / diameter
    variogram = 2 * (covariance[0, 0] - covariance) + plane * r**2
    np.testing.assert_allclose(variogram, 2 * r ** (2 * hurst), atol=1e-8)
    assert spectrum.min() > 0


def test_spectrum_is_that_of_steins_covariance_not_of_another_with_the_same_near_part():
    spectrum, _ = surface._embedding(0.9, 20.0, 80)
    covariance = np.fft.irfft2(spectrum, s=(80, 80))
    assert abs(covariance[40, 0]) < 1e-12
    assert np.all(np.diff(covariance[0, 1:40]) < 1e-12)


@pytest.mark.parametrize("hurst", [0.3, 0.8])
def test_drawn_increments_have_the_variance_asked_for(hurst):
    rng = np.random.default_rng(7)
    drawn = np.array([fractional_brownian_surface((6, 9), hurst, rng=rng) for _ in range(3000)])
    for (y0, x0), (y1, x1) in [((0, 0), (5, 8)), ((5, 0), (2, 8)), ((3, 3), (3, 4))]:
        variance = np.mean((drawn[:, y1, x1] - drawn[:, y0, x0]) ** 2)
        expected = np.hypot(y1 - y0, x1 - x0) ** (2 * hurst)
        assert abs(variance / expected - 1) < 5 * np.sqrt(2 / 3000)


def test_same_state_same_surface_and_other_state_another():
    one, two, other = (
        fractional_brownian_surface(32, 0.4, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, two)
    assert not np.allclose(one, other)
    assert one.shape == (32, 32)
    assert one[0, 0] == 0


def test_one_pixel_is_zero():
    assert fractional_brownian_surface(1, 0.5, rng=np.random.default_rng(0)).tolist() == [[0.0]]


@pytest.mark.parametrize(("size", "hurst"), [(8, 0.0), (8, 1.0), (8, float("nan")), (0, 0.5)])
def test_impossible_surfaces_are_refused(size, hurst):
    with pytest.raises(InputError):
        fractional_brownian_surface(size, hurst, rng=np.random.default_rng(0))
