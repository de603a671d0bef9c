"""Pages: find, register, correct the details, print cards."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation
from careloop.web.care.person.consent import SCOPES
from careloop.web.care.standing import today, worklists
from careloop.web.registry import enrolment, form, search
from careloop.web.registry.card import card as card_of
from careloop.web.registry.likeness import Found, alike
from careloop.web.registry.national_id import masked
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

TAGS = {0: "", 1: "good", 2: "warn", 3: "stop"}
"""The look of a level's tag; its words tell the same."""


def shown(request: GatedRequest, template: str, **context: Any) -> HttpResponse:
    """A page with what all pages of the register show."""
    names = {each.level: each.label[language()] for each in worklists().levels}
    return render(
        request,
        template,
        {
            "level_of": lambda level: names.get(level, _("not assessed")),
            "tag_of": lambda level: TAGS.get(level, ""),
            "masked": masked,
            "sexes": {"female": _("Female"), "male": _("Male")},
            "today": today(),
            **context,
        },
        status=context.get("status", 200),
    )


@for_action("person.find")
@require_GET
@vary_on_headers("HX-Request")
def find(request: GatedRequest) -> HttpResponse:
    """Find somebody; with HTMX the list alone, as it is typed."""
    told, places, place = _asked(request)
    page = search.find(request.gate, told, place=place, number=_number(request))
    request.gate.listed([row.resident for row in page.rows], page="registry:find")
    part = request.htmx and not request.htmx.history_restore_request
    template = "registry/_found.html" if part else "registry/find.html"
    return shown(request, template, told=told, place=place, places=places, page=page)


@for_action("person.find")
@require_GET
def cards(request: GatedRequest) -> HttpResponse:
    """The cards of everybody on a page of a search, to print and cut."""
    told, places, place = _asked(request)
    page = search.find(request.gate, told, place=place, number=_number(request))
    request.gate.listed([row.resident for row in page.rows], page="registry:cards")
    made = [card_of(request, row.resident) for row in page.rows]
    return shown(
        request, "registry/card.html", cards=made, page=page, told=told, place=place, places=places
    )


def _asked(request: GatedRequest) -> tuple[str, list[Organisation], Organisation | None]:
    """What was typed, the places to choose from, and the one chosen."""
    places = list(request.gate.organisations())
    wanted = request.GET.get("place", "")
    place = next((each for each in places if str(each.public_id) == wanted), None)
    return request.GET.get("q", "")[:80], places, place


def _number(request: GatedRequest) -> int:
    told = request.GET.get("page", "1")
    return max(1, int(told)) if told.isdecimal() and len(told) < 7 else 1


@for_action("person.register")
@require_http_methods(["GET", "POST"])
def register(request: GatedRequest) -> HttpResponse:
    """Register somebody."""
    if request.method == "GET":
        typed = dict.fromkeys((*form.TOLD, "organisation"), "")
        typed["name"] = request.GET.get("name", "")[:60]
        return _form(request, form.Form(typed, form.Details()))
    told = form.read(request.POST, request.gate)
    agreed = {scope for scope in enrolment.AGREED if request.POST.get(f"consent_{scope}")}
    if agreed != {*enrolment.AGREED}:
        told.faults["consent"] = _("Without both agreements nobody is registered.")
    if told.faults:
        found = alike(request.gate, told.details)
        return _form(request, told, found=found, agreed=agreed, status=422)
    try:
        key = _key(request)
        resident = enrolment.register(
            request.gate,
            told.details,
            request_key=key,
            different=bool(request.POST.get("different")),
        )
    except enrolment.AlikeError as error:
        return _form(request, told, found=error.found, agreed=agreed, status=422)
    except enrolment.FormUsedError:
        told.faults["form"] = _(
            "This form has registered somebody else. Look through it, save again."
        )
        return _form(request, told, agreed=agreed, status=422, fresh=True)
    messages.success(request, _("Registered."))
    return redirect("person:page", public_id=resident.public_id)


def _form(
    request: GatedRequest,
    told: form.Form,
    *,
    found: Found | None = None,
    agreed: set[str] | frozenset[str] = frozenset(),
    status: int = 200,
    fresh: bool = False,
) -> HttpResponse:
    found = found or Found(())
    request.gate.listed([each.resident for each in found.alike], page="registry:register")
    places = list(request.gate.organisations())
    own = request.gate.user.organisation
    return shown(
        request,
        "registry/register.html",
        form=told,
        found=found,
        agreed=agreed,
        consents=[
            (each.key, each.text[language()]) for each in SCOPES if each.key in enrolment.AGREED
        ],
        request_key=uuid4() if fresh else _key(request),
        places=places,
        chosen=told.typed.get("organisation") or (str(own.public_id) if own else ""),
        different=bool(request.POST.get("different")),
        status=status,
    )


def _key(request: GatedRequest) -> UUID:
    """The form's key; one that is no key is a new one."""
    try:
        return UUID(request.POST.get("request_key", ""))
    except ValueError:
        return uuid4()


@for_action("person.register")
@require_POST
def alike_while_typing(request: GatedRequest) -> HttpResponse:
    """What the national id tells, and who is alike, while a form is being filled in."""
    told = form.read(request.POST, request.gate)
    found = alike(request.gate, told.details)
    request.gate.listed([each.resident for each in found.alike], page="registry:register")
    faults = {key: told.faults[key] for key in ("national_id",) if key in told.faults}
    if len(told.typed["national_id"]) < 15:  # still typing
        faults = {}
    return shown(request, "registry/_alike.html", form=told, found=found, faults=faults, live=True)


@for_action("person.register")
@require_http_methods(["GET", "POST"])
def details(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Correct who somebody is."""
    gate = request.gate
    resident = gate.open(public_id)
    if resident.public_id != public_id:  # merged: the one it stands for was opened
        return redirect("registry:details", public_id=resident.public_id)
    if request.method == "GET":
        return _details(request, resident, form.of_resident(resident))
    told = form.read(request.POST, gate, before=resident)
    if told.faults:
        return _details(request, resident, told, status=422)
    found = _worse(gate, told.details, resident)
    if found.strong and not request.POST.get("different"):
        return _details(request, resident, told, found=found, status=422)
    try:
        changed = enrolment.correct(gate, resident, told.details, seen=request.POST.get("seen", ""))
    except enrolment.DetailsConflictError as error:
        error.resident.organisation  # noqa: B018 — read with the row
        return _details(request, error.resident, told, conflict=True, status=409)
    messages.success(request, _("Saved.") if changed else _("Nothing was different."))
    return redirect("person:page", public_id=resident.public_id)


def _worse(gate: Gate, told: form.Details, resident: Resident) -> Found:
    """Who is alike only since the correction: what was accepted before is not asked again."""
    before = {
        each.resident.pk
        for each in alike(
            gate, form.of_resident(resident).details, than=resident, elsewhere=False
        ).alike
    }
    new_id = told.national_id != resident.national_id
    found = alike(gate, told, than=resident, elsewhere=new_id)
    return Found([each for each in found.alike if each.resident.pk not in before], found.elsewhere)


def _details(
    request: GatedRequest,
    resident: Resident,
    told: form.Form,
    *,
    found: Found | None = None,
    conflict: bool = False,
    status: int = 200,
) -> HttpResponse:
    found = found or Found(())
    request.gate.listed([each.resident for each in found.alike], page="registry:details")
    return shown(
        request,
        "registry/details.html",
        resident=resident,
        form=told,
        found=found,
        conflict=conflict,
        stands=form.of_resident(resident),
        seen=enrolment.version(resident),
        places=_places(request.gate, resident),
        chosen=told.typed.get("organisation", ""),
        looks_after=request.gate.looks_after(resident),
        different=bool(request.POST.get("different")),
        status=status,
    )


def _places(gate: Gate, resident: Resident) -> list[Organisation]:
    """Places within reach; of somebody opened from outside their own alone."""
    return list(gate.organisations()) if gate.looks_after(resident) else [resident.organisation]


@for_action("person.read")
@require_GET
def card(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """One resident's card, to print."""
    resident = request.gate.open(public_id)
    if resident.public_id != public_id:  # merged: the one it stands for was opened
        return redirect("registry:card", public_id=resident.public_id)
    return shown(
        request,
        "registry/card.html",
        cards=[card_of(request, resident)],
        page=None,
        resident=resident,
    )
