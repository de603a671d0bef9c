"""`careloop image check` and `careloop image features`: looking without measuring."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from careloop.command.imaging import check_paths, demand_of, spacing_of
from careloop.error import InputError
from careloop.imaging.measuring.quantity import FAMILY_NAMES, quantities
from careloop.imaging.measuring.single import site_of
from careloop.imaging.quality import check
from careloop.imaging.reading import Refusal, read_images
from careloop.records.finding import FINDINGS

_STYLE = {"error": "red", "warning": "yellow", "info": "dim"}


def check_images(
    paths: Sequence[Path], *, spacing: str, side: str, site: str, language: str
) -> None:
    """Print the quality of each image: what failed, and what could not be checked.

    Raises
    ------
    InputError
        If an image is refused, or a check that blocks measuring failed, so that scripts notice.
    """
    zh, console = language.startswith("zh"), Console()
    expected, given = demand_of(side=side, site=site).expected_side, spacing_of(spacing)
    seen = bad = 0
    check_paths(paths)
    for one in read_images(paths, spacing_mm=given):
        seen += 1
        if isinstance(one, Refusal):
            bad += 1
            _say(console, f"✗ {one.name}: {one.problem}", "red")
            _say(console, f"    → {one.remedy}", "dim")
            continue
        if one.pixels.ndim == 3:
            told = "多层图像，不做平面检查" if zh else "a stack: no checks of plane images"
            _say(console, f"– {one.origin.name}: {told}", "dim")
            continue
        report = check(one, expected_side=expected, site=site or site_of(one))
        bad += report.blocking
        mark, style = ("✗", "red") if report.blocking else ("✓", "green")
        counts = f"{sum(each.outcome == 'passed' for each in report.checks)}/{len(report.checks)}"
        passed = f"通过 {counts}" if zh else f"{counts} passed"
        frame = "" if one.origin.frame is None else f" #{one.origin.frame}"
        _say(console, f"{mark} {one.origin.name}{frame}  {one.kind}  {passed}", style)
        for each in (*report.failed, *report.not_checked):
            if each.finding is None:
                continue
            kind = FINDINGS[each.finding.code]
            words = f"    {kind.code} {each.key}: {kind.zh if zh else kind.en}"
            words += f" ({each.finding.detail})" if each.finding.detail else ""
            _say(console, words, _STYLE[kind.severity])
            if each.outcome == "failed":
                _say(console, f"        → {kind.remedy_zh if zh else kind.remedy_en}", "dim")
    _say(console, f"{seen - bad} / {seen} {'可测量' if zh else 'may be measured'}", "bold")
    if bad or not seen:
        raise InputError(
            f"{bad} of {seen} images may not be measured" if seen else "no image was found",
            remedy="see above",
        )


def print_features(*, language: str, as_csv: bool) -> None:
    """Print every quantity: variable, IBSI id, unit and name, family by family."""
    if as_csv:
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(("variable", "family", "ibsi", "unit", "label"))
        for each in quantities():
            out.writerow(
                (each.variable, each.family, each.ibsi_id, each.unit, each.label[language])
            )
        return
    table = Table(title=str(len(quantities())), header_style="bold")
    for name in ("variable", "IBSI", "unit", "label"):
        table.add_column(name, overflow="fold")
    family = ""
    for each in quantities():
        if each.family != family:
            family = each.family
            table.add_section()
            table.add_row(f"[bold]{FAMILY_NAMES[family][language]}[/bold]", "", "", "")
        table.add_row(each.variable, each.ibsi_id, each.unit, each.label[language])
    Console().print(table)


def _say(console: Console, text: str, style: str) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
