"""Browsers from which somebody has logged in before, so that nobody locks them out from elsewhere.

Wrong attempts lock a name, and an address: whoever knows a colleague's login name could keep them
out for ever, and one bad machine a whole hospital behind its address. So a browser keeps a signed
cookie that tells who has logged in there, and attempts from it count by themselves, five as
elsewhere (OWASP: device cookies). It opens nothing, and names nobody: only digests stand in it.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import salted_hmac

from careloop.web.accounts.attempt import Counted
from careloop.web.accounts.models import User

COOKIE = "careloop_known"
_LASTS = timedelta(days=180)
_SALT = "careloop.known"
_MOST = 20
"""So many people at most are known to one browser, those of late."""


def of_browser(request: HttpRequest | None, user: User | None) -> Counted | None:
    """What counts against somebody in this browser alone; None where they never logged in here.

    A new password begins anew: it is part of the key.
    """
    if request is None or user is None:
        return None
    browser, people = _read(request)
    if _digest(browser, user) not in people:
        return None
    return Counted("login", f"{browser} {user.pk} {user.password}")


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Note in the browser that somebody has logged in there."""
    browser, people = _read(request)
    own = _digest(browser, user)
    people = [own, *(each for each in people if each != own)][:_MOST]
    response.set_cookie(
        COOKIE,
        signing.dumps([browser, people], salt=_SALT),
        max_age=_LASTS,
        path=reverse("accounts:login"),
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    """The browser's own random name and whom it knows; a new one where it has none of ours."""
    try:
        browser, people = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_LASTS)
    except signing.BadSignature:
        return secrets.token_urlsafe(12), []
    return browser, people


def _digest(browser: str, user: User) -> str:
    return salted_hmac(_SALT, f"{browser} {user.pk}", algorithm="sha256").hexdigest()[:24]
