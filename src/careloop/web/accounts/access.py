"""Every page says what it is for: the action that a role needs to open it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import User
from careloop.web.accounts.role import Action

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
        """Make the gate of whoever is logged in."""
        if request.user.is_authenticated:
            address = request.META.get("REMOTE_ADDR", "")
            request.gate = Gate(request.user, address=address)  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Check the view's action before it runs."""
        del args, kwargs
        action = action_of(view)
        if action == "public":
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        request.gate.require(action)  # type: ignore[attr-defined]
        return None
