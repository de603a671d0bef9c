"""Who is called for nothing: the dead, those who moved away, those who withdrew their consent.

They are on no list and have no task; what is recorded of them stays, and is found. Whoever was
never asked for consent has not withdrawn it.
"""

from __future__ import annotations

from collections.abc import Sequence

from careloop.web.care.models import Consent
from careloop.web.registry.resident import Resident

GONE = ("dead", "moved")
"""States in which nobody is on any list."""
CARE = "care"
"""The consent to be looked after and followed up."""


def away(residents: Sequence[Resident]) -> set[int]:
    """Primary keys of those of them who are called for nothing."""
    gone = {each.pk for each in residents if each.state in GONE}
    asked = Consent.gated.filter(scope=CARE)
    if len(residents) == 1:
        asked = asked.filter(resident=residents[0])
    ever = set(asked.exclude(withdrawn_at=None).values_list("resident", flat=True))
    if not ever:
        return gone
    agree = set(
        asked.filter(withdrawn_at=None, resident__in=ever).values_list("resident", flat=True)
    )
    return gone | {each.pk for each in residents if each.pk in ever - agree}
