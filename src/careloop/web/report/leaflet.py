"""What a resident is given to take home: the page with their plan, and the slip of a screening.

The plan is the one that the doctor decided on: what was rejected is left out, what was edited
stands in the doctor's words, and of several medicines the accepted one stays. What nobody has
decided on yet stands as proposed; the page is not valid without a signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils import timezone

from careloop.dictionary.variable import Text
from careloop.guidance.plan import Plan, PlanItem
from careloop.programmes.patient_page import LINES, is_option, patient_page
from careloop.web.accounts.gate import Gate
from careloop.web.care.models import PlanDecision, Referral, Standing
from careloop.web.care.person.considered import Known, known, step_of, words
from careloop.web.care.person.decision import Proposal, Proposals, proposals
from careloop.web.care.person.head import head
from careloop.web.care.standing import PROGRAMME, the_programme, today, worklists
from careloop.web.care.visit.task import next_tasks
from careloop.web.registry.card import picture
from careloop.web.registry.national_id import masked
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_LENGTHS = (LINES + 6, LINES + 3, LINES, LINES - 3, LINES - 6, LINES - 9)
"""Lines of the page, longest first; the first that fits the sheet is printed."""


def leaflet(gate: Gate, resident: Resident) -> dict[str, Any]:
    """One resident's page in words, for HTML and PDF; a doctor signs it."""
    shown = proposals(gate, resident, known(gate.facts(resident), today()))
    notes = []
    if shown is not None and not any(each.stands for each in shown.items):
        notes.append(_("A proposal only: the doctor has not decided on it yet."))
    return _page(
        gate,
        resident,
        shown,
        notes=notes,
        sign=[_("Doctor's signature: ____________")],
        valid=[_("Not valid without the doctor's signature.")],
        ask=contact(gate, resident),
    )


def own_leaflet(gate: Gate, resident: Resident) -> dict[str, Any]:
    """The same for the resident's own account, where nobody is by to explain or to sign.

    Nothing stands on it that no doctor has agreed to; who agreed stands in place of a signature.
    """
    shown = proposals(gate, resident, known(gate.facts(resident), today()))
    last = None
    if shown is not None:
        shown = replace(shown, items=tuple(each for each in shown.items if each.stands))
        last = last_agreed(shown)
    return _page(
        gate,
        resident,
        shown,
        notes=[] if last or shown is None else [_("Your doctor has not agreed on a plan yet.")],
        sign=[_agreed_by(last)] if last else [],
        valid=[],
        ask=resident.organisation.name,
    )


def last_agreed(shown: Proposals) -> PlanDecision | None:
    """The newest decision that stands and is no rejection."""
    agreed = [
        each.decision
        for each in shown.items
        if each.stands and each.decision is not None and each.decision.decision != "rejected"
    ]
    return max(agreed, key=lambda one: one.pk, default=None)


def _agreed_by(decision: PlanDecision) -> str:
    on = timezone.localtime(decision.decided_at).date()
    return _("Agreed by %(name)s, %(at)s") % {"name": decision.author.name, "at": on}


def _page(
    gate: Gate,
    resident: Resident,
    shown: Proposals | None,
    *,
    notes: list[str],
    sign: list[str],
    valid: list[str],
    ask: str,
) -> dict[str, Any]:
    """The page; without a plan it says so."""
    if shown is None:
        notes = [_("Nothing is recorded yet that a plan could rest on.")]
    day = _next_day(gate, resident) or "____________"
    return {
        "title": _("My health plan"),
        "name": named(resident),
        "who": [*about(resident), _("Date: {day}").format(day=today().isoformat())],
        "notes": notes,
        "lengths": _lengths(shown),
        "help": _("You fell, or it hurts suddenly? Tell your doctor at once."),
        "sign": [*sign, _("Next visit: {day}").format(day=day)],
        "foot": " ".join(
            (
                *valid,
                _("Do not start or stop a medicine on your own."),
                _("For reference only; not a diagnosis."),
                ask,
            )
        ),
    }


def _lengths(shown: Proposals | None) -> list[dict[str, Any]]:
    if shown is None:
        return [{"sections": [], "more": ""}]
    plan = decided(shown)
    found: list[dict[str, Any]] = []
    for lines in _LENGTHS:
        page = patient_page(plan, words(language()).guidance, language=language(), lines=lines)
        more = _("There are {number} more things: your doctor will explain them.").format(
            number=page.more
        )
        length = {
            "sections": [
                {
                    "key": each.key,
                    "title": each.title,
                    "urgent": each.key == "first",
                    "lines": list(each.lines),
                }
                for each in page.sections
            ],
            "more": more if page.more else "",
        }
        if length not in found:
            found.append(length)
    return found


def decided(shown: Proposals) -> Plan:
    """The plan as the doctor's decisions leave it."""
    chosen = any(
        is_option(each.item) and each.stands and _decision(each) != "rejected"
        for each in shown.items
    )
    items = []
    for each in shown.items:
        if each.stands and _decision(each) == "rejected":
            continue
        if chosen and is_option(each.item) and not each.stands:
            continue
        items.append(_as_decided(each))
    return replace(shown.plan, items=tuple(items))


def _decision(each: Proposal) -> str:
    return each.decision.decision if each.decision else ""


def _as_decided(each: Proposal) -> PlanItem:
    """An item that somebody accepted waits for nothing; one edited says what the doctor wrote."""
    item = each.item
    if not each.stands or each.decision is None:
        return item
    if item.kind == "medicine":
        item = replace(item, details={**(item.details or {}), "current": True})
    if each.decision.decision == "edited":
        return replace(
            item,
            patient=Text(each.decision.text, each.decision.text),
            text=Text(each.decision.text, each.decision.text),
            after_checking=(),
        )
    return replace(item, after_checking=())


# --- the slip


def slip(gate: Gate, resident: Resident, *, found: Known | None = None) -> dict[str, Any]:
    """What a screening came to, in simple words: risk, next step, where and when."""
    known_now = found or known(gate.facts(resident), today())
    standing = gate.about(resident, Standing).filter(programme=PROGRAMME).first()
    level = next(
        (each for each in worklists().levels if standing and each.level == standing.level), None
    )
    step = step_of(known_now.row)
    return {
        "title": _capital(
            _("{programme}: the result").format(programme=the_programme().name[language()])
        ),
        "name": named(resident),
        "who": about(resident),
        "day": today().isoformat(),
        "level": level.level if level else 0,
        "risk": _capital(level.label[language()] if level else _("risk not known")),
        "step": step.patient[language()] if step else _("Please ask your doctor what comes next."),
        "where": _where(gate, resident),
        "contact": contact(gate, resident),
        "foot": _("For reference only; not a diagnosis."),
    }


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _where(gate: Gate, resident: Resident) -> list[str]:
    """Where to go and when to come: open referrals and the next thing due."""
    sent = (
        gate.about(resident, Referral)
        .filter(state__in=("sent", "acknowledged"))
        .select_related("to_organisation")
        .order_by("-sent_at")
    )
    found = [
        _("Go to: {place}").format(place=each.to_organisation.name)
        + (_(" (urgent)") if each.urgent else "")
        for each in sent[:2]
    ]
    for task, step in next_tasks(gate, resident)[:2]:
        name = step.label[language()] if step else _("next visit")
        day = task.due_on.isoformat()
        late = _("Please come soon: {what} (it was due on {day})").format(what=name, day=day)
        found.append(late if task.due_on < today() else f"{day}  {name}")
    return found


def _next_day(gate: Gate, resident: Resident) -> str:
    """The day of the next thing due; "" where none is, or it is past."""
    days = [task.due_on for task, _step in next_tasks(gate, resident)]
    coming = sorted(day for day in days if day >= today())
    return coming[0].isoformat() if coming else ""


# --- the card


def card(resident: Resident, root: str) -> dict[str, Any]:
    """The card that a resident carries; `root` is the site's address, for the code."""
    born = str(resident.birth_date.year) if resident.birth_date else "—"
    return {
        "title": _("QR cards"),
        "name": named(resident),
        "about": f"{head(resident, today()).sex} · {born}",
        "id": masked(resident.national_id),
        "place": resident.organisation.name,
        "code": picture(resident, root),
        "alternative": _("QR code"),
    }


# --- who


def named(resident: Resident) -> str:
    """The resident's name, if anything of it can be seen."""
    seen = any(char.isprintable() and not char.isspace() for char in resident.name)
    return resident.name if seen else _("(no name)")


def about(resident: Resident) -> list[str]:
    """Sex and age."""
    told = head(resident, today())
    age = [] if told.age is None else [_("{age} years").format(age=told.age)]
    return [told.sex, *age]


def contact(gate: Gate, resident: Resident) -> str:
    """Where to ask: the resident's place, and who printed the page."""
    return _("{place}, {name}").format(place=resident.organisation.name, name=gate.user.name)


def paper(pages: Sequence[Mapping[str, Any]], title: str) -> dict[str, Any]:
    """What the PDF template takes."""
    return {"title": title, "people": list(pages)}
