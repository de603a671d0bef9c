"""Filters against PyWavelets, SciPy, IBSI-2's reference maps, and answers known by analysis."""

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import pywt
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d, gaussian_laplace

from careloop.error import InputError
from careloop.imaging.filter_bank import (
    gabor,
    laplacian_of_gaussian,
    wavelet,
    wavelet_margin,
)

BOUNDARIES = {"mirror": "reflect", "periodic": "wrap", "nearest": "nearest", "zero": "constant"}


# --- IBSI-2: tolerance is 1 % of the range of the reference map


@pytest.fixture(scope="module")
def reference_maps(repository):
    """For each map {(x, y, z): value}; see `ibsi2_response_maps.py` beside the file."""
    maps = defaultdict(dict)
    with Path(repository / "tests/oracles/ibsi2_response_maps.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            place = int(row["x"]), int(row["y"]), int(row["z"])
            maps[row["map"]][place] = float(row["value"])
    return maps


def misses(reference, response):
    """Greatest difference as a share of the range; `response` by z, images [y, x]."""
    values = np.array(list(reference.values()))
    ours = np.array([response[z][y, x] for x, y, z in reference])
    return np.abs(ours - values).max() / np.ptp(values)


def impulse():
    """IBSI-2's impulse phantom: 255 at pixel 31, 31 of slice 31."""
    image = np.zeros((64, 64))
    image[31, 31] = 255.0
    return image


def test_ibsi2_map_2c_laplacian_of_gaussian(reference_maps):
    checkerboard = 255.0 * (np.indices((64, 64)) // 8).sum(axis=0).__mod__(2)
    response = laplacian_of_gaussian(checkerboard, sigma_mm=5.0, spacing=(2.0, 2.0))
    assert misses(reference_maps["2_c"], {0: response}) < 0.001


def test_ibsi2_map_4a1_gabor(reference_maps):
    response = gabor(
        impulse(),
        sigma_mm=10.0,
        wavelength_mm=4.0,
        gamma=0.5,
        theta_deg=60.0,
        spacing=(2.0, 2.0),
        boundary="zero",
    )
    assert misses(reference_maps["4_a_1"], {31: response}) < 1e-5


def test_ibsi2_map_5a1_db2(reference_maps):
    response = wavelet(impulse(), wavelet="db2", boundary="zero")["LH1"]
    taps = pywt.Wavelet("db2").dec_lo  # along z, whose impulse response begins at slice 29
    slices = {29 + number: response * tap for number, tap in enumerate(taps)}
    assert misses(reference_maps["5_a_1"], slices) < 1e-5


# --- wavelets


@pytest.mark.parametrize("name", ["haar", "db2", "coif1", "db5", "sym4"])
def test_wavelet_against_pywavelets(name):
    """The undecimated transform of PyWavelets is periodic, and begins at another pixel."""
    image = np.random.default_rng(0).random((32, 48))
    theirs = pywt.swt2(image, name, 2)
    ours = wavelet(image, wavelet=name, levels=2, boundary="periodic")
    for level, (approximation, (down, right, both)) in zip((2, 1), theirs, strict=True):
        pairs = {"LL": approximation, "LH": down, "HL": right, "HH": both}
        alike = np.fft.irfft2(
            np.fft.rfft2(approximation) * np.conj(np.fft.rfft2(ours[f"LL{level}"])), s=image.shape
        )
        shift = np.unravel_index(alike.argmax(), image.shape)  # one and the same for all bands
        for band, reference in pairs.items():
            moved = np.roll(ours[f"{band}{level}"], shift, (0, 1))
            np.testing.assert_allclose(moved, reference, atol=1e-12)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("name", ["haar", "db2", "coif1"])
def test_wavelet_against_scipy_with_each_boundary(name, boundary):
    image = np.random.default_rng(1).normal(size=(9, 23))
    bank = {"L": pywt.Wavelet(name).dec_lo, "H": pywt.Wavelet(name).dec_hi}
    found = wavelet(image, wavelet=name, levels=3, boundary=boundary)
    source = image
    for level in (1, 2, 3):
        for band in ("LL", "LH", "HL", "HH"):
            expected = source
            for axis, letter in ((1, band[0]), (0, band[1])):
                taps = np.zeros(len(bank[letter]) * 2 ** (level - 1))
                taps[:: 2 ** (level - 1)] = bank[letter]
                expected = convolve1d(expected, taps, axis=axis, mode=BOUNDARIES[boundary])
            np.testing.assert_allclose(found[f"{band}{level}"], expected, atol=1e-12)
        source = found[f"LL{level}"]
    assert len(found) == 12


@given(seed=st.integers(0, 2**20), name=st.sampled_from(["haar", "db2", "coif1"]))
def test_wavelet_keeps_energy(seed, name):
    """An undecimated orthonormal wavelet's bands hold 4 times the energy of the image."""
    image = np.random.default_rng(seed).normal(size=(16, 12))
    bands = wavelet(image, wavelet=name, boundary="periodic")
    energy = sum((band**2).sum() for band in bands.values())
    assert energy == pytest.approx(4 * (image**2).sum())


def test_wavelet_of_a_wave_has_the_amplitude_of_its_transfer_function():
    taps = pywt.Wavelet("coif1")
    omega = 2 * math.pi / 8
    low, high = (
        abs(np.sum(np.array(t) * np.exp(-1j * omega * np.arange(6))))
        for t in (taps.dec_lo, taps.dec_hi)
    )
    wave = np.cos(omega * np.arange(64)) * np.ones((64, 1))
    bands = wavelet(wave, boundary="periodic")
    amplitude = {band: math.sqrt(2 * np.mean(value**2)) for band, value in bands.items()}
    root = math.sqrt(2)  # low pass of what is constant down the columns
    assert amplitude["LL1"] == pytest.approx(low * root)
    assert amplitude["HL1"] == pytest.approx(high * root)
    assert amplitude["LH1"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("name", "levels"), [("haar", 1), ("coif1", 1), ("coif1", 3), ("db2", 2)])
def test_a_crop_with_its_margin_has_the_responses_of_the_whole(name, levels):
    image = np.random.default_rng(3).random((120, 110))
    margin = wavelet_margin(name, levels)
    whole = wavelet(image, wavelet=name, levels=levels)
    crop = wavelet(
        image[50 - margin : 70 + margin, 45 - margin : 60 + margin], wavelet=name, levels=levels
    )
    for key, band in crop.items():
        inner = band[margin : margin + 20, margin : margin + 15]
        np.testing.assert_allclose(inner, whole[key][50:70, 45:60], atol=1e-12)
    if margin > 1:
        tight = wavelet(
            image[51 - margin : 69 + margin, 46 - margin : 59 + margin], wavelet=name, levels=levels
        )
        key = f"LL{levels}"
        edge = tight[key][margin - 1 : margin + 19, margin - 1 : margin + 14]
        assert np.abs(edge - whole[key][50:70, 45:60]).max() > 1e-10


# --- Laplacian of Gaussian


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_laplacian_against_scipy(sigma, boundary):
    image = np.random.default_rng(2).normal(size=(50, 41))
    ours = laplacian_of_gaussian(image, sigma_mm=sigma, boundary=boundary)
    theirs = gaussian_laplace(image, sigma, mode=BOUNDARIES[boundary], truncate=4.0)
    # ours sums to 0 exactly, theirs but for what the cut at 4 σ leaves
    np.testing.assert_allclose(ours, theirs, atol=2e-3 * np.abs(theirs).max())


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.25, 0.25), (0.3, 0.6)])
def test_normalised_laplacian_of_a_gaussian_blob(spacing):
    """A blob of SD s under σ: −2 σ² s² / (σ² + s²)² of its height at the centre, any spacing."""
    rows, columns = (2 * int(40 / step) + 1 for step in spacing)
    y, x = np.ogrid[-40 : 40 : rows * 1j, -40 : 40 : columns * 1j]
    sigma, s = 3.0, 4.0
    steps = (80 / (rows - 1), 80 / (columns - 1))
    blob = np.exp(-(x**2 + y**2) / (2 * s**2))
    found = laplacian_of_gaussian(blob, sigma_mm=sigma, spacing=steps, normalised=True)
    expected = -2 * sigma**2 * s**2 / (sigma**2 + s**2) ** 2
    assert found[rows // 2, columns // 2] == pytest.approx(expected, rel=4e-3)
    plain = laplacian_of_gaussian(blob, sigma_mm=sigma, spacing=steps)
    np.testing.assert_allclose(plain * sigma**2 / (steps[0] * steps[1]), found, atol=1e-12)


@given(level=st.floats(-1e5, 1e5), boundary=st.sampled_from(["mirror", "periodic", "nearest"]))
def test_laplacian_of_a_constant_is_nothing(level, boundary):
    found = laplacian_of_gaussian(np.full((20, 15), level), sigma_mm=2, boundary=boundary)
    assert np.abs(found).max() <= 1e-10 * max(abs(level), 1)


# --- Gabor


@pytest.mark.parametrize("theta", [0, 30, 90, 145])
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 0.8)])
def test_gabor_of_a_wave(theta, spacing):
    """A wave e^(2πi a/λ′) answers 2π σ²/γ exp(−2 π² σ² (1/λ − 1/λ′)²) per mm², a cosine half."""
    sigma, gamma, wavelength, given_ = 4.0, 0.8, 6.0, 7.0
    y, x = np.mgrid[:160, :150] * np.array(spacing)[:, None, None]
    along = x * math.cos(math.radians(theta)) + y * math.sin(math.radians(theta))
    wave = np.cos(2 * math.pi * along / given_)
    found = gabor(
        wave,
        sigma_mm=sigma,
        wavelength_mm=wavelength,
        gamma=gamma,
        theta_deg=theta,
        spacing=spacing,
    )
    detuned = math.exp(-2 * (math.pi * sigma * (1 / wavelength - 1 / given_)) ** 2)
    expected = math.pi * sigma**2 / gamma * detuned / (spacing[0] * spacing[1])
    middle = found[70:90, 65:85]
    np.testing.assert_allclose(middle, expected, rtol=0.01)


def test_gabor_against_a_direct_sum():
    image = np.random.default_rng(6).normal(size=(25, 19))
    found = gabor(image, sigma_mm=1.5, wavelength_mm=3.0, gamma=0.7, theta_deg=25.0)
    y, x = np.mgrid[-30:31, -30:31]
    theta = math.radians(25)
    a, b = x * math.cos(theta) + y * math.sin(theta), y * math.cos(theta) - x * math.sin(theta)
    kernel = np.exp(-(a**2 + (0.7 * b) ** 2) / (2 * 1.5**2) + 2j * math.pi * a / 3.0)
    framed = np.pad(image, 30, mode="symmetric")
    for row, column in [(0, 0), (12, 9), (24, 18), (3, 17)]:
        window = framed[row : row + 61, column : column + 61]
        expected = abs((window * kernel[::-1, ::-1]).sum())
        assert found[row, column] == pytest.approx(expected, rel=1e-4)


def test_gabor_pooled_is_the_mean_over_directions_and_turns_with_the_image():
    image = np.random.default_rng(7).random((40, 40))
    settings = {"sigma_mm": 2.0, "wavelength_mm": 4.0, "gamma": 0.5}
    pooled = gabor(image, theta_step_deg=45, **settings)
    each = [gabor(image, theta_deg=angle, **settings) for angle in (0, 45, 90, 135)]
    np.testing.assert_allclose(pooled, np.mean(each, axis=0), rtol=1e-4, atol=1e-4)
    turned = gabor(np.rot90(image), theta_step_deg=45, **settings)
    np.testing.assert_allclose(np.rot90(pooled), turned, atol=1e-9)
    whole_turn = gabor(image, theta_deg=225, **settings)
    np.testing.assert_allclose(whole_turn, each[1], atol=1e-9)


# --- what is refused


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, bool])
def test_any_number_type_and_order(dtype):
    image = (np.random.default_rng(8).random((20, 30)) * 1.9).astype(dtype)
    for respond in (
        lambda grey: wavelet(grey)["HL1"],
        lambda grey: laplacian_of_gaussian(grey, sigma_mm=1),
        lambda grey: gabor(grey, sigma_mm=2, wavelength_mm=3),
    ):
        expected = respond(image.astype(float))
        assert expected.shape == image.shape
        assert np.array_equal(respond(np.asfortranarray(image)), expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 2)])
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_images_smaller_than_the_filters(shape, boundary):
    image = np.ones(shape)
    bands = wavelet(image, levels=4, boundary=boundary)
    blurred = laplacian_of_gaussian(image, sigma_mm=3, boundary=boundary)
    waves = gabor(image, sigma_mm=3, wavelength_mm=4, boundary=boundary)
    for response in (*bands.values(), blurred, waves):
        assert response.shape == shape
        assert np.isfinite(response).all()
    if boundary != "zero":
        assert bands["LL4"] == pytest.approx(np.full(shape, 16.0))


def test_wrong_images_and_settings_are_refused():
    image = np.ones((10, 10))
    for wrong in (np.ones(5), np.ones((2, 3, 4)), np.ones((0, 4)), image * 1j, image * np.nan):
        for respond in (
            wavelet,
            lambda grey: laplacian_of_gaussian(grey, sigma_mm=1),
            lambda grey: gabor(grey, sigma_mm=1, wavelength_mm=2),
        ):
            with pytest.raises(InputError):
                respond(wrong)
    for call in (
        lambda: wavelet(image, wavelet="nonsense"),
        lambda: wavelet(image, levels=0),
        lambda: wavelet(image, boundary="reflect"),
        lambda: laplacian_of_gaussian(image, sigma_mm=0.1),
        lambda: laplacian_of_gaussian(image, sigma_mm=1, spacing=(0, 1)),
        lambda: gabor(image, sigma_mm=0, wavelength_mm=1),
        lambda: gabor(image, sigma_mm=1, wavelength_mm=2, theta_step_deg=50),
        lambda: gabor(image, sigma_mm=1, wavelength_mm=2, theta_step_deg=0),
        lambda: wavelet_margin("haar", 99),
    ):
        with pytest.raises(InputError):
            call()
