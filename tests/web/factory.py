"""Places, people and users for tests of the site. Synthetic people only."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any

from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation, User
from careloop.web.registry.models import Person
from careloop.web.registry.resident import Resident

PASSWORD = "-".join(("correct", "horse", "battery"))
_number = count(1)


class Tree:
    """A bureau with a hospital; below it two centres; below the first two clinics."""

    def __init__(self) -> None:
        self.bureau = Organisation.objects.create(name="示范区卫生健康局", kind="bureau")
        self.hospital = Organisation.objects.create(
            name="示范医院", kind="hospital", parent=self.bureau
        )
        self.centre = Organisation.objects.create(
            name="东街社区卫生服务中心", kind="centre", parent=self.hospital
        )
        self.other_centre = Organisation.objects.create(
            name="西街社区卫生服务中心", kind="centre", parent=self.hospital
        )
        self.clinic = Organisation.objects.create(
            name="东一村卫生室", kind="clinic", parent=self.centre
        )
        self.other_clinic = Organisation.objects.create(
            name="东二村卫生室", kind="clinic", parent=self.centre
        )


def user(role: str, organisation: Organisation | None = None, **fields: Any) -> User:
    """A user of a role at a place."""
    number = next(_number)
    fields = {"username": f"{role}{number}", "name": f"用户{number}"} | fields
    return User.objects.create_user(
        fields.pop("username"), PASSWORD, role=role, organisation=organisation, **fields
    )


def resident(organisation: Organisation, **fields: Any) -> Resident:
    """A registered resident, without facts."""
    number = next(_number)
    known = {
        "person_id": f"99000000000{number:06d}",
        "name": "王秀英",
        "pinyin": "wangxiuying",
        "initials": "wxy",
        "sex": "female",
        "birth_date": date(1950, 5, 1),
        "phone": f"1200000{number:04d}",
    } | fields
    Person.objects.create(person_id=known["person_id"])
    return Resident.gated.create(organisation=organisation, **known)


def gate(role: str, organisation: Organisation | None = None) -> Gate:
    """The gate of a new user of this role at this place."""
    return Gate(user(role, organisation))
