"""What belongs to a whole row: whose it is, when its values held, and when they became known."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import polars as pl

from careloop.records.finding import declare
from careloop.records.mapping import MISSING
from careloop.records.sources.account import Account, Fault
from careloop.records.sources.column import DateReader, Parsed, keep
from careloop.records.sources.header import Columns
from careloop.records.sources.persons import Persons

DATES_MIXED = declare(
    "T103",
    "info",
    zh="同一列中日期写法不一",
    en="dates are written in several ways in one column",
    remedy_zh="无需处理；最好统一写法",
    remedy_en="nothing to do; one way is better",
)
NO_PERSON = declare(
    "T140",
    "error",
    zh="没有人员编号",
    en="no person id",
    remedy_zh="填写编号",
    remedy_en="fill in the id",
)
NO_DATE = declare(
    "T141",
    "error",
    zh="没有日期，无法知道数值属于何时",
    en="no date, so nobody knows when the value held",
    remedy_zh="填写日期",
    remedy_en="fill in the date",
)
FUTURE = declare(
    "T142",
    "error",
    zh="日期在将来",
    en="a date in the future",
    remedy_zh="核对并改正日期",
    remedy_en="check and mend the date",
)
DUPLICATE = declare(
    "T143",
    "error",
    zh="同一人员编号重复出现",
    en="a second row with the same person id",
    remedy_zh='合并两行；若一人可有多行，在映射中写 rows = "visit"',
    remedy_en='merge the rows; if people may have several, map rows = "visit"',
)


@dataclass(slots=True)
class Rows:
    """The rows of a chunk.

    `base` has columns person_id, effective_at, recorded_at (null: as effective) and row; `taken`
    is true where the row gives facts, or None where all do; `faults` say why not.
    """

    base: pl.DataFrame
    faults: list[Fault] = field(default_factory=list)
    taken: pl.Series | None = None

    @property
    def dates(self) -> pl.Series:
        """When the rows' values held."""
        return self.base["effective_at"]


class RowReader:
    """Reads person and dates of each row; it remembers who was met."""

    def __init__(self, columns: Columns, *, as_of: date | None, today: date) -> None:
        self.columns, self.mapping = columns, columns.mapping
        self.persons = Persons()  # who gave facts
        self._met = Persons()  # whose rows were seen, taken or not
        self._day = self.mapping.effective_constant or as_of
        self._tomorrow = datetime.combine(today, time()) + timedelta(days=1)
        self._dates: dict[str, DateReader] = {}
        self._forms: dict[str, dict[str, int]] = {}

    def read(self, frame: pl.DataFrame, numbers: pl.Series) -> Rows:
        """Person, dates and row number of each record of `frame`."""
        column = self.mapping.person_column
        cells = self.cells(frame, column)
        person = cells.str.strip_chars()
        person = keep(person, ~person.is_in([*MISSING]))
        faults = [
            _fault(column, person.is_null(), NO_PERSON, cells),
            *self._undated(frame),
        ]
        if self.mapping.rows == "person":
            faults.append(_fault(column, self._met.again(person), DUPLICATE, cells))
            self._met.add(person, None)
        base = [person.alias("person_id"), self._effective(frame), numbers.alias("row")]
        if name := self.mapping.recorded_column:
            recorded = self.dated(frame, name)
            base.append(recorded.value.alias("recorded_at"))
            if recorded.fault is not None:
                faults.append(Fault(name, recorded.fault, self.cells(frame, name)))
        rows = Rows(pl.DataFrame(base), [fault for fault in faults if fault is not None])
        for fault in rows.faults:
            sound = fault.codes.is_null()
            rows.taken = sound if rows.taken is None else rows.taken & sound
        return rows

    def cells(self, frame: pl.DataFrame, column: str) -> pl.Series:
        """Return the cells of a column, by the name the file gives it."""
        return frame[self.columns.at[column]]

    def dated(self, frame: pl.DataFrame, column: str) -> Parsed:
        """Read a column of moments (`value`), those in the future taken back."""
        if column not in self._dates:
            self._dates[column] = DateReader(self.mapping.formats, MISSING)
        parsed = self._dates[column].read(self.cells(frame, column))
        self.check_future(parsed)
        return parsed

    def check_future(self, parsed: Parsed) -> None:
        """Take dates in the future back."""
        if parsed.at is not None:
            late = (parsed.at >= self._tomorrow).fill_null(value=False)
            if late.any():
                parsed.refuse(late, FUTURE)

    def note_forms(self, column: str, parsed: Parsed) -> None:
        """Remember in how many ways a column writes its dates."""
        forms = self._forms.setdefault(column, {})
        for form, count in parsed.forms.items():
            if count:
                forms[form] = forms.get(form, 0) + count

    def remark_forms(self, account: Account) -> None:
        """Report the columns that mix them."""
        for column, forms in self._forms.items():
            if len(forms) > 1:
                said = ", ".join(f"{form} ×{count:,}" for form, count in sorted(forms.items()))
                account.remark(DATES_MIXED, column, detail=said)

    def _effective(self, frame: pl.DataFrame) -> pl.Series:
        if self.mapping.effective_column:
            return self._row_dates.value.alias("effective_at")
        moment = None if self._day is None else datetime.combine(self._day, time())
        held = pl.Series("effective_at", [moment], dtype=pl.Datetime("us"))
        return held.new_from_index(0, frame.height)

    def _undated(self, frame: pl.DataFrame) -> list[Fault | None]:
        column = self.mapping.effective_column
        if not column:
            return []
        self._row_dates = parsed = self.dated(frame, column)
        self.note_forms(column, parsed)
        cells = self.cells(frame, column)
        unread = None if parsed.fault is None else Fault(column, parsed.fault, cells)
        undated = parsed.value.is_null()
        if parsed.fault is not None:
            undated &= parsed.fault.is_null()
        return [unread, _fault(column, undated, NO_DATE, cells)]


def _fault(column: str, mask: pl.Series, code: str, cells: pl.Series) -> Fault | None:
    if not mask.any():
        return None
    return Fault(column, pl.select(pl.when(mask).then(pl.lit(code))).to_series(), cells)
