"""Plans as JSON and back, exactly: what is read equals what was written.

Beside the usual values of JSON, `PlanItem.details` may hold dates and tuples; they are written as
`{"$date": "2026-11-22"}` and `{"$tuple": […]}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson

from careloop.dictionary.variable import Text
from careloop.error import InputError
from careloop.guidance.plan import KINDS, Plan, PlanItem, Reason, Withheld


def to_json(plan: Plan) -> str:
    """One line of JSON."""
    return orjson.dumps(to_dict(plan)).decode()


def from_json(line: str | bytes) -> Plan:
    """The plan that a line of JSON holds.

    Raises
    ------
    InputError
        If it is not a plan; the text names the part, never a value.
    """
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputError("not JSON", where="plan", remedy="write it with to_json") from error
    return from_dict(content)


def to_dict(plan: Plan) -> dict[str, Any]:
    """A plan in the values of JSON."""
    return {
        "person_id": plan.person_id,
        "as_of": plan.as_of.isoformat(),
        "programme": plan.programme,
        "guideline": plan.guideline,
        "risk_class": plan.risk_class,
        "items": [item_to_dict(item) for item in plan.items],
        "withheld": [
            {"key": one.key, "text": _words(one.text), "because": _reasons(one.because)}
            for one in plan.withheld
        ],
        "missing": list(plan.missing),
        "flags": _reasons(plan.flags),
    }


def from_dict(content: Mapping[str, Any]) -> Plan:
    """The plan written by `to_dict` (errors as `from_json`)."""
    try:
        return Plan(
            content["person_id"],
            date.fromisoformat(content["as_of"]),
            content["programme"],
            content["guideline"],
            content["risk_class"],
            tuple(item_from_dict(item) for item in content["items"]),
            tuple(
                Withheld(one["key"], Text(**one["text"]), _read_reasons(one["because"]))
                for one in content["withheld"]
            ),
            tuple(content["missing"]),
            _read_reasons(content["flags"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _not_a("plan", error) from error


def item_to_dict(item: PlanItem) -> dict[str, Any]:
    """One item in the values of JSON."""
    return {
        "key": item.key,
        "kind": item.kind,
        "text": _words(item.text),
        "patient": _words(item.patient) if item.patient else None,
        "because": _reasons(item.because),
        "after_checking": list(item.after_checking),
        "checks": [_words(check) for check in item.checks],
        "cautions": _reasons(item.cautions),
        "guideline": item.guideline,
        "section": item.section,
        "strength": item.strength,
        "mark": item.mark,
        "due_on": item.due_on.isoformat() if item.due_on else None,
        "priority": item.priority,
        "excludes": list(item.excludes),
        "details": None if item.details is None else _plain(dict(item.details)),
    }


def item_from_dict(content: Mapping[str, Any]) -> PlanItem:
    """The item written by `item_to_dict` (errors as `from_json`)."""
    try:
        return PlanItem(
            key=content["key"],
            kind=KINDS[KINDS.index(content["kind"])],
            text=Text(**content["text"]),
            patient=Text(**content["patient"]) if content["patient"] else None,
            because=_read_reasons(content["because"]),
            after_checking=tuple(content["after_checking"]),
            checks=tuple(Text(**check) for check in content["checks"]),
            cautions=_read_reasons(content["cautions"]),
            guideline=content["guideline"],
            section=content["section"],
            strength=content["strength"],
            mark=content["mark"],
            due_on=date.fromisoformat(content["due_on"]) if content["due_on"] else None,
            priority=content["priority"],
            excludes=tuple(content["excludes"]),
            details=None if content["details"] is None else _read(content["details"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _not_a("plan item", error) from error


def _not_a(what: str, error: Exception) -> InputError:
    part = f" ({error.args[0]})" if isinstance(error, KeyError) and error.args else ""
    return InputError(f"not a {what}{part}", where=what, remedy="write it with to_json")


def _words(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _reasons(reasons: tuple[Reason, ...]) -> list[dict[str, Any]]:
    return [
        {"key": one.key, "text": _words(one.text), "source": one.source, "mark": one.mark}
        for one in reasons
    ]


def _read_reasons(content: list[Mapping[str, Any]]) -> tuple[Reason, ...]:
    return tuple(
        Reason(one["key"], Text(**one["text"]), one["source"], one["mark"]) for one in content
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Text):
        return {"$text": _words(value)}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, tuple):
        return {"$tuple": [_plain(each) for each in value]}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(each) for each in value]
    if isinstance(value, dict):
        match value:
            case {"$date": str(day), **rest} if not rest:
                return date.fromisoformat(day)
            case {"$tuple": list(parts), **rest} if not rest:
                return tuple(_read(each) for each in parts)
            case {"$text": dict(words), **rest} if not rest:
                return Text(**words)
        return {key: _read(each) for key, each in value.items()}
    return value
