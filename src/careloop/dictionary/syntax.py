"""Conditions as trees: what a clause compares, and its value for one person without a table.

Polars evaluates conditions over tables; this reads the same SQL into a tree, so that thresholds can
be found, boundaries tested and open questions listed. Logic is three-valued; None is unknown.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from careloop.error import ConfigError

Value: TypeAlias = bool | float | str | None

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*|\.\d+)|(?P<text>'[^']*')|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<mark>::|<=|>=|<>|!=|[-+*/()<>=,]))",
    re.ASCII,
)
_COMPARE: dict[str, Callable[..., bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[..., float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Name:
    """A column."""

    key: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, true, false or NULL."""

    value: Value


@dataclass(frozen=True, slots=True)
class Formula:
    """Arithmetic between two parts."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    """`int`: without its fraction. `least`: the lowest of those that are known."""

    name: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison; a constant stands on the right where there is one."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether something is unknown."""

    part: Node


@dataclass(frozen=True, slots=True)
class Not:
    """Negation: unknown stays unknown."""

    part: Node


@dataclass(frozen=True, slots=True)
class All:
    """AND."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """OR."""

    parts: tuple[Node, ...]


Node: TypeAlias = Name | Constant | Formula | Call | Compare | IsNull | Not | All | Any


@cache
def tree(sql: str) -> Node:
    """Read a condition.

    Raises
    ------
    ConfigError
        For what conditions of careloop do not use (CASE, IN, functions other than LEAST).

    Examples
    --------
    >>> tree("age_y >= 65 AND NOT falls")
    All(parts=(Compare(sign='>=', left=Name(key='age_y'), right=Constant(value=65.0)), \
Not(part=Name(key='falls'))))
    """
    return _Reader(sql).all()


def value(node: Node, row: Mapping[str, Value]) -> Value:
    """The value for one person; a name that the row lacks is unknown.

    Examples
    --------
    >>> value(tree("a OR b > 3"), {"a": True, "b": None})
    True
    >>> value(tree("a AND b > 3"), {"a": True, "b": None}) is None
    True
    """
    said: Value = None
    match node:
        case Name(key):
            said = row.get(key)
        case Constant(given):
            said = given
        case IsNull(part):
            said = value(part, row) is None
        case Not(part):
            said = _negated(value(part, row))
        case All(parts):
            said = _all([value(part, row) for part in parts])
        case Any(parts):
            said = _negated(_all([_negated(value(part, row)) for part in parts]))
        case Call(name, parts):
            said = _called(name, [value(part, row) for part in parts])
        case Compare(sign, left, right) | Formula(sign, left, right):
            one, two = value(left, row), value(right, row)
            if one is not None and two is not None:
                said = (_COMPARE if isinstance(node, Compare) else _ARITHMETIC)[sign](one, two)
    return said


def comparisons(node: Node) -> Iterator[Compare]:
    """Every comparison with a number, in order."""
    for each in walk(node):
        if isinstance(each, Compare) and _is_number(each.right):
            yield each


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    match node:
        case Not(part) | IsNull(part):
            yield from walk(part)
        case All(parts) | Any(parts) | Call(_, parts):
            for part in parts:
                yield from walk(part)
        case Compare(_, left, right) | Formula(_, left, right):
            yield from walk(left)
            yield from walk(right)


def _is_number(node: Node) -> bool:
    return (
        isinstance(node, Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    )


def _called(name: str, given: list[Value]) -> Value:
    known = [float(each) for each in given if each is not None]
    if not known:
        return None
    return float(int(known[0])) if name == "int" else min(known)


def _negated(given: Value) -> Value:
    return None if given is None else not given


def _all(values: list[Value]) -> Value:
    if any(each is not None and not each for each in values):
        return False
    return None if None in values else True


class _Reader:
    """Recursive descent over the words of a condition."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.words: list[tuple[str, str]] = []
        place = 0
        while place < len(sql.rstrip()):
            found = _TOKEN.match(sql, place)
            if not found:
                raise self.fault(sql[place:])
            kind = found.lastgroup or ""
            self.words.append((kind, found[kind]))
            place = found.end()
        self.place = 0

    def fault(self, at: str) -> ConfigError:
        return ConfigError(
            f"cannot read {at!r}", where=self.sql, remedy="use AND, OR, NOT, IS NULL, comparisons"
        )

    def word(self) -> str:
        """The next word, lower case; empty at the end."""
        if self.place == len(self.words):
            return ""
        kind, text = self.words[self.place]
        return text if kind == "text" else text.lower()

    def took(self, *words: str) -> str:
        """Go past the next word if it is one of these."""
        if (word := self.word()) in words:
            self.place += 1
            return word
        return ""

    def must(self, word: str) -> None:
        if not self.took(word):
            raise self.fault(self.word())

    def all(self) -> Node:
        node = self.either()
        if self.word():
            raise self.fault(self.word())
        return node

    def either(self) -> Node:
        parts = [self.both()]
        while self.took("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def both(self) -> Node:
        parts = [self.denied()]
        while self.took("and"):
            parts.append(self.denied())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def denied(self) -> Node:
        return Not(self.denied()) if self.took("not") else self.compared()

    def compared(self) -> Node:
        left = self.sum()
        if self.took("is"):
            negated = self.took("not")
            self.must("null")
            return Not(IsNull(left)) if negated else IsNull(left)
        if self.took("between"):
            low = self.sum()
            self.must("and")
            return All((Compare(">=", left, low), Compare("<=", left, self.sum())))
        if sign := self.took(*_COMPARE):
            right = self.sum()
            if isinstance(left, Constant) and not isinstance(right, Constant):
                return Compare(_TURNED.get(sign, sign), right, left)
            return Compare(sign, left, right)
        return left

    def sum(self) -> Node:
        left = self.product()
        while sign := self.took("+", "-"):
            left = Formula(sign, left, self.product())
        return left

    def product(self) -> Node:
        left = self.single()
        while sign := self.took("*", "/"):
            left = Formula(sign, left, self.single())
        return left

    def single(self) -> Node:
        node = self.bare()
        while self.took("::"):
            self.place += 1
            node = Call("int", (node,))
        return node

    def bare(self) -> Node:
        if self.took("("):
            node = self.either()
            self.must(")")
            return node
        if self.took("-"):
            inner = self.single()
            if isinstance(inner, Constant) and isinstance(inner.value, float):
                return Constant(-inner.value)
            return Formula("-", Constant(0.0), inner)
        if self.took("least"):
            self.must("(")
            parts = [self.sum()]
            while self.took(","):
                parts.append(self.sum())
            self.must(")")
            return Call("least", tuple(parts))
        return self.word_alone()

    def word_alone(self) -> Node:
        """A number, a text, a constant or a name."""
        if not self.word():
            raise self.fault("the end")
        kind, text = self.words[self.place]
        self.place += 1
        if kind == "number":
            return Constant(float(text))
        if kind == "text":
            return Constant(text[1:-1])
        if kind == "name" and self.word() != "(":
            words: dict[str, Value] = {"true": True, "false": False, "null": None}
            return Constant(words[text.lower()]) if text.lower() in words else Name(text)
        raise self.fault(text)
