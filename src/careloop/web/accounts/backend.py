"""Who somebody is, by name and password: five wrong attempts, then a wait, and no hints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.db.models import QuerySet
from django.http import HttpRequest

from careloop.web.accounts.attempt import Counted, of_address, of_name
from careloop.web.accounts.known import of_browser
from careloop.web.accounts.models import User
from careloop.web.accounts.readable import login_name
from careloop.web.audit.chain import Actor, append


class CountingBackend(BaseBackend):
    """Checks name and password; counts wrong attempts against the name and the address.

    In a browser from which somebody has logged in before (`known`) they count against that alone:
    what others try elsewhere does not lock it.

    A name that nobody has, a wrong password, an account out of use and a locked one are answered
    the same, and all but the last cost the same one run of the password hasher.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> User | None:
        """The user, or None. A locked name is not even tried; see `locked`."""
        if not username or password is None:
            return None
        user = _named(username)
        counts = _counts(request, username, user)
        if any(each.take() is not None for each in counts):
            return None
        if user is None:
            User().set_password(password)  # as long as a check takes
        if user is None or not user.check_password(password) or not user.in_use:
            append(actor_of(user, address_of(request)), "login.failed")
            return None
        *shared, own = counts
        own.forget()
        for each in shared:
            each.give_back()
        return user

    def get_user(self, user_id: int) -> User | None:
        """The user of a session; nobody once the account is out of use."""
        user = _users().filter(pk=user_id).first()
        return user if user is not None and user.in_use else None


def _users() -> QuerySet[User]:
    """Users with what says whether their account is in use."""
    return User.objects.select_related("organisation", "resident__merged_into")


def _named(username: str) -> User | None:
    return _users().filter(username=login_name(username)).first()


def _counts(request: HttpRequest | None, username: str, user: User | None) -> list[Counted]:
    """What counts against an attempt, their own last: in a browser that knows them, that alone."""
    if (own := of_browser(request, user)) is not None:
        return [own]
    return [of_address(address_of(request)), of_name(username)]


def locked(request: HttpRequest, username: str) -> datetime | None:
    """Until when this name or address has to wait; told alike for names that nobody has."""
    counts = _counts(request, username, _named(username))
    ends = [each.locked_until() for each in counts]
    return max((end for end in ends if end is not None), default=None)


def actor_of(user: User | None, address: str) -> Actor:
    """Whom the audit names; nobody for a name that nobody has, which might be a password."""
    if user is None:
        return Actor("", "", "", address)
    path = user.organisation.path if user.organisation else ""
    return Actor(user.username, user.role, path, address)


def address_of(request: HttpRequest | None) -> str:
    """Where a request came from."""
    return str(request.META.get("REMOTE_ADDR", "")) if request is not None else ""
