"""Boosted trees for the one-year progression score of Efron's diabetes data: evaluation only.

What it predicts: a measure of disease progression one year on, in people who have diabetes. It is
a number without a unit that nobody defined in public; it is not the risk of getting diabetes, and
no decision reads it. `scripts/diabetes_progression.py` trains it and says what is known of the
data. The released model is JSON, refused unless its bytes have the hash in the file beside it.

Reference: Efron B, Hastie T, Johnstone I, Tibshirani R. Ann Stat 2004;32:407.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib.resources import files
from operator import add
from typing import Any, TypeAlias

import polars as pl

from careloop.error import ConfigError
from careloop.risk.instruments.definition import Input

_DATA = files("careloop.programmes.diabetes") / "instruments" / "data"


@dataclass(frozen=True, slots=True)
class Split:
    """A question of a tree: whether an input is at or below a threshold."""

    place: int
    """Which input, counted from 0."""
    threshold: float
    below: Tree
    above: Tree


Tree: TypeAlias = "Split | float"
"""A question, or an answer: what the tree adds to the score."""


@dataclass(frozen=True, slots=True)
class Predictor:
    """One input of the model, in the dictionary's unit, with the limits of the training data."""

    variable: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class BoostedTrees:
    """A released model. `about` holds what the file says besides: training, validation, maker."""

    key: str
    version: str
    inputs: tuple[Predictor, ...]
    start: float
    trees: tuple[Tree, ...]
    about: Mapping[str, Any]

    @classmethod
    def from_json(cls, content: bytes, *, sha256: str, where: str = "") -> BoostedTrees:
        """Read a released model.

        Raises
        ------
        ConfigError
            If the bytes do not have this hash, or do not describe a model.
        """
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise ConfigError(
                f"the model has hash {found[:12]}…, released was {sha256[:12]}…",
                where=where,
                remedy="restore the released file, or train and release it anew",
            )
        try:
            table: dict[str, Any] = json.loads(content)
            inputs = tuple(Predictor(**each) for each in table.pop("inputs"))
            trees = tuple(_tree(each, len(inputs)) for each in table.pop("trees"))
            key, version, start = (table.pop(name) for name in ("key", "version", "start"))
            return cls(str(key), str(version), inputs, float(start), trees, table)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"not a model: {type(error).__name__}: {error}", where=where, remedy="train it anew"
            ) from error

    def to_json(self) -> bytes:
        """The model as JSON; read again it is equal."""
        inputs = [
            {"variable": one.variable, "unit": one.unit, "low": one.low, "high": one.high}
            for one in self.inputs
        ]
        table = {"key": self.key, "version": self.version, **self.about}
        table |= {"inputs": inputs, "start": self.start, "trees": [_nested(t) for t in self.trees]}
        return json.dumps(table, ensure_ascii=False).encode()

    def expression(self) -> pl.Expr:
        """The score; null where any input is unknown (a tree never guesses)."""
        known = pl.all_horizontal(*(pl.col(one.variable).is_not_null() for one in self.inputs))
        columns = [pl.col(one.variable) for one in self.inputs]
        total = pl.sum_horizontal(pl.lit(self.start), *(_answer(t, columns) for t in self.trees))
        return pl.when(known).then(total).otherwise(None)

    def predict(self, values: Sequence[float]) -> float:
        """The score of one person: the slow, obvious twin of `expression`."""
        return reduce(add, (_walk(tree, values) for tree in self.trees), self.start)


def parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """The instrument's output and inputs, from the released model that `data` names."""
    file = _DATA / data["file"]
    model = BoostedTrees.from_json(file.read_bytes(), sha256=data["sha256"], where=file.name)
    if model.version != data["version"]:
        raise ConfigError(
            f"version {model.version}, wanted {data['version']}",
            where=file.name,
            remedy="release it anew",
        )
    return {
        "outputs": {model.key: model.expression()},
        "inputs": tuple(Input(one.variable, pl.col(one.variable)) for one in model.inputs),
    }


def _tree(nested: Any, inputs: int) -> Tree:
    if not isinstance(nested, list):
        return float(nested)
    place, threshold, below, above = nested
    if not 0 <= place < inputs:
        raise ValueError(f"input {place} of {inputs}")
    return Split(int(place), float(threshold), _tree(below, inputs), _tree(above, inputs))


def _nested(tree: Tree) -> Any:
    if not isinstance(tree, Split):
        return tree
    return [tree.place, tree.threshold, _nested(tree.below), _nested(tree.above)]


def _answer(tree: Tree, columns: Sequence[pl.Expr]) -> pl.Expr:
    if not isinstance(tree, Split):
        return pl.lit(tree)
    below, above = (_answer(each, columns) for each in (tree.below, tree.above))
    return pl.when(columns[tree.place] <= tree.threshold).then(below).otherwise(above)


def _walk(tree: Tree, values: Sequence[float]) -> float:
    while isinstance(tree, Split):
        tree = tree.below if values[tree.place] <= tree.threshold else tree.above
    return tree
