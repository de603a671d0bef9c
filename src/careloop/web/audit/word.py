"""What was done, in words."""

from __future__ import annotations

from typing import Any

from careloop.web.site.language import gettext_lazy as _

ACTIONS: dict[str, Any] = {
    "read": _("Opened the record"),
    "list": _("Saw the name in a list"),
    "refused": _("Tried to open the record and was refused"),
    "person.register": _("Registered or changed details"),
    "person.elsewhere": _("Learnt that the ID number is registered elsewhere"),
    "person.merge": _("Merged or parted registrations"),
    "visit.write": _("Recorded a contact"),
    "image.write": _("Added or withdrew an image"),
    "plan.decide": _("Decided on the plan"),
    "referral.write": _("Worked on a referral"),
    "message.write": _("Wrote or read messages"),
    "consent.write": _("Gave or withdrew a consent"),
    "worklist.read": _("Worked on a list"),
    "report.read": _("Opened or printed a report"),
    "break_glass": _("Emergency access"),
    "emergency.search": _("Looked for somebody in an emergency"),
    "password.change": _("Changed their own password"),
    "second_factor.on": _("Turned on the second step"),
    "second_factor.off": _("Turned off the second step"),
    "second_factor.codes": _("Made new recovery codes"),
    "user.manage": _("Changed a user"),
    "audit.read": _("Looked at the audit"),
    "audit.export": _("Exported the audit"),
    "login": _("Logged in"),
    "login.failed": _("Log-in failed"),
    "logout": _("Logged out"),
    "login.give": _("Gave a number for the resident's login"),
    "login.end": _("Ended the resident's login"),
    "login.activate": _("Set up their own login"),
    "own.read": _("Opened their own record"),
}
"""Actions of the audit; one that is not here is shown as it is."""


def words(action: str) -> str:
    """An action in the reader's language."""
    return str(ACTIONS.get(action, action))
