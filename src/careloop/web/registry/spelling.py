"""How names, telephones and identity numbers are kept: one spelling, however they were typed.

Forms, imports and searches all pass here, so that "王　芳", "王 芳" and "王芳" are one name.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any

from careloop.error import InputError
from careloop.web.registry import national_id

_UNSEEN = ("Cc", "Cf")
_HAN = r"[\u3400-\u9fff\U00020000-\U0003ffff]"
_DOT = re.compile(rf"(?<={_HAN})[·•・‧∙⋅●.。](?={_HAN})")
_SPACED = re.compile(r"[\s\-()\u2010-\u2015]")
_CHINA = re.compile(r"^(?:\+86|0086)(?=[0-9])|^86(?=1[0-9]{10}$)")


def clean(told: Any) -> str:
    """Text in its usual form: no control characters, no double spaces, plain digits."""
    text = unicodedata.normalize("NFKC", str(told))
    text = re.sub(r"\s+", " ", text)
    return "".join(each for each in text if unicodedata.category(each) not in _UNSEEN).strip()


def name(told: Any) -> str:
    """A name: of Chinese characters without spaces, its parts joined by the one dot.

    Examples
    --------
    >>> name("王　芳"), name("阿依古丽•买买提"), name("Ada  Lovelace")
    ('王芳', '阿依古丽·买买提', 'Ada Lovelace')
    """
    text = clean(told)
    if re.search(_HAN, text) is None:
        return text
    return _DOT.sub("·", re.sub(r"\s", "", text))


def phone(told: Any) -> str:
    """A telephone number without spaces, hyphens and the code of China.

    Examples
    --------
    >>> phone("+86 120-1111-2222"), phone("008612011112222"), phone("（0100）1234567")
    ('12011112222', '12011112222', '01001234567')
    """
    return _CHINA.sub("", _SPACED.sub("", clean(told)))


def identity(told: Any, *, today: date) -> str:
    """An identity number as the register keeps it: written out where it is one, else as it came.

    Examples
    --------
    >>> identity("110105491231002", today=date(2026, 11, 22))
    '11010519491231002X'
    >>> identity("none", today=date(2026, 11, 22))
    'NONE'
    """
    try:
        return national_id.read(str(told), today=today).number
    except InputError:
        return national_id.normalised(str(told))
