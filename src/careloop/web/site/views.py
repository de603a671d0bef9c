"""Home, language and health."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST, require_safe

from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.worklist import views as day
from careloop.web.site.language import COOKIE


@for_action("account")
@require_GET
def home(request: GatedRequest) -> HttpResponse:
    """Where a day begins."""
    return day.home(request)


@for_action("public")
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remember the language, and go back to the page."""
    chosen = "en" if request.POST.get("language") == "en" else "zh"
    back = request.POST.get("next", "/")
    here = {request.get_host()}
    if not (back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=here)):
        back = "/"
    response = redirect(back)
    response.set_cookie(
        COOKIE,
        chosen,
        max_age=365 * 86400,
        samesite="Lax",
        httponly=True,
        secure=request.is_secure(),
    )
    return response


@for_action("public")
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Whether the site and its database answer."""
    del request
    connection.ensure_connection()
    return JsonResponse({"ok": True})
