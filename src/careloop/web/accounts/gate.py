"""The one gate: every read and write of a person passes here.

A gate belongs to one user in one request (`request.gate`). It answers three questions and writes
down each answer in the audit:

may this role do it?        `require`, and the middleware before every page
is this person within reach?  `open` (one person), `rows` and `residents` (lists)
who touched whose data?     `open`, `listed` and `writing` append to the audit's chain

Reach follows the tree of organisations downwards. Beyond it only break-glass leads, for one person,
with a reason, for an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

import polars as pl
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from careloop.web.accounts.guard import PersonData
from careloop.web.accounts.models import BREAK_GLASS_FOR, BreakGlass, Organisation, User
from careloop.web.accounts.role import Action
from careloop.web.audit.chain import Actor, append
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import DatabaseStore

Row = TypeVar("Row", bound=PersonData)


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

    def _within(self, to_resident: str) -> Q:
        if self.user.role == "patient":
            return Q(**{to_resident: self.user.resident_id})
        return Q(organisation__in=self.reach)

    def residents(self) -> QuerySet[Resident]:
        """The residents within reach; merged registrations left out."""
        self.require("own.read" if self.user.role == "patient" else "person.find")
        return Resident.gated.filter(self._within("pk")).exclude(state="merged")

    def rows(self, model: type[Row]) -> QuerySet[Row]:
        """Rows about residents within reach, of any table that holds persons' data."""
        if model is Resident:
            return self.residents()  # type: ignore[return-value]
        self.require("own.read" if self.user.role == "patient" else "person.find")
        return model.gated.filter(self._within("resident"))

    def about(self, resident: Resident, model: type[Row]) -> QuerySet[Row]:
        """Rows about one resident whom `open` has returned."""
        return model.gated.filter(resident=resident)

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
            return bool(resident.pk == self.user.resident_id)
        return resident.organisation_id in self.reach or self._glass_broken(resident)

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
