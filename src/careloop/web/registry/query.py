"""The registry's tables as SQL sees them, the same on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from careloop.records.fact import FACT_SCHEMA

FACT, PERSON, SOURCE = "registry_fact", "registry_person", "registry_source"
COLUMNS = (
    "fact_key",
    *(f'"{"source_id" if name == "source" else name}"' for name in FACT_SCHEMA),
)
"""Columns of a new fact, quoted; `source_id` is the number of the source's row."""

# S608: nothing but our own names is ever put into these texts.
_LIST = ", ".join(COLUMNS)
ADD_PERSON = (
    f"INSERT INTO {PERSON} (person_id, registered_at) "  # noqa: S608
    "VALUES (?, strftime('%Y-%m-%d %H:%M:%f', 'now')) ON CONFLICT DO NOTHING"
)
ADD_FACT = (
    f"INSERT INTO {FACT} ({_LIST}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT DO NOTHING"
)
STAGE = (
    "CREATE TEMP TABLE IF NOT EXISTS met (person_id text) ON COMMIT DROP;"  # noqa: S608
    "CREATE TEMP TABLE IF NOT EXISTS staged ON COMMIT DROP AS "
    f"SELECT {_LIST} FROM {FACT} WITH NO DATA;"
    "TRUNCATE met, staged"
)
ADD_MET_PERSONS = (
    f"INSERT INTO {PERSON} (person_id, registered_at) "  # noqa: S608
    "SELECT person_id, now() FROM met ON CONFLICT DO NOTHING"
)
ADD_STAGED_FACTS = (
    f"INSERT INTO {FACT} ({_LIST}) SELECT {_LIST} FROM staged "  # noqa: S608
    "ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which facts: of one person or several, of some variables, or of everybody and all."""

    person_id: str | None = None
    variables: tuple[str, ...] | None = None
    at_most: int | None = None
    person_ids: tuple[str, ...] | None = None


def select(names: Sequence[str], wanted: Wanted, *, mark: str) -> tuple[str, list[str | int]]:
    """Write the query for facts in the order they came: statement and values.

    `names` are columns of `FACT_SCHEMA`; `mark` is the driver's placeholder. The row's own number
    comes first in each answer.
    """
    # Asked row by row: in a join SQLite would go through the sources first where its statistics are
    # of a day when there were few, and each visit is a source.
    source = f'(SELECT s."source_id" FROM {SOURCE} s WHERE s.id = f.source_id)'  # noqa: S608 — our own
    chosen = ", ".join(["f.id"] + [source if name == "source" else f'f."{name}"' for name in names])
    statement = f"SELECT {chosen} FROM {FACT} f"  # noqa: S608 — names are our own
    values: list[str | int] = []
    conditions = []
    if wanted.person_id is not None:
        conditions.append(f"f.person_id = {mark}")
        values.append(wanted.person_id)
    if wanted.person_ids is not None:
        marks = ", ".join([mark] * len(wanted.person_ids))
        conditions.append(f"f.person_id IN ({marks})" if marks else "1 = 0")
        values += wanted.person_ids
    if wanted.variables is not None:
        marks = ", ".join([mark] * len(wanted.variables))
        conditions.append(f"f.variable IN ({marks})" if marks else "1 = 0")
        values += wanted.variables
    if conditions:
        statement += f" WHERE {' AND '.join(conditions)}"
    statement += " ORDER BY f.id"
    if wanted.at_most is not None:
        statement += f" LIMIT {mark}"
        values.append(wanted.at_most)
    return statement, values
