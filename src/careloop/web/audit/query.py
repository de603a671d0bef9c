"""Asking the audit: what was done at one's own places, and who looked at one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from careloop.web.accounts.models import User
from careloop.web.audit.models import Concerned, Entry

PAGE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; an empty field asks for all."""

    username: str = ""
    action: str = ""
    person: UUID | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first; `older` is the number before which the next page begins."""

    entries: list[Entry]
    older: int | None


def entries(path: str, wanted: Wanted, *, before: int | None = None) -> Page:
    """What was done by people of a place and of all below it.

    Pages are told by the number they begin before, not by counting: the ten-thousandth page is as
    fast as the first, and nothing is shown twice when entries are added meanwhile.
    """
    found = Entry.objects.filter(organisation_path__startswith=path)
    if wanted.username:
        found = found.filter(username=wanted.username)
    if wanted.action:
        found = found.filter(action=wanted.action)
    if wanted.person is not None:
        found = found.filter(
            number__in=Concerned.objects.filter(resident_public_id=wanted.person).values("entry")
        )
    if wanted.since is not None:
        found = found.filter(at__gte=_midnight(wanted.since))
    if wanted.until is not None:
        found = found.filter(at__lt=_midnight(wanted.until + timedelta(days=1)))
    return _paged(found, before)


def about(person: UUID, *, before: int | None = None) -> Page:
    """Everything anybody did with one person's data, from whatever place."""
    concerned = Concerned.objects.filter(resident_public_id=person).order_by("-entry")
    if before is not None:
        concerned = concerned.filter(entry__lt=before)
    numbers = list(concerned.values_list("entry", flat=True)[: PAGE + 1])
    found = list(Entry.objects.filter(number__in=numbers).order_by("-number"))
    return _cut(found)


def names(page: Page) -> dict[str, str]:
    """The own names of the users on a page."""
    known = User.objects.filter(username__in={entry.username for entry in page.entries})
    return dict(known.values_list("username", "name"))


def _paged(found: QuerySet[Entry], before: int | None) -> Page:
    if before is not None:
        found = found.filter(number__lt=before)
    return _cut(list(found.order_by("-number")[: PAGE + 1]))


def _cut(found: list[Entry]) -> Page:
    shown = found[:PAGE]
    return Page(shown, shown[-1].number if len(found) > PAGE else None)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
