"""The page of a measuring run: one HTML file that needs nothing else.

It names no person: images go by their number in the run and the beginning of their content's hash;
the table and the list of refusals beside the page say which file that is. File names are shown on
demand only, since hospitals write names of patients into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from careloop import __version__
from careloop.imaging.measuring.account import Account, Shown
from careloop.imaging.measuring.quantity import FAMILY_NAMES, quantities
from careloop.imaging.measuring.result import PASSED, Refused
from careloop.imaging.measuring.table import write_whole
from careloop.language import templates
from careloop.records.finding import FINDINGS, FindingKind

_HASH = 12
_MOST_REFUSED = 100
"""Refusals of one kind that are listed; the file of refusals has all."""


def write_page(
    account: Account,
    path: Path,
    *,
    language: str,
    table: Path | None = None,
    at: datetime | None = None,
    file_names: bool = False,
) -> Path:
    """Write the page of a run, whole or not at all.

    Parameters
    ----------
    account
        What was measured and refused.
    path
        The HTML file.
    language
        "zh" or "en".
    table
        The Parquet table of the run, for the spread of the numbers.
    at
        When the run ended.
    file_names
        Show names of files, which may name patients.
    """
    page = render(account, language=language, table=table, at=at, file_names=file_names)
    return write_whole(path, lambda file: file.write_text(page, encoding="utf-8"))


def render(
    account: Account,
    *,
    language: str,
    table: Path | None = None,
    at: datetime | None = None,
    file_names: bool = False,
) -> str:
    """The page as HTML text."""
    zh = language.startswith("zh")
    template = environment(language).get_template("measured.html")
    settings = account.settings
    page: str = template.render(
        lang="zh-CN" if zh else "en",
        version=__version__,
        at="" if at is None else at.strftime("%Y-%m-%d %H:%M"),
        account=account,
        groups=[
            _group(kind, refused, zh=zh, file_names=file_names)
            for kind, refused in account.refused_by_code()
        ],
        remarks=[
            {
                "code": kind.code,
                "severity": kind.severity,
                "text": kind.zh if zh else kind.en,
                "remedy": kind.remedy_zh if zh else kind.remedy_en,
                "count": count,
            }
            for kind, count in account.remarks_by_severity()
        ],
        pictures=[_picture(each, file_names=file_names) for each in account.pictures],
        settings=settings,
        families=[FAMILY_NAMES[name][language] for name in settings.families],
        textures=[FAMILY_NAMES[name][language] for name in settings.textures],
        spreads=[] if table is None else _spreads(table, language),
        file_names=file_names,
    )
    return page


def environment(language: str) -> Any:
    """The template of this folder, with the fixed words of a language."""
    made = templates("careloop.imaging.measuring", language)
    made.filters |= {"count": lambda number: f"{number:,}", "figure": figure}
    return made


def figure(value: float | None) -> str:
    """A number to four digits, with a real minus; a dash where it is unknown.

    Examples
    --------
    >>> figure(12345.678), figure(-0.01234567), figure(None), figure(0.0)
    ('12,346', '−0.01235', '–', '0')
    """
    if value is None:
        return "–"
    large = abs(value) >= 1000
    text = f"{value:,.0f}" if large and abs(value) < 1e9 else f"{value:.4g}"
    return text.replace("-", "−")


def _group(
    kind: FindingKind, refused: Sequence[tuple[int, Refused]], *, zh: bool, file_names: bool
) -> dict[str, Any]:
    told = kind.en
    return {
        "code": kind.code,
        "severity": kind.severity,
        "text": kind.zh if zh else kind.en,
        "remedy": kind.remedy_zh if zh else kind.remedy_en,
        "count": len(refused),
        "more": max(0, len(refused) - _MOST_REFUSED),
        "items": [
            {
                "number": number,
                "sha256": one.sha256[:_HASH],
                "frame": one.frame,
                "region": one.region,
                "detail": _because(one, zh=zh) or one.problem.removeprefix(told).lstrip(": "),
                "file": one.name if file_names else "",
            }
            for number, one in refused[:_MOST_REFUSED]
        ],
    }


def _because(one: Refused, *, zh: bool) -> str:
    """The checks that stopped an image, in the page's language."""
    said = []
    for each in one.findings:
        kind = FINDINGS[each.code]
        detail = f" ({each.detail})" if each.detail else ""
        said.append(f"{kind.code} {kind.zh if zh else kind.en}{detail}")
    return "; ".join(said)


def _picture(shown: Shown, *, file_names: bool) -> dict[str, Any]:
    return {
        "number": shown.number,
        "picture": shown.picture,
        "sha256": shown.sha256[:_HASH],
        "region": shown.region,
        "kind": shown.kind,
        "mask": shown.mask,
        "pixels": shown.pixels,
        "spacing_mm": shown.spacing_mm,
        "quality": shown.quality,
        "passed": shown.quality.startswith(PASSED),
        "refused": shown.kind == "",
        "file": shown.file if file_names else "",
    }


def _spreads(table: Path, language: str) -> list[dict[str, Any]]:
    """Median and range of each number of the unfiltered images, family by family."""
    scan = pl.scan_csv(table) if table.suffix.lower() == ".csv" else pl.scan_parquet(table)
    have = set(scan.collect_schema().names())
    shown = [each for each in quantities() if each.variable in have]
    if not shown:
        return []
    wanted = [
        expression
        for each in shown
        for expression in (
            pl.col(each.variable).count().alias(f"{each.variable} n"),
            *(
                pl.col(each.variable).quantile(share, "linear").alias(f"{each.variable} {share}")
                for share in (0.05, 0.5, 0.95)
            ),
        )
    ]
    found = scan.select(wanted).collect().row(0, named=True)
    families: dict[str, list[dict[str, Any]]] = {}
    for each in shown:
        families.setdefault(each.family, []).append(
            {
                "label": each.label[language],
                "variable": each.variable,
                "ibsi_id": each.ibsi_id,
                "known": found[f"{each.variable} n"],
                "low": found[f"{each.variable} 0.05"],
                "middle": found[f"{each.variable} 0.5"],
                "high": found[f"{each.variable} 0.95"],
            }
        )
    return [
        {"name": FAMILY_NAMES[family][language], "rows": rows} for family, rows in families.items()
    ]
