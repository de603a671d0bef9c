"""The words of DXA reports, read once from `vocabulary.toml`; every comparison is of plain text."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

_SIGNS = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-", "﹣": "-", "~": "-", "～": "-"})
_FOOTNOTE = re.compile(r"(?:(?<=[a-z]{3})|(?<=[\u4e00-\u9fff]))\d$")
_SUPERSCRIPT = re.compile("[¹³⁴⁵⁶⁷⁸⁹⁰*†‡]|²(?!\\))")


@cache
def vocabulary() -> Mapping[str, Any]:
    """The file `vocabulary.toml` as it stands."""
    text = (files("careloop.imaging.report") / "vocabulary.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def plain(text: str) -> str:
    """Lower case, one kind of hyphen, full-width forms narrowed, blanks single.

    Examples
    --------
    >>> plain("  L1 – L4 ")
    'l1 - l4'
    >>> plain("（g/cm²）")
    '(g/cm2)'
    """
    narrowed = unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS)
    return " ".join(narrowed.casefold().split())


@lru_cache(maxsize=8192)
def tight(text: str) -> str:
    """`plain` without any blank and without footnote signs: how names and heads are compared.

    Examples
    --------
    >>> tight("T - Score²")
    't-score'
    >>> tight("BMD¹ (g/cm²)")
    'bmd(g/cm2)'
    """
    bare = _SUPERSCRIPT.sub("", text)
    bare = plain(bare).replace(" ", "")
    return _FOOTNOTE.sub("", bare)


@cache
def head_words() -> frozenset[str]:
    """Words that take part in column heads."""
    return frozenset(vocabulary()["heads"]["words"])


@cache
def head_rules() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Quantity and the texts that name it, in the order of trial."""
    return tuple(
        (rule["quantity"], tuple(rule["any"])) for rule in vocabulary()["heads"]["quantity"]["rule"]
    )


@lru_cache(maxsize=2048)
def quantity_of(head: str) -> str:
    """The quantity of a column by its stacked words: "bmd", "t", …; "other" where not known.

    A head that names two quantities is none.

    Examples
    --------
    >>> quantity_of("YA T-score"), quantity_of("BMD (g/cm²)"), quantity_of("Lean + BMC (g)")
    ('t', 'bmd', 'other')
    >>> quantity_of("BMD BMC")
    'other'
    """
    text = tight(head)
    found = [quantity for quantity, names in head_rules() if any(name in text for name in names)]
    both = "young" in text and "match" in text and "score" not in text
    if "other" in found or both or len(set(found) & {"t", "z", "bmd", "bmc", "area"}) > 1:
        return "other"
    if found:
        return found[0]
    return {"(g)": "bmc?", "(cm2)": "area?"}.get(text, "other")


@cache
def names(section: str) -> Mapping[str, str]:
    """Region or other names of a section (`regions.hip`) → key, by `tight` text."""
    table: Any = vocabulary()
    for part in section.split("."):
        table = table[part]
    return {tight(word): key for key, words in table.items() for word in words}


def maker_of(text: str) -> str:
    """The maker a report's words name most often; "" for none and for a tie."""
    low = plain(text)
    counts = {
        maker: sum(low.count(word) for word in words)
        for maker, words in vocabulary()["makers"].items()
        if isinstance(words, list)
    }
    # "NHANES/Lunar" names a reference population, GE's only
    best = sorted(counts.items(), key=lambda item: -item[1])
    return best[0][0] if best[0][1] > best[1][1] else ""
