"""The files of the demo community, as four centres and a hospital would send them.

`write_demo` is the only entrance. The same seed gives the same bytes: nothing in a file depends on
the clock, the machine or the order of a set.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

import numpy as np
import xlsxwriter

from careloop.dictionary.catalogue import load
from careloop.programmes.osteoporosis.demo.assumption import Table, assumptions, places
from careloop.programmes.osteoporosis.demo.community import SITES, simulate
from careloop.programmes.osteoporosis.demo.dxa import Scans, measure
from careloop.programmes.osteoporosis.demo.fhir import write_lines
from careloop.programmes.osteoporosis.demo.identity import Registration, names, register
from careloop.programmes.osteoporosis.demo.mistake import Mistake, plant
from careloop.programmes.osteoporosis.demo.sheet import Entries, Sheet, write_sheet
from careloop.programmes.osteoporosis.demo.trait import Array, People
from careloop.programmes.osteoporosis.demo.visit import Visits, screening_days, visits
from careloop.records.mapping import Rule, TableMapping, read_mapping

SEED = 20261122
PEOPLE = 3583
WRITTEN_AT = datetime(2026, 6, 26, 8, 0)  # noqa: DTZ001 (the sender's wall clock)
"""When the files were exported: the time inside the workbook."""


@dataclass(frozen=True, slots=True)
class DemoFile:
    """One file to import, with its mapping file (FHIR needs none: `Patient.id` is the person)."""

    path: Path
    kind: Literal["csv", "excel", "fhir"]
    mapping: Path | None = None
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class Community:
    """What is true, what the register says, what was recorded and what was measured."""

    people: People
    register: Registration
    visits: Visits
    scans: Scans


def write_demo(folder: Path, *, seed: int = SEED, people: int = PEOPLE) -> list[DemoFile]:
    """Simulate a community and write its files and mapping files.

    Parameters
    ----------
    folder
        Is made if need be; files of the same names are replaced.
    seed
        The same seed gives the same bytes.
    people
        Number of residents.

    Returns
    -------
    list of DemoFile
        In the order in which they are to be imported.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    streams = rng.spawn(2)
    community = make_community(streams[0], people)
    ours = iter(streams[1].spawn(8))
    written = [
        _centre(next(ours), community, centre, folder)
        if "no_answer" in centre
        else _fhir_centre(community, centre, folder)
        for centre in places()["centres"]
    ]
    for stem, female in (("hospital_dxa_lunar", True), ("hospital_dxa_hologic", False)):
        written.append(_hospital(next(ours), community, folder, stem, female=female))
    return written


def make_community(rng: np.random.Generator, people: int) -> Community:
    """Simulate residents, their registration, their visits and their examinations."""
    streams = iter(rng.spawn(5))
    everybody = simulate(next(streams), people)
    seen_on = screening_days(next(streams), people)
    registration = register(next(streams), everybody, seen_on)
    scans = measure(next(streams), everybody, seen_on)
    return Community(
        everybody,
        registration,
        visits(next(streams), everybody, registration, seen_on, scans),
        scans,
    )


def _centre(
    rng: np.random.Generator, community: Community, centre: Table, folder: Path
) -> DemoFile:
    """Write the file of a centre that sends a table."""
    stem = centre["file"]
    mapping_path, mapping = _mapping(folder, stem)
    here = community.register.centre[community.visits.person] == centre["code"]
    if mapping.rows == "person":
        here &= community.visits.first
    seen, ids = _with_second_registrations(
        rng, community, community.visits.only(here), centre["code"]
    )
    size = len(seen)
    fillers = {
        name: _filler(rng, name, size)
        for name in (*mapping.ignored, mapping.recorded_column)
        if name
    }
    if mapping.recorded_column:
        days = rng.integers(0, 3, size).astype("timedelta64[D]")
        entered = seen.on + days
        fillers[mapping.recorded_column] = entered.astype(str).astype(object)
    entries = Entries(ids, seen.on.astype(object), seen.recorded, fillers, seen.first)
    sheet = write_sheet(rng, mapping, entries, no_answer=centre["no_answer"])
    kinds = {
        key: number for key, number in assumptions()["mistakes"][stem].items() if key != "simulated"
    }
    mistakes = plant(rng, sheet, kinds)
    if mapping.sheet:
        path = _write_excel(folder / f"{stem}.xlsx", sheet)
        return DemoFile(path, "excel", mapping_path, mistakes=tuple(mistakes))
    encoding = mapping.encoding or "utf-8-sig"
    path = _write_csv(folder / f"{stem}.csv", sheet.headers, sheet.rows, encoding)
    return DemoFile(path, "csv", mapping_path, mistakes=tuple(mistakes))


def _with_second_registrations(
    rng: np.random.Generator, community: Community, seen: Visits, centre: int
) -> tuple[Visits, Array]:
    """Visits and person ids of a centre; centre 3 also registered some people of centre 1."""
    ids = community.register.person_id[seen.person]
    wanted = assumptions()["mistakes"]["second_registrations"]
    if centre != 3:
        return seen, ids
    everyone = community.visits
    others = np.flatnonzero(everyone.first & (community.register.centre[everyone.person] == 1))
    again = np.sort(rng.choice(others, size=min(wanted, len(others)), replace=False))
    copies = everyone.only(np.isin(np.arange(len(everyone)), again))
    recorded = {
        key: np.concatenate([values, copies.recorded[key]]) for key, values in seen.recorded.items()
    }
    prefix = ids[0][:9] if len(ids) else "990000003"
    ids = np.concatenate(
        [ids, np.array([f"{prefix}001{99000 + at:05d}" for at in range(len(copies))], dtype=object)]
    )
    both = Visits(
        np.concatenate([seen.person, copies.person]),
        np.concatenate([seen.on, copies.on]),
        np.concatenate([seen.first, copies.first]),
        recorded,
    )
    return both, ids


def _hospital(
    rng: np.random.Generator, community: Community, folder: Path, stem: str, *, female: bool
) -> DemoFile:
    """Write the export of one densitometer."""
    mapping_path, mapping = _mapping(folder, stem)
    scans = community.scans.only(community.people.female[community.scans.person] == female)
    register, size = community.register, len(scans)
    recorded: dict[str, Array] = {
        "name": register.name[scans.person],
        "sex": np.full(size, "female" if female else "male", dtype=object),
        "birth_date": register.birth_date[scans.person].astype("datetime64[D]").astype(object),
    }
    for site in SITES:
        recorded[f"bmd_{site}_g_cm2"] = _known(scans.bmd[site])
        recorded[f"t_{site}"] = _known(scans.t[site])
    order = np.argsort(scans.on, kind="stable")
    entries = Entries(
        register.person_id[scans.person][order],
        scans.on.astype(object)[order],
        {key: values[order] for key, values in recorded.items()},
        {name: _filler(rng, name, size) for name in mapping.ignored},
    )
    sheet = write_sheet(rng, mapping, entries)
    path = _write_csv(folder / f"{stem}.csv", sheet.headers, sheet.rows, "utf-8")
    return DemoFile(path, "csv", mapping_path)


def _fhir_centre(community: Community, centre: Table, folder: Path) -> DemoFile:
    """Write the file of the centre that sends FHIR R4."""
    here = community.register.centre[community.visits.person] == centre["code"]
    path = folder / f"{centre['file']}.ndjson.gz"
    content, mistakes = write_lines(community.register, community.visits.only(here), load())
    path.write_bytes(content)
    return DemoFile(path, "fhir", mistakes=tuple(mistakes))


def _mapping(folder: Path, stem: str) -> tuple[Path, TableMapping]:
    """Copy a mapping file beside the data and read it."""
    target = folder / f"{stem}.toml"
    with as_file(files(__package__) / "mappings" / f"{stem}.toml") as source:
        shutil.copyfile(source, target)
    return target, read_mapping(target, load())


def _filler(rng: np.random.Generator, name: str, size: int) -> Array:
    """Texts of a column that stands for no variable."""
    if name in ("序号", "流水号", "编号", "检查号", "ScanID"):
        return np.array([str(at + 1) for at in range(size)], dtype=object)
    if name in ("备注", "Software"):
        return np.full(size, "", dtype=object)
    staff = names(rng, rng.random(4) < 0.7)
    return np.asarray(staff[rng.integers(0, len(staff), size)])


def _known(values: Array) -> Array:
    known = values.astype(object)
    known[np.isnan(values)] = None
    return known


def _write_csv(path: Path, headers: list[str], rows: Iterable[list[str]], encoding: str) -> Path:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headers)
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def _write_excel(path: Path, sheet: Sheet) -> Path:
    """Numbers as numbers and dates as dates, as a person would have typed them."""
    options = {"in_memory": True, "strings_to_numbers": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, options) as workbook:
        workbook.set_properties({"created": WRITTEN_AT})
        page = workbook.add_worksheet(sheet.mapping.sheet)
        page.freeze_panes(1, 1)
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        page.write_row(0, 0, sheet.headers, workbook.add_format({"bold": True}))
        kinds = _kinds(sheet)
        for at, row in enumerate(sheet.rows, start=1):
            for column, cell in enumerate(row):
                if not cell:
                    continue
                value = _typed(cell, kinds[column])
                if isinstance(value, datetime):
                    page.write_datetime(at, column, value, day)
                elif isinstance(value, float):
                    page.write_number(at, column, value)
                else:
                    page.write_string(at, column, cell)
    return path


def _kinds(sheet: Sheet) -> list[str]:
    """Tell for each column whether it holds numbers, dates or texts."""
    rules: dict[str, Rule] = {}
    for rule in sheet.mapping.rules:
        for column in rule.columns:
            rules.setdefault(column, rule)
    return [
        "date"
        if name == sheet.mapping.effective_column
        else rules[name].variable.kind
        if name in rules and not rules[name].values
        else "text"
        for name in sheet.headers
    ]


def _typed(cell: str, kind: str) -> str | float | datetime:
    try:
        if kind == "number":
            return float(cell) if cell.isascii() else cell
        if kind == "date":
            return datetime.strptime(cell, "%Y-%m-%d")  # noqa: DTZ007
    except ValueError:
        pass
    return cell
