"""Expressions for one row: the same answers as Polars gives, without starting its engine.

Polars prepares some hundred columns in tens of milliseconds, which is nothing for a million people
and too long for one whose doctor waits. Here an expression is read once from its own serialised
form and compiled to Python functions of a row, in the same three-valued logic. An operation that
is not listed here is not guessed: `NotRowwise` is raised and the caller stays with Polars. Tests
hold both ways against each other on random people.
"""

from __future__ import annotations

import io
import json
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import polars as pl

Row = dict[str, Any]
Compute = Callable[[Row], Any]
Levels = list[list[tuple[str, Compute]]]


class NotRowwise(Exception):
    """An expression holds an operation that is compiled for tables only."""


def compile_levels(levels: Iterable[Iterable[pl.Expr]]) -> Levels:
    """Compile levels of columns; each level reads the row as the levels before it left it.

    Raises
    ------
    NotRowwise
        Naming the operation.
    """
    compiled = []
    for level in levels:
        known: dict[str, Compute] = {}
        compiled.append([(each.meta.output_name(), _compile(_tree(each), known)) for each in level])
    return compiled


def run(levels: Levels, row: Row) -> Row:
    """Add every level's columns to a row, which is changed and returned."""
    for level in levels:
        row[_MEMO] = {}
        row.update([(name, compute(row)) for name, compute in level])
    row.pop(_MEMO, None)
    return row


_MEMO = "\nmemo"
_EPOCH = date(1970, 1, 1)


def _tree(expression: pl.Expr) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the form may change; what is not understood is refused
        return json.loads(expression.meta.serialize(format="json"))


def _compile(node: Any, known: dict[str, Compute]) -> Compute:
    """A node as a function; the same node in the same level is computed once a row."""
    if not isinstance(node, dict) or len(node) != 1:
        raise NotRowwise(str(node)[:80])
    ((kind, content),) = node.items()
    if kind == "Alias":
        return _compile(content[0], known)
    if kind == "Column":
        return operator.itemgetter(content)
    if kind == "Literal":
        value = _literal(content)
        return lambda _: value
    key = json.dumps(node)
    if key not in known:
        made = _operation(kind, content, known)
        place = len(known)

        def once(row: Row) -> Any:
            memo = row[_MEMO]
            if place not in memo:
                memo[place] = made(row)
            return memo[place]

        known[key] = once
    return known[key]


def _operation(kind: str, content: Any, known: dict[str, Compute]) -> Compute:
    if kind == "BinaryExpr":
        return _binary(
            content["op"], _compile(content["left"], known), _compile(content["right"], known)
        )
    if kind == "Ternary":
        parts = (_compile(content[name], known) for name in ("predicate", "truthy", "falsy"))
        predicate, truthy, falsy = parts
        return lambda row: truthy(row) if predicate(row) else falsy(row)
    if kind == "Cast":
        return _cast(content["dtype"], _compile(content["expr"], known))
    if kind == "Gather":
        return _gather(content, known)
    if kind == "Function":
        inputs = [_compile(each, known) for each in content["input"]]
        return _function(content["function"], inputs)
    raise NotRowwise(kind)


def _literal(content: Any) -> Any:
    ((kind, value),) = content.items()
    if kind in ("Dyn", "Scalar"):
        ((dtype, inner),) = value.items()
        if dtype == "Null":
            return None
        if dtype == "Decimal":
            mantissa, _, scale = inner
            return float(f"{mantissa}e-{scale}")
        if dtype in _LITERALS:
            return inner
    raise NotRowwise(f"literal {kind}")


_LITERALS = {"Int", "Float", "Str", "Boolean", "String", "Float64"} | {
    f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)
}


def _gather(content: Any, known: dict[str, Compute]) -> Compute:
    if set(content["expr"]) != {"Literal"} or "Series" not in content["expr"]["Literal"]:
        raise NotRowwise("Gather of a column")
    text = io.StringIO(json.dumps(content["expr"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = pl.select(pl.Expr.deserialize(text, format="json")).to_series().to_list()
    place = _compile(content["idx"], known)

    def gathered(row: Row) -> Any:
        found = place(row)
        return None if found is None else values[found]

    return gathered


def _and(left: Compute, right: Compute) -> Compute:
    def both(row: Row) -> bool | None:
        one = left(row)
        if one is False:
            return False
        two = right(row)
        if two is False:
            return False
        return None if one is None or two is None else True

    return both


def _or(left: Compute, right: Compute) -> Compute:
    def either(row: Row) -> bool | None:
        one = left(row)
        if one is True:
            return True
        two = right(row)
        if two is True:
            return True
        return None if one is None or two is None else False

    return either


def _divide(one: float, two: float) -> float:
    if two == 0:
        return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one)
    return one / two


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtEq": operator.le,
    "Gt": operator.gt,
    "GtEq": operator.ge,
    "Plus": operator.add,
    "Minus": operator.sub,
    "Multiply": operator.mul,
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "TrueDivide": _divide,
}


def _binary(op: str, left: Compute, right: Compute) -> Compute:
    if op == "And":
        return _and(left, right)
    if op == "Or":
        return _or(left, right)
    if op not in _OPERATORS:
        raise NotRowwise(op)
    apply = _OPERATORS[op]

    def computed(row: Row) -> Any:
        one, two = left(row), right(row)
        return None if one is None or two is None else apply(one, two)

    return computed


def _cast(dtype: Any, inner: Compute) -> Compute:
    name = dtype.get("Literal") if isinstance(dtype, dict) else None
    if name == "Boolean":
        return _known(inner, bool)
    if name == "String":
        return _known(inner, _text)
    if name == "Float64":
        return _known(inner, float)
    if name in ("Int8", "Int16", "Int32", "Int64", "UInt32"):
        return _known(inner, _whole)
    raise NotRowwise(f"cast to {name}")


def _whole(value: Any) -> int:
    """A number cut to a whole one; a date as its days since 1970."""
    return (value - _EPOCH).days if isinstance(value, date) else int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _known(inner: Compute, apply: Callable[[Any], Any]) -> Compute:
    def computed(row: Row) -> Any:
        value = inner(row)
        return None if value is None else apply(value)

    return computed


def _function(function: Any, inputs: Sequence[Compute]) -> Compute:  # noqa: PLR0911 - a table
    """A function of Polars by the name (and options) of its serialised form."""
    name: str
    options: Any
    name, options = (function, {}) if isinstance(function, str) else next(iter(function.items()))
    first = inputs[0]
    if name == "Boolean":
        return _boolean(options, inputs)
    if name == "Sql" and isinstance(options, dict) and "Binary" in options:
        if options["Binary"] == "Div":
            return _binary("TrueDivide", *inputs)
        return _binary(options["Binary"], *inputs)
    if name in ("Coalesce", "FillNull"):
        return lambda row: next((v for each in inputs if (v := each(row)) is not None), None)
    if name in ("MinHorizontal", "MaxHorizontal"):
        return _horizontal(min if name == "MinHorizontal" else max, inputs)
    if name == "SumHorizontal":
        return _sum(inputs, ignore_nulls=options["ignore_nulls"])
    if name in ("Abs", "Ceil", "Floor", "Negate"):
        apply: dict[str, Callable[[Any], Any]] = {
            "Abs": abs,
            "Ceil": lambda value: float(math.ceil(value)),
            "Floor": lambda value: float(math.floor(value)),
            "Negate": operator.neg,
        }
        return _known(first, apply[name])
    if name == "Pow":
        return _binary_of(inputs, _power)
    if name == "Round" and options["mode"] == "HalfToEven":
        return _known(first, _rounded(options["decimals"]))
    if name == "Clip":
        return _clip(options, inputs)
    if name == "TemporalExpr":
        return _temporal(options, first)
    if name == "StringExpr" and isinstance(options, dict) and "ConcatHorizontal" in options:
        return _concatenated(options["ConcatHorizontal"], inputs)
    raise NotRowwise(str(function)[:80])


def _binary_of(inputs: Sequence[Compute], apply: Callable[[Any, Any], Any]) -> Compute:
    left, right = inputs

    def computed(row: Row) -> Any:
        one, two = left(row), right(row)
        return None if one is None or two is None else apply(one, two)

    return computed


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


def _rounded(decimals: int) -> Callable[[float], float]:
    scale = 10.0**decimals

    def rounded(value: float) -> float:
        scaled = value * scale
        if not math.isfinite(scaled):
            return value
        return round(scaled) / scale

    return rounded


def _boolean(name: Any, inputs: Sequence[Compute]) -> Compute:
    first = inputs[0]
    if name == "Not":
        return _known(first, operator.not_)
    if name == "IsNull":
        return lambda row: first(row) is None
    if name == "IsNotNull":
        return lambda row: first(row) is not None
    if name in ("AnyHorizontal", "AllHorizontal"):
        join = _or if name == "AnyHorizontal" else _and
        made = first
        for each in inputs[1:]:
            made = join(made, each)
        return made
    raise NotRowwise(str(name))


def _horizontal(apply: Callable[[Any], Any], inputs: Sequence[Compute]) -> Compute:
    def computed(row: Row) -> Any:
        values = [value for each in inputs if (value := each(row)) is not None]
        return apply(values) if values else None

    return computed


def _sum(inputs: Sequence[Compute], *, ignore_nulls: bool) -> Compute:
    def computed(row: Row) -> Any:
        values = [each(row) for each in inputs]
        known = [value for value in values if value is not None]
        return sum(known) if ignore_nulls or len(known) == len(values) else None

    return computed


def _clip(options: Any, inputs: Sequence[Compute]) -> Compute:
    low = inputs[1] if options["has_min"] else None
    high = inputs[-1] if options["has_max"] else None

    def clipped(row: Row) -> Any:
        value = inputs[0](row)
        if value is None:
            return None
        if low is not None and (bound := low(row)) is not None and value < bound:
            value = bound
        if high is not None and (bound := high(row)) is not None and value > bound:
            value = bound
        return value

    return clipped


def _temporal(name: Any, inner: Compute) -> Compute:
    if name in ("Year", "Month", "Day"):
        return _known(inner, operator.attrgetter(name.lower()))
    if name == {"TotalDays": {"fractional": False}}:
        return _known(inner, operator.attrgetter("days"))
    raise NotRowwise(str(name))


def _concatenated(options: Any, inputs: Sequence[Compute]) -> Compute:
    if not options["ignore_nulls"]:
        raise NotRowwise("ConcatHorizontal with nulls")
    delimiter = options["delimiter"]
    return lambda row: delimiter.join(value for each in inputs if (value := each(row)) is not None)
