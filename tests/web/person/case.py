"""People with facts for tests of a resident's pages. Synthetic."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from careloop.dictionary.catalogue import load
from careloop.records.fact import FACT_SCHEMA
from careloop.records.reading import ImportReport, Source
from careloop.web.registry.clock import wall_clock
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import DatabaseStore

_number = iter(range(1, 10**9))


def fact(
    variable: str,
    value: Any,
    on: str,
    *,
    recorded: str = "",
    status: str = "final",
    **context: str,
) -> dict[str, Any]:
    """A row of a table of facts, without person and source."""
    import json  # noqa: PLC0415

    at = datetime.fromisoformat(f"{on} 12:00:00")
    text = value if isinstance(value, str) else None
    return {
        "variable": variable,
        "number": None if text is not None else float(value),
        "text": text,
        "unit": load()[variable].unit or None,
        "effective_at": at,
        "recorded_at": datetime.fromisoformat(f"{recorded} 12:00:00") if recorded else at,
        "status": status,
        "context": json.dumps(context, sort_keys=True) if context else None,
        "row": 3,
    }


class _Reading:
    def __init__(self, frame: pl.DataFrame, source: Source) -> None:
        self._frame, self.source = frame, source
        self.report = ImportReport(records=1, facts=frame.height, persons=1)

    def batches(self):
        yield self._frame

    def rejected(self):
        return pl.DataFrame({"reason": []}, schema={"reason": pl.String})


def tell(resident: Resident, *facts: dict[str, Any], name: str = "东街.csv") -> None:
    """Store facts about a resident as an imported file would."""
    number = next(_number)
    source = Source(
        source_id=f"file-{number}",
        kind="table",
        name=name,
        sha256=f"{number:064d}",
        sender=f"示范医院 {number}",
        read_at=datetime(2026, 1, 1),
    )
    rows = [{"person_id": resident.person_id, "source": source.source_id} | row for row in facts]
    DatabaseStore().add(_Reading(pl.DataFrame(rows, schema=FACT_SCHEMA), source))


def days_ago(days: int) -> str:
    """A day before today, as ISO text."""
    return (wall_clock() - timedelta(days=days)).date().isoformat()


def osteoporosis() -> list[dict[str, Any]]:
    """A woman with two DXA scans on one device and one on another, and a fracture."""
    return [
        fact("sex", "female", "2020-01-01"),
        fact("birth_date", "1950-05-01", "2020-01-01"),
        fact("postmenopausal", 1, "2020-01-01"),
        fact("height_cm", 152, "2020-01-01"),
        fact("weight_kg", 52, "2020-01-01"),
        fact("bmd_lumbar_spine_g_cm2", 0.800, "2021-03-01", device="hologic"),
        fact("bmd_lumbar_spine_g_cm2", 0.700, "2023-03-01", device="hologic"),
        fact("bmd_lumbar_spine_g_cm2", 0.950, "2024-03-01", device="ge_lunar"),
        fact("t_lumbar_spine", -2.7, "2023-03-01", reference_db="nhanes3_white_female"),
        fact("t_lumbar_spine", -2.9, "2024-03-01", reference_db="ge_lunar_v113"),
        fact("fragility_fracture", 1, "2024-05-01"),
    ]
