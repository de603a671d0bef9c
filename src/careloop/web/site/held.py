"""What was typed is not lost with the session: the page that says so carries it, to be sent again.

A nurse fills in a form at somebody's home; meanwhile her session ends, or she logs in anew in
another tab. What she sends then is not saved, but the answer holds every field, and one press sends
it once she is logged in. Nothing of it is kept on the server.

Only what a page of this site sent is given back (the browser says so in `Origin`): otherwise
another site could put words into a form of ours and wait for somebody to press the button.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

_APPS = frozenset({"visit", "worklist", "person", "registry", "imaging"})
"""Whose forms are about residents; those with passwords are never given back."""
_TOKEN = "csrfmiddlewaretoken"  # noqa: S105 — a field's name


def held(request: HttpRequest) -> HttpResponse | None:
    """The page that holds what was sent; None where there is nothing to hold."""
    match = request.resolver_match
    if request.method != "POST" or match is None or match.namespace not in _APPS:
        return None
    if getattr(request, "htmx", None) or not _own(request) or request.FILES:
        return None
    fields = [
        (name, value) for name, values in request.POST.lists() if name != _TOKEN for value in values
    ]
    if not fields:
        return None
    context = {"fields": fields, "sent_to": request.get_full_path()}
    return render(request, "site/held.html", context, status=403)


def _own(request: HttpRequest) -> bool:
    origin = f"{request.scheme}://{request.get_host()}"
    return request.META.get("HTTP_ORIGIN") == origin
