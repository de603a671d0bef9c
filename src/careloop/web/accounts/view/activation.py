"""A resident's own login: staff give a number, the resident sets the login up with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import segno
from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from markupsafe import Markup

from careloop.error import InputError
from careloop.web.accounts import resident_login
from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.accounts.attempt import of_address
from careloop.web.accounts.backend import actor_of, address_of
from careloop.web.accounts.forms import ActivationForm, ChoiceForm
from careloop.web.accounts.models import Activation
from careloop.web.accounts.readable import plain
from careloop.web.accounts.view.login import wait, welcome
from careloop.web.audit.chain import append
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_PROVED = "proved"
_PROVED_LASTS_S = 1800


# --- staff


@dataclass(frozen=True, slots=True)
class Slip:
    """What stands on the sheet a resident is given. `picture` is SVG, of an address made here."""

    number: str
    address: str
    picture: Markup
    until: datetime


@for_action("login.give")
@require_http_methods(["GET", "POST"])
def given(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Whether a resident has a login; give a number for one, or end it."""
    gate = request.gate
    resident = gate.open(public_id)
    if resident.public_id != public_id:  # merged: the one it stands for was opened
        return redirect("accounts:resident_login", public_id=resident.public_id)
    if not gate.looks_after(resident):
        raise Http404
    fault, do = "", request.POST.get("do", "")
    if do == "give":
        try:
            number = resident_login.give(gate, resident)
        except InputError as error:
            fault = error.problem
        else:
            slip = _slip(request, resident, number)
            return render(request, "accounts/slip.html", {"resident": resident, "slip": slip})
    elif do == "end":
        resident_login.end(gate, resident)
        messages.success(request, _("The login is closed."))
        return redirect("accounts:resident_login", public_id=public_id)
    accounts = resident_login.accounts_of(resident)
    context = {
        "resident": resident,
        "accounts": [
            {
                "user": user,
                "named": resident_login.is_named(user),
                "number": getattr(user, "activation", None),
            }
            for user in accounts
        ],
        "open": any(user.is_active or hasattr(user, "activation") for user in accounts),
        "most_wrong": resident_login.MOST_WRONG,
        "hindrance": fault or resident_login.hindrance(resident),
        "now": timezone.now(),
    }
    return render(request, "accounts/resident_login.html", context, status=422 if fault else 200)


def _slip(request: HttpRequest, resident: Resident, number: str) -> Slip:
    """The number stands behind # in the picture's address: no server ever hears of it."""
    address = request.build_absolute_uri(reverse("accounts:activate"))
    drawn = segno.make(f"{address}#{plain(number)}", error="m", micro=False)
    svg = drawn.svg_inline(border=2, omitsize=True, lineclass=None)
    until = resident_login.accounts_of(resident)[0].activation.until
    return Slip(number, address, Markup(svg), until)  # noqa: S704 — paths and numbers only


# --- the resident


@for_action("public")
@require_http_methods(["GET", "POST"])
def activate(request: HttpRequest) -> HttpResponse:
    """The number from the sheet, and the proof that it is theirs."""
    if request.user.is_authenticated:
        return render(request, "accounts/activate.html", {"form": None})
    form = ActivationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        address, number = of_address(address_of(request)), resident_login.of_number(told["number"])
        if until := address.take() or number.take():
            form.add_error(None, wait(until))
        elif found := resident_login.prove(told["number"], told["proof"]):
            address.give_back()
            number.forget()
            return _proved(request, found)
        else:
            append(actor_of(None, address_of(request)), "login.failed", detail={"step": "activate"})
            form.add_error(
                None,
                _(
                    "This does not fit together, or the number does not count any more. "
                    "Look at your sheet again, or ask for a new number where you got it."
                ),
            )
    return render(request, "accounts/activate.html", {"form": form})


def _proved(request: HttpRequest, found: Activation) -> HttpResponse:
    """Half way in: a new session that knows which number, and opens nothing yet."""
    request.session.flush()
    request.session[_PROVED] = {"activation": found.pk, "digest": found.digest}
    request.session.set_expiry(_PROVED_LASTS_S)
    return redirect("accounts:choose")


@for_action("public")
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """A login name and a password that only the resident knows; then their own record."""
    proved = request.session.get(_PROVED)
    if proved is None:
        return redirect("accounts:activate")
    found = (
        resident_login.standing().filter(pk=proved["activation"], digest=proved["digest"]).first()
    )
    record = resident_login.owner(found) if found is not None else None
    if found is None or record is None:
        return _too_late(request)
    user = found.user
    named = resident_login.is_named(user)
    initial = {} if named else {"username": resident_login.suggested_name(record)}
    form = ChoiceForm(request.POST or None, user=user, named=named, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            user = resident_login.activate(
                found,
                form.cleaned_data["new"],
                language=language(),
                address=address_of(request),
            )
        except IntegrityError:
            form.add_error("username", _("Somebody has this login name already."))
        except resident_login.NumberUsedError:
            return _too_late(request)
        else:
            told = _("Your login is set up. Next time log in as {name}, with your password.")
            messages.success(request, told.format(name=user.username))
            return welcome(request, user, reverse("portal:home"))
    context = {"form": form, "named": named, "login_name": user.username, "name": record.name}
    return render(request, "accounts/choose.html", context)


def _too_late(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    messages.warning(request, _("This number does not count any more. Please ask for a new one."))
    return redirect("accounts:activate")
