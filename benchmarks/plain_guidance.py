"""Guidance of one person in ordinary Python: the slow and obvious way."""

from __future__ import annotations

from collections.abc import Mapping

from careloop.dictionary.syntax import Value, tree, value
from careloop.guidance.guidance import Guidance
from careloop.risk.decision import Decision


def plain(row: Mapping[str, Value], guidance: Guidance) -> dict[str, object]:
    """Answers and medicines of one person, the slow and obvious way."""
    said: dict[str, object] = {}
    for number in range(3):
        for guideline in guidance.guidelines:
            for table in guideline.decisions()[number : number + 1]:
                said |= _decided(table, row)
    for medicine in guidance.medicines:
        held = {stop.key: value(tree(stop.sql), row) for stop in medicine.stops}
        stopped = any(each is True for each in held.values())
        unknown = [key for key, each in held.items() if each is None]
        said[f"{medicine.key}_status"] = (
            "blocked" if stopped else "check_first" if unknown else "allowed"
        )
        said[f"{medicine.key}_unknown"] = " ".join(unknown)
    return said


def _decided(table: Decision, row: Mapping[str, Value]) -> dict[str, object]:
    chosen: str | None = None
    open_ = False
    because, unknown = [], []
    for outcome in table.outcomes:
        held = {clause.key: value(tree(clause.sql), row) for clause in outcome.clauses}
        because += [key for key, each in held.items() if each is True]
        unknown += [key for key, each in held.items() if each is None]
        if chosen is None and not open_:
            if any(each is True for each in held.values()):
                chosen = outcome.key
            elif None in held.values() and not outcome.skip_unknown:
                open_ = True
    return {
        table.key: chosen,
        f"{table.key}_because": " ".join(because),
        f"{table.key}_unknown": " ".join(unknown),
    }
