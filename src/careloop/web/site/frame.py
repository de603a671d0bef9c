"""What stands on every page: the ways a role can go, and the note that data is simulated."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from careloop.web.accounts.role import Action
from careloop.web.site.language import gettext_lazy as _

WAYS: tuple[tuple[Action, str, Any], ...] = (
    ("worklist.read", "site:home", _("Today")),
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
    """For templates: `ways` of this user, and `here`, the name of the page's address."""
    user = request.user
    match = getattr(request, "resolver_match", None)
    may = getattr(user, "may", None)
    return {
        "ways": [(name, words) for action, name, words in WAYS if may and may(action)],
        "here": match.view_name if match else "",
        "user": user,
    }
