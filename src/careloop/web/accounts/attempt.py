"""Counting wrong attempts, so that nobody gets to guess.

An attempt is counted before it is judged and given back when it was right: guesses that come all
at once do not slip past the limit. Five wrong ones lock a name for a quarter of an hour, whether it
exists or not; an address, behind which a whole clinic may sit, is locked after thirty.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from careloop.web.accounts.models import Attempts
from careloop.web.accounts.readable import login_name

LIMIT = 5
ADDRESS_LIMIT = 30
LOCKED_FOR = timedelta(minutes=15)
_KEPT_FOR = timedelta(days=1)


class Counted:
    """What counts against one name, address or account.

    Parameters
    ----------
    kind
        What is attempted: `login`, `address`, `second_factor`, `password`, `emergency`.
    of
        By whom or from where; kept only as a digest.
    limit
        How many wrong attempts are allowed in `LOCKED_FOR`.
    """

    def __init__(self, kind: str, of: str, *, limit: int = LIMIT) -> None:
        self.key = salted_hmac(f"careloop.{kind}", of, algorithm="sha256").hexdigest()
        self.limit = limit

    def take(self) -> datetime | None:
        """Count one attempt; answers until when it is locked, None where it may be tried."""
        now = timezone.now()
        with transaction.atomic():
            Attempts.objects.filter(since__lt=now - _KEPT_FOR).delete()
            # In one step: a right attempt may take the row away at any moment (`forget`).
            row, _ = Attempts.objects.select_for_update().get_or_create(key=self.key)
            if row.locked_until is not None and row.locked_until > now:
                return row.locked_until
            if row.locked_until is not None or row.since < now - LOCKED_FOR:
                row.failures, row.since, row.locked_until = 0, now, None
            row.failures += 1
            if row.failures >= self.limit:
                row.locked_until = now + LOCKED_FOR
            row.save()
        return None

    def give_back(self) -> None:
        """The attempt was right: it does not count."""
        Attempts.objects.filter(key=self.key, failures__gt=0).update(
            failures=F("failures") - 1, locked_until=None
        )

    def forget(self) -> None:
        """Begin anew: the right one was there, or a manager has seen to it."""
        Attempts.objects.filter(key=self.key).delete()

    def locked_until(self) -> datetime | None:
        """Until when it is locked, if it is."""
        return (
            Attempts.objects.filter(key=self.key, locked_until__gt=timezone.now())
            .values_list("locked_until", flat=True)
            .first()
        )


def of_name(username: str) -> Counted:
    """What counts against a login name, existing or not."""
    return Counted("login", login_name(username))


def of_address(address: str) -> Counted:
    """What counts against an address; IPv6 by its network, of which one machine has many.

    An IPv4 address is the same however it is written: all that are written `::ffff:192.0.2.1` stand
    in one network.

    This machine's own address is never locked: it is that of a proxy that does not say who asks,
    and would lock everybody.
    """
    try:
        told = ip_address(address)
    except ValueError:
        return Counted("address", address, limit=ADDRESS_LIMIT)
    told = getattr(told, "ipv4_mapped", None) or told
    if told.is_loopback:
        return Counted("address", address, limit=sys.maxsize)
    network = int(told) >> 64 if isinstance(told, IPv6Address) else told
    return Counted("address", str(network), limit=ADDRESS_LIMIT)
