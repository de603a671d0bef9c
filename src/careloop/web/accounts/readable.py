"""Codes that people read off a screen or a sheet of paper, and type."""

from __future__ import annotations

import secrets
import unicodedata

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read for something else
_DIGITS = "0123456789"
NUMBER = (3, 3, 4)
"""How the ten digits of a number are grouped, as those of a telephone are."""


def letters() -> str:
    """Twelve letters and digits in groups: about 59 bits."""
    return "-".join(_group(_LETTERS, 4) for _ in range(3))


def number() -> str:
    """Ten digits in groups, for whoever has never typed a Latin letter: about 33 bits.

    Too few to stand alone: attempts must be counted, and something else be asked for besides.
    """
    return " ".join(_group(_DIGITS, size) for size in NUMBER)


def plain(typed: str) -> str:
    """A code as it was made, without the groups: spaces, hyphens, full-width and capitals aside.

    Examples
    --------
    >>> plain(" ABCD-efgh "), plain("１２３ 456-7890")
    ('abcdefgh', '1234567890')
    """
    return "".join(unicodedata.normalize("NFKC", typed).split()).replace("-", "").lower()


def login_name(typed: str) -> str:
    """A login name as it is kept: small letters and plain digits, however the keyboard wrote them.

    Examples
    --------
    >>> login_name(" Wang.Fang "), login_name("１２０１１１１２２２２")
    ('wang.fang', '12011112222')
    """
    return unicodedata.normalize("NFKC", typed).strip().lower()


def _group(of: str, size: int) -> str:
    return "".join(secrets.choice(of) for _ in range(size))
