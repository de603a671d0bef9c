"""A resident's own login: a number on paper, good once, and then a password that only they know.

Whoever looks after the resident gives the number (`give`) and never learns the password. With the
number and the end of their identity number (`prove`) residents set the login up themselves
(`activate`). A number counts for a week; ten wrong answers in all, and it is void. Whoever has
forgotten the password is given a new number: until it is used the login stays as it was. `end`
closes the login at once.
"""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from careloop.error import CareloopError, InputError
from careloop.web.accounts import readable
from careloop.web.accounts.attempt import Counted, of_name
from careloop.web.accounts.backend import actor_of
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Activation, User
from careloop.web.accounts.seal import digests
from careloop.web.accounts.second_factor import turn_off
from careloop.web.accounts.session import end_sessions
from careloop.web.audit.chain import append
from careloop.web.registry.national_id import normalised
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _

LASTS = timedelta(days=7)
MOST_WRONG = 10
PROOF = 4
"""So many characters at the end of the identity number prove who somebody is."""


class NumberUsedError(CareloopError):
    """The number was used, renewed or taken back in the meantime, or its time is over."""


# --- staff


def hindrance(resident: Resident) -> str:
    """Why no number may be given, in words; "" where one may."""
    if resident.state == "dead":
        return _("The resident has died: the login is closed, and no new one is given.")
    if resident.state == "merged":
        return _("This registration was merged with another: give the login there.")
    if not _proof_of(resident):
        return _(
            "Record the identity number or the date of birth first: "
            "with it the resident proves who they are."
        )
    return ""


def accounts_of(resident: Resident) -> QuerySet[User]:
    """The accounts that lead to a resident, their own first, then those of merged registrations."""
    leading = Q(resident=resident) | Q(resident__merged_into=resident)
    found = User.objects.filter(leading, role="patient")
    return found.select_related("activation__given_by").order_by(
        F("resident__merged_into").asc(nulls_first=True), "pk"
    )


def give(gate: Gate, resident: Resident) -> str:
    """A new number for a resident whom `gate.open` has returned; the one before is void.

    Raises
    ------
    InputError
        Somebody who has died, was merged, or cannot prove who they are.
    """
    with gate.writing(resident, "login.give"):
        resident.refresh_from_db()
        if reason := hindrance(resident):
            raise InputError(reason)
        user = accounts_of(resident).first() or _new_account(resident)
        number = readable.number()
        now = timezone.now()
        Activation.objects.update_or_create(
            user=user,
            defaults={
                "digest": digests("activation", readable.plain(number))[0],
                "given_by": gate.user,
                "given_at": now,
                "until": now + LASTS,
                "wrong": 0,
            },
        )
    return number


def _new_account(resident: Resident) -> User:
    """Out of use and without a password, until the resident sets it up."""
    public_id = uuid4()
    user: User = User.objects.get_or_create(
        resident=resident,
        defaults={
            "public_id": public_id,
            "username": str(public_id),
            "name": resident.name,
            "role": "patient",
            "is_active": False,
            "password": make_password(None),
        },
    )[0]
    return user


def is_named(user: User) -> bool:
    """Whether somebody has ever chosen a login name for this account."""
    return user.username != str(user.public_id)


def end(gate: Gate, resident: Resident) -> None:
    """Close every login that leads to a resident, at once; an open number is void."""
    with gate.writing(resident, "login.end"):
        for user in accounts_of(resident):
            Activation.objects.filter(user=user).delete()
            user.is_active = False
            user.set_unusable_password()
            user.save(update_fields=["is_active", "password"])
            end_sessions(user)


# --- the resident


def of_number(typed: str) -> Counted:
    """What counts against a number, existing or not."""
    return Counted("activation", readable.plain(typed))


def prove(typed: str, proof: str) -> Activation | None:
    """The activation of a number, for whoever proves to be the resident it was given to.

    An attempt counts on the number before it is judged; nothing tells what was wrong.
    """
    found = standing().filter(digest__in=digests("activation", readable.plain(typed))).first()
    if found is None or not _of(found).update(wrong=F("wrong") + 1):
        return None
    record = owner(found)
    expected = _proof_of(record) if record is not None else ""
    if not expected or not constant_time_compare(normalised(proof), expected):
        return None
    _of(found).update(wrong=0)
    return found


def standing() -> QuerySet[Activation]:
    """The activations that may still be used."""
    found = Activation.objects.filter(until__gt=timezone.now(), wrong__lt=MOST_WRONG)
    return found.select_related("user__resident__merged_into", "user__organisation")


def owner(activation: Activation) -> Resident | None:
    """Whose login it sets up; nobody's once they have died."""
    record = activation.user.record
    return None if record is None or record.state == "dead" else record


def _of(activation: Activation) -> QuerySet[Activation]:
    """The same one, as long as it stands: renewed and used ones are gone."""
    return Activation.objects.filter(
        pk=activation.pk,
        digest=activation.digest,
        until__gt=timezone.now(),
        wrong__lt=MOST_WRONG,
    )


def _proof_of(resident: Resident) -> str:
    """The end of the identity number; without one, the date of birth in eight digits."""
    if resident.national_id:
        return normalised(resident.national_id)[-PROOF:]
    return resident.birth_date.strftime("%Y%m%d") if resident.birth_date else ""


def suggested_name(resident: Resident) -> str:
    """A login name that is easily remembered and that nobody has: telephone, or name and year."""
    born = resident.birth_date.year if resident.birth_date else ""
    told = [resident.phone, f"{resident.pinyin[:50]}{born}" if resident.pinyin else ""]
    wanted = [name.lower() for each in told if len(name := re.sub(r"[^\w.@+-]", "", each)) > 1]
    taken = set(User.objects.filter(username__in=wanted).values_list("username", flat=True))
    return next((name for name in wanted if name not in taken), "")


def activate(activation: Activation, password: str, *, language: str, address: str) -> User:
    """Set up the login with a name and a password; the number is used up.

    The name is the one that `activation.user` carries. Other sessions end, and so does a second
    factor: whoever has lost the telephone comes back this way.

    Raises
    ------
    NumberUsedError
        The number does not stand any more.
    IntegrityError
        Somebody has taken the login name in the meantime. Nothing was changed.
    """
    user, record = activation.user, owner(activation)
    if record is None:
        raise NumberUsedError("the login is closed")
    with transaction.atomic():
        if not _of(activation).delete()[0]:
            raise NumberUsedError("the number does not stand any more")
        user.name, user.language = record.name or user.name, language
        user.is_active, user.must_change_password = True, False
        user.set_password(password)
        user.save()
        turn_off(user)
        end_sessions(user)
        of_name(user.username).forget()
        append(actor_of(user, address), "login.activate", [record.public_id])
    return user
