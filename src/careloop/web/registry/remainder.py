"""What was corrected between a merge and its undoing goes back with the visit or image it is of.

A correction is told under the id of the registration that stands at that time, and so is a
withdrawal. When the merge is undone, what a visit or an image says now is told anew under the id of
its own person and withdrawn from the other; what it said before is withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

import polars as pl

from careloop.records.withdrawal import standing
from careloop.web.accounts.gate import Gate
from careloop.web.care.recording import withdrawn
from careloop.web.registry.clock import wall_clock
from careloop.web.registry.enrolment import keep
from careloop.web.registry.resident import Resident


def give_back(
    gate: Gate, resident: Resident, other: Resident, sources: Iterable[tuple[str, str]]
) -> None:
    """Hand over what was corrected; call it once visits and images point to `other` again.

    Parameters
    ----------
    gate, resident, other
        The registration that stood, and the one that was taken out of it.
    sources
        Of each visit and image its source of facts at the time of the merge, and the one that
        counts now: "" where there is none.
    """
    changed = [(before, after) for before, after in sources if before != after]
    if not changed:
        return
    old = _standing(gate, other, {before for before, _ in changed if before})
    new = _standing(gate, resident, {after for _, after in changed if after})
    now = wall_clock()
    keep(
        gate,
        pl.concat(
            [
                withdrawn(old, now - timedelta(microseconds=1)),
                new.with_columns(
                    person_id=pl.lit(other.person_id),
                    recorded_at=pl.lit(now).cast(pl.Datetime("us")),
                ),
                withdrawn(new, now),
            ]
        ),
    )


def _standing(gate: Gate, resident: Resident, sources: Collection[str]) -> pl.DataFrame:
    """The facts of these sources that stand."""
    return standing(gate.facts(resident)).filter(pl.col("source").is_in(list(sources)))
