"""Boundaries of conditions: facts just below, at and just above every threshold.

For each comparison with a number in a clause the other facts are found under which the clause says
exactly what the comparison says (or, under NOT, exactly the contrary). So a test can see every
threshold of the rule data flip, and a threshold that nothing can reach shows itself as a fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice, product

from careloop.dictionary.syntax import (
    All,
    Any,
    Compare,
    Constant,
    IsNull,
    Name,
    Node,
    Not,
    Value,
    comparisons,
    tree,
    value,
    walk,
)
from careloop.error import ConfigError

STEP = 0.001
"""How far beside a threshold the next value is tried; finer than any threshold is written."""
_ANY_NUMBERS = (10_000.0, 100.0, 0.0)  # for a name compared with others, not with a number
_TRIES = 1_000
Facts = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Boundary:
    """A threshold with three people who differ in one value only."""

    sql: str
    name: str
    sign: str
    threshold: float
    below: Facts
    at: Facts
    above: Facts
    expected: tuple[bool | None, ...]
    """What the clause must say below, at and above; None is unknown."""


@cache
def boundaries(sql: str) -> tuple[Boundary, ...]:
    """The boundary of every comparison with a number in a condition.

    Raises
    ------
    ConfigError
        If no facts exist under which the condition turns at a threshold: it can never matter there.

    Examples
    --------
    >>> (one,) = boundaries("t_score_used AND t_lowest < -3.0")
    >>> one.at, one.expected
    ({'t_lowest': -3.0, 't_score_used': True}, (True, False, False))
    """
    root = tree(sql)
    return tuple(_boundary(sql, root, compared) for compared in comparisons(root))


def _boundary(sql: str, root: Node, compared: Compare) -> Boundary:
    right = compared.right
    threshold = float(right.value) if isinstance(right, Constant) and right.value else 0.0
    tried = domains([root])
    for step in (STEP, 1.0):  # whole steps where the condition cuts fractions off
        for name, offset, others in _solved(compared.left, threshold):
            sides = [{name: round(offset + aside, 10)} for aside in (-step, 0.0, step)]
            meant = [value(compared, {**others, **side}) for side in sides]
            if None in meant:
                continue
            start = {**others, **sides[1]}
            for facts in _situations(root, compared, start, tried):
                people = [{**facts, **side} for side in sides]
                said = [value(root, person) for person in people]
                if _follows(said, meant):
                    expected = tuple(None if each is None else bool(each) for each in said)
                    below, at, above = people
                    return Boundary(sql, name, compared.sign, threshold, below, at, above, expected)
    raise ConfigError(
        f"no facts reach the boundary {compared.sign} {threshold:g}",
        where=sql,
        remedy="the comparison can never matter here: remove it or mend the condition",
    )


def _situations(
    root: Node, compared: Compare, start: dict[str, Value], tried: Mapping[str, tuple[Value, ...]]
) -> Iterator[dict[str, Value]]:
    """Facts to try: where all else is known, where some is unknown, then anything."""
    unsure = {name: tuple(dict.fromkeys((*values, None))) for name, values in tried.items()}
    yield from _sensitive(root, compared, start, _Search(tried))
    yield from _sensitive(root, compared, start, _Search(unsure, weak=True))
    free = [name for name in unsure if name not in start]
    for combination in islice(product(*(unsure[name] for name in free)), _TRIES):
        yield {**start, **dict(zip(free, combination, strict=True))}


@dataclass(frozen=True, slots=True)
class _Search:
    """The values to try; `weak` accepts unknown where true or false is wanted."""

    tried: Mapping[str, tuple[Value, ...]]
    weak: bool = False
    steps: Iterator[int] = field(default_factory=lambda: iter(range(_TRIES)))
    """Runs out when the search has gone on long enough."""


def _follows(said: list[Value], meant: list[Value]) -> bool:
    """Whether the clause turns exactly where the comparison turns."""
    answers = {bool(yes): answer for yes, answer in zip(meant, said, strict=True)}
    return (
        len(answers) == 2
        and answers[True] is not answers[False]
        and all(answer is answers[bool(yes)] for yes, answer in zip(meant, said, strict=True))
    )


def _solved(left: Node, threshold: float) -> Iterator[tuple[str, float, dict[str, Value]]]:
    """Name and value that put the left side at the threshold, with the other names it needs."""
    names = [each.key for each in walk(left) if isinstance(each, Name)]
    if isinstance(left, Name):
        yield left.key, threshold, {}
        return
    for name in names:
        for filler in (1.0, 50.0, 70.0, 100.0):
            others: dict[str, Value] = {key: filler for key in names if key != name}
            zero, one = (value(left, {**others, name: at}) for at in (0.0, 1.0))
            if isinstance(zero, float) and isinstance(one, float) and one > zero:
                yield name, (threshold - zero) / (one - zero), others


def _sensitive(
    root: Node, compared: Compare, facts: dict[str, Value], search: _Search
) -> Iterator[dict[str, Value]]:
    """Facts under which `root` says what `compared` says, or its contrary."""
    if root is compared:
        yield facts
        return
    match root:
        case Not(part):
            yield from _sensitive(part, compared, facts, search)
        case All(parts) | Any(parts):
            inside = next(part for part in parts if any(each is compared for each in walk(part)))
            rest = [part for part in parts if part is not inside]
            for found in _sensitive(inside, compared, facts, search):
                yield from _each(rest, found, search, wanted=isinstance(root, All))


def _each(
    parts: list[Node], facts: dict[str, Value], search: _Search, *, wanted: bool
) -> Iterator[dict[str, Value]]:
    """Facts under which every part has the wanted value."""
    if not parts:
        yield facts
        return
    first, *rest = sorted(parts, key=lambda part: len(_names(part) - facts.keys()))
    for found in _makes(first, facts, search, wanted=wanted):
        yield from _each(rest, found, search, wanted=wanted)


def _makes(
    node: Node, facts: dict[str, Value], search: _Search, *, wanted: bool
) -> Iterator[dict[str, Value]]:
    """Facts, agreeing with those given, under which a node is true or false as wanted."""
    match node:
        case Not(part):
            yield from _makes(part, facts, search, wanted=not wanted)
        case All(parts) | Any(parts):
            if isinstance(node, All) == wanted:
                yield from _each(list(parts), facts, search, wanted=wanted)
            else:
                for part in parts:
                    yield from _makes(part, facts, search, wanted=wanted)
        case Constant(given):
            if given is wanted or (given is None and search.weak):
                yield facts
        case _:
            names = list(dict.fromkeys(n.key for n in walk(node) if isinstance(n, Name)))
            for found in _assigned(names, facts, search.tried):
                if next(search.steps, None) is None:
                    return
                said = value(node, found)
                if said is wanted or (said is None and search.weak):
                    yield found


@cache
def _names(node: Node) -> frozenset[str]:
    return frozenset(each.key for each in walk(node) if isinstance(each, Name))


def _assigned(
    names: list[str], facts: dict[str, Value], tried: Mapping[str, tuple[Value, ...]]
) -> Iterator[dict[str, Value]]:
    free = [name for name in names if name not in facts]
    if not free:
        yield facts
        return
    for given in tried[free[0]]:
        yield from _assigned(names, {**facts, free[0]: given}, tried)


def domains(roots: list[Node]) -> dict[str, tuple[Value, ...]]:
    """For every name the values between which the conditions can tell, unknown only where asked.

    A number is tried below, at and above each threshold it is compared with, a text as each of the
    words it is compared with and as none of them.
    """
    numbers: dict[str, list[float]] = {}
    words: dict[str, list[str]] = {}
    asked: set[str] = set()
    nodes = [node for root in roots for node in walk(root)]
    for node in nodes:
        if isinstance(node, IsNull):
            asked |= _names(node)
        elif isinstance(node, Compare):
            given = node.right.value if isinstance(node.right, Constant) else None
            for key in _names(node):
                if isinstance(given, str):
                    words.setdefault(key, []).append(given)
                elif given is None:
                    numbers.setdefault(key, []).extend(_ANY_NUMBERS)
                else:
                    numbers.setdefault(key, []).append(float(given))
    found: dict[str, tuple[Value, ...]] = {}
    for key in dict.fromkeys(node.key for node in nodes if isinstance(node, Name)):
        values: list[Value] = [True, False]
        if key in numbers:
            values = [v for at in dict.fromkeys(numbers[key]) for v in (at - STEP, at, at + STEP)]
        elif key in words:
            values = [*dict.fromkeys(words[key]), ""]
        found[key] = (*dict.fromkeys(values), *((None,) if key in asked else ()))
    return found
