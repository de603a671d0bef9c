"""Where people stand: computed from facts after every save, read by every list.

One person is computed in some 30 ms by the programme's `Bedside`, inside the transaction that
records something; everybody at once (after an import) by the same expressions over the whole
snapshot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from threading import Lock
from typing import Any

import polars as pl
from django.utils import timezone

from careloop.care.worklist import LEVEL, Worklists
from careloop.dictionary.catalogue import load
from careloop.programmes.bedside import Bedside
from careloop.programmes.planning import guided_frame
from careloop.programmes.programme import Programme, programme
from careloop.records.snapshot import snapshot
from careloop.web.care.models import Listed, Standing
from careloop.web.registry.resident import Resident

PROGRAMME = "osteoporosis"
"""The programme of this site, until there are several."""
_MANY = 500
_making = Lock()


@cache
def the_programme(key: str = PROGRAMME) -> Programme:
    """The programme, read once."""
    return programme(key)


@cache
def _worklists(key: str) -> Worklists:
    make = the_programme(key).worklists
    return make() if make else Worklists((), ())


def worklists(key: str = PROGRAMME) -> Worklists:
    """The programme's lists."""
    return _worklists(key)


@cache
def _bedside(key: str) -> Bedside:
    return Bedside(the_programme(key), load())


def bedside(key: str = PROGRAMME) -> Bedside:
    """The programme made ready for single persons (some seconds, once a process)."""
    with _making:
        return _bedside(key)


def today() -> date:
    """The site's own day."""
    return timezone.localdate()


def refresh(resident: Resident, facts: pl.DataFrame, *, key: str = PROGRAMME) -> Standing:
    """Compute where one person stands from all their facts; call it inside a transaction.

    Parameters
    ----------
    resident
        Whose standing.
    facts
        All facts of this person, as `Gate.facts` gives them.
    """
    as_of = today()
    row = row_of(facts, as_of, key=key)
    frame = pl.DataFrame([{name: row.get(name) for name in worklists(key).reads()}])
    answered = row | frame.with_columns(worklists(key).columns()).row(0, named=True)
    standing, listed = _made(resident, answered, as_of, key)
    Standing.gated.filter(resident=resident, programme=key).delete()
    Listed.gated.filter(resident=resident, programme=key).delete()
    standing.save(force_insert=True)
    Listed.gated.bulk_create(listed)
    return standing


def row_of(facts: pl.DataFrame, as_of: date, *, key: str = PROGRAMME) -> dict[str, Any]:
    """One person's answers: every column of the assessed and guided snapshot."""
    ready = bedside(key)
    person = facts["person_id"][0] if facts.height else ""
    found = ready.consider(facts, as_of) if facts.height else {}
    if person in found:
        return dict(found[person].row)
    return {}


def refresh_all(facts: pl.LazyFrame, residents: Iterable[Resident], *, key: str = PROGRAMME) -> int:
    """Compute where many people stand, all at once; returns how many."""
    as_of = today()
    known = {resident.person_id: resident for resident in residents}
    taken = snapshot(facts, as_of, load())
    frame = guided_frame(taken, the_programme(key))
    frame = frame.with_columns(worklists(key).columns())
    standings: list[Standing] = []
    listed: list[Listed] = []
    for row in frame.iter_rows(named=True):
        if (resident := known.get(row["person_id"])) is not None:
            one, on = _made(resident, row, as_of, key)
            standings.append(one)
            listed += on
    _replace(standings, listed, key)
    return len(standings)


def _replace(standings: Sequence[Standing], listed: Sequence[Listed], key: str) -> None:
    for start in range(0, len(standings), _MANY):
        chosen = [one.resident_id for one in standings[start : start + _MANY]]
        Standing.gated.filter(programme=key, resident__in=chosen).delete()
        Listed.gated.filter(programme=key, resident__in=chosen).delete()
    Standing.gated.bulk_create(standings, batch_size=_MANY)
    Listed.gated.bulk_create(listed, batch_size=_MANY)


def _made(
    resident: Resident, row: Mapping[str, Any], as_of: date, key: str
) -> tuple[Standing, list[Listed]]:
    """The rows of one person from the columns of `Worklists.columns` and the programme's own."""
    standing = Standing(
        resident=resident,
        organisation_id=resident.organisation_id,
        programme=key,
        as_of=as_of,
        level=row.get(LEVEL) or 0,
        next_step=row.get("next_step") or "",
        answers=_answers(row, key),
    )
    listed = [
        Listed(
            resident=resident,
            organisation_id=resident.organisation_id,
            programme=key,
            worklist=each.key,
            rank=_rank(row, each.column),
            due_on=_due(row.get(f"{each.column}_due"), as_of),
            because={"alarm": bool(row.get(f"{each.column}_alarm"))},
            since=as_of,
        )
        for each in worklists(key).lists
        if row.get(each.column)
    ]
    return standing, listed


def _answers(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Decisions with their reasons, and the results that lists show; unknown ones left out."""
    of = the_programme(key)
    names = [result.key for result in of.results if not result.horizon_y]
    names += [f"{each.key}{part}" for each in of.decisions for part in ("", "_because", "_unknown")]
    values = {name: _plain(row.get(name)) for name in names if name != "person_id"}
    return {name: value for name, value in values.items() if value not in (None, "")}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value.isoformat() if isinstance(value, date) else value


def _rank(row: Mapping[str, Any], column: str) -> float:
    """Alarms first, then the list's own order, the unknown last."""
    rank = row.get(f"{column}_rank")
    own = 1e6 if rank is None or not math.isfinite(rank) else float(rank)
    return own - 1e7 if row.get(f"{column}_alarm") else own


def _due(days: float | None, as_of: date) -> date | None:
    return None if days is None or not math.isfinite(days) else as_of + timedelta(days=round(days))
