"""How a Chinese name is spelt, so that it is found by its letters.

Surnames that are read otherwise than the character usually is come first (单 Shan, not Dan); the
given name is read as a word is.
"""

from __future__ import annotations

from functools import lru_cache

SURNAMES = {
    "乐正": "yue zheng",
    "单": "shan",
    "仇": "qiu",
    "曾": "zeng",
    "解": "xie",
    "区": "ou",
    "查": "zha",
    "朴": "piao",
    "盖": "ge",
    "缪": "miao",
    "翟": "zhai",
    "覃": "qin",
    "乐": "yue",
    "员": "yun",
    "黑": "he",
    "秘": "bi",
    "洗": "xian",
    "折": "she",
    "种": "chong",
    "召": "shao",
    "藏": "zang",
    "繁": "po",
    "都": "du",
    "能": "nai",
    "祭": "zhai",
    "句": "gou",
    "卜": "bu",
    "阚": "kan",
    "么": "yao",
}
"""Surname to its reading, syllables apart; two characters go before one."""


@lru_cache(maxsize=100_000)
def spelt(name: str) -> tuple[str, str]:
    """Pinyin without tones and the initials of a name, both in lower-case letters.

    Examples
    --------
    >>> spelt("单秀英"), spelt("吕梅"), spelt("欧阳兰")
    (('shanxiuying', 'sxy'), ('lvmei', 'lm'), ('ouyanglan', 'oyl'))
    >>> spelt("Ada Lovelace")
    ('adalovelace', 'al')
    """
    from pypinyin import lazy_pinyin  # noqa: PLC0415 — its tables take a moment

    told = "".join(name.split()) if any("\u3400" <= sign <= "\u9fff" for sign in name) else name
    surname = next((told[:size] for size in (2, 1) if told[:size] in SURNAMES), "")
    read = SURNAMES[surname].split() if surname else []
    read += lazy_pinyin(told[len(surname) :], v_to_u=False)
    syllables = [
        letters
        for each in read
        for word in each.split()
        if (letters := "".join(sign for sign in word.lower() if sign.isascii() and sign.isalnum()))
    ]
    return "".join(syllables)[:120], "".join(each[0] for each in syllables)[:12]
