"""What a resident reads about themselves: in simple words, and only what a doctor agreed to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from careloop.programmes.patient_page import PatientSection, patient_page
from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Referral, Task
from careloop.web.care.person import consent, message
from careloop.web.care.person.considered import known, step_of, words
from careloop.web.care.person.decision import Proposals, proposals
from careloop.web.care.person.head import head
from careloop.web.care.person.page import task_name
from careloop.web.care.standing import today
from careloop.web.registry.resident import Resident
from careloop.web.report.leaflet import last_agreed
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

_LINES = 1000
_MESSAGES = 30
_TASKS = 10


@dataclass(frozen=True, slots=True)
class Agreed:
    """The agreed plan: sentences by section, the doctor's own words, and who agreed when."""

    sections: tuple[PatientSection, ...]
    own_words: tuple[str, ...]
    by: str
    on: date | None


def own(gate: Gate, resident: Resident) -> dict[str, Any]:
    """Everything on the resident's page."""
    day = today()
    found = known(gate.facts(resident), day)
    step = step_of(found.row)
    shown = proposals(gate, resident, found)
    return {
        "resident": resident,
        "head": head(resident, day),
        "step": step.patient[language()]
        if step
        else _("Nothing is recorded about your bones yet. Please ask at your next visit."),
        "agreed": agreed(shown) if shown else None,
        "tasks": [
            {"label": task_name(row.kind), "due_on": row.due_on, "late": row.due_on < day}
            for row in gate.about(resident, Task)
            .filter(state="open")
            .order_by("due_on", "pk")[:_TASKS]
        ],
        "referrals": list(
            gate.about(resident, Referral)
            .filter(state__in=("sent", "acknowledged"))
            .select_related("to_organisation")
            .order_by("sent_at")
        ),
        "paged": list(message.messages(gate, resident)[:_MESSAGES]),
        "unread": message.unread(gate, resident).count(),
        "longest": message.LONGEST,
        "answers": consent.answers(gate, resident),
        "today": day,
    }


def agreed(shown: Proposals) -> Agreed | None:
    """What doctors accepted and what still stands; None where nothing does."""
    last = last_agreed(shown)
    if last is None:
        return None
    standing = [
        (each.item, each.decision)
        for each in shown.items
        if each.stands and each.decision is not None and each.decision.decision != "rejected"
    ]
    accepted = tuple(item for item, decision in standing if decision.decision == "accepted")
    page = patient_page(
        replace(shown.plan, items=accepted),
        words(language()).guidance,
        language=language(),
        lines=_LINES,
    )
    return Agreed(
        page.sections,
        tuple(decision.text for _item, decision in standing if decision.decision == "edited"),
        last.author.name,
        last.decided_at,
    )
