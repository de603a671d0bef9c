"""Who is off a list after a call: kept beside the list itself, so that reading it stays one read.

Whoever agreed or asked to be called later is off a list until that day; whoever was removed from it
with a reason, until a contact is recorded. Nobody is off more lists than were called about.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from django.db.models import Exists, OuterRef, Q

from careloop.web.care.models import Call, Listed, Visit
from careloop.web.registry.resident import Resident

FOR_GOOD = date(9999, 12, 31)
"""Off until a contact is recorded."""


def off_until(residents: Collection[int]) -> dict[tuple[int, str], date]:
    """The last day on which these residents (primary keys) are off a list, by resident and list."""
    newer = Visit.gated.filter(resident=OuterRef("resident"), saved_at__gt=OuterRef("called_at"))
    calls = Call.gated.filter(~Q(result="removed") | ~Exists(newer), holds=True, task=None)
    found: dict[tuple[int, str], date] = {}
    told = calls.filter(resident__in=residents)
    for who, key, result, on in told.values_list("resident", "worklist", "result", "remind_on"):
        until = FOR_GOOD if result == "removed" or on is None else on
        if result == "later" and on is not None:
            until = on - timedelta(days=1)
        found[who, key] = max(until, found.get((who, key), until))
    return found


def bring(resident: Resident) -> None:
    """Bring a resident's lists in step with their calls; call it in the transaction of the call."""
    until = off_until([resident.pk])
    rows = list(Listed.gated.filter(resident=resident))
    for row in rows:
        row.off_until = until.get((resident.pk, row.worklist))
    Listed.gated.bulk_update(rows, ["off_until"])
