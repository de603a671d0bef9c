"""An image between being sent and being kept."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.utils import timezone

from careloop.web.accounts.gate import Gate
from careloop.web.imaging import keeping
from careloop.web.imaging.measured import order
from careloop.web.imaging.models import Image
from careloop.web.registry.resident import Resident

_GIVEN_UP = timedelta(minutes=15)
_AT_ONCE = 10
"""Images of one user that may wait to be measured."""


def too_many(gate: Gate) -> bool:
    """Whether this user waits for so many images that no other is taken."""
    lately = {"uploaded_at__gt": timezone.now() - _GIVEN_UP, "state": "measuring"}
    return bool(gate.rows(Image).filter(author=gate.user, **lately).count() >= _AT_ONCE)


def known(gate: Gate, resident: Resident, sent: order.Sent) -> Image | None:
    """The same file of the same resident, where it is kept or under way."""
    sha256 = hashlib.sha256(sent.image).hexdigest()
    rows = gate.about(resident, Image).filter(sha256=sha256)
    for row in rows.filter(state__in=("measuring", "measured", "kept")).order_by("pk"):
        settled(row)
        if row.state != "refused":
            return row
    return None


def begun(gate: Gate, resident: Resident, sent: order.Sent) -> Image:
    """Write an image down to be measured."""
    keeping.purge()
    row = Image(
        resident=resident,
        organisation_id=resident.organisation_id,
        author=gate.user,
        sha256=hashlib.sha256(sent.image).hexdigest(),
        part=sent.order.part,
        side=sent.order.side,
    )
    with gate.writing(resident, "image.write", image=str(row.public_id), did="send"):
        row.save(force_insert=True)
        order.laid_out(row.folder, sent)
    return row


def settled(row: Image) -> dict[str, Any] | None:
    """What was measured; None while that goes on, and where nothing came of it (`row.told` why)."""
    if row.state not in {"measuring", "measured"}:
        return None
    result = keeping.read_result(row.folder) if keeping.is_there(row.folder) else {"failed": "gone"}
    if result is None:
        if timezone.now() - row.uploaded_at < _GIVEN_UP:
            return None
        result = {"failed": "time"}
    if "failed" in result or "refused" in result:
        row.state, row.told = "refused", result
        row.save(update_fields=["state", "told"])
        keeping.remove(row.folder)
        return None
    if row.state == "measuring":
        row.state = "measured"
        row.save(update_fields=["state"])
    return result
