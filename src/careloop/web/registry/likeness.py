"""Who of the register may be the same person: the rules of `careloop.records.identity`, for rows.

The same national id is the same person; so is, very likely, the same name with the same birth date
or the same telephone, unless two national ids contradict. A name that only sounds the same is worth
a look. People decide; nothing is ever brought together by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.db.models import Q

from careloop.web.accounts.gate import Gate
from careloop.web.registry.form import Details
from careloop.web.registry.resident import Resident

Because = Literal["national_id", "name_birth", "name_phone", "sound_birth", "contradicted"]
STRONG: tuple[Because, ...] = ("national_id", "name_birth", "name_phone")
MOST = 20


@dataclass(frozen=True, slots=True)
class Alike:
    """Somebody who may be the same person, and why."""

    resident: Resident
    because: Because

    @property
    def strong(self) -> bool:
        """Whether it is so likely that somebody must say otherwise."""
        return self.because in STRONG


@dataclass(frozen=True, slots=True)
class Found:
    """All within reach, the likeliest first; `elsewhere`: the national id is known out of reach."""

    alike: Sequence[Alike]
    elsewhere: bool = False

    @property
    def strong(self) -> bool:
        """Whether somebody must say that this is a different person."""
        return self.elsewhere or any(each.strong for each in self.alike)


def alike(
    gate: Gate, details: Details, *, than: Resident | None = None, elsewhere: bool = True
) -> Found:
    """Residents who may be this person: two queries within reach, one for the id elsewhere.

    Parameters
    ----------
    gate
        Whose register.
    details
        Who is being registered or looked at, as far as known.
    than
        The resident these details belong to, who is left out.
    elsewhere
        Also ask whether the national id is known out of reach.
    """
    near = gate.residents().select_related("organisation")
    if than is not None:
        near = near.exclude(pk=than.pk)
    met: dict[int, Resident] = {}
    if details.national_id:
        met |= {each.pk: each for each in near.filter(gate.having(details.national_id))[:MOST]}
    numbered = {*met}
    if details.name and (also := _also(details)) is not None:
        same = near.filter(Q(pinyin=details.pinyin) & also).order_by("pk")[:MOST]
        met |= {each.pk: each for each in same}
    reasons = {pk: "national_id" if pk in numbered else _why(details, met[pk]) for pk in met}
    known = [Alike(met[pk], why) for pk, why in reasons.items() if why]
    known.sort(key=lambda each: (_ORDER.index(each.because), each.resident.pk))
    far = bool(elsewhere and details.national_id) and gate.registered_elsewhere(details.national_id)
    return Found(known, far)


_ORDER: tuple[Because, ...] = (*STRONG, "sound_birth", "contradicted")


def _also(details: Details) -> Q | None:
    """What must agree besides the name's sound."""
    found = None
    if details.birth_date is not None:
        found = Q(birth_date=details.birth_date)
    if details.phone:
        same = Q(phone=details.phone, name=details.name)
        found = same if found is None else found | same
    return found


def _why(details: Details, other: Resident) -> Because | None:
    """Why somebody without the same national id may be the same person."""
    contradicted = bool(details.national_id and other.national_id)
    same_birth = details.birth_date is not None and details.birth_date == other.birth_date
    same_sex = not (details.sex and other.sex) or details.sex == other.sex
    if details.name == other.name and same_birth and same_sex:
        return "contradicted" if contradicted else "name_birth"
    if details.name == other.name and details.phone and details.phone == other.phone:
        return "contradicted" if contradicted else "name_phone"
    if same_birth and same_sex and not contradicted:
        return "sound_birth"
    return None
