"""The likelihood against a plain twin, and H on surfaces where it is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from careloop.error import InputError
from careloop.imaging.phantom.surface import fractional_brownian_surface
from careloop.imaging.texture import hurst as room
from careloop.imaging.texture.hurst import FEATURES, digital_line, hurst, hurst_by_direction

# --- known answers


@pytest.mark.parametrize("exponent", [0.3, 0.5, 0.7])
@pytest.mark.parametrize(
    ("region", "single"), [("square", 0.02), ("ellipse", 0.07), ("disc", 0.06)]
)
def test_known_hurst_exponent_is_found(exponent, region, single, masks, surfaces):
    """Mean of 8 surfaces within ± 0.02, and each single one within what its region allows."""
    found = [hurst(surface, masks(region)) for surface in surfaces(exponent, 8)]
    h = np.array([values["hurst_mean"] for values in found])
    assert abs(h.mean() - exponent) < 0.02
    assert np.abs(h - exponent).max() < single
    assert list(found[0]) == [label.key for label in FEATURES]
    assert found[0]["hurst_line_dimension"] == 2 - h[0]
    assert found[0]["hurst_fractal_dimension"] == 3 - h[0]


def test_no_direction_is_preferred(surfaces):
    """Digital lines of every angle give the same H: nothing is interpolated."""
    h = np.mean([hurst_by_direction(s, np.ones((256, 256))) for s in surfaces(0.5, 6)], axis=0)
    assert np.abs(h - 0.5).max() < 0.02


@pytest.mark.parametrize(("keep", "spacing"), [((1, 2), (0.5, 1.0)), ((3, 1), (0.9, 0.3))])
def test_unequal_spacing_is_taken_into_account(keep, spacing, surfaces):
    h = []
    for surface in surfaces(0.5, 4):
        kept = surface[:: keep[0], :: keep[1]]
        h.append(hurst_by_direction(kept, np.ones(kept.shape), spacing=spacing))
    assert np.abs(np.mean(h, axis=0) - 0.5).max() < 0.05
    assert np.mean(h) == pytest.approx(0.5, abs=0.02)


def test_anisotropy_and_its_direction(surfaces):
    """B(x) of H = 0.7 plus B(y) of H = 0.3: exactly these along rows and columns."""
    rng = np.random.default_rng(8)
    found, ends = [], []
    for _ in range(6):
        surface = fractional_brownian_surface((1, 256), 0.7, rng=rng)
        surface = surface + fractional_brownian_surface((256, 1), 0.3, rng=rng)
        found.append(hurst(surface, np.ones((256, 256))))
        h = hurst_by_direction(surface, np.ones((256, 256)))
        ends.append((h[0], h[18]))
    assert np.mean(ends, axis=0) == pytest.approx([0.7, 0.3], abs=0.06)
    for values in found:
        assert values["hurst_anisotropy"] > 0.1
        assert min(values["hurst_angle_deg"], 180 - values["hurst_angle_deg"]) < 10
        assert values["hurst_lowest"] < values["hurst_mean"] < values["hurst_highest"]
    isotropic = [hurst(s, np.ones((256, 256)))["hurst_anisotropy"] for s in surfaces(0.5, 4)]
    assert max(isotropic) < 0.05


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_turning_the_image_turns_the_angle(turn):
    rng = np.random.default_rng(3)
    surface = fractional_brownian_surface((97, 64), 0.4, rng=rng)
    surface += 2 * fractional_brownian_surface((1, 64), 0.8, rng=rng)
    mask = np.ones(surface.shape)
    one, other = hurst(surface, mask), hurst(np.rot90(surface, turn), np.rot90(mask, turn))
    assert other["hurst_mean"] == pytest.approx(one["hurst_mean"], abs=0.01)
    apart = (other["hurst_angle_deg"] - one["hurst_angle_deg"] - 90 * turn) % 180
    assert min(apart, 180 - apart) < 10


def test_angles_are_counter_clockwise_on_screen():
    assert digital_line(0)[-1].tolist() == [0, 16]
    assert digital_line(45)[-1].tolist() == [-16, 16]
    assert digital_line(90)[-1].tolist() == [-16, 0]
    assert digital_line(135)[-1].tolist() == [-16, -16]
    assert digital_line(45, row_over_column=2.0)[-1].tolist() == [-8, 16]


# --- the likelihood itself


def lines_inside(grey, mask, path):
    """Walk every digital line in Python: grey levels of its pieces of 16, 8 and 4 increments."""
    step = path[-1] / 16
    major = 0 if abs(path[-1, 0]) > abs(path[-1, 1]) else 1
    extent = grey.shape[major]

    def is_inside(y, x):
        return 0 <= y < grey.shape[0] and 0 <= x < grey.shape[1] and mask[y, x]

    for start in range(-sum(grey.shape), 2 * sum(grey.shape)):
        at = 0
        while at < extent:
            along = at if path[-1, major] > 0 else extent - 1 - at
            across = start + math.floor(at * step[1 - major] + 0.5)
            y, x = (along, across) if major == 0 else (across, along)
            points = []
            for down, right in path:
                if not is_inside(y + down, x + right):
                    break
                points.append(grey[y + down, x + right])
            length = next((n for n in (16, 8, 4) if n < len(points)), 0)
            if length:
                yield np.array(points[: length + 1])
            at += length or max(len(points), 1)


def plain_log_likelihood(lines, path, exponent, spacing, trend):
    """Sum of Gaussian log densities of levels (not increments), scale profiled out."""
    square = determinant = freedom = 0.0
    for length in (16, 8, 4):
        place = path[: length + 1] * spacing
        apart = np.linalg.norm(place[:, None] - place, axis=2) ** (2 * exponent)
        # B = 0 at the first point: Cov(B(s), B(t)) = ½ (|s|^2H + |t|^2H − |s − t|^2H)
        level = 0.5 * (apart[0][:, None] + apart[0] - apart)[1:, 1:]
        whole = np.eye(length)
        if trend == "free":  # what planes leave, in an orthonormal basis of their complement
            planes = place[1:].astype(float)
            whole = np.linalg.svd(planes)[0][:, np.linalg.matrix_rank(planes) :]
        level = whole.T @ level @ whole
        for line in lines:
            if line.size == length + 1:
                seen = whole.T @ (line[1:] - line[0])
                square += seen @ np.linalg.solve(level, seen)
                determinant += np.linalg.slogdet(level)[1]
                freedom += seen.size
    return -0.5 * (freedom * math.log(square / freedom) + determinant)


@pytest.mark.parametrize("trend", ["free", "none"])
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.6, 1.05)])
def test_maximum_against_a_plain_likelihood(trend, spacing):
    rng = np.random.default_rng(12)
    grey, mask = fractional_brownian_surface((30, 37), 0.45, rng=rng), rng.random((30, 37)) < 0.985
    fast = hurst_by_direction(grey, mask, spacing=spacing, trend=trend, directions=18)
    for number in (0, 2, 7, 13):
        path = digital_line(10 * number, spacing[0] / spacing[1])
        lines = list(lines_inside(grey, mask, path))
        best = minimize_scalar(
            lambda h, lines=lines, path=path: -plain_log_likelihood(lines, path, h, spacing, trend),
            bounds=(0.05, 0.95),
            method="bounded",
            options={"xatol": 1e-4},
        )
        assert fast[number] == pytest.approx(best.x, abs=1e-3)


def test_axes_have_the_covariance_of_fractional_gaussian_noise():
    k = np.arange(16)
    lag = np.abs(np.subtract.outer(k, k)).astype(float)
    found = room._covariance(digital_line(0) * 1.0)
    for number, h in enumerate(room.GRID):
        expected = 0.5 * ((lag + 1) ** (2 * h) - 2 * lag ** (2 * h) + abs(lag - 1) ** (2 * h))
        np.testing.assert_allclose(found[number], expected, atol=1e-12)


@given(gain=st.floats(1e-3, 1e3), level=st.floats(-1e3, 1e3), tilt=st.floats(-10, 10))
def test_gain_level_and_an_even_slope_change_nothing(gain, level, tilt):
    surface = fractional_brownian_surface((48, 48), 0.5, rng=np.random.default_rng(1))
    shaded = gain * (surface + tilt * np.arange(48) - 3 * tilt * np.arange(48)[:, None]) + level
    mask = np.hypot(*(np.indices((48, 48)) - 24)) < 22
    np.testing.assert_allclose(
        hurst_by_direction(shaded, mask, directions=8),
        hurst_by_direction(surface, mask, directions=8),
        atol=1e-6,
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, bool])
def test_any_number_type_and_a_fortran_array(dtype):
    grey = (np.random.default_rng(2).random((40, 30)).round() * 3).astype(dtype)
    mask = np.ones(grey.shape, np.uint8) * 5
    expected = hurst(grey.astype(float), mask)
    assert hurst(np.asfortranarray(grey), mask) == expected
    assert expected["hurst_mean"] == pytest.approx(0.02, abs=0.03)  # white noise: the rough end


def test_only_the_mask_counts():
    rng = np.random.default_rng(5)
    grey, mask = rng.random((50, 60)), np.zeros((50, 60), bool)
    mask[4:40, 7:50] = rng.random((36, 43)) < 0.97
    other = np.where(mask, grey, np.nan)
    assert hurst(other, mask) == hurst(grey, mask)
    assert hurst(grey[4:40, 7:50], mask[4:40, 7:50]) == hurst(grey, mask)


def test_undefined_is_nan():
    rng = np.random.default_rng(5)
    grey = rng.random((40, 40))
    y, x = np.mgrid[:40, :40]
    pixel = (y == 3) & (x == 3)
    whole = np.ones((40, 40))
    for image, mask in [
        (grey, pixel * 0),
        (grey, pixel),
        (grey, x == 5),
        (grey * 0 + 0.1, whole),
        (3.0 * x - y, whole),
    ]:
        assert all(math.isnan(value) for value in hurst(image, mask).values())


@pytest.mark.parametrize(
    "wrong",
    [{"directions": 3}, {"directions": 4.5}, {"spacing": (1, -1)}, {"trend": "line"}],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(InputError):
        hurst(np.eye(40), np.ones((40, 40)), **wrong)


def test_wrong_images_are_refused():
    for image, mask in [
        (np.zeros((4, 4, 4)), np.ones((4, 4, 4))),
        (np.zeros((4, 4)), np.ones((4, 5))),
        (np.zeros((4, 4), complex), np.ones((4, 4))),
        (np.full((4, 4), np.inf), np.ones((4, 4))),
    ]:
        with pytest.raises(InputError):
            hurst(image, mask)
