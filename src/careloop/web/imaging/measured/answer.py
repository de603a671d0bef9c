"""What a person is asked before a measured image is kept: only what its file does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from careloop.error import InputError
from careloop.web.accounts.gate import Gate
from careloop.web.care.standing import today
from careloop.web.imaging.confirmation import SAME
from careloop.web.imaging.measured.recording import Answers, moment
from careloop.web.imaging.measured.word import REGIONS, SIDES
from careloop.web.imaging.measured.word import region as in_words
from careloop.web.imaging.models import Image
from careloop.web.imaging.subject import compared
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _

DAY, SIDE, LOOKED, REGION = "taken_on", "side", "looked", "region-"
AS_IT_IS = "-"
"""The answer for a drawn region that has none of the names."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A measured image with what is known of it, and what is still to be told."""

    image: Image
    result: Mapping[str, Any]
    side: str
    taken_at: datetime | None
    regions: tuple[tuple[str, str], ...]
    differs: tuple[str, ...]
    born: date | None
    today: date

    @property
    def looked(self) -> bool:
        """Whether nobody has looked for text in the picture yet."""
        return not self.result["looked_for_text"]


def asked(gate: Gate, row: Image, result: Mapping[str, Any], resident: Resident) -> Asked:
    """What is known of a measured image; a date that cannot be is none."""
    day = today()
    told = datetime.fromisoformat(result["taken_at"]) if result["taken_at"] else None
    born = resident.birth_date
    if told is not None and (told.date() > day or (born is not None and told.date() < born)):
        told = None
    differs = compared([result["subject"]], resident)[0]
    same = gate.rows(Image).filter(sha256=row.sha256, state="kept")
    if same.exclude(resident=resident).exists():
        differs.append(_("The same file was saved for another resident."))
    drawn = result["mask"] == "drawn"
    regions = [one["name"] for one in result["regions"] if drawn and one["name"] not in REGIONS]
    return Asked(
        row,
        result,
        result["side"] or row.side,
        told,
        tuple((name, in_words(name)) for name in regions),
        tuple(differs),
        born,
        day,
    )


def answered(
    asked: Asked, posted: Mapping[str, str]
) -> tuple[Answers | None, dict[str, InputError]]:
    """The answers, or by field what is missing or wrong."""
    wrong: dict[str, InputError] = {}
    side = asked.side or posted.get(SIDE, "")
    if side not in SIDES:
        wrong[SIDE] = InputError(_("Say which side it is."))
    taken_at = asked.taken_at or _taken(asked, posted.get(DAY, ""), wrong)
    regions = {name: posted.get(REGION + name, "") for name, _words in asked.regions}
    if not all(chosen in {*REGIONS, AS_IT_IS} for chosen in regions.values()):
        wrong[REGION] = InputError(_("Say what each region is."))
    chosen = [name for name in regions.values() if name != AS_IT_IS]
    if len(set(chosen)) < len(chosen):
        wrong[REGION] = InputError(_("Two regions have the same name."))
    if asked.looked and not posted.get(LOOKED):
        wrong[LOOKED] = InputError(_("Look at the picture first."))
    if asked.differs and not posted.get(SAME):
        wrong[SAME] = InputError(_("Compare the person, then confirm."))
    if wrong or taken_at is None:
        return None, wrong
    names = {name: told for name, told in regions.items() if told != AS_IT_IS}
    return Answers(side, taken_at, names), {}


def _taken(asked: Asked, text: str, wrong: dict[str, InputError]) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        wrong[DAY] = InputError(_("Say on which day it was taken."))
        return None
    if day > asked.today or (asked.born is not None and day < asked.born):
        wrong[DAY] = InputError(_("The day lies in the future or before the birth."))
        return None
    return moment(day, asked.image.sha256)
