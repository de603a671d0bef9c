"""A store of facts in a folder of Parquet files: for populations, without a server.

    folder/
      facts/<source_id>/part-00000.parquet …    one part a batch of the reading
                        manifest.json           the source, the account of its import, the parts
      unfinished/…                              imports under way, or broken off

A source becomes visible whole, by one renaming of its finished folder, or not at all. Parts are
never changed afterwards.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from careloop.error import InputError
from careloop.records.fact import FACT_SCHEMA, empty_facts
from careloop.records.reading import Reading, Source
from careloop.records.store import SAME_FACT, Added, checked

FORMAT = 1
"""Of the manifest; a store written by a later edition is refused, not misread."""

_SAFE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
_ABANDONED_AFTER_S = 24 * 3600


class ParquetStore:
    """Facts in a folder; implements `careloop.records.store.FactStore`.

    Parameters
    ----------
    folder
        Made with its parents if it is not there.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._visible = self.folder / "facts"
        self._unfinished = self.folder / "unfinished"

    def add(self, reading: Reading) -> Added:
        """Store a reading whole or not at all; the same source twice adds nothing.

        One batch is written while the next is read, so two batches are in memory at a time. Facts
        that another source has told already are stored again: telling them apart needs the whole
        population in memory and is left to `facts`. Hence `known_facts` is 0 for a new source.

        Raises
        ------
        InputError
            A source id that cannot name a folder, or a batch without the columns of `FACT_SCHEMA`.
        """
        source = reading.source
        home = self._visible / _checked(source.source_id)
        if (home / "manifest.json").exists():
            return Added(source.source_id, 0, _manifest(home)["facts"], already_imported=True)
        self._sweep()
        work = self._unfinished / f"{source.source_id}.{uuid.uuid4().hex}"
        work.mkdir(parents=True)
        try:
            parts = _write_parts(reading, work)
            facts = sum(part["facts"] for part in parts)
            manifest = {
                "format": FORMAT,
                "source": asdict(source) | {"read_at": source.read_at.isoformat()},
                "facts": facts,
                "parts": parts,
                "report": reading.report.to_json(),
            }
            _write_synced(
                work / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1)
            )
            self._visible.mkdir(parents=True, exist_ok=True)
            try:
                work.replace(home)
            except OSError:
                if not (home / "manifest.json").exists():
                    raise
                # Another process finished the same source first; its copy stays.
                return Added(source.source_id, 0, facts, already_imported=True)
            _sync_folder(self._visible)
            return Added(source.source_id, facts, 0, already_imported=False)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def facts(
        self,
        *,
        person_id: str | None = None,
        variables: Sequence[str] | None = None,
        distinct: bool = True,
    ) -> pl.LazyFrame:
        """Facts in the columns of `FACT_SCHEMA`, oldest source first.

        With `distinct` (the default) a fact told by several files comes once, from the oldest of
        them; that holds every distinct fact in memory when collected. Populations are read with
        `distinct=False`, which streams (see `FactStore.facts` for the one difference it makes).
        """
        manifests = self._manifests()
        files = [
            self._visible / manifest["source"]["source_id"] / part["file"]
            for manifest in manifests
            for part in manifest["parts"]
        ]
        if not files:
            return empty_facts().lazy()
        facts = pl.scan_parquet(files, schema=FACT_SCHEMA)
        if person_id is not None:
            facts = facts.filter(pl.col("person_id") == person_id)
        if variables is not None:
            facts = facts.filter(pl.col("variable").is_in(list(variables)))
        if distinct:
            senders = {m["source"]["source_id"]: m["source"]["sender"] for m in manifests}
            sender = pl.col("source").replace_strict(senders, return_dtype=pl.String)
            facts = (
                facts.with_columns(sender=sender)
                .unique(SAME_FACT, keep="first", maintain_order=True)
                .drop("sender")
            )
        return facts

    def sources(self) -> list[Source]:
        """Everything ever imported, oldest first."""
        return [
            Source(**told | {"read_at": datetime.fromisoformat(told["read_at"])})
            for told in (manifest["source"] for manifest in self._manifests())
        ]

    def _manifests(self) -> list[dict[str, Any]]:
        """Manifests of all visible sources, oldest first."""
        homes = [home for home in self._visible.glob("*") if (home / "manifest.json").exists()]
        return sorted(
            (_manifest(home) for home in homes),
            key=lambda told: (told["source"]["read_at"], told["source"]["source_id"]),
        )

    def _sweep(self) -> None:
        """Remove what imports that were broken off a day or more ago left behind."""
        for left in self._unfinished.glob("*"):
            if time.time() - left.stat().st_mtime > _ABANDONED_AFTER_S:
                shutil.rmtree(left, ignore_errors=True)


def _write_parts(reading: Reading, folder: Path) -> list[dict[str, Any]]:
    """Write each batch as one file, behind the reader's back by one batch."""
    parts: list[dict[str, Any]] = []
    with ThreadPoolExecutor(max_workers=1) as writer:
        writing: Future[None] | None = None
        for batch in reading.batches():
            if writing is not None:
                writing.result()
            if not batch.height:
                continue
            facts = checked(batch, reading.source.source_id)
            file = f"part-{len(parts):05}.parquet"
            parts.append({"file": file, "facts": facts.height})
            writing = writer.submit(_write_part, facts, folder / file)
        if writing is not None:
            writing.result()
    return parts


def _write_part(batch: pl.DataFrame, file: Path) -> None:
    # zstd 1 takes as long as lz4 here and half the room.
    with file.open("wb") as out:
        batch.write_parquet(out, compression="zstd", compression_level=1)
        out.flush()
        os.fsync(out.fileno())


def _checked(source_id: str) -> str:
    if not _SAFE.fullmatch(source_id):
        raise InputError(
            f"source id {source_id!r} cannot name a folder",
            remedy="use letters, digits, '.', '_' and '-', at most 128",
        )
    return source_id


def _manifest(home: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((home / "manifest.json").read_text(encoding="utf-8"))
    if told["format"] != FORMAT:
        raise InputError(
            f"manifest of format {told['format']}, this edition reads {FORMAT}",
            where=str(home),
            remedy="use the edition of careloop that wrote the store",
        )
    return told


def _write_synced(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself last through a power cut (where folders can be synced)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
