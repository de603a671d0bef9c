"""Region names: which bone and part a printed name means within its table."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache

from careloop.imaging.report.vocabulary import names, tight

_VERTEBRAE = re.compile(r"[lt]\d{1,2}([-,][lt]\d{1,2})*")
_LOOKALIKE = re.compile(r"(?<![a-z])[l|1i]([l|i1-5])(?![\d])")
_ORDER = ("t12", "l1", "l2", "l3", "l4", "l5")


@dataclass(frozen=True, slots=True)
class Name:
    """What a region name says by itself: `kind` of site, key of the part, and the side or row.

    `kind` is "" where the part alone tells no site ("Total"); `stat` is "left", "right", "mean",
    "diff" or "".
    """

    kind: str
    key: str
    stat: str = ""
    bone: str = ""
    vertebrae: tuple[str, ...] = ()
    mended: bool = False
    """Whether it was read with doubt: look-alike letters exchanged, or low confidence."""


def read_name(text: str, *, ocr: bool = False) -> Name | None:
    """The region a printed name means; None where it is not wholly known.

    Examples
    --------
    >>> read_name("L1 - L4").key
    'lumbar_spine'
    >>> read_name("L1,L3-L4").key
    'l1_and_l3_l4'
    >>> read_name("Neck Left")
    Name(kind='hip', key='neck', stat='left', bone='', vertebrae=(), mended=False)
    >>> read_name("Radius 33%").key, read_name("Both UD").bone
    ('one_third', 'both')
    >>> read_name("Total BMD CV") is None
    True
    >>> read_name("Nedk Right") is None, read_name("Nedk Right", ocr=True).stat
    (True, 'right')
    """
    bare = tight(text)
    if _VERTEBRAE.fullmatch(bare):
        return _vertebrae(bare)
    if (known := _names().get(bare)) or not ocr:
        return known
    mended = _LOOKALIKE.sub(lambda found: f"l{found[1].translate(_ONES)}", bare)
    name = _vertebrae(mended) if _VERTEBRAE.fullmatch(mended) else _alike(bare)
    return replace(name, mended=True) if name else None


def _alike(bare: str) -> Name | None:
    """The one name that differs from a long word by a letter or so ("nedkright"); never a guess."""
    if len(bare) < 6:
        return None
    near = get_close_matches(bare, [name for name in _names() if len(name) > 5], 4, 0.88)
    meant = {_names()[name] for name in near}
    return meant.pop() if len(meant) == 1 else None


_ONES = str.maketrans({"l": "1", "|": "1", "i": "1"})


def _vertebrae(bare: str) -> Name | None:
    members: list[str] = []
    spoken = []
    for part in bare.split(","):
        ends = part.split("-")
        if len(ends) > 2 or any(end not in _ORDER for end in ends):
            return None
        first, last = _ORDER.index(ends[0]), _ORDER.index(ends[-1])
        if len(ends) == 2 and first >= last:
            return None
        if members and first <= _ORDER.index(members[-1]):
            return None
        members += _ORDER[first : last + 1]
        spoken.append("_".join(ends))
    return Name("spine", spine_key(tuple(members)), vertebrae=tuple(members))


def spine_key(vertebrae: tuple[str, ...]) -> str:
    """The key of a set of vertebrae: `lumbar_spine` for L1–L4, `l1_and_l3_l4` for L1,L3-L4.

    Examples
    --------
    >>> spine_key(("l2", "l3", "l4"))
    'l2_l4'
    """
    if vertebrae == ("l1", "l2", "l3", "l4"):
        return "lumbar_spine"
    runs: list[list[str]] = []
    for vertebra in vertebrae:
        if runs and _ORDER.index(vertebra) == _ORDER.index(runs[-1][-1]) + 1:
            runs[-1].append(vertebra)
        else:
            runs.append([vertebra])
    return "_and_".join(run[0] if len(run) == 1 else f"{run[0]}_{run[-1]}" for run in runs)


@cache
def _names() -> dict[str, Name]:
    """Every name but vertebrae, by its tight text, with sides before and behind."""
    found: dict[str, Name] = {}
    hip, stats = names("regions.hip"), names("regions.stat")
    forearm, bones, body = names("regions.forearm"), names("regions.bone"), names("regions.body")
    for word, key in body.items():
        found[word] = Name("body", key)
    for word, key in forearm.items():
        if key not in {"total"}:
            found[word] = Name("forearm", key)
        for bone_word, bone in bones.items():
            found[bone_word + word] = Name("forearm", key, bone=bone)
            found[word + bone_word] = Name("forearm", key, bone=bone)
    for word, key in hip.items():
        general = key == "total" and (
            word in names("regions.forearm") or word in names("regions.body")
        )
        kind = "" if general else "hip"
        found[word] = Name(kind, key)
        for stat_word, stat in stats.items():
            if len(stat_word) > 1 or not stat_word.isascii():
                found[word + stat_word] = Name("hip", key, stat)
                found[stat_word + word] = Name("hip", key, stat)
    # "Left Total" and "Right Total" are halves of the body with GE
    for word, key in body.items():
        if key == "other":
            found[word] = Name("body", key)
            for stat_word in (*(word for word in stats if len(word) > 1), "total"):
                found.setdefault(word + stat_word, Name("body", key))
                found.setdefault(stat_word + word, Name("body", key))
    for word, stat in stats.items():
        if len(word) > 1 or not word.isascii():
            found.setdefault(word, Name("", "", stat))
    return found
