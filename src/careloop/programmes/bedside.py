"""One programme's guidance for a person at a time, quickly: everything is made ready once.

A hook must be answered while a clinician waits. The same expressions as for a population are used,
but only the instruments that some decision or rule reads and only the chosen guideline are in
them, and they are compiled for single rows (`records.rowwise`). At the start both ways answer for
some invented people; where they do not agree, or something cannot be compiled, the slower way is
used: the table of expressions, built once.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from threading import Lock
from typing import Any, cast

import polars as pl
from polars.io.plugins import register_io_source

from careloop.dictionary.catalogue import Dictionary
from careloop.guidance.card import Considered
from careloop.guidance.composition import compose, plan_columns
from careloop.guidance.evaluation import guidance_reads, guided
from careloop.guidance.guidance import Guidance
from careloop.programmes.assessment import assessed, reads
from careloop.programmes.planning import guidance_of
from careloop.programmes.programme import Programme
from careloop.records.fact import FACT_SCHEMA
from careloop.records.rowwise import Levels, NotRowwise, compile_levels, run
from careloop.records.single import SingleSnapshot
from careloop.records.snapshot import Snapshot, snapshot

_FEW = pl.QueryOptFlags.none()
"""Optimising the query takes longer than one row does."""
_PROBES = 40
_SEED = 20261122
_PROBED_ON = date(2026, 6, 15)


class Bedside:
    """Considers people by one guideline of a programme.

    Parameters
    ----------
    programme
        Whose instruments, decisions and guidance to use.
    dictionary
        Declares the variables.
    guideline
        A key; "" is the programme's default.

    Raises
    ------
    ConfigError
        If the programme has no guidance, or no guideline of this key.
    """

    def __init__(self, programme: Programme, dictionary: Dictionary, guideline: str = "") -> None:
        guidance = guidance_of(programme)
        chosen = guidance.guideline(guideline)
        self.guidance = replace(guidance, guidelines=(chosen,))
        self.dictionary = dictionary
        self.guideline = chosen.key
        self.programme = slim(programme, self.guidance)
        of_guidance = dict.fromkeys(guidance_reads(self.guidance))
        for column in plan_columns(self.guidance):
            of_guidance |= dict.fromkeys(column.meta.root_names())
        facts = [name for name in of_guidance if name.partition("__")[0] in dictionary]
        self.reads = tuple(dict.fromkeys([*reads(self.programme), *facts]))
        """Every snapshot column that is read."""
        nobody = Snapshot(
            pl.DataFrame(schema={"person_id": pl.String}), date(1970, 1, 1), dictionary
        )
        self._empty = nobody.with_columns_for(self.reads).frame.with_columns(
            pl.lit(None, dtype=pl.Date).alias("as_of")
        )
        self._lock = Lock()
        self._rows = self._empty
        self._table = self._prepared()
        self._levels = self._compiled()
        self._single = self._told_singly()

    @property
    def rowwise(self) -> bool:
        """Whether people are considered row by row (else by the table)."""
        return self._levels is not None

    def consider(self, facts: pl.DataFrame, as_of: date) -> dict[str, Considered]:
        """What was found and is proposed, for everybody in `facts` (a few people).

        The same as `programmes.planning.planned` by the same guideline, but for the columns of
        instruments that nothing reads.
        """
        unknown = {
            name: False if name.endswith("__assumed") else None for name in self._empty.columns
        }
        rows = [{**unknown, **row, "as_of": as_of} for row in self.known(facts, as_of)]
        found = {}
        for whole in self.answered(rows):
            plan = compose(whole, self.guidance, self.guideline, as_of, self.dictionary)
            found[str(whole["person_id"])] = Considered(whole, plan)
        return found

    def known(self, facts: pl.DataFrame, as_of: date) -> list[dict[str, Any]]:
        """The snapshot of a few people, a row each; what is unknown is None or left out."""
        if self._single is not None:
            return self._single.rows(facts, as_of)
        return snapshot(facts, as_of, self.dictionary).frame.rows(named=True)

    def answered(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Rows with all that composing a plan looks at; `reads`, `person_id`, `as_of` are there."""
        if self._levels is None:
            return self.answered_by_table(rows)
        return [run(self._levels, dict(row)) for row in rows]

    def answered_by_table(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """As `answered`, by Polars."""
        known = [dict(row) for row in rows]
        columns = {name: [row[name] for row in known] for name in self._empty.columns}
        with self._lock:
            self._rows = pl.DataFrame(columns, schema=self._empty.schema)
            table = self._table.collect(optimizations=_FEW)
        return [
            {**row, **made} for row, made in zip(known, table.iter_rows(named=True), strict=True)
        ]

    def probes(self, number: int, seed: int) -> list[dict[str, Any]]:
        """Rows of invented people: every column unknown, or any value it may have."""
        rng = random.Random(seed)  # noqa: S311 - not for secrets
        share = [rng.random() for _ in range(number)]
        return [
            {
                name: None if rng.random() > known else self._any(name, dtype, rng)
                for name, dtype in self._empty.schema.items()
            }
            | {"person_id": f"probe {place}", "as_of": _PROBED_ON}
            for place, known in enumerate(share)
        ]

    def _any(self, name: str, dtype: pl.DataType, rng: random.Random) -> Any:
        known = name in self.dictionary
        variable = self.dictionary[name] if known else None
        if dtype == pl.Boolean:
            return rng.random() < 0.3
        if dtype == pl.Date:
            return _PROBED_ON - timedelta(days=rng.randrange(-40, 4000))
        if dtype == pl.Float64:
            low = variable.low if variable and variable.low is not None else 0.0
            high = variable.high if variable and variable.high is not None else 100.0
            return round(rng.uniform(low, high), rng.choice((0, 1, 2)))
        if dtype == pl.String:
            return rng.choice([*variable.values, "?"]) if variable else rng.choice(["hologic", "?"])
        return rng.randrange(0, 2000)

    def _compiled(self) -> Levels | None:
        """The expressions for single rows, if they can be compiled and answer as the table does."""
        recorded = _Recorder(self._empty.columns)
        self._columns(cast("pl.LazyFrame", recorded))
        try:
            self._levels = compile_levels(recorded.levels)
        except NotRowwise:
            return None
        probes = self.probes(_PROBES, _SEED)
        agree = same(self.answered(probes), self.answered_by_table(probes))
        return self._levels if agree else None

    def _told_singly(self) -> SingleSnapshot | None:
        """Snapshots of single persons, if they hold what the population's hold."""
        try:
            single = SingleSnapshot(self.dictionary)
        except NotRowwise:
            return None
        facts = self._probe_facts()
        taken = snapshot(facts, _PROBED_ON, self.dictionary).frame
        rows = single.rows(facts, _PROBED_ON)
        agree = len(rows) == taken.height and same(rows, taken.iter_rows(named=True))
        return single if agree else None

    def _probe_facts(self) -> pl.DataFrame:
        """What the probes know, as facts of one day."""
        noon = datetime.combine(_PROBED_ON, time(12))
        rows = [
            {
                "person_id": probe["person_id"],
                "variable": name,
                "number": float(value) if isinstance(value, bool | float) else None,
                "text": str(value) if isinstance(value, str | date) else None,
                "effective_at": noon,
                "status": "final",
            }
            for probe in self.probes(_PROBES, _SEED)
            for name, value in probe.items()
            if name in self.dictionary and value is not None
        ]
        schema = {name: FACT_SCHEMA[name] for name in rows[0]} | {"recorded_at": pl.Datetime("us")}
        return pl.DataFrame(rows, schema=schema)

    def _columns(self, table: pl.LazyFrame) -> pl.LazyFrame:
        table = guided(assessed(table, self.programme), self.guidance)
        return table.with_columns(plan_columns(self.guidance))

    def _prepared(self) -> pl.LazyFrame:
        """The table of all expressions over whatever `_rows` holds when it is collected."""

        def rows(
            with_columns: list[str] | None,
            predicate: pl.Expr | None,
            n_rows: int | None,
            batch_size: int | None,
        ) -> Iterator[pl.DataFrame]:
            del predicate, n_rows, batch_size  # never pushed down here
            frame = self._rows
            yield frame if with_columns is None else frame.select(with_columns)

        return self._columns(register_io_source(rows, schema=self._empty.schema))


class _Recorder:
    """Stands in for a table to which columns are added, and notes them level by level."""

    def __init__(self, names: Iterable[str]) -> None:
        self.levels: list[list[pl.Expr]] = []
        self._names = dict.fromkeys(names)

    def lazy(self) -> _Recorder:
        return self

    def collect_schema(self) -> _Recorder:
        return self

    def names(self) -> list[str]:
        return list(self._names)

    def with_columns(self, *columns: Any) -> _Recorder:
        flat = [one for each in columns for one in ((each,) if isinstance(each, pl.Expr) else each)]
        self.levels.append(flat)
        self._names |= dict.fromkeys(one.meta.output_name() for one in flat)
        return self

    def drop(self, *_: Any) -> _Recorder:
        return self


def same(ours: Iterable[Mapping[str, Any]], theirs: Iterable[Mapping[str, Any]]) -> bool:
    """Whether all that the table answers is answered the same (numbers to 12 digits)."""
    return not any(differing(one, other) for one, other in zip(ours, theirs, strict=True))


def differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The columns that differ between two answers."""
    return [name for name, value in theirs.items() if not _equal(ours.get(name), value)]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
    return bool(one == other)


def slim(programme: Programme, guidance: Guidance) -> Programme:
    """The programme without the instruments that no decision and no rule of guidance reads."""
    names = set(guidance_reads(guidance))
    for decision in programme.decisions:
        names.update(decision.reads())
    for stage in programme.after:
        for expression in stage.columns():
            names.update(expression.meta.root_names())
    kept = tuple(
        each
        for each in programme.instruments
        if names & {*each.outputs, f"{each.key}_class", f"{each.key}_applies"}
    )
    return replace(programme, instruments=kept)
