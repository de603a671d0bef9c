"""From coded samples to grey values: colour to luminance, stored values to what they mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Rec. ITU-R BT.601, section 2.5.1: the weights that YBR of DICOM and JPEG use."""


def luminance(rgb: NDArray[Any]) -> NDArray[Any]:
    """Weigh red, green and blue (last axis) into luminance of the same integer type.

    Examples
    --------
    >>> luminance(np.array([[[255, 255, 255], [0, 255, 0]]], np.uint8)).tolist()
    [[255, 150]]
    """
    grey = rgb[..., :3].astype(np.float32) @ _LUMA
    return np.rint(grey).astype(rgb.dtype) if rgb.dtype.kind in "iu" else grey


def is_grey(rgb: NDArray[Any]) -> bool:
    """Whether a colour picture has no colour: all three channels are equal."""
    return bool(
        np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 0], rgb[..., 2])
    )


def rescaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Give slope · stored + intercept, in the smallest type that holds it exactly or as float32.

    Whole slopes and intercepts keep integers: Hounsfield units of a CT stay 16-bit.

    Examples
    --------
    >>> rescaled(np.array([0, 4095], np.uint16), 1, -1024)
    array([-1024,  3071], dtype=int16)
    """
    if slope == 1 and intercept == 0:
        return stored
    if stored.dtype.kind not in "iu" or slope != int(slope) or intercept != int(intercept):
        return (stored * np.float64(slope) + np.float64(intercept)).astype(np.float32)
    if not stored.size:
        return stored
    ends = [int(slope) * int(end) + int(intercept) for end in (stored.min(), stored.max())]
    low, high = min(ends), max(ends)
    for kind in (np.int16, np.uint16, np.int32, np.int64):
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            wide = stored.astype(np.int64 if kind is np.int64 else np.int32)
            if abs(slope) * np.abs(wide).max(initial=0) < 2**31:
                return (wide * int(slope) + int(intercept)).astype(kind)
    return (stored.astype(np.float64) * slope + intercept).astype(np.float32)


def native(array: NDArray[Any]) -> NDArray[Any]:
    """The same values in this machine's byte order, contiguous and writable nowhere else."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))
