"""De-identification of DICOM images after PS3.15 Annex E: Basic Application Profile.

Implemented: the Basic Profile (every attribute of Table E.1-1, edition in `profile.EDITION`), the
Clean Pixel Data Option (113101), and on request the Retain Patient Characteristics Option (113108)
and the Retain Longitudinal Temporal Information With Modified Dates Option (113107). Stricter than
the profile: every private and unknown attribute, overlay, curve, free text, person name and date is
removed even where the table is silent; texts that repeat a word of the person's names or numbers
are emptied; UIDs are replaced wherever they stand; pixels are written anew without compression, so
that nothing can hide in a compressed stream, in unused bits or behind the picture.

Not done: faces in CT (Clean Recognizable Visual Features Option) and objects that are no images.
The name of the file is the caller's to choose.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from careloop import __version__
from careloop.error import CareloopError, InputError
from careloop.imaging.deidentification.burned_in import Box, FindText, as_shown, blank, find_text
from careloop.imaging.deidentification.profile import EDITION, Option
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.refusal import RefusedError

if TYPE_CHECKING:
    from pydicom import Dataset

    from careloop.imaging.reading.dicom.parsing import Header

__all__ = ["Box", "Deidentified", "FindText", "Option", "deidentify", "deidentify_file",
           "find_text"]  # fmt: skip

_LEAST_KEY = 16
_METHODS = {
    "basic": ("113100", "Basic Application Confidentiality Profile"),
    "pixels": ("113101", "Clean Pixel Data Option"),
    "modified_dates": (
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    "patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
}


@dataclass(frozen=True, slots=True)
class Deidentified:
    """A de-identified data set and the account of what was done to it.

    Attributes
    ----------
    dataset
        To be written with `save_as` (explicit little endian, uncompressed).
    person_id
        What stands for the person.
    done
        How many attributes were removed, emptied, replaced, kept; no values.
    boxes
        What was blanked in the picture.
    blanked_pixels
        Pixels in them, all frames together.
    text_checked_by
        "detector", "regions given" or "BurnedInAnnotation NO".
    """

    dataset: Dataset
    person_id: str
    done: dict[str, int]
    boxes: tuple[Box, ...]
    blanked_pixels: int
    text_checked_by: str


def deidentify(
    dataset: Dataset,
    *,
    key: bytes,
    regions: Sequence[Box] | None = None,
    detector: FindText | None = None,
    options: Iterable[Option] = (),
    person_id: str = "",
    limits: Limits | None = None,
) -> Deidentified:
    """Make a de-identified copy of an image; the data set given is not changed.

    Parameters
    ----------
    dataset
        A complete DICOM image as pydicom reads it.
    key
        At least 16 secret bytes. The same key gives the same UIDs and pseudonyms, so that the files
        of a study stay together; who has it can test guesses.
    regions
        Boxes to blank. An empty list says: looked at, there is no text in the picture.
    detector
        Finds text to blank, as `find_text` does (extra `ocr`).
    options
        "patient_characteristics": sex, age (90 for all above 89), size and weight stay.
        "modified_dates": dates move back by a number of days that is the same for a person.
    person_id
        What stands for the person's name and number; a pseudonym from the key where empty.
    limits
        Bounds for decoding.

    Raises
    ------
    InputError
        No image, damaged, or nobody says whether text is burned into the picture: neither
        `regions` nor `detector` is given, and BurnedInAnnotation is not NO.
    ValueError
        The key is too short.

    Examples
    --------
    >>> import numpy as np
    >>> from pydicom import Dataset
    >>> image = Dataset()
    >>> image.Modality, image.PatientName, image.PatientID = "CR", "Doe^Jane", "4711"
    >>> image.Rows, image.Columns, image.BitsAllocated = 2, 2, 8
    >>> image.PixelData = bytes([1, 2, 3, 4])
    >>> clean = deidentify(image, key=b"sixteen secrets!", regions=[Box(0, 0, 1, 1)]).dataset
    >>> clean.PatientID.startswith("ANON-"), clean.PatientIdentityRemoved, list(clean.PixelData)
    (True, 'YES', [1, 2, 3, 4])
    """
    if len(key) < _LEAST_KEY:
        raise ValueError(f"the key must have at least {_LEAST_KEY} bytes")
    from careloop.imaging.reading.dicom.parsing import Header, quiet

    syntax = str(getattr(dataset, "file_meta", {}).get("TransferSyntaxUID", "") or "")
    header = Header(dataset, syntax or "1.2.840.10008.1.2.1", "")
    with quiet():
        try:
            return _deidentified(
                header,
                key=key,
                regions=regions,
                detector=detector,
                options=frozenset(options),
                person_id=person_id,
                limits=limits or Limits(),
            )
        except RefusedError as refused:
            raise refused.refusal("").error() from None
        except CareloopError:
            raise
        except Exception as error:  # noise in a header raises almost anything
            raise _impossible(error, "") from None


def _impossible(error: Exception, where: str) -> InputError:
    """What went wrong, without the values that an exception may quote."""
    return InputError(
        f"cannot be de-identified ({type(error).__name__})",
        where=where,
        remedy="export or copy it again",
    )


def deidentify_file(
    source: str | Path,
    target: str | Path,
    *,
    key: bytes,
    regions: Sequence[Box] | None = None,
    detector: FindText | None = None,
    options: Iterable[Option] = (),
    person_id: str = "",
    limits: Limits | None = None,
) -> Deidentified:
    """Write a de-identified copy of a DICOM file (see `deidentify`).

    Raises
    ------
    InputError
        As `deidentify`; or `target` exists.
    """
    from pydicom.uid import UID

    from careloop.imaging.reading.dicom.parsing import parse, quiet

    source, target = Path(source), Path(target)
    bounds = limits or Limits()
    if target.exists():
        raise InputError("exists already", where=target.name, remedy="choose another name")
    try:
        header = parse(source.read_bytes(), name=source.name, limits=bounds)
    except RefusedError as refused:
        raise refused.refusal(source.name).error() from None
    with quiet():
        header.dataset.file_meta.TransferSyntaxUID = UID(header.syntax)
    made = deidentify(
        header.dataset,
        key=key,
        regions=regions,
        detector=detector,
        options=options,
        person_id=person_id,
        limits=bounds,
    )
    out = io.BytesIO()
    with quiet():
        try:
            made.dataset.save_as(out, enforce_file_format=True)
        except Exception as error:  # values that cannot be written
            raise _impossible(error, source.name) from None
    target.write_bytes(out.getvalue())
    return made


def _deidentified(
    header: Header,
    *,
    key: bytes,
    regions: Sequence[Box] | None,
    detector: FindText | None,
    options: frozenset[Option],
    person_id: str,
    limits: Limits,
) -> Deidentified:
    from careloop.imaging.deidentification import cleaning, replacement
    from careloop.imaging.reading.dicom import meaning, pixel
    from careloop.imaging.reading.dicom.person import words

    source = header.dataset
    meaning.refuse_other_objects(source)
    shape = pixel.layout(source, limits)
    checked_by = _who_checks(source, regions, detector)
    own = words(header, "PatientID") or words(header, "PatientName")
    person = person_id or replacement.pseudonym(key, own)
    work = cleaning.Cleaning(
        key,
        options,
        replacement.shift_days(key, own),
        cleaning.identity_words(source),
    )
    samples, photometric = pixel.samples(header, shape, limits)
    samples = samples.copy()
    boxes = list(regions or ())
    if detector is not None:
        boxes += _detected(header, shape, detector, limits)
    blanked = blank(samples, boxes, photometric)
    if samples.shape[-1] == 1:
        samples[..., 0] = pixel.stored_bits(header, samples[..., 0], shape)
    out = work.dataset(source)
    _write_pixels(out, samples, photometric, shape)
    _state(out, person, options, pixels_cleaned=checked_by != _TRUSTED, lossy=header.syntax)
    done: Counter[str] = work.done
    return Deidentified(out, person, dict(sorted(done.items())), tuple(boxes), blanked, checked_by)


_TRUSTED = "BurnedInAnnotation NO"


def _who_checks(source: Dataset, regions: Sequence[Box] | None, detector: FindText | None) -> str:
    from careloop.imaging.reading.dicom.value import text

    if detector is not None:
        return "detector"
    if regions is not None:
        return "regions given"
    if text(source, "BurnedInAnnotation").upper() == "NO":
        return _TRUSTED
    raise InputError(
        "nobody says whether text is burned into the picture",
        remedy="give detector=find_text (extra `ocr`), or the regions to blank; an empty list says "
        "that you have looked and there is none",
    )


def _detected(header: Header, shape: Any, detector: FindText, limits: Limits) -> list[Box]:
    from careloop.imaging.reading.dicom import pixel

    frames = pixel.stored_frames(header, shape, limits)
    several = len(frames) > 1
    return [
        Box(box.top, box.left, box.bottom, box.right, number if several else None)
        for number, frame in enumerate(frames)
        for box in detector(as_shown(frame))
    ]


def _write_pixels(out: Dataset, samples: Any, photometric: str, shape: Any) -> None:
    from pydicom import DataElement
    from pydicom.tag import Tag

    bits = 8 * samples.dtype.itemsize
    out.PhotometricInterpretation = "YBR_FULL" if photometric == "YBR_FULL_422" else photometric
    out.SamplesPerPixel = samples.shape[-1]
    if samples.shape[-1] > 1:
        out.PlanarConfiguration = 0
    out.BitsAllocated = bits
    if shape.keyword == "PixelData":
        out.BitsStored, out.HighBit = shape.bits_stored, shape.bits_stored - 1
        out.PixelRepresentation = int(shape.signed)
    data = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    vr = {"FloatPixelData": "OF", "DoubleFloatPixelData": "OD"}.get(
        shape.keyword, "OB" if bits == 8 else "OW"
    )
    out[shape.keyword] = DataElement(Tag(shape.keyword), vr, data + b"\0" * (len(data) % 2))


def _state(
    out: Dataset,
    person: str,
    options: frozenset[Option],
    *,
    pixels_cleaned: bool,
    lossy: str,
) -> None:
    """Say in the file what was done to it, and give it a file meta group of its own."""
    from pydicom import Dataset as Item
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    out.SpecificCharacterSet = "ISO_IR 192"
    out.PatientName = out.PatientID = person
    out.PatientIdentityRemoved = "YES"
    out.BurnedInAnnotation = "NO"
    out.LongitudinalTemporalInformationModified = (
        "MODIFIED" if "modified_dates" in options else "REMOVED"
    )
    out.DeidentificationMethod = [f"careloop {__version__}"[:64], f"{EDITION} Annex E"]
    names = ["basic", *(["pixels"] if pixels_cleaned else []), *sorted(options)]
    codes = []
    for name in names:
        item = Item()
        item.CodeValue, item.CodeMeaning = _METHODS[name]
        item.CodingSchemeDesignator = "DCM"
        codes.append(item)
    out.DeidentificationMethodCodeSequence = codes
    if lossy in {f"1.2.840.10008.1.2.4.{end}" for end in ("50", "51", "81")}:
        out.LossyImageCompression = "01"
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = out.get("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7")
    if not out.get("SOPInstanceUID"):
        from pydicom.uid import generate_uid

        out.SOPInstanceUID = generate_uid(prefix="2.25.")
    out.SOPClassUID = meta.MediaStorageSOPClassUID
    meta.MediaStorageSOPInstanceUID = out.SOPInstanceUID
    out.file_meta = meta
