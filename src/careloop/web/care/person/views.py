"""A resident's pages: thin, the work is done by the modules beside."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from careloop.error import InputError
from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.away import CARE
from careloop.web.care.models import PlanDecision
from careloop.web.care.person import consent, decision, message
from careloop.web.care.person.considered import known
from careloop.web.care.person.course import course
from careloop.web.care.person.head import head
from careloop.web.care.person.page import page as whole
from careloop.web.care.person.timeline import timeline as told
from careloop.web.care.standing import today
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_PAGE = 50


@for_action("person.read")
@require_GET
def page(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Everything that matters about a resident today."""
    resident = request.gate.open(public_id)
    if resident.public_id != public_id:
        notes.info(request, _("This registration was merged: here is the one that is kept."))
        return redirect("person:page", resident.public_id)
    return render(request, "person/page.html", whole(request.gate, resident))


@for_action("person.read")
@require_GET
def risk(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Every instrument, and the risk over time; a part of the page where HTMX asks."""
    resident = request.gate.open(public_id)
    found = known(request.gate.facts(resident), today())
    context = _framed(resident) | {"course": course(found, language())}
    template = "person/_risk.html" if request.htmx else "person/risk.html"
    return render(request, template, context)


@for_action("person.read")
@require_GET
def timeline(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """All facts by day."""
    resident = request.gate.open(public_id)
    query = request.GET
    number = query.get("page", "1")
    shown = told(
        request.gate,
        resident,
        group=query.get("group", ""),
        on=_day(query.get("on", "")),
        page=int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1,
    )
    return render(request, "person/timeline.html", _framed(resident) | {"timeline": shown})


@for_action("person.read")
@require_http_methods(["GET", "POST"])
def plan(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """The proposed plan; a doctor decides on each item."""
    writes = request.method == "POST"
    if writes:
        request.gate.require("plan.decide")
    resident = request.gate.open(public_id)
    found = known(request.gate.facts(resident), today())
    if not writes:
        return _plan(request, resident)
    answer = decision.Answer.of(request.POST)
    try:
        if answer.decision == "all":
            count = decision.accept_all(request.gate, resident, found, request.POST.getlist("seen"))
            notes.success(request, _("Accepted: {number}.").format(number=count))
            return redirect("person:plan", public_id)
        kept = decision.decide(request.gate, resident, found, answer)
    except decision.DecisionConflictError:
        return _plan(request, resident, answer, conflict=True, status=409)
    except InputError as error:
        return _plan(request, resident, answer, fault=error.problem, status=422)
    notes.success(request, _("Kept."))
    return redirect(f"{reverse('person:plan', args=[public_id])}#item-{kept.item}")


def _plan(
    request: GatedRequest,
    resident: Resident,
    answer: decision.Answer | None = None,
    *,
    conflict: bool = False,
    fault: str = "",
    status: int = 200,
) -> HttpResponse:
    found = known(request.gate.facts(resident), today())
    shown = decision.proposals(request.gate, resident, found)
    history = (
        request.gate.about(resident, PlanDecision).select_related("author").order_by("-pk")[:_PAGE]
    )
    context = _framed(resident) | {
        "plan": shown,
        "acceptable": decision.acceptable(shown) if shown else [],
        "may_decide": request.user.may("plan.decide"),
        "typed": answer,
        "conflict": conflict,
        "fault": fault,
        "history": history,
        "as_of": today(),
    }
    return render(request, "person/plan.html", context, status=status)


@for_action("person.read")
@require_http_methods(["GET", "POST"])
def messages(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Messages with a resident."""
    writes = request.method == "POST"
    resident = request.gate.open(public_id)
    fault, text = "", ""
    if writes:
        text = request.POST.get("text", "")
        try:
            if request.POST.get("do") == "read":
                message.mark_read(request.gate, resident)
            else:
                message.send(request.gate, resident, text)
            return redirect("person:messages", public_id)
        except InputError as error:
            fault = error.problem
    paged = Paginator(message.messages(request.gate, resident), _PAGE)
    context = _framed(resident) | {
        "paged": paged.get_page(request.GET.get("page")),
        "unread": message.unread(request.gate, resident).count(),
        "text": text,
        "fault": fault,
        "longest": message.LONGEST,
        "account": message.has_account(resident),
    }
    return render(request, "person/messages.html", context, status=422 if fault else 200)


@for_action("person.read")
@require_http_methods(["GET", "POST"])
def consents(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """What a resident agreed to."""
    writes = request.method == "POST"
    resident = request.gate.open(public_id)
    if writes:
        scope = request.POST.get("scope", "")
        act = consent.give if request.POST.get("do") == "give" else consent.withdraw
        if act(request.gate, resident, scope):
            notes.success(request, _("Kept."))
            if scope == CARE and act is consent.withdraw:
                notes.info(request, _("No longer on any list, and no tasks. The record stays."))
        return redirect("person:consents", public_id)
    context = _framed(resident) | {"answers": consent.answers(request.gate, resident)}
    return render(request, "person/consents.html", context)


def _framed(resident: Resident) -> dict[str, Any]:
    day = today()
    return {"resident": resident, "head": head(resident, day), "today": day}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
