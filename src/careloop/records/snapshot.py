"""The snapshot: what was known about each person as of a date.

One row a person, one column a variable; null is unknown. Beside each value stands its age in days
and, where they exist, the qualifiers of the very fact it came from and whether it was assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Kind, Variable
from careloop.error import ConfigError, InputError
from careloop.records.derived import complete, inputs_of
from careloop.records.fact import FACT_SCHEMA
from careloop.records.memory import LASTS, Choice, Facts, Ints, Mask, choose

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
        A lazy table of facts, such as `ParquetStore.facts()`.
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
            pl.col("variable", "source", "text", "context").cast(_words()),
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
    columns = [people]
    key = frame["key"].to_numpy()
    by_key = np.argsort(key, kind="stable")
    bounds = np.searchsorted(key, np.arange(len(known) + 1), sorter=by_key)
    today = (as_of - _EPOCH).days
    for place, name in enumerate(known):
        variable = dictionary[name]
        places = by_key[bounds[place] : bounds[place + 1]]
        places = places[_valid(frame, places, variable.kind)]
        if len(places):
            facts = _facts(frame, places, person, len(people))
            choice = choose(facts, memory=variable.memory, end=(today + 1) * _DAY_US)
            columns += _columns(facts, choice, variable, today)
    return pl.DataFrame(columns)


def _facts(frame: pl.DataFrame, places: Ints, person: Ints, persons: int) -> Facts:
    """The facts in these rows of the frame as arrays."""
    return Facts(
        person=person[places],
        persons=persons,
        effective=frame["effective_at"].gather(places).to_numpy(),
        recorded=frame["recorded_at"].gather(places).to_numpy(),
        until=frame["until"].gather(places).fill_null(int(LASTS)).to_numpy(),
        row=frame["row"].gather(places).to_numpy(),
        yes=frame["number"].gather(places).fill_null(0.0).to_numpy() != 0,
        assumed=frame["assumed"].gather(places).to_numpy(),
        place=places,
        frame=frame,
    )


def _people(person_id: pl.Series) -> tuple[Ints, pl.Series]:
    """Number persons from 0 by first appearance: (number of each fact's person, their ids)."""
    if person_id.is_empty():
        return np.empty(0, dtype=np.int64), person_id
    places = person_id.to_frame().with_row_index("place")
    first = places.select(pl.col("place").first().over("person_id"))["place"].to_numpy()
    appears = np.zeros(len(first), dtype=np.bool_)
    appears[first] = True
    number = np.cumsum(appears, dtype=np.int64) - 1
    return number[first], person_id.filter(pl.Series(appears))


def _valid(frame: pl.DataFrame, places: Ints, kind: Kind) -> Mask:
    """Which of these facts hold a value of their kind."""
    if kind in ("number", "boolean"):
        valid = frame["number"].gather(places).is_finite()
    else:
        text = frame["text"].gather(places).cast(pl.String)
        valid = _dates(text).is_not_null() if kind == "date" else text != ""  # noqa: PLC1901
    return valid.fill_null(value=False).to_numpy()


def _dates(text: pl.Series) -> pl.Series:
    return text.str.head(10).str.to_date("%Y-%m-%d", strict=False)


def _columns(facts: Facts, choice: Choice, variable: Variable, today: int) -> list[pl.Series]:
    """The variable's columns: value, age, qualifiers and, if any fact was, assumed."""
    person = np.full(facts.persons, len(choice.facts))
    person[facts.person[choice.facts]] = np.arange(len(choice.facts))
    nobody = pl.Series([None])

    def by_person(chosen: pl.Series, name: str) -> pl.Series:
        return chosen.extend(nobody.cast(chosen.dtype)).gather(person).alias(name)

    def told(column: str) -> pl.Series:
        return facts.frame[column].gather(facts.place[choice.facts])

    key = variable.key
    if variable.kind == "boolean":
        value = pl.Series(choice.yes)
    elif variable.kind == "number":
        value = told("number")
    else:
        value = told("text").cast(pl.String)
    age = pl.Series(today - np.floor_divide(choice.at, _DAY_US), dtype=pl.Int32)
    columns = [
        by_person(_dates(value) if variable.kind == "date" else value, key),
        by_person(age, f"{key}__age_d"),
    ]
    if variable.context:
        context = told("context").cast(pl.String)
        for name in variable.context:
            qualifier = context.str.json_path_match(f"$.{name}")
            columns.append(by_person(qualifier, f"{key}__{name}"))
    if facts.assumed.any():
        assumed = by_person(pl.Series(facts.assumed[choice.facts]), f"{key}__assumed")
        columns.append(assumed.fill_null(value=False))
    return columns


def _belonging(columns: Iterable[str], keys: set[str]) -> list[str]:
    """`person_id` and the columns of these variables with what stands beside them."""
    return [name for name in columns if name == "person_id" or name.partition("__")[0] in keys]


def _absent(column: str, dictionary: Dictionary) -> pl.Expr:
    """A column of nulls as `column` would be (false if it tells what is assumed)."""
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
