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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation
from careloop.web.care.away import GONE
from careloop.web.care.standing import today, worklists
from careloop.web.care.worklist import query
from careloop.web.registry.resident import Resident
from careloop.web.report.leaflet import card, leaflet, paper, slip
from careloop.web.report.typesetting import PART, Template, joined, pdf, pdf_part
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
    part: int = 0
    """Where there are more than `MOST`: which of their parts, counted from 0."""

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
            part=int(part) if re.fullmatch(r"[0-9]{1,3}", part := form.get("part", "")) else 0,
        )

    @property
    def cut(self) -> slice:
        """The people of this part, and one more that tells of the next."""
        return slice(self.part * MOST, (self.part + 1) * MOST + 1)


def people(gate: Gate, wanted: Wanted) -> list[Resident]:
    """The people within reach who are wanted, by place and list; one more where others follow.

    Of a list those who are on it today: nobody who is off it after a call or a decision.
    """
    rows = gate.residents().exclude(state__in=GONE).select_related("organisation")
    if wanted.ids:
        return list(
            rows.filter(public_id__in=wanted.ids).order_by("organisation__path", "name")[wanted.cut]
        )
    place = place_of(gate, wanted)
    if place is None:
        return []
    rows = rows.filter(organisation__path__startswith=place.path)
    if wanted.worklist == EVERYBODY:
        return list(rows.order_by("organisation__path", "name", "pk")[wanted.cut])
    if wanted.worklist not in {each.key for each in worklists().lists}:
        return []
    listed = (
        query.listed(gate, wanted.worklist, today())
        .filter(organisation__path__startswith=place.path)
        .exclude(resident__state__in=(*GONE, "merged"))
        .select_related("resident__organisation")
        .order_by("organisation__path", "rank", "pk")
    )
    return [row.resident for row in listed[wanted.cut]]


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
    gate.listed(chosen, page="report.batch", action="report.read")
    return _pdf([_page(gate, each, what, root=root) for each in chosen], what)


def _page(gate: Gate, resident: Resident, what: Template, *, root: str) -> dict[str, Any]:
    if what == "card":
        return card(resident, root)
    return slip(gate, resident) if what == "slip" else leaflet(gate, resident)


def _pdf(pages: list[dict[str, Any]], what: Template) -> bytes:
    return pdf(what, _paper(pages), made_on=today())


def _paper(pages: list[dict[str, Any]]) -> dict[str, Any]:
    return paper(pages, pages[0]["title"] if pages else "")


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
    printed: list[int] = field(default_factory=list)
    """How many people are in each part that is set already."""

    @property
    def made(self) -> int:
        """How many people's pages are made."""
        return sum(self.printed) + len(self.pages)

    @property
    def total(self) -> int:
        """How many people there are."""
        return len(self.waiting) + self.made


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

    Somebody who has died or moved out of reach in the meantime is left out.
    """
    ends = time.monotonic() + STEP_S
    while job.waiting and time.monotonic() < ends:
        few = job.waiting[:10]
        rows = gate.residents().filter(public_id__in=few).exclude(state__in=GONE)
        rows = rows.select_related("organisation")
        known = {str(row.public_id): row for row in rows}
        chosen = [known[each] for each in few if each in known]
        gate.listed(chosen, page="report.batch", action="report.read")
        job.pages += [_page(gate, each, job.what, root=job.root) for each in chosen]
        del job.waiting[: len(few)]
        if len(job.pages) >= PART:
            _set_part(job, PART)
    if not job.waiting:
        while job.pages:
            _set_part(job, PART)
        parts = [_part(job, number).read_bytes() for number in range(len(job.printed))]
        made = joined(parts) if parts else _pdf([], job.what)
        shutil.rmtree(_place(job.name), ignore_errors=True)
        return made
    _keep(job)
    return None


def _set_part(job: Job, most: int) -> None:
    """Set the first pages that are made, and keep them as a file beside the job."""
    few = job.pages[:most]
    _write(_part(job, len(job.printed)), pdf_part(job.what, _paper(few), made_on=today()))
    job.printed.append(len(few))
    del job.pages[:most]


def _part(job: Job, number: int) -> Path:
    return _place(job.name) / f"{number:03}.pdf"


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
    told = {name: getattr(job, name) for name in Job.__slots__}
    _write(_place(job.name) / "job.json", json.dumps(told, ensure_ascii=False).encode())


def _write(file: Path, data: bytes) -> None:
    from careloop.web.imaging.keeping import write  # noqa: PLC0415 — a whole file, the owner's own

    write(file, data)


def _root() -> Path:
    return Path(settings.CONFIGURATION.var) / "batches"


def _place(name: str) -> Path:
    return _root() / name
