"""Sessions: twelve hours at most, staff an hour without activity, and a list of one's own."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from careloop.web.accounts.backend import address_of
from careloop.web.accounts.models import LoginSession, User

LASTS = timedelta(seconds=settings.SESSION_COOKIE_AGE)
IDLE = timedelta(minutes=60)
_SEEN, _STARTED = "seen", "started"
_STEP = timedelta(minutes=1)


@receiver(user_logged_in)
def started(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Begin a session: it ends twelve hours from now, whatever happens in it."""
    del sender
    now = timezone.now()
    session = request.session
    session.set_expiry(now + LASTS)
    session[_STARTED] = session[_SEEN] = now.timestamp()
    if session.session_key is None:  # somebody else's was just flushed
        session.create()
    LoginSession.objects.filter(user=user, started_at__lt=now - LASTS).delete()
    LoginSession.objects.update_or_create(
        session_key=session.session_key,
        defaults={
            "user": user,
            "address": address_of(request)[:45],
            "agent": request.META.get("HTTP_USER_AGENT", "")[:200],
            "started_at": now,
            "seen_at": now,
        },
    )


def over(request: HttpRequest, user: User) -> bool:
    """Whether a session has lasted too long, or was left alone; otherwise notes that it lives.

    The note is made once a minute: reading a page costs no writing.
    """
    now, session = timezone.now(), request.session
    before = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if before != session.session_key:  # Django's doing, once the secret key was replaced
        moved(request, before)
    seen = _instant(session.get(_SEEN)) or now
    begun = _instant(session.get(_STARTED)) or now
    if now - begun > LASTS or (user.role != "patient" and now - seen > IDLE):
        return True
    if now - seen > _STEP:
        session[_SEEN] = now.timestamp()
        LoginSession.objects.filter(session_key=session.session_key).update(seen_at=now)
    return False


def sessions_of(user: User) -> QuerySet[LoginSession]:
    """Where somebody is logged in."""
    now = timezone.now()
    found = LoginSession.objects.filter(user=user, started_at__gt=now - LASTS)
    return found if user.role == "patient" else found.filter(seen_at__gt=now - IDLE)


def end_sessions(user: User, *, but: str | None = None) -> int:
    """Log somebody out everywhere, but for one session; answers how many ended."""
    ended = LoginSession.objects.filter(user=user).exclude(session_key=but or "")
    store = import_module(settings.SESSION_ENGINE).SessionStore
    keys = list(ended.values_list("session_key", flat=True))
    for key in keys:
        store(session_key=key).delete()
    ended.delete()
    return len(keys)


def moved(request: HttpRequest, before: str | None) -> None:
    """The session's key was changed: its row follows."""
    LoginSession.objects.filter(session_key=before or "").update(
        session_key=request.session.session_key
    )


def _instant(value: float | None) -> datetime | None:
    return (
        None if value is None else datetime.fromtimestamp(value, tz=timezone.get_current_timezone())
    )
