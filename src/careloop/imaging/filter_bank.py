"""Filters before measuring: wavelets, Laplacian of Gaussian, Gabor, as IBSI-2 defines them.

Each response map has the size of its image. Beyond the frame of the image a `boundary` holds:
"mirror" (d c b a | a b c d), "periodic" (a b c d | a b c d), "nearest" (a a a a | a b c d) or
"zero". Angles are IBSI's: from the direction of x (along a row) towards y (down the rows).

**Reference**: Whybra P et al. The Image Biomarker Standardization Initiative: standardized
convolutional filters for reproducible radiomics and enhanced clinical insights. Radiology
2024;310:e231319; manual arXiv:2006.05470.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.error import InputError
from careloop.imaging.texture.region import GREATEST, check_spacing

Boundary = Literal["mirror", "periodic", "nearest", "zero"]
Response = NDArray[np.float64]

_SCIPY_MODE: Final = {
    "mirror": "reflect",
    "periodic": "wrap",
    "nearest": "nearest",
    "zero": "constant",
}
BANDS: Final = ("LL", "LH", "HL", "HH")


# --- wavelets


def wavelet(
    image: ArrayLike,
    *,
    wavelet: str = "coif1",
    levels: int = 1,
    boundary: Boundary = "mirror",
) -> dict[str, Response]:
    """Decompose an image by an undecimated separable wavelet into LL, LH, HL and HH of each level.

    Level 1 filters the image, each next level the LL of the level before with zeros put between
    the taps (à trous). The filters are the decomposition filters of PyWavelets, applied by
    convolution and not scaled: LL of a constant image is 2 per level times as bright.

    Parameters
    ----------
    image
        Pixels [y, x], of any numeric type.
    wavelet
        A discrete wavelet's name in PyWavelets: "coif1", "db2", "haar", …
    levels
        Levels of decomposition, 1 to 8.
    boundary
        What lies beyond the image's frame.

    Returns
    -------
    dict
        "LL1", "LH1", "HL1", "HH1", "LL2", …; the first letter tells the filter along x, the second
        that along y: "HL1" answers to vertical edges. Float64, shape of the image.

    Raises
    ------
    InputError
        If the image is not [y, x] of finite numbers, or wavelet, levels or boundary are unknown.

    Examples
    --------
    >>> edge = np.repeat([0.0, 1.0], 4) * np.ones((8, 1))
    >>> bands = wavelet(edge, wavelet="haar")
    >>> [round(float(np.abs(bands[band]).max()), 6) for band in ("HL1", "LH1")]
    [1.0, 0.0]
    """
    from careloop.imaging.texture.kernel import sub_bands

    pixels = _check_image(image, boundary)
    taps = _check_wavelet(wavelet, levels)
    found: dict[str, Response] = {}
    for level in range(1, levels + 1):
        step = 2 ** (level - 1)
        before, after = _reach(taps.shape[1], step)
        rows, columns = (_framed(size, before, after, boundary) for size in pixels.shape)
        partial, bands = np.zeros((2, *pixels.shape)), np.zeros((4, *pixels.shape))
        sub_bands(pixels, taps, rows, columns, step, np.empty(columns.size), partial, bands)
        found |= {f"{name}{level}": band for name, band in zip(BANDS, bands, strict=True)}
        pixels = bands[0]
    return found


def wavelet_margin(wavelet: str = "coif1", levels: int = 1) -> int:
    """Give the pixels around a region that its wavelet responses depend on.

    An image cropped to a region and this margin gives the region the responses of the whole image.
    """
    taps = _check_wavelet(wavelet, levels)
    return sum(max(_reach(taps.shape[1], 2**level)) for level in range(levels))


@lru_cache(maxsize=32)
def _taps(name: str) -> Response:
    """Low and high pass as they meet the pixels from left to right (convolution turns them)."""
    import pywt

    found = pywt.Wavelet(name)
    return np.array([found.dec_lo[::-1], found.dec_hi[::-1]])


def _check_wavelet(name: str, levels: int) -> Response:
    if not 1 <= levels <= 8 or levels != int(levels):
        raise InputError(f"levels must be a whole number from 1 to 8, not {levels}")
    try:
        return _taps(name)
    except (ValueError, TypeError):
        raise InputError(
            f"there is no discrete wavelet {name!r}",
            remedy='name one of PyWavelets, such as "coif1", "db2" or "haar"',
        ) from None


def _reach(taps: int, step: int) -> tuple[int, int]:
    """Pixels that a filter meets before and after its output pixel.

    The filter's origin is its middle, of two middles the later one, zeros after the last tap
    included (IBSI-2's maps 5.a to 7.a decide this).
    """
    after = taps * step // 2
    return (taps - 1) * step - after, after


def _framed(size: int, before: int, after: int, boundary: Boundary) -> NDArray[np.int64]:
    """Pixel numbers of an axis and what is met beyond its ends, -1 for a pixel of 0."""
    numbers = np.arange(-before, size + after)
    match boundary:
        case "zero":
            numbers[(numbers < 0) | (numbers >= size)] = -1
        case "periodic":
            numbers %= size
        case "nearest":
            numbers = np.clip(numbers, 0, size - 1)
        case "mirror":
            numbers %= 2 * size
            numbers = np.minimum(numbers, 2 * size - 1 - numbers)
    return numbers.astype(np.int64)


# --- Laplacian of Gaussian


def laplacian_of_gaussian(
    image: ArrayLike,
    *,
    sigma_mm: float,
    spacing: tuple[float, float] = (1.0, 1.0),
    normalised: bool = False,
    boundary: Boundary = "mirror",
) -> Response:
    """Filter by the Laplacian of a Gaussian: bright blobs of radius √2 σ answer most negatively.

    Parameters
    ----------
    image
        Pixels [y, x], of any numeric type.
    sigma_mm
        Standard deviation of the Gaussian in millimetres; at least half a pixel.
    spacing
        Millimetres per (row, column).
    normalised
        True multiplies by σ², so that responses have the unit of the image and can be compared over
        σ and pixel sizes (Lindeberg's scale normalisation). False is IBSI's filter: second
        derivatives by pixel (with unequal spacing: by the geometric mean of both pixel sides).
    boundary
        What lies beyond the image's frame.

    Returns
    -------
    array, float64, shape of the image

    Raises
    ------
    InputError
        If the image is not [y, x] of finite numbers, or σ, spacing or boundary is wrong.

    Notes
    -----
    The kernel is sampled at the pixels and cut at ⌊4 σ + ½⌋ pixels, as IBSI asks.

    Examples
    --------
    >>> disc = np.hypot(*np.mgrid[-20:21, -20:21]) <= 7
    >>> response = laplacian_of_gaussian(disc, sigma_mm=5.0, normalised=True)
    >>> response.argmin() == response.size // 2
    np.True_
    """
    from scipy.ndimage import correlate1d

    pixels = _check_image(image, boundary)
    steps = check_spacing(spacing)
    if not 0.5 * max(steps) <= sigma_mm < math.inf:
        raise InputError(
            f"sigma_mm={sigma_mm} is less than half a pixel of {max(steps)} mm",
            remedy="give a larger sigma_mm",
        )
    # in units of σ along each axis the Laplacian is that of millimetres whatever the spacing
    smooth, bent = zip(*(_gauss(sigma_mm / step) for step in steps), strict=True)
    mode = _SCIPY_MODE[boundary]
    response = correlate1d(correlate1d(pixels, bent[0], axis=0, mode=mode), smooth[1], 1, mode=mode)
    response += correlate1d(
        correlate1d(pixels, smooth[0], axis=0, mode=mode), bent[1], 1, mode=mode
    )
    if not normalised:
        response *= steps[0] * steps[1] / sigma_mm**2
    return np.asarray(response)


def _gauss(sigma: float) -> tuple[Response, Response]:
    """Gaussian and its second derivative times σ², sampled at pixels; the latter sums to 0."""
    reach = math.floor(4 * sigma + 0.5)
    x = np.arange(-reach, reach + 1) / sigma
    smooth = np.exp(-0.5 * x * x)
    smooth /= smooth.sum()
    bent = (x * x - 1) * smooth
    return smooth, bent - smooth * bent.sum()


# --- Gabor


def gabor(
    image: ArrayLike,
    *,
    sigma_mm: float,
    wavelength_mm: float,
    gamma: float = 1.0,
    theta_deg: float = 0.0,
    theta_step_deg: float | None = None,
    spacing: tuple[float, float] = (1.0, 1.0),
    boundary: Boundary = "mirror",
) -> Response:
    """Give the modulus of the response to a complex Gabor filter, of one direction or pooled.

    The filter is exp(−(a² + γ² b²) / 2σ² + 2πi a/λ) with a along the direction θ and b across; its
    values are not scaled (IBSI-2): a wave of wavelength λ along θ answers about π σ²/γ times its
    amplitude over the area of a pixel.

    Parameters
    ----------
    image
        Pixels [y, x], of any numeric type.
    sigma_mm, wavelength_mm
        Standard deviation of the envelope along the wave, and wavelength λ, in millimetres.
    gamma
        Aspect ratio γ: the envelope across the wave has the standard deviation σ/γ.
    theta_deg
        Direction of the wave, from x towards y (down the rows).
    theta_step_deg
        Step, a divisor of 180, of the directions whose responses are averaged, starting from
        `theta_deg` (the modulus is the same after half a turn). None: one direction only.
    spacing
        Millimetres per (row, column).
    boundary
        What lies beyond the image's frame.

    Returns
    -------
    array, float64, shape of the image

    Raises
    ------
    InputError
        If the image is not [y, x] of finite numbers, or a setting is wrong.

    Examples
    --------
    >>> wave = np.cos(2 * np.pi * np.arange(64) / 8) * np.ones((64, 1))
    >>> along, across = (
    ...     gabor(wave, sigma_mm=6, wavelength_mm=8, theta_deg=theta)[32, 32] for theta in (0, 90)
    ... )
    >>> float(round(along / (np.pi * 6**2), 3)), float(round(across / along, 3))
    (1.0, 0.0)
    """
    from scipy.fft import fft2, ifft2, next_fast_len

    pixels = _check_image(image, boundary)
    shape = _check_gabor(sigma_mm, wavelength_mm, gamma, spacing)
    count = 1 if theta_step_deg is None else _turns(theta_step_deg)
    thetas = theta_deg + np.arange(count) * (theta_step_deg or 0.0)
    kernels = [_gabor_kernel(shape, math.radians(theta)) for theta in thetas]
    reach = [max(kernel.shape[axis] // 2 for kernel in kernels) for axis in (0, 1)]
    framed = _padded(pixels, reach, boundary)
    size = [next_fast_len(side) for side in framed.shape]
    spectrum = fft2(framed, size)
    pooled = np.zeros(pixels.shape)
    for kernel in kernels:
        response = ifft2(spectrum * fft2(kernel, size))
        # a kernel of reach r moves pixel i of the frame to i + r, the image begins at `reach`
        top, left = (reach[axis] + kernel.shape[axis] // 2 for axis in (0, 1))
        pooled += np.abs(response[top : top + pixels.shape[0], left : left + pixels.shape[1]])
    return pooled / count


class _Wave(NamedTuple):
    """Settings of a Gabor filter but for its direction."""

    sigma_mm: float
    wavelength_mm: float
    gamma: float
    row_mm: float
    column_mm: float


def _check_gabor(
    sigma_mm: float, wavelength_mm: float, gamma: float, spacing: tuple[float, float]
) -> _Wave:
    if not all(0 < value < math.inf for value in (sigma_mm, wavelength_mm, gamma)):
        raise InputError(
            "sigma_mm, wavelength_mm and gamma must be positive, not "
            f"{sigma_mm}, {wavelength_mm} and {gamma}"
        )
    return _Wave(sigma_mm, wavelength_mm, gamma, *check_spacing(spacing))


def _turns(step_deg: float) -> int:
    """Number of directions of half a turn."""
    count = round(180 / step_deg) if step_deg > 0 else 0
    if count < 1 or abs(count * step_deg - 180) > 1e-6:
        raise InputError(f"theta_step_deg must divide 180, {step_deg} does not")
    return count


def _gabor_kernel(wave: _Wave, theta: float) -> NDArray[np.complex128]:
    """Sample a Gabor filter at the pixels as far as 5 standard deviations of its envelope."""
    along, across = 5 * wave.sigma_mm, 5 * wave.sigma_mm / wave.gamma
    height = math.hypot(along * math.sin(theta), across * math.cos(theta))
    width = math.hypot(along * math.cos(theta), across * math.sin(theta))
    rows, columns = math.ceil(height / wave.row_mm), math.ceil(width / wave.column_mm)
    y = np.arange(-rows, rows + 1)[:, None] * wave.row_mm
    x = np.arange(-columns, columns + 1) * wave.column_mm
    a = x * math.cos(theta) + y * math.sin(theta)
    b = y * math.cos(theta) - x * math.sin(theta)
    envelope = (a * a + (wave.gamma * b) ** 2) / (2 * wave.sigma_mm**2)
    return np.asarray(np.exp(2j * math.pi * a / wave.wavelength_mm - envelope))


def _padded(pixels: Response, reach: list[int], boundary: Boundary) -> Response:
    """Frame an image by what lies beyond it."""
    rows, columns = (
        _framed(size, width, width, boundary)
        for size, width in zip(pixels.shape, reach, strict=True)
    )
    framed = pixels[rows[:, None], columns]
    framed[rows < 0] = 0.0
    framed[:, columns < 0] = 0.0
    return framed


# --- what all filters ask for


def _check_image(image: ArrayLike, boundary: str) -> Response:
    pixels = np.asarray(image)
    if pixels.ndim != 2 or pixels.size == 0 or pixels.dtype.kind not in "biuf":
        raise InputError(
            f"a filter needs an image [y, x] of real numbers, not {pixels.dtype} {pixels.shape}",
            remedy="filter a stack slice by slice",
        )
    if boundary not in _SCIPY_MODE:
        raise InputError(f"boundary must be one of {', '.join(_SCIPY_MODE)}, not {boundary!r}")
    grey = np.ascontiguousarray(pixels, dtype=np.float64)
    if not (np.abs(grey) <= GREATEST).all():
        raise InputError(
            "the image has pixels that are not finite, and a filter would spread them",
            remedy="give these pixels a grey level first",
        )
    return grey
