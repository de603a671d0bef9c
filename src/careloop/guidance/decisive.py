"""What one would need to know to decide: the unknowns whose value could change an answer.

A decision table is turned into a decision diagram over the unknown names of one person: a tree of
questions in a fixed order in which equal parts are shared and a question whose answers all lead to
the same place is left out. A name stands in the diagram if, and only if, some two sets of values of
the other unknowns make the table answer differently as this one changes. So no name is listed that
cannot matter, and none that can is left out (names are taken as independent of each other).

Reference: Bryant RE. IEEE Trans Comput 1986;C-35:677 (reduced ordered decision diagrams).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from careloop.dictionary.condition import names_in
from careloop.dictionary.syntax import (
    All,
    Any,
    Constant,
    Name,
    Node,
    Not,
    Value,
    tree,
    value,
    walk,
)
from careloop.guidance.boundary import domains
from careloop.guidance.guidance import Guidance
from careloop.guidance.guideline import Guideline
from careloop.risk.decision import Decision

_KEPT = 20_000  # answers for situations met before
Answer = str | None


@dataclass(frozen=True, slots=True)
class _Table:
    """A decision table with the known facts put in: what is left to ask."""

    outcomes: tuple[tuple[str, bool, tuple[Node, ...]], ...]
    """Of each outcome: key, whether it is passed over while unknown, its clauses."""
    undecided: str | None


def decisive(row: Mapping[str, object], *tables: Decision) -> tuple[str, ...]:
    """The unknown columns whose value could change the answer of any of some decision tables.

    Parameters
    ----------
    row
        One person: column → value, None (or absent) where unknown.
    tables
        Decision tables over those columns. A table may read the answer of another given beside it:
        its questions are then those of that table.

    Returns
    -------
    tuple[str, ...]
        First the columns that could decide alone, then the others; each group in the order of the
        tables.
    """
    alone: dict[str, None] = {}
    together: dict[str, None] = {}
    for table in tables:
        left = _Table(
            tuple(
                (each.key, each.skip_unknown, tuple(_rest(c.sql, row) for c in each.clauses))
                for each in table.outcomes
            ),
            table.undecided,
        )
        one, all_ = _asked(left)
        alone.update(dict.fromkeys(one))
        together.update(dict.fromkeys(all_))
    answers = {table.key for table in tables}
    return tuple(name for name in {**alone, **together} if name not in answers)


def questions(
    row: Mapping[str, object], guidance: Guidance, guideline: Guideline
) -> tuple[str, ...]:
    """The variables to ask one person for, because they could change the guideline's answers.

    `decisive` for risk class and treatment, with every column that is computed replaced by the
    unknown variables it is computed from (`Guidance.asks`).
    """
    wanted = decisive(row, guideline.risk_class, guideline.treatment)
    names = dict.fromkeys(name for key in wanted for name in guidance.asks.get(key, (key,)))
    return tuple(name for name in names if row.get(name) is None)


def _rest(sql: str, row: Mapping[str, object]) -> Node:
    """A condition with the known facts put in, as far as it is still open."""
    return _open(sql, tuple([row.get(name) for name in _names(sql)]))


_names = lru_cache(_KEPT)(names_in)


@lru_cache(_KEPT)
def _open(sql: str, values: tuple[object, ...]) -> Node:
    return _folded(tree(sql), dict(zip(_names(sql), values, strict=True)))


def _folded(node: Node, row: Mapping[str, object]) -> Node:
    match node:
        case All(parts) | Any(parts):
            return _joined(node, [_folded(part, row) for part in parts])
        case Not(inner):
            part = _folded(inner, row)
            if isinstance(part, Constant):
                return Constant(None if part.value is None else not part.value)
            return Not(part)
    known = {each.key: _value(row.get(each.key)) for each in walk(node) if isinstance(each, Name)}
    return node if None in known.values() else Constant(value(node, known))


def _joined(node: All | Any, parts: list[Node]) -> Node:
    stop = isinstance(node, Any)  # what settles it at once
    left = []
    for part in parts:
        if isinstance(part, Constant) and part.value is not None:
            if bool(part.value) is stop:
                return Constant(stop)
        else:
            left.append(part)
    if not left:
        return Constant(not stop)
    return left[0] if len(left) == 1 else type(node)(tuple(left))


def _value(given: object) -> Value:
    """A value of a row; a date counts as known but cannot be compared here."""
    return given if given is None or isinstance(given, bool | float | str) else str(given)


@lru_cache(_KEPT)
def _asked(table: _Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of a table with the known facts put in: names that decide alone, and all that can matter."""
    clauses = [clause for _, _, each in table.outcomes for clause in each]
    tried = domains(clauses)
    diagram = _Diagram(tried)
    answer = diagram.decided(table)
    matters = diagram.names(answer)
    now = _answer(table, {})
    alone = tuple(
        name
        for name in tried
        if name in matters
        and any(_answer(table, {name: given}) != now for given in tried[name] if given is not None)
    )
    return alone, tuple(name for name in tried if name in matters)


def _answer(table: _Table, row: Mapping[str, Value]) -> Answer:
    """The table's answer in three-valued logic, as `Decision.columns` gives it."""
    for key, skip, clauses in table.outcomes:
        holds = value(Any(clauses), row)
        if holds:
            return key
        if holds is None and not skip and table.undecided is None:
            return None
    return table.undecided


@dataclass(slots=True)
class _Diagram:
    """Decision diagrams over names in a fixed order; equal diagrams are the same number.

    A leaf is any value; a node is (name, the diagrams for each value of the name's domain).
    """

    tried: Mapping[str, tuple[Value, ...]]
    _order: dict[str, int] = field(init=False)
    _numbers: dict[object, int] = field(default_factory=dict)
    _nodes: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    _leaves: dict[int, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._order = {name: place for place, name in enumerate(self.tried)}

    def leaf(self, given: object) -> int:
        """The diagram that always says this."""
        number = self._number(("leaf", given), len(self._order), ())
        self._leaves[number] = given
        return number

    def asks(self, place: int, branches: tuple[int, ...]) -> int:
        """Ask one name; no question where every answer leads to the same."""
        if len(set(branches)) == 1:
            return branches[0]
        return self._number((place, branches), place, branches)

    def _number(self, key: object, place: int, branches: tuple[int, ...]) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self._nodes)
            self._nodes.append((place, branches))
        return self._numbers[key]

    def combined(self, joined: Callable[..., object], parts: Iterable[int]) -> int:
        """Whatever `joined` makes of the leaves of some diagrams, everywhere."""
        done: dict[tuple[int, ...], int] = {}

        def at(these: tuple[int, ...]) -> int:
            if these not in done:
                place = min(self._nodes[each][0] for each in these)
                if place == len(self._order):
                    done[these] = self.leaf(joined(*(self._leaves[each] for each in these)))
                else:
                    name = list(self._order)[place]
                    branches = []
                    for number in range(len(self.tried[name])):
                        below = tuple(
                            self._nodes[each][1][number] if self._nodes[each][0] == place else each
                            for each in these
                        )
                        branches.append(at(below))
                    done[these] = self.asks(place, tuple(branches))
            return done[these]

        return at(tuple(parts))

    def condition(self, node: Node) -> int:
        """The diagram of a condition: true, false or None everywhere."""
        match node:
            case Constant(given):
                return self.leaf(None if given is None else bool(given))
            case Not(part):
                return self.combined(_negated, (self.condition(part),))
            case All(parts):
                return self._pairwise(_both, parts)
            case Any(parts):
                return self._pairwise(_either, parts)
        names = list(dict.fromkeys(n.key for n in walk(node) if isinstance(n, Name)))
        return self._atom(node, sorted(names, key=self._order.__getitem__), {})

    def _pairwise(self, joined: Callable[..., object], parts: tuple[Node, ...]) -> int:
        made = self.condition(parts[0])
        for part in parts[1:]:
            made = self.combined(joined, (made, self.condition(part)))
        return made

    def _atom(self, node: Node, names: list[str], row: dict[str, Value]) -> int:
        if not names:
            said = value(node, row)
            return self.leaf(None if said is None else bool(said))
        branches = [
            self._atom(node, names[1:], {**row, names[0]: given}) for given in self.tried[names[0]]
        ]
        return self.asks(self._order[names[0]], tuple(branches))

    def decided(self, table: _Table) -> int:
        """The diagram of the table's answer."""
        made = self.leaf(table.undecided)
        for key, skip, clauses in reversed(table.outcomes):
            stops = not skip and table.undecided is None
            holds = self._pairwise(_either, clauses)
            made = self.combined(_Choice(key, stops=stops), (holds, made))
        return made

    def names(self, diagram: int) -> set[str]:
        """Every name the diagram asks."""
        order, seen, left = list(self._order), set(), [diagram]
        found = set()
        while left:
            each = left.pop()
            place, branches = self._nodes[each]
            if each in seen or place == len(order):
                continue
            seen.add(each)
            found.add(order[place])
            left += branches
        return found


@dataclass(frozen=True, slots=True)
class _Choice:
    """An outcome where it holds, else what the later ones say; unknown where it must not pass."""

    key: str
    stops: bool

    def __call__(self, holds: bool | None, later: Answer) -> Answer:  # noqa: FBT001 - a leaf
        if holds:
            return self.key
        return None if holds is None and self.stops else later


def _negated(one: object) -> object:
    return None if one is None else not one


def _both(one: object, two: object) -> object:
    if one is False or two is False:
        return False
    return None if one is None or two is None else True


def _either(one: object, two: object) -> object:
    if one is True or two is True:
        return True
    return None if one is None or two is None else False
