"""What stands on every page: the ways a role can go, and the note that data is simulated."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import get_messages
from django.http import HttpRequest

from careloop.web.accounts.role import Action
from careloop.web.site.language import gettext_lazy as _
from careloop.web.site.simulated import holds_demo

WAYS: tuple[tuple[Action, str, Any], ...] = (
    ("worklist.read", "site:home", _("Today")),
    ("worklist.read", "worklist:lists", _("Lists")),
    ("person.find", "registry:find", _("Find")),
    ("person.register", "registry:register", _("Register")),
    ("worklist.read", "worklist:referrals", _("Referrals")),
    ("report.read", "report:batch", _("Print")),
    ("aggregate.read", "worklist:numbers", _("Numbers")),
    ("user.manage", "accounts:users", _("Users")),
    ("audit.read", "audit:entries", _("Audit")),
    ("own.read", "portal:home", _("My record")),
)
"""(action, name of the address, words), in the order of the day's work."""


def frame(request: HttpRequest) -> dict[str, Any]:
    """For templates: `ways` of this user, `here` (the address's name), messages, `simulated`."""
    user = getattr(request, "user", None) or AnonymousUser()  # refused before anybody was asked for
    match = getattr(request, "resolver_match", None)
    may = getattr(user, "may", None)
    return {
        "ways": [(name, words) for action, name, words in WAYS if may and may(action)],
        "here": match.view_name if match else "",
        "user": user,
        "messages": get_messages(request),
        "simulated": holds_demo(),
    }
