"""Documents are told by content; what is no page is refused with a remedy, never a crash."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from careloop.error import InputError
from careloop.imaging.report.page import read_pages
from careloop.imaging.report.page.document import frames, open_document

GRADIENT = np.dstack([np.tile(np.arange(200, dtype=np.uint8), (120, 1))] * 3)


def _saved(format_: str, *, mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(GRADIENT).convert(mode).save(stream, format_, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def _pixels(data: bytes) -> np.ndarray:
    (frame,) = frames(open_document(data))
    return frame.pixels


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP", "GIF", "JPEG", "WEBP"])
def test_pictures_are_told_by_content_not_by_name(format_: str, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(_saved(format_))
    document = open_document(file)
    assert document.kind == "picture"
    (frame,) = frames(document)
    assert frame.pixels.shape == (120, 200, 3)
    assert np.abs(frame.pixels.astype(int) - GRADIENT).mean() < 3


def test_bytes_path_and_stream_give_the_same(tmp_path: Path) -> None:
    data = _saved("PNG")
    file = tmp_path / "x"
    file.write_bytes(data)
    with file.open("rb") as stream:
        pages = [
            read_pages(s, ocr="never")[0] for s in (data, str(file), file, stream, bytearray(data))
        ]
    assert all(np.array_equal(p.picture, GRADIENT) for p in pages)
    assert {f.code for p in pages for f in p.findings} == {"I257"}


def test_a_tiff_of_many_pages() -> None:
    stream = io.BytesIO()
    first, second = Image.fromarray(GRADIENT), Image.fromarray(GRADIENT[:, ::-1])
    first.save(stream, "TIFF", save_all=True, append_images=[second])
    pages = read_pages(stream.getvalue(), ocr="never")
    assert [p.number for p in pages] == [1, 2]
    assert np.array_equal(pages[1].picture, GRADIENT[:, ::-1])


def test_modes_become_rgb_on_white() -> None:
    assert np.array_equal(_pixels(_saved("PNG", mode="L")), GRADIENT)
    clear = Image.fromarray(np.dstack([GRADIENT, np.zeros(GRADIENT.shape[:2], np.uint8)]))
    stream = io.BytesIO()
    clear.save(stream, "PNG")
    assert (_pixels(stream.getvalue()) == 255).all()
    deep = io.BytesIO()
    Image.fromarray(GRADIENT[..., 0].astype(np.uint16) * 300).save(deep, "PNG")
    stretched = _pixels(deep.getvalue())
    assert stretched.min() == 0
    assert stretched.max() == 255
    assert (np.diff(stretched[0, :, 0].astype(int)) >= 0).all()


def test_a_phone_s_turn_tag_is_obeyed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: turn clockwise
    turned = _pixels(_saved("PNG", exif=exif))
    assert np.array_equal(turned, np.rot90(GRADIENT, -1))


def test_printed_density_only_where_the_page_has_the_size_of_paper() -> None:
    def dpi(value: int) -> float | None:
        (frame,) = frames(open_document(_saved("PNG", dpi=(value, value))))
        return frame.dpi

    assert dpi(72) is None  # 200 pixels at 72 dpi are no page
    stream = io.BytesIO()
    Image.new("L", (850, 1100), 255).save(stream, "PNG", dpi=(100, 100))
    (frame,) = frames(open_document(stream.getvalue()))
    assert frame.dpi == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (b"plain text, no picture", "neither a PDF nor a picture"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(100), "HEIC"),
        (_saved("PNG")[:300], "damaged"),
        (_saved("JPEG")[:400], "damaged|neither"),
    ],
)
def test_what_is_no_page_is_refused_with_a_remedy(data: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as refused:
        read_pages(data, ocr="never")
    assert refused.value.remedy


@pytest.mark.parametrize("size", [(20, 20), (10_000, 70), (12_000, 9_000)])
def test_sizes_that_are_no_page_are_refused(size: tuple[int, int]) -> None:
    stream = io.BytesIO()
    Image.new("1", size).save(stream, "PNG")
    with pytest.raises(InputError, match="pixels"):
        read_pages(stream.getvalue(), ocr="never")


def test_a_missing_file_is_refused_by_its_name_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read_pages(tmp_path / "nobody" / "report.pdf")
    assert str(tmp_path) not in str(refused.value)


@settings(max_examples=150)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "TIFF", "GIF"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
    kept=st.floats(0.05, 1),
)
def test_a_reader_never_raises_anything_else(
    kind: str, changes: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(_saved(kind))
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    try:
        pages = read_pages(bytes(data[: int(kept * len(data))]), ocr="never")
    except InputError:
        return
    assert all(p.picture.dtype == np.uint8 and p.picture.ndim == 3 for p in pages)
