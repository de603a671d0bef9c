"""The page of the findings."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from markdown import code, table

from careloop import imaging, records
from careloop.records.finding import FINDINGS
from careloop.records.sources.fhir.account import OUTCOMES


def findings_page() -> list[str]:
    """Every numbered finding; importing all of `records` and `imaging` declares them."""
    for room in (records, imaging):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            import_module(module.name)
    return [
        "# Findings",
        "",
        "Readers and checks report numbered findings instead of stopping at the first fault. A",
        "number means one thing for ever.",
        "",
        *table(
            ("", "severity", "finding", "remedy"),
            (
                (
                    kind.code,
                    kind.severity,
                    f"{kind.en}<br>{kind.zh}",
                    f"{kind.remedy_en}<br>{kind.remedy_zh}",
                )
                for _, kind in sorted(FINDINGS.items())
            ),
        ),
        "## What becomes of a FHIR resource",
        "",
        "Each resource met is counted under one of these; the numbers add up to those met.",
        "",
        *table(
            ("outcome", "meaning"),
            (
                (code(each.rstrip(": ")), f"{text.en}<br>{text.zh}")
                for each, text in OUTCOMES.items()
            ),
        ),
    ]
