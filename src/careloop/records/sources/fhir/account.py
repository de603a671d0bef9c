"""The account of a FHIR reading: what became of every resource, adding up to those met."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from careloop.dictionary.variable import Text
from careloop.records.finding import Finding
from careloop.records.reading import ImportReport
from careloop.records.sources.fhir import finding

FACT = "fact"
COMPONENTS = "components"
NO_CODE = "no code in dictionary"
NO_VALUE = "no value"
IGNORED = "ignored by design"
NOT_READ = "not read"
IN_RESULTS = "read through its results"
NOTHING_KNOWN = "says nothing the dictionary has"
REJECTED = "rejected: "
NOT_TAKEN = "not taken: "

OUTCOMES: dict[str, Text] = {
    FACT: Text("得到事实", "became a fact"),
    COMPONENTS: Text("由其分项得到事实", "became facts through its components"),
    NO_CODE: Text("编码不在字典中", "its code is not in the dictionary"),
    NO_VALUE: Text("没有值", "carries no value"),
    IGNORED: Text("按设计忽略", "ignored by design"),
    NOT_READ: Text("该类资源不读取", "resources of this type are not read"),
    IN_RESULTS: Text("由其所列的 Observation 得到", "read through the Observations it lists"),
    NOTHING_KNOWN: Text("没有字典所需的内容", "says nothing that the dictionary has"),
    NOT_TAKEN: Text("未采用:", "not taken: "),
    REJECTED: Text("被拒:", "rejected: "),
}
"""What can become of a resource, in both languages; the last two are followed by the reason."""

_KEPT_KINDS = 500  # distinct places of one finding; what comes after is only counted
_KEPT_CODES = 50_000
_KEPT_ROWS, _KEPT_BYTES, _KEPT_JSON = 100_000, 64 << 20, 20_000
_REJECTED_SCHEMA = {
    "row": pl.Int64(),
    "file": pl.String(),
    "resource_type": pl.String(),
    "reference": pl.String(),
    "resource": pl.String(),
    "reason": pl.String(),
}


class NotTakenError(Exception):
    """A resource, or one value in it, that makes no fact: caught inside the reading, counted.

    `outcome` is what the account says; `code`, if any, the finding to report with `value` and
    `detail`.
    """

    def __init__(self, outcome: str, code: str = "", value: str = "", detail: str = "") -> None:
        super().__init__(outcome)
        self.outcome, self.code, self.value, self.detail = outcome, code, value, detail


def rejected(reason: str, code: str, value: object = "", detail: str = "") -> NotTakenError:
    """The error that rejects a resource with a finding."""
    return NotTakenError(REJECTED + reason, code, clip(value), detail)


class Account:
    """Fills an `ImportReport`; equal findings are gathered into one with a count."""

    def __init__(self, report: ImportReport) -> None:
        self.report = report
        self.persons: set[str] = set()
        self._findings: dict[tuple[str, str], Finding] = {}
        self._kinds: dict[str, int] = {}
        self._displays: dict[tuple[str, str], str] = {}
        self._rejected: list[tuple[Any, ...]] = []
        self._bytes = 0

    def find(self, code: str, where: str, *, value: object = "", detail: str = "") -> None:
        """Note a finding; those of one code and detail count as one, shown at the first place."""
        seen = self._findings.get((code, detail))
        if seen is None and self._kinds.get(code, 0) >= _KEPT_KINDS:
            detail = "…"
            seen = self._findings.get((code, detail))
        if seen is None:
            self._kinds[code] = self._kinds.get(code, 0) + 1
            self._findings[code, detail] = Finding(code, where, clip(value), detail)
        else:
            self._findings[code, detail] = Finding(
                code, seen.where, seen.value, detail, seen.count + 1
            )

    def count(self, kind: str, outcome: str) -> None:
        """Count one resource met and what became of it."""
        self.report.resources[kind] += 1
        self.report.outcomes[kind, outcome] += 1

    def unmapped(self, kind: str, codings: list[tuple[str, str, str]]) -> None:
        """Count codes that the dictionary does not have, each under the display first met."""
        for uri, code, display in codings:
            term, first = f"{uri[:100]}|{code[:100]}", display[:200]
            if len(self._displays) >= _KEPT_CODES and (kind, term) not in self._displays:
                term, first = "…", ""
            shown = self._displays.setdefault((kind, term), first)
            self.report.unmapped_codes[kind, term, shown] += 1

    def reject(self, resource: Any, reason: str, *, row: int, where: str, reference: str) -> None:
        """Keep a rejected resource for the file of rejected ones, as far as there is room."""
        self.report.rejected_records += 1
        if len(self._rejected) >= _KEPT_ROWS or self._bytes >= _KEPT_BYTES:
            self.find(finding.REJECTED_CUT, where)
            return
        try:
            text = orjson.dumps(resource).decode()
        except TypeError:  # nested deeper than it writes
            text = ""
        text = text if len(text) <= _KEPT_JSON else text[:_KEPT_JSON] + "…"
        self._bytes += len(text)
        kind = resource.get("resourceType")
        kind = kind[:64] if isinstance(kind, str) else ""
        self._rejected.append((row, where, kind, reference, text, reason))

    def close(self, facts: int) -> None:
        """Bring counts and findings into the report."""
        self.report.facts = facts
        self.report.persons = len(self.persons)
        self.report.findings[:] = sorted(
            self._findings.values(), key=lambda found: (found.code, found.detail)
        )

    def rejected(self) -> pl.DataFrame:
        """The rejected resources with their reasons."""
        return pl.DataFrame(self._rejected, schema=_REJECTED_SCHEMA, orient="row")


def clip(value: object, size: int = 80) -> str:
    """A value as short text for a finding."""
    if not isinstance(value, (str, int, float)):
        return type(value).__name__
    text = str(value).replace("\x00", "")
    return text if len(text) <= size else text[: size - 1] + "…"
