"""The images that the settings' filters make of an image, cropped to what a region needs.

Stacks are filtered slice by slice. A name is part of a column: `wavelet_lh1`, `log_1_5_mm`,
`gabor_4_mm`.

**Reference.** Petkov N, Kruizinga P. Computational models of visual neurons specialised in the
detection of periodic and aperiodic oriented visual stimuli. Biol Cybern 1997;76:83-96: σ/λ of a
Gabor filter from its bandwidth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.image import Mask
from careloop.imaging.measurement import ORIGINAL, Settings

GABOR_SIGMA = math.sqrt(math.log(2) / 2) / math.pi * 3
"""Standard deviation over wavelength for a bandwidth of one octave: 0.562."""
GABOR_STEP_DEG = 22.5
"""Eight directions, whose responses are averaged: the number does not turn with the picture."""


def filtered(
    pixels: NDArray[Any], mask: Mask, *, spacing_mm: tuple[float, ...], settings: Settings
) -> Iterator[tuple[str, NDArray[Any], Mask]]:
    """The image itself (`original`), then what each filter makes of it, each with the mask on it.

    Wavelets are computed on the region and the margin they depend on: the same numbers, sooner.
    """
    yield ORIGINAL, pixels, mask
    if not (settings.wavelet or settings.log_sigma_mm or settings.gabor_wavelength_mm):
        return
    from careloop.imaging import filter_bank

    if settings.wavelet:
        name, levels = settings.wavelet, settings.wavelet_levels
        margin = filter_bank.wavelet_margin(name, levels)
        part, inside = _cropped(pixels, mask, margin)
        bands = _each_slice(part, partial(filter_bank.wavelet, wavelet=name, levels=levels))
        for band, response in bands.items():
            yield f"wavelet_{band.lower()}", response, inside
    spacing = (spacing_mm[-2], spacing_mm[-1])
    for sigma in settings.log_sigma_mm:
        blobs = partial(filter_bank.laplacian_of_gaussian, sigma_mm=sigma, spacing=spacing)
        yield f"log_{_figure(sigma)}_mm", _each_plane(pixels, blobs), mask
    for wavelength in settings.gabor_wavelength_mm:
        waves = partial(
            filter_bank.gabor,
            sigma_mm=GABOR_SIGMA * wavelength,
            wavelength_mm=wavelength,
            theta_step_deg=GABOR_STEP_DEG,
            spacing=spacing,
        )
        yield f"gabor_{_figure(wavelength)}_mm", _each_plane(pixels, waves), mask


def _each_plane(pixels: NDArray[Any], one: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    return one(pixels) if pixels.ndim == 2 else np.stack([one(plane) for plane in pixels])


def _each_slice(
    pixels: NDArray[Any], one: Callable[[NDArray[Any]], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    if pixels.ndim == 2:
        return one(pixels)
    slices = [one(plane) for plane in pixels]
    return {name: np.stack([found[name] for found in slices]) for name in slices[0]}


def _cropped(pixels: NDArray[Any], mask: Mask, margin: int) -> tuple[NDArray[Any], Mask]:
    """The box of the region and a margin, as far as the image goes."""
    flat: Mask = mask if mask.ndim == 2 else np.any(mask, axis=0)
    where: list[slice] = [slice(None)] * (mask.ndim - 2)
    for axis in (1, 0):
        along = np.flatnonzero(np.any(flat, axis=axis))
        if not along.size:
            return pixels, mask
        where.append(slice(max(0, int(along[0]) - margin), int(along[-1]) + 1 + margin))
    return pixels[tuple(where)], mask[tuple(where)]


def _figure(value: float) -> str:
    return f"{value:g}".replace(".", "_")
