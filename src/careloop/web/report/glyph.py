"""Which characters the shipped font can print; any other is shown as its code, and reported."""

from __future__ import annotations

import struct
from functools import cache
from importlib.resources import files
from typing import Any

FONT = "NotoSansSC-Regular.ttf"
_KEPT = "\n\t"


@cache
def printed() -> frozenset[int]:
    """The code points that the font has, read from its `cmap` (format 12)."""
    data = (files("careloop.web.report") / "font" / FONT).read_bytes()
    (tables,) = struct.unpack_from(">H", data, 4)
    entries = (struct.unpack_from(">4sIII", data, 12 + 16 * n) for n in range(tables))
    start = next(offset for tag, _, offset, _ in entries if tag == b"cmap")
    (subtables,) = struct.unpack_from(">H", data, start + 2)
    found: set[int] = set()
    for number in range(subtables):
        _, _, offset = struct.unpack_from(">HHI", data, start + 4 + 8 * number)
        (form,) = struct.unpack_from(">H", data, start + offset)
        if form == 12:
            (groups,) = struct.unpack_from(">I", data, start + offset + 12)
            for group in range(groups):
                first, last, _ = struct.unpack_from(">III", data, start + offset + 16 + 12 * group)
                found.update(range(first, last + 1))
    return frozenset(found)


class Printer:
    """Makes data fit for printing, and remembers which characters it could not keep.

    Examples
    --------
    >>> printer = Printer()
    >>> printer.fit({"name": "王𠮷" + chr(0x202E) + chr(7)}), sorted(printer.lacking)
    ({'name': '王〔U+20BB7〕'}, ['𠮷'])
    """

    def __init__(self) -> None:
        self.lacking: set[str] = set()

    def fit(self, data: Any) -> Any:
        """The same data with every text made of characters that can be printed."""
        if isinstance(data, str):
            return "".join(self._one(char) for char in data)
        if isinstance(data, dict):
            return {key: self.fit(value) for key, value in data.items()}
        if isinstance(data, (list, tuple)):
            return [self.fit(value) for value in data]
        return data

    def _one(self, char: str) -> str:
        if char in _KEPT or ord(char) in printed() or char in ALSO:
            return char
        if not char.isprintable():  # what steers, turns round or is not seen
            return ""
        self.lacking.add(char)
        return f"〔U+{ord(char):04X}〕"


ALSO = frozenset("⁰⁵⁶⁷⁸⁹⁻₀₁₂₃₄☐☑✔\u2212")
"""Signs of units and forms that Noto Sans SC lacks; they are set in the typesetter's own font."""
