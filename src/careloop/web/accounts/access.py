"""Every page says what it is for: the action that a role needs to open it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django_htmx.http import HttpResponseClientRedirect

from careloop.web.accounts import session
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import User
from careloop.web.accounts.role import Action
from careloop.web.site.errors import told
from careloop.web.site.held import held
from careloop.web.site.language import gettext as _

View = TypeVar("View", bound=Callable[..., Any])


class GatedRequest(HttpRequest):
    """A request of somebody logged in."""

    user: User
    gate: Gate
    htmx: Any


def for_action(action: Action) -> Callable[[View], View]:
    """Mark a view with the action it is for; the middleware lets only such roles in."""

    def mark(view: View) -> View:
        view.action = action  # type: ignore[attr-defined]
        return view

    return mark


def action_of(view: Any) -> Action:
    """The action a view is marked with.

    Raises
    ------
    ImproperlyConfigured
        It is not marked: nobody gets in, so that a forgotten mark is found at once.
    """
    while view is not None:
        if hasattr(view, "action"):
            found: Action = view.action
            return found
        view = getattr(view, "view_class", None) or getattr(view, "__wrapped__", None)
    raise ImproperlyConfigured("a view without @for_action")


class GateMiddleware:
    """Puts the gate on the request, and lets nobody past whose role does not do this."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Make the gate of whoever is logged in, and still so."""
        if request.user.is_authenticated and session.over(request, request.user):
            logout(request)
            messages.info(request, _("You were logged out after a time without activity."))
        if request.user.is_authenticated:
            address = request.META.get("REMOTE_ADDR", "")
            request.gate = Gate(request.user, address=address)  # type: ignore[attr-defined]
        return told(request, self.get_response(request))

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Check the view's action before it runs; and that nothing sent holds what no text does."""
        del args, kwargs
        action = action_of(view)
        if _holds_nul(request):
            raise BadRequest("a NUL character, which PostgreSQL keeps in no text")
        if action == "public":
            return None
        if not request.user.is_authenticated:
            return held(request) or _to_login(request)
        match = request.resolver_match
        if (first := owed(request.user)) and (match is None or match.view_name != first):
            return _whole_page(request, resolve_url(first))
        request.gate.require(action)  # type: ignore[attr-defined]
        return None


def owed(user: User) -> str:
    """The page somebody must see to before any other: a new password, a second factor."""
    if user.must_change_password:
        return "accounts:password"
    if settings.TWO_FACTOR and user.role != "patient" and not user.totp_secret:
        return "accounts:enrol"
    return ""


def _holds_nul(request: HttpRequest) -> bool:
    told = (value for sent in (request.GET, request.POST) for _name, value in sent.lists())
    return any("\0" in each for values in told for each in values)


def _to_login(request: HttpRequest) -> HttpResponse:
    """To the login page and back; a part of a page that is asked for sends the whole page there.

    Whoever sent a form comes back to the page it stood on: the form's own address may show nothing.
    """
    htmx = getattr(request, "htmx", None)
    if htmx:
        back = htmx.current_url_abs_path or "/"
    elif request.method in {"GET", "HEAD"}:
        back = request.get_full_path()
    else:
        stood = urlsplit(request.META.get("HTTP_REFERER", ""))
        back = request.get_full_path()
        if stood.path:  # one slash: with two a browser would take what follows for another site
            back = urlunsplit(("", "", "/" + stood.path.lstrip("/"), stood.query, ""))
    return _whole_page(request, redirect_to_login(back).url)


def _whole_page(request: HttpRequest, where: str) -> HttpResponse:
    if getattr(request, "htmx", None):
        return HttpResponseClientRedirect(where)
    return redirect(where)
