"""Small PDF files written by hand: text at places, turned, cropped, hidden, scanned, locked."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

Text = tuple[float, float, str]  # x, y in points from the lower left, and what stands there


def pdf(
    texts: Sequence[Text],
    *,
    size: tuple[float, float] = (612, 792),
    font_size: float = 10,
    entries: str = "",
    mode: int = 0,
    picture: np.ndarray | None = None,
    picture_share: float = 1.0,
    locked: bool = False,
) -> bytes:
    """A PDF of one page in Helvetica; `entries` go into the page's dictionary."""
    body = [f"BT /F1 {font_size} Tf {mode} Tr"]
    for x, y, text in texts:
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        body.append(f"1 0 0 1 {x} {y} Tm ({escaped}) Tj")
    body.append("ET")
    content = "\n".join(body).encode("cp1252")
    resources = "/Font << /F1 5 0 R >>"
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"]
    if picture is not None:
        width, height = size[0] * picture_share, size[1] * picture_share
        content = f"q {width} 0 0 {height} 0 0 cm /I1 Do Q\n".encode() + content
        resources += " /XObject << /I1 6 0 R >>"
    objects += [
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]} {size[1]}] {entries} "
        f"/Contents 4 0 R /Resources << {resources} >> >>".encode(),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    if picture is not None:
        pixels = zlib.compress(np.ascontiguousarray(picture).tobytes())
        high, wide = picture.shape[:2]
        head = (
            f"<< /Type /XObject /Subtype /Image /Width {wide} /Height {high} /ColorSpace "
            f"/DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode /Length {len(pixels)} >>"
        )
        objects.append(head.encode() + b"\nstream\n" + pixels + b"\nendstream")
    trailer = b"/Root 1 0 R"
    if locked:
        secret = "ab" * 32
        objects.append(
            f"<< /Filter /Standard /V 1 /R 2 /O <{secret}> /U <{secret}> /P -4 >>".encode()
        )
        trailer += b" /Encrypt %d 0 R /ID [<%b> <%b>]" % (len(objects), b"00" * 16, b"00" * 16)
    return _assembled(objects, trailer)


def _assembled(objects: list[bytes], trailer: bytes) -> bytes:
    out, places = b"%PDF-1.4\n", []
    for number, item in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, item)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return out + b"trailer\n<< /Size %d %b >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
