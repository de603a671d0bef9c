"""One cell of a table: what its text says, or why it cannot be taken.

`read_cell` is the slow, obvious way; `careloop.records.sources.column` reads whole columns and
asks here only about what its fast way did not understand.

Nothing is guessed. `1,234` (one thousand or one and a bit), `03/04/2020` (April or March) and
two-digit years are refused with what to write instead.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from careloop.dictionary.units import Conversion, conversion, parse_unit
from careloop.dictionary.variable import Variable
from careloop.error import CareloopError
from careloop.records.finding import declare
from careloop.records.mapping import IDENTITY, Rule, Value

NOT_UNDERSTOOD = declare(
    "T110",
    "error",
    zh="单元格读不懂",
    en="the cell is not understood",
    remedy_zh="按列的含义填写，或在映射文件中声明该值",
    remedy_en="write what the column holds, or declare the value in the mapping",
)
UNKNOWN_VALUE = declare(
    "T111",
    "error",
    zh="未声明的取值",
    en="a value the mapping does not declare",
    remedy_zh="在映射的 values 或 missing 中声明它",
    remedy_en="declare it under values or missing in the mapping",
)
DECIMAL_COMMA = declare(
    "T112",
    "error",
    zh="逗号是小数点还是千分位不明确",
    en="a comma that may be a decimal point or a thousands separator",
    remedy_zh='去掉千分位逗号；若逗号是小数点，在映射中写 decimal = ","',
    remedy_en='leave thousands separators out; if commas are decimal, map decimal = ","',
)
UNIT_UNKNOWN = declare(
    "T113",
    "error",
    zh="单元格中的单位不认识",
    en="a unit in the cell that is not known",
    remedy_zh="改用 UCUM 单位或删去单位",
    remedy_en="write a UCUM unit, or only the number",
)
UNIT_WRONG = declare(
    "T114",
    "error",
    zh="单元格中的单位与变量不符",
    en="a unit in the cell that does not fit the variable",
    remedy_zh="检查是否填错了列",
    remedy_en="check whether the value stands in the wrong column",
)
DATE_AMBIGUOUS = declare(
    "T120",
    "error",
    zh="日期的日、月顺序不明确",
    en="a date whose day and month may be exchanged",
    remedy_zh='写成 2020-04-03,或在映射中写 formats = ["%d/%m/%Y"]',
    remedy_en='write 2020-04-03, or map formats = ["%d/%m/%Y"]',
)
DATE_SHORT_YEAR = declare(
    "T121",
    "error",
    zh="年份只有两位",
    en="a year of two digits",
    remedy_zh="写出四位年份",
    remedy_en="write the year in full",
)
DATE_NONE = declare(
    "T122",
    "error",
    zh="不是日期",
    en="not a date",
    remedy_zh="写成真实存在的日期，如 2020-04-03",
    remedy_en="write a date that exists, like 2020-04-03",
)
UNIT_IN_CELL = declare(
    "T101",
    "info",
    zh="单位写在单元格里，已按该单位换算",
    en="units stand in cells; each was converted by its own unit",
    remedy_zh="无需处理；最好全列统一单位",
    remedy_en="nothing to do; one unit for the whole column is better",
)
DATE_PARTIAL = declare(
    "T102",
    "info",
    zh="日期不完整，取其最后一天",
    en="dates without day or month, taken as their last day",
    remedy_zh="如知道完整日期请补全",
    remedy_en="complete them where the full date is known",
)

YES = frozenset({"是", "有", "yes", "y", "true", "t", "1", "阳性", "√"})
NO = frozenset({"否", "无", "没有", "no", "n", "false", "f", "0", "阴性", "×"})
COUNT_WORDS = frozenset({"次", "个", "支", "times", "time"})
"""Words after a plain count."""
BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""White space as Unicode defines it."""
EARLIEST = datetime(1850, 1, 1)  # noqa: DTZ001 - wall clock, as in `FACT_SCHEMA`
"""No date of a living person or of a record is earlier."""

_PLAIN = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SOUND = re.compile(rf"({_PLAIN})(?![\d.,])\s*(\D.*)?", re.DOTALL)
_GROUPED = re.compile(
    r"([+-]?\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,}))(?![\d.,])\s*(\D.*)?", re.DOTALL
)
_COMMA = re.compile(
    r"([+-]?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+|[+-]?\d+)(?![\d.,])\s*(\D.*)?", re.DOTALL
)
_METRES = re.compile(r"([12])\s*(?:米|m)\s*(\d{1,2})", re.IGNORECASE)
_TIME = r"(?:[T\s]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?"
_FULL = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}")
_CHINESE = re.compile(rf"(\d{{4}})(年)\s*(\d{{1,2}})月\s*(\d{{1,2}})[日号]?{_TIME}")
_COMPACT = re.compile(r"(\d{4})()(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?")
_PARTIAL = re.compile(r"(\d{4})(?:[-/.](\d{1,2})|年(?:(\d{1,2})月)?)?")
_AMBIGUOUS = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{4}\b.*")
_SHORT_YEAR = re.compile(r"\d{1,2}([-/.年])\d{1,2}[-/.月]\d{1,2}日?\b.*")
_NAMED = re.compile(r"(\d{1,2})[-\s/]?([A-Za-z]{3,9})[-\s/,.]*(\d{4})")
_MONTHS = {name.lower(): at for at, name in enumerate(calendar.month_name) if name} | {
    name.lower(): at for at, name in enumerate(calendar.month_abbr) if name
}
_EXCEL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001
_EXCEL_FIRST, _EXCEL_LAST = 61, 2_958_465  # 1900-03-01 (before it Excel's calendar is wrong)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one cell says.

    `value` is a number in the unit that `factor` and `offset` lead away from, or a text; null with
    neither `fault` nor value means missing. `fault` and `note` are numbers of findings; `changed`:
    the value does not stand in the cell as such. `form`: how a date is written.
    """

    value: float | str | None = None
    factor: float = 1.0
    offset: float = 0.0
    fault: str = ""
    note: str = ""
    changed: bool = False
    form: str = ""
    at: datetime | None = None


MISSING_CELL = Cell()


def read_cell(text: str | None, rule: Rule) -> Cell:
    """Read `text` under `rule`; it never raises."""
    plain = tidy(text)
    declared = _declared(plain, rule.values) if plain and rule.values else None
    if declared is not None:
        return declared
    if is_missing(plain, rule.missing):
        return MISSING_CELL
    match rule.variable.kind:
        case "number":
            cell = _number(plain, rule)
        case "date":
            cell = _date(plain, rule)
        case "text":
            cell = Cell((text or "").strip(BLANKS))
        case "boolean" if rule.values is None:
            cell = _boolean(plain)
        case "code" if rule.values is None:
            cell = _code(plain, rule.variable)
        case _:
            cell = Cell(fault=UNKNOWN_VALUE)
    return cell


def _declared(plain: str, values: Mapping[str, Value]) -> Cell | None:
    number = _as_number(plain)
    for key, value in values.items():
        wanted = tidy(key)
        same = number is not None and number == _as_number(wanted)
        if same or plain.casefold() == wanted.casefold():
            held = value if isinstance(value, str) else float(value)
            return Cell(held, changed=plain != str(value))
    return None


def tidy(text: str | None) -> str:
    """`text` with full-width characters made plain and blanks around it removed."""
    return unicodedata.normalize("NFKC", text or "").replace("\u2212", "-").strip()


def is_missing(plain: str, codes: tuple[str, ...]) -> bool:
    """Whether a tidied cell is empty or one of the codes, as text or as number."""
    if not plain:
        return True
    texts, numbers = _missing_codes(codes)
    return plain.casefold() in texts or (bool(numbers) and _as_number(plain) in numbers)


@lru_cache(maxsize=1024)
def _missing_codes(codes: tuple[str, ...]) -> tuple[frozenset[str], frozenset[float]]:
    numbers = {_as_number(tidy(code)) for code in codes}
    return (
        frozenset(tidy(code).casefold() for code in codes),
        frozenset(number for number in numbers if number is not None),
    )


def missing_numbers(codes: tuple[str, ...]) -> frozenset[float]:
    """Return the missing codes that are numbers."""
    return _missing_codes(codes)[1]


def _as_number(plain: str) -> float | None:
    return float(plain) if re.fullmatch(_PLAIN, plain) else None


def _boolean(plain: str) -> Cell:
    word, number = plain.casefold(), _as_number(plain)
    if word in YES or number == 1:
        return Cell(1.0)
    if word in NO or number == 0:
        return Cell(0.0)
    return Cell(fault=UNKNOWN_VALUE)


def _code(plain: str, variable: Variable) -> Cell:
    word = plain.casefold()
    for value, label in variable.values.items():
        if word in (value.casefold(), label.zh.casefold(), label.en.casefold()):
            return Cell(value, changed=plain != value)
    return Cell(fault=UNKNOWN_VALUE)


def _date(plain: str, rule: Rule) -> Cell:
    date = read_date(plain, rule.formats)
    if date.at is None:
        return date
    day = date.at.date().isoformat()
    return Cell(day, note=date.note, changed=day != plain, form=date.form, at=date.at)


def _number(plain: str, rule: Rule) -> Cell:
    metres = _METRES.fullmatch(plain) if rule.variable.unit in ("cm", "m") else None
    if metres:  # 1米62, 1m6
        plain = f"{metres[1]}.{metres[2]}m"
    if rule.decimal == ",":
        match = _COMMA.fullmatch(plain)
        digits = match[1].replace(".", "").replace(",", ".") if match else ""
    else:
        match = _SOUND.fullmatch(plain) or _GROUPED.fullmatch(plain)
        digits = match[1].replace(",", "") if match else ""
    if match is None:
        comma = re.fullmatch(r"[+-]?\d+,\d+\s*\D*", plain)
        return Cell(fault=DECIMAL_COMMA if comma else NOT_UNDERSTOOD)
    number = float(digits)
    if abs(number) == float("inf"):
        return Cell(fault=NOT_UNDERSTOOD)
    if not match[2]:
        own = rule.conversion
        return Cell(number, own.factor, own.offset, changed=digits != plain or own != IDENTITY)
    return _with_unit(number, match[2].strip(), rule.variable)


def _with_unit(number: float, unit: str, variable: Variable) -> Cell:
    if variable.unit == "1" and unit in COUNT_WORDS:
        return Cell(number, note=UNIT_IN_CELL, changed=True)
    ucum = parse_unit(unit)
    if ucum is None:
        return Cell(fault=UNIT_UNKNOWN)
    change = _between(
        ucum, variable.unit, variable.molar_mass_g_mol, variable.international_units_per_ug
    )
    if change is None:
        return Cell(fault=UNIT_WRONG)
    return Cell(number, change.factor, change.offset, note=UNIT_IN_CELL, changed=True)


@lru_cache(maxsize=4096)
def _between(
    unit: str, wanted: str, molar_mass_g_mol: float | None, international_units_per_ug: float | None
) -> Conversion | None:
    try:
        return conversion(
            unit,
            wanted,
            molar_mass_g_mol=molar_mass_g_mol,
            international_units_per_ug=international_units_per_ug,
        )
    except CareloopError:
        return None


def read_date(plain: str, formats: tuple[str, ...] = ()) -> Cell:
    """Read the moment a tidied cell names (`Cell.at`), in declared formats or unambiguous forms.

    A partial date (2020-05) is its last day. An offset from UTC is left out: the sender's wall
    clock counts. `form` names the way the date is written.
    """
    for form in formats:
        at = _excel(plain) if form == "excel" else _by_format(plain, form)
        if at is not None:
            return Cell(at=at, form=form)
    for reader in (_full, _named, _partial):
        cell = reader(plain)
        if cell is not None:
            return cell if cell.at else Cell(fault=DATE_NONE)
    if _AMBIGUOUS.fullmatch(plain):
        return Cell(fault=DATE_AMBIGUOUS)
    return Cell(fault=DATE_SHORT_YEAR if _SHORT_YEAR.fullmatch(plain) else DATE_NONE)


def _full(plain: str) -> Cell | None:
    match = _FULL.fullmatch(plain) or _CHINESE.fullmatch(plain) or _COMPACT.fullmatch(plain)
    if match is None:
        return None
    year, mark, month, day, *clock = match.groups()
    form = {"": "YMD", "年": "Y年m月d日"}.get(mark, f"Y{mark}m{mark}d")
    return Cell(at=_moment(year, month, day, *clock), form=form)


def _named(plain: str) -> Cell | None:
    match = _NAMED.fullmatch(plain)
    if match is None:
        return None
    return Cell(at=_moment(match[3], _MONTHS.get(match[2].lower(), 0), match[1]), form="d Mon Y")


def _partial(plain: str) -> Cell | None:
    match = _PARTIAL.fullmatch(plain)
    if match is None:
        return None
    year, month = int(match[1]), int(match[2] or match[3] or 12)
    day = calendar.monthrange(year, month)[1] if 1 <= month <= 12 and year else 0
    return Cell(at=_moment(year, month, day), note=DATE_PARTIAL, form="Y-m")


def _moment(*parts: str | int | None) -> datetime | None:
    try:
        at = datetime(*(int(part or 0) for part in parts))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None
    return at if at >= EARLIEST else None


def _by_format(plain: str, form: str) -> datetime | None:
    try:
        at = datetime.strptime(  # noqa: DTZ007
            plain, form.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
        )
    except ValueError:
        return None
    return at if at >= EARLIEST else None


def _excel(plain: str) -> datetime | None:
    number = _as_number(plain)
    if number is None or not _EXCEL_FIRST <= number <= _EXCEL_LAST:
        return None
    return _EXCEL_ZERO + timedelta(seconds=round(number * 86_400))
