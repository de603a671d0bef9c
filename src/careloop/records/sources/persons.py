"""Who has been met in a source so far, in 8 bytes a person."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from careloop.records.sources.column import keep


class Persons:
    """The distinct person ids of a source, kept as sorted 64-bit hashes.

    Two ids share a hash with probability n² / 2⁶⁵: about 1 in 400,000 for ten million people.
    """

    def __init__(self) -> None:
        self._seen: NDArray[np.uint64] = np.empty(0, np.uint64)

    @property
    def count(self) -> int:
        """How many people were added."""
        return len(self._seen)

    def again(self, person: pl.Series) -> pl.Series:
        """Tell where an id was met before: in what was added, or further up in `person`."""
        first = person.is_first_distinct().to_numpy() & ~self._met(person)
        return pl.Series(~first) & person.is_not_null()

    def add(self, person: pl.Series, taken: pl.Series | None) -> pl.Series:
        """Add the ids under `taken` (None: all); tell where one is met for the first time."""
        some = person if taken is None else keep(person, taken)
        fresh = some.is_not_null() & some.is_first_distinct() & pl.Series(~self._met(some))
        new = some.filter(fresh).hash().to_numpy()
        if len(new):
            # A merge of two sorted runs, which a stable sort does in linear time.
            self._seen = np.sort(np.concatenate((self._seen, np.sort(new))), kind="stable")
        return fresh

    def _met(self, person: pl.Series) -> NDArray[np.bool_]:
        hashes = person.hash().to_numpy()
        if not len(self._seen):
            return np.zeros(len(hashes), np.bool_)
        order = np.argsort(hashes)
        at = np.searchsorted(self._seen, hashes[order])
        met = np.empty(len(hashes), np.bool_)
        met[order] = self._seen[np.minimum(at, len(self._seen) - 1)] == hashes[order]
        return met
