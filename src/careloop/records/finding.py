"""Findings: numbered remarks on data quality, with severity and remedy.

Readers and checks return findings instead of raising at the first fault. Every number is declared
in `FINDINGS` once; the reference page of the docs is generated from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class FindingKind:
    """A numbered kind of finding: what it says and how to mend it, in both languages."""

    code: str
    severity: Severity
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding at one place. `value` may be a patient's: show it, never log it."""

    code: str
    where: str
    value: str = ""
    detail: str = ""
    count: int = 1


FINDINGS: dict[str, FindingKind] = {}


def declare(
    code: str, severity: Severity, *, zh: str, en: str, remedy_zh: str, remedy_en: str
) -> str:
    """Enter a kind of finding in the list and return its code.

    Raises
    ------
    ValueError
        If the code is taken: each number means one thing for ever.
    """
    if code in FINDINGS:
        raise ValueError(f"finding {code} is declared twice")
    FINDINGS[code] = FindingKind(code, severity, zh, en, remedy_zh, remedy_en)
    return code
