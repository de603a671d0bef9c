"""Reading a source: who sent what, the facts in it, and a full account of everything met.

Every reader (tables, FHIR, later HL7 v2, DICOM, reports) offers a `Reading`. A store consumes it;
`report` is complete once `batches()` is exhausted. Nothing is dropped without a count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from careloop.records.finding import Finding


@dataclass(frozen=True, slots=True)
class Source:
    """A file or message as it was received. `source_id` is content and mapping, hashed."""

    source_id: str
    kind: str  # "table", "fhir"
    name: str  # file name without folders
    sha256: str
    sender: str
    read_at: datetime
    mapping: str = ""  # sha256 of the mapping file, where there is one
    software: str = ""


@dataclass
class ColumnAccount:
    """What became of one column's cells: the numbers add up to `rows`."""

    column: str
    variable: str
    rows: int = 0
    taken: int = 0  # became a fact without change
    converted: int = 0  # became a fact after a unit or value conversion
    missing: int = 0  # empty or a declared missing code
    unknown: int = 0  # not understood: no number, no declared value
    out_of_range: int = 0
    other: int = 0  # cells of rejected rows


@dataclass
class ImportReport:
    """The account of one reading."""

    records: int = 0
    facts: int = 0
    persons: int = 0
    rejected_records: int = 0
    columns: dict[str, ColumnAccount] = field(default_factory=dict)
    ignored_columns: list[str] = field(default_factory=list)
    resources: Counter[str] = field(default_factory=Counter)  # FHIR: met, by resource type
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (type, what became of it)
    unmapped_codes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(resource type, "system|code", display): met but not in the dictionary."""
    findings: list[Finding] = field(default_factory=list)
    assumptions: dict[str, str] = field(default_factory=dict)  # variable → declared value

    def to_json(self) -> dict[str, Any]:
        """Return the account as JSON can hold it; the values in findings are left out."""
        told: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        told["columns"] = [asdict(account) for account in self.columns.values()]
        told["resources"] = dict(self.resources.most_common())
        for name in ("outcomes", "unmapped_codes"):
            told[name] = [[*key, count] for key, count in getattr(self, name).most_common()]
        told["findings"] = [
            {name: value for name, value in asdict(finding).items() if name != "value"}
            for finding in self.findings
        ]
        return told


class Reading(Protocol):
    """Facts coming out of one source, in batches small enough to hold in memory."""

    source: Source
    report: ImportReport

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield tables of facts (`FACT_SCHEMA`)."""
        ...

    def rejected(self) -> pl.DataFrame:
        """The rejected rows as the source had them, with column `reason`; after `batches`."""
        ...
