"""Less noise: median, non-local means, wavelet shrinkage, total variation.

Values keep their unit: a BMD map stays one. Missing pixels stay missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from careloop.error import InputError
from careloop.imaging.image import Image
from careloop.imaging.preprocessing.step import Floats, Step, over_gaps, plane, with_pixels


def median(image: Image, *, size_px: int = 3) -> tuple[Image, Step]:
    """Each pixel is the median of the square around it.

    Raises
    ------
    InputError
        If the size is not odd, or the image is a stack.
    """
    size = int(size_px)
    if size < 1 or size % 2 == 0:
        raise InputError(f"a median over {size_px} pixels", remedy="size_px is odd: 3, 5, …")
    from scipy.ndimage import median_filter

    pixels = over_gaps(plane(image, "median"), lambda p: median_filter(p, size=size))
    return with_pixels(image, pixels), Step("median", {"size_px": float(size)})


def non_local_means(
    image: Image, *, strength: float = 0.8, patch_px: int = 5, distance_px: int = 6
) -> tuple[Image, Step]:
    """Each pixel is the mean of those with like surroundings (Buades, Coll and Morel 2005).

    `strength` is the filter's h in units of the estimated noise.
    """
    _positive(strength, "strength")
    from skimage.restoration import denoise_nl_means

    def run(pixels: Floats) -> Any:
        noise = _noise(pixels)
        if noise == 0:
            return pixels
        return denoise_nl_means(
            pixels,
            patch_size=int(patch_px),
            patch_distance=int(distance_px),
            h=strength * noise,
            sigma=noise,
            fast_mode=True,
        )

    settings = {
        "strength": float(strength),
        "patch_px": float(patch_px),
        "distance_px": float(distance_px),
    }
    pixels = over_gaps(plane(image, "non_local_means"), run)
    return with_pixels(image, pixels), Step("non_local_means", settings)


def wavelet_shrinkage(image: Image, *, wavelet: str = "db2") -> tuple[Image, Step]:
    """Small wavelet coefficients are shrunk by BayesShrink (Chang, Yu and Vetterli 2000)."""
    from skimage.restoration import denoise_wavelet

    def run(pixels: Floats) -> Any:
        low, span = float(pixels.min()), float(np.ptp(pixels))
        if span == 0 or _noise(pixels) == 0:
            return pixels
        # The function clips at 0 and 1: it is given numbers of that range.
        unit = (pixels - low) / span
        return denoise_wavelet(unit, wavelet=wavelet, rescale_sigma=True) * span + low

    pixels = over_gaps(plane(image, "wavelet_shrinkage"), run)
    return with_pixels(image, pixels), Step("wavelet_shrinkage", {"wavelet": wavelet})


def total_variation(image: Image, *, weight: float = 1.0) -> tuple[Image, Step]:
    """Flat where it was noisy, edges kept (Chambolle 2004). `weight` in units of the noise."""
    _positive(weight, "weight")
    from skimage.restoration import denoise_tv_chambolle

    def run(pixels: Floats) -> Any:
        noise = _noise(pixels)
        if noise == 0:
            return pixels
        return denoise_tv_chambolle(pixels, weight=weight * noise)

    pixels = over_gaps(plane(image, "total_variation"), run)
    return with_pixels(image, pixels), Step("total_variation", {"weight": float(weight)})


def _noise(pixels: Floats) -> float:
    """Standard deviation of the noise (Donoho and Johnstone 1994); 0 where too small to tell."""
    if min(pixels.shape) < 8:
        return 0.0
    from skimage.restoration import estimate_sigma

    sigma = float(estimate_sigma(pixels))
    return sigma if np.isfinite(sigma) else 0.0


def _positive(value: float, name: str) -> None:
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{name} of {value}", remedy=f"{name} is a positive number")
