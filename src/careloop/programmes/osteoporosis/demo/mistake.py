"""The mistakes that people make in real tables, planted on purpose and written down.

Each is noted with its place, so that tests can ask whether the import found it. A mistake changes
the text of cells or adds a row; it never touches what is true of a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from careloop.programmes.osteoporosis.demo.sheet import Sheet
from careloop.records.mapping import Rule

FULL_SHEET = 800


@dataclass(frozen=True, slots=True)
class Mistake:
    """One planted mistake. `row` counts data rows from 1, as facts and reports do."""

    kind: str
    row: int
    column: str
    cell: str


def plant(rng: np.random.Generator, sheet: Sheet, kinds: Mapping[str, int]) -> list[Mistake]:
    """Plant mistakes in a sheet, each in a row of its own.

    Parameters
    ----------
    sheet
        Is changed; `repeated_row` and `no_id` add rows at its end.
    kinds
        How many of each kind (keys of `KINDS`) in a sheet of `FULL_SHEET` rows or more; smaller
        sheets get fewer.

    Returns
    -------
    list of Mistake
        In the order of `kinds`.
    """
    free: list[int] = rng.permutation(len(sheet.rows)).tolist()
    share = min(1.0, len(sheet.rows) / FULL_SHEET)
    noted = []
    for kind, number in kinds.items():
        for _ in range(round(number * share)):
            for row in free:
                done = KINDS[kind](sheet, row, rng)
                if done is not None:
                    noted.append(done)
                    free.remove(row)
                    break
    return noted


def _swap_height_and_weight(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    height, weight = sheet.column("height_cm"), sheet.column("weight_kg")
    cells = sheet.rows[row]
    if height is None or weight is None or not (_number(cells[height]) and _number(cells[weight])):
        return None
    cells[height], cells[weight] = cells[weight], cells[height]
    return Mistake("swapped", row + 1, sheet.headers[height], cells[height])


def _metres_in_centimetres(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    return _change(sheet, row, "height_cm", "metres", lambda cell: f"{float(cell) / 100:.2f}")


def _unit_in_cell(sheet: Sheet, row: int, rng: np.random.Generator) -> Mistake | None:
    unit = str(rng.choice(["kg", "公斤", "千克", " kg"]))
    factor = _rule(sheet, "weight_kg").conversion.factor
    return _change(
        sheet,
        row,
        "weight_kg",
        "unit_in_cell",
        lambda cell: f"{round(float(cell) * factor, 1):.10g}{unit}",
    )


def _height_in_words(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    factor = _rule(sheet, "height_cm").conversion.factor

    def write(cell: str) -> str:
        centimetres = round(float(cell) * factor)
        return f"{centimetres // 100}米{centimetres % 100:02d}"

    return _change(sheet, row, "height_cm", "unit_in_cell", write)


def _full_width_digits(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    wide = str.maketrans("0123456789.", "０１２３４５６７８９．")
    return _change(sheet, row, "weight_kg", "full_width", lambda cell: cell.translate(wide))


def _impossible_weight(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    return _change(sheet, row, "weight_kg", "out_of_range", lambda cell: f"{float(cell) * 10:.10g}")


def _impossible_pressure(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    return _change(sheet, row, "sbp_mmhg", "out_of_range", lambda cell: cell + "0")


def _unknown_word(sheet: Sheet, row: int, rng: np.random.Generator) -> Mistake | None:
    key = str(rng.choice(["stroke", "rheumatoid_arthritis", "diabetes_type2", "dairy_intake"]))
    word = str(rng.choice(["可能", "偶尔", "问家属", "待查"]))
    return _change(sheet, row, key, "unknown_word", lambda _: word)


def _number_as_word(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    return _change(sheet, row, "falls_12m", "unknown_word", lambda _: "多次")


def _man_with_menopause(sheet: Sheet, row: int, rng: np.random.Generator) -> Mistake | None:
    sex, age = sheet.column("sex"), sheet.column("menopause_age_y")
    if sex is None or age is None or sheet.rows[row][sex] not in _men(sheet):
        return None
    sheet.rows[row][age] = str(rng.integers(46, 54))
    return Mistake("man_with_menopause", row + 1, sheet.headers[age], sheet.rows[row][age])


def _future_visit(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    if not _second_visit(sheet, row):
        return None
    at = sheet.headers.index(sheet.mapping.effective_column)
    cell = sheet.rows[row][at]
    sheet.rows[row][at] = cell.replace("2025", "2035").replace("2026", "2036")
    return Mistake("future_date", row + 1, sheet.headers[at], sheet.rows[row][at])


def _other_date_form(sheet: Sheet, row: int, rng: np.random.Generator) -> Mistake | None:
    at = sheet.headers.index(sheet.mapping.effective_column)
    day = datetime.strptime(sheet.rows[row][at], sheet.mapping.formats[0])  # noqa: DTZ007
    form = str(rng.choice(list(sheet.mapping.formats[1:])))
    sheet.rows[row][at] = day.strftime(form)
    return Mistake("other_date_form", row + 1, sheet.headers[at], sheet.rows[row][at])


def _impossible_date(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    at = sheet.column("birth_date")
    if at is None:
        return None
    sheet.rows[row][at] = sheet.rows[row][at][:4] + "-02-30"
    return Mistake("impossible_date", row + 1, sheet.headers[at], sheet.rows[row][at])


def _no_visit_date(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    if not _second_visit(sheet, row):
        return None
    at = sheet.headers.index(sheet.mapping.effective_column)
    sheet.rows[row][at] = ""
    return Mistake("no_date", row + 1, sheet.headers[at], "")


def _repeated_row(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    sheet.rows.append(list(sheet.rows[row]))
    return Mistake("repeated_row", len(sheet.rows), sheet.mapping.person_column, "")


def _no_id(sheet: Sheet, row: int, _: np.random.Generator) -> Mistake | None:
    at = sheet.headers.index(sheet.mapping.person_column)
    copy = list(sheet.rows[row])
    copy[at] = ""
    sheet.rows.append(copy)
    return Mistake("no_id", len(sheet.rows), sheet.headers[at], "")


Plant = Callable[[Sheet, int, np.random.Generator], Mistake | None]
KINDS: dict[str, Plant] = {
    "swapped": _swap_height_and_weight,
    "metres": _metres_in_centimetres,
    "unit_in_cell": _unit_in_cell,
    "height_in_words": _height_in_words,
    "full_width": _full_width_digits,
    "impossible_weight": _impossible_weight,
    "impossible_pressure": _impossible_pressure,
    "unknown_word": _unknown_word,
    "number_as_word": _number_as_word,
    "man_with_menopause": _man_with_menopause,
    "future_visit": _future_visit,
    "other_date_form": _other_date_form,
    "impossible_date": _impossible_date,
    "no_visit_date": _no_visit_date,
    "repeated_row": _repeated_row,
    "no_id": _no_id,
}


def _change(
    sheet: Sheet, row: int, key: str, kind: str, write: Callable[[str], str]
) -> Mistake | None:
    at = sheet.column(key)
    if (
        at is None
        or not sheet.rows[row][at]
        or (kind != "unknown_word" and not _number(sheet.rows[row][at]))
    ):
        return None
    sheet.rows[row][at] = write(sheet.rows[row][at])
    return Mistake(kind, row + 1, sheet.headers[at], sheet.rows[row][at])


def _number(cell: str) -> bool:
    return cell.replace(".", "", 1).isdigit() and cell.isascii()


def _rule(sheet: Sheet, key: str) -> Rule:
    return next(rule for rule in sheet.mapping.rules if rule.variable.key == key)


def _men(sheet: Sheet) -> set[str]:
    words = _rule(sheet, "sex").values or {}
    return {word for word, value in words.items() if value == "male"}


def _second_visit(sheet: Sheet, row: int) -> bool:
    """Whether the person stands in an earlier row too (a lost row then loses no person)."""
    at = sheet.headers.index(sheet.mapping.person_column)
    return any(earlier[at] == sheet.rows[row][at] for earlier in sheet.rows[:row])
