"""Facts of visits that were corrected between a merge and its undoing go back with their visit.

A correction is told under the id of the registration that stands at that time. When the merge is
undone, what the visit says now is told anew under the id of its own person and withdrawn from the
other; what it said before is withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Visit
from careloop.web.care.recording import withdrawn
from careloop.web.registry.clock import wall_clock
from careloop.web.registry.enrolment import keep
from careloop.web.registry.resident import Resident


def give_back(gate: Gate, resident: Resident, other: Resident, sources: Mapping[str, str]) -> None:
    """Hand over what was corrected; call it once the visits point to `other` again.

    Parameters
    ----------
    gate, resident, other
        The registration that stood, and the one that was taken out of it.
    sources
        Each visit's key with its source of facts at the time of the merge.
    """
    visits = gate.about(other, Visit).filter(pk__in=list(sources))
    changed = [each for each in visits if sources[str(each.pk)] != each.source]
    if not changed:
        return
    old = _standing(gate, other, [sources[str(each.pk)] for each in changed])
    new = _standing(gate, resident, [each.source for each in changed])
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


def _standing(gate: Gate, resident: Resident, sources: list[str]) -> pl.DataFrame:
    """The facts of these sources, without those that withdraw others."""
    return gate.facts(resident).filter(
        pl.col("source").is_in(sources), pl.col("status") != "entered_in_error"
    )
