"""Correcting an examination that was saved: by hand or from a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from careloop.care.entry import raw
from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Visit
from careloop.web.care.recording import Contact, Document, correct_visit, facts_of
from careloop.web.care.visit.task import after_save
from careloop.web.imaging.entry import DAY, DEVICE, REFERENCE, SIDE, Entry, examination
from careloop.web.registry.models import Source
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _


def stands(gate: Gate, resident: Resident, visit: Visit) -> dict[str, str]:
    """The form of a saved examination as a browser would send it."""
    sites = examination().variables()
    form = {DAY: visit.happened_on.isoformat()}
    form |= {key: raw(value) for key, value in visit.answers.items() if key in sites}
    for row in facts_of(gate, resident, visit).to_dicts():
        told = json.loads(row["context"] or "{}")
        form.setdefault(DEVICE, told.get("device", ""))
        if told.get("reference_db"):
            form.setdefault(REFERENCE, told["reference_db"])
        if row["variable"] in sites and told.get("side"):
            form.setdefault(SIDE + sites[row["variable"]].limb, told["side"])
    return form


def correct(gate: Gate, resident: Resident, visit: Visit, entry: Entry, *, version: int) -> Visit:
    """Save a correction; values that the form does not ask for stay as they were.

    Raises
    ------
    VisitConflictError
        Somebody else corrected it in the meantime.
    """
    kept, document = _kept(gate, resident, visit)
    new = entry.contact()
    contact = replace(
        new,
        answers={**kept.answers, **new.answers},
        context={**(kept.context or {}), **(new.context or {})},
        document=document,
    )
    return correct_visit(
        gate,
        resident,
        visit,
        contact,
        version=version,
        also=lambda saved, row: after_save(gate, resident, saved, row),
    )


def conflict(mine: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """By field what stands now, where it is not what somebody typed."""
    return {
        name: _("now stands: {value}").format(value=theirs.get(name) or "—")
        for name in {**mine, **theirs}
        if name in {**theirs, **examination().variables()}
        and mine.get(name, "") != theirs.get(name, "")
    }


def _kept(gate: Gate, resident: Resident, visit: Visit) -> tuple[Contact, Document | None]:
    """What the form does not ask for, and the document that all was read from."""
    sites = examination().variables()
    rows = facts_of(gate, resident, visit).to_dicts()
    others = [row for row in rows if row["variable"] not in sites]
    kept = Contact(
        visit.kind,
        visit.happened_on,
        {row["variable"]: visit.answers.get(row["variable"]) for row in others},
        {row["variable"]: row["context"] for row in others if row["context"]},
    )
    read = [row for row in rows if row["field"]]
    source = Source.objects.filter(source_id=visit.source).first()
    if not read or source is None:
        return kept, None
    return kept, Document(
        source.mapping,
        source.sha256,
        {row["variable"]: row["field"] for row in read},
        {row["variable"]: row["raw"] or f"{row['number']}" for row in read},
    )
