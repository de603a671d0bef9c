"""Finding the mapping's columns in a table's header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from careloop.error import InputError
from careloop.records.finding import declare
from careloop.records.mapping import Rule, TableMapping
from careloop.records.section import nearest
from careloop.records.sources.account import REASON, Account
from careloop.records.sources.cut import folded

COLUMN_IGNORED = declare(
    "T104",
    "info",
    zh="未映射的列，未读取",
    en="a column the mapping does not mention was not read",
    remedy_zh="如需要，在映射中声明；否则列入 [ignored]",
    remedy_en="map it if it is needed, else name it under [ignored]",
)
COLUMN_LIKE = declare(
    "T105",
    "warning",
    zh="列名仅大小写或全半角不同，已视为同一列",
    en="a column's name differs from the mapping's in case or width only; taken as the same",
    remedy_zh="把映射中的列名改成与文件一致",
    remedy_en="spell the mapping's column as the file does",
)
COLUMN_TWICE = declare(
    "T107",
    "warning",
    zh="表头中有重名列(未映射)",
    en="the header names an unmapped column more than once",
    remedy_zh="为各列取不同的名称",
    remedy_en="give each column its own name",
)


@dataclass(frozen=True, slots=True)
class Columns:
    """A mapping that spells its columns as the file does; `at` finds them in a chunk's frame."""

    mapping: TableMapping
    at: dict[str, str]
    ignored: list[str]


def bind(mapping: TableMapping, header: Sequence[str], file: str, account: Account) -> Columns:
    """Match the mapping's column names to the header: exactly, else but for case and width.

    Raises
    ------
    InputError
        A column of the mapping is missing (the nearest names are told) or stands there twice.
    """
    names = [name.strip() for name in header]
    spelled: dict[str, str] = {}
    missing = []
    for wanted in mapping.columns():
        found = _find(wanted, names)
        if found is None:
            missing.append(wanted)
            continue
        if names.count(found) > 1:
            raise InputError(
                f"column {found!r} stands in the header {names.count(found)} times",
                where=file,
                remedy="rename or remove the others; nobody can say which one is meant",
            )
        spelled[wanted] = found
        if found != wanted:
            account.remark(COLUMN_LIKE, found, detail=wanted)
    if missing:
        others = [name for name in names if name and name not in spelled.values()]
        raise InputError(
            f"has no column {', '.join(repr(name) for name in missing)}",
            where=file,
            remedy="; ".join(nearest(name, others) for name in missing[:3])
            + f" (or mend {mapping.name}; the header is the row that names the person's id)",
        )
    ignored = _ignored(mapping, names, set(spelled.values()), account)
    at = {name: f"c{names.index(name)}" for name in spelled.values()}
    return Columns(_respelled(mapping, spelled), at, ignored)


def _find(wanted: str, names: Sequence[str]) -> str | None:
    if wanted.strip() in names:
        return wanted.strip()
    like = dict.fromkeys(name for name in names if folded(name) == folded(wanted))
    return next(iter(like)) if len(like) == 1 else None


def _ignored(
    mapping: TableMapping, names: Sequence[str], used: set[str], account: Account
) -> list[str]:
    ignored = [name for name in dict.fromkeys(names) if name not in used and name != REASON]
    declared = {folded(name) for name in mapping.ignored}
    for name in ignored:
        if name and folded(name) not in declared:
            account.remark(COLUMN_IGNORED, name)
        if name and names.count(name) > 1:
            account.remark(COLUMN_TWICE, name, count=names.count(name))
    return [name for name in ignored if name]


def _respelled(mapping: TableMapping, spelled: dict[str, str]) -> TableMapping:
    def rule(one: Rule) -> Rule:
        columns = tuple(spelled[name] for name in one.columns)
        effective = spelled[one.effective] if one.effective else None
        return replace(one, columns=columns, effective=effective)

    return replace(
        mapping,
        person_column=spelled[mapping.person_column],
        effective_column=spelled.get(mapping.effective_column, ""),
        recorded_column=spelled.get(mapping.recorded_column, ""),
        rules=tuple(rule(one) for one in mapping.rules),
    )
