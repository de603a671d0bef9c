"""Pages for a report that is photographed or uploaded: sending it, waiting, and confirming."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

from django.contrib import messages as notes
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from careloop.care.examination import SIDES
from careloop.error import InputError
from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Visit
from careloop.web.care.standing import today
from careloop.web.imaging import isolation, keeping, reading
from careloop.web.imaging.confirmation import Confirmation, answered, contacts, opened, taken
from careloop.web.imaging.entry import examination
from careloop.web.imaging.models import Upload
from careloop.web.imaging.views import opened as opened_resident
from careloop.web.imaging.views import saved_at
from careloop.web.imaging.writing import save
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_GIVEN_UP = timedelta(minutes=15)
_AT_ONCE = 10
"""Reports of one user that may wait to be read."""


@for_action("visit.write")
@require_http_methods(["GET", "POST"])
def upload(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Send a report; reading it begins at once and the next page waits for it."""
    resident = opened_resident(request, public_id)
    problem: InputError | None = None
    if request.method == "POST":
        try:
            data = _received(request)
        except InputError as error:
            problem = error
        else:
            sha256 = hashlib.sha256(data).hexdigest()
            known = _known(request, resident, sha256)
            return redirect(known or _begin(request, resident, data, sha256))
    context = {
        "resident": resident,
        "problem": problem,
        "most_mb": keeping.MOST_BYTES // 1_000_000,
        "pictures": keeping.pictures_can_be_read(),
        "waiting": waiting(request.gate, resident),
    }
    return render(request, "imaging/upload.html", context, status=422 if problem else 200)


def _received(request: GatedRequest) -> bytes:
    """The bytes that were sent, if they are a report; their name and type are not looked at."""
    lately = {"uploaded_at__gt": timezone.now() - _GIVEN_UP, "state": "reading"}
    if request.gate.rows(Upload).filter(author=request.user, **lately).count() >= _AT_ONCE:
        raise InputError(
            _("Several reports are still being read."), remedy=_("Confirm those first, or wait.")
        )
    file = request.FILES.get("report")
    if file is None:
        raise InputError(_("No file was chosen."), remedy=_("Take a photo or choose a PDF first."))
    if (file.size or 0) > keeping.MOST_BYTES:
        raise keeping.too_large()
    data: bytes = file.read()
    if keeping.sniffed(data) != "pdf" and not keeping.pictures_can_be_read():
        raise InputError(
            _("Reading pictures is not set up on this site."),
            remedy=_("Enter the values by hand, or send the report as PDF."),
        )
    return data


def waiting(gate: Gate, resident: Resident) -> list[Upload]:
    """The resident's reports that were sent and wait for somebody to confirm them."""
    rows = gate.about(resident, Upload).filter(state__in=("reading", "read"))
    since = timezone.now() - timedelta(seconds=keeping.KEPT_S)
    return list(rows.filter(uploaded_at__gt=since).select_related("author")[:_AT_ONCE])


def _known(request: GatedRequest, resident: Resident, sha256: str) -> str:
    """Where the same file of this resident was saved already, or waits; "" where it is new."""
    rows = request.gate.about(resident, Upload).filter(sha256=sha256)
    for row in rows.exclude(state="failed").order_by("pk"):
        if row.state == "confirmed":
            visit = _saved(request, resident, row)
            if visit is not None:
                notes.info(request, _("This report was saved already."))
                return saved_at(request, visit, resident)
        elif keeping.is_there(row.folder) and _comes(row):
            return reverse("imaging:confirm", args=[resident.public_id, row.public_id])
    return ""


def _comes(row: Upload) -> bool:
    """Whether a report was read, or will be: who reads it may have been switched off meanwhile."""
    young = timezone.now() - row.uploaded_at < timedelta(seconds=isolation.LIMIT_S)
    return young or keeping.read_result(row.folder) is not None


def _saved(request: GatedRequest, resident: Resident, row: Upload) -> Visit | None:
    """The examination that a report became."""
    return request.gate.about(resident, Visit).filter(request_key=row.public_id).first()


def _begin(request: GatedRequest, resident: Resident, data: bytes, sha256: str) -> str:
    keeping.purge()
    row = Upload(
        resident=resident,
        organisation_id=resident.organisation_id,
        author=request.user,
        sha256=sha256,
    )
    with request.gate.writing(resident, "visit.write", upload=row.sha256[:12]):
        row.save(force_insert=True)
    reading.start(keeping.keep(row.folder, data))
    return reverse("imaging:confirm", args=[resident.public_id, row.public_id])


@for_action("visit.write")
@require_http_methods(["GET", "POST"])
def confirm(request: GatedRequest, public_id: UUID, upload_id: UUID) -> HttpResponse:
    """What was read, beside its place on the page; what a person takes is saved."""
    resident = opened_resident(request, public_id)
    row = request.gate.about(resident, Upload).filter(public_id=upload_id).first()
    if row is None:
        raise Http404
    if row.state == "confirmed":
        visit = _saved(request, resident, row)
        if visit is not None:
            return redirect(saved_at(request, visit, resident))
    if request.method == "POST" and request.POST.get("do") == "discard":
        return _discard(request, resident, row)
    number = request.GET.get("page", "")
    if number.isascii() and number.isdecimal():
        return _picture(row, int(number[:3]))
    shown = _shown(request.gate, row, resident)
    if shown is None:
        return _waiting(request, resident, row)
    if request.method == "POST":
        answered(shown, request.POST.dict(), resident, today())
    if request.method == "GET" or not shown.may_be_saved:
        return _form(request, resident, row, shown)
    with transaction.atomic():
        visit = save(request.gate, resident, contacts(shown), row.public_id)
        row.state, row.result = "confirmed", taken(shown)
        row.save(update_fields=["state", "result"])
        transaction.on_commit(lambda: keeping.remove(row.folder))
    return redirect(saved_at(request, visit, resident))


def _discard(request: GatedRequest, resident: Resident, row: Upload) -> HttpResponse:
    """Throw a report away at once: another person's, or one that nobody needs."""
    if row.state in ("reading", "read"):
        with request.gate.writing(resident, "visit.write", upload=row.sha256[:12], did="discard"):
            row.state, row.result = "failed", {"failed": "discarded"}
            row.save(update_fields=["state", "result"])
            transaction.on_commit(lambda: keeping.remove(row.folder))
        notes.info(request, _("The report was thrown away; nothing of it is kept."))
    return redirect("person:page", resident.public_id)


def _shown(gate: Gate, row: Upload, resident: Resident) -> Confirmation | None:
    """What was read; None while it is being read, where it failed, or after a day."""
    if row.state == "failed" or not keeping.is_there(row.folder):
        return None
    read = keeping.read_result(row.folder)
    if read is None:
        return None
    if "failed" in read:
        row.state, row.result = "failed", {"failed": read["failed"]}
        row.save(update_fields=["state", "result"])
        keeping.remove(row.folder)
        return None
    if row.state == "reading":
        row.state = "read"
        row.save(update_fields=["state"])
    same = gate.rows(Upload).filter(sha256=row.sha256, state="confirmed")
    elsewhere = same.exclude(resident=resident).exists()
    return opened(read, resident, row.sha256, elsewhere=elsewhere)


def _waiting(request: GatedRequest, resident: Resident, row: Upload) -> HttpResponse:
    waits = row.state == "reading" and keeping.is_there(row.folder)
    if waits and timezone.now() - row.uploaded_at > _GIVEN_UP:
        waits, row.state, row.result = False, "failed", {"failed": "time"}
        row.save(update_fields=["state", "result"])
        keeping.remove(row.folder)
    context = {"resident": resident, "upload": row, "waits": waits, "why": _why(row)}
    return render(request, "imaging/waiting.html", context)


def _why(row: Upload) -> tuple[str, str]:
    """Why there is nothing to confirm, and what to do."""
    by_hand = _("Enter the values by hand.")
    if row.state != "failed":
        return _("The report is not kept any more: pictures are deleted after a day."), _(
            "Send it again, or enter the values by hand."
        )
    return {
        "extra": (
            _("Reading pictures is not set up on this site."),
            _("Enter the values by hand, or send the report as PDF."),
        ),
        "unreadable": (
            _("The file is damaged or locked by a password."),
            _("Save it again without a password, or photograph the page."),
        ),
        "no_table": (
            _("No table with bone density values was found on it."),
            _("Photograph the page with the table of results, straight from above, in good light."),
        ),
        "time": (_("Reading took too long."), by_hand),
        "discarded": (_("The report was thrown away; nothing of it is kept."), by_hand),
    }.get(row.result.get("failed", ""), (_("The report could not be read."), by_hand))


def _picture(row: Upload, number: int) -> HttpResponse:
    data = keeping.picture(row.folder, number) if keeping.is_there(row.folder) else None
    if data is None:
        raise Http404
    return HttpResponse(data, content_type="image/jpeg")


def _form(
    request: GatedRequest, resident: Resident, row: Upload, shown: Confirmation
) -> HttpResponse:
    known = examination()
    context = {
        "resident": resident,
        "upload": row,
        "shown": shown,
        "faults": shown.faults(),
        "today": today().isoformat(),
        "devices": [(key, name[language()]) for key, name in known.devices.items()],
        "references": [(key, name[language()]) for key, name in known.references.items()],
        "sides": [(key, name[language()]) for key, name in SIDES.items()],
    }
    asked = request.method == "POST"
    return render(request, "imaging/confirm.html", context, status=422 if asked else 200)
