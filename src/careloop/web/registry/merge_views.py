"""Pages: who may be the same person, side by side; bring together, take apart."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.models import Merge, Visit
from careloop.web.registry import form, search
from careloop.web.registry.likeness import Found, alike
from careloop.web.registry.merge import NotMergedError, merge, undo
from careloop.web.registry.resident import Resident
from careloop.web.registry.views import shown
from careloop.web.site.language import gettext as _


@for_action("person.merge")
@require_http_methods(["GET", "POST"])
def duplicates(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Who may be the same person as this one; with `?with=` the two side by side."""
    gate = request.gate
    resident = gate.open(public_id)
    if resident.public_id != public_id:  # merged: the one it stands for was opened
        return redirect("registry:duplicates", public_id=resident.public_id)
    if not gate.looks_after(resident):
        raise Http404
    if request.method == "POST":
        return _merged(request, resident)
    told = request.GET.get("q", "")[:80]
    chosen = request.GET.get("with", "")
    other = _other(request, resident, chosen) if chosen else None
    if other is not None:
        return shown(
            request,
            "registry/compare.html",
            resident=resident,
            other=other,
            visits=[gate.about(each, Visit).count() for each in (resident, other)],
            last=[gate.about(each, Visit).first() for each in (resident, other)],
        )
    found = alike(gate, form.of_resident(resident).details, than=resident, elsewhere=False)
    found = Found([each for each in found.alike if gate.looks_after(each.resident)])
    page = search.find(gate, told) if told else None
    rows = [row.resident for row in page.rows if row.resident != resident] if page else []
    rows = [each for each in rows if gate.looks_after(each)]
    gate.listed([*(each.resident for each in found.alike), *rows], page="registry:duplicates")
    return shown(
        request,
        "registry/duplicates.html",
        resident=resident,
        found=found,
        told=told,
        rows=rows,
        merges=gate.about(resident, Merge)
        .select_related("other", "author", "undone_by")
        .order_by("-pk"),
    )


def _other(request: GatedRequest, resident: Resident, chosen: str) -> Resident:
    try:
        other = request.gate.open(chosen)
    except ValidationError:
        raise Http404 from None
    if other.pk == resident.pk or not request.gate.looks_after(other):
        raise Http404
    return other


def _merged(request: GatedRequest, resident: Resident) -> HttpResponse:
    """Bring the two together; the one named `keep` stays."""
    other = _other(request, resident, request.POST.get("with", ""))
    if request.POST.get("keep") == str(other.public_id):
        resident, other = other, resident
    try:
        merge(request.gate, resident, other)
    except NotMergedError:
        messages.warning(request, _("Somebody else has merged one of the two in the meantime."))
        return redirect("registry:duplicates", public_id=resident.public_id)
    messages.success(request, _("Merged. It can be undone on this page."))
    return redirect("registry:duplicates", public_id=resident.public_id)


@for_action("person.merge")
@require_POST
def unmerge(request: GatedRequest, pk: int) -> HttpResponse:
    """Take a merge apart."""
    gate = request.gate
    done = gate.rows(Merge).select_related("resident").filter(pk=pk).first()
    if done is None:
        raise Http404
    resident = gate.open(done.resident.public_id)
    try:
        undo(gate, done)
    except NotMergedError:
        messages.warning(request, _("Not undone: a later merge must be undone first."))
    else:
        messages.success(request, _("Undone: both registrations are as they were."))
    return redirect("registry:duplicates", public_id=resident.public_id)
