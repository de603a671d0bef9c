"""How a snapshot remembers: which fact of each person counts for one variable.

Linear in the facts: nothing is sorted. For each key of the order (effective, recorded, row) the
largest is found per person by scattering, and only facts that tie go on to the next key. Dates of
facts that decide nothing are never looked at twice, so twenty million facts take about a second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from careloop.dictionary.variable import Memory

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LASTS = np.int64(np.iinfo(np.int64).max)
"""Stands for the end of a period that has none."""
_CONTENT = ("source", "number", "text", "until", "context", "field")


@dataclass(frozen=True, slots=True)
class Facts:
    """Usable facts of one variable as arrays of one length.

    Times are µs since 1970 (`until` is `LASTS` where there is no end); `person` counts from 0 to
    `persons`; `place` is the row of each fact in `frame`, which is looked at only for what is
    rarely needed: the content of facts that tie, and the statements of periods.
    """

    person: Ints
    persons: int
    effective: Ints
    recorded: Ints
    until: Ints
    row: Ints
    yes: Mask
    assumed: Mask
    place: Ints
    frame: pl.DataFrame

    def take(self, places: Ints) -> Facts:
        """Pick these facts."""
        return replace(
            self,
            **{
                name: getattr(self, name)[places]
                for name in (
                    "person",
                    "effective",
                    "recorded",
                    "until",
                    "row",
                    "yes",
                    "assumed",
                    "place",
                )
            },
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """What counts: at most one fact a person.

    `facts` are positions in `Facts`, `at` the moment (µs) from which the value's age is counted,
    `yes` the value of a boolean variable (meaningless for the other kinds).
    """

    facts: Ints
    at: Ints
    yes: Mask


def choose(facts: Facts, *, memory: Memory, end: int) -> Choice:
    """Choose the fact that counts for each person.

    Parameters
    ----------
    facts
        The valid facts of one variable, none effective or recorded at or after `end`.
    memory
        `latest`: the last fact. `ever`: the last yes, or else the last no. `period`: see `_period`.
        A fact is later than another by its effective time, then its recorded time, then its row;
        what still ties is told apart by content, so that the order of rows never matters.
        Assumed facts count only for persons without any other.
    end
        Midnight after the snapshot's date, µs since 1970.
    """
    among = np.arange(len(facts.person))
    if facts.assumed.any():
        among = _largest(facts, among, ~facts.assumed)
    if memory == "period":
        return _period(facts, among, end)
    if memory == "ever":
        among = _largest(facts, among, facts.yes)
    chosen = _last(facts, among, facts.effective)
    return Choice(chosen, facts.effective[chosen], facts.yes[chosen])


def _period(facts: Facts, among: Ints, end: int) -> Choice:
    """Yes while a yes lasts; else no, counted from the last word: a no or the end of a yes.

    A yes lasts at the snapshot's date if it has begun and ends later; one without an end lasts
    until a no that is later or, at the same effective time, recorded later. Ends are those of the
    newest statement (`_ends`).
    """
    nos, yeses = among[~facts.yes[among]], among[facts.yes[among]]
    last_no = np.full(facts.persons, -1)
    decisive = _last(facts, nos, facts.effective)
    last_no[facts.person[decisive]] = decisive
    ends = _ends(facts, yeses)
    closed = (ends == LASTS) & _earlier(facts, yeses, last_no[facts.person[yeses]])
    active = _last(facts, yeses[(ends >= end) & ~closed], facts.effective)
    said = np.zeros(facts.persons, dtype=np.bool_)
    said[facts.person[active]] = True

    # The last word of everybody else. It is never a closed yes: the no that closed it came later.
    word = facts.effective.copy()
    over = ends < end
    word[yeses[over]] = np.maximum(ends[over], word[yeses[over]])
    rest = np.concatenate([nos, yeses[over]])
    silent = _last(facts, rest[~said[facts.person[rest]]], word)
    chosen = np.concatenate([active, silent])
    return Choice(chosen, word[chosen], np.arange(len(chosen)) < len(active))


def _ends(facts: Facts, yeses: Ints) -> Ints:
    """End of each yes (`LASTS` if open), as the newest source of the same statement has it.

    A statement is one start of one person under one field (column or FHIR reference). Where
    several sources carry it, as monthly exports do, the one recorded last counts and, if they were
    recorded at the same time, the earlier end: knowing an end is more than not yet knowing it.
    """
    ends = facts.until[yeses]
    if not (ends != LASTS).any():
        return ends
    statement = facts.frame.select("source", "field")[facts.place[yeses]]
    if statement["source"].n_unique() == 1:
        return ends
    same = ["person", "start", "field"]
    told = (
        statement.with_columns(
            person=facts.person[yeses],
            start=facts.effective[yeses],
            recorded=facts.recorded[yeses],
            end=ends,
        )
        .with_columns(pl.col("end", "recorded").max().over([*same, "source"]))
        .with_columns(newest=pl.col("recorded") == pl.col("recorded").max().over(same))
    )
    end = pl.when("newest").then("end").min().over(same)
    told_ends: Ints = told.select(end.alias("end"))["end"].to_numpy()
    return told_ends


def _earlier(facts: Facts, these: Ints, those: Ints) -> Mask:
    """Whether each of `these` comes before its counterpart in `those` (-1: there is none)."""
    earlier = np.zeros(len(these), dtype=np.bool_)
    tied = those >= 0
    for key in (facts.effective, facts.recorded, facts.row):
        mine, other = key[these], key[those]
        earlier |= tied & (mine < other)
        tied &= mine == other
    return earlier


def _last(facts: Facts, among: Ints, time: Ints) -> Ints:
    """Find the last fact of each person that has any."""
    for key in (time, facts.recorded, facts.row):
        if _single(facts, among):
            return among
        among = _largest(facts, among, key)
    return among if _single(facts, among) else _by_content(facts, among)


def _single(facts: Facts, among: Ints) -> bool:
    """Whether no person has two."""
    if len(among) > facts.persons:
        return False
    return len(among) < 2 or int(np.bincount(facts.person[among]).max()) == 1


def _largest(facts: Facts, among: Ints, key: Ints | Mask) -> Ints:
    """Those whose key is the largest of their person."""
    if not len(among):
        return among
    values, person = key[among], facts.person[among]
    best = np.full(facts.persons, values.min())
    np.maximum.at(best, person, values)
    largest: Mask = values == best[person]
    return among[largest]


def _by_content(facts: Facts, among: Ints) -> Ints:
    """One fact a person out of facts equal in time: the last when sorted by what they say."""
    person = facts.person[among]
    tied = np.bincount(person)[person] > 1
    content = (
        facts.frame.select(_CONTENT)[facts.place[among[tied]]]
        .with_columns(position=among[tied], person=person[tied])
        .sort("person", *_CONTENT)
        .group_by("person", maintain_order=True)
        .last()
    )
    return np.concatenate([among[~tied], content["position"].to_numpy()])
