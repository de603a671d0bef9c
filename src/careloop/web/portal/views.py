"""A resident's own page: reading, writing to the team, and answering for their data."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as notes
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from careloop.error import InputError
from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.person import consent, message
from careloop.web.care.standing import today
from careloop.web.portal.own import own
from careloop.web.registry.resident import Resident
from careloop.web.report.leaflet import own_leaflet, paper
from careloop.web.report.views import pdf_response
from careloop.web.site.language import gettext as _


@for_action("own.read")
@require_http_methods(["GET", "POST"])
def home(request: GatedRequest) -> HttpResponse:
    """The one page of a resident."""
    resident = _opened(request)
    if resident is None:
        return render(request, "portal/nobody.html")
    fault = ""
    if request.method == "POST":
        fault = _answered(request, resident)
        if not fault:
            return redirect("portal:home")
    context = own(request.gate, resident)
    context |= {"fault": fault, "text": request.POST.get("text", "") if fault else ""}
    return render(request, "portal/home.html", context, status=422 if fault else 200)


@for_action("own.read")
@require_GET
def report(request: GatedRequest) -> HttpResponse:
    """The resident's one page to read: only what a doctor agreed to."""
    return render(request, "portal/report.html", {"page": _page(request)})


@for_action("own.read")
@require_GET
def report_pdf(request: GatedRequest) -> HttpResponse:
    """The same page to print."""
    made = _page(request)
    return pdf_response("patient", paper([made], made["title"]), f"plan-{today()}")


def _opened(request: GatedRequest) -> Resident | None:
    """The record that the account leads to, opened."""
    record = request.user.record
    return request.gate.open(record.public_id, "own.read") if record is not None else None


def _page(request: GatedRequest) -> dict[str, Any]:
    resident = _opened(request)
    if resident is None:
        raise Http404
    return own_leaflet(request.gate, resident)


def _answered(request: GatedRequest, resident: Resident) -> str:
    """Do what a form asks; returns what is wrong with it."""
    does, scope = request.POST.get("do"), request.POST.get("scope", "")
    if does == "send":
        try:
            message.send(request.gate, resident, request.POST.get("text", ""))
        except InputError as error:
            return error.problem
        notes.success(request, _("Sent."))
    elif does == "read":
        message.mark_read(request.gate, resident)
    elif does in {"give", "withdraw"}:
        act = consent.give if does == "give" else consent.withdraw
        if act(request.gate, resident, scope):
            notes.success(request, _("Kept."))
    return ""
