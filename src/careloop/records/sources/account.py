"""The account of a table's reading: findings counted, rejected rows kept with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from careloop.records.finding import FINDINGS, Finding, FindingKind, declare
from careloop.records.sources.column import OUT_OF_RANGE

REASON = "reason"
ROWS_BACK = 200_000
"""So many rejected rows come back: more mean that the mapping is wrong, not the rows."""

TOO_MANY = declare(
    "T145",
    "error",
    zh="被退回的行过多，只写回前一部分",
    en="so many rows are rejected that only the first come back",
    remedy_zh="多半是映射不符：先改映射，再导入整个文件",
    remedy_en="the mapping hardly fits: mend it first and import the whole file again",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Faults in one column of a chunk: `codes` are findings, null where all is well.

    `cells` are what stands there; `bounds` is the plausible range, told with T130.
    """

    column: str
    codes: pl.Series
    cells: pl.Series
    bounds: str = ""


class Account:
    """Collects findings over all chunks: one for each kind and column, with its first place."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._first: dict[tuple[str, str], tuple[str, str]] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._details: dict[tuple[str, str], str] = {}

    def remark(
        self, code: str, column: str = "", *, count: int = 1, detail: str = "",
        first: tuple[int, str] | None = None,
    ) -> None:  # fmt: skip
        """Count `code` in `column`; the first place (row, cell) that comes is kept."""
        key = (code, column)
        if key not in self._first:
            row, cell = first or (0, "")
            parts = [self.file, f"row {row}" if row else "", f"column {column}" if column else ""]
            self._first[key] = (", ".join(part for part in parts if part), cell)
        self._counts[key] = self._counts.get(key, 0) + count
        if detail:
            self._details[key] = detail

    def remark_all(self, column: str, codes: pl.Series, cells: pl.Series, rows: pl.Series) -> None:
        """Count every finding in `codes`, with the first row and cell of each kind."""
        some = codes.is_not_null()
        table = pl.DataFrame(
            {"code": codes.filter(some), "cell": cells.filter(some), "row": rows.filter(some)}
        )
        firsts = table.group_by("code", maintain_order=True).agg(
            pl.len(), pl.col("row").first(), pl.col("cell").first()
        )
        for code, count, row, cell in firsts.iter_rows():
            self.remark(code, column, count=count, first=(row, _short(cell)))

    def findings(self) -> list[Finding]:
        """Everything remarked, the most severe first."""
        order = {"error": 0, "warning": 1, "info": 2}
        found = [
            Finding(
                code, self._first[key][0], self._first[key][1], self._details.get(key, ""), count
            )
            for key, count in self._counts.items()
            for code in key[:1]
        ]
        return sorted(found, key=lambda one: (order[FINDINGS[one.code].severity], one.code))


class Rejected:
    """Rows to send back, as the source had them, up to `ROWS_BACK`."""

    def __init__(self, header: Sequence[str]) -> None:
        self.names = _distinct(header)
        self.count = 0  # of all rows, those beyond the limit too
        self._frames: list[pl.DataFrame] = []

    @property
    def full(self) -> bool:
        """Whether no more rows are kept."""
        return self.count >= ROWS_BACK

    def add(self, frame: pl.DataFrame, why: pl.Series) -> None:
        """Keep rows (columns in the header's order) with one reason each."""
        kept = frame.rename(dict(zip(frame.columns, self.names, strict=True)))
        room = max(ROWS_BACK - self.count, 0)
        self._frames.append(kept.with_columns(why.alias(REASON)).head(room))
        self.count += frame.height

    def frame(self) -> pl.DataFrame:
        """Return the rows with column `reason`."""
        schema = {name: pl.String() for name in (*self.names, REASON)}
        return pl.concat([pl.DataFrame(schema=schema), *self._frames])


def reasons(faults: Iterable[Fault], rows: pl.Series, mask: pl.Series) -> pl.Series:
    """Why each row under `mask` comes back: row, column, value, fault and remedy, zh then en."""
    parts = [_because(fault, mask) for fault in faults if fault.codes.null_count() < len(mask)]
    table = pl.DataFrame(
        [rows.filter(mask).alias("row")]
        + [zh.alias(f"zh{at}") for at, (zh, _) in enumerate(parts)]
        + [en.alias(f"en{at}") for at, (_, en) in enumerate(parts)]
    )
    return table.select(
        pl.format(
            "第 {} 行数据：{}。 / Data row {}: {}.",
            pl.col("row"),
            pl.concat_str(pl.col("^zh\\d+$"), separator="；", ignore_nulls=True),
            pl.col("row"),
            pl.concat_str(pl.col("^en\\d+$"), separator="; ", ignore_nulls=True),
        )
    ).to_series()


def _because(fault: Fault, mask: pl.Series) -> tuple[pl.Series, pl.Series]:
    codes, cells = fault.codes.filter(mask), fault.cells.filter(mask)
    cells = cells.fill_null("").str.slice(0, 60)
    zh = en = pl.lit(None, dtype=pl.String)
    for code in codes.unique().drop_nulls():
        kind = FINDINGS[code]
        zh = pl.when(codes == code).then(_sentence(fault, kind, cells, zh=True)).otherwise(zh)
        en = pl.when(codes == code).then(_sentence(fault, kind, cells, zh=False)).otherwise(en)
    return pl.select(zh).to_series(), pl.select(en).to_series()


def _sentence(fault: Fault, kind: FindingKind, cells: pl.Series, *, zh: bool) -> pl.Expr:
    said, remedy = (kind.zh, kind.remedy_zh) if zh else (kind.en, kind.remedy_en)
    told = f" ({fault.bounds})" if fault.bounds and kind.code == OUT_OF_RANGE else ""
    why = f"{said}{told} → {remedy}"
    mark = "”：" if zh else "”: "
    return pl.concat_str(pl.lit(f"“{fault.column}” = “"), pl.lit(cells), pl.lit(mark + why))


def _short(cell: str | None) -> str:
    return "" if cell is None else cell if len(cell) <= 60 else cell[:60] + "…"


def _distinct(header: Sequence[str]) -> list[str]:
    """Names for a frame: blanks numbered, repeats numbered, `reason` left free for ours."""
    names: list[str] = []
    for at, name in enumerate(header, start=1):
        plain = name.strip() or f"column {at}"
        plain = f"{plain} (old)" if plain == REASON else plain
        candidate, again = plain, 2
        while candidate in names:
            candidate, again = f"{plain} ({again})", again + 1
        names.append(candidate)
    return names
