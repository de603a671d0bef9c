"""Recording a visit, correcting it, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_GET, require_http_methods

from careloop.care.entry import DAY, Entry, read_entry
from careloop.care.form import Form
from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.models import Standing, Visit, VisitVersion
from careloop.web.care.recording import Contact, VisitConflictError, correct_visit, record_visit
from careloop.web.care.standing import PROGRAMME, today
from careloop.web.care.visit import conflict
from careloop.web.care.visit.known import forms, known, read_by
from careloop.web.care.visit.page import page_of
from careloop.web.care.visit.result import LOSS, label_of, reads, result_of
from careloop.web.care.visit.task import after_save, next_tasks
from careloop.web.care.worklist.reason import task_label
from careloop.web.registry.resident import Resident
from careloop.web.site.language import language

NEXT = "next"
PERSON = "person"
"""Names the resident in the address of a visit where only broken glass leads to them."""


@for_action("visit.write")
@require_http_methods(["GET", "POST"])
def new(request: GatedRequest, public_id: UUID, kind: str) -> HttpResponse:
    """Record a new visit of a kind."""
    form = _form(kind)
    resident = _resident(request, public_id)
    row = known(resident, request.gate.facts(resident), read_by(kind), as_of=today())
    if request.method == "GET":
        return _page(request, resident, form, row, values={}, fresh=True, hidden=_fresh_key())
    key = _key(request)
    posted = request.POST.dict()
    entry = read_entry(forms(), form, posted, known=row, today=today())
    if entry.errors or key is None:
        hidden = {"request_key": str(key)} if key else _fresh_key()
        return _page(request, resident, form, row, values=posted, entry=entry, hidden=hidden)
    try:
        visit = record_visit(
            request.gate,
            resident,
            _contact(form, entry),
            request_key=key,
            also=lambda visit, row: after_save(request.gate, resident, visit, row),
        )
    except IntegrityError:  # the key of another person's form: asked again with one of its own
        hidden = _fresh_key()
        return _page(request, resident, form, row, values=posted, entry=entry, hidden=hidden)
    return redirect(_saved_at(request, visit, resident))


@for_action("visit.write")
@require_http_methods(["GET", "POST"])
def edit(request: GatedRequest, visit_id: UUID) -> HttpResponse:
    """Correct a visit; where somebody else was faster, both versions are shown."""
    visit, resident = _visit(request, visit_id)
    form = _form(visit.kind)
    facts = request.gate.facts(resident)
    row = known(resident, facts, read_by(visit.kind), as_of=today(), but=visit)
    if request.method == "GET":
        values = conflict.stands(form, visit)
        hidden = {"version": str(visit.version)}
        return _page(request, resident, form, row, values=values, hidden=hidden)
    posted = request.POST.dict()
    version = _version(posted)
    theirs = _at(request, visit, resident, version)
    if version is None or theirs is None:
        raise Http404
    if conflict.MINE + DAY in posted:
        merged = conflict.chosen(posted, conflict.stands(form, theirs))
        if merged is None:
            mine = {
                name.removeprefix(conflict.MINE): value
                for name, value in posted.items()
                if name.startswith(conflict.MINE)
            }
            return _conflict(request, resident, form, visit, mine=mine, base={}, unchosen=True)
        posted = merged
    posted[DAY] = posted.get(DAY, "").strip() or conflict.stands(form, theirs)[DAY]
    entry = read_entry(forms(), form, posted, known=row, today=today())
    if entry.errors:
        hidden = {"version": str(version)}
        return _page(request, resident, form, row, values=posted, entry=entry, hidden=hidden)
    try:
        visit = correct_visit(
            request.gate,
            resident,
            visit,
            _contact(form, entry),
            version=version,
            also=lambda visit, row: after_save(request.gate, resident, visit, row),
        )
    except VisitConflictError as error:
        mine = {DAY: _day(entry).isoformat(), **conflict.typed(form, entry.answers)}
        base = conflict.stands(form, theirs)
        return _conflict(request, resident, form, error.visit, mine=mine, base=base)
    return redirect(_saved_at(request, visit, resident))


@for_action("person.read")
@require_GET
def saved(request: GatedRequest, visit_id: UUID) -> HttpResponse:
    """What a saved visit means: risk, next step, what is missing, when to come again."""
    visit, resident = _visit(request, visit_id)
    form = forms()[visit.kind] if visit.kind in forms() else Form(visit.kind, label_of(""), ())
    standing = request.gate.about(resident, Standing).filter(programme=PROGRAMME).first()
    row = known(resident, request.gate.facts(resident), reads(), as_of=today())
    context = {
        "resident": resident,
        "visit": visit,
        "kind": label_of(visit.kind)[language()],
        "result": result_of(visit, form, standing, row),
        "loss_cm": row.get(LOSS),
        "since_first_cm": visit.answers.get("height_loss_prospective_cm"),
        "tasks": [
            (task, task_label(task.kind, language()))
            for task, _step in next_tasks(request.gate, resident)
        ],
        "today": today(),
        "can_edit": request.user.may("visit.write") and visit.kind in forms(),
        "edit_at": _address(request, "visit:edit", visit, resident),
        "back": _back(request) or reverse("site:home"),
    }
    return render(request, "visit/saved.html", context)


# --- who and what


def _form(kind: str) -> Form:
    if kind not in forms():
        raise Http404
    return forms()[kind]


def _resident(request: GatedRequest, public_id: UUID | str) -> Resident:
    resident = request.gate.open(public_id)
    if resident.state == "merged" and resident.merged_into is not None:
        resident = request.gate.open(resident.merged_into.public_id)
    return resident


def _visit(request: GatedRequest, visit_id: UUID) -> tuple[Visit, Resident]:
    """A visit within reach, or one of the person whom the address names (broken glass)."""
    person = request.GET.get(PERSON, "")
    if person:
        try:
            resident = request.gate.open(UUID(person))
        except ValueError:
            raise Http404 from None
        rows = request.gate.about(resident, Visit)
        visit = rows.filter(public_id=visit_id).select_related("author").first()
        if visit is None:
            raise Http404
        return visit, resident
    rows = request.gate.rows(Visit).select_related("resident", "author")
    visit = rows.filter(public_id=visit_id).first()
    if visit is None:
        raise Http404
    return visit, request.gate.open(visit.resident.public_id)


def _at(
    request: GatedRequest, visit: Visit, resident: Resident, version: int | None
) -> VisitVersion | None:
    """The version that somebody began from."""
    versions = request.gate.about(resident, VisitVersion).filter(visit=visit, version=version)
    return versions.first()


def _address(request: GatedRequest, name: str, visit: Visit, resident: Resident) -> str:
    address = reverse(name, args=[visit.public_id])
    near = resident.organisation_id in request.gate.reach
    told = {} if near else {PERSON: str(resident.public_id)}
    if back := _back(request):
        told[NEXT] = back
    return f"{address}?{urlencode(told)}" if told else address


def _back(request: GatedRequest) -> str:
    """The page of ours from which somebody came to record a visit; empty where there is none."""
    told = request.POST.get(NEXT) or request.GET.get(NEXT, "")
    here = {request.get_host()}
    safe = url_has_allowed_host_and_scheme(told, here, require_https=request.is_secure())
    return told if safe else ""


def _saved_at(request: GatedRequest, visit: Visit, resident: Resident) -> str:
    return _address(request, "visit:saved", visit, resident)


# --- what was posted


def _key(request: GatedRequest) -> UUID | None:
    try:
        return UUID(request.POST.get("request_key", ""))
    except ValueError:
        return None


def _fresh_key() -> dict[str, str]:
    return {"request_key": str(uuid4())}


def _version(posted: Mapping[str, str]) -> int | None:
    told = posted.get("version", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 9 else None


def _contact(form: Form, entry: Entry) -> Contact:
    return Contact(form.key, _day(entry), entry.recorded())


def _day(entry: Entry) -> date:
    return entry.happened_on or today()


# --- pages


def _page(
    request: GatedRequest,
    resident: Resident,
    form: Form,
    row: dict[str, Any],
    *,
    values: Mapping[str, str],
    hidden: Mapping[str, str],
    entry: Entry | None = None,
    fresh: bool = False,
) -> HttpResponse:
    errors = entry.errors if entry else {}
    page = page_of(form, row, as_of=today(), values=values, errors=errors, fresh=fresh)
    context = {
        "resident": resident,
        "age_y": resident.age_on(today()),
        "page": page,
        "title": form.label[language()],
        "hint": form.hint[language()] if form.hint else "",
        "happened_on": values.get(DAY) or today().isoformat(),
        "today": today().isoformat(),
        "hidden": hidden,
        "correction": "version" in hidden,
        "back": _back(request),
    }
    status = 422 if entry is not None else 200
    return render(request, "visit/form.html", context, status=status)


def _conflict(
    request: GatedRequest,
    resident: Resident,
    form: Form,
    visit: Visit,
    *,
    mine: Mapping[str, str],
    base: Mapping[str, str],
    unchosen: bool = False,
) -> HttpResponse:
    theirs = conflict.stands(form, visit)
    differing = conflict.differences(form, mine, theirs, base)
    if unchosen:  # they were asked before: keep what was chosen
        kept = {name: request.POST.get(conflict.CHOOSE + name, "") for name in [*mine, *theirs]}
        differing = [
            conflict.Difference(d.name, d.label, d.mine, d.theirs, kept.get(d.name, ""))
            for d in differing
        ]
    context = {
        "resident": resident,
        "visit": visit,
        "title": form.label[language()],
        "differing": differing,
        "mine": mine,
        "unchosen": unchosen,
        "MINE": conflict.MINE,
        "CHOOSE": conflict.CHOOSE,
    }
    return render(request, "visit/conflict.html", context, status=409)
