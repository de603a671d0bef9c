"""The slices of a CT or MR series, put together to one stack [z, y, x].

Slices are grouped by series, orientation, matrix and pixel size, and sorted by
ImagePositionPatient along the normal (row × column), which for axial slices runs towards the head.
A slice is remembered by where it is and how to get it again, not by its pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from careloop.imaging.image import Image
from careloop.imaging.reading import finding, reason
from careloop.imaging.reading.dicom import meaning
from careloop.imaging.reading.dicom.geometry import Stacking, normal, stacking
from careloop.imaging.reading.dicom.image import merged, read_file
from careloop.imaging.reading.dicom.parsing import Header, parse
from careloop.imaging.reading.dicom.value import number, numbers, text, whole
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.refusal import Refusal, RefusedError
from careloop.imaging.reading.spacing import checked
from careloop.records.finding import Finding

_STACKED = frozenset({"CT", "MR", "PT"})
_SPLITS = ("AcquisitionNumber", "TemporalPositionIdentifier", "EchoNumbers", "ImageType")

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """One file of a series: where it lies, what may tell it apart, how to get its bytes."""

    name: str
    key: Key
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    between_mm: float | None
    sop_instance_uid: str
    sha256: str
    splits: tuple[str, ...]
    pixels: int
    load: Callable[[], bytes]


def slice_of(
    header: Header, sha256: str, load: Callable[[], bytes], *, folder: str
) -> Slice | None:
    """The slice a header tells of; `None` where the file is an image by itself.

    `folder` stands for the series where SeriesInstanceUID was removed.
    """
    dataset = header.dataset
    series: object = text(dataset, "SeriesInstanceUID")
    if not series:
        series = ("", folder, text(dataset, "FrameOfReferenceUID"))
    if text(dataset, "Modality").upper() not in _STACKED:
        return None
    if meaning.is_localizer(dataset) or (whole(dataset, "NumberOfFrames") or 1) != 1:
        return None
    position = numbers(dataset, "ImagePositionPatient")
    orientation = numbers(dataset, "ImageOrientationPatient")
    if len(position) != 3 or normal(orientation) is None:
        return None
    rows, columns = whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0
    turn = tuple(round(part, 3) + 0.0 for part in orientation)
    steps = tuple(round(step, 4) for step in numbers(dataset, "PixelSpacing"))
    return Slice(
        header.name,
        (series, turn, rows, columns, steps),
        position,
        orientation,
        number(dataset, "SpacingBetweenSlices"),
        text(dataset, "SOPInstanceUID"),
        sha256,
        tuple(text(dataset, keyword) for keyword in _SPLITS),
        rows * columns,
        load,
    )


def lacks_position(header: Header) -> bool:
    """Whether it is a CT or MR slice that says not where it lies."""
    dataset = header.dataset
    return (
        text(dataset, "Modality").upper() in _STACKED
        and (whole(dataset, "NumberOfFrames") or 1) == 1
        and not meaning.is_localizer(dataset)
        and (
            len(numbers(dataset, "ImagePositionPatient")) != 3
            or normal(numbers(dataset, "ImageOrientationPatient")) is None
        )
    )


def assemble(
    slices: list[Slice], *, given: tuple[float, ...], limits: Limits
) -> Iterator[Image | Refusal]:
    """Put the slices of one key together: one stack, several (acquisitions), or a refusal.

    Parameters
    ----------
    slices
        All of one key; a single one gives an image [y, x].
    given
        The user's spacing or nothing.
    limits
        Bounds.
    """
    kept, doubles = _without_doubles(slices)
    remarks = [Finding(finding.SLICES_DOUBLE, kept[0].name, count=doubles)] if doubles else []
    if len(kept) > 1 and isinstance(kept[0].key[0], tuple):
        remarks.append(Finding(finding.SERIES_GUESSED, _name(kept)))
    if len(kept) == 1:
        yield _guard(kept, None, remarks=remarks, given=given, limits=limits)
        return
    found = _placed(kept)
    if not found.together:
        yield _guard(kept, found, remarks=remarks, given=given, limits=limits)
        return
    parts = _split(kept)
    if parts is None:
        refusal = RefusedError(reason.SLICES_CLASH, f"{len(found.together)} places")
        yield refusal.refusal(_name(kept))
        return
    for part in parts:
        own = [*remarks, Finding(finding.SEVERAL_STACKS, part[0].name)]
        place = _placed(part) if len(part) > 1 else None
        yield _guard(part, place, remarks=own, given=given, limits=limits)


def _name(slices: list[Slice]) -> str:
    more = len(slices) - 1
    return f"{slices[0].name} (+ {more} slices)" if more else slices[0].name


def _placed(slices: list[Slice]) -> Stacking:
    positions = np.array([part.position for part in slices])
    return stacking(positions, slices[0].orientation, between_mm=slices[0].between_mm)


def _without_doubles(slices: list[Slice]) -> tuple[list[Slice], int]:
    """Drop slices that came twice: the same bytes, or the same instance at the same place."""
    seen: set[object] = set()
    kept = []
    for part in slices:
        instance = (part.sop_instance_uid, part.position) if part.sop_instance_uid else part.sha256
        if part.sha256 in seen or instance in seen:
            continue
        seen |= {part.sha256, instance}
        kept.append(part)
    return kept, len(slices) - len(kept)


def _split(slices: list[Slice]) -> list[list[Slice]] | None:
    """Part the slices by the first attribute that leaves none of them at another's place."""
    for place in range(len(_SPLITS)):
        groups: dict[str, list[Slice]] = {}
        for part in slices:
            groups.setdefault(part.splits[place], []).append(part)
        parts = list(groups.values())
        if len(parts) > 1 and not any(len(p) > 1 and _placed(p).together for p in parts):
            return parts
    return None


def _guard(
    slices: list[Slice],
    placed: Stacking | None,
    *,
    remarks: list[Finding],
    given: tuple[float, ...],
    limits: Limits,
) -> Image | Refusal:
    try:
        if placed is not None and placed.refused:
            return RefusedError(placed.refused, placed.detail).refusal(_name(slices))
        if len(slices) * slices[0].pixels > limits.stack_pixels:
            detail = f"{len(slices)} slices of {slices[0].pixels:,}"
            return RefusedError(reason.TOO_MANY_PIXELS, detail).refusal(_name(slices))
        order = placed.order if placed else (0,)
        in_order = [slices[i] for i in order]
        return _stack(in_order, placed, remarks=remarks, given=given, limits=limits)
    except RefusedError as refused:
        return refused.refusal(_name(slices))
    except Exception as error:  # a file that changed while it was read
        damaged = RefusedError(reason.DAMAGED, type(error).__name__)
        return damaged.refusal(_name(slices))


def _stack(
    slices: list[Slice],
    placed: Stacking | None,
    *,
    remarks: list[Finding],
    given: tuple[float, ...],
    limits: Limits,
) -> Image:
    images = [_slice_image(part, given, limits) for part in slices]
    first = images[0]
    if placed is None:
        return replace(first, findings=merged([*first.findings, *remarks]))
    where = _name(slices)
    found = [
        Finding(remark.code, where, detail=remark.detail, count=remark.count)
        for image in images
        for remark in image.findings
    ]
    found += [Finding(code, where, detail=detail) for code, detail in placed.remarks]
    step = given[0] if len(given) == 3 else placed.step_mm
    if len(given) == 3 and abs(step - placed.step_mm) > 0.01 * step:
        detail = f"slices {placed.step_mm:.4g} mm apart"
        found.append(Finding(finding.GIVEN_DISAGREES, where, detail=detail))
    sha = hashlib.sha256("".join(image.origin.sha256 for image in images).encode()).hexdigest()
    source = first.spacing_from if given else f"{first.spacing_from}, slice positions"
    kinds = {image.kind for image in images}
    return replace(
        first,
        pixels=np.stack([image.pixels for image in images]),
        spacing_mm=checked((step, *first.spacing_mm), source),
        spacing_from=source,
        kind=first.kind if len(kinds) == 1 else "other",
        origin=replace(first.origin, name=where, sha256=sha, sop_instance_uid=""),
        findings=merged([*found, *remarks]),
    )


def _slice_image(part: Slice, given: tuple[float, ...], limits: Limits) -> Image:
    data = part.load()
    header = parse(data, name=part.name, limits=limits)
    (image,) = read_file(header, part.sha256, given=given, limits=limits)
    return image
