"""PNG, TIFF and JPEG: grey values of unknown meaning, and a pixel size that the user must give.

The resolution that such files state is that of printing or of a screen (72, 96, 300 dpi) and says
nothing of the size of a bone, so it is never used.
"""

from __future__ import annotations

import numpy as np

from careloop.imaging.image import Image, Origin
from careloop.imaging.reading import finding, reason
from careloop.imaging.reading.decoder import DECODER, Page
from careloop.imaging.reading.grey import is_grey, luminance, native
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.refusal import refuse
from careloop.records.finding import Finding

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_COLOUR_16 = (2, 6)


def format_of(head: bytes) -> str:
    """Tell "png", "jpeg" or "tiff" by the first bytes; empty for anything else."""
    if head.startswith(_PNG):
        return "png"
    if head.startswith(_JPEG):
        return "jpeg"
    return "tiff" if head.startswith(_TIFF) else ""


def read_file(
    data: bytes, sha256: str, *, name: str, given: tuple[float, ...], limits: Limits
) -> list[Image]:
    """Make the images of one picture file: one a page, or one stack where slices are given.

    Parameters
    ----------
    data
        The file's bytes.
    sha256
        Of the bytes.
    name
        For findings.
    given
        (row, column), or (slice, row, column) for the pages of a TIFF that are slices.
    limits
        Bounds.

    Raises
    ------
    RefusedError
        Without `given` (I160); damaged, too large, too slow.
    """
    kind = format_of(data[:16])
    if not given:
        refuse(reason.SPACING_OF_PICTURE)
    request = {
        "kind": "raster",
        "formats": [kind.upper()],
        "pixels": limits.pixels,
        "stack_pixels": limits.stack_pixels,
    }
    pages = DECODER.decode(request, data, seconds=limits.decode_s)
    if not pages:
        refuse(reason.NO_PIXELS)
    several = len(pages) > 1
    images = []
    for number, page in enumerate(pages):
        image = _page_image(
            page, data, Origin(name, sha256, kind, frame=number if several else None), given
        )
        images.append(image)
    if len(given) == 3 and several:
        return [_stacked(images, given)]
    return images


def _page_image(page: Page, data: bytes, origin: Origin, given: tuple[float, ...]) -> Image:
    remarks: list[str] = []
    mode, _, inverted = page.note.partition("/")
    pixels = page.pixels
    if pixels.ndim == 3:
        if mode in {"LA", "RGBA", "P", "PA", "La"}:
            alpha = pixels[..., -1]
            pixels = pixels[..., :-1]
            if not bool(np.all(alpha == 255)):
                remarks.append(finding.TRANSPARENT)
                laid = pixels.astype(np.float32) * (alpha[..., None] / np.float32(255))
                pixels = np.rint(laid).astype(pixels.dtype)
        if pixels.shape[-1] == 1 or is_grey(pixels):
            pixels = pixels[..., 0]
        else:
            remarks.append(finding.COLOUR)
            pixels = luminance(pixels)
        if origin.format == "png" and data[24] == 16 and data[25] in _COLOUR_16:
            remarks.append(finding.DEPTH_REDUCED)
    pixels = native(pixels)
    if not np.all(np.isfinite(pixels)):
        refuse(reason.HEADER_CONTRADICTS, "values that are not numbers")
    if inverted and pixels.dtype.kind == "u":
        remarks.append(finding.INVERTED)
        pixels = np.iinfo(pixels.dtype).max - pixels
    if origin.format == "jpeg":
        remarks.append(finding.LOSSY)
    found = tuple(Finding(code, origin.name) for code in remarks)
    return Image(pixels, given[-2:], "given", "picture", origin, findings=found)


def _stacked(images: list[Image], given: tuple[float, ...]) -> Image:
    first = images[0]
    if len({(image.pixels.shape, image.pixels.dtype) for image in images}) > 1:
        refuse(reason.HEADER_CONTRADICTS, "the pages differ in size or kind of pixel")
    findings = tuple({found.code: found for image in images for found in image.findings}.values())
    origin = Origin(first.origin.name, first.origin.sha256, first.origin.format)
    stack = np.stack([image.pixels for image in images])
    return Image(stack, given, "given", "picture", origin, findings=findings)
