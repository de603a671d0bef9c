"""Bone density entered by hand."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from careloop.care.examination import SIDES
from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.models import Visit
from careloop.web.care.recording import VisitConflictError
from careloop.web.care.standing import today
from careloop.web.imaging import correction
from careloop.web.imaging.entry import (
    DAY,
    KIND,
    REFERENCE,
    Entry,
    examination,
    parts,
    read_entry,
)
from careloop.web.imaging.writing import save
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language


@for_action("visit.write")
@require_http_methods(["GET", "POST"])
def dxa(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Enter the values of a report by hand; `?visit=` corrects what was saved."""
    resident = opened(request, public_id)
    visit = _corrected(request, resident)
    if request.method == "GET":
        shown = correction.stands(request.gate, resident, visit) if visit else {}
        return _form(request, resident, shown, visit=visit)
    posted = request.POST.dict()
    entry = read_entry(
        posted,
        sex=resident.sex,
        born=resident.birth_date,
        today=today(),
        unlisted=_unlisted(request, resident, visit),
    )
    key = request_key(posted)
    if not entry.may_be_saved or (key is None and visit is None):
        return _form(request, resident, posted, entry=entry, key=key, visit=visit)
    if visit is not None:
        return _correct(request, resident, visit, entry=entry, posted=posted)
    visit = save(request.gate, resident, [entry.contact()], key or uuid4())
    return redirect(saved_at(request, visit, resident))


def _corrected(request: GatedRequest, resident: Resident) -> Visit | None:
    """The examination that the address names, if any."""
    told = request.GET.get("visit", "")
    if not told:
        return None
    try:
        rows = request.gate.about(resident, Visit).filter(kind=KIND, public_id=UUID(told))
    except ValueError:
        raise Http404 from None
    visit = rows.first()
    if visit is None:
        raise Http404
    return visit


def _unlisted(request: GatedRequest, resident: Resident, visit: Visit | None) -> str:
    """A reference database that stands for an examination and is none of the known ones."""
    if visit is None:
        return ""
    told = correction.stands(request.gate, resident, visit).get(REFERENCE, "")
    return "" if told in examination().references else told


def _correct(
    request: GatedRequest,
    resident: Resident,
    visit: Visit,
    *,
    entry: Entry,
    posted: Mapping[str, str],
) -> HttpResponse:
    version = posted.get("version", "")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0
    try:
        saved = correction.correct(request.gate, resident, visit, entry, version=number)
    except VisitConflictError as error:
        theirs = correction.stands(request.gate, resident, error.visit)
        entry.errors["values"] = _(
            "A colleague corrected this examination in the meantime. Compare, and save again."
        )
        entry.doubts = correction.conflict(posted, theirs)
        return _form(request, resident, posted, entry=entry, visit=error.visit)
    return redirect(saved_at(request, saved, resident))


def _form(
    request: GatedRequest,
    resident: Resident,
    posted: Mapping[str, str],
    *,
    entry: Entry | None = None,
    key: UUID | None = None,
    visit: Visit | None = None,
) -> HttpResponse:
    known = examination()
    place = request.user.organisation
    context = {
        "resident": resident,
        "age_y": resident.age_on(today()),
        "parts": parts(posted, entry, near=place is not None and place.kind == "clinic"),
        "devices": [(key, name[language()]) for key, name in known.devices.items()],
        "references": [
            (key, name[language()], " ".join(sorted(known.made_for(key))))
            for key, name in known.references.items()
        ],
        "sides": [(key, name[language()]) for key, name in SIDES.items()],
        "posted": posted,
        "entry": entry,
        "errors": entry.errors if entry else {},
        "doubts": entry.doubts if entry else {},
        "happened_on": posted.get(DAY, ""),
        "today": today().isoformat(),
        "request_key": key or uuid4(),
        "visit": visit,
        "unlisted": _unlisted(request, resident, visit),
    }
    return render(request, "imaging/dxa.html", context, status=422 if entry else 200)


def opened(request: GatedRequest, public_id: UUID) -> Resident:
    """The resident, or the one with whom a merged registration was brought together."""
    resident = request.gate.open(public_id)
    if resident.state == "merged" and resident.merged_into is not None:
        resident = request.gate.open(resident.merged_into.public_id)
    return resident


def request_key(posted: Mapping[str, str]) -> UUID | None:
    """The form's own key."""
    try:
        return UUID(posted.get("request_key", ""))
    except ValueError:
        return None


def saved_at(request: GatedRequest, visit: Visit, resident: Resident) -> str:
    """The page that says what a saved examination means."""
    address = reverse("visit:saved", args=[visit.public_id])
    near = resident.organisation_id in request.gate.reach
    return address if near else f"{address}?person={resident.public_id}"
