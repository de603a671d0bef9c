"""Asking the audit: what was done at one's own places, and who looked at one person."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from careloop.web.accounts.models import User
from careloop.web.audit.models import Concerned, Entry

PAGE = 50
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(9000, 1, 1)
"""No database tells days beyond any calendar in another time zone; nothing was done there."""


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


def entries(
    path: str, wanted: Wanted, *, placeless: bool = False, before: int | None = None
) -> Page:
    """What was done by people of a place and of all below it.

    With `placeless`, also by those of no place: residents, the console, and whoever failed to log
    in under a name that nobody has.

    Pages are told by the number they begin before, not by counting: the ten-thousandth page is as
    fast as the first, and nothing is shown twice when entries are added meanwhile.
    """
    here = Q(organisation_path__startswith=path)
    found = Entry.objects.filter(here | Q(organisation_path="") if placeless else here)
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
    if wanted.until is not None and wanted.until < _LAST_DAY:
        found = found.filter(at__lt=_midnight(wanted.until + timedelta(days=1)))
    return _paged(found, before)


def about(persons: Collection[UUID], *, before: int | None = None) -> Page:
    """Everything anybody did with one person's data, from whatever place.

    `persons` are the ids of all registrations that are theirs.
    """
    concerned = Concerned.objects.filter(resident_public_id__in=persons).order_by("-entry")
    if before is not None:
        concerned = concerned.filter(entry__lt=before)
    numbers = list(concerned.values_list("entry", flat=True).distinct()[: PAGE + 1])
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
    return timezone.make_aware(datetime.combine(max(day, _FIRST_DAY), time()))
