"""The one gate: every read and write of a person passes here.

A gate belongs to one user in one request (`request.gate`). It answers three questions and writes
down each answer in the audit:

may this role do it?        `require`, and the middleware before every page
is this person within reach?  `open` (one person), `rows` and `residents` (lists)
who touched whose data?     `open`, `listed` and `writing` append to the audit's chain

Reach follows the tree of organisations downwards. Beyond it lead only two ways, each to one person:
break-glass, with a reason, for an hour; and a referral, for the place that receives it (and those
above it), until 30 days after it was answered or cancelled. Both open the record, and nothing that
would outlast them: only who looks after somebody gives them a login, merges their registrations or
hands them to another place (`looks_after`).

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
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
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
FEW = 20
"""Up to so many places are named in a query; more are looked up by it."""
_LASTING: frozenset[Action] = frozenset({"person.merge", "login.give", "login.end"})
"""What outlasts a broken glass or a referral: for those who look after somebody only."""
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
        return Organisation.objects.filter(self.reaching("pk"))

    def reaching(self, place: str) -> Q:
        """Rows whose field `place` names an organisation within reach."""
        if len(self.reach) > FEW and self.user.organisation is not None:
            return Q(**{f"{place}__in": self.user.organisation.subtree().order_by().values("pk")})
        return Q(**{f"{place}__in": self.reach})

    @cached_property
    def referred(self) -> tuple[int, ...]:
        """Residents from outside who were referred to a place within reach."""
        if not self.reach:
            return ()
        since = timezone.now() - REFERRED_FOR
        running = Q(referrals__state__in=("sent", "acknowledged"))
        running |= Q(referrals__answered_at__gt=since) | Q(referrals__cancelled_at__gt=since)
        here = self.reaching("referrals__to_organisation")
        found = Resident.gated.filter(running & here).exclude(self.reaching("organisation"))
        return tuple(found.values_list("pk", flat=True).distinct())

    @property
    def own(self) -> int | None:
        """The one resident within reach of a patient, whose record it is."""
        record = self.user.record
        return None if record is None else record.pk

    def _within(self, to_resident: str) -> Q:
        if self.user.role == "patient":
            return Q(**{to_resident: self.own})
        return self.reaching("organisation")

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

    def having(self, national_id: str) -> Q:
        """Residents with this national id, in their own or in a merged registration of theirs."""
        merged = Resident.gated.filter(national_id=national_id, merged_into__isnull=False)
        return Q(national_id=national_id) | Q(pk__in=merged.values("merged_into"))

    def registered_elsewhere(self, national_id: str) -> bool:
        """Whether somebody out of reach has this national id: no more is told, and it is audited.

        So that nobody is registered twice because two places cannot see each other.
        """
        self.require("person.register")
        having = self.having(national_id)
        known = Resident.gated.filter(having).exclude(state="merged")
        near = {*self.residents().filter(having).values_list("pk", flat=True)}
        far = [each.public_id for each in known if each.pk not in near]
        if far:
            append(self.actor, "person.elsewhere", far)
        return bool(far)

    def about_all(self, residents: Iterable[Resident], model: type[Row]) -> QuerySet[Row]:
        """The same about several residents whom `residents`, `rows` or `open` has returned."""
        return model.gated.filter(resident__in=[each.pk for each in residents])

    # --- one person

    def open(self, public_id: UUID | str, action: Action = "person.read") -> Resident:
        """One person's record, for reading or for an action; written to the audit.

        Of a merged registration (a card, a page that stood open) the one it stands for is opened:
        nobody reads half of what is known, or writes where nobody looks.

        Raises
        ------
        Http404
            Unknown, or out of reach: the answer is the same, so that nobody learns who exists. That
            somebody tried to open a person out of reach is written to the audit.
        PermissionDenied
            The role does not do this.
        """
        self.require(action)
        resident = self._stands(public_id)
        if resident is None:
            raise Http404
        if not self._reaches(resident):
            append(self.actor, "refused", [resident.public_id], detail={"action": action})
            raise Http404
        append(self.actor, "read" if action == "person.read" else action, [resident.public_id])
        return resident

    def _reaches(self, resident: Resident) -> bool:
        if self.user.role == "patient":
            return resident.pk == self.own
        return (
            self.looks_after(resident)
            or resident.pk in self.referred
            or self._glass_broken(resident)
        )

    def looks_after(self, resident: Resident) -> bool:
        """Whether somebody belongs to the user's own place or one below: not referred, no glass."""
        return resident.organisation_id in self.reach

    def _glass_broken(self, resident: Resident) -> bool:
        """Whether it was for this person, by whichever of their registrations."""
        broken = Q(resident__in=[resident.pk, resident.merged_into_id])
        broken |= Q(resident__merged_into=resident)
        return BreakGlass.objects.filter(broken, user=self.user, until__gt=timezone.now()).exists()

    def break_glass(self, public_id: UUID | str, reason: str) -> BreakGlass:
        """Open one person outside one's region for an hour; the reason goes to the audit.

        Of a merged registration (a card printed before) the one it stands for is opened.
        """
        self.require("person.break_glass")
        resident = self._stands(public_id)
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
        resident = self._stands(public_id)
        return resident is not None and self._reaches(resident)

    def _stands(self, public_id: UUID | str) -> Resident | None:
        """The registration of this id; of a merged one, the one it stands for."""
        with_place = Resident.gated.select_related("organisation", "merged_into__organisation")
        found = with_place.filter(public_id=public_id).first()
        return found and (found.merged_into or found)

    def find_for_emergency(self, *numbers: str) -> UUID | None:
        """Whose full national ID or person number this is, in reach or not; merged ones followed.

        Each search is written to the audit, found or not, without the number (which may be spelt in
        several ways, such as with fifteen digits and with eighteen).
        """
        self.require("person.break_glass")
        spelt = {number for number in numbers if number}
        exactly = Q(national_id__in=spelt) | Q(person_id__in=spelt)
        found = Resident.gated.select_related("merged_into").filter(exactly) if spelt else ()
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

    def answers_for(self, public_id: UUID) -> bool:
        """Whether a person belongs to a manager's places, who then sees what anybody did there."""
        self.require("audit.read")
        place, resident = self.user.organisation, self._stands(public_id)
        if place is None or resident is None:
            return False
        return bool(resident.organisation.path.startswith(place.path))

    def registrations(self, resident: Resident) -> list[Resident]:
        """A person whom `open` has returned, and the registrations that were merged into theirs."""
        return [resident, *Resident.gated.filter(merged_into=resident).order_by("pk")]

    def facts(self, resident: Resident) -> pl.DataFrame:
        """All facts of a person whom `open` has returned, merged registrations included."""
        store = DatabaseStore()
        frames = [store.facts_of(each.person_id) for each in self.registrations(resident)]
        return pl.concat(frames).with_columns(person_id=pl.lit(resident.person_id))

    # --- what goes to the audit

    def listed(self, residents: Iterable[Resident], *, page: str, action: str = "list") -> None:
        """Write down whose names a page shows; with `report.read` whose reports were printed."""
        shown = [resident.public_id for resident in residents]
        if shown:
            append(self.actor, action, shown, detail={"page": page})

    @contextmanager
    def writing(
        self, resident: Resident, action: Action, *also: Resident, **detail: Any
    ) -> Iterator[None]:
        """A transaction in which a person's data is changed; the audit is part of it.

        Everything inside is kept together with its audit entry, or nothing is. `also` are others
        whom the entry names.

        Raises
        ------
        Http404
            What would outlast a broken glass or a referral, of somebody looked after elsewhere.
        """
        self.require(action)
        if action in _LASTING and not self.looks_after(resident):
            raise Http404
        with transaction.atomic():
            yield
            concerned = [each.public_id for each in (resident, *also)]
            append(self.actor, action, concerned, detail=detail)


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
        rows = self._rows.filter(*conditions, **filters).order_by().values(*by)
        if self._once({*by, *filters}):
            return list(rows.annotate(people=Count("*")))
        return list(rows.annotate(people=Count("resident", distinct=True)))

    def _once(self, fixed: set[str]) -> bool:
        """Whether nobody can stand in two rows in which these fields are the same."""
        if self._rows.model is Resident:
            return True
        constraints = self._rows.model._meta.total_unique_constraints  # noqa: SLF001 — Django's own
        return any({*each.fields} <= fixed | {"resident"} for each in constraints)

    def such(self, **filters: Any) -> Q:
        """A condition for counting in another table: there is such a row about the resident.

        Filters may look at the other table with `OuterRef`.
        """
        named = {name: each for name, each in filters.items() if not isinstance(each, OuterRef)}
        about = self._rows.filter(**named)
        # Whom any row is about is read once; only of them each row is looked at.
        found = Q(resident__in=about.order_by().values("resident"))
        if named == filters:
            return found
        return found & Q(Exists(about.filter(resident=OuterRef("resident"), **filters)))
