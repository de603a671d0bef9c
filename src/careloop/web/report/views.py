"""Pages to hand over, in HTML and PDF; every one of them is written to the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_GET, require_http_methods

from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.standing import today
from careloop.web.registry.resident import Resident
from careloop.web.report import batch as printing
from careloop.web.report.leaflet import leaflet, paper, slip
from careloop.web.report.record import record
from careloop.web.report.typesetting import Template, pdf


@for_action("report.read")
@require_GET
def slip_page(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """The slip after a screening; as PDF with `?as=pdf`."""
    resident = opened(request, public_id)
    made = slip(request.gate, resident)
    if request.GET.get("as") == "pdf":
        return pdf_response("slip", paper([made], made["title"]), f"slip-{today()}")
    return render(request, "report/slip.html", {"resident": resident, "slip": made})


@for_action("report.read")
@require_GET
def patient(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """The resident's one page, to read on the screen or print."""
    resident = opened(request, public_id)
    context = {"resident": resident, "page": leaflet(request.gate, resident)}
    return render(request, "report/patient.html", context)


@for_action("report.read")
@require_GET
def patient_pdf(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """The resident's one page as PDF."""
    made = leaflet(request.gate, opened(request, public_id))
    return pdf_response("patient", paper([made], made["title"]), f"plan-{today()}")


@for_action("report.read")
@require_GET
def doctor(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """The full record for the doctor."""
    resident = opened(request, public_id)
    context = {"resident": resident, "record": record(request.gate, resident)}
    return render(request, "report/doctor.html", context)


@for_action("report.read")
@require_GET
def doctor_pdf(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """The full record as PDF."""
    made = record(request.gate, opened(request, public_id))
    return pdf_response("record", made, f"record-{today()}")


@for_action("report.read")
@require_http_methods(["GET", "POST"])
def batch(request: GatedRequest) -> HttpResponse:
    """Print the pages of everybody on a list of a place."""
    if name := request.GET.get("job", ""):
        return _batch_goes_on(request, name)
    wanted = printing.Wanted.of(request.POST if request.method == "POST" else request.GET)
    chosen = printing.people(request.gate, wanted)
    few = chosen[: printing.MOST]
    if request.method == "POST" and chosen:
        root = request.build_absolute_uri("/")
        if len(few) > printing.AT_ONCE:
            job = printing.begin(request.gate, few, wanted.what, root=root)
            return redirect(f"{reverse('report:batch')}?job={job.name}")
        made = printing.printed(request.gate, few, wanted.what, root=root)
        return _file(made, f"{wanted.what}-{today()}")
    place = printing.place_of(request.gate, wanted)
    context = {
        "wanted": wanted,
        "place": place,
        "places": list(request.gate.organisations()),
        "lists": printing.choices(),
        "number": len(few),
        "too_many": len(chosen) > printing.MOST,
        "most": printing.MOST,
        "job": None,
    }
    return render(request, "report/batch.html", context)


def _batch_goes_on(request: GatedRequest, name: str) -> HttpResponse:
    job = printing.found(request.gate, name)
    if job is None:
        raise Http404
    with translation.override("en" if job.language == "en" else "zh-hans"):
        made = printing.go_on(request.gate, job)
    if made is not None:
        return _file(made, f"{job.what}-{today()}")
    return render(request, "report/batch.html", {"job": job})


def opened(request: GatedRequest, public_id: UUID) -> Resident:
    """The resident, or the one with whom a merged registration was brought together."""
    resident = request.gate.open(public_id, "report.read")
    if resident.state == "merged" and resident.merged_into is not None:
        resident = request.gate.open(resident.merged_into.public_id, "report.read")
    return resident


def pdf_response(template: Template, data: Mapping[str, Any], name: str) -> HttpResponse:
    """A PDF shown by the browser; its file name holds nothing of the resident."""
    return _file(pdf(template, data, made_on=today()), name)


def _file(made: bytes, name: str) -> HttpResponse:
    response = HttpResponse(made, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return response
