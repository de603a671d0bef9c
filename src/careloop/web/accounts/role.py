"""Roles and what each may do. Where they may do it follows from the tree of organisations."""

from __future__ import annotations

from typing import Literal, get_args

from careloop.dictionary.variable import Text

Role = Literal["manager", "doctor", "nurse", "village_doctor", "researcher", "patient"]
ROLES: tuple[Role, ...] = get_args(Role)

ROLE_NAMES: dict[Role, Text] = {
    "manager": Text("管理者", "Programme manager"),
    "doctor": Text("医生", "Doctor"),
    "nurse": Text("护士", "Nurse"),
    "village_doctor": Text("村医", "Village doctor"),
    "researcher": Text("研究者", "Researcher"),
    "patient": Text("居民", "Resident"),
}

Action = Literal[
    "public",  # no login
    "account",  # one's own account, any role
    "person.find",
    "person.read",
    "person.register",
    "person.merge",
    "visit.write",
    "image.write",
    "plan.decide",
    "referral.write",
    "message.write",
    "consent.write",
    "worklist.read",
    "report.read",
    "aggregate.read",
    "audit.read",
    "user.manage",
    "person.break_glass",
    "login.give",
    "login.end",
    "own.read",
]

_CARE: frozenset[Action] = frozenset(
    {
        "person.find",
        "person.read",
        "person.register",
        "visit.write",
        "referral.write",
        "message.write",
        "consent.write",
        "worklist.read",
        "report.read",
        "login.give",
        "login.end",
    }
)
MAY: dict[Role, frozenset[Action]] = {
    "manager": frozenset({"aggregate.read", "audit.read", "user.manage"}),
    "doctor": _CARE
    | {"image.write", "plan.decide", "person.merge", "person.break_glass", "aggregate.read"},
    "nurse": _CARE | {"image.write", "person.merge", "person.break_glass"},
    "village_doctor": _CARE,
    "researcher": frozenset({"aggregate.read"}),
    "patient": frozenset({"own.read", "message.write", "consent.write"}),
}
"""A manager and a researcher see numbers, never a person; a patient has only their own record."""


def may(role: str, action: Action) -> bool:
    """Whether a role may do this anywhere at all."""
    if action in {"public", "account"}:
        return True
    return any(action in actions for name, actions in MAY.items() if name == role)
