"""The cascade and the lists in numbers, place by place; small ones hidden from researchers.

Nothing here sees a person: the gate counts (`Gate.numbers`). Who must not learn small numbers is
shown none below `LEAST`, nor any number from which a hidden one could be worked out: of the parts
of a place (its children, and those registered with itself) either none is hidden, or at least two
that together make `LEAST`. What is hidden in one table is hidden in every other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import OuterRef

from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation
from careloop.web.care.models import Listed, PlanDecision, Standing, Task
from careloop.web.care.standing import PROGRAMME, worklists
from careloop.web.registry.resident import Resident

LEAST = 5
"""The smallest number that a researcher is shown."""
REGISTERED, OVERDUE = "registered", "overdue"


def columns() -> tuple[list[str], list[str]]:
    """The steps of the cascade, and the lists."""
    steps = [REGISTERED, *(each.key for each in worklists().measures)]
    return steps, [OVERDUE, *(each.key for each in worklists().lists)]


@dataclass
class Place:
    """A place with what is counted there: with itself (`own`) and with all below it (`all`)."""

    organisation: Organisation
    children: list[Place] = field(default_factory=list)
    own: dict[str, int] = field(default_factory=dict)
    all: dict[str, int] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    hidden_own: set[str] = field(default_factory=set)

    def shown(self, column: str) -> int | None:
        """A number with all below; None where it is hidden."""
        return None if column in self.hidden else self.all.get(column, 0)

    def shown_own(self, column: str) -> int | None:
        """A number of those registered with the place itself; None where it is hidden."""
        return None if column in self.hidden_own else self.own.get(column, 0)

    def share(self, column: str, of: str) -> float | None:
        """What part of one step has come to the next, 0 to 1."""
        part, whole = self.shown(column), self.shown(of)
        return part / whole if part is not None and whole else None


def tree(gate: Gate, today: date) -> Place | None:
    """The user's own place and all below it, counted in five queries."""
    top = gate.user.organisation
    if top is None:
        return None
    places = {one.pk: Place(one) for one in top.subtree()}
    for place in places.values():
        above = places.get(place.organisation.parent_id or 0)
        if above is not None:
            above.children.append(place)
    _count(gate, places, today)
    _add_up(places[top.pk])
    if gate.user.role == "researcher":
        steps, lists = columns()
        for column in (*steps, *lists):
            hide(places[top.pk], column)
    return places[top.pk]


def _count(gate: Gate, places: Mapping[int, Place], today: date) -> None:
    def add(place: int, column: str, people: int) -> None:
        own = places[place].own
        own[column] = own.get(column, 0) + people

    for row in gate.numbers(Resident).count(["organisation"], state="active"):
        add(row["organisation"], REGISTERED, row["people"])
    of_programme = gate.numbers(Standing).count(["organisation", "counted"], programme=PROGRAMME)
    for row in of_programme:
        for bit, measure in enumerate(worklists().measures):
            if row["counted"] >> bit & 1:
                add(row["organisation"], measure.key, row["people"])
    by_list = ["organisation", "worklist"]
    for row in gate.numbers(Listed).count(by_list, programme=PROGRAMME):
        add(row["organisation"], row["worklist"], row["people"])
    for row in _decided(gate, by_list):
        add(row["organisation"], row["worklist"], -row["people"])
    late = gate.numbers(Task).count(
        ["organisation"], programme=PROGRAMME, state="open", due_on__lt=today
    )
    for row in late:
        add(row["organisation"], OVERDUE, row["people"])


def _decided(gate: Gate, by: Sequence[str]) -> list[dict[str, Any]]:
    """Those who are off a list of the undecided since somebody decided (`query.listed`)."""
    lists = [each.key for each in worklists().lists if each.decided]
    since = gate.numbers(PlanDecision).such(programme=PROGRAMME, decided_at__gte=OuterRef("since"))
    return gate.numbers(Listed).count(by, since, programme=PROGRAMME, worklist__in=lists)


def _add_up(place: Place) -> None:
    place.all = dict(place.own)
    for child in place.children:
        _add_up(child)
        for column, people in child.all.items():
            place.all[column] = place.all.get(column, 0) + people


def hide(place: Place, column: str) -> None:
    """Hide what is small, and what would give it away, in a place and all below it.

    Where nobody is registered there is nobody to protect: such a place or part shows its zero.
    """
    if place.all.get(REGISTERED) and place.all.get(column, 0) < LEAST:
        place.hidden.add(column)
    _hide_parts(place, column)


def _hide_parts(place: Place, column: str) -> None:
    if not place.children:
        if column in place.hidden:
            place.hidden_own.add(column)
        return
    parts = [
        (each.all.get(column, 0), each.hidden)
        for each in place.children
        if each.all.get(REGISTERED)
    ]
    if place.own.get(REGISTERED):
        parts.append((place.own.get(column, 0), place.hidden_own))
    parts.sort(key=lambda part: part[0])
    for people, hidden in parts:
        if people < LEAST:
            hidden.add(column)
    told = [part for part in parts if column in part[1]]
    for people, hidden in parts:
        total = sum(number for number, _hidden in told)
        enough = len(told) > 1 and total >= LEAST
        needed = bool(told) or column in place.hidden
        if not needed or enough:
            break
        if column not in hidden:
            hidden.add(column)
            told.append((people, hidden))
    for child in place.children:
        _hide_parts(child, column)


def find(place: Place, public_id: str) -> Place:
    """The place of this id below another; that one itself where there is none."""
    for one in below(place):
        if str(one.organisation.public_id) == public_id:
            return one
    return place


def below(place: Place) -> Iterable[Place]:
    """A place and all below it."""
    yield place
    for child in place.children:
        yield from below(child)
