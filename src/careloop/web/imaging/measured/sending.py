"""What is taken as an image to be measured: told by its content, never by its name."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from careloop.error import InputError
from careloop.imaging.reading import nifti, raster
from careloop.imaging.reading.source import kind_of
from careloop.imaging.reading.spacing import possible
from careloop.web.imaging.measured.order import Order, Sent
from careloop.web.imaging.measured.word import PARTS, SIDES
from careloop.web.site.language import gettext as _

MOST_BYTES, MOST_MASK_BYTES = 64_000_000, 16_000_000
_GZIP, _NUMPY = b"\x1f\x8b", b"\x93NUMPY"


def received(
    posted: Mapping[str, str], files: MultiValueDict[str, UploadedFile]
) -> tuple[Sent | None, dict[str, InputError]]:
    """What was sent, or by field what is wrong with it."""
    wrong: dict[str, InputError] = {}

    def tried(field: str, check: Any, *given: Any) -> Any:
        try:
            return check(*given)
        except InputError as error:
            wrong[field] = error
            return None

    image = tried("image", _image, files.get("image"))
    suffix, mask = tried("mask", _mask, files.get("mask")) or ("", b"")
    spacing = tried("spacing", _spacing, posted.get("spacing", ""))
    part, side = posted.get("part", ""), posted.get("side", "")
    if part not in PARTS:
        wrong["part"] = InputError(_("Say which part of the body it shows."))
    if side not in {*SIDES, ""}:
        wrong["side"] = InputError(_("Choose one of the answers."))
    if image and raster.format_of(image[:16]) and not spacing and "spacing" not in wrong:
        wrong["spacing"] = InputError(
            _("A PNG or TIFF does not say how large its pixels are."),
            remedy=_("Look it up at the device, or ask for the DICOM file."),
        )
    if wrong:
        return None, wrong
    return Sent(image, Order(part, side, spacing, f"mask{suffix}" if mask else ""), mask), {}


def _image(file: UploadedFile | None) -> bytes:
    data = _bytes(file, MOST_BYTES)
    if not data:
        raise InputError(_("No file was chosen."), remedy=_TAKES())
    if kind_of(data) == "dicom" or raster.format_of(data[:16]) in {"png", "tiff"}:
        return data
    if raster.format_of(data[:16]) == "jpeg":
        raise InputError(
            _("A photograph or JPEG cannot be measured: it has lost detail."), remedy=_TAKES()
        )
    raise InputError(_("This is neither a DICOM file nor a PNG or TIFF picture."), remedy=_TAKES())


def _TAKES() -> str:  # noqa: N802 — a sentence, in the language of the request
    return _("Ask for the DICOM file of the image.")


def _mask(file: UploadedFile | None) -> tuple[str, bytes]:
    """The suffix of a file of regions, and the file; nothing where none was sent."""
    data = _bytes(file, MOST_MASK_BYTES)
    if not data:
        return "", b""
    picture = {"png": ".png", "tiff": ".tif"}.get(raster.format_of(data[:16]))
    if picture:
        return picture, data
    if data.startswith(_NUMPY):
        return ".npy", data
    if data.startswith(_GZIP) and nifti.looks_like_nifti(_unpacked(data)):
        return ".nii.gz", data
    if nifti.looks_like_nifti(data[:1024]):
        return ".nii", data
    raise InputError(
        _("The file of regions is of no kind that can be read."),
        remedy=_("Save the regions as PNG, TIFF, NIfTI or npy: whole numbers, 0 is nothing."),
    )


def _unpacked(data: bytes) -> bytes:
    """The head of a packed file; no more of it is unpacked here."""
    try:
        return zlib.decompressobj(31).decompress(data, 1024)
    except zlib.error:
        return b""


def _bytes(file: UploadedFile | None, most: int) -> bytes:
    if file is None:
        return b""
    if (file.size or 0) > most:
        raise InputError(
            _("The file is larger than {number} MB.").format(number=most // 1_000_000),
            remedy=_("Send one image only."),
        )
    data: bytes = file.read()
    return data


def _spacing(text: str) -> tuple[float, float] | None:
    """Millimetres of rows and columns; one number for both."""
    if not text.strip():
        return None
    try:
        steps = [float(part) for part in text.replace("，", ",").split(",")]
    except ValueError:
        steps = [math.nan]
    if len(steps) not in {1, 2} or not all(possible(step) for step in steps):
        raise InputError(
            _("{text} is no pixel size in mm.").format(text=text[:40]),
            remedy=_("Write one number, such as 0.2, or rows and columns: 0.2, 0.15."),
        )
    return steps[0], steps[-1]
