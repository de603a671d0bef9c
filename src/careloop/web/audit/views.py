"""Pages of the audit: for managers what was done, for those who care for someone who looked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.accounts.models import Organisation
from careloop.web.accounts.role import ROLE_NAMES
from careloop.web.audit import query
from careloop.web.audit.chain import append
from careloop.web.audit.models import Entry
from careloop.web.audit.word import ACTIONS, words
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language


@for_action("audit.read")
@require_GET
def entries(request: GatedRequest) -> HttpResponse:
    """What people of one's own places did, and what anybody did with residents of these places.

    Asking about one person is itself written down.
    """
    place = request.user.organisation
    asked = {name: request.GET.get(name, "").strip() for name in ("user", "action", "from", "to")}
    asked["person"] = request.GET.get("person", "").strip()
    wanted, wrong = _wanted(asked)
    page = query.Page([], None)
    if place is not None and not wrong:
        own = wanted.person is not None and request.gate.answers_for(wanted.person)
        page = query.entries(
            "" if own else place.path, wanted, placeless=_is_top(place), before=_number(request)
        )
    if wanted.person is not None and not wrong:
        append(request.gate.actor, "audit.read", [wanted.person])
    filters = {name: value for name, value in asked.items() if value}
    return render(
        request,
        "audit/entries.html",
        {
            "rows": _rows(page),
            "older": _older(page, filters),
            "asked": asked,
            "wrong": wrong,
            "actions": [(action, words(action)) for action in ACTIONS],
        },
    )


@for_action("person.read")
@require_GET
def person(request: GatedRequest, public_id: UUID) -> HttpResponse:
    """Who looked at this person, and what they did."""
    resident = request.gate.open(public_id)
    registrations = request.gate.registrations(resident)
    page = query.about([each.public_id for each in registrations], before=_number(request))
    return render(
        request,
        "audit/person.html",
        {
            "resident": resident,
            "rows": _rows(page),
            "older": _older(page, {}),
        },
    )


def _is_top(place: Organisation) -> bool:
    """Whether a place stands above all others: it sees what belongs to none of them."""
    return not Organisation.objects.exclude(path__startswith=place.path).exists()


def _rows(page: query.Page) -> list[dict[str, object]]:
    roles = {str(key): name[language()] for key, name in ROLE_NAMES.items()}
    roles["operator"] = _("at the console")
    names = query.names(page)
    return [_row(entry, roles, names) for entry in page.entries]


def _row(entry: Entry, roles: Mapping[str, str], names: Mapping[str, str]) -> dict[str, object]:
    reason = entry.detail.get("reason") if entry.action == "break_glass" else None
    return {
        "number": entry.number,
        "at": entry.at,
        "username": entry.username,
        "name": names.get(entry.username, ""),
        "role": roles.get(entry.role, entry.role),
        "words": words(entry.action),
        "action": entry.action,
        "address": entry.address,
        "reason": reason,
        "persons": [each for each in entry.residents.split(",") if each],
        "alarm": entry.action in {"break_glass", "login.failed", "refused"},
    }


def _wanted(asked: dict[str, str]) -> tuple[query.Wanted, list[str]]:
    """What the form asks for, and the names of fields that cannot be understood."""
    wrong: list[str] = []
    days: dict[str, date | None] = {}
    for name in ("from", "to"):
        try:
            days[name] = date.fromisoformat(asked[name]) if asked[name] else None
        except ValueError:
            days[name] = None
            wrong.append(name)
    public_id = None
    if asked["person"]:
        try:
            public_id = UUID(asked["person"])
        except ValueError:
            wrong.append("person")
    wanted = query.Wanted(
        username=asked["user"].lower(),
        action=asked["action"],
        person=public_id,
        since=days["from"],
        until=days["to"],
    )
    return wanted, wrong


def _number(request: GatedRequest) -> int | None:
    told = request.GET.get("before", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else None


def _older(page: query.Page, filters: dict[str, str]) -> str:
    return "" if page.older is None else "?" + urlencode(filters | {"before": str(page.older)})
