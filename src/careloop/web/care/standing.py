"""Where people stand: computed from facts after every save, read by every list.

One person is computed by the programme's `Bedside`, inside the transaction that records something;
everybody at once (after an import) by the same expressions over the whole snapshot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from threading import Lock
from typing import Any

import polars as pl
from django.db import transaction
from django.utils import timezone

from careloop.care.worklist import LEVEL, Worklists
from careloop.dictionary.catalogue import load
from careloop.programmes.bedside import Bedside, slim
from careloop.programmes.planning import guidance_of, guided_frame
from careloop.programmes.programme import Programme, programme
from careloop.records.snapshot import Snapshot, snapshot
from careloop.web.care.away import away
from careloop.web.care.called import off_until
from careloop.web.care.lapse import let_lapse
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


@cache
def _as_bedside(key: str) -> Programme:
    """The programme as `Bedside` uses it: everybody at once gets what one at a time gets."""
    guidance = guidance_of(the_programme(key))
    chosen = replace(guidance, guidelines=(guidance.guideline(""),))
    return slim(the_programme(key), chosen)


def today() -> date:
    """The site's own day."""
    return timezone.localdate()


def refresh(
    resident: Resident,
    facts: pl.DataFrame,
    *,
    key: str = PROGRAMME,
    row: Mapping[str, Any] | None = None,
) -> Standing:
    """Compute where one person stands from all their facts; call it inside a transaction.

    Parameters
    ----------
    resident
        Whose standing.
    facts
        All facts of this person, as `Gate.facts` gives them.
    row
        What `row_of` gives for them today, where it is known already.
    """
    as_of = today()
    row = row_of(facts, as_of, key=key) if row is None else dict(row)
    frame = pl.DataFrame([{name: row.get(name) for name in worklists(key).reads()}])
    answered = row | frame.with_columns(worklists(key).columns()).row(0, named=True)
    standing, listed = _made(resident, answered, as_of, key, called=not away([resident]))
    let_lapse([(standing, listed)], key, _last_decision(key))
    _put_off(listed, [resident.pk])
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


def refresh_all(
    facts: pl.LazyFrame,
    residents: Iterable[Resident],
    *,
    key: str = PROGRAMME,
    saved_meanwhile: Callable[[], Collection[str]] = frozenset,
) -> int:
    """Compute where many people stand, all at once; returns how many.

    Parameters
    ----------
    facts
        All facts of these people.
    residents
        The people.
    saved_meanwhile
        Asked in the transaction that writes: ids of people whose standing was computed from newer
        facts since `facts` were read, and is left alone.
    """
    as_of = today()
    known = {resident.person_id: resident for resident in residents}
    taken = snapshot(facts, as_of, load())
    frame = _listing(guided_frame(taken, _as_bedside(key)), taken, key)
    rows = {row["person_id"]: row for row in frame.iter_rows(named=True)}
    # Nothing usable is known of somebody: so stands in their standing, for they have been seen to.
    off = away(list(known.values()))
    made = {
        one: _made(who, rows.get(one, {}), as_of, key, called=who.pk not in off)
        for one, who in known.items()
    }
    with transaction.atomic():
        newer = saved_meanwhile()
        kept = [each for person_id, each in made.items() if person_id not in newer]
        for start in range(0, len(kept), _MANY):
            _replace(kept[start : start + _MANY], key)
    return len(kept)


def _listing(frame: pl.DataFrame, taken: Snapshot, key: str) -> pl.DataFrame:
    """Add the lists' columns; facts they read that guiding left out come from the snapshot."""
    lacking = [name for name in worklists(key).reads() if name not in frame.columns]
    facts = taken.with_columns_for(lacking).frame.select("person_id", *lacking)
    return frame.join(facts, on="person_id", how="left").with_columns(worklists(key).columns())


def _replace(made: Sequence[tuple[Standing, list[Listed]]], key: str) -> None:
    chosen = [standing.resident_id for standing, _ in made]
    listed = [each for _, on in made for each in on]
    let_lapse(made, key, _last_decision(key))
    _put_off(listed, chosen)
    Standing.gated.filter(programme=key, resident__in=chosen).delete()
    Listed.gated.filter(programme=key, resident__in=chosen).delete()
    Standing.gated.bulk_create([standing for standing, _ in made])
    Listed.gated.bulk_create(listed)


def _put_off(listed: Iterable[Listed], residents: Collection[int]) -> None:
    """What a call has put off stays so on the list that is made anew."""
    until = off_until(residents)
    for each in listed:
        each.off_until = until.get((each.resident_id, each.worklist))


def _made(
    resident: Resident, row: Mapping[str, Any], as_of: date, key: str, *, called: bool
) -> tuple[Standing, list[Listed]]:
    """The rows of one person from the columns of `Worklists.columns` and the programme's own.

    Nobody is on a list who is `called` for nothing.
    """
    standing = Standing(
        resident=resident,
        organisation_id=resident.organisation_id,
        programme=key,
        as_of=as_of,
        level=row.get(LEVEL) or 0,
        next_step=row.get("next_step") or "",
        counted=worklists(key).counted(row) if called else 0,
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
            because={
                "alarm": bool(row.get(f"{each.column}_alarm")),
                "reasons": str(row.get(f"{each.column}_why") or "").split(),
                "values": {
                    name: value
                    for name in each.show
                    if (value := _plain(row.get(name))) is not None
                },
            },
            since=_since(row.get(f"{each.column}_since"), as_of),
        )
        for each in worklists(key).lists
        if called and row.get(each.column)
    ]
    return standing, listed


def _last_decision(key: str) -> str:
    """The decision that says what to do next."""
    return next((each.key for each in reversed(the_programme(key).decisions)), "")


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


def _since(days: float | None, as_of: date) -> date:
    """The day of what brought a person on the list; today where it has no day."""
    return as_of if days is None or not math.isfinite(days) else as_of - timedelta(days=round(days))
