"""Recording a visit, correcting it, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import polars as pl
from django.db import IntegrityError, transaction
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
from careloop.web.care.visit.known import Known, forms, known, read_by
from careloop.web.care.visit.later import compare_later
from careloop.web.care.visit.page import page_of
from careloop.web.care.visit.result import LOSS, label_of, reads, result_of
from careloop.web.care.visit.task import after_save, next_tasks
from careloop.web.care.worklist.reason import task_label
from careloop.web.registry.resident import Resident
from careloop.web.site.language import language

NEXT = "next"
BACK = "take-back"
"""Names the button that takes a visit back: nothing of it stands, and it was no contact."""
PERSON = "person"
"""Names the resident in the address of a visit where only broken glass leads to them."""


@for_action("visit.write")
@require_http_methods(["GET", "POST"])
def new(request: GatedRequest, public_id: UUID, kind: str) -> HttpResponse:
    """Record a new visit of a kind."""
    form = _form(kind)
    resident = _resident(request, public_id)
    facts = request.gate.facts(resident)
    row = known(resident, facts, read_by(kind), as_of=today())
    if request.method == "GET":
        return _page(request, resident, form, row, values={}, fresh=True, hidden=_fresh_key())
    key = _key(request)
    posted = request.POST.dict()
    # The same form again means what it meant at first, not what is known since it was saved.
    sent = request.gate.about(resident, Visit).filter(request_key=key).first() if key else None
    if sent is not None:
        row = known(resident, facts, read_by(kind), as_of=today(), but=sent)
    entry = _read(form, posted, (resident, facts), row, but=sent)
    if entry.errors or key is None:
        hidden = {"request_key": str(key)} if key else _fresh_key()
        return _page(request, resident, form, row, values=posted, entry=entry, hidden=hidden)
    try:
        with transaction.atomic():
            visit = record_visit(
                request.gate,
                resident,
                _contact(form, entry),
                request_key=key,
                also=lambda visit, row: after_save(request.gate, resident, visit, row),
            )
            if visit.happened_on < today():
                compare_later(request.gate, resident, visit)
    except IntegrityError:  # the key of another person's form: asked again with one of its own
        hidden = _fresh_key()
        return _page(request, resident, form, row, values=posted, entry=entry, hidden=hidden)
    if (differs := _sent_again(request, form, visit, entry)) is not None:
        return differs
    return redirect(_saved_at(request, visit, resident))


@for_action("visit.write")
@require_http_methods(["GET", "POST"])
def edit(request: GatedRequest, visit_id: UUID) -> HttpResponse:
    """Correct a visit or take it back; where somebody else was faster, both versions are shown."""
    visit, resident = _visit(request, visit_id)
    if visit.kind not in forms():  # corrected on a page of its own, to which that one leads
        return redirect(_saved_at(request, visit, resident))
    form = _form(visit.kind)
    facts = request.gate.facts(resident)
    row = known(resident, facts, read_by(visit.kind), as_of=today(), but=visit)
    if request.method == "GET":
        values = conflict.stands(form, _last_told(request, visit, resident))
        hidden = {"version": str(visit.version)}
        empty = not visit.answers
        return _page(request, resident, form, row, values=values, hidden=hidden, empty=empty)
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
    if BACK in posted:
        entry = Entry(visit.happened_on, {}, {}, {})
    else:
        entry = _read(form, posted, (resident, facts), row, but=visit)
    if entry.errors:
        hidden = {"version": str(version)}
        return _page(request, resident, form, row, values=posted, entry=entry, hidden=hidden)
    return _correct(request, (visit, resident), theirs, form, entry=entry)


def _correct(
    request: GatedRequest,
    whose: tuple[Visit, Resident],
    began: VisitVersion,
    form: Form,
    *,
    entry: Entry,
) -> HttpResponse:
    """Save a correction of the version that somebody began from."""
    before, resident = whose
    kept = None if BACK in request.POST else before
    try:
        with transaction.atomic():
            visit = correct_visit(
                request.gate,
                resident,
                before,
                _contact(form, entry, before=kept),
                version=began.version,
                also=lambda visit, row: after_save(request.gate, resident, visit, row),
            )
            earlier = min(before, visit, key=lambda each: each.happened_on)
            compare_later(request.gate, resident, earlier)
    except VisitConflictError as error:
        if conflict.stands(form, error.visit) == _typed(form, entry, entry.recorded()):
            return redirect(_saved_at(request, error.visit, resident))  # pressed twice
        mine = _typed(form, entry, entry.answers)
        base = conflict.stands(form, began)
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


def _last_told(request: GatedRequest, visit: Visit, resident: Resident) -> Visit | VisitVersion:
    """The visit; of one that was taken back, the last version that said something."""
    if visit.answers:
        return visit
    versions = request.gate.about(resident, VisitVersion).filter(visit=visit)
    return versions.exclude(answers={}).order_by("-version").first() or visit


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


def _read(
    form: Form,
    posted: Mapping[str, str],
    whose: tuple[Resident, pl.DataFrame],
    row: Known,
    *,
    but: Visit | None = None,
) -> Entry:
    """The form as filled in; what follows from it, by what was known on its own day."""

    def known_on(day: date) -> Known:
        if day == today() and but is None:
            return row
        names = read_by(form.key)
        return known(*whose, names, as_of=today(), but=but, before=day)

    return read_entry(forms(), form, posted, known=row, today=today(), known_on=known_on)


def _contact(form: Form, entry: Entry, *, before: Visit | None = None) -> Contact:
    """What was recorded; of a visit that is corrected, with what this form does not ask."""
    told = {question.key for _section, question in form.questions()}
    told |= {each.variable.key for each in forms().follows}
    answers = before.answers if before else {}
    kept = {key: value for key, value in answers.items() if key not in told}
    return Contact(form.key, _day(entry), {**kept, **entry.recorded()})


def _typed(form: Form, entry: Entry, answers: Mapping[str, Any]) -> dict[str, str]:
    return {DAY: _day(entry).isoformat(), **conflict.typed(form, answers)}


def _sent_again(
    request: GatedRequest, form: Form, visit: Visit, entry: Entry
) -> HttpResponse | None:
    """A form that was saved before, changed since (the browser's "back") and sent once more.

    It is neither a second visit nor lost: both versions are shown.
    """
    now = _typed(form, entry, entry.recorded())
    if now == conflict.stands(form, visit):
        return None
    resident = visit.resident
    first = _at(request, visit, resident, 1)
    base = conflict.stands(form, first) if first else {}
    if now == base:  # the very form again, and the visit was corrected since
        return None
    mine = _typed(form, entry, entry.answers)
    return _conflict(request, resident, form, visit, mine=mine, base=base, own=True)


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
    empty: bool = False,
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
        "empty": empty,
        "BACK": BACK,
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
    own: bool = False,
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
        "own": own,
        "edit_at": _address(request, "visit:edit", visit, resident),
        "MINE": conflict.MINE,
        "CHOOSE": conflict.CHOOSE,
    }
    return render(request, "visit/conflict.html", context, status=409)
