"""Printing for a whole village: one PDF with a page for everybody on a list.

Up to `AT_ONCE` people are printed while the browser waits. For more, the page that waits does the
work, some seconds at each look, and shows how far it is; what is made so far stands in a file that
only this user's requests find. No thread, no queue: whoever closes the page has stopped the work.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation
from careloop.web.care.models import Listed
from careloop.web.care.standing import GONE, PROGRAMME, today, worklists
from careloop.web.registry.resident import Resident
from careloop.web.report.leaflet import card, leaflet, paper, slip
from careloop.web.report.typesetting import Template, pdf
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

AT_ONCE = 50
MOST = 500
STEP_S = 4.0
KEPT_S = 24 * 3600
EVERYBODY = "all"
WHAT: tuple[Template, ...] = ("patient", "slip", "card")
_JOB = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be printed, for whom: a place and all below it, a list or certain people."""

    what: Template
    place: str = ""
    worklist: str = EVERYBODY
    ids: tuple[UUID, ...] = ()

    @classmethod
    def of(cls, form: Any) -> Wanted:
        """Read a form; what is not offered counts as not said."""
        what = form.get("what", "")
        ids = []
        told = [*form.getlist("id"), *form.get("ids", "").split(",")]
        for text in told[: MOST + 1]:
            try:
                ids.append(UUID(text))
            except ValueError:
                continue
        return cls(
            what=next((each for each in WHAT if each == what), "patient"),
            place=form.get("place", ""),
            worklist=form.get("list", "") or EVERYBODY,
            ids=tuple(ids),
        )


def people(gate: Gate, wanted: Wanted) -> list[Resident]:
    """The people within reach who are wanted, by place and list; at most one more than `MOST`."""
    rows = gate.residents().exclude(state__in=GONE).select_related("organisation")
    if wanted.ids:
        return list(
            rows.filter(public_id__in=wanted.ids).order_by("organisation__path", "name")[: MOST + 1]
        )
    place = place_of(gate, wanted)
    if place is None:
        return []
    rows = rows.filter(organisation__path__startswith=place.path)
    if wanted.worklist == EVERYBODY:
        return list(rows.order_by("organisation__path", "name", "pk")[: MOST + 1])
    listed = (
        gate.rows(Listed)
        .filter(
            programme=PROGRAMME,
            worklist=wanted.worklist,
            organisation__path__startswith=place.path,
        )
        .exclude(resident__state__in=(*GONE, "merged"))
        .select_related("resident__organisation")
        .order_by("organisation__path", "rank", "pk")
    )
    return [row.resident for row in listed[: MOST + 1]]


def place_of(gate: Gate, wanted: Wanted) -> Organisation | None:
    """The chosen place, if it is within reach; the user's own where none was chosen."""
    if not wanted.place:
        return gate.user.organisation
    try:
        return gate.organisations().filter(public_id=UUID(wanted.place)).first()
    except ValueError:
        return None


def choices() -> list[tuple[str, str]]:
    """The lists that can be printed."""
    lists = [(each.key, each.label[language()]) for each in worklists().lists]
    return [(EVERYBODY, _("Everybody in care")), *lists]


def printed(gate: Gate, chosen: Sequence[Resident], what: Template, *, root: str) -> bytes:
    """One PDF of some people's pages, written to the audit; `root` is the site's address."""
    gate.listed(chosen, page="report.batch")
    return _pdf([_page(gate, each, what, root=root) for each in chosen], what)


def _page(gate: Gate, resident: Resident, what: Template, *, root: str) -> dict[str, Any]:
    if what == "card":
        return card(resident, root)
    return slip(gate, resident) if what == "slip" else leaflet(gate, resident)


def _pdf(pages: list[dict[str, Any]], what: Template) -> bytes:
    title = pages[0]["title"] if pages else ""
    return pdf(what, paper(pages, title), made_on=today(), tagged=len(pages) <= AT_ONCE)


# --- more people than a browser waits for


@dataclass(slots=True)
class Job:
    """A batch in the making."""

    name: str
    user: int
    what: Template
    language: str
    root: str
    waiting: list[str]
    pages: list[dict[str, Any]]

    @property
    def total(self) -> int:
        """How many people there are."""
        return len(self.waiting) + len(self.pages)


def begin(gate: Gate, chosen: Sequence[Resident], what: Template, *, root: str) -> Job:
    """Begin a batch; old ones are deleted."""
    purge()
    waiting = [str(each.public_id) for each in chosen]
    job = Job(secrets.token_hex(16), gate.user.pk, what, language(), root, waiting, [])
    _root().mkdir(mode=0o700, parents=True, exist_ok=True)
    _place(job.name).mkdir(mode=0o700)
    _keep(job)
    return job


def found(gate: Gate, name: str) -> Job | None:
    """The user's own batch of this name."""
    if not _JOB.fullmatch(name):
        return None
    try:
        told = json.loads((_place(name) / "job.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Job(**told) if told["user"] == gate.user.pk else None


def go_on(gate: Gate, job: Job) -> bytes | None:
    """Make pages for some seconds; the PDF once all are made.

    Somebody who has moved out of reach in the meantime is left out.
    """
    ends = time.monotonic() + STEP_S
    while job.waiting and time.monotonic() < ends:
        few = job.waiting[:10]
        rows = gate.residents().filter(public_id__in=few).select_related("organisation")
        known = {str(row.public_id): row for row in rows}
        chosen = [known[each] for each in few if each in known]
        gate.listed(chosen, page="report.batch")
        job.pages += [_page(gate, each, job.what, root=job.root) for each in chosen]
        del job.waiting[: len(few)]
    if not job.waiting:
        made = _pdf(job.pages, job.what)
        shutil.rmtree(_place(job.name), ignore_errors=True)
        return made
    _keep(job)
    return None


def purge() -> int:
    """Delete batches older than a day; returns how many. For the worker."""
    old = 0
    for folder in _root().iterdir() if _root().exists() else ():
        try:
            if _JOB.fullmatch(folder.name) and time.time() - folder.stat().st_mtime > KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)
                old += 1
        except FileNotFoundError:
            continue
    return old


def _keep(job: Job) -> None:
    from careloop.web.imaging.keeping import write  # noqa: PLC0415 — a whole file, the owner's own

    told = {name: getattr(job, name) for name in Job.__slots__}
    write(_place(job.name) / "job.json", json.dumps(told, ensure_ascii=False).encode())


def _root() -> Path:
    return Path(settings.CONFIGURATION.var) / "batches"


def _place(name: str) -> Path:
    return _root() / name
