"""One of everything that an address can lead to, in one's own region and in another."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from django.test import Client

from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation, User
from careloop.web.accounts.role import ROLES, Role
from careloop.web.audit.models import Entry
from careloop.web.care.models import Referral
from careloop.web.care.recording import Contact, record_visit
from careloop.web.imaging.models import Image, Upload
from careloop.web.registry.merge import merge

from . import factory


class Region:
    """A resident at a place, with a visit, a referral, a merge; and a colleague who works there."""

    def __init__(self, place: Organisation) -> None:
        self.place = place
        self.author = factory.user("nurse", place, name="同事")
        self.resident = factory.resident(place, name="区内居民", state="active")
        rows = {"resident": self.resident, "organisation": place, "author": self.author}
        gate = Gate(self.author)
        contact = Contact("home", date(2026, 1, 5), {"weight_kg": 52.0})
        self.visit = record_visit(gate, self.resident, contact, request_key=uuid4())
        self.referral = Referral.gated.create(
            **rows,
            request_key=uuid4(),
            from_organisation=place,
            to_organisation=place.parent or place,
            reason="骨折",
        )
        self.twin = factory.resident(place)
        self.merge = merge(gate, self.resident, factory.resident(place))
        self.upload = Upload.gated.create(**rows, state="failed")
        self.image = Image.gated.create(**rows, state="refused")


class Unknown:
    """Ids that nothing has, in the shape of a region."""

    def __init__(self) -> None:
        self.resident = self.twin = self.visit = self.referral = self.author = self.upload = (
            _Nothing()
        )
        self.merge = self.image = _Nothing()


class _Nothing:
    pk = 999_999

    def __init__(self) -> None:
        self.public_id = uuid4()


class World:
    """The user's own region (a centre and its village) and two that are not: beside and above."""

    def __init__(self) -> None:
        self.tree = factory.Tree()
        self.own = Region(self.tree.clinic)
        self.others = {
            "beside": Region(self.tree.other_centre),
            "above": Region(self.tree.hospital),
            "unknown": Unknown(),
        }
        self.users: dict[Role, User] = {
            role: factory.user(role, None if role == "patient" else self.tree.centre)
            for role in ROLES
        }
        self.users["patient"].resident = self.own.resident
        self.users["patient"].save()
        self.begins = Entry.objects.count()
        # A new client would look through all static files anew.
        self._clients = {strict: Client(enforce_csrf_checks=strict) for strict in (False, True)}
        self._sessions = {role: self._session_of(user) for role, user in self.users.items()}

    @staticmethod
    def _session_of(user: User) -> str:
        client = Client()
        client.force_login(user)
        return client.cookies["sessionid"].value

    def ask(
        self,
        role: Role | None,
        method: str,
        where: str,
        *,
        sends: dict[str, Any] | None = None,
        strict: bool = False,
    ) -> Any:
        """What the site answers to somebody of this role; None is anonymous.

        `strict` asks as a browser does that has no token of a form.
        """
        client = self._clients[strict]
        client.cookies.clear()
        if role is not None:
            client.cookies["sessionid"] = self._sessions[role]
        return client.get(where) if method == "GET" else client.post(where, sends or {})
