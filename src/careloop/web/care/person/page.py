"""What stands on a resident's page: every part with one query, clinical answers from one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

import polars as pl

from careloop.programmes import evidence as why
from careloop.programmes.plan_view import ReasonView
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import User
from careloop.web.accounts.role import ROLE_NAMES
from careloop.web.audit.models import Concerned
from careloop.web.audit.word import words as did
from careloop.web.care.away import GONE
from careloop.web.care.models import (
    Consent,
    Listed,
    Message,
    Referral,
    Standing,
    Task,
    Visit,
)
from careloop.web.care.person.consent import SCOPES
from careloop.web.care.person.considered import Known, known, step_of, words
from careloop.web.care.person.decision import proposals
from careloop.web.care.person.head import head, level, way
from careloop.web.care.person.medicine import medicines
from careloop.web.care.person.trend import title as measured
from careloop.web.care.person.trend import trends
from careloop.web.care.person.word import DOES, KINDS, TEXTURE
from careloop.web.care.standing import PROGRAMME, bedside, the_programme, today, worklists
from careloop.web.imaging.measured.page import thumbs
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_VISITS, _TASKS, _LOOKED, _MISSING = 5, 12, 4, 6
_USUAL = ("screening", "outcome", "dxa", "refer", "plan", "report", "slip")
_VISITS_AT = {"clinic": "home", "centre": "community", "hospital": "hospital"}
_AT_ONCE = 8
"""Buttons that stand there; the rarer ones are a tap further."""


@dataclass(frozen=True, slots=True)
class Way:
    """A button: its address and words."""

    address: str
    label: str


@dataclass(frozen=True, slots=True)
class Now:
    """What to do now: the step, why, and what does it."""

    label: str
    grounds: tuple[why.Ground, ...]
    open: tuple[why.Ground, ...]
    actions: tuple[Way, ...]


def page(gate: Gate, resident: Resident) -> dict[str, Any]:
    """Everything on the page."""
    day = today()
    found = known(gate.facts(resident), day)
    wording = words(language()).wording
    row = found.row
    gone = resident.state in GONE
    series = trends(found.standing, language())
    standing = gate.about(resident, Standing).filter(programme=PROGRAMME).first()
    verdicts = [why.verdict(each, row, wording) for each in the_programme().decisions]
    shown = proposals(gate, resident, found)
    return {
        "resident": resident,
        "head": head(resident, day),
        "level": level(standing),
        "today": day,
        "recorded": found.found is not None,
        "alarms": () if gone else _alarms(found),
        "flags": () if gone else _flags(found),
        "listed": [] if gone else _listed(gate, resident, day),
        "now": _gone(gate.user, resident) if gone else _now(gate.user, resident, row, verdicts),
        "at_once": _AT_ONCE,
        "verdicts": verdicts[:-1] if row else (),
        "scores": [why.score(each, row, wording) for each in bedside().programme.instruments]
        if row
        else (),
        "missing": _missing(found)[:_MISSING],
        "missing_more": _missing(found)[_MISSING:],
        "measured": measured(),
        "trends": [one for one in series if len(one.rows) > 1],
        "once": [one for one in series if len(one.rows) == 1],
        "images": thumbs(gate, resident),
        "add_image": way(gate.user, "imaging:image_add", resident.public_id),
        "regions": _regions(found),
        "medicines": medicines(found, wording) if row else None,
        "plan": _plan(shown),
        "tasks": _tasks(gate, resident, day),
        "referrals": list(
            gate.about(resident, Referral)
            .filter(state__in=("sent", "acknowledged"))
            .select_related("to_organisation")
            .order_by("sent_at")
        ),
        "visits": _visits(gate, resident),
        "messages_unread": gate.about(resident, Message)
        .filter(from_resident=True, read_at=None)
        .count(),
        "message": gate.about(resident, Message).order_by("-sent_at").first(),
        "consents": _consents(gate, resident),
        "looked": looked(resident.public_id),
        "links": {
            name: way(gate.user, name, resident.public_id)
            for name in ("registry:details", "registry:card", "report:doctor", "audit:person")
        },
        "caution": the_programme().caution[language()],
    }


def _alarms(found: Known) -> tuple[Any, ...]:
    if found.found is None:
        return ()
    view = words(language())
    return tuple(view.item(each) for each in found.found.plan.items if each.kind == "alert")


def _flags(found: Known) -> tuple[ReasonView, ...]:
    return words(language()).reasons(found.found.plan.flags) if found.found else ()


def _missing(found: Known) -> tuple[str, ...]:
    view = words(language())
    return tuple(view.name(key) for key in found.found.plan.missing) if found.found else ()


def _listed(gate: Gate, resident: Resident, day: date) -> list[dict[str, Any]]:
    lists = {each.key: each for each in worklists().lists}
    return [
        {
            "key": one.worklist,
            "label": lists[one.worklist].label[language()],
            "hint": lists[one.worklist].hint[language()],
            "due_on": one.due_on,
            "late": one.due_on is not None and one.due_on < day,
            "alarm": bool(one.because.get("alarm")),
        }
        for one in gate.about(resident, Listed).filter(programme=PROGRAMME).order_by("rank")
        if one.worklist in lists
    ]


def _gone(user: User, resident: Resident) -> Now:
    """Who has died or moved away is not called, examined or treated from here."""
    label = (
        _("The resident has died: nothing is due.")
        if resident.state == "dead"
        else _("The resident has moved away: nothing is due here.")
    )
    report = way(user, "report:patient", resident.public_id)
    outcome = way(user, "visit:new", resident.public_id, "outcome")
    ways = [(outcome, DOES["outcome"][2]), (report, DOES["report"][2])]
    return Now(label, (), (), tuple(Way(where, str(words)) for where, words in ways if where))


def _now(
    user: User, resident: Resident, row: Mapping[str, Any], verdicts: list[why.Verdict]
) -> Now:
    step = step_of(row)
    last = verdicts[-1] if row and verdicts else None
    label = last.answer if last else _("Nothing is recorded yet: begin with the screening visit.")
    if step and step.label:
        label = step.label[language()]
    return Now(
        label,
        last.grounds if last else (),
        last.open if last else (),
        actions(user, resident, step.actions if step else ("screening",)),
    )


def actions(user: User, resident: Resident, first: Iterable[str]) -> tuple[Way, ...]:
    """Buttons that this role may use, the step's own first; a hospital acts before it refers."""
    made = []
    kind_of_place = user.organisation.kind if user.organisation else ""
    own = _VISITS_AT.get(kind_of_place, "home")
    if kind_of_place == "hospital":
        first = sorted(first, key=lambda key: key == "refer")
    for key in dict.fromkeys([*first, own, *_USUAL, *_VISITS_AT.values(), "phone"]):
        name, kind, label = DOES[key]
        address = way(user, name, resident.public_id, *((kind,) if kind else ()))
        if key == "plan" and not user.may("plan.decide"):
            label = _("Look at the plan")
        if address:
            made.append(Way(address, str(label)))
    return tuple(made)


def _plan(shown: Any) -> dict[str, Any] | None:
    if shown is None:
        return None
    agreed = [each for each in shown.items if each.stands and each.decision.decision != "rejected"]
    return {
        "agreed": agreed,
        "open": sum(1 for each in shown.items if not each.stands),
        "changed": sum(1 for each in shown.items if each.changed),
        "gone": shown.gone,
        "guideline": shown.guideline,
        "risk_class": shown.risk_class,
    }


def _tasks(gate: Gate, resident: Resident, day: date) -> list[dict[str, Any]]:
    rows = gate.about(resident, Task).filter(state="open").order_by("due_on", "pk")[:_TASKS]
    return [
        {
            "label": task_name(row.kind),
            "due_on": row.due_on,
            "late": row.due_on < day,
            "days": abs((row.due_on - day).days),
        }
        for row in rows
    ]


def task_name(kind: str) -> str:
    """A task's words: the programme's step, else its key."""
    make = the_programme().schedule
    step = make().steps().get(kind) if make else None
    return step.label[language()] if step else kind


def _visits(gate: Gate, resident: Resident) -> list[dict[str, Any]]:
    rows = gate.about(resident, Visit).select_related("author")[:_VISITS]
    return [
        {
            "kind": str(KINDS.get(row.kind, row.kind)),
            "on": row.happened_on,
            "by": row.author.name,
            "version": row.version,
            "empty": not row.answers,
            "address": way(gate.user, "visit:edit", row.public_id),
        }
        for row in rows
    ]


def _regions(found: Known) -> list[tuple[str, int]]:
    """How many measurements there are of images that came as facts alone, by region."""
    imported = pl.col("variable").str.contains(TEXTURE) & ~pl.col("source").str.contains(
        r"^image-[0-9a-f]{8}-"
    )
    group = found.standing.filter(imported)
    if group.is_empty():
        return []
    region = pl.col("context").str.json_path_match("$.region").fill_null("")
    counted = group.group_by(region.alias("region")).len().sort("region")
    return [(str(name) or _("region not named"), int(count)) for name, count in counted.rows()]


def _consents(gate: Gate, resident: Resident) -> list[dict[str, Any]]:
    rows = gate.about(resident, Consent).order_by("given_at")
    newest = {row.scope: row for row in rows}
    return [
        {
            "scope": scope.key,
            "label": scope.title[language()],
            "given": scope.key in newest and newest[scope.key].withdrawn_at is None,
            "asked": scope.key in newest,
        }
        for scope in SCOPES
    ]


def looked(public_id: UUID) -> list[dict[str, Any]]:
    """Who opened or changed this record last, newest first (the present opening left out).

    What one person did several times running is told once, with the newest time.
    """
    rows = (
        Concerned.objects.filter(resident_public_id=public_id)
        .select_related("entry")
        .order_by("-entry")[1 : 1 + _LOOKED * 5]
    )
    runs = groupby((row.entry for row in rows), key=lambda one: (one.username, one.action))
    entries = [next(run) for _key, run in runs][:_LOOKED]
    names = dict(
        User.objects.filter(username__in={one.username for one in entries}).values_list(
            "username", "name"
        )
    )
    roles = {str(key): name[language()] for key, name in ROLE_NAMES.items()}
    return [
        {
            "at": one.at,
            "by": names.get(one.username, one.username),
            "role": roles.get(one.role, one.role),
            "did": did(one.action),
        }
        for one in entries
    ]
