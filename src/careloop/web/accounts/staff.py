"""The accounts a manager looks after: those of staff at the manager's place and below.

Each change is written to the audit in its own transaction. Nobody changes their own account here:
so there is always a manager left who can.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404

from careloop.web.accounts import readable
from careloop.web.accounts.attempt import Counted, of_name
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation, User
from careloop.web.accounts.role import Action
from careloop.web.accounts.second_factor import turn_off
from careloop.web.accounts.session import end_sessions
from careloop.web.audit.chain import append

_ACTION: Action = "user.manage"


def places(gate: Gate) -> QuerySet[Organisation]:
    """The manager's own place and all below it."""
    gate.require(_ACTION)
    own = gate.user.organisation
    return own.subtree() if own else Organisation.objects.none()


def staff(gate: Gate, words: str = "") -> QuerySet[User]:
    """Who works there, in the order of the tree; `words` are looked for in both names."""
    gate.require(_ACTION)
    if gate.user.organisation is None:
        return User.objects.none()
    found = User.objects.filter(organisation__path__startswith=gate.user.organisation.path).exclude(
        role="patient"
    )
    for word in words.split():
        found = found.filter(Q(name__icontains=word) | Q(username__icontains=word))
    return found.select_related("organisation").order_by(
        "-is_active", "organisation__path", "name", "pk"
    )


def member(gate: Gate, public_id: UUID) -> User:
    """One of them; unknown and out of reach look the same."""
    found = staff(gate).filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def hire(gate: Gate, told: dict[str, Any]) -> tuple[User, str]:
    """A new account with a password for its first login."""
    password = readable.letters()
    with transaction.atomic():
        made = User.objects.create_user(
            told["username"],
            password,
            name=told["name"],
            role=told["role"],
            organisation=told["organisation"],
            language=told["language"],
            must_change_password=True,
        )
        _write(gate, made, "new", role=made.role, place=told["organisation"].path)
    return made, password


def change(gate: Gate, whom: User, told: dict[str, Any]) -> None:
    """Name, role, place or language; the audit keeps role and place before and after."""
    before = [whom.role, whom.organisation.path if whom.organisation else ""]
    with transaction.atomic():
        whom.name, whom.role = told["name"], told["role"]
        whom.organisation, whom.language = told["organisation"], told["language"]
        whom.save(update_fields=["name", "role", "organisation", "language"])
        after = [whom.role, told["organisation"].path]
        _write(gate, whom, "change", before=before, after=after)


def reset_password(gate: Gate, whom: User) -> str:
    """A password for one login; ends their sessions and a lock."""
    password = readable.letters()
    with transaction.atomic():
        whom.set_password(password)
        whom.must_change_password = True
        whom.save(update_fields=["password", "must_change_password"])
        of_name(whom.username).forget()
        Counted("second_factor", str(whom.pk)).forget()
        end_sessions(whom)
        _write(gate, whom, "reset_password")
    return password


def reset_second_factor(gate: Gate, whom: User) -> None:
    """For somebody who has lost telephone and recovery codes."""
    with transaction.atomic():
        turn_off(whom)
        Counted("second_factor", str(whom.pk)).forget()
        end_sessions(whom)
        _write(gate, whom, "reset_second_factor")


def set_active(gate: Gate, whom: User, *, active: bool) -> None:
    """Take an account out of use, which logs it out everywhere, or back into use."""
    with transaction.atomic():
        whom.is_active = active
        whom.save(update_fields=["is_active"])
        if not active:
            end_sessions(whom)
        _write(gate, whom, "activate" if active else "deactivate")


def _write(gate: Gate, whom: User, what: str, **more: Any) -> None:
    append(gate.actor, _ACTION, detail={"what": what, "user": whom.username, **more})
