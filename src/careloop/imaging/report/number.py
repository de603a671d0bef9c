"""A printed number is taken only with the shape of its column; anything else is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Quantity = Literal["area", "bmc", "bmd", "t", "z", "percent_young", "percent_age"]
QUANTITIES: tuple[Quantity, ...] = ("area", "bmc", "bmd", "t", "z")
UNITS = {"area": "cm2", "bmc": "g", "bmd": "g/cm2", "t": "{T-score}", "z": "{Z-score}"}

_SHAPES = {
    "bmd": re.compile(r"\d\.\d{3,4}"),
    "bmc": re.compile(r"\d{1,4}(\.\d{1,4})?|\d,\d{3}(\.\d{1,2})?"),
    "area": re.compile(r"\d{1,4}(\.\d{1,4})?|\d,\d{3}(\.\d{1,2})?"),
    "t": re.compile(r"[+-]?\d{1,2}\.\d{1,2}"),
    "z": re.compile(r"[+-]?\d{1,2}\.\d{1,2}"),
    "percent_young": re.compile(r"\d{1,3}(\.\d)?%?"),
    "percent_age": re.compile(r"\d{1,3}(\.\d)?%?"),
}
_BLANK = re.compile(r"[-–—−*]+|n/?a", re.IGNORECASE)
_MINUS = str.maketrans({"−": "-", "–": "-", "—": "-", "﹣": "-", "－": "-"})
_REPAIRS = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1"})
_DECIMAL = re.compile(r"[+-]?\d{1,4}[.,]\d{1,4}")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as printed: `decimals` behind its point; `repaired` if signs were exchanged."""

    value: float
    decimals: int
    repaired: bool = False

    @property
    def half_unit(self) -> float:
        """Half of its last printed place: what rounding may have changed."""
        return 0.5 * float(10.0**-self.decimals)


def is_blank(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return bool(_BLANK.fullmatch(text.strip()))


def is_number(text: str) -> bool:
    """Whether a text has a decimal figure in it, of whatever column."""
    return bool(_DECIMAL.fullmatch(text.strip().translate(_MINUS)))


def read_number(text: str, quantity: str, *, repair: bool) -> Number | None:
    """The number a cell holds, if it has the shape of its column.

    Parameters
    ----------
    text
        What stands in the cell.
    quantity
        Which column: a BMD has three or four decimals, a score one or two, and so on.
    repair
        Whether O for 0, l for 1 and a comma for the point are exchanged (read by OCR); the number
        then says so.

    Examples
    --------
    >>> read_number("−2.5", "t", repair=False).value
    -2.5
    >>> read_number("O.93l", "bmd", repair=True)
    Number(value=0.931, decimals=3, repaired=True)
    >>> read_number("a.8", "z", repair=True) is None
    True
    """
    shape = _SHAPES[quantity]
    signed = text.strip().translate(_MINUS)
    repaired = False
    if not shape.fullmatch(signed):
        comma = _DECIMAL_COMMA.sub(".", signed)  # a decimal comma is no misreading
        if comma.count(".") == 1 and shape.fullmatch(comma):
            signed, repaired = comma, repair
        elif (
            repair
            and (mended := _DECIMAL_COMMA.sub(".", signed.translate(_REPAIRS)))
            and shape.fullmatch(mended)
        ):
            signed, repaired = mended, True
        else:
            return None
    bare = signed.rstrip("%").replace(",", "")
    return Number(float(bare), len(bare.partition(".")[2]), repaired)
