"""Opening a file of unknown kind with the right reader."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from careloop.dictionary.catalogue import Dictionary
from careloop.error import ConfigError, InputError
from careloop.records.reading import Reading

TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".xlsm")
FHIR = (".json", ".ndjson", ".jsonl")
PACKED = (".gz", ".zip", ".tar", ".tgz")


def open_reading(
    path: Path,
    *,
    dictionary: Dictionary,
    mapping: Path | None = None,
    as_of: date | None = None,
    today: date | None = None,
    sender: str = "",
    person_system: str = "",
) -> Reading:
    """A reading of a table (a mapping says what its columns mean) or of FHIR R4 (no mapping).

    `person_system` is the identifier system by which FHIR patients are known here (default: their
    `Patient.id`).

    Raises
    ------
    InputError
        If there is no such file.
    ConfigError
        If the file is a table and no mapping was given.
    """
    if not path.is_file():
        raise InputError("no such file", where=str(path), remedy="check the path")
    if mapping is not None:
        from careloop.records.mapping import read_mapping  # noqa: PLC0415 - loaded when used
        from careloop.records.sources.tables import read_table  # noqa: PLC0415

        rules = read_mapping(mapping, dictionary)
        return read_table(path, rules, dictionary=dictionary, as_of=as_of, today=today)
    if _suffix(path) in TABLES:
        raise ConfigError(
            "a table needs a mapping that says what its columns mean",
            where=path.name,
            remedy="give --mapping FILE.toml; docs/how-to/write-a-mapping.md shows how",
        )
    from careloop.records.sources.fhir import read_fhir  # noqa: PLC0415

    return read_fhir(
        path, dictionary=dictionary, sender=sender, today=today, person_id=person_system
    )


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
