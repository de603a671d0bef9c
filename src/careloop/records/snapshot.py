"""The snapshot: what was known about each person as of a date.

One row a person, one column a variable; null is unknown. Beside each value stands its age in days
and, where they exist, the qualifiers of the very fact it came from and whether it was assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Kind, Variable
from careloop.error import ConfigError, InputError
from careloop.records.derived import complete, inputs_of
from careloop.records.fact import FACT_SCHEMA
from careloop.records.memory import LASTS, Choice, Facts, Ints, choose

DTYPES: dict[Kind, pl.DataType] = {
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "code": pl.String(),
    "date": pl.Date(),
    "text": pl.String(),
}
_NEEDED = ("person_id", "variable", "number", "text", "effective_at", "recorded_at", "status")
_OPTIONAL: dict[str, pl.DataType] = {
    name: FACT_SCHEMA[name] for name in ("until", "context", "source", "row", "field")
}
_EPOCH = date(1970, 1, 1)
_DAY_US = 86_400_000_000
_NOBODY = -1
Numbers = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was known about each person as of a date.

    `frame` has the column `person_id` (one row a person, in the order of their first usable facts)
    and, for each variable with a value, `<key>` (Float64, Boolean, String or Date by kind),
    `<key>__age_d` (Int32: days between the value and `as_of`), `<key>__<qualifier>` (String, from
    the very fact chosen) and, where any fact was assumed, `<key>__assumed` (Boolean, never null).
    `not_in_dictionary` names variables met in the facts that the dictionary does not know.
    """

    frame: pl.DataFrame
    as_of: date
    dictionary: Dictionary
    not_in_dictionary: tuple[str, ...] = ()

    def with_columns_for(self, keys: Iterable[str]) -> Snapshot:
        """Add a column of nulls for every key that has none, so that expressions compile.

        `keys` are variables or the columns beside them (`tug_s__age_d`); `…__assumed` is added as
        false. A `ConfigError` names a variable that the dictionary does not have.
        """
        have = set(self.frame.columns)
        wanted = [key for key in dict.fromkeys(keys) if key not in have]
        if not wanted:
            return self
        frame = self.frame.with_columns(_absent(key, self.dictionary) for key in wanted)
        return replace(self, frame=frame)


def snapshot(
    facts: pl.LazyFrame | pl.DataFrame,
    as_of: date,
    dictionary: Dictionary,
    *,
    variables: Sequence[str] | None = None,
) -> Snapshot:
    """Take the snapshot of everybody in `facts` as of a date.

    Parameters
    ----------
    facts
        Facts in the columns of `FACT_SCHEMA`, in any order, repeated or not.
    as_of
        The date. No fact effective or recorded on a later date is used.
    dictionary
        Declares kind, memory, qualifiers and derivation of every variable.
    variables
        Only these variables (and what they are derived from is read, but not returned). Every
        person with a usable fact has a row all the same. Default: all that have facts or can be
        derived from them.

    Returns
    -------
    Snapshot
        Facts entered in error are never used; such a fact also withdraws the equal fact (person,
        variable, value, effective time) recorded no later than itself. `age_y` is the completed
        years from the birth date or, without one, the recorded age moved on. A derived variable
        is used where nothing was recorded; one that is remembered for ever is also yes where its
        derivation says so.

    Examples
    --------
    >>> from careloop.dictionary.variable import Text, Variable
    >>> from careloop.records.fact import empty_facts
    >>> words = Dictionary([Variable("tug_s", "number", Text("起立行走", "TUG"), "", unit="s")])
    >>> facts = pl.concat([empty_facts(), pl.DataFrame({"person_id": ["P1"], "variable": ["tug_s"],
    ...     "number": [11.5], "effective_at": [datetime(2024, 3, 1)],
    ...     "recorded_at": [datetime(2024, 3, 1)], "status": ["final"]})], how="diagonal_relaxed")
    >>> snapshot(facts, date(2024, 3, 31), words).frame.rows()
    [('P1', 11.5, 30)]
    """
    wanted = None if variables is None else list(dict.fromkeys(variables))
    read = dictionary if wanted is None else inputs_of(wanted, dictionary)
    known = [key for key in dictionary if key in read]
    frame, strange = _usable(facts.lazy(), as_of, dictionary, known)
    table = _table(frame, as_of, dictionary, known)
    table = complete(table, as_of, dictionary, DTYPES)
    if wanted is not None:
        table = table.select(_belonging(table.columns, set(wanted)))
    taken = Snapshot(table, as_of, dictionary, strange)
    return taken if wanted is None else taken.with_columns_for(wanted)


def snapshot_batches(
    facts: pl.LazyFrame,
    as_of: date,
    dictionary: Dictionary,
    *,
    persons_per_batch: int = 1_000_000,
    variables: Sequence[str] | None = None,
) -> Iterator[Snapshot]:
    """Take the snapshot of a population larger than memory, some persons at a time.

    Persons are dealt out by a hash of their id, so that each is in exactly one batch whole; the
    facts are scanned once per batch. Every batch has columns only for what its persons have:
    `with_columns_for` makes batches alike.

    Parameters
    ----------
    facts
        A lazy table of facts, such as `ParquetStore.facts(distinct=False)`.
    persons_per_batch
        About how many persons to hold at once (a million with 20 facts each need about 3 GB).
    """
    count = facts.select(pl.col("person_id").approx_n_unique()).collect(engine="streaming").item()
    batches = max(1, -(-int(count) // persons_per_batch))
    for batch in range(batches):
        dealt = facts
        if batches > 1:
            dealt = facts.filter(pl.col("person_id").hash(seed=7) % batches == batch)
        yield snapshot(dealt, as_of, dictionary, variables=variables)


def _usable(
    facts: pl.LazyFrame, as_of: date, dictionary: Dictionary, known: Sequence[str]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Facts that count at the date, slim, with `key` = position in `known` (-1: not wanted)."""
    end = pl.lit(datetime.combine(as_of, datetime.min.time()) + timedelta(days=1))
    have = set(facts.collect_schema().names())
    if missing := [name for name in _NEEDED if name not in have]:
        raise InputError(f"facts lack the columns {missing}", remedy="see FACT_SCHEMA")
    facts = facts.with_columns(
        pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in _OPTIONAL.items()
        if name not in have
    )
    recorded = pl.coalesce("recorded_at", "effective_at")
    periods = [key for key in known if dictionary[key].memory == "period"]
    slim = (
        facts.filter(pl.col("effective_at") < end, recorded < end)
        .select(
            pl.col("person_id").cast(pl.String),
            pl.col("variable", "source", "context").cast(_words()),
            pl.when(pl.col("text") != "").then("text").cast(_words()).alias("text"),
            pl.col("number").cast(pl.Float64),
            pl.col("effective_at", "until").cast(pl.Int64),
            recorded.cast(pl.Int64).alias("recorded_at"),
            pl.col("row").cast(pl.Int64).fill_null(-1),
            assumed=pl.col("status").eq_missing("assumed"),
            mistaken=pl.col("status").eq_missing("entered_in_error"),
            field=pl.when(pl.col("variable").is_in(periods)).then("field").cast(_words()),
        )
        .collect(engine="streaming")
    )
    slim = _without_mistakes(slim)
    names = slim["variable"].unique().cast(pl.String).to_list()
    strange = tuple(sorted(name for name in names if name not in dictionary))
    position = {key: place for place, key in enumerate(known)}
    key = pl.col("variable").replace_strict(position, default=-1, return_dtype=pl.Int16)
    return slim.with_columns(key=key), strange


def _words() -> pl.DataType:
    """Texts kept once each and let go with the frame (the global pool would keep them)."""
    return pl.Categorical(pl.Categories.random())


def _without_mistakes(facts: pl.DataFrame) -> pl.DataFrame:
    """Leave out facts entered in error and the equal facts that they withdraw."""
    if not facts["mistaken"].any():
        return facts
    same = ["person_id", "variable", "number", "text", "effective_at"]
    withdrawn = facts.filter("mistaken").group_by(same).agg(withdrawn_at=pl.max("recorded_at"))
    return (
        facts.filter(~pl.col("mistaken"))
        .join(withdrawn, on=same, how="left", nulls_equal=True, maintain_order="left")
        .filter((pl.col("recorded_at") > pl.col("withdrawn_at")).fill_null(value=True))
        .drop("withdrawn_at")
    )


def _table(
    frame: pl.DataFrame, as_of: date, dictionary: Dictionary, known: Sequence[str]
) -> pl.DataFrame:
    """One row a person with the recorded values, each variable with the columns beside it."""
    person, people = _people(frame["person_id"])
    number = frame["number"].fill_null(np.nan).to_numpy()
    facts = Facts(
        person=person,
        persons=len(people),
        effective=frame["effective_at"].to_numpy(),
        recorded=frame["recorded_at"].to_numpy(),
        until=frame["until"].fill_null(int(LASTS)).to_numpy(),
        row=frame["row"].to_numpy(),
        yes=number != 0,
        assumed=frame["assumed"].to_numpy(),
        place=np.arange(len(person)),
        frame=frame,
    )
    valid = {True: np.isfinite(number), False: frame["text"].is_not_null().to_numpy()}
    key = frame["key"].to_numpy()
    by_key = np.argsort(key, kind="stable")
    bounds = np.searchsorted(key, np.arange(len(known) + 1), sorter=by_key)
    today = (as_of - _EPOCH).days
    columns: dict[str, pl.Series | Numbers] = {"person_id": people}
    for place, name in enumerate(known):
        variable = dictionary[name]
        places = by_key[bounds[place] : bounds[place + 1]]
        places = places[valid[variable.kind in ("number", "boolean")][places]]
        if variable.kind == "date":
            places = places[_dates(frame["text"].gather(places)).is_not_null().to_numpy()]
        if len(places):
            told = facts.take(places)
            choice = choose(told, memory=variable.memory, end=(today + 1) * _DAY_US)
            columns |= _columns(told, choice, variable, today=today, number=number)
    return pl.DataFrame(columns).with_columns(
        pl.when(pl.col(name) != _NOBODY).then(pl.col(name).cast(dtype)).alias(name)
        for name, dtype in _coded(columns, dictionary)
    )


def _coded(
    columns: Iterable[str], dictionary: Dictionary
) -> Iterator[tuple[str, type[pl.DataType]]]:
    """Columns in which `_NOBODY` stands for null, with their types."""
    for name in columns:
        if name.endswith("__age_d"):
            yield name, pl.Int32
        elif name in dictionary and dictionary[name].kind == "boolean":
            yield name, pl.Boolean


def _people(person_id: pl.Series) -> tuple[Ints, pl.Series]:
    """Count persons from 0 by first appearance: the number of each fact's person, and the ids."""
    first = _first(person_id)
    appears = np.zeros(len(first), dtype=np.bool_)
    appears[first] = True
    number = np.cumsum(appears, dtype=np.int64) - 1
    return number[first], person_id.filter(pl.Series(appears, dtype=pl.Boolean))


def _first(names: pl.Series) -> Ints:
    """Find for each row the first row with the same name.

    Names are told apart by 128 bits of hash: rows meet in the slots of a table and those whose
    slot was taken by another name go another round. Half the time of a `group_by` on the names.
    """
    one, two = (names.hash(seed=seed).to_numpy() for seed in (1, 2))
    bits = min(max(len(one).bit_length() - 2, 8), 24)
    first = np.empty(len(one), dtype=np.int64)
    left = np.arange(len(one))
    turn = 1
    while len(left):
        mine = one[left]
        slot = (mine * np.uint64(0x9E3779B97F4A7C15 * turn % 2**64)) >> np.uint64(64 - bits)
        table = np.full(1 << bits, len(one))
        np.minimum.at(table, slot.astype(np.int64), left)
        taken = table[slot]
        same = (one[taken] == mine) & (two[taken] == two[left])
        first[left[same]] = taken[same]
        left = left[~same]
        turn += 2
    return first


def _dates(text: pl.Series) -> pl.Series:
    return text.cast(pl.String).str.head(10).str.to_date("%Y-%m-%d", strict=False)


def _columns(
    facts: Facts, choice: Choice, variable: Variable, *, today: int, number: Numbers
) -> dict[str, pl.Series | Numbers]:
    """Build the variable's columns: value, age, qualifiers and, if any fact was, assumed.

    Arrays where possible, with `_NOBODY` (numbers: NaN) for null, because a series is dear to make.
    """
    person = facts.person[choice.facts]
    places = facts.place[choice.facts]

    def by_person(chosen: Numbers, dtype: type[np.generic], nobody: float = _NOBODY) -> Numbers:
        column = np.full(facts.persons, nobody, dtype=dtype)
        column[person] = chosen
        return column

    def text(name: str) -> pl.Series:
        place = np.full(facts.persons, len(places))
        place[person] = np.arange(len(places))
        told = facts.frame[name].gather(places).cast(pl.String)
        return told.extend(pl.Series([None], dtype=pl.String)).gather(place)

    key = variable.key
    columns: dict[str, pl.Series | Numbers] = {}
    if variable.kind == "boolean":
        columns[key] = by_person(choice.yes, np.int8)
    elif variable.kind == "number":
        columns[key] = pl.Series(by_person(number[places], np.float64, np.nan), nan_to_null=True)
    else:
        columns[key] = _dates(text("text")) if variable.kind == "date" else text("text")
    columns[f"{key}__age_d"] = by_person(today - choice.at // _DAY_US, np.int32)
    if variable.context:
        context = text("context")
        for name in variable.context:
            columns[f"{key}__{name}"] = context.str.json_path_match(f"$.{name}")
    if facts.assumed.any():
        columns[f"{key}__assumed"] = by_person(facts.assumed[choice.facts], np.bool_, 0)
    return columns


def _belonging(columns: Iterable[str], keys: set[str]) -> list[str]:
    """`person_id` and the columns of these variables with what stands beside them."""
    return [name for name in columns if name == "person_id" or name.partition("__")[0] in keys]


def _absent(column: str, dictionary: Dictionary) -> pl.Expr:
    """Write a column of nulls as `column` would be (false if it tells what is assumed)."""
    key, _, beside = column.partition("__")
    variable = dictionary[key]
    if not beside:
        return pl.lit(None, dtype=DTYPES[variable.kind]).alias(column)
    if beside == "assumed":
        return pl.lit(value=False).alias(column)
    if beside == "age_d":
        return pl.lit(None, dtype=pl.Int32).alias(column)
    if beside not in variable.context:
        raise ConfigError(
            f"{key} has no qualifier {beside!r}", remedy=f"it has {list(variable.context)}"
        )
    return pl.lit(None, dtype=pl.String).alias(column)
