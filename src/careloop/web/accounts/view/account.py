"""One's own account: language, password, second factor, where one is logged in."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from careloop.web.accounts.access import GatedRequest, for_action, owed
from careloop.web.accounts.agent import words_for
from careloop.web.accounts.attempt import Counted
from careloop.web.accounts.forms import CodeForm, ConfirmForm, LanguageForm, PasswordForm
from careloop.web.accounts.models import User
from careloop.web.accounts.role import ROLE_NAMES
from careloop.web.accounts.seal import seal, unseal
from careloop.web.accounts.second_factor import (
    codes_left,
    new_codes,
    new_secret,
    picture,
    step_of,
    turn_off,
    turn_on,
)
from careloop.web.accounts.session import end_sessions, moved, sessions_of
from careloop.web.audit.chain import append
from careloop.web.site.language import COOKIE, language
from careloop.web.site.language import gettext as _

_ENROLLING = "enrolling"


@for_action("account")
@require_http_methods(["GET", "POST"])
def account(request: GatedRequest) -> HttpResponse:
    """Who I am here, in which language, and where I am logged in."""
    if request.method == "POST":
        if request.POST.get("do") == "end_others":
            ended = end_sessions(request.user, but=request.session.session_key)
            messages.success(request, _("Logged out elsewhere: {count}").format(count=ended))
            return redirect("accounts:account")
        form = LanguageForm(request.POST)
        response = redirect("accounts:account")
        if form.is_valid():
            request.user.language = form.cleaned_data["language"]
            request.user.save(update_fields=["language"])
            response.delete_cookie(COOKIE, samesite="Lax")  # from now on the account says so
        return response
    here = request.session.session_key
    sessions = [
        {"row": row, "here": row.session_key == here, "agent": words_for(row.agent)}
        for row in sessions_of(request.user)
    ]
    context = {
        "role": ROLE_NAMES[request.user.role][language()],  # type: ignore[index]
        "place": request.user.organisation,
        "sessions": sessions,
        "others": any(not each["here"] for each in sessions),
        "languages": User.LANGUAGES,
    }
    return render(request, "accounts/account.html", context)


@for_action("account")
@require_http_methods(["GET", "POST"])
def password(request: GatedRequest) -> HttpResponse:
    """A new password; every other session ends."""
    user = request.user
    form = PasswordForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        if "old" in form.fields and not _proved(request, form.cleaned_data["old"]):
            form.add_error("old", _not_right())
        else:
            end_sessions(user, but=request.session.session_key)
            user.set_password(form.cleaned_data["new"])
            user.must_change_password = False
            user.save(update_fields=["password", "must_change_password"])
            before = request.session.session_key
            update_session_auth_hash(request, user)
            moved(request, before)
            append(request.gate.actor, "password.change")
            messages.success(request, _("Your new password counts from now on."))
            return redirect(owed(user) or "site:home")
    return render(request, "accounts/password.html", {"form": form})


@for_action("account")
@require_http_methods(["GET", "POST"])
def enrol(request: GatedRequest) -> HttpResponse:
    """Set up, renew or remove the second factor."""
    if request.user.totp_secret:
        return _enrolled(request)
    secret = unseal(request.session.get(_ENROLLING, "")) or new_secret()
    request.session[_ENROLLING] = seal(secret)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        code = "".join(form.cleaned_data["code"].split())
        step = step_of(secret, code)
        if step is not None:
            del request.session[_ENROLLING]
            codes = turn_on(request.user, secret, step)
            end_sessions(request.user, but=request.session.session_key)
            append(request.gate.actor, "second_factor.on")
            return render(request, "accounts/codes.html", {"codes": codes, "new": True})
        form.add_error("code", _("This is not the code that is shown now. Try the next one."))
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    context = {"form": form, "picture": picture(request.user, secret), "secret": groups}
    return render(request, "accounts/enrol.html", context | {"owed": owed(request.user)})


def _enrolled(request: GatedRequest) -> HttpResponse:
    must = settings.TWO_FACTOR and request.user.role != "patient"
    form = ConfirmForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not _proved(request, form.cleaned_data["password"]):
            form.add_error("password", _not_right())
        elif request.POST.get("do") == "codes":
            append(request.gate.actor, "second_factor.codes")
            codes = new_codes(request.user)
            return render(request, "accounts/codes.html", {"codes": codes, "new": False})
        elif request.POST.get("do") == "remove" and not must:
            turn_off(request.user)
            append(request.gate.actor, "second_factor.off")
            messages.success(request, _("The second factor is removed."))
            return redirect("accounts:account")
    context = {"form": form, "left": codes_left(request.user), "must": must}
    return render(request, "accounts/enrolled.html", context)


def _proved(request: GatedRequest, typed: str) -> bool:
    """Whether this is the user's password; wrong ones are counted."""
    counted = Counted("password", str(request.user.pk))
    if counted.take() is not None or not request.user.check_password(typed):
        return False
    counted.forget()
    return True


def _not_right() -> str:
    return _("This is not your password. After five wrong attempts you wait a quarter of an hour.")
