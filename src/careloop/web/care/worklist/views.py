"""The day's pages: today, all lists, one list, and the result of a call."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods

from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.models import Call
from careloop.web.care.standing import the_programme, today, worklists
from careloop.web.care.worklist import call as calling
from careloop.web.care.worklist import query, reading, reason
from careloop.web.care.worklist.day import Day
from careloop.web.care.worklist.selection import AGES, SORTS, Selection
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_LATER_D = 7
"""How many days on a form proposes to call again."""


def home(request: GatedRequest) -> HttpResponse:
    """Where a day begins: each role's own page."""
    if request.user.may("worklist.read"):
        day = Day(request.gate, Selection(request.gate, request.GET, today()), today(), language())
        request.gate.listed(day.shown, page="today")
        return render(request, "site/home.html", {"day": day})
    if request.user.may("own.read"):
        return redirect("portal:home")
    if request.user.may("aggregate.read"):
        return redirect("worklist:numbers")
    return redirect("accounts:account")


@for_action("worklist.read")
@require_GET
def lists(request: GatedRequest) -> HttpResponse:
    """All lists with how many people they hold."""
    selection = Selection(request.gate, request.GET, today())
    counts = query.counts(request.gate, selection, today())
    shown = [
        (key, reason.label(key, language()), reason.hint(key, language()), *counts[key])
        for key in query.every()
    ]
    return render(request, "worklist/lists.html", {"lists": shown, "selection": selection})


@for_action("worklist.read")
@require_http_methods(["GET", "POST"])
def one_list(request: GatedRequest, key: str) -> HttpResponse:
    """A list: whom to call, why, by when; and what is done with several at once."""
    if key not in query.every():
        raise Http404
    if request.method == "POST":
        return _batch(request, key)
    gate, day = request.gate, today()
    selection = Selection(gate, request.GET, day)
    page = query.page(gate, key, selection, day)
    residents = [row.resident for row in page.rows]
    known, called = query.standings(gate, residents), query.last_calls(gate, residents)
    rows = [
        _line(row, key, known.get(row.resident_id), called.get(row.resident_id))
        for row in page.rows
    ]
    gate.listed(residents, page=f"list {key}")
    return render(
        request,
        "worklist/list.html",
        {
            "key": key,
            "label": reason.label(key, language()),
            "hint": reason.hint(key, language()),
            "rows": rows,
            "page": page,
            "selection": selection,
            "ages": AGES,
            "sorts": SORTS,
            "levels": [(one.level, one.label[language()]) for one in worklists().levels],
            "off": None if selection.chosen.waiting else _off(request, key, selection, day),
            "request_key": uuid4(),
            "today": day,
            "proposed": day + timedelta(days=_LATER_D),
            "done": _done(request, request.GET.get("done", "")),
            "results": calling.RESULTS,
            "reasons": calling.REASONS,
        },
    )


def _line(row: Any, key: str, standing: Any, called: Any) -> reason.Row:
    """A row of any list, in words."""
    told: dict[str, Any] = {"today": today(), "language": language()}
    if key in query.TASK_LISTS:
        return reason.task_row(row, standing, called, key=key, **told)
    return reason.listed_row(row, standing, called, **told)


def _off(request: GatedRequest, key: str, selection: Selection, day: date) -> int:
    """How many are off the list after a call."""
    return query.members(request.gate, key, day, off=True).filter(selection.here).count()


def _done(request: GatedRequest, told: str) -> dict[str, Any] | None:
    """What this user has just recorded, so that it can be undone."""
    request_key = reading.key_of(told)
    if request_key is None:
        return None
    calls = request.gate.rows(Call).filter(
        author=request.user, request_key=request_key, undone_at=None
    )
    people = calls.values("resident").distinct().count()
    return {"key": request_key, "people": people} if people else None


def _batch(request: GatedRequest, key: str) -> HttpResponse:
    """Do something with everybody whose box was ticked."""
    form, gate = request.POST, request.gate
    action, request_key = form.get("action", ""), reading.key_of(form.get("request_key", ""))
    selection = Selection(gate, request.GET, today())
    back = f"{reverse('worklist:list', args=[key])}{selection.address(page=selection.chosen.page)}"
    if action == "undo" and request_key is not None:
        return _undo_batch(request, request_key, back)
    rows = reading.picked(gate, key, form.getlist("pick"))
    if not rows:
        messages.warning(request, _("Tick at least one person first."))
    elif action == "print":
        ids = ",".join(dict.fromkeys(str(row.resident.public_id) for row in rows))
        return redirect(f"{reverse('report:batch')}?{urlencode({'ids': ids})}")
    elif action == "assign":
        _assign(request, rows, reading.day(form.get("on", "")))
    elif request_key is not None and _call_all(request, key, rows, request_key):
        joined = "&" if len(back.partition("?")[2]) else ""
        back = f"{back}{joined}done={request_key}"
    return redirect(back)


def _call_all(request: GatedRequest, key: str, rows: list[Any], request_key: UUID) -> bool:
    """Write down the same result for several people; whether it was done."""
    action = request.POST.get("action", "")
    result = calling.Result(action, reading.day(request.POST.get("on", "")))
    faults = result.faults(today())
    if action not in {"agreed", "later"} or faults:
        messages.error(request, " ".join(faults.values()) or _("Choose what to do."))
        return False
    with transaction.atomic():
        for row in rows:
            subject = calling.Subject(key, row if key in query.TASK_LISTS else None)
            calling.record(request.gate, row.resident, [subject], result, request_key=request_key)
    return True


def _assign(request: GatedRequest, rows: list[Any], on: date | None) -> None:
    faults = calling.Result("agreed", on).faults(today())
    if on is None or faults:
        messages.error(request, " ".join(faults.values()))
        return
    with transaction.atomic():
        for resident in {row.resident_id: row.resident for row in rows}.values():
            with request.gate.writing(resident, "visit.write", assigned=on.isoformat()):
                calling.assign(request.gate, resident, on)
    messages.success(
        request,
        _("Follow-up set on {day}. People: {number}.").format(
            day=on.isoformat(), number=len({row.resident_id for row in rows})
        ),
    )


def _undo_batch(request: GatedRequest, request_key: UUID, back: str) -> HttpResponse:
    calls = request.gate.rows(Call).filter(author=request.user, request_key=request_key)
    done = 0
    with transaction.atomic():
        for call in calls.select_related("resident", "task", "assigned"):
            done += calling.undo(request.gate, call.resident, [call])
    messages.success(request, _("Undone: {number}.").format(number=done))
    return redirect(back)


@for_action("visit.write")
@require_http_methods(["GET", "POST"])
def call(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Write down what came of calling somebody, or take it back."""
    gate, day = request.gate, today()
    resident = gate.open(public_id, "person.read")
    chosen = request.GET.get("list", "")
    chosen = chosen if chosen in query.every() else ""
    back = _back(request, resident, chosen)
    if request.method == "POST" and (undone := request.POST.get("undo", "")[:18]):
        key = int(undone) if undone.isascii() and undone.isdigit() else 0
        calls = gate.about(resident, Call).filter(pk=key)
        done = calling.undo(gate, resident, calls.select_related("task", "assigned"))
        messages.success(request, _("Undone: {number}.").format(number=done))
        return redirect(request.get_full_path())
    subjects = reading.subjects_of(gate, resident, day)
    faults: dict[str, str] = {}
    result = calling.Result("")
    ticked = _ticked(request, subjects, chosen)
    if request.method == "POST":
        result = reading.result_of(request.POST)
        faults = result.faults(day)
        if not ticked:
            faults["about"] = _("Tick what the call was about.")
        request_key = reading.key_of(request.POST.get("request_key", ""))
        if not faults and request_key is not None:
            about = [subjects[mark][0] for mark in ticked]
            calling.record(gate, resident, about, result, request_key=request_key)
            return _after(request, resident, result, back)
    standing = query.standings(gate, [resident]).get(resident.pk)
    return render(
        request,
        "worklist/call.html",
        {
            "resident": resident,
            "age": resident.age_on(day),
            "next_step": reason.next_step(standing, language()),
            "because": reason.because(standing, language()),
            "subjects": _subjects(subjects, ticked, day),
            "results": calling.RESULTS,
            "reasons": calling.REASONS,
            "result": result,
            "faults": defaultdict(str, faults),
            "request_key": uuid4(),
            "today": day,
            "proposed": day + timedelta(days=_LATER_D),
            "history": _history(request, resident),
            "back": back,
            "programme": the_programme().name[language()],
        },
        status=422 if faults else 200,
    )


def _ticked(request: GatedRequest, subjects: dict[str, Any], chosen: str) -> list[str]:
    """What the call was about: as ticked; at first the list one comes from, else everything."""
    if request.method == "POST":
        return [mark for mark in request.POST.getlist("about") if mark in subjects]
    of_list = [mark for mark, (subject, _row) in subjects.items() if subject.worklist == chosen]
    return of_list or list(subjects)


def _subjects(subjects: dict[str, Any], ticked: list[str], day: date) -> list[dict[str, Any]]:
    shown = []
    for mark, (subject, row) in subjects.items():
        of_task = subject.task is not None
        told = (
            [reason.task_label(row.kind, language())]
            if of_task
            else reason.list_reasons(row, language())
        )
        shown.append(
            {
                "mark": mark,
                "label": reason.label(subject.worklist, language()),
                "why": told,
                "due_on": row.due_on,
                "late_d": (day - row.due_on).days if row.due_on else 0,
                "alarm": not of_task and bool(row.because.get("alarm")),
                "ticked": mark in ticked,
            }
        )
    return shown


def _history(request: GatedRequest, resident: Resident) -> list[dict[str, Any]]:
    calls = request.gate.about(resident, Call).select_related("author", "task")
    known = set(query.every())
    return [
        {
            "call": each,
            "result": calling.RESULTS.get(each.result, each.result),
            "reason": calling.REASONS.get(each.reason, each.reason),
            "list": reason.label(each.worklist, language()) if each.worklist in known else "",
            "task": reason.task_label(each.task.kind, language()) if each.task else "",
        }
        for each in calls.order_by("-called_at", "-pk")[:20]
    ]


def _back(request: GatedRequest, resident: Resident, chosen: str) -> str:
    """Where to go afterwards: where the reader came from, the list, or the person's page."""
    told = request.POST.get("next") or request.GET.get("next", "")
    if told and url_has_allowed_host_and_scheme(told, allowed_hosts={request.get_host()}):
        return told
    if chosen:
        return reverse("worklist:list", args=[chosen])
    return reverse("person:page", args=[resident.public_id])


def _after(
    request: GatedRequest, resident: Resident, result: calling.Result, back: str
) -> HttpResponse:
    messages.success(
        request,
        _("Recorded for {name}: {result}.").format(
            name=resident.name, result=calling.RESULTS[result.result]
        ),
    )
    if result.reason in calling.OUTCOMES:
        messages.info(request, _("Please record it as an outcome too, with its date."))
        return redirect("visit:new", public_id=resident.public_id, kind="outcome")
    return redirect(back)
