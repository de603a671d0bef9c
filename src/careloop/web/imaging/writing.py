"""Saving an examination: by hand, or read from a report and confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

from django.db import transaction

from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Visit
from careloop.web.care.recording import Contact, record_visit
from careloop.web.care.visit.task import after_save
from careloop.web.registry.resident import Resident


def save(gate: Gate, resident: Resident, contacts: Sequence[Contact], key: UUID) -> Visit:
    """Record examinations, all or none; the same `key` again saves nothing twice.

    Where both hips were measured there are two; they are recorded in the order given, and of two
    values of one day the one recorded last counts.
    """
    with transaction.atomic():
        visits = [
            record_visit(
                gate,
                resident,
                contact,
                request_key=uuid5(key, str(number)) if number else key,
                also=lambda visit, row: after_save(gate, resident, visit, row),
            )
            for number, contact in enumerate(contacts)
        ]
    return visits[-1]
