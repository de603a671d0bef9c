"""Feedback of CDS Hooks: what became of each card, checked and kept as lines of JSON.

The lines are what the loop learns from. They name cards and suggestions by their uuids only; a
clinician's comment may hold anything and so belongs where the facts are kept, never in a log.

**Reference.** HL7 CDS Hooks 2.0, "Feedback".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from careloop.guidance.hooks import HookError

_MOST = 1_000
_COMMENT = 2_000


def feedback(
    payload: object, service_id: str, log: Path, *, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Check feedback and add it to a log of JSON lines; returns what was added.

    Parameters
    ----------
    payload
        The request's JSON, parsed: `{"feedback": […]}`.
    service_id
        The service whose cards are spoken of.
    log
        The file; made where it is not there.
    now
        When it was received; default: now.

    Raises
    ------
    HookError
        400, naming entry and field. Then nothing is added.
    """
    entries = payload.get("feedback") if isinstance(payload, dict) else None
    if not isinstance(entries, list) or not entries:
        raise HookError(400, "`feedback` must be a list with at least one entry")
    if len(entries) > _MOST:
        raise HookError(413, f"more than {_MOST:,} entries")
    received = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    found = [
        {"service": service_id, "receivedAt": received, **_entry(each, f"feedback[{number}]")}
        for number, each in enumerate(entries)
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        file.write(b"".join(orjson.dumps(each) + b"\n" for each in found))
    return found


def _entry(entry: object, where: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise HookError(400, f"`{where}` must be an object")
    outcome = entry.get("outcome")
    if outcome not in ("accepted", "overridden"):
        raise HookError(400, f"`{where}.outcome` must be accepted or overridden")
    made = {
        "card": _uuid(entry.get("card"), f"{where}.card"),
        "outcome": outcome,
        "outcomeTimestamp": _time(entry.get("outcomeTimestamp"), f"{where}.outcomeTimestamp"),
    }
    if outcome == "accepted":
        accepted = entry.get("acceptedSuggestions")
        if not isinstance(accepted, list) or not accepted:
            raise HookError(400, f"`{where}.acceptedSuggestions` must be a list with entries")
        made["acceptedSuggestions"] = [
            {"id": _uuid(each.get("id") if isinstance(each, dict) else None, f"{where} suggestion")}
            for each in accepted
        ]
    elif (reason := entry.get("overrideReason")) is not None:
        made["overrideReason"] = _reason(reason, f"{where}.overrideReason")
    return made


def _reason(reason: object, where: str) -> dict[str, Any]:
    if not isinstance(reason, dict):
        raise HookError(400, f"`{where}` must be an object")
    made: dict[str, Any] = {}
    coding = reason.get("reason")
    if isinstance(coding, Mapping):
        if not isinstance(coding.get("code"), str):
            raise HookError(400, f"`{where}.reason.code` must be a string")
        kept = ("system", "code", "display")
        made["reason"] = {name: str(coding[name])[:200] for name in kept if name in coding}
    if isinstance(comment := reason.get("userComment"), str) and comment:
        made["userComment"] = comment[:_COMMENT]
    return made


def _uuid(text: object, where: str) -> str:
    try:
        return str(UUID(str(text)))
    except ValueError:
        raise HookError(400, f"`{where}` must be a UUID") from None


def _time(text: object, where: str) -> str:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise HookError(400, f"`{where}` must be an instant with its time zone")
    return at.astimezone(UTC).isoformat(timespec="seconds")
