"""Writing an assessment: table as Parquet and CSV, counts as JSON."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from careloop import __version__
from careloop.dictionary.condition import condition
from careloop.programmes.assessment import Assessment


def write_results(assessment: Assessment, folder: Path) -> list[Path]:
    """Write `assessments.parquet`, `.csv` and `summary.json`; each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    summary_text = json.dumps(summary(assessment), ensure_ascii=False, indent=1)
    writers: dict[str, Callable[[Path], object]] = {
        "assessments.parquet": assessment.frame.write_parquet,
        "assessments.csv": lambda path: assessment.frame.write_csv(path, include_bom=True),
        "summary.json": lambda path: path.write_text(summary_text + "\n", encoding="utf-8"),
    }
    return [write_whole(folder / name, writer) for name, writer in writers.items()]


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Write a file beside its place and move it there when it is complete."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def cascade(assessment: Assessment) -> list[tuple[Any, int]]:
    """The cohort cascade: each step's words and how many people reached it."""
    steps = assessment.programme.cascade
    if assessment.frame.is_empty():
        return [(words, 0) for words, _ in steps]
    counts = assessment.frame.select(
        condition(sql).fill_null(value=False).sum().alias(str(number))
        for number, (_, sql) in enumerate(steps)
    ).row(0)
    return [(words, int(count)) for (words, _), count in zip(steps, counts, strict=True)]


def summary(assessment: Assessment) -> dict[str, Any]:
    """Counts and quantiles of an assessment, ready for JSON. Unknown is counted as unknown."""
    frame, programme = assessment.frame, assessment.programme
    instruments: dict[str, Any] = {}
    for each in programme.instruments:
        value = frame[each.value]
        entry: dict[str, Any] = {
            "name": each.name.en,
            "citation": each.citation,
            "unconfirmed": each.unconfirmed,
            "known": int(value.is_not_null().sum()),
            "unknown": int(value.is_null().sum()),
            "applies": _counts(frame[f"{each.key}_applies"]),
        }
        if value.dtype.is_numeric():
            entry["quantiles"] = {
                str(q): value.cast(pl.Float64).quantile(q, "linear")
                for q in (0.05, 0.25, 0.5, 0.75, 0.95)
            }
        if f"{each.key}_class" in frame.columns:
            entry["classes"] = _counts(frame[f"{each.key}_class"])
        if f"{each.key}_assumed" in frame.columns:
            entry["assumed"] = _counts(frame[f"{each.key}_assumed"])
        if each.disclaimer:
            entry["disclaimer"] = each.disclaimer.en
        instruments[each.key] = entry
    return {
        "software": f"careloop {__version__}",
        "programme": programme.key,
        "as_of": assessment.as_of.isoformat(),
        "caution": programme.caution.en,
        "note": assessment.note,
        "people": frame.height,
        "cascade": [{"step": words.en, "people": count} for words, count in cascade(assessment)],
        "decisions": {each.key: _counts(frame[each.key]) for each in programme.decisions},
        "instruments": instruments,
    }


def _counts(column: pl.Series) -> dict[str, int]:
    table = column.value_counts(sort=True)
    return {
        "unknown" if key is None else str(key).lower() if isinstance(key, bool) else str(key): count
        for key, count in table.iter_rows()
    }
