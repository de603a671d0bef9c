"""A proposed plan beside what a doctor decided on it, and deciding."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careloop.error import CareloopError, InputError
from careloop.guidance.plan import KINDS, Plan, PlanItem
from careloop.programmes.patient_page import is_option
from careloop.programmes.plan_view import ItemView, PlanWords, ReasonView
from careloop.web.accounts.gate import Gate
from careloop.web.care.models import PlanDecision, Standing
from careloop.web.care.person import follow
from careloop.web.care.person.considered import Known, words
from careloop.web.care.standing import PROGRAMME
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

LONGEST = 500
_ELAPSED = re.compile(r"已 \d+ 天|\d+ days ago")
"""Words that grow by themselves from day to day: no new proposal."""


class DecisionConflictError(CareloopError):
    """Somebody decided on this item, or the proposal changed, after the form was opened."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One item of the plan, and the newest decision on it (None: undecided)."""

    item: PlanItem
    view: ItemView
    decision: PlanDecision | None
    changed: bool
    """Decided, but the proposal is not the one that was decided on."""

    @property
    def stands(self) -> bool:
        """Whether a decision stands: made on these very words."""
        return self.decision is not None and not self.changed

    @property
    def blocked(self) -> bool:
        """Whether something must be checked before it may be accepted."""
        return self.view.waits and bool(self.view.after_checking)

    @property
    def seen(self) -> str:
        """What the form was opened on: newest decision and words."""
        return seen(self.decision, self.item)


@dataclass(frozen=True, slots=True)
class Gone:
    """An accepted item that is not proposed any more, and why (where it is known)."""

    decision: PlanDecision
    because: tuple[ReasonView, ...]


@dataclass(frozen=True, slots=True)
class Proposals:
    """A plan with its decisions."""

    plan: Plan
    items: tuple[Proposal, ...]
    sections: tuple[tuple[str, tuple[Proposal, ...]], ...]
    gone: tuple[Gone, ...]
    withheld: tuple[tuple[str, tuple[ReasonView, ...]], ...]
    guideline: str
    guideline_unconfirmed: bool
    risk_class: str
    missing: tuple[str, ...]
    flags: tuple[ReasonView, ...]
    caution: str

    def of(self, key: str) -> Proposal | None:
        """The proposal of this key."""
        return next((each for each in self.items if each.item.key == key), None)


def proposals(gate: Gate, resident: Resident, found: Known) -> Proposals | None:
    """The plan of a person with what was decided on it; None where nothing is recorded."""
    if found.found is None:
        return None
    plan, say = found.found.plan, words(language())
    view = say.view(plan, found.found.row)
    newest = newest_decisions(gate, resident)
    items = tuple(_proposal(each, newest.get(each.key), say) for each in plan.items)
    there = {each.key for each in plan.items}
    withheld = {each.key: each.because for each in plan.withheld}
    return Proposals(
        plan,
        items,
        tuple(
            (say.kind(kind), part)
            for kind in KINDS
            if (part := tuple(each for each in items if each.item.kind == kind))
        ),
        tuple(
            Gone(decision, say.reasons(withheld.get(key, ())))
            for key, decision in newest.items()
            if key not in there and decision.decision != "rejected"
        ),
        view.withheld,
        view.guideline,
        view.guideline_unconfirmed,
        view.risk_class,
        view.missing,
        view.flags,
        view.caution,
    )


def newest_decisions(gate: Gate, resident: Resident) -> dict[str, PlanDecision]:
    """The newest decision on each item, in the order they were made."""
    rows = (
        gate.about(resident, PlanDecision)
        .filter(programme=PROGRAMME)
        .select_related("author")
        .order_by("pk")
    )
    found: dict[str, PlanDecision] = {}
    for row in rows:
        found.pop(row.item, None)
        found[row.item] = row
    return found


def seen(decision: PlanDecision | None, item: PlanItem) -> str:
    """A mark of what stood in a form: the newest decision's id and the words proposed."""
    text = _settled(item.text.zh) + repr(_grounds(item))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{decision.pk if decision else 0}-{digest}"


def _proposal(item: PlanItem, decision: PlanDecision | None, say: PlanWords) -> Proposal:
    return Proposal(item, say.item(item), decision, decision is not None and _new(item, decision))


def _new(item: PlanItem, decision: PlanDecision) -> bool:
    """Whether other words, or further checks or cautions, stand now than were decided on."""
    before = _settled(decision.proposed)
    if before not in {_settled(item.text.zh), _settled(item.text.en)}:
        return True
    now = _grounds(item)
    return any(set(now[name]) - set(decision.grounds.get(name, ())) for name in now)


def _settled(text: str) -> str:
    return _ELAPSED.sub("…", text)


def _grounds(item: PlanItem) -> dict[str, list[str]]:
    return {
        "after_checking": sorted(item.after_checking),
        "cautions": sorted(reason.key for reason in item.cautions),
    }


# --- deciding


@dataclass(frozen=True, slots=True)
class Answer:
    """What a doctor says to one item, as the form sends it."""

    item: str
    decision: str
    seen: str
    text: str = ""
    reason: str = ""
    checked: bool = False

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> Answer:
        """Read a form."""
        told = {name: str(form.get(name, "")).strip() for name in ("text", "reason")}
        return cls(
            str(form.get("item", "")),
            str(form.get("decision", "")),
            str(form.get("seen", "")),
            told["text"],
            told["reason"],
            form.get("checked") == "1",
        )


def decide(gate: Gate, resident: Resident, found: Known, answer: Answer) -> PlanDecision:
    """Keep a doctor's decision on one item.

    Raises
    ------
    DecisionConflictError
        Somebody else decided in the meantime, or the proposal changed; nothing was kept.
    InputError
        A reason or the new words are missing, or what must be checked was not.
    """
    with gate.writing(resident, "plan.decide", item=answer.item, decision=answer.decision):
        shown = _shown_now(gate, resident, found)
        proposal = shown.of(answer.item)
        if proposal is None:
            raise DecisionConflictError("this item is not proposed any more")
        if proposal.seen != answer.seen:
            if (again := _said_already(gate, proposal, answer)) is not None:
                return again
            raise DecisionConflictError("this item was decided on, or changed, in the meantime")
        _one_medicine(shown, proposal, answer)
        kept = _keep(gate, resident, proposal, _checked(proposal, answer), plan=shown.plan)
        if kept.decision != "rejected":
            follow.up(gate, resident, found.facts)
        return kept


def _said_already(gate: Gate, proposal: Proposal, answer: Answer) -> PlanDecision | None:
    """The same user's same answer, sent twice."""
    last = proposal.decision
    if last is None or last.author_id != gate.user.pk or proposal.changed:
        return None
    text = answer.text if answer.decision == "edited" else ""
    same = (last.decision, last.text, last.reason) == (answer.decision, text, answer.reason)
    return last if same else None


def accept_all(gate: Gate, resident: Resident, found: Known, marks: Sequence[str]) -> int:
    """Accept every item of `acceptable`; returns how many.

    Parameters
    ----------
    marks
        `Proposal.seen` of each item the form offered.

    Raises
    ------
    DecisionConflictError
        An item was decided on or changed in the meantime; nothing was kept.
    """
    with gate.writing(resident, "plan.decide", decision="accepted", items=len(marks)):
        shown = _shown_now(gate, resident, found)
        chosen = acceptable(shown)
        if [each.seen for each in chosen] != list(marks):
            raise DecisionConflictError("the plan changed in the meantime")
        for each in chosen:
            answer = Answer(each.item.key, "accepted", each.seen)
            _keep(gate, resident, each, answer, plan=shown.plan)
        follow.up(gate, resident, found.facts)
    return len(chosen)


def acceptable(shown: Proposals) -> list[Proposal]:
    """What "accept all" would accept: undecided, nothing to check, no medicine to choose.

    What was decided on and has changed since is decided on one by one.
    """
    return [
        each
        for each in shown.items
        if each.decision is None and not each.blocked and not is_option(each.item)
    ]


def _shown_now(gate: Gate, resident: Resident, found: Known) -> Proposals:
    """The plan inside the transaction; two doctors wait for each other here."""
    list(gate.about(resident, Standing).select_for_update().values_list("pk"))
    shown = proposals(gate, resident, found)
    if shown is None:
        raise DecisionConflictError("there is no plan")
    return shown


def _one_medicine(shown: Proposals, proposal: Proposal, answer: Answer) -> None:
    """Of several medicines to choose from, one is accepted."""
    if answer.decision == "rejected" or not is_option(proposal.item):
        return
    for each in shown.items:
        chosen = each.decision is not None and each.decision.decision != "rejected"
        if chosen and is_option(each.item) and each.item.key != proposal.item.key:
            raise InputError(
                _("Another medicine is accepted already: {name}. Reject that one first.").format(
                    name=each.view.text
                )
            )


def _checked(proposal: Proposal, answer: Answer) -> Answer:
    if answer.decision not in {"accepted", "edited", "rejected"}:
        raise InputError(_("Choose accept, edit or reject."))
    if answer.decision == "rejected" and not answer.reason:
        raise InputError(_("Say why you reject it: the next colleague must understand."))
    if answer.decision == "edited" and not answer.text:
        raise InputError(_("Write what is to be done instead."))
    if max(len(answer.reason), len(answer.text)) > LONGEST:
        raise InputError(_("Please shorten it to 500 characters."))
    if answer.decision != "rejected" and proposal.blocked and not answer.checked:
        raise InputError(_("Tick that you have checked what stands there in red."))
    return answer


def _keep(
    gate: Gate, resident: Resident, proposal: Proposal, answer: Answer, *, plan: Plan
) -> PlanDecision:
    decision = PlanDecision(
        resident=resident,
        organisation_id=resident.organisation_id,
        programme=PROGRAMME,
        guideline=plan.guideline,
        item=proposal.item.key,
        decision=answer.decision,
        proposed=proposal.item.text[language()],
        text=answer.text if answer.decision == "edited" else "",
        reason=answer.reason,
        grounds=_grounds(proposal.item)
        | ({"checked": list(proposal.item.after_checking)} if answer.checked else {}),
        author=gate.user,
    )
    decision.save(force_insert=True)
    return decision
