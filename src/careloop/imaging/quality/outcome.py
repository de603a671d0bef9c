"""What a quality check says: passed, failed with a finding, or not made and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from careloop.records.finding import FINDINGS, Finding, declare

Outcome = Literal["passed", "failed", "not_checked"]

NOT_CHECKED = declare(
    "I300",
    "info",
    zh="该项质量检查未能进行",
    en="this quality check could not be made",
    remedy_zh="按说明补充所需信息后重新检查，或人工核对",
    remedy_en="supply what is named and check again, or look at the picture",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its outcome, why, and the numbers it went by.

    A check that could not be made has the finding I300, whose detail says why; it has not passed.
    """

    key: str
    outcome: Outcome
    finding: Finding | None = None
    measured: Mapping[str, float] = field(default_factory=dict)

    @property
    def blocking(self) -> bool:
        """Whether what failed is an error, so that the image must not be measured silently."""
        return (
            self.outcome == "failed"
            and self.finding is not None
            and FINDINGS[self.finding.code].severity == "error"
        )


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All checks of one image, in a fixed order."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """No check failed; some may not have been made (see `not_checked`)."""
        return all(check.outcome != "failed" for check in self.checks)

    @property
    def complete(self) -> bool:
        """Every check was made."""
        return all(check.outcome != "not_checked" for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """Checks that failed."""
        return tuple(check for check in self.checks if check.outcome == "failed")

    @property
    def not_checked(self) -> tuple[Check, ...]:
        """Checks that could not be made."""
        return tuple(check for check in self.checks if check.outcome == "not_checked")

    @property
    def blocking(self) -> bool:
        """Whether the image must not be measured without someone's consent."""
        return any(check.blocking for check in self.checks)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of the checks that failed or could not be made."""
        return tuple(check.finding for check in self.checks if check.finding is not None)

    def __getitem__(self, key: str) -> Check:
        """The check of that key."""
        for check in self.checks:
            if check.key == key:
                return check
        raise KeyError(key)


def passed(key: str, **measured: float) -> Check:
    """A check that found nothing."""
    return Check(key, "passed", None, measured)


def failed(key: str, code: str, *, where: str, detail: str, **measured: float) -> Check:
    """A check that found a defect: `where` names the box or region, `detail` the numbers."""
    return Check(key, "failed", Finding(code, where, detail=detail), measured)


def not_checked(key: str, why: str, **measured: float) -> Check:
    """A check that could not be made."""
    return Check(key, "not_checked", Finding(NOT_CHECKED, key, detail=why), measured)


def box(rows: tuple[int, int], columns: tuple[int, int]) -> str:
    """Where something is, in pixels: half-open ranges."""
    return f"rows {rows[0]}-{rows[1]}, columns {columns[0]}-{columns[1]}"
