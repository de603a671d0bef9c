"""`careloop image measure`: images into a table, a page, a list of refusals, and facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from careloop.command.image_store import FactKeeper
from careloop.command.opening import open_store
from careloop.error import InputError
from careloop.imaging.image import Side
from careloop.imaging.measurement import TEXTURES, Settings
from careloop.imaging.measuring.account import MOST_PICTURES, Account
from careloop.imaging.measuring.batch import measure_files
from careloop.imaging.measuring.page import write_page
from careloop.imaging.measuring.result import Measured
from careloop.imaging.measuring.single import Demand, steps_of
from careloop.imaging.measuring.table import TableWriter, refusals, write_whole
from careloop.records.finding import FINDINGS

_REFUSED_SHOWN = 20
_STYLE = {"error": "red", "warning": "yellow", "info": "dim"}


def words(text: str) -> tuple[str, ...]:
    """Words parted by commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Numbers parted by commas.

    Raises
    ------
    InputError
        If one is not a number.
    """
    try:
        return tuple(float(word) for word in words(text))
    except ValueError:
        raise InputError(
            f"not numbers: {text!r}", where=option, remedy="write them as 0.5,1.5"
        ) from None


def spacing_of(text: str) -> tuple[float, float] | None:
    """Rows and columns in mm; one number for both.

    Raises
    ------
    InputError
        If it is not one or two numbers.
    """
    if not text:
        return None
    found = numbers(text, "--spacing")
    if len(found) not in {1, 2}:
        raise InputError(f"{len(found)} numbers", where="--spacing", remedy="rows,columns in mm")
    return found[0], found[-1]


def settings_of(
    *,
    families: Sequence[str],
    textures: Sequence[str],
    spacing: str,
    preprocess: Path | None,
    **others: Any,
) -> Settings:
    """Settings as the options say; families and textures that are not named are the usual ones.

    Raises
    ------
    InputError
        If one cannot be, or the file of steps cannot be read.
    """
    wanted: dict[str, Any] = others | {"spacing_mm": spacing_of(spacing)}
    if families:
        wanted["families"] = tuple(families)
    if textures:
        wanted["textures"] = TEXTURES if tuple(textures) == ("all",) else tuple(textures)
    if preprocess is not None:
        from careloop.imaging.preprocessing import Pipeline  # noqa: PLC0415 - scipy comes with it

        check_paths([preprocess])
        text = preprocess.read_text(encoding="utf-8")
        wanted["preprocessing"] = steps_of(Pipeline.from_toml(text))
    return Settings(**wanted)


def demand_of(*, side: str, site: str, allow_failed: bool = False) -> Demand:
    """What is asked beside the settings.

    Raises
    ------
    InputError
        If the side is neither left nor right.
    """
    if side not in {"left", "right", ""}:
        raise InputError(f"side {side!r}", where="--side", remedy="left or right")
    return Demand(cast("Side", side), site, allow_failed)


@dataclass(frozen=True, slots=True)
class Order:
    """What the options of one run say."""

    settings: Settings
    demand: Demand
    masks: Path | None
    processes: int | None
    store: str
    person: str
    file_names: bool
    language: str


def measure_images(paths: Sequence[Path], out: Path, *, order: Order) -> None:
    """Measure images and say where table, page and refusals lie.

    Raises
    ------
    InputError
        A path is not there, the table has no known ending, or nothing could be measured.
    """
    zh = order.language.startswith("zh")
    check_paths(paths)
    if out.suffix.lower() not in {".parquet", ".csv"}:
        raise InputError(
            f"no table ends in {out.suffix!r}", where=str(out), remedy="write .parquet or .csv"
        )
    if order.person and not order.store:
        raise InputError("--person without --db", remedy="say where the facts are stored with --db")
    account = Account(order.settings)
    keeper = FactKeeper(open_store(order.store), order.person) if order.store else None
    with _watching(account, zh=zh) as begun, TableWriter(out) as table:
        for one in measure_files(
            paths,
            masks=order.masks,
            settings=order.settings,
            demand=order.demand,
            processes=order.processes,
            pictures=MOST_PICTURES,
            begun=begun,
        ):
            number = account.add(one)
            if isinstance(one, Measured):
                table.add(number, one)
                if keeper is not None:
                    keeper.take(one)
        if keeper is not None:
            keeper.finish()
    written = _write_beside(account, out, language=order.language, file_names=order.file_names)
    _tell(account, keeper, [out, *written], zh=zh)
    if not account.measured:
        raise InputError(
            "no image was measured" if account.refused else "no image was found",
            remedy=f"see {written[-1]}",
        )


def check_paths(paths: Sequence[Path]) -> None:
    """Refuse a path that is not there.

    Raises
    ------
    InputError
        Naming it.
    """
    for path in paths:
        if not path.exists():
            raise InputError("no such file or folder", where=str(path), remedy="check the path")


@contextmanager
def _watching(account: Account, *, zh: bool) -> Iterator[Callable[[int], None]]:
    """A line that counts while somebody watches."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("")

        def begun(images: int) -> None:
            done, refused = account.measured, len(account.refused)
            told = (
                f"图像 {images:,} · 已测量 {done:,} · 拒测 {refused:,}"
                if zh
                else f"images {images:,} · measured {done:,} · refused {refused:,}"
            )
            progress.update(task, description=told)

        begun(0)
        yield begun


def _write_beside(account: Account, out: Path, *, language: str, file_names: bool) -> list[Path]:
    """Settings, refusals (where there are any) and the page, beside the table."""
    written = [
        write_whole(
            out.with_suffix(".settings.json"),
            lambda file: file.write_text(account.settings.json + "\n", encoding="utf-8"),
        )
    ]
    refused = out.with_suffix(".refused.csv")
    if account.refused:
        rows = refusals(account.refused)
        written.append(write_whole(refused, lambda file: rows.write_csv(file, include_bom=True)))
    else:
        refused.unlink(missing_ok=True)  # of an earlier run into the same place
    written.append(
        write_page(
            account,
            out.with_suffix(".html"),
            language=language,
            table=out,
            at=datetime.now().astimezone(),
            file_names=file_names,
        )
    )
    return written


def _tell(
    account: Account, keeper: FactKeeper | None, written: Sequence[Path], *, zh: bool
) -> None:
    console = Console()

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    images, regions, refused = len(account.images), account.measured, len(account.refused)
    say(
        f"已测量 {images:,} 幅图像的 {regions:,} 个区域；拒测 {refused:,}"
        if zh
        else f"measured {regions:,} regions of {images:,} images; refused {refused:,}",
        "bold",
    )
    for kind, group in account.refused_by_code():
        say(f"  {kind.code} ×{len(group):,}: {kind.zh if zh else kind.en}", _STYLE["error"])
        for number, one in group[:_REFUSED_SHOWN]:
            detail = one.problem.removeprefix(kind.en).lstrip(": ")
            say(f"      {number}  {one.name}{'  ' if detail else ''}{detail}", "dim")
        if len(group) > _REFUSED_SHOWN:
            say(f"      … +{len(group) - _REFUSED_SHOWN}", "dim")
        say(f"      → {kind.remedy_zh if zh else kind.remedy_en}", "dim")
    for kind, count in account.remarks_by_severity():
        say(f"  {kind.code} ×{count:,}: {kind.zh if zh else kind.en}", _STYLE[kind.severity])
    if keeper is not None:
        say(
            f"入库事实 {keeper.facts:,} 条（{keeper.images:,} 幅图像），已有 {keeper.known:,} 条"
            if zh
            else f"stored {keeper.facts:,} facts of {keeper.images:,} images, "
            f"{keeper.known:,} known before"
        )
        for code, count in keeper.unkept.items():
            kind = FINDINGS[code]
            say(f"  {code} ×{count:,}: {kind.zh if zh else kind.en}", _STYLE[kind.severity])
            say(f"      → {kind.remedy_zh if zh else kind.remedy_en}", "dim")
    for path in written:
        say(f"  {path}")
