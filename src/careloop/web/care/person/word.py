"""The pages' fixed words for what the database and the dictionary keep as keys."""

from __future__ import annotations

from typing import Any

from careloop.web.care.standing import the_programme
from careloop.web.site.language import gettext_lazy as _
from careloop.web.site.language import language

TEXTURE = "^(radiomics|texture)_"
"""A pattern: names of an image's grey values and textures, hundreds, for research alone."""
STATES: dict[str, Any] = {
    "active": _("in care"),
    "moved": _("moved away"),
    "dead": _("deceased"),
    "merged": _("merged with another registration"),
}
KINDS: dict[str, Any] = {
    "screening": _("Screening visit"),
    "home": _("Home visit"),
    "community": _("Community visit"),
    "hospital": _("Hospital visit"),
    "phone": _("Telephone visit"),
    "dxa": _("Bone density examination"),
    "outcome": _("Outcome report"),
    "image": _("Image measurements"),
}
DOES: dict[str, tuple[str, str, Any]] = {
    "screening": ("visit:new", "screening", KINDS["screening"]),
    "home": ("visit:new", "home", KINDS["home"]),
    "community": ("visit:new", "community", KINDS["community"]),
    "hospital": ("visit:new", "hospital", KINDS["hospital"]),
    "phone": ("visit:new", "phone", KINDS["phone"]),
    "outcome": ("visit:new", "outcome", KINDS["outcome"]),
    "dxa": ("imaging:dxa", "", _("Enter DXA")),
    "refer": ("worklist:refer", "", _("Refer")),
    "plan": ("person:plan", "", _("Decide on the plan")),
    "slip": ("report:slip", "", _("Print the slip")),
    "report": ("report:patient", "", _("Patient's report")),
}
"""What can be done at once: name of the address, its last part, and words."""
_FIRST: dict[str, Any] = {
    "demography": _("About the person"),
    "anthropometry": _("Body measurements"),
    "function": _("Function and falls"),
}
_THEN: dict[str, Any] = {
    "follow-up": _("Follow-up"),
    "laboratory": _("Laboratory"),
    "disease": _("Diseases"),
    "medicine": _("Medicines"),
    "lifestyle": _("Way of life"),
    "family": _("Family history"),
    "reproductive": _("Reproductive history"),
    "entered risk": _("Risks worked out elsewhere"),
    "instrument inputs": _("Questions of the instruments"),
    "guidance": _("For the choice of treatment"),
    "advice": _("For advice and monitoring"),
    "guideline": _("For the guidelines"),
    "image": _("Image measurements"),
}
CONTEXT: dict[str, Any] = {
    "reference_db": _("reference"),
    "device": _("device"),
    "side": _("side"),
    "region": _("region"),
}
"""Qualifiers that are shown beside a value."""


def groups() -> dict[str, str]:
    """Titles of the dictionary's groups, in the order in which a day's facts are listed."""
    own = {key: title[language()] for key, title in the_programme().record().groups.items()}
    first, then = ({key: str(title) for key, title in part.items()} for part in (_FIRST, _THEN))
    return first | own | then


def device(key: str) -> str:
    """What a device is called; its key where nobody gave it a name."""
    make = the_programme().examination
    known = make().devices if make else {}
    return known[key][language()] if key in known else key
