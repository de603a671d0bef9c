"""The numbers of one region: every family, filter and texture that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.image import Mask
from careloop.imaging.measurement import ORIGINAL, Settings
from careloop.imaging.measuring.filtering import filtered
from careloop.imaging.measuring.quantity import radiomics_variable, texture_variable
from careloop.imaging.measuring.result import BETWEEN

_SPACED = frozenset({"variogram", "hurst", "density"})
"""Textures whose numbers depend on the size of a pixel."""
_FUNCTION = {"variogram": "variogram_slope", "density": "density_distribution"}
"""Where the function is called otherwise than its module."""


def values(
    pixels: NDArray[Any], mask: Mask, *, spacing_mm: tuple[float, ...], settings: Settings
) -> dict[str, float]:
    """Every number by its column: variable, or filter and variable.

    Textures are of plane images: in a stack they are left out.

    Raises
    ------
    InputError
        Of the rooms that measure: pixels that are not square or not finite.
    """
    from careloop.imaging.radiomics import extract

    found: dict[str, float] = {}
    if settings.families:
        for name, response, inside in filtered(
            pixels, mask, spacing_mm=spacing_mm, settings=settings
        ):
            numbers = extract(
                response,
                inside,
                spacing=spacing_mm,
                bins=settings.bins,
                bin_width=settings.bin_width,
                families=settings.families,
                aggregation=settings.aggregation,
            )
            prefix = "" if name == ORIGINAL else f"{name}{BETWEEN}"
            for key, value in numbers.items():
                found[prefix + radiomics_variable(key)] = value
    if pixels.ndim == 2:
        for texture in settings.textures:
            for key, value in _texture(texture)(pixels, mask, spacing_mm).items():
                found[texture_variable(key)] = value
    return found


def columns(settings: Settings) -> list[str]:
    """The columns that plane images get under these settings, in their order."""
    return list(_columns(settings))


@lru_cache(maxsize=64)
def _columns(settings: Settings) -> tuple[str, ...]:
    """The columns found by measuring a small pattern: those that measuring gives."""
    side = max(64, 2 ** (settings.wavelet_levels + 4))
    step = min(*settings.log_sigma_mm, *settings.gabor_wavelength_mm, 1.0, 1.0)  # all fit in it
    pattern = np.random.default_rng(0).normal(size=(side, side)) * (settings.bin_width or 1.0)
    everywhere = np.ones((side, side), bool)
    return tuple(values(pattern, everywhere, spacing_mm=(step, step), settings=settings))


def _texture(
    name: str,
) -> Callable[[NDArray[Any], Mask, tuple[float, ...]], dict[str, float]]:
    function = getattr(import_module(f"careloop.imaging.texture.{name}"), _FUNCTION.get(name, name))

    def measured(
        pixels: NDArray[Any], mask: Mask, spacing_mm: tuple[float, ...]
    ) -> dict[str, float]:
        spaced = {"spacing": spacing_mm} if name in _SPACED else {}
        numbers: dict[str, float] = function(pixels, mask, **spaced)
        return numbers

    return measured
