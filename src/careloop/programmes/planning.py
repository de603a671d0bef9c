"""Plans for everybody in a snapshot: evaluated all at once, composed one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from careloop.error import ConfigError
from careloop.guidance.composition import compose, plan_columns, plan_reads
from careloop.guidance.evaluation import guidance_reads, guided
from careloop.guidance.guidance import Guidance
from careloop.guidance.plan import Plan, PlanItem
from careloop.programmes.assessment import assessed, reads
from careloop.programmes.programme import Programme
from careloop.records.snapshot import Snapshot

_NOT_READ = ("__age_d", "_reason", "_assumed")
"""Columns that nothing reads once the expressions are evaluated."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and the row of facts and answers it was composed of."""

    plan: Plan
    row: Mapping[str, Any]


def plans(
    snapshot: Snapshot,
    programme: Programme,
    guideline: str = "",
    *,
    person_ids: Sequence[str] | None = None,
    facts: pl.DataFrame | None = None,
    language: str = "zh",
) -> list[Plan]:
    """The plans of everybody, or of some people in the order asked.

    Parameters
    ----------
    snapshot
        What was known about each person as of a date.
    programme
        Whose instruments, decisions and guidance to use.
    guideline
        The guideline to follow; "" is the programme's default.
    person_ids
        Only these; people not in the snapshot are left out.
    facts
        The facts behind the snapshot: with them, the response to treatment is judged too.
    language
        Of the reasons in the assessment: "zh" or "en". Plans hold both languages.

    Raises
    ------
    ConfigError
        If the programme has no guidance, or no guideline of this key.
    """
    found = planned(
        snapshot, programme, guideline, person_ids=person_ids, facts=facts, language=language
    )
    return [each.plan for each in found]


def planned(
    snapshot: Snapshot,
    programme: Programme,
    guideline: str = "",
    *,
    person_ids: Sequence[str] | None = None,
    facts: pl.DataFrame | None = None,
    language: str = "zh",
) -> list[Planned]:
    """As `plans`, each with its row."""
    guidance = guidance_of(programme).by(guideline)
    key = guidance.guideline(guideline).key
    if person_ids is not None:
        frame = snapshot.frame.filter(pl.col("person_id").is_in(list(person_ids)))
        snapshot = Snapshot(frame, snapshot.as_of, snapshot.dictionary)
    table = guided_frame(snapshot, programme, guideline, language=language)
    also: Mapping[str, Sequence[PlanItem]] = {}
    if facts is not None and programme.proposals is not None:
        also = programme.proposals(facts, snapshot.as_of)
    made = {
        row["person_id"]: Planned(
            compose(
                row,
                guidance,
                key,
                snapshot.as_of,
                snapshot.dictionary,
                also=also.get(row["person_id"], ()),
            ),
            row,
        )
        for row in table.iter_rows(named=True)
    }
    if person_ids is None:
        return list(made.values())
    return [made[each] for each in dict.fromkeys(person_ids) if each in made]


def guided_frame(
    snapshot: Snapshot, programme: Programme, guideline: str = "", *, language: str = "zh"
) -> pl.DataFrame:
    """Everybody's row with all that composing a plan by a guideline looks at."""
    guidance = guidance_of(programme).by(guideline)
    of_guidance = (*guidance_reads(guidance), *plan_reads(guidance))
    wanted = [*reads(programme), *(name for name in of_guidance if _is_fact(name, snapshot))]
    frame = snapshot.with_columns_for(wanted).frame
    table = frame.lazy().with_columns(pl.lit(snapshot.as_of).alias("as_of"))
    table = guided(assessed(table, programme, language=language), guidance)
    table = table.with_columns(plan_columns(guidance))
    names = table.collect_schema().names()
    return table.select(name for name in names if not name.endswith(_NOT_READ)).collect()


def guidance_of(programme: Programme) -> Guidance:
    """The programme's guidance (`ConfigError` if it brings none)."""
    if programme.guidance is None:
        raise ConfigError(
            f"the programme {programme.key!r} has no guidance", remedy="choose another --programme"
        )
    return programme.guidance()


def _is_fact(name: str, snapshot: Snapshot) -> bool:
    return name.partition("__")[0] in snapshot.dictionary
