"""Reading CSV and Excel tables through a mapping file: rows in, facts and a full account out.

    reading = read_table(path, mapping, dictionary=dictionary)
    for facts in reading.batches(): ...
    reading.report, reading.rejected()

A row without person or date, a repeated person (`rows = "person"`) and a row of the wrong width
give no facts. A row with a cell that cannot be taken gives its other facts. All of them come back
in `rejected()` with the reason, to be mended and sent again: what was stored before is known then
and only the mended facts are new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from careloop import __version__
from careloop.dictionary.variable import Variable
from careloop.error import ConfigError, InputError
from careloop.records.fact import FACT_SCHEMA
from careloop.records.finding import declare
from careloop.records.mapping import IDENTITY, Rule, TableMapping, Value
from careloop.records.reading import ColumnAccount, ImportReport, Source
from careloop.records.sources.account import ROWS_BACK, TOO_MANY, Account, Fault, Rejected, reasons
from careloop.records.sources.assembly import (
    any_of,
    assumed_facts,
    beside,
    count_cells,
    facts_of,
)
from careloop.records.sources.column import ColumnReader
from careloop.records.sources.consistency import RuleReading, check_rows
from careloop.records.sources.cut import Chunk
from careloop.records.sources.excel import ExcelTable, is_excel
from careloop.records.sources.header import bind
from careloop.records.sources.row import NO_DATE, RowReader, Rows
from careloop.records.sources.text import TextTable

UNITS_CONVERTED = declare(
    "T100",
    "info",
    zh="整列已换算到字典单位",
    en="the whole column was converted to the dictionary's unit",
    remedy_zh="无需处理",
    remedy_en="nothing to do",
)
BLANK_ROWS = declare(
    "T106",
    "info",
    zh="空行已跳过",
    en="blank rows passed over",
    remedy_zh="无需处理",
    remedy_en="nothing to do",
)
UNIT_MISSING = declare(
    "T108",
    "warning",
    zh="映射未声明单位，按字典单位读取",
    en="the mapping declares no unit; the dictionary's was taken",
    remedy_zh='在映射中写明 unit = "…"',
    remedy_en='declare unit = "…" in the mapping',
)
RAGGED = declare(
    "T144",
    "error",
    zh="字段数与表头不符",
    en="more or fewer fields than the header names",
    remedy_zh="检查多余或缺少的分隔符",
    remedy_en="look for a separator too many or too few",
)


def read_table(
    path: str | Path,
    mapping: TableMapping,
    *,
    dictionary: Mapping[str, Variable],
    as_of: date | None = None,
    today: date | None = None,
) -> TableReading:
    """Open a CSV or Excel table for reading.

    Parameters
    ----------
    path
        The file; `.gz` and `.zip` of one CSV too.
    mapping
        What its columns mean (`careloop.records.mapping.read_mapping`).
    dictionary
        Variables by key.
    as_of
        The date that values count for when the mapping says `effective = { as_of = true }`.
    today
        Dates after it are in the future (default: today).

    Raises
    ------
    InputError
        The file cannot be read as a table, or lacks a column of the mapping.
    ConfigError
        The mapping needs `as_of` and there is none.
    """
    path = Path(path)
    if mapping.effective_as_of and as_of is None:
        raise ConfigError(
            "the values carry no date of their own",
            where=f"{mapping.name} [dates]",
            remedy="say for which date they count: --as-of 2019-06-30",
        )
    if not path.is_file():
        raise InputError("there is no such file", where=str(path), remedy="check the path")
    table: TextTable | ExcelTable
    if is_excel(path):
        table = ExcelTable(path, sheet=mapping.sheet, key=mapping.person_column)
    else:
        table = TextTable(
            path,
            encoding=mapping.encoding,
            delimiter=mapping.delimiter,
            key=mapping.person_column,
        )
    return TableReading(
        table,
        mapping,
        dictionary=dictionary,
        as_of=as_of,
        today=today or datetime.now().date(),  # noqa: DTZ005 - the local day
    )


class TableReading:
    """A `careloop.records.reading.Reading` of one table; read it once."""

    def __init__(
        self,
        table: TextTable | ExcelTable,
        mapping: TableMapping,
        *,
        dictionary: Mapping[str, Variable],
        as_of: date | None,
        today: date,
    ) -> None:
        self._table, self._dictionary = table, dictionary
        self._account = Account(table.name)
        columns = bind(mapping, table.header, table.name, self._account)
        self._mapping = columns.mapping
        self._rows = RowReader(columns, as_of=as_of, today=today)
        self._readers = [ColumnReader(rule) for rule in self._mapping.rules]
        self._rejected = Rejected(table.header)
        self._keys = _keys(self._mapping.rules)
        self.source = _source(table, mapping, as_of)
        self.report = ImportReport(
            columns={
                key: ColumnAccount(rule.field, rule.variable.key)
                for key, rule in zip(self._keys, self._mapping.rules, strict=True)
            },
            ignored_columns=columns.ignored,
            assumptions={variable.key: _said(value) for variable, value in mapping.assumed},
        )
        self._remark_units()

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield tables of facts; the report is complete when they are exhausted."""
        for chunk in self._table.chunks():
            facts = self._batch(chunk)
            if facts.height:
                self.report.facts += facts.height
                yield facts
        self.report.persons = self._rows.persons.count
        self._rows.remark_forms(self._account)
        if self._rejected.count > ROWS_BACK:
            self._account.remark(TOO_MANY, count=self._rejected.count - ROWS_BACK)
        self.report.findings = self._account.findings()

    def rejected(self) -> pl.DataFrame:
        """Rows with something not taken, as the source had them, and the `reason`."""
        return self._rejected.frame()

    def _remark_units(self) -> None:
        for rule in self._mapping.rules:
            wanted = rule.variable.unit
            if rule.conversion != IDENTITY:
                self._account.remark(UNITS_CONVERTED, rule.field, detail=f"{rule.unit} → {wanted}")
            elif wanted and not rule.unit and wanted != "1" and not wanted.startswith("{"):
                self._account.remark(UNIT_MISSING, rule.field, detail=wanted)

    def _batch(self, chunk: Chunk) -> pl.DataFrame:
        chunk = _without_blank(chunk)
        self._take_ragged(chunk)
        frame = chunk.frame
        self.report.records += frame.height
        if not frame.height:
            return pl.DataFrame(schema=FACT_SCHEMA)
        rows = self._rows.read(frame, chunk.rows)
        readings = [self._read(reader, frame) for reader in self._readers]
        check_rows(readings, self._mapping, self._dictionary, rows.dates)
        faults = list(rows.faults)
        tables = []
        for key, reading in zip(self._keys, readings, strict=True):
            effective = self._own_dates(reading, frame)
            faults += self._faults(reading, frame)
            count_cells(self.report.columns[key], reading.parsed, rows.taken)
            self._remark_notes(reading, frame, chunk.rows)
            tables.append(facts_of(reading, rows, effective))
        self._reject(frame, chunk.rows, faults)
        tables += self._assumed(rows, readings)
        source = pl.lit(self.source.source_id).alias("source")
        return pl.concat(tables).with_columns(source).select(list(FACT_SCHEMA)).collect()

    def _read(self, reader: ColumnReader, frame: pl.DataFrame) -> RuleReading:
        columns = [self._rows.cells(frame, name) for name in reader.rule.columns]
        parsed = [reader.read(column) for column in columns]
        one = parsed[0] if len(parsed) == 1 else any_of(parsed, columns)
        self._rows.check_future(one)
        self._rows.note_forms(reader.rule.field, one)
        return RuleReading(reader.rule, one)

    def _own_dates(self, reading: RuleReading, frame: pl.DataFrame) -> pl.Series | None:
        """Read the rule's own dates, if it has a column of them; undated values are taken back."""
        if reading.rule.effective is None:
            return None
        dates = self._rows.dated(frame, reading.rule.effective)
        undated = dates.value.is_null() & reading.parsed.value.is_not_null()
        if undated.any():
            reading.parsed.refuse(undated, NO_DATE)
        return dates.value

    def _faults(self, reading: RuleReading, frame: pl.DataFrame) -> list[Fault]:
        rule, codes = reading.rule, reading.parsed.fault
        if codes is None:
            return []
        variable, told = rule.variable, ""
        if variable.kind == "number":
            low, high = variable.low, variable.high
            bounds = f"{'' if low is None else f'{low:g}'}–{'' if high is None else f'{high:g}'}"
            told = f"{bounds} {variable.unit}"
        return [Fault(rule.field, codes, self._cells(rule, frame), told)]

    def _cells(self, rule: Rule, frame: pl.DataFrame) -> pl.Series:
        return beside([self._rows.cells(frame, name) for name in rule.columns])

    def _remark_notes(self, reading: RuleReading, frame: pl.DataFrame, rows: pl.Series) -> None:
        if reading.parsed.note is not None:
            cells = self._cells(reading.rule, frame)
            self._account.remark_all(reading.rule.field, reading.parsed.note, cells, rows)

    def _reject(self, frame: pl.DataFrame, rows: pl.Series, faults: list[Fault]) -> None:
        if not faults:
            return
        for fault in faults:
            self._account.remark_all(fault.column, fault.codes, fault.cells, rows)
        mask = pl.select(
            pl.any_horizontal([pl.lit(fault.codes.is_not_null()) for fault in faults])
        ).to_series()
        self.report.rejected_records += int(mask.sum())
        if self._rejected.full:
            self._rejected.count += int(mask.sum())
        else:
            self._rejected.add(frame.filter(mask), reasons(faults, rows, mask))

    def _take_ragged(self, chunk: Chunk) -> None:
        if chunk.blank:
            self._account.remark(BLANK_ROWS, count=chunk.blank)
        if not chunk.ragged:
            return
        width, count = len(self._table.header), len(chunk.ragged)
        self.report.records += count
        self.report.rejected_records += count
        for account in self.report.columns.values():
            account.rows += count
            account.other += count
        records, why = [], []
        for ragged in chunk.ragged:
            cells = ragged.cells
            self._account.remark(
                RAGGED, first=(ragged.row, str(len(cells))), detail=f"the header names {width}"
            )
            surplus = f" “{' | '.join(cells[width:])}”" if len(cells) > width else ""
            records.append((cells + [""] * width)[:width])
            why.append(
                f"第 {ragged.row} 行数据：有 {len(cells)} 个字段，表头有 {width} 个{surplus}。 / "
                f"Data row {ragged.row}: {len(cells)} fields, the header names {width}{surplus}."
            )
        schema = {f"c{at}": pl.String() for at in range(width)}
        frame = pl.DataFrame(records, schema=schema, orient="row")
        self._rejected.add(frame, pl.Series(why, dtype=pl.String()))

    def _assumed(self, rows: Rows, readings: list[RuleReading]) -> list[pl.LazyFrame]:
        """State the declared assumptions about everybody met for the first time."""
        fresh = self._rows.persons.add(rows.base["person_id"], rows.taken)
        if not self._mapping.assumed or not fresh.any():
            return []
        sex = next((one.parsed.value for one in readings if one.rule.variable.key == "sex"), None)
        return assumed_facts(self._mapping.assumed, rows, fresh, sex)


def _without_blank(chunk: Chunk) -> Chunk:
    """Leave out records of nothing but separators, as spreadsheets write below their last row."""
    blank = chunk.frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if not blank.any():
        return chunk
    frame, rows = chunk.frame.filter(~blank), chunk.rows.filter(~blank)
    return Chunk(frame, rows, chunk.ragged, chunk.blank + int(blank.sum()))


def _keys(rules: tuple[Rule, ...]) -> list[str]:
    """Name each rule in the report: by column, and by variable where a column feeds several."""
    fields = [rule.field for rule in rules]
    return [
        rule.field if fields.count(rule.field) == 1 else f"{rule.field} → {rule.variable.key}"
        for rule in rules
    ]


def _said(value: Value) -> str:
    return (
        value
        if isinstance(value, str)
        else f"{value:g}"
        if value not in (True, False)
        else ("true" if value else "false")
    )


def _source(table: TextTable | ExcelTable, mapping: TableMapping, as_of: date | None) -> Source:
    with table.path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    day = as_of.isoformat() if mapping.effective_as_of and as_of else ""
    identity = hashlib.sha256(f"{content} {mapping.sha256} {day}".encode()).hexdigest()
    return Source(
        source_id=identity[:16],
        kind="table",
        name=table.name,
        sha256=content,
        sender=mapping.sender,
        read_at=datetime.now(UTC),
        mapping=mapping.sha256,
        software=f"careloop {__version__}",
    )
