"""Keeping a measured image: numbers become facts, with row and audit, or nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
from django.db import transaction

from careloop.imaging.image import Origin
from careloop.imaging.measurement import Measurement
from careloop.imaging.measuring.facts import image_source, measurement_facts
from careloop.imaging.measuring.result import SOFTWARE
from careloop.records.fact import FACT_SCHEMA
from careloop.records.reading import ImportReport, Source
from careloop.web.accounts.gate import Gate
from careloop.web.care.standing import refresh
from careloop.web.imaging import keeping
from careloop.web.imaging.measured import filing
from careloop.web.imaging.models import Image
from careloop.web.registry.clock import wall_clock
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import DatabaseStore, lock_imports

_NOON_S = 12 * 3600
_KEPT = ("kind", "device", "spacing_mm", "spacing_from", "mask", "settings", "findings", "size")
_SHOWN = ("looked_for_text", "blanked", "left_out", "checks", "quality")
"""What of a result is kept beside the numbers; who the file says it is of is not among it."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person confirmed: side, when it was taken, and by region its name."""

    side: str
    taken_at: datetime
    regions: Mapping[str, str]


def moment(day: date, sha256: str) -> datetime:
    """A moment of a day for an image whose file tells none, another for each image.

    Two images of one day have equal numbers (a minimum of 0); one that is withdrawn must not take
    the other's with it.
    """
    return datetime.combine(day, time()) + timedelta(
        seconds=_NOON_S, microseconds=int(sha256[:8], 16) % 1_000_000
    )


def keep(
    gate: Gate, resident: Resident, row: Image, *, result: Mapping[str, Any], answers: Answers
) -> None:
    """Store the facts of a measured image and keep its picture; the same image is kept once.

    Raises
    ------
    PermissionDenied
        The role does not add images.
    """
    found = _measurements(result, answers)
    source = _source(gate, row, found)
    now = max(wall_clock(), answers.taken_at)
    facts = measurement_facts(
        found, person_id=resident.person_id, source=source.source_id
    ).with_columns(recorded_at=pl.lit(now), row=pl.lit(None, dtype=pl.Int64))
    with gate.writing(resident, "image.write", image=str(row.public_id), did="keep"):
        lock_imports()
        row.refresh_from_db(fields=["state"])
        if row.state != "measured":
            return
        known = gate.about(resident, Image).filter(sha256=row.sha256, state="kept").exists()
        row.state = "withdrawn" if known else "kept"
        row.side, row.taken_at = answers.side, answers.taken_at
        row.quality = ended(str(result["quality"]))
        if not known:
            row.source, row.told = source.source_id, _told(result, answers)
            _store(facts, source)
            refresh(resident, gate.facts(resident))
            filing.take_over(row.folder)
        row.save()
        transaction.on_commit(lambda: keeping.remove(row.folder))


def withdraw(gate: Gate, resident: Resident, row: Image, reason: str) -> None:
    """Take an image back: its facts are entered in error, its picture is deleted."""
    with gate.writing(resident, "image.write", image=str(row.public_id), did="withdraw"):
        stood = gate.about(resident, Image).filter(pk=row.pk).exclude(state="withdrawn")
        changed = stood.update(state="withdrawn", reason=reason, told={}, saliency_of="")
        if changed and row.source:
            facts = gate.facts(resident).filter(pl.col("source") == row.source)
            _withdraw_facts(gate, row, facts)
            refresh(resident, gate.facts(resident))
        transaction.on_commit(lambda: _delete(row.folder))


def _withdraw_facts(gate: Gate, row: Image, facts: pl.DataFrame) -> None:
    source = Source(
        source_id=f"{row.source}-withdrawn",
        kind="image",
        name="image",
        sha256=row.sha256,
        sender=_sender(gate, f"{row.source}-withdrawn"),
        read_at=datetime.now(UTC),
        software=SOFTWARE,
    )
    withdrawn = facts.with_columns(
        status=pl.lit("entered_in_error"),
        recorded_at=pl.max_horizontal(pl.lit(wall_clock()), pl.col("recorded_at")),
        source=pl.lit(source.source_id),
    )
    _store(withdrawn.select(list(FACT_SCHEMA)), source)


def _delete(folder: str) -> None:
    filing.remove(folder)
    keeping.remove(folder)


def _measurements(result: Mapping[str, Any], answers: Answers) -> list[Measurement]:
    side = answers.side if answers.side in {"left", "right"} else ""
    told = {"side": side} if side else {}
    return [
        Measurement(
            variable,
            value,
            unit,
            answers.regions.get(region, region),
            settings | told,
            Origin(**result["origin"]),
            SOFTWARE,
            answers.taken_at,
        )
        for variable, value, unit, region, settings in result["measurements"]
    ]


def _source(gate: Gate, row: Image, found: list[Measurement]) -> Source:
    """Where the facts come from; told anew by each image, so that one may be added again."""
    source_id = f"image-{row.public_id}"
    made = image_source(found, sender=_sender(gate, source_id))
    return replace(made, source_id=source_id, name="image")


def _sender(gate: Gate, source_id: str) -> str:
    return f"careloop:{gate.user.username}:{source_id}"


def _told(result: Mapping[str, Any], answers: Answers) -> dict[str, Any]:
    regions = [
        one | {"name": answers.regions.get(one["name"], one["name"])} for one in result["regions"]
    ]
    return {name: result[name] for name in (*_KEPT, *_SHOWN)} | {"regions": regions}


def ended(quality: str) -> str:
    """How the checks ended: "passed", "failed" or "not_checked"."""
    first = quality.split(" ", 1)[0]
    return first if first in {"passed", "failed"} else "not_checked"


class _Reading:
    """The facts of one image as a source of their own."""

    def __init__(self, facts: pl.DataFrame, source: Source) -> None:
        self._facts, self.source = facts, source
        self.report = ImportReport(records=1, facts=facts.height, persons=1)

    def batches(self) -> Iterator[pl.DataFrame]:
        """All facts at once."""
        yield self._facts

    def rejected(self) -> pl.DataFrame:
        """Nothing: what is not measured has no numbers to begin with."""
        return pl.DataFrame({"reason": []}, schema={"reason": pl.String})


def _store(facts: pl.DataFrame, source: Source) -> None:
    DatabaseStore().add(_Reading(facts, source))
