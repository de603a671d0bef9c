"""A tree of places, logged-in users, and people on lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from careloop.web.accounts.models import Organisation
from careloop.web.care.models import Listed, Standing, Task
from careloop.web.care.standing import PROGRAMME, today
from careloop.web.registry.resident import Resident

from .. import factory


@pytest.fixture
def tree(db: None) -> factory.Tree:
    return factory.Tree()


@pytest.fixture
def login() -> Callable[..., Client]:
    """A client of a new user of a role at a place; `client.user` is the user."""

    def made(role: str, place: Organisation | None, language: str = "en", **fields: Any) -> Client:
        client = Client()
        user = factory.user(role, place, language=language, **fields)
        client.force_login(user)
        client.user = user  # type: ignore[attr-defined]
        return client

    return made


class People:
    """Puts people on lists, as `standing` does."""

    def listed(
        self,
        place: Organisation,
        key: str = "dxa_wanted",
        *,
        rank: float = 0,
        alarm: bool = False,
        level: int = 2,
        next_step: str = "dxa",
        due_on: date | None = None,
        since: date | None = None,
        reasons: tuple[str, ...] = (),
        values: dict[str, Any] | None = None,
        answers: dict[str, Any] | None = None,
        counted: int = 0,
        **who: Any,
    ) -> Resident:
        resident = factory.resident(place, **who)
        self.standing(resident, level=level, next_step=next_step, answers=answers, counted=counted)
        Listed.gated.create(
            resident=resident,
            organisation=place,
            programme=PROGRAMME,
            worklist=key,
            rank=rank - 1e7 if alarm else rank,
            due_on=due_on,
            because={"alarm": alarm, "reasons": list(reasons), "values": values or {}},
            since=since or today(),
        )
        return resident

    def standing(self, resident: Resident, **fields: Any) -> Standing:
        fields["answers"] = fields.get("answers") or {}
        return Standing.gated.create(
            resident=resident,
            organisation=resident.organisation,
            programme=PROGRAMME,
            as_of=today(),
            **fields,
        )

    def due(
        self, place: Organisation, days: int = 0, kind: str = "treatment_3m", **who: Any
    ) -> Task:
        resident = who.pop("resident", None) or factory.resident(place, **who)
        return Task.gated.create(
            resident=resident,
            organisation=resident.organisation,
            programme=PROGRAMME,
            kind=kind,
            due_on=today() + timedelta(days=days),
        )


@pytest.fixture
def people() -> People:
    return People()
