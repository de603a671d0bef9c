"""Pixel data of a DICOM file: checked against the header first, then decoded, then grey.

Uncompressed and RLE data are decoded here; JPEG, JPEG-LS and JPEG 2000 in the guarded process of
`careloop.imaging.reading.decoder`. Nothing is allocated before sizes have been checked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.uid import RLELossless

from careloop.imaging.reading import finding, reason
from careloop.imaging.reading.decoder import DECODER
from careloop.imaging.reading.dicom.parsing import Header, quiet
from careloop.imaging.reading.dicom.value import group, items, number, text, whole
from careloop.imaging.reading.grey import is_grey, luminance, native, rescaled
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.refusal import RefusedError, refuse

_NATIVE = frozenset(
    {
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.2",
    }
)
_GUARDED = "1.2.840.10008.1.2.4."
_RLE_RATIO = 64
"""PackBits gives at most 128 bytes for two."""
_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_LUMA_FIRST = ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422")


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header says of the pixels, once it has been found consistent."""

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    planar: int
    keyword: str

    @property
    def sample_count(self) -> int:
        """Samples of all frames."""
        return self.frames * self.rows * self.columns * self.samples

    @property
    def byte_count(self) -> int:
        """Bytes of all frames, uncompressed."""
        bits = self.sample_count * self.bits_allocated
        if self.photometric == "YBR_FULL_422":
            bits = bits * 2 // 3
        return math.ceil(bits / 8)


def layout(dataset: Dataset, limits: Limits) -> Layout:
    """Check what the header says of the pixels.

    Raises
    ------
    RefusedError
        No pixels (I155), contradictions (I174), too many (I153).
    """
    keyword = next((name for name in _KEYWORDS if name in dataset), "")
    rows, columns = whole(dataset, "Rows"), whole(dataset, "Columns")
    if not keyword or not rows or not columns:
        refuse(reason.NO_PIXELS)
    frames = whole(dataset, "NumberOfFrames") if text(dataset, "NumberOfFrames") else 1
    samples = whole(dataset, "SamplesPerPixel") or 1
    allocated = whole(dataset, "BitsAllocated") or {"F": 32, "D": 64}.get(keyword[0], 0)
    stored = whole(dataset, "BitsStored") or allocated
    high = whole(dataset, "HighBit")
    high = stored - 1 if high is None else high
    if rows < 1 or columns < 1 or frames is None or frames < 1:
        refuse(reason.HEADER_CONTRADICTS, f"{rows} × {columns}, {frames} frames")
    if samples not in {1, 3} or allocated not in {1, 8, 16, 32, 64}:
        refuse(reason.HEADER_CONTRADICTS, f"{samples} samples of {allocated} bits")
    if not 1 <= stored <= allocated or not stored - 1 <= high < allocated:
        refuse(reason.HEADER_CONTRADICTS, f"{stored} bits stored of {allocated}, highest {high}")
    _within(limits, rows, columns, frames)
    return Layout(
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high,
        signed=whole(dataset, "PixelRepresentation") == 1,
        photometric=text(dataset, "PhotometricInterpretation").upper() or "MONOCHROME2",
        planar=whole(dataset, "PlanarConfiguration") or 0,
        keyword=keyword,
    )


def _within(limits: Limits, rows: int, columns: int, frames: int) -> None:
    if rows * columns > limits.pixels or rows * columns * frames > limits.stack_pixels:
        refuse(reason.TOO_MANY_PIXELS, f"{frames:,} × {rows:,} × {columns:,}")


def stored_frames(header: Header, shape: Layout, limits: Limits) -> NDArray[Any]:
    """Decode all frames as [frame, y, x], colour reduced to luminance.

    Raises
    ------
    RefusedError
        Data missing (I154), a compression that is not read (I165), or a decoder's fault
        (I162–I164).
    """
    frames, photometric = samples(header, shape, limits)
    if frames.shape[-1] == 1:
        frames = frames[..., 0]
        if photometric == "PALETTE COLOR":
            return _palette(header, frames)
        return stored_bits(header, frames, shape)
    if photometric in _LUMA_FIRST:
        header.remark(finding.COLOUR)
        return native(frames[..., 0])
    if is_grey(frames):
        return native(frames[..., 0])
    header.remark(finding.COLOUR)
    return luminance(frames)


def samples(header: Header, shape: Layout, limits: Limits) -> tuple[NDArray[Any], str]:
    """Decode all frames as [frame, y, x, sample], with the photometric interpretation they have.

    Raises
    ------
    RefusedError
        As `stored_frames`.
    """
    data = _pixel_bytes(header, shape.keyword)
    frames, photometric = _decoded(header, shape, data, limits)
    return frames.reshape(shape.frames, shape.rows, shape.columns, -1), photometric


def _pixel_bytes(header: Header, keyword: str) -> bytes:
    try:
        element = header.dataset.get_item(keyword)
        data = None if element is None else element.value
    except Exception:  # a broken element
        data = None
    if not isinstance(data, bytes) or not data:
        refuse(reason.NO_PIXELS)
    return data


def _decoded(
    header: Header, shape: Layout, data: bytes, limits: Limits
) -> tuple[NDArray[Any], str]:
    options = _options(shape)
    syntax = header.syntax
    if syntax in _NATIVE:
        if len(data) < shape.byte_count:
            refuse(reason.PIXELS_MISSING, f"{len(data):,} of {shape.byte_count:,} bytes")
        if len(data) > shape.byte_count + 1:
            header.remark(finding.NOT_SHOWN)
        options["pixel_vr"] = "OB" if shape.bits_allocated <= 8 and not _is_words(header) else "OW"
        return _here(syntax, options, data[: shape.byte_count + shape.byte_count % 2])
    if syntax == RLELossless:
        if len(data) * _RLE_RATIO < shape.byte_count:
            refuse(reason.PIXELS_MISSING, f"{len(data):,} bytes of RLE")
        return _here(syntax, options, data)
    if not syntax.startswith(_GUARDED) or not _is_readable(syntax):
        refuse(reason.NO_DECODER, syntax if len(syntax) < 40 else "")
    _check_codestream(data, shape)
    request = {"kind": "dicom", "syntax": syntax, "attributes": _attributes(shape)}
    (page,) = DECODER.decode(request, data, seconds=limits.decode_s)
    if page.pixels.size != shape.sample_count:
        refuse(reason.DECODER_FAILED, f"{page.pixels.size:,} of {shape.sample_count:,} samples")
    return page.pixels, page.note


def _options(shape: Layout) -> dict[str, Any]:
    """The options of pydicom's decoder for pixels that stand by themselves."""
    options: dict[str, Any] = {
        "rows": shape.rows,
        "columns": shape.columns,
        "number_of_frames": shape.frames,
        "samples_per_pixel": shape.samples,
        "photometric_interpretation": shape.photometric,
        "bits_allocated": shape.bits_allocated,
        "bits_stored": shape.bits_stored,
        "pixel_representation": int(shape.signed),
        "pixel_keyword": shape.keyword,
        "correct_unused_bits": False,  # done in `stored_bits`, and remarked
    }
    if shape.samples > 1:
        options["planar_configuration"] = shape.planar
    return options


def _attributes(shape: Layout) -> dict[str, Any]:
    """The Image Pixel module for the process that decodes."""
    attributes: dict[str, Any] = {
        "Rows": shape.rows,
        "Columns": shape.columns,
        "NumberOfFrames": shape.frames,
        "SamplesPerPixel": shape.samples,
        "PhotometricInterpretation": shape.photometric,
        "BitsAllocated": shape.bits_allocated,
        "BitsStored": shape.bits_stored,
        "HighBit": shape.high_bit,
        "PixelRepresentation": int(shape.signed),
    }
    if shape.samples > 1:
        attributes["PlanarConfiguration"] = shape.planar
    return attributes


def _is_words(header: Header) -> bool:
    """Whether 8-bit pixels stand in 16-bit words (matters for big-endian files alone)."""
    element = header.dataset.get_item("PixelData")
    return getattr(element, "VR", "OB") == "OW"


def _is_readable(syntax: str) -> bool:
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _here(syntax: str, options: dict[str, Any], data: bytes) -> tuple[NDArray[Any], str]:
    with quiet():
        try:
            pixels, meta = get_decoder(syntax).as_array(data, raw=True, **options)
        except RefusedError:
            raise
        except Exception as error:  # a decoder raises almost anything on noise
            refuse(reason.DECODER_FAILED, type(error).__name__)
    return native(pixels), str(meta["photometric_interpretation"])


def _check_codestream(data: bytes, shape: Layout) -> None:
    """Refuse a compressed picture whose own size is not the header's, before it is decoded."""
    try:
        stream = get_frame(data, 0, number_of_frames=shape.frames)
    except Exception as error:  # broken items
        refuse(reason.DECODER_FAILED, type(error).__name__)
    size = codestream_size(stream)
    if size is not None and size != (shape.rows, shape.columns):
        detail = f"compressed {size[0]} × {size[1]}, header {shape.rows} × {shape.columns}"
        refuse(reason.HEADER_CONTRADICTS, detail)


def codestream_size(stream: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream states of itself.

    Examples
    --------
    >>> codestream_size(bytes.fromhex("ffd8ffc0000b080200010001011100ffd9"))
    (512, 256)
    """
    at = stream.find(b"\xff\x4f\xff\x51", 0, 4096)
    if at >= 0 and len(stream) >= at + 24:
        right, bottom, left, top = (
            int.from_bytes(stream[at + 8 + 4 * i : at + 12 + 4 * i], "big") for i in range(4)
        )
        return bottom - top, right - left
    if stream[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}) or marker == 0xF7:
            return (
                int.from_bytes(stream[at + 5 : at + 7], "big"),
                int.from_bytes(stream[at + 7 : at + 9], "big"),
            )
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


def _palette(header: Header, frames: NDArray[Any]) -> NDArray[Any]:
    header.remark(finding.COLOUR, detail="palette")
    with quiet():
        try:
            return luminance(apply_color_lut(frames, header.dataset))
        except Exception as error:  # broken tables
            refuse(reason.HEADER_CONTRADICTS, f"palette: {type(error).__name__}")


def stored_bits(header: Header, frames: NDArray[Any], shape: Layout) -> NDArray[Any]:
    """Keep the stored bits alone; old files hide overlays in the others."""
    if frames.dtype.kind not in "iu" or shape.bits_stored == shape.bits_allocated:
        return frames
    width = 8 * frames.dtype.itemsize
    if header.syntax not in _NATIVE and shape.high_bit != shape.bits_stored - 1:
        return frames  # decoders hand out values at the low end
    up, down = width - 1 - shape.high_bit, width - shape.bits_stored
    unsigned = frames.view(frames.dtype.str.replace("i", "u"))
    cleared: NDArray[Any] = np.right_shift(np.left_shift(unsigned, up).view(frames.dtype), down)
    if not np.array_equal(cleared, frames):
        header.remark(finding.BITS_CLEARED)
    return cleared


def transform(header: Header, frame: int) -> Dataset:
    """Where the Modality LUT of one frame stands: its functional group, or the data set."""
    return group(header.dataset, frame, "PixelValueTransformationSequence") or header.dataset


def modality_values(header: Header, stored: NDArray[Any], frame: int) -> NDArray[Any]:
    """Apply the Modality LUT of one frame: rescale slope and intercept, or the table.

    Raises
    ------
    RefusedError
        I174 where the table is broken or the slope is zero.
    """
    if items(header.dataset, "ModalityLUTSequence"):
        with quiet():
            try:
                return np.asarray(apply_modality_lut(stored, header.dataset))
            except Exception as error:  # broken tables
                refuse(reason.HEADER_CONTRADICTS, f"Modality LUT: {type(error).__name__}")
    where = transform(header, frame)
    slope, intercept = number(where, "RescaleSlope"), number(where, "RescaleIntercept")
    if slope is None and intercept is None:
        return stored
    if slope == 0 or (slope is None and text(where, "RescaleSlope")):
        refuse(reason.HEADER_CONTRADICTS, "RescaleSlope")
    slope = 1.0 if slope is None else slope
    if abs(slope) > 1e9 or abs(intercept or 0.0) > 1e9:
        refuse(reason.HEADER_CONTRADICTS, "RescaleSlope or RescaleIntercept")
    return rescaled(stored, slope, intercept or 0.0)


def bone_bright(header: Header, values: NDArray[Any], shape: Layout, frame: int) -> NDArray[Any]:
    """Turn a projection so that more absorption is brighter.

    MONOCHROME1 shows low values bright. Data FOR PROCESSING are not meant to be shown: there
    PixelIntensityRelationshipSign decides (−1: high values where less radiation arrived, PS3.3
    C.8.11.3.1.2). Where both speak and contradict, the picture stays as shown and is flagged.
    """
    dataset = header.dataset
    inverted = shape.photometric == "MONOCHROME1"
    sign = number(dataset, "PixelIntensityRelationshipSign")
    if sign in {1.0, -1.0} and inverted != (sign == 1.0):
        if text(dataset, "PresentationIntentType").upper() == "FOR PROCESSING":
            inverted = not inverted
        else:
            header.remark(finding.POLARITY_DOUBTFUL)
    if not inverted:
        return values
    header.remark(finding.INVERTED)
    if values.dtype.kind == "f" and header.dataset.get("ModalityLUTSequence") is None:
        slope = number(transform(header, frame), "RescaleSlope")
        if slope is None:  # float pixel data have no bounds of their own
            return np.asarray(values.min() + values.max() - values)
    return _mirrored(header, values, shape, frame)


def _mirrored(header: Header, values: NDArray[Any], shape: Layout, frame: int) -> NDArray[Any]:
    """Mirror within the range that the stored bits allow, so that pictures stay comparable."""
    low = -(1 << (shape.bits_stored - 1)) if shape.signed else 0
    high = low + (1 << shape.bits_stored) - 1
    if items(header.dataset, "ModalityLUTSequence"):
        low, high = int(values.min()), int(values.max())
        return (low + high - values.astype(np.int64)).astype(values.dtype)
    where = transform(header, frame)
    slope, intercept = number(where, "RescaleSlope"), number(where, "RescaleIntercept")
    total = (slope if slope is not None else 1.0) * (low + high) + 2 * (intercept or 0.0)
    if values.dtype.kind == "f":
        return (np.float64(total) - values).astype(np.float32)
    mirrored = int(total) - values.astype(np.int64)
    for kind in (values.dtype, np.dtype(np.int16), np.dtype(np.uint16), np.dtype(np.int32)):
        limits = np.iinfo(kind)
        if limits.min <= mirrored.min() and mirrored.max() <= limits.max:
            return mirrored.astype(kind)
    return mirrored
