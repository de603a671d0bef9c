"""National identity numbers of China: checked, read and masked (GB 11643-1999).

Eighteen characters: six digits of the place (GB/T 2260), eight of the birth date, three of the
order (odd for men, even for women), and a check character by ISO 7064 MOD 11-2. Numbers of fifteen
digits (before 1999, no century, no check) are written out to eighteen. Which places exist is not
checked: they change, and numbers keep the place of long ago.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from careloop.error import InputError

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
TAIL = 6
_NEW, _OLD = re.compile(r"[0-9]{17}[0-9X]"), re.compile(r"[0-9]{15}")
_EARLIEST = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class NationalId:
    """A number that has been checked, and what it says."""

    number: str
    birth_date: date
    sex: str

    @property
    def tail(self) -> str:
        """The last six characters."""
        return self.number[-TAIL:]


def read(told: str, *, today: date) -> NationalId:
    """Read a number as people type it: spaces, full-width digits, a small x, fifteen digits.

    Raises
    ------
    InputError
        Its `problem` is one of `length`, `check`, `date`, `future`.

    Examples
    --------
    >>> read("11010519491231002x", today=date(2026, 11, 22))
    NationalId(number='11010519491231002X', birth_date=datetime.date(1949, 12, 31), sex='female')
    """
    number = normalised(told)
    if _OLD.fullmatch(number):
        number = written_out(number)
    if not _NEW.fullmatch(number):
        raise InputError("length")
    if check_character(number[:17]) != number[17]:
        raise InputError("check")
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise InputError("date") from None
    if born < _EARLIEST:
        raise InputError("date")
    if born > today:
        raise InputError("future")
    return NationalId(number, born, "male" if int(number[16]) % 2 else "female")


def normalised(told: str) -> str:
    """The number without spaces and hyphens, in plain digits and a capital X."""
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", told)).upper()


def written_out(old: str) -> str:
    """A number of fifteen digits as eighteen characters; its two-digit year was of 19xx.

    Examples
    --------
    >>> written_out("110105491231002")
    '11010519491231002X'
    """
    digits = f"{old[:6]}19{old[6:]}"
    return digits + check_character(digits)


def check_character(digits: str) -> str:
    """The check character of seventeen digits (ISO 7064 MOD 11-2).

    Examples
    --------
    >>> check_character("11010519491231002"), check_character("44052418800101001")
    ('X', '4')
    """
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, digits, strict=True))
    return CHECKS[total % 11]


def masked(number: str) -> str:
    """A number as lists show it: the place's first three digits and the last four characters.

    Examples
    --------
    >>> masked("11010519491231002X"), masked("")
    ('110***********002X', '')
    """
    if len(number) < 8:
        return "*" * len(number)
    return f"{number[:3]}{'*' * (len(number) - 7)}{number[-4:]}"
