"""Breaking the glass: one person outside one's region, for an hour, with a reason."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.accounts.attempt import Counted
from careloop.web.accounts.forms import EmergencyForm, GlassForm
from careloop.web.site.language import gettext as _


@for_action("person.break_glass")
@require_http_methods(["GET", "POST"])
def break_glass(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """For somebody whose address is at hand; the page is the same whether they exist or not."""
    if request.gate.within_reach(public_id):
        return redirect("person:page", public_id=public_id)
    form = GlassForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _open(request, public_id, form.cleaned_data["reason"])
    return render(request, "accounts/break_glass.html", {"form": form})


@for_action("person.break_glass")
@require_http_methods(["GET", "POST"])
def emergency(request: GatedRequest) -> HttpResponse:
    """For somebody whose full number is at hand; wrong numbers are counted."""
    form = EmergencyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        counted = Counted("emergency", str(request.user.pk))
        if until := counted.take():
            at = timezone.localtime(until).strftime("%H:%M")
            form.add_error(
                "number", _("Too many numbers tried. Please wait until {time}.").format(time=at)
            )
        elif found := request.gate.find_for_emergency(*form.cleaned_data["number"]):
            counted.give_back()
            if request.gate.within_reach(found):
                return redirect("person:page", public_id=found)
            return _open(request, found, form.cleaned_data["reason"])
        else:
            form.add_error("number", _("Nobody is registered with exactly this number."))
    return render(request, "accounts/emergency.html", {"form": form})


def _open(request: GatedRequest, public_id: UUID, reason: str) -> HttpResponse:
    granted = request.gate.break_glass(public_id, reason)
    at = timezone.localtime(granted.until).strftime("%H:%M")
    messages.warning(request, _("Emergency access until {time}. It is recorded.").format(time=at))
    return redirect("person:page", public_id=granted.resident.public_id)
