"""Logging in, with a second factor where there is one, and out."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth import login as begin_session
from django.contrib.auth import logout as end_session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from careloop.web.accounts.access import for_action
from careloop.web.accounts.attempt import Counted
from careloop.web.accounts.backend import CountingBackend, actor_of, address_of, locked
from careloop.web.accounts.forms import CodeForm, LoginForm
from careloop.web.accounts.known import remember
from careloop.web.accounts.models import LoginSession, User
from careloop.web.accounts.second_factor import accept
from careloop.web.audit.chain import append
from careloop.web.site.language import gettext as _

_HALF = "half"
_HALF_LASTS_S = 300


def safe_next(request: HttpRequest) -> str:
    """Where to go after logging in: a page of this site, else the first."""
    told = request.POST.get("next") or request.GET.get("next") or ""
    safe = told.startswith("/") and url_has_allowed_host_and_scheme(
        told, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return told if safe else resolve_url("site:home")


@for_action("public")
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Name and password."""
    if request.user.is_authenticated:
        return redirect(safe_next(request))
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        user = authenticate(request, username=given["username"], password=given["password"])
        if isinstance(user, User):
            if user.totp_secret:
                return _ask_second_factor(request, user)
            return welcome(request, user, safe_next(request))
        until = locked(request, given["username"])
        form.add_error(None, wait(until) if until else _wrong())
    return render(request, "accounts/login.html", {"form": form, "next": safe_next(request)})


def _wrong() -> str:
    return _(
        "The login name or the password is wrong. After five wrong attempts you wait 15 minutes."
    )


def wait(until: Any) -> str:
    """Told alike whether the name exists or not, and whether the last attempt was right."""
    at = timezone.localtime(until).strftime("%H:%M")
    return _("Too many wrong attempts. Please wait until {time}, then try again.").format(time=at)


def _ask_second_factor(request: HttpRequest, user: User) -> HttpResponse:
    """Half way in: a new session that knows who, and opens nothing yet."""
    goes_to = safe_next(request)
    request.session.flush()
    request.session[_HALF] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "at": timezone.now().timestamp(),
        "next": goes_to,
    }
    request.session.set_expiry(_HALF_LASTS_S)
    return redirect("accounts:second_factor")


@for_action("public")
@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """The code from the telephone, or a recovery code."""
    half = request.session.get(_HALF) or {}
    now = timezone.now().timestamp()
    user = User.objects.filter(pk=half.get("user"), is_active=True).first() if half else None
    fresh = now - half.get("at", 0) < _HALF_LASTS_S
    if user is None or not fresh or half["hash"] != user.get_session_auth_hash():
        return redirect("accounts:login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        counted = Counted("second_factor", str(user.pk))
        if until := counted.take():
            form.add_error("code", wait(until))
        elif accept(user, form.cleaned_data["code"]):
            counted.forget()
            return welcome(request, user, half["next"])
        else:
            append(actor_of(user, address_of(request)), "login.failed", detail={"step": 2})
            wrong = _("This code is not right, or was used before. Wait for the next one.")
            form.add_error("code", wrong)
    return render(request, "accounts/second_factor.html", {"form": form})


def welcome(request: HttpRequest, user: User, goes_to: str) -> HttpResponse:
    """Begin a session under a new key; whatever was in the one before is left behind."""
    request.session.flush()
    begin_session(request, user, backend=f"{CountingBackend.__module__}.{CountingBackend.__name__}")
    append(actor_of(user, address_of(request)), "login")
    response = redirect(goes_to)
    remember(request, response, user)
    return response


@for_action("public")
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session; a person's pages do not stay in the browser."""
    if request.user.is_authenticated:
        append(request.gate.actor, "logout")  # type: ignore[attr-defined]
        LoginSession.objects.filter(session_key=request.session.session_key or "").delete()
    end_session(request)
    messages.success(request, _("You are logged out."))
    return redirect("accounts:login")
