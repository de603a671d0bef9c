"""The process that decodes: it may crash, and nothing but one picture is lost.

Run by path, as a script, by `careloop.imaging.reading.decoder`; it imports nothing of careloop. A
request is a length, a JSON head and the bytes; so is an answer. Whatever decoders print is thrown
away: it could hold a patient's values.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import sys
import warnings
from typing import Any, BinaryIO

_LENGTHS = struct.Struct("<QQ")


def _limit_memory(limit: int) -> None:
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _dicom(head: dict[str, Any], data: bytes) -> list[Any]:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(head["syntax"])
    for keyword, value in head["attributes"].items():
        setattr(dataset, keyword, value)
    dataset.PixelData = data
    dataset["PixelData"].is_undefined_length = True
    pixels, meta = get_decoder(UID(head["syntax"])).as_array(dataset, raw=True)
    return [(pixels, str(meta["photometric_interpretation"]))]


def _raster(head: dict[str, Any], data: bytes) -> list[Any]:
    import numpy as np
    from PIL import Image, ImageOps, ImageSequence

    Image.MAX_IMAGE_PIXELS = None  # sizes are checked here, before loading
    pages: list[Any] = []
    total = 0
    with Image.open(io.BytesIO(data), formats=head["formats"]) as opened:
        for page in ImageSequence.Iterator(opened):
            size = page.width * page.height
            total += size
            if size > head["pixels"] or total > head["stack_pixels"]:
                raise OverflowError(f"{page.width} x {page.height}")
            low_is_bright = head["formats"] == ["TIFF"] and _low_is_bright(page)
            upright = ImageOps.exif_transpose(page)
            mode = upright.mode
            if mode in {"P", "PA"}:
                upright = upright.convert("RGBA")
            elif mode == "1":
                upright = upright.convert("L")
            elif mode == "La":
                upright = upright.convert("LA")
            elif mode not in {"L", "LA", "RGB", "RGBA", "I", "F"} and not mode.startswith("I;16"):
                upright = upright.convert("RGB")
            pages.append((np.asarray(upright), f"{mode}{'/inverted' if low_is_bright else ''}"))
    return pages


def _low_is_bright(page: Any) -> bool:
    """Whether a TIFF page of more than 8 bits is WhiteIsZero: Pillow inverts 8 bits alone."""
    tags = page.tag_v2
    return bool(tags.get(262) == 0 and max(tags.get(258, (1,))) > 8)


def _answer(out: BinaryIO, head: dict[str, Any], chunks: list[Any]) -> None:
    raw = json.dumps(head).encode()
    out.write(_LENGTHS.pack(len(raw), sum(chunk.nbytes for chunk in chunks)) + raw)
    for chunk in chunks:
        out.write(chunk)
    out.flush()


def main() -> None:
    """Answer requests until the input ends."""
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.path[:] = json.loads(sys.argv[2])
    sys.modules["dl"] = None  # type: ignore[assignment]  # see careloop.imaging.reading.dicom
    import numpy as np
    import pydicom.pixels  # noqa: F401 (before the limit: libraries map much memory)

    _limit_memory(int(sys.argv[1]))
    while len(lengths := sys.stdin.buffer.read(_LENGTHS.size)) == _LENGTHS.size:
        head_size, data_size = _LENGTHS.unpack(lengths)
        head = json.loads(sys.stdin.buffer.read(head_size))
        data = sys.stdin.buffer.read(data_size)
        answer: dict[str, Any]
        try:
            pages = (_dicom if head["kind"] == "dicom" else _raster)(head, data)
            arrays = [np.ascontiguousarray(array) for array, _ in pages]
            described = [
                {"dtype": array.dtype.str, "shape": array.shape, "note": note}
                for array, (_, note) in zip(arrays, pages, strict=True)
            ]
            answer, chunks = {"pages": described}, [memoryview(array.data) for array in arrays]
        except Exception as error:  # a decoder raises almost anything on noise
            large = str(error)[:80] if isinstance(error, OverflowError) else ""
            kind = "truncated" if "truncated" in str(error) else type(error).__name__
            answer, chunks = {"error": kind, "large": large}, []
        _answer(out, answer, [chunk.cast("B") for chunk in chunks if chunk.nbytes])
        pages, arrays, chunks = [], [], []


if __name__ == "__main__":
    main()
