"""One DICOM file in, its images out: a picture, the frames of a film, or a volume."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.image import Image, Origin
from careloop.imaging.reading import finding
from careloop.imaging.reading.dicom import meaning, person, pixel
from careloop.imaging.reading.dicom.geometry import Stacking, stacking
from careloop.imaging.reading.dicom.parsing import Header, quiet
from careloop.imaging.reading.dicom.spacing import pixel_spacing
from careloop.imaging.reading.dicom.value import group, number, numbers, text
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.spacing import checked
from careloop.records.finding import Finding

_EXTRA = (
    "ViewPosition",
    "PatientPosition",
    "PhotometricInterpretation",
    "ConvolutionKernel",
    "SliceThickness",
    "KVP",
    "PixelPaddingValue",
    "ImageType",
    "PresentationIntentType",
)


def read_file(
    header: Header, sha256: str, *, given: tuple[float, ...], limits: Limits
) -> list[Image]:
    """Make the images of one parsed file.

    Parameters
    ----------
    header
        The complete data set.
    sha256
        Of the file's bytes.
    given
        The user's spacing or nothing.
    limits
        Bounds.

    Raises
    ------
    RefusedError
        What is no image, damaged, too large or of unknown pixel size.
    """
    with quiet() as caught:
        images = _images(header, sha256, given, limits)
    if not caught:
        return images
    broken = Finding(finding.BROKEN_VALUES, header.name, count=len(caught))
    return [replace(image, findings=merged([*image.findings, broken])) for image in images]


def _images(header: Header, sha256: str, given: tuple[float, ...], limits: Limits) -> list[Image]:
    dataset = header.dataset
    meaning.refuse_other_objects(dataset)
    shape = pixel.layout(dataset, limits)
    device = meaning.device(header)
    dxa = meaning.is_dxa(header, device)
    # The pixel size is settled before pixels are decoded: a refusal costs nothing.
    first = pixel_spacing(header, given=given, frame=0, is_dxa=dxa)
    stored = pixel.stored_frames(header, shape, limits)
    hounsfield = meaning.is_hounsfield(dataset, pixel.transform(header, 0))
    kind = meaning.kind(header, dxa=dxa, hounsfield=hounsfield)
    meaning.remark_on_loss(header)
    frames = [pixel.modality_values(header, stored[i], i) for i in range(shape.frames)]
    if kind != "ct":
        frames = [pixel.bone_bright(header, frame, shape, i) for i, frame in enumerate(frames)]
    common = _about(header, device, kind)
    steps = (first.row_mm, first.column_mm)
    volume = _volume(header, shape.frames) if shape.frames > 1 else None
    if volume is not None or (shape.frames > 1 and len(given) == 3):
        order, depth_mm, source = _depth(
            header, volume, given=given, source=first.source, frames=shape.frames
        )
        pixels: NDArray[Any] = np.stack([frames[i] for i in order])
        spacing = checked((depth_mm, *steps), source)
        origin = _origin(header, sha256, None)
        whole = _image(header, pixels, spacing=spacing, source=source, origin=origin, about=common)
        return [whole]
    images = []
    for i, frame in enumerate(frames):
        place = pixel_spacing(header, given=given, frame=i, is_dxa=dxa) if i else first
        origin = _origin(header, sha256, i if shape.frames > 1 else None)
        two = (place.row_mm, place.column_mm)
        images.append(
            _image(header, frame, spacing=two, source=place.source, origin=origin, about=common)
        )
    return images


def _about(header: Header, device: str, kind: str) -> dict[str, Any]:
    dataset = header.dataset
    body_part = meaning.body_part(header)
    named = " ".join(person.words(header, word) for word in ("ProtocolName", "SeriesDescription"))
    extra = {word: found for word in _EXTRA if (found := text(dataset, word))}
    return {
        "kind": kind,
        "modality": text(dataset, "Modality"),
        "body_part": body_part,
        "side": meaning.side(header, f"{named} {body_part}"),
        "device": device,
        "software": text(dataset, "SoftwareVersions").replace("\\", ", "),
        "taken_at": person.taken_at(header),
        "subject": person.subject(header),
        "extra": extra,
    }


def _origin(header: Header, sha256: str, frame: int | None) -> Origin:
    dataset = header.dataset
    return Origin(
        header.name,
        sha256,
        "dicom",
        frame=frame,
        sop_instance_uid=text(dataset, "SOPInstanceUID"),
        series_instance_uid=text(dataset, "SeriesInstanceUID"),
    )


def _image(
    header: Header,
    pixels: NDArray[Any],
    *,
    spacing: tuple[float, ...],
    source: str,
    origin: Origin,
    about: dict[str, Any],
) -> Image:
    return Image(pixels, spacing, source, origin=origin, findings=merged(header.findings), **about)


def merged(findings: list[Finding]) -> tuple[Finding, ...]:
    """The same remarks once, with their counts added up."""
    seen: dict[tuple[str, str, str], Finding] = {}
    for found in findings:
        key = (found.code, found.where, found.detail)
        if found.code == finding.BROKEN_VALUES and key in seen:
            count = seen[key].count + found.count
            seen[key] = Finding(found.code, found.where, detail=found.detail, count=count)
        else:
            seen.setdefault(key, found)
    return tuple(seen.values())


def _volume(header: Header, frames: int) -> Stacking | None:
    """Whether the frames of an enhanced image are the slices of one volume, in which order."""
    places, turns = [], []
    for i in range(frames):
        place = group(header.dataset, i, "PlanePositionSequence")
        turn = group(header.dataset, i, "PlaneOrientationSequence")
        if place is None or turn is None:
            return None
        places.append(numbers(place, "ImagePositionPatient"))
        turns.append(numbers(turn, "ImageOrientationPatient"))
    if any(len(place) != 3 for place in places) or any(len(turn) != 6 for turn in turns):
        return None
    if np.ptp(np.array(turns), axis=0).max() > 1e-3:
        return None
    found = stacking(np.array(places), turns[0])
    if not found.order:
        return None
    for code, detail in found.remarks:
        header.remark(code, detail=detail)
    return found


def _depth(
    header: Header,
    volume: Stacking | None,
    *,
    given: tuple[float, ...],
    source: str,
    frames: int,
) -> tuple[tuple[int, ...], float, str]:
    order = volume.order if volume else tuple(range(frames))
    if len(given) == 3:
        if volume and abs(volume.step_mm - given[0]) > 0.01 * given[0]:
            detail = f"slices {volume.step_mm:.4g} mm apart"
            header.remark(finding.GIVEN_DISAGREES, detail=detail)
        return order, given[0], "given"
    assert volume is not None  # noqa: S101 (the caller saw to it)
    measures = group(header.dataset, 0, "PixelMeasuresSequence")
    between = number(measures, "SpacingBetweenSlices") if measures is not None else None
    if between and abs(abs(between) - volume.step_mm) > 0.05 * volume.step_mm:
        detail = f"SpacingBetweenSlices {between:g} mm, positions {volume.step_mm:.4g} mm"
        header.remark(finding.SPACING_DISAGREES, detail=detail)
    return order, volume.step_mm, f"{source}, slice positions"
