"""Referrals: to whom one can refer, what waits, and each step of a referral's life.

sent → acknowledged → answered; the sender may cancel before the answer. Each step happens once:
whoever comes second is told what stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from careloop.error import CareloopError
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation
from careloop.web.care.away import GONE
from careloop.web.care.models import Referral
from careloop.web.care.worklist.selection import Selection
from careloop.web.registry.resident import Resident

UNANSWERED_AFTER = timedelta(days=3)
"""From when an unacknowledged referral is flagged. careloop's own workflow, no guideline's."""
OPEN = ("sent", "acknowledged")
_MOST = 20


class ReferralMovedOnError(CareloopError):
    """Somebody else was faster; `referral` is what stands now."""

    def __init__(self, referral: Referral) -> None:
        self.referral = referral
        super().__init__("this referral has moved on in the meantime")


def referrals(gate: Gate) -> QuerySet[Referral]:
    """Every referral that concerns this place, with all that a page shows."""
    rows = gate.rows(Referral, referred=True)
    return rows.select_related(
        "resident__organisation", "from_organisation", "to_organisation", "author"
    )


def incoming(gate: Gate) -> QuerySet[Referral]:
    """Those sent to a place within reach."""
    return referrals(gate).filter(gate.reaching("to_organisation"))


def outgoing(gate: Gate) -> QuerySet[Referral]:
    """Those sent from a place within reach."""
    return referrals(gate).filter(gate.reaching("from_organisation"))


def waiting(gate: Gate, selection: Selection | None = None) -> list[Referral]:
    """Open referrals to this user's own place, the urgent and the oldest first.

    Nobody is waited for who has died or moved; the referral stays open until somebody closes it.
    """
    rows = referrals(gate).filter(to_organisation=gate.user.organisation, state__in=OPEN)
    rows = rows.exclude(resident__state__in=GONE)
    if selection is not None and selection.place is not None:
        rows = rows.filter(resident__organisation__path__startswith=selection.place.path)
    return list(
        rows.order_by("-urgent", F("acknowledged_at").asc(nulls_first=True), "sent_at")[:_MOST]
    )


def is_late(referral: Referral) -> bool:
    """Whether nobody has acknowledged it for too long."""
    return bool(referral.state == "sent" and timezone.now() - referral.sent_at > UNANSWERED_AFTER)


def late() -> Q:
    """The same, for a query."""
    return Q(state="sent", sent_at__lt=timezone.now() - UNANSWERED_AFTER)


def unheard(gate: Gate) -> int:
    """How many referrals this user's own place sent that nobody has acknowledged for too long."""
    sent = outgoing(gate).filter(late(), from_organisation=gate.user.organisation)
    return sent.exclude(resident__state__in=GONE).count()


def choices(gate: Gate, resident: Resident) -> dict[str, list[Organisation]]:
    """Where a resident can be sent from this user's place: `up` and `down` the tree.

    Up: the places above the user's and above the resident's, and the hospitals beside them. Down:
    the places between the user's and the resident's own, with that one.
    """
    own = gate.user.organisation
    if own is None:
        return {"up": [], "down": []}
    above = [path for place in (own.path, resident.organisation.path) for path in _ways(place)]
    tops = Q(path__in=above) | Q(parent__path__in=above, kind="hospital")
    tops |= Q(parent=None, kind="hospital")
    found = list(
        Organisation.objects.filter(tops | Q(pk=resident.organisation_id))
        .exclude(pk=own.pk)
        .exclude(kind="bureau")
    )
    home = resident.organisation.path
    down = [one for one in found if home.startswith(one.path) and not own.path.startswith(one.path)]
    up = [one for one in found if one not in down]
    return {"up": sorted(up, key=lambda one: (one.kind != "hospital", one.path)), "down": down}


def _ways(path: str) -> list[str]:
    """The path itself and those of all places above it."""
    parts = path.rstrip(".").split(".")
    return [".".join(parts[: end + 1]) + "." for end in range(len(parts))]


def send(
    gate: Gate,
    resident: Resident,
    to: Organisation,
    *,
    reason: str,
    urgent: bool,
    request_key: UUID,
) -> Referral:
    """Send a resident to another place; the same form again returns the first."""
    same = gate.about(resident, Referral).filter(request_key=request_key, author=gate.user)
    if (known := same.first()) is not None:
        return known
    if gate.user.organisation is None:
        raise PermissionDenied
    referral = Referral(
        request_key=request_key,
        resident=resident,
        organisation_id=resident.organisation_id,
        from_organisation=gate.user.organisation,
        to_organisation=to,
        urgent=urgent,
        reason=reason,
        author=gate.user,
    )
    try:
        with gate.writing(resident, "referral.write", referral=str(referral.public_id)):
            referral.save(force_insert=True)
    except IntegrityError:
        if (known := same.first()) is None:
            raise
        return known
    return referral


def steps(gate: Gate, referral: Referral) -> set[str]:
    """What this user may do with a referral now.

    Nobody receives what their own place sent, and only that place takes it back.
    """
    if not gate.user.may("referral.write"):
        return set()
    found: dict[str, tuple[str, ...]] = {}
    own = gate.user.organisation_id
    if referral.to_organisation_id in gate.reach and referral.from_organisation_id != own:
        found |= {"acknowledge": ("sent",), "answer": OPEN}
    if referral.from_organisation_id == own:
        found |= {"cancel": OPEN}
    return {name for name, states in found.items() if referral.state in states}


def acknowledge(gate: Gate, referral: Referral) -> None:
    """The receiving place has seen it."""
    changes = {
        "state": "acknowledged",
        "acknowledged_by": gate.user,
        "acknowledged_at": timezone.now(),
    }
    _step(gate, referral, "acknowledge", states=("sent",), changes=changes)


def answer(gate: Gate, referral: Referral, text: str) -> None:
    """The receiving place answers; the sender reads it."""
    now = timezone.now()
    changes = {"state": "answered", "answer": text, "answered_by": gate.user, "answered_at": now}
    if referral.acknowledged_at is None:
        changes |= {"acknowledged_by": gate.user, "acknowledged_at": now}
    _step(gate, referral, "answer", states=OPEN, changes=changes)


def cancel(gate: Gate, referral: Referral, reason: str) -> None:
    """The sender takes it back, with a reason."""
    changes = {
        "state": "cancelled",
        "cancel_reason": reason,
        "cancelled_by": gate.user,
        "cancelled_at": timezone.now(),
    }
    _step(gate, referral, "cancel", states=OPEN, changes=changes)


def _step(
    gate: Gate,
    referral: Referral,
    name: str,
    *,
    states: tuple[str, ...],
    changes: Mapping[str, Any],
) -> None:
    if name not in steps(gate, referral):
        if referral.state not in states:
            raise ReferralMovedOnError(referral)
        raise PermissionDenied
    resident = referral.resident
    with gate.writing(resident, "referral.write", referral=str(referral.public_id), step=name):
        rows = gate.about(resident, Referral).filter(pk=referral.pk)
        if not rows.filter(state__in=states).update(**changes):
            raise ReferralMovedOnError(rows.get())
