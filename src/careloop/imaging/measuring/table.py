"""Results as a table: one row for each region of each image, a column for each number.

Beside the numbers stands where they come from: file, content hash, frame, spacing, kind of image,
settings, software, findings. A table of many images is written in parts and put together at the
end, so that memory holds only one part, and the file is there whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import polars as pl

from careloop.imaging.image import Image, Mask
from careloop.imaging.measurement import Settings
from careloop.imaging.measuring.mask import Region
from careloop.imaging.measuring.result import SOFTWARE, Measured, Refused, codes
from careloop.imaging.measuring.single import Demand, Task, measured_image
from careloop.imaging.measuring.value import columns

PROVENANCE: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    "file": pl.String(),
    "frame": pl.Int64(),
    "sha256": pl.String(),
    "region": pl.String(),
    "region_pixels": pl.Int64(),
    "mask": pl.String(),  # "drawn", "automatic"
    "person_id": pl.String(),
    "taken_at": pl.Datetime("us"),
    "kind": pl.String(),
    "modality": pl.String(),
    "body_part": pl.String(),
    "side": pl.String(),
    "device": pl.String(),
    "rows": pl.Int64(),
    "columns": pl.Int64(),
    "slices": pl.Int64(),
    "spacing_row_mm": pl.Float64(),
    "spacing_column_mm": pl.Float64(),
    "spacing_from": pl.String(),
    "quality": pl.String(),
    "findings": pl.String(),
    "settings": pl.String(),
    "software": pl.String(),
}
"""Columns before the numbers. `number` counts regions and refusals in the order of the input."""

REFUSED: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    "file": pl.String(),
    "frame": pl.Int64(),
    "region": pl.String(),
    "code": pl.String(),
    "problem": pl.String(),
    "remedy": pl.String(),
    "sha256": pl.String(),
}
_PART = 2_000
"""Rows held in memory: some 4 MB at 250 columns."""


def table(results: Iterable[Measured], *, first: int = 1) -> pl.DataFrame:
    """Results as a Polars table; a number that is not defined is null.

    Rows are in the order of the results, numbered from `first`; columns are those of `PROVENANCE`,
    then the numbers in the order in which they were met.
    """
    return _frame([(first + place, each) for place, each in enumerate(results)])


def refusals(refused: Iterable[tuple[int, Refused]]) -> pl.DataFrame:
    """What was refused, with its number in the run."""
    rows = [
        (at, one.name, one.frame, one.region, one.code, one.problem, one.remedy, one.sha256)
        for at, one in refused
    ]
    return pl.DataFrame(rows, schema=REFUSED, orient="row")


def radiomics_table(
    images: Sequence[Image],
    masks: Sequence[Mask | None] | None = None,
    *,
    settings: Settings | None = None,
    region: str = "region",
    demand: Demand | None = None,
) -> pl.DataFrame:
    """Measure images that are in memory: a row each, in their order.

    Parameters
    ----------
    images
        What is measured.
    masks
        One for each image; without it (or where it is None) the bright foreground is measured.
    settings, demand
        As in `measure`.
    region
        What the drawn regions are called.

    Returns
    -------
    pl.DataFrame
        As `table` makes it, with every column of the settings. An image that is refused has its
        row, too: its numbers are null and `quality` says why.

    Raises
    ------
    ValueError
        If images and masks are not equally many.

    Examples
    --------
    >>> from careloop.imaging.image import Origin
    >>> pixels = np.add.outer(np.arange(64.0), np.arange(48.0))
    >>> image = Image(pixels, (0.5, 0.5), "given", "picture", Origin("a.png", "0" * 64, "png"))
    >>> some = radiomics_table([image], [np.ones((64, 48), bool)], settings=Settings(bins=16))
    >>> some.select("region", "radiomics_intensity_mean").rows()
    [('region', 55.0)]
    """
    settings, demand = settings or Settings(), demand or Demand()
    drawn = [None] * len(images) if masks is None else list(masks)
    rows: list[tuple[int, Measured]] = []
    for number, (image, mask) in enumerate(zip(images, drawn, strict=True), 1):
        regions = None if mask is None else _Given(region, mask)
        (one,) = measured_image(image, Task(settings, demand, regions))
        rows.append((number, one if isinstance(one, Measured) else _empty(image, one, settings)))
    frame = _frame(rows)
    lacking = [name for name in columns(settings) if name not in frame.columns]
    return frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in lacking)


class _Given:
    """The one region of an image in memory."""

    def __init__(self, name: str, mask: Mask) -> None:
        self.region = Region(name, np.asarray(mask) != 0)

    def __call__(self, image: Image) -> list[Region]:
        del image
        return [self.region]


def _empty(image: Image, refused: Refused, settings: Settings) -> Measured:
    from careloop.imaging.measuring.result import without_pixels

    return Measured(
        without_pixels(image),
        tuple(image.pixels.shape),
        refused.region,
        0,
        "",
        {},
        settings.id,
        f"refused {refused.code}: {refused.problem}",
        (*image.findings, *refused.findings),
    )


def _frame(rows: Sequence[tuple[int, Measured]]) -> pl.DataFrame:
    about = [_provenance(number, each) for number, each in rows]
    names = dict.fromkeys(name for _, each in rows for name in each.values)
    numbers = np.full((len(names), len(rows)), np.nan)
    place = {name: at for at, name in enumerate(names)}
    for at, (_, each) in enumerate(rows):
        numbers[[place[name] for name in each.values], at] = list(each.values.values())
    told = pl.DataFrame(about, schema=PROVENANCE, orient="row")
    measured = pl.DataFrame(
        dict(zip(names, numbers, strict=True)), schema=dict.fromkeys(names, pl.Float64())
    )
    measured = measured.with_columns(pl.all().fill_nan(None)) if names else measured
    return told.hstack(measured) if names else told


def _provenance(number: int, one: Measured) -> tuple[object, ...]:
    image, origin, shape = one.image, one.image.origin, one.shape
    return (
        number,
        origin.name,
        origin.frame,
        origin.sha256,
        one.region,
        one.region_pixels,
        one.mask_from,
        image.subject.person_id or None,
        None if image.taken_at is None else image.taken_at.replace(tzinfo=None),
        image.kind,
        image.modality,
        image.body_part,
        image.side,
        image.device,
        shape[-2],
        shape[-1],
        shape[0] if len(shape) == 3 else None,
        image.in_plane_mm[0],
        image.in_plane_mm[1],
        image.spacing_from,
        one.quality,
        codes(one.findings),
        one.settings_id,
        SOFTWARE,
    )


class TableWriter:
    """Writes a table row by row; used with `with`, the file appears when all went well.

    Parameters
    ----------
    path
        `….parquet`, or `….csv` for programs that read nothing else.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.rows = 0
        self._waiting: list[tuple[int, Measured]] = []
        self._parts: list[Path] = []
        self._folder = Path()

    def __enter__(self) -> TableWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        made = tempfile.mkdtemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        self._folder = Path(made)
        return self

    def add(self, number: int, one: Measured) -> None:
        """Take one row."""
        self._waiting.append((number, one))
        self.rows += 1
        if len(self._waiting) >= _PART:
            self._flush()

    def _flush(self) -> None:
        part = self._folder / f"{len(self._parts):06}.parquet"
        _frame(self._waiting).write_parquet(part)
        self._parts.append(part)
        self._waiting = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                if self._waiting or not self._parts:
                    self._flush()
                write_whole(self.path, self._put_together)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _put_together(self, file: Path) -> None:
        whole = pl.concat([pl.scan_parquet(part) for part in self._parts], how="diagonal")
        if self.path.suffix.lower() == ".csv":
            whole.sink_csv(file, include_bom=True)
        else:
            whole.sink_parquet(file)


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Write a file beside its place and move it there when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
