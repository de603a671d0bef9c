"""How long plans take: the whole demo community at once, and one person at a time.

    .venv/bin/python benchmarks/planning.py sqlite:////path/to/community.sqlite3

The store is what `careloop run` writes. Times are of evaluation and composition; reading the facts
and taking the snapshot are not counted.
"""

from __future__ import annotations

import sys
import time
from datetime import date

from careloop.command.opening import open_facts
from careloop.dictionary.catalogue import load
from careloop.programmes.planning import plans
from careloop.programmes.programme import programme
from careloop.records.snapshot import Snapshot, snapshot

AS_OF = date(2026, 6, 30)
SAMPLE = 20


def everybody(taken: Snapshot) -> tuple[float, int]:
    """Seconds and number of people, all at once."""
    start = time.perf_counter()
    made = plans(taken, programme("osteoporosis"))
    return time.perf_counter() - start, len(made)


def one_by_one(taken: Snapshot, sample: int = SAMPLE) -> float:
    """Seconds a person, one at a time."""
    persons = taken.frame["person_id"].to_list()
    chosen = persons[:: max(1, len(persons) // sample)][:sample]
    start = time.perf_counter()
    for person in chosen:
        plans(taken, programme("osteoporosis"), person_ids=[person])
    return (time.perf_counter() - start) / len(chosen)


def main() -> None:
    with open_facts(sys.argv[1], dictionary=load(), mapping=None, as_of=AS_OF) as (facts, _):
        taken = snapshot(facts, AS_OF, load())
    everybody(taken)  # the files of the programme are read once
    seconds, people = everybody(taken)
    single = one_by_one(taken)
    print(f"{people:,} plans at once: {seconds:.2f} s ({1e3 * seconds / people:.2f} ms a person)")
    print(f"one at a time: {1e3 * single:.0f} ms a person, {single * people / seconds:.0f} times")


if __name__ == "__main__":
    main()
