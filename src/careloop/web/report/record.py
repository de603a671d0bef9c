"""The full record for a doctor: what is known and since when, what follows from it, what was done.

One dictionary of words serves the page and the PDF, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import polars as pl
from django.utils import timezone

from careloop.dictionary.catalogue import load
from careloop.programmes import evidence as why
from careloop.web.accounts.gate import Gate
from careloop.web.care.models import PlanDecision, Referral, Standing, Visit
from careloop.web.care.person.considered import Known, known, words
from careloop.web.care.person.course import Driven, course
from careloop.web.care.person.decision import Proposal, Proposals, newest_decisions, proposals
from careloop.web.care.person.head import head, level
from careloop.web.care.person.timeline import Item, in_words, sources_of
from careloop.web.care.person.trend import Series, trends
from careloop.web.care.person.trend import title as measured
from careloop.web.care.person.word import KINDS, TEXTURE, groups
from careloop.web.care.standing import PROGRAMME, the_programme, today
from careloop.web.imaging.measured import page as picture
from careloop.web.imaging.measured import word as imaged
from careloop.web.imaging.models import Image
from careloop.web.registry.resident import Resident
from careloop.web.report.leaflet import contact, named
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

DECIDED = {
    "accepted": lambda: _("accepted"),
    "edited": lambda: _("edited"),
    "rejected": lambda: _("rejected"),
}


def record(gate: Gate, resident: Resident) -> dict[str, Any]:
    """Everything a colleague needs, in words."""
    found = known(gate.facts(resident), today())
    shown = proposals(gate, resident, found)
    wording = words(language()).wording
    standing = gate.about(resident, Standing).filter(programme=PROGRAMME).first()
    told = course(found, language()) if found.found else None
    series = [_series(each) for each in trends(found.standing, language())]
    return {
        "title": _("Medical record"),
        "programme": the_programme().name[language()],
        "name": named(resident),
        "who": _who(resident),
        "day": today().isoformat(),
        "made": _("Printed {day} by {who}").format(
            day=today().isoformat(), who=contact(gate, resident)
        ),
        "level": level(standing).label,
        "alarms": _alarms(shown),
        "flags": [each.text for each in shown.flags] if shown else [],
        "verdicts": [
            _verdict(why.verdict(one, found.row, wording)) for one in the_programme().decisions
        ]
        if found.row
        else [],
        "scores": [_score(each) for each in told.scores] if told else [],
        "trends": series,
        "joined": _joined() if any(row[2] for each in series for row in each["rows"]) else "",
        "facts": _facts(gate, resident, found),
        "images": _images(gate, resident),
        "plan": _plan(shown),
        "guideline": shown.guideline if shown else "",
        "withheld": [
            {"text": text, "because": [_cited(one) for one in because]}
            for text, because in (shown.withheld if shown else ())
        ],
        "missing": list(shown.missing) if shown else [],
        "decisions": _decisions(newest_decisions(gate, resident).values()),
        "visits": _visits(gate, resident),
        "referrals": _referrals(gate, resident),
        "caution": the_programme().caution[language()],
        "words": _headings(),
    }


def _headings() -> dict[str, str]:
    """Fixed words of the printed record."""
    return {
        "level": _("Attention"),
        "alarms": _("Alarms"),
        "judged": _("Judgement"),
        "scores": _("Instruments"),
        "trends": _("%(name)s over time") % {"name": measured()},
        "facts": _("Newest values"),
        "images": _("Images"),
        "regions": _("Regions"),
        "quality": _("Quality"),
        "plan": _("Plan"),
        "withheld": _("Not proposed, and why"),
        "missing": _("Could change the plan if known"),
        "decisions": _("Decisions"),
        "visits": _("Visits"),
        "referrals": _("Referrals"),
        "item": _("Item"),
        "value": _("Value"),
        "date": _("Date"),
        "source": _("Source"),
        "result": _("Result"),
        "note": _("Remark"),
        "by": _("By"),
        "kind": _("Kind"),
        "change": _("Change"),
        "check": _("Check first"),
        "page": _("page"),
        "none": _("nothing recorded"),
        "unconfirmed": _("not yet confirmed by a clinician"),
        "colon": _(": "),
        "comma": _(", "),
        "semicolon": _("; "),
    }


def _day(at: datetime) -> str:
    """The day on this site's clock."""
    return timezone.localtime(at).date().isoformat()


def _who(resident: Resident) -> list[list[str]]:
    told = head(resident, today())
    age = _("{age} years").format(age=told.age) if told.age is not None else ""
    unknown = _("not known")
    pairs = [
        [_("Sex"), told.sex],
        [
            _("Born"),
            _("{words} ({details})").format(words=told.born, details=age) if told.born else unknown,
        ],
        [_("ID number"), told.id_tail or unknown],
        [_("Telephone"), told.phone or unknown],
        [_("Place"), told.place],
        [_("Address"), told.address],
        [_("State"), "" if told.active else told.state],
    ]
    return [[name, value] for name, value in pairs if value]


def _alarms(shown: Proposals | None) -> list[str]:
    if shown is None:
        return []
    return [each.view.text for each in shown.items if each.item.kind == "alert"]


def _verdict(each: why.Verdict) -> dict[str, Any]:
    grounds = []
    for one in each.grounds:
        rests = _("; ").join(
            f"{part.name} {part.value}" + (f" ({part.on.isoformat()})" if part.on else "")
            for part in one.rests_on
        )
        text = f"{one.text}{_(': ')}{rests}" if rests else one.text
        grounds.append({"text": text, "source": one.source, "unconfirmed": one.unconfirmed})
    return {
        "title": each.title,
        "answer": each.answer,
        "grounds": grounds,
        "open": _("cannot be judged: ") + _("; ").join(one.text for one in each.open)
        if each.open
        else "",
    }


def _score(each: Driven) -> dict[str, Any]:
    if each.applies is False:
        note = each.why or _("does not apply")
    elif each.missing:
        note = _("missing: {names}").format(names=_(", ").join(each.missing))
    else:
        note = _("; ").join(filter(None, (*each.drivers, each.why)))
    applies = each.applies is not False
    return {
        "name": each.name,
        "value": each.value if applies else "—",
        "risk": each.risk_class if applies else "",
        "note": note,
        "citation": each.citation,
        "unconfirmed": each.unconfirmed,
        "disclaimer": each.disclaimer,
    }


def _series(each: Series) -> dict[str, Any]:
    side = {"left": _("left"), "right": _("right")}.get(each.side, each.side)
    meta = _("; ").join(filter(None, (each.device, each.database, side)))
    rows = []
    for row in each.rows:
        change = ""
        if row.change is not None:
            real = {True: _("real change"), False: _("within the error of measurement"), None: ""}
            change = _("; ").join(
                filter(
                    None, (f"{row.change.amount} ({row.change.percent} %)", real[row.change.real])
                )
            )
        rows.append([row.on.isoformat(), row.value, change])
    return {"name": each.name, "meta": meta, "rows": rows}


def _joined() -> str:
    return _(
        "Of a device only the make is recorded: on another machine of that make a change may be no "
        "change."
    )


def _facts(gate: Gate, resident: Resident, found: Known) -> list[dict[str, Any]]:
    """The newest value of every variable, by group; names and numbers of the person left out.

    Of an image's grey values and textures only their number is told: they are for research.
    """
    dictionary = load()
    frame = found.standing
    known_keys = [
        key
        for key in frame["variable"].unique()
        if key in dictionary and not dictionary[key].identifying
    ]
    texture = frame.filter(pl.col("variable").str.contains(TEXTURE))
    newest = (
        frame.filter(
            pl.col("variable").is_in(known_keys), ~pl.col("variable").str.contains(TEXTURE)
        )
        .sort("effective_at", "recorded_at")
        .unique("variable", keep="last", maintain_order=True)
    )
    titles = groups()
    order = {name: place for place, name in enumerate(titles)}
    rows = [
        {
            **row,
            "group": dictionary[row["variable"]].group,
            "withdrawn_by": None,
            "withdrawn_at": None,
        }
        for row in newest.iter_rows(named=True)
    ]
    place = {key: number for number, key in enumerate(dictionary)}
    rows.sort(key=lambda row: (order.get(row["group"], 99), row["group"], place[row["variable"]]))
    told = sources_of(gate, resident, rows)
    wording = words(language()).wording
    shown: list[dict[str, Any]] = [
        {
            "group": titles.get(group) or _("Other facts"),
            "rows": [_fact(row, in_words(row, told, wording)) for row in part],
        }
        for group, part in groupby(rows, key=lambda row: row["group"])
    ]
    if not texture.is_empty():
        day = max(texture["effective_at"].to_list()).date().isoformat()
        count = _("%(count)s measurements") % {"count": f"{texture.height:,}"}
        number = [_("Grey values and textures (research)"), count, "", day, ""]
        title = titles.get("image", _("Other facts"))
        if not shown or shown[-1]["group"] != title:
            shown.append({"group": title, "rows": []})
        shown[-1]["rows"].append(number)
    return shown


def _images(gate: Gate, resident: Resident) -> list[list[str]]:
    """The images that are kept: day, what, regions with their area, how checks ended, by whom."""
    rows = gate.about(resident, Image).filter(state="kept").select_related("author")
    return [
        [
            row.taken_at.date().isoformat() if row.taken_at else "—",
            picture.what(row.part, row.side),
            _("; ").join(
                f"{imaged.region(one['name'])} {one['area_mm2']:,.0f} mm²"
                for one in row.told.get("regions", ())
            ),
            picture.quality(row.quality)[0],
            row.author.name,
        ]
        for row in rows.order_by("-taken_at", "-pk")
    ]


def _fact(row: Mapping[str, Any], item: Item) -> list[str]:
    value = item.value
    if item.assumed:
        value = _("{words} ({details})").format(words=value, details=_("assumed"))
    source = " · ".join(filter(None, (item.told.words, item.told.by)))
    return [item.name, value, item.context, row["effective_at"].date().isoformat(), source]


def _plan(shown: Proposals | None) -> list[dict[str, Any]]:
    if shown is None:
        return []
    return [
        {"kind": kind, "items": [_item(each) for each in items]} for kind, items in shown.sections
    ]


def _item(each: Proposal) -> dict[str, Any]:
    view, decision = each.view, each.decision
    state = _("not decided")
    text = view.text
    if each.stands and decision is not None:
        state = _("{decision} by {who}, {day}").format(
            decision=DECIDED[decision.decision](),
            who=decision.author.name,
            day=_day(decision.decided_at),
        )
        text = decision.text or view.text
    return {
        "text": text,
        "instead": view.text if text != view.text else "",
        "state": state,
        "rejected": each.stands and decision is not None and decision.decision == "rejected",
        "reason": decision.reason if each.stands and decision is not None else "",
        "due": view.due_on,
        "because": [_cited(one) for one in view.because],
        "checks": [*view.checks],
        "first": list(view.after_checking) if view.waits and not each.stands else [],
        "cautions": [_cited(one) for one in view.cautions],
        "source": view.source,
        "strength": view.strength,
        "unconfirmed": view.unconfirmed,
    }


def _cited(one: Any) -> str:
    return f"{one.text} [{one.source}]" if one.source else one.text


def _decisions(rows: Sequence[PlanDecision] | Any) -> list[list[str]]:
    newest = sorted(rows, key=lambda row: row.decided_at, reverse=True)
    return [
        [
            _day(row.decided_at),
            DECIDED[row.decision](),
            row.text or row.proposed,
            row.reason,
            row.author.name,
        ]
        for row in newest
    ]


def _visits(gate: Gate, resident: Resident) -> list[list[str]]:
    rows = gate.about(resident, Visit).exclude(answers={}).select_related("author")
    return [
        [row.happened_on.isoformat(), str(KINDS.get(row.kind, row.kind)), row.author.name]
        for row in rows
    ]


def _referrals(gate: Gate, resident: Resident) -> list[list[str]]:
    rows = (
        gate.about(resident, Referral)
        .select_related("from_organisation", "to_organisation")
        .order_by("-sent_at")
    )
    states = {
        "sent": _("sent"),
        "acknowledged": _("acknowledged"),
        "answered": _("answered"),
        "cancelled": _("cancelled"),
    }
    return [
        [
            _day(row.sent_at),
            f"{row.from_organisation.name} → {row.to_organisation.name}",
            row.reason,
            states[row.state],
            row.answer,
        ]
        for row in rows
    ]
