"""The one gate: every read and write of a person passes here.

A gate belongs to one user in one request (`request.gate`). It answers three questions and writes
down each answer in the audit:

may this role do it?        `require`, and the middleware before every page
is this person within reach?  `open` (one person), `rows` and `residents` (lists)
who touched whose data?     `open`, `listed` and `writing` append to the audit's chain

Reach follows the tree of organisations downwards. Beyond it lead only two ways, each to one person:
break-glass, with a reason, for an hour; and a referral, for the place that receives it (and those
above it), until 30 days after it was answered or cancelled.

Numbers about many people come from `numbers`, which counts and never shows a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

import polars as pl
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from careloop.web.accounts.guard import PersonData
from careloop.web.accounts.models import BREAK_GLASS_FOR, BreakGlass, Organisation, User
from careloop.web.accounts.role import Action
from careloop.web.audit.chain import Actor, append
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import DatabaseStore

Row = TypeVar("Row", bound=PersonData)
REFERRED_FOR = timedelta(days=30)
"""How long a place that received a referral still opens the person once it is closed."""
_FEW = 20
"""Up to so many places are named in a query; more are looked up by it."""
_GROUPS = frozenset({"organisation", "worklist", "state", "counted", "level", "next_step"})
"""What may be counted by: nothing that leads to a person."""


class Gate:
    """What one user may see and do.

    Parameters
    ----------
    user
        Who asks; must be logged in.
    address
        Where from, for the audit.
    """

    def __init__(self, user: User, *, address: str = "") -> None:
        self.user = user
        self.actor = Actor(
            username=user.username,
            role=user.role,
            organisation_path=user.organisation.path if user.organisation else "",
            address=address,
        )

    # --- what the role allows

    def require(self, action: Action) -> None:
        """Refuse with 403 what the role does not allow."""
        if not self.user.may(action):
            raise PermissionDenied

    # --- who is within reach

    @cached_property
    def reach(self) -> tuple[int, ...]:
        """The organisations from the user's own place downwards."""
        if self.user.organisation is None or not self.user.may("person.find"):
            return ()
        return tuple(self.user.organisation.subtree().values_list("pk", flat=True))

    def organisations(self) -> QuerySet[Organisation]:
        """The same, as rows in the order of the tree."""
        return Organisation.objects.filter(pk__in=self.reach)

    @cached_property
    def referred(self) -> tuple[int, ...]:
        """Residents from outside who were referred to a place within reach."""
        if not self.reach:
            return ()
        since = timezone.now() - REFERRED_FOR
        running = Q(referrals__state__in=("sent", "acknowledged"))
        running |= Q(referrals__answered_at__gt=since) | Q(referrals__cancelled_at__gt=since)
        here = Q(referrals__to_organisation__in=self.reach)
        found = Resident.gated.filter(running & here).exclude(organisation__in=self.reach)
        return tuple(found.values_list("pk", flat=True).distinct())

    @property
    def own(self) -> int | None:
        """The one resident within reach of a patient, whose record it is."""
        record = self.user.record
        return None if record is None else record.pk

    def _within(self, to_resident: str) -> Q:
        if self.user.role == "patient":
            return Q(**{to_resident: self.own})
        return self._in_reach

    @cached_property
    def _in_reach(self) -> Q:
        if len(self.reach) > _FEW and self.user.organisation is not None:
            return Q(organisation__in=self.user.organisation.subtree().order_by().values("pk"))
        return Q(organisation__in=self.reach)

    def residents(self) -> QuerySet[Resident]:
        """The residents within reach, those referred here too; merged registrations left out."""
        self.require("own.read" if self.user.role == "patient" else "person.find")
        within = self._within("pk")
        if self.referred:
            within |= Q(pk__in=self.referred)
        return Resident.gated.filter(within).exclude(state="merged")

    def rows(self, model: type[Row], *, referred: bool = False) -> QuerySet[Row]:
        """Rows about residents within reach, of any table that holds persons' data.

        With `referred`, those about residents from outside who were referred here too: lists of
        the day are about one's own region, but a referral concerns the place that receives it.
        """
        if model is Resident:
            return self.residents()  # type: ignore[return-value]
        self.require("own.read" if self.user.role == "patient" else "person.find")
        within = self._within("resident")
        if referred and self.referred:
            within |= Q(resident__in=self.referred)
        return model.gated.filter(within)

    def numbers(self, model: type[Row]) -> Numbers:
        """Counts over a table of persons' data, from the user's own place downwards.

        For managers, researchers and doctors: needs `aggregate.read`, and shows no person.
        """
        self.require("aggregate.read")
        place = self.user.organisation
        return Numbers(model.gated.filter(organisation__in=place.subtree() if place else ()))

    def about(self, resident: Resident, model: type[Row]) -> QuerySet[Row]:
        """Rows about one resident whom `open` has returned."""
        return model.gated.filter(resident=resident)

    def registered_elsewhere(self, national_id: str) -> bool:
        """Whether somebody out of reach has this national id: no more is told, and it is audited.

        So that nobody is registered twice because two places cannot see each other.
        """
        self.require("person.register")
        known = Resident.gated.filter(national_id=national_id).exclude(state="merged")
        near = {*self.residents().filter(national_id=national_id).values_list("pk", flat=True)}
        far = [each.public_id for each in known if each.pk not in near]
        if far:
            append(self.actor, "person.register", far, detail={"page": "registered_elsewhere"})
        return bool(far)

    def about_all(self, residents: Iterable[Resident], model: type[Row]) -> QuerySet[Row]:
        """The same about several residents whom `residents`, `rows` or `open` has returned."""
        return model.gated.filter(resident__in=[each.pk for each in residents])

    # --- one person

    def open(self, public_id: UUID | str, action: Action = "person.read") -> Resident:
        """One person's record, for reading or for an action; written to the audit.

        Raises
        ------
        Http404
            Unknown, or out of reach: the answer is the same, so that nobody learns who exists.
        PermissionDenied
            The role does not do this.
        """
        self.require(action)
        resident = Resident.gated.select_related("organisation").filter(public_id=public_id).first()
        if resident is None or not self._reaches(resident):
            raise Http404
        append(self.actor, "read" if action.endswith("read") else action, [resident.public_id])
        return resident

    def _reaches(self, resident: Resident) -> bool:
        if self.user.role == "patient":
            return resident.pk == self.own
        if resident.organisation_id in self.reach:
            return True
        return resident.pk in self.referred or self._glass_broken(resident)

    def _glass_broken(self, resident: Resident) -> bool:
        return BreakGlass.objects.filter(
            user=self.user, resident=resident, until__gt=timezone.now()
        ).exists()

    def break_glass(self, public_id: UUID | str, reason: str) -> BreakGlass:
        """Open one person outside one's region for an hour; the reason goes to the audit."""
        self.require("person.break_glass")
        resident = Resident.gated.filter(public_id=public_id).first()
        if resident is None:
            raise Http404
        with transaction.atomic():
            append(self.actor, "break_glass", [resident.public_id], detail={"reason": reason})
            return BreakGlass.objects.create(
                user=self.user,
                resident=resident,
                reason=reason,
                until=timezone.now() + BREAK_GLASS_FOR,
            )

    def within_reach(self, public_id: UUID | str) -> bool:
        """Whether `open` would open it, without opening it."""
        resident = Resident.gated.filter(public_id=public_id).first()
        return resident is not None and self._reaches(resident)

    def find_for_emergency(self, number: str) -> UUID | None:
        """Whose full national ID or person number this is, in reach or not; merged ones followed.

        Each search is written to the audit, found or not, without the number.
        """
        self.require("person.break_glass")
        exactly = Q(national_id=number) | Q(person_id=number)
        found = Resident.gated.select_related("merged_into").filter(exactly) if number else ()
        for resident in found:
            stands = resident.merged_into or resident
            append(self.actor, "emergency.search", [stands.public_id], detail={"found": True})
            return stands.public_id
        append(self.actor, "emergency.search", detail={"found": False})
        return None

    def emergencies(self) -> QuerySet[BreakGlass]:
        """Who broke the glass, for managers: by their people or to residents of their places."""
        self.require("user.manage")
        if self.user.organisation is None:
            return BreakGlass.objects.none()
        path = self.user.organisation.path
        concerns = Q(user__organisation__path__startswith=path) | Q(
            resident__organisation__path__startswith=path
        )
        return BreakGlass.objects.filter(concerns).order_by("-granted_at", "-pk")

    def facts(self, resident: Resident) -> pl.DataFrame:
        """All facts of a person whom `open` has returned, merged registrations included."""
        ids = [resident.person_id]
        ids += Resident.gated.filter(merged_into=resident).values_list("person_id", flat=True)
        store = DatabaseStore()
        frames = [store.facts_of(each) for each in ids]
        return pl.concat(frames).with_columns(person_id=pl.lit(resident.person_id))

    # --- what goes to the audit

    def listed(self, residents: Iterable[Resident], *, page: str) -> None:
        """Write down whose names a page shows."""
        shown = [resident.public_id for resident in residents]
        if shown:
            append(self.actor, "list", shown, detail={"page": page})

    @contextmanager
    def writing(self, resident: Resident, action: Action, **detail: Any) -> Iterator[None]:
        """A transaction in which a person's data is changed; the audit is part of it.

        Everything inside is kept together with its audit entry, or nothing is.
        """
        self.require(action)
        with transaction.atomic():
            yield
            append(self.actor, action, [resident.public_id], detail=detail)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Counts of rows that nobody may see: no row, no name and no id ever leaves it."""

    _rows: QuerySet[Any]

    def count(self, by: Sequence[str], *conditions: Q, **filters: Any) -> list[dict[str, Any]]:
        """How many residents there are in each group.

        Parameters
        ----------
        by
            What to group by: the place, a list, a state, a level, the steps of the cascade.
        conditions, filters
            Which rows to count.

        Returns
        -------
        list of dict
            `by` and `people`; groups without anybody are left out.
        """
        if strange := set(by) - _GROUPS:
            raise ValueError(f"not counted by {sorted(strange)}")
        person = "pk" if self._rows.model is Resident else "resident"
        rows = self._rows.filter(*conditions, **filters).order_by().values(*by)
        return list(rows.annotate(people=Count(person, distinct=True)))
