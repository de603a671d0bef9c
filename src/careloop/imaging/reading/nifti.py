"""NIfTI volumes: axes turned to [z, y, x] as in a DICOM stack, pixel size from the affine.

z runs towards the head, y towards the back, x towards the left, so that a volume lies as the axial
DICOM series it was made from. Reference: NIfTI-1 standard, section "3D image orientation".
"""

from __future__ import annotations

import io
import logging
import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.image import Image, Kind, Origin
from careloop.imaging.reading import finding, reason
from careloop.imaging.reading.grey import native, rescaled
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.refusal import RefusedError, refuse
from careloop.imaging.reading.spacing import agree, checked
from careloop.records.finding import Finding

_MAGIC = {b"n+1\x00": 344, b"n+2\x00\r\n\x1a\n": 4}
_UNIT_MM = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}
_SHEAR = 1e-3
_AIR_HU = -500.0


def looks_like_nifti(head: bytes) -> bool:
    """Tell a single-file NIfTI-1 or NIfTI-2 by its magic (at least 348 bytes are needed)."""
    return any(head[at : at + len(magic)] == magic for magic, at in _MAGIC.items())


def read_file(
    data: bytes, sha256: str, *, name: str, given: tuple[float, ...], limits: Limits
) -> list[Image]:
    """Make the volumes of one NIfTI file (several where it has a fourth axis).

    Parameters
    ----------
    data
        The file's bytes, unpacked.
    sha256
        Of the bytes.
    name
        For findings.
    given
        The user's spacing or nothing.
    limits
        Bounds.

    Raises
    ------
    RefusedError
        Damaged, too large, or an affine that gives no orientation (I170).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(data, Origin(name, sha256, "nifti"), given, limits)
    except RefusedError:
        raise
    except Exception as error:  # nibabel raises almost anything on noise
        refuse(reason.DAMAGED, type(error).__name__)


def _read(data: bytes, whole: Origin, given: tuple[float, ...], limits: Limits) -> list[Image]:
    import nibabel

    name = whole.name
    kind = nibabel.Nifti1Image if data[344:348] == b"n+1\x00" else nibabel.Nifti2Image
    logger = logging.getLogger("nibabel.global")
    before, logger.disabled = logger.disabled, True
    try:
        opened: Any = kind.from_stream(io.BytesIO(data))
    finally:
        logger.disabled = before
    header = opened.header
    shape = tuple(int(length) for length in header.get_data_shape())
    dtype = header.get_data_dtype()
    _check_size(shape, dtype, len(data), limits)
    remarks: list[Finding] = []
    affine, scale = _affine(opened, name, remarks)
    steps = _steps(affine)
    turned, spacing = _orientation(affine), steps
    raw = np.asanyarray(opened.dataobj.get_unscaled()).reshape((*shape, 1, 1)[:4])
    slope, intercept = opened.dataobj.slope, opened.dataobj.inter
    source = "affine"
    in_order = tuple(float(spacing[axis]) * scale for axis in turned[0][::-1])
    in_order = checked(in_order, source)
    if given:
        if not agree(given[-2:], in_order[-2:]) or (len(given) == 3 and not agree(given, in_order)):
            detail = f"affine {' × '.join(f'{step:.4g}' for step in in_order)} mm"
            remarks.append(Finding(finding.GIVEN_DISAGREES, name, detail=detail))
        in_order, source = (in_order[:1] + given)[-3:], "given"
    images = []
    for volume in range(raw.shape[3]):
        pixels = rescaled(
            native(_turned(raw[..., volume], turned)),
            float(slope),
            float(intercept),
        )
        if pixels.dtype.kind == "f" and not np.all(np.isfinite(pixels)):
            refuse(reason.HEADER_CONTRADICTS, "values that are not numbers")
        means, found = _kind(pixels, name)
        origin = replace(whole, frame=volume if raw.shape[3] > 1 else None)
        flat = pixels[0] if pixels.shape[0] == 1 else pixels
        place = in_order[-flat.ndim :]
        findings = (*remarks, *found)
        images.append(Image(flat, place, source, means, origin, findings=findings))
    return images


def _check_size(shape: tuple[int, ...], dtype: Any, size: int, limits: Limits) -> None:
    if not 2 <= len(shape) <= 4 or any(length < 1 for length in shape):
        refuse(reason.HEADER_CONTRADICTS, f"axes {' × '.join(map(str, shape))}")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        refuse(reason.HEADER_CONTRADICTS, "pixels are not single real numbers")
    count = math.prod(shape)
    if count > limits.stack_pixels:
        refuse(reason.TOO_MANY_PIXELS, " × ".join(map(str, shape)))
    if count * dtype.itemsize > size:
        refuse(reason.PIXELS_MISSING, f"{size:,} of {count * dtype.itemsize:,} bytes")


def _affine(opened: Any, name: str, remarks: list[Finding]) -> tuple[NDArray[np.float64], float]:
    """The 3 × 3 affine in the file's unit, and that unit in mm."""
    header = opened.header
    unit = header.get_xyzt_units()[0]
    if unit == "unknown":
        remarks.append(Finding(finding.UNIT_ASSUMED, name))
    if int(header["sform_code"]) == 0 and int(header["qform_code"]) == 0:
        remarks.append(Finding(finding.ORIENTATION_UNKNOWN, name))
    affine = np.asarray(opened.affine, float)[:3, :3]
    if not np.all(np.isfinite(affine)):
        refuse(reason.AFFINE_ODD)
    zooms = tuple(float(zoom) for zoom in header.get_zooms()[:3])
    steps = np.linalg.norm(affine, axis=0)
    if min(zooms) > 0 and not agree(tuple(steps[: len(zooms)]), zooms):
        detail = f"pixdim {' × '.join(f'{zoom:.4g}' for zoom in zooms)}"
        remarks.append(Finding(finding.SPACING_DISAGREES, name, detail=detail))
    return affine, _UNIT_MM.get(unit, 1.0)


def _steps(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.asarray(np.linalg.norm(affine, axis=0))
    if np.any(steps <= 0):
        refuse(reason.AFFINE_ODD, "a step of zero")
    unit = affine / steps
    cosines = np.abs(unit.T @ unit - np.eye(3))
    if cosines.max() > _SHEAR:
        refuse(reason.AFFINE_ODD, "the axes are not at right angles")
    return steps


def _orientation(affine: NDArray[np.float64]) -> tuple[tuple[int, int, int], tuple[bool, ...]]:
    """For x (left), y (back), z (head): the file's axis, and whether it runs the other way.

    NIfTI's world is right, anterior, superior, so x and y run against it.
    """
    from nibabel.orientations import io_orientation

    full = np.eye(4)
    full[:3, :3] = affine
    turns = io_orientation(full)
    if np.any(np.isnan(turns)):
        refuse(reason.AFFINE_ODD)
    towards = (-1, -1, 1)
    axes, flips = [], []
    for world in range(3):
        axis = int(np.flatnonzero(turns[:, 0] == world)[0])
        axes.append(axis)
        flips.append(bool(turns[axis, 1] != towards[world]))
    return (axes[0], axes[1], axes[2]), tuple(flips)


def _turned(
    raw: NDArray[Any], turned: tuple[tuple[int, int, int], tuple[bool, ...]]
) -> NDArray[Any]:
    axes, flips = turned
    out = raw.transpose(axes[::-1])
    for axis, flip in enumerate(flips[::-1]):
        if flip:
            out = np.flip(out, axis)
    return out


def _kind(pixels: NDArray[Any], name: str) -> tuple[Kind, tuple[Finding, ...]]:
    if float(pixels.min()) <= _AIR_HU:
        return "ct", (Finding(finding.MODALITY_GUESSED, name),)
    return "other", ()
