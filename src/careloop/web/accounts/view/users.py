"""Managers look after the accounts of their places."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from careloop.web.accounts import staff
from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.accounts.attempt import of_name
from careloop.web.accounts.forms import UserForm
from careloop.web.accounts.role import ROLE_NAMES
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_PAGE = 50


def _roles() -> dict[str, str]:
    return {role: name[language()] for role, name in ROLE_NAMES.items()}


@for_action("user.manage")
@require_GET
def users(request: GatedRequest) -> HttpResponse:
    """Who works here and below."""
    words = request.GET.get("q", "").strip()[:60]
    page = Paginator(staff.staff(request.gate, words), _PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/users.html", {"page": page, "q": words, "roles": _roles()})


@for_action("user.manage")
@require_http_methods(["GET", "POST"])
def user_new(request: GatedRequest) -> HttpResponse:
    """A new account; its first password is shown once."""
    form = UserForm(request.POST or None, places=list(staff.places(request.gate)), new=True)
    if request.method == "POST" and form.is_valid():
        try:
            made, password = staff.hire(request.gate, form.cleaned_data)
        except IntegrityError:  # by another manager, a moment ago
            form.add_error("username", _("Somebody has this login name already."))
        else:
            return render(request, "accounts/one_time.html", {"whom": made, "password": password})
    return render(request, "accounts/user_new.html", {"form": form})


@for_action("user.manage")
@require_http_methods(["GET", "POST"])
def user(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """One account: change it, give it a new password, take it out of use."""
    whom = staff.member(request.gate, public_id)
    own, do = whom.pk == request.user.pk, request.POST.get("do", "")
    form = UserForm(
        request.POST if do == "change" else None,
        places=list(staff.places(request.gate)),
        new=False,
        initial={
            "name": whom.name,
            "role": whom.role,
            "organisation": str(whom.organisation.public_id) if whom.organisation else "",
            "language": whom.language,
        },
    )
    if request.method == "POST" and not own:
        if do == "reset_password":
            password = staff.reset_password(request.gate, whom)
            return render(request, "accounts/one_time.html", {"whom": whom, "password": password})
        done = True
        if do == "change" and form.is_valid():
            staff.change(request.gate, whom, form.cleaned_data)
        elif do == "reset_second_factor":
            staff.reset_second_factor(request.gate, whom)
        elif do in {"activate", "deactivate"}:
            staff.set_active(request.gate, whom, active=do == "activate")
        else:
            done = False
        if done:
            messages.success(request, _("Saved."))
            return redirect("accounts:user", public_id=public_id)
    context = {
        "whom": whom,
        "own": own,
        "form": form,
        "roles": _roles(),
        "locked_until": of_name(whom.username).locked_until(),
    }
    return render(request, "accounts/user.html", context)


@for_action("user.manage")
@require_GET
def emergencies(request: GatedRequest) -> HttpResponse:
    """Who opened a person outside their region, and why; the person is not named."""
    rows = request.gate.emergencies().values(
        "granted_at",
        "until",
        "reason",
        "user__name",
        "user__role",
        "user__organisation__name",
        "resident__organisation__name",
        "resident__public_id",
    )
    page = Paginator(rows, _PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/emergencies.html", {"page": page, "roles": _roles()})
