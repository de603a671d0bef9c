"""Pages for images: adding one, waiting, confirming what was measured, looking, withdrawing."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages as notes
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from careloop.error import InputError
from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.standing import today
from careloop.web.imaging import keeping
from careloop.web.imaging.measured import (
    answer,
    filing,
    order,
    page,
    recording,
    sending,
    waiting,
    word,
)
from careloop.web.imaging.models import Image
from careloop.web.imaging.views import opened
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _

_REASON = 300


@for_action("image.write")
@require_http_methods(["GET", "POST"])
def add(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Send an image; measuring begins at once and the next page waits for it."""
    resident = opened(request, public_id)
    wrong: dict[str, InputError] = {}
    if request.method == "POST":
        sent, wrong = sending.received(request.POST.dict(), request.FILES)
        if sent is not None and waiting.too_many(request.gate):
            wrong = {"image": InputError(_("Several images are still being measured: wait."))}
        elif sent is not None:
            row = waiting.known(request.gate, resident, sent)
            if row is not None:
                notes.info(request, _("This image is here already."))
            else:
                row = waiting.begun(request.gate, resident, sent)
                order.start(keeping.place(row.folder))
            return redirect(_address(resident, row))
    context = {
        "resident": resident,
        "posted": request.POST.dict(),
        "wrong": wrong,
        "parts": word.PARTS.items(),
        "sides": word.SIDES.items(),
        "most_mb": sending.MOST_BYTES // 1_000_000,
    }
    return render(request, "imaging/image_add.html", context, status=422 if wrong else 200)


@for_action("person.read")
@require_http_methods(["GET", "POST"])
def image(request: GatedRequest, public_id: UUID, image_id: UUID) -> HttpResponse:
    """One image: waiting, to be confirmed, kept, or why it is none of them."""
    resident = opened(request, public_id)
    row = request.gate.about(resident, Image).filter(public_id=image_id).first()
    if row is None:
        raise Http404
    if request.method == "POST":
        request.gate.require("image.write")
        return _changed(request, resident, row)
    if "picture" in request.GET:
        return _picture(row, request.GET["picture"])
    if "csv" in request.GET:
        return _csv(request, resident, row)
    return _shown(request, resident, row)


def _changed(request: GatedRequest, resident: Resident, row: Image) -> HttpResponse:
    does = request.POST.get("do", "")
    result = waiting.settled(row)
    if does == "keep" and result is not None:
        asked = answer.asked(request.gate, row, result, resident)
        answers, wrong = answer.answered(asked, request.POST.dict())
        if answers is None:
            return _confirm(request, resident, row, asked, wrong=wrong)
        recording.keep(request.gate, resident, row, result=result, answers=answers)
        notes.success(request, _("The image and its measurements are saved."))
    elif does == "discard" and row.state in {"measuring", "measured"}:
        recording.withdraw(request.gate, resident, row, "")
        notes.info(request, _("The image was thrown away; nothing of it is kept."))
        return redirect("person:page", resident.public_id)
    elif does == "withdraw" and row.state == "kept":
        reason = request.POST.get("reason", "").strip()[:_REASON]
        if not reason:
            wrong = {"reason": InputError(_("Say why, so that others understand it."))}
            return _shown(request, resident, row, wrong=wrong)
        recording.withdraw(request.gate, resident, row, reason)
        notes.info(request, _("The image is deleted and its measurements are withdrawn."))
    return redirect(_address(resident, row))


def _shown(
    request: GatedRequest,
    resident: Resident,
    row: Image,
    *,
    wrong: dict[str, InputError] | None = None,
) -> HttpResponse:
    result = waiting.settled(row)
    if result is not None:
        return _confirm(request, resident, row, answer.asked(request.gate, row, result, resident))
    context = {
        "resident": resident,
        "image": row,
        "what": page.what(row.part, row.side),
        "may_write": request.user.may("image.write"),
        "wrong": wrong or {},
    }
    if row.state != "kept":
        context |= {"waits": row.state == "measuring", "why": _why(row)}
        return render(request, "imaging/image_waiting.html", context)
    context |= page.of_image(request.gate, resident, row)
    context["quality"] = page.quality(row.quality)
    return render(request, "imaging/image.html", context, status=422 if wrong else 200)


def _why(row: Image) -> list[tuple[str, str]]:
    """Why there is no picture: what was found and what to do."""
    if row.state == "withdrawn":
        told = _("The image was deleted and its measurements withdrawn. Reason: {reason}")
        return [(told.format(reason=row.reason), "")] if row.reason else [(_("Thrown away."), "")]
    codes = dict.fromkeys(each["code"] for each in row.told.get("refused", ()))
    return [word.finding(code) for code in codes] or [word.failure(row.told.get("failed", ""))]


def _confirm(
    request: GatedRequest,
    resident: Resident,
    row: Image,
    asked: answer.Asked,
    *,
    wrong: dict[str, InputError] | None = None,
) -> HttpResponse:
    context = page.to_confirm(asked.result) | {
        "resident": resident,
        "image": row,
        "what": page.what(row.part, asked.side),
        "asked": asked,
        "names": word.REGIONS.items(),
        "sides": word.SIDES.items(),
        "posted": request.POST.dict(),
        "wrong": wrong or {},
        "today": today().isoformat(),
        "may_write": request.user.may("image.write"),
        "quality": page.quality(recording.ended(asked.result["quality"])),
    }
    return render(request, "imaging/image_confirm.html", context, status=422 if wrong else 200)


def _picture(row: Image, which: str) -> HttpResponse:
    """The picture, or the map of what a model looked at; never anything else of the folder."""
    file = {"grey": order.PICTURE, "saliency": order.SALIENCY}.get(which)
    data = filing.picture(row.folder, file) if file else None
    if data is None:
        raise Http404
    headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(data, content_type="image/png", headers=headers)


def _csv(request: GatedRequest, resident: Resident, row: Image) -> HttpResponse:
    if row.state != "kept":
        raise Http404
    table = "\ufeff" + page.as_csv(request.gate, resident, row)
    headers = {"Content-Disposition": 'attachment; filename="image.csv"'}
    return HttpResponse(table, content_type="text/csv; charset=utf-8", headers=headers)


def _address(resident: Resident, row: Image) -> str:
    return reverse("imaging:image", args=[resident.public_id, row.public_id])
