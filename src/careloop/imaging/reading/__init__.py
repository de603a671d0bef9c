"""Reading bone images: DICOM, PNG, TIFF, JPEG and NIfTI; files, folders and archives.

`read_images` takes whatever lies at a path and gives an `Image` or a `Refusal` for each thing in
it; it never raises for a bad file. `read_image` is for one image and raises `InputError`. The size
of a pixel is always known: read from the file, or given; without it the file is refused.

Pixels are grey, in the smallest type that holds them; the Modality LUT is applied, the VOI LUT
(window) is not; projections are turned so that bone is bright. CT and MR slices of one series
become one stack [z, y, x], z along the normal of the slices.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from careloop.imaging.image import Image
from careloop.imaging.reading import finding, nifti, raster, reason
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.refusal import Refusal, RefusedError, refuse
from careloop.imaging.reading.source import File, files_below, kind_of, open_path
from careloop.imaging.reading.spacing import GivenSpacing, given_steps

__all__ = ["Limits", "Refusal", "read_image", "read_images"]

Paths = str | Path | Iterable[str | Path]


def read_image(
    path: str | Path, *, spacing_mm: GivenSpacing = None, limits: Limits | None = None
) -> Image:
    """Read the one image in a file, in an archive, or of a folder that holds one CT series.

    Parameters
    ----------
    path
        File, folder or archive.
    spacing_mm
        Size of a pixel: one figure, (row, column), or (slice, row, column); goes before the file's.
    limits
        Bounds; `Limits()` where not given.

    Returns
    -------
    Image
        With its findings.

    Raises
    ------
    InputError
        The file is refused, or holds several images: the text says which and what to do.
    ValueError
        `spacing_mm` is not possible.
    """
    found: Image | None = None
    for read in read_images(path, spacing_mm=spacing_mm, limits=limits):
        if isinstance(read, Refusal):
            raise read.error()
        if found is not None:
            raise RefusedError(reason.SEVERAL_IMAGES).refusal(Path(path).name).error()
        found = read
    if found is None:
        raise RefusedError(reason.NO_FILES).refusal(Path(path).name).error()
    return found


def read_images(
    paths: Paths, *, spacing_mm: GivenSpacing = None, limits: Limits | None = None
) -> Iterator[Image | Refusal]:
    """Read every image in files, folders (with all below) and archives.

    Single images come as they are met; stacks of CT and MR slices follow, those of an archive at
    its end, those of files on disk at the end of all paths.

    Parameters
    ----------
    paths
        One path or several.
    spacing_mm
        Size of a pixel, for all; goes before what files say.
    limits
        Bounds; `Limits()` where not given.

    Yields
    ------
    Image | Refusal
        One for each image or series, or for each file that gave none.

    Raises
    ------
    ValueError
        `spacing_mm` is not possible. Nothing in a file raises.

    Examples
    --------
    >>> [(read.problem, read.code) for read in read_images("no such file.dcm")]
    [('cannot be opened: No such file or directory', 'I173')]
    """
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    reader = _Reader(given_steps(spacing_mm), limits or Limits())
    return reader.read([Path(path) for path in several])


class _Reader:
    """Reads path after path and keeps the slices of series until they are complete."""

    def __init__(self, given: tuple[float, ...], limits: Limits) -> None:
        self.given, self.limits = given, limits
        self.on_disk = _Series()

    def read(self, paths: list[Path]) -> Iterator[Image | Refusal]:
        for path in paths:
            empty = True
            try:
                below = list(files_below(path)) if path.is_dir() else [path]
            except OSError as error:
                problem = RefusedError(reason.ARCHIVE_FAULT, type(error).__name__)
                yield problem.refusal(path.name)
                continue
            for file in below:
                empty = False
                yield from self._path(file)
            if empty:
                yield RefusedError(reason.NO_FILES).refusal(path.name)
        yield from self.on_disk.assembled(self.given, self.limits)

    def _path(self, path: Path) -> Iterator[Image | Refusal]:
        packed = _Series()
        for file in open_path(path, limits=self.limits):
            if isinstance(file, Refusal):
                yield file
            else:
                yield from self._file(file, self.on_disk if file.path else packed)
        yield from packed.assembled(self.given, self.limits)

    def _file(self, file: File, series: _Series) -> Iterator[Image | Refusal]:
        try:
            yield from self._images(file, series)
        except RefusedError as refused:
            yield refused.refusal(file.name)
        except Exception as error:  # whatever noise may still bring about: never a crash
            yield RefusedError(reason.DAMAGED, type(error).__name__).refusal(file.name)

    def _images(self, file: File, series: _Series) -> list[Image]:
        kind = kind_of(file.data)
        if kind == "pdf":
            refuse(reason.IS_A_REPORT)
        if not kind:
            refuse(reason.UNKNOWN_KIND)
        sha256 = hashlib.sha256(file.data).hexdigest()
        if kind == "dicom":
            return self._dicom(file, sha256, series)
        read = raster.read_file if kind == "raster" else nifti.read_file
        return read(file.data, sha256, name=file.name, given=self.given, limits=self.limits)

    def _dicom(self, file: File, sha256: str, series: _Series) -> list[Image]:
        from careloop.imaging.reading.dicom import image, parsing
        from careloop.imaging.reading.dicom import series as stack

        header = parsing.parse(file.data, name=file.name, limits=self.limits)
        folder = str(file.path.parent) if file.path else file.name.rpartition("/")[0]
        with parsing.quiet():
            part = stack.slice_of(header, sha256, _loader(file), folder=folder)
            lost = part is None and stack.lacks_position(header)
        if part is not None:
            series.add(part, 0 if file.path else len(file.data), self.limits)
            return []
        if lost:
            header.remark(finding.NOT_STACKED)
        return image.read_file(header, sha256, given=self.given, limits=self.limits)


def _loader(file: File) -> Callable[[], bytes]:
    """How to get a slice's bytes again: from disk, or from memory for a packed one."""
    if file.path is None:
        data = file.data
        return lambda: data
    path = file.path
    return path.read_bytes


class _Series:
    """Slices waiting for the rest of their series."""

    def __init__(self) -> None:
        self.slices: dict[tuple[object, ...], list[object]] = {}
        self.held = 0

    def add(self, part: object, size: int, limits: Limits) -> None:
        self.held += size
        if self.held > limits.held_bytes:
            detail = f"the series of this archive take more than {limits.held_bytes:,} bytes"
            refuse(reason.FILE_TOO_LARGE, detail)
        self.slices.setdefault(part.key, []).append(part)  # type: ignore[attr-defined]

    def assembled(self, given: tuple[float, ...], limits: Limits) -> Iterator[Image | Refusal]:
        if not self.slices:
            return
        from careloop.imaging.reading.dicom.series import assemble

        waiting, self.slices, self.held = self.slices, {}, 0
        for slices in waiting.values():
            yield from assemble(slices, given=given, limits=limits)  # type: ignore[arg-type]
