"""Messages between a resident and the people who look after them."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from careloop.error import InputError
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import User
from careloop.web.care.models import Message
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _

LONGEST = 1000
_TWICE = timedelta(minutes=1)


def messages(gate: Gate, resident: Resident) -> QuerySet[Message]:
    """All messages, newest first."""
    return gate.about(resident, Message).select_related("author").order_by("-sent_at", "-pk")


def unread(gate: Gate, resident: Resident) -> QuerySet[Message]:
    """What the other side wrote and this side has not read."""
    return gate.about(resident, Message).filter(
        from_resident=gate.user.role != "patient", read_at=None
    )


def has_account(resident: Resident) -> bool:
    """Whether the resident has an account in which to read messages."""
    return User.objects.filter(resident=resident, is_active=True).exists()


def send(gate: Gate, resident: Resident, text: str) -> Message | None:
    """Keep a message; whoever answers has read what was there.

    The same words of the same author twice within a minute are one message.

    Raises
    ------
    InputError
        No words, or too many.
    """
    text = text.strip()
    if not text:
        raise InputError(_("Write something first."))
    if len(text) > LONGEST:
        raise InputError(_("Please shorten it to 1000 characters."))
    with gate.writing(resident, "message.write", message="sent"):
        unread(gate, resident).update(read_at=timezone.now())
        just_now = timezone.now() - _TWICE
        if gate.about(resident, Message).filter(author=gate.user, text=text, sent_at__gt=just_now):
            return None
        message = Message(
            resident=resident,
            organisation_id=resident.organisation_id,
            author=gate.user,
            from_resident=gate.user.role == "patient",
            text=text,
        )
        message.save(force_insert=True)
    return message


def mark_read(gate: Gate, resident: Resident) -> int:
    """Mark what the other side wrote as read."""
    with gate.writing(resident, "message.write", message="read"):
        return unread(gate, resident).update(read_at=timezone.now())
