"""Referral pages: writing one, the lists of both directions, and one with its steps."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.accounts.models import Organisation
from careloop.web.care.models import Listed, Referral
from careloop.web.care.standing import PROGRAMME, today, worklists
from careloop.web.care.worklist import query, reading, reason, referral
from careloop.web.care.worklist.selection import PAGE
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext_lazy as _
from careloop.web.site.language import language

STATES = {
    "open": _("open"),
    "late": _("not acknowledged for over 3 days"),
    "answered": _("answered"),
    "cancelled": _("cancelled"),
    "all": _("all"),
}
STATE_WORDS = {
    "sent": _("sent, not acknowledged yet"),
    "acknowledged": _("acknowledged, not answered yet"),
    "answered": _("answered"),
    "cancelled": _("cancelled"),
}
_TEXT = 2000


@for_action("referral.write")
@require_http_methods(["GET", "POST"])
def refer(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Send somebody to another place."""
    resident = request.gate.open(public_id, "person.read")
    choices = referral.choices(request.gate, resident)
    standing = query.standings(request.gate, [resident]).get(resident.pk)
    faults: dict[str, str] = {}
    told = {"to": "", "reason": _proposed(request, resident, standing), "urgent": False}
    if request.method == "POST":
        told = {
            "to": request.POST.get("to", ""),
            "reason": request.POST.get("reason", "").strip()[:_TEXT],
            "urgent": request.POST.get("urgent") == "1",
        }
        to = _place(choices, str(told["to"]))
        request_key = reading.key_of(request.POST.get("request_key", ""))
        if to is None:
            faults["to"] = _("Choose where to.")
        if not told["reason"]:
            faults["reason"] = _("Write why.")
        if to is not None and not faults and request_key is not None:
            sent = referral.send(
                request.gate,
                resident,
                to,
                reason=str(told["reason"]),
                urgent=bool(told["urgent"]),
                request_key=request_key,
            )
            if (sent.to_organisation_id, sent.reason, sent.urgent) == (
                to.pk,
                told["reason"],
                told["urgent"],
            ):
                messages.success(request, _("Referral sent to {place}.").format(place=to.name))
            else:  # the browser's "back", and another word: what was sent stands
                messages.warning(
                    request,
                    _("This form was sent before. It stands as it was: cancel it and refer again."),
                )
            return redirect("worklist:referral", referral_id=sent.public_id)
    elif choices["up"]:
        told["to"] = str(choices["up"][0].public_id)
    return render(
        request,
        "worklist/refer.html",
        {
            "resident": resident,
            "age": resident.age_on(today()),
            "choices": choices,
            "told": told,
            "faults": defaultdict(str, faults),
            "request_key": uuid4(),
            "open": _open(request, resident),
        },
        status=422 if faults else 200,
    )


def _place(choices: dict[str, list[Organisation]], told: str) -> Organisation | None:
    every = [*choices["up"], *choices["down"]]
    return next((one for one in every if str(one.public_id) == told), None)


def _open(request: GatedRequest, resident: Resident) -> list[Referral]:
    """Referrals of this person that still run, so that nobody is sent twice."""
    rows = request.gate.about(resident, Referral).filter(state__in=referral.OPEN)
    return list(rows.select_related("to_organisation").order_by("-sent_at"))


def _proposed(request: GatedRequest, resident: Resident, standing: Any) -> str:
    """The reason as far as it is known: next step, its grounds, and the lists' own reasons."""
    lines = []
    if step := reason.next_step(standing, language()):
        grounds = reason.because(standing, language())
        joined = _("; ").join(grounds)
        lines.append(_("{step}: {why}").format(step=step, why=joined) if joined else step)
    known = {each.key for each in worklists().lists}
    rows = request.gate.about(resident, Listed).filter(programme=PROGRAMME).order_by("rank")
    for row in rows:
        if row.worklist in known:
            label = reason.label(row.worklist, language())
            lines += [
                _("{step}: {why}").format(step=label, why=each)
                for each in reason.list_reasons(row, language())
            ]
    return "\n".join(lines)


@for_action("worklist.read")
@require_GET
def referrals(request: GatedRequest) -> HttpResponse:
    """Referrals to and from this place and those below it."""
    way = "out" if request.GET.get("way") == "out" else "in"
    state = request.GET.get("state", "open")
    state = state if state in STATES else "open"
    rows = (referral.outgoing if way == "out" else referral.incoming)(request.gate)
    if state == "open":
        rows = rows.filter(state__in=referral.OPEN)
    elif state == "late":
        rows = rows.filter(referral.late())
    elif state != "all":
        rows = rows.filter(state=state)
    order = ("-urgent", "sent_at") if state in {"open", "late"} else ("-sent_at",)
    page = Paginator(rows.order_by(*order, "pk"), PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    request.gate.listed([each.resident for each in shown], page="referrals")
    return render(
        request,
        "worklist/referrals.html",
        {
            "page": page,
            "rows": [(each, STATE_WORDS[each.state], referral.is_late(each)) for each in shown],
            "way": way,
            "state": state,
            "states": STATES,
            "today": today(),
        },
    )


@for_action("worklist.read")
@require_http_methods(["GET", "POST"])
def one_referral(request: GatedRequest, referral_id: UUID) -> HttpResponse:
    """A referral: what each side wrote and when, and the next step."""
    found = (
        referral.referrals(request.gate)
        .select_related("acknowledged_by", "answered_by", "cancelled_by")
        .filter(public_id=referral_id)
        .first()
    )
    if found is None:
        raise Http404
    faults: dict[str, str] = {}
    if request.method == "POST":
        request.gate.require("referral.write")
        faults = _move(request, found)
        if not faults:
            return redirect("worklist:referral", referral_id=referral_id)
    resident = request.gate.open(found.resident.public_id, "person.read")
    return render(
        request,
        "worklist/referral.html",
        {
            "referral": found,
            "resident": resident,
            "age": resident.age_on(today()),
            "state": STATE_WORDS[found.state],
            "late": referral.is_late(found),
            "steps": referral.steps(request.gate, found),
            "faults": defaultdict(str, faults),
            "text": request.POST.get("text", "")[:_TEXT],
        },
        status=422 if faults else 200,
    )


def _move(request: GatedRequest, found: Referral) -> dict[str, str]:
    """Take the step that was asked for; what is wrong with it, by field."""
    step, text = request.POST.get("step", ""), request.POST.get("text", "").strip()[:_TEXT]
    if step in {"answer", "cancel"} and not text:
        return {step: _("Write the answer.") if step == "answer" else _("Write why.")}
    try:
        if step == "acknowledge":
            referral.acknowledge(request.gate, found)
        elif step == "answer":
            referral.answer(request.gate, found, text)
        elif step == "cancel":
            referral.cancel(request.gate, found, text)
        else:
            raise Http404
    except referral.ReferralMovedOnError:
        messages.warning(
            request, _("Somebody else was faster: here is how it stands. Nothing was changed.")
        )
    return {}
