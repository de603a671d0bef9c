"""What kind of image a DICOM file holds: modality, device, side, body part."""

from __future__ import annotations

import re

from pydicom import Dataset

from careloop.imaging.image import Kind, Side
from careloop.imaging.reading import finding, reason
from careloop.imaging.reading.dicom.parsing import Header
from careloop.imaging.reading.dicom.person import words
from careloop.imaging.reading.dicom.spacing import is_projection
from careloop.imaging.reading.dicom.value import items, number, text
from careloop.imaging.reading.refusal import refuse

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_DIRECTORY = "1.2.840.10008.1.3.10"
_DOCUMENTS = ("104.",)
_ABOUT_IMAGES = (
    "9.", "11.", "66", "67", "68.", "88.", "481.2", "481.3", "481.4", "481.5", "481.6", "481.7",
    "481.8", "481.9",
)  # fmt: skip
_MODALITIES_ABOUT_IMAGES = frozenset(
    {"SEG", "SR", "PR", "KO", "REG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD"}
    | {"RWV", "PLAN", "FID", "ECG", "HD", "AU", "EPS", "ASMT"}
)
_SECONDARY = f"{_STORAGE}7"
_LOSSY = frozenset(
    f"1.2.840.10008.1.2.4.{end}" for end in ("50", "51", "81", "203")
)  # JPEG baseline and extended, JPEG-LS near-lossless, HTJ2K
_DXA = re.compile(
    r"\blunar\b|\bidxa\b|\bprodigy\b|\bdpx\b|\bnorland\b|\bosteometer\b|\bdxa\b|\bdexa\b|"
    r"\bbone densi|\bhologic\b.*\b(qdr|discovery|horizon|delphi|explorer)\b|双能|骨密度",
    re.IGNORECASE,
)
_MAY_BE_DXA = frozenset({"CR", "DX", "OT", "BMD", "RG", "SC", ""})
_LEFT = re.compile(r"\bleft\b|左", re.IGNORECASE)
_RIGHT = re.compile(r"\bright\b|右", re.IGNORECASE)
_SIDES: dict[str, Side] = {"L": "left", "R": "right"}


def refuse_other_objects(dataset: Dataset) -> None:
    """Stop at what is no image to measure: directories, documents, reports, segmentations, plans.

    Raises
    ------
    RefusedError
        I155, I156, I157 or I172.
    """
    sop_class = text(dataset, "SOPClassUID")
    modality = text(dataset, "Modality").upper()
    if sop_class == _DIRECTORY or "DirectoryRecordSequence" in dataset:
        refuse(reason.DIRECTORY_FILE)
    tail = sop_class.removeprefix(_STORAGE) if sop_class.startswith(_STORAGE) else ""
    if tail.startswith(_DOCUMENTS) or "EncapsulatedDocument" in dataset or modality == "DOC":
        refuse(reason.DOCUMENT_INSIDE)
    if (tail and tail.startswith(_ABOUT_IMAGES)) or modality in _MODALITIES_ABOUT_IMAGES:
        refuse(reason.NOT_AN_IMAGE, modality if modality.isalpha() and len(modality) < 10 else "")


def device(header: Header) -> str:
    """Manufacturer and model, in the sender's words."""
    maker, model = words(header, "Manufacturer"), words(header, "ManufacturerModelName")
    return " ".join(part for part in (maker, model) if part)


def is_dxa(header: Header, device_name: str) -> bool:
    """Whether a DXA device made it: modality BMD, or the names of device and examination say so."""
    modality = text(header.dataset, "Modality").upper()
    if modality == "BMD":
        return True
    if modality not in _MAY_BE_DXA:
        return False
    said = [text(header.dataset, word) for word in ("SeriesDescription", "StudyDescription")]
    return bool(_DXA.search(device_name) or any(_DXA.search(words) for words in said))


def is_secondary(dataset: Dataset) -> bool:
    """Whether it is a secondary capture: a screen or a film, not the detector's data."""
    return text(dataset, "SOPClassUID").startswith(_SECONDARY)


def is_localizer(dataset: Dataset) -> bool:
    """Whether a CT or MR image is a scout view."""
    return "LOCALIZER" in text(dataset, "ImageType").upper().split("\\")


def kind(header: Header, *, dxa: bool, hounsfield: bool) -> Kind:
    """What the pixels mean; doubts are remarked."""
    dataset = header.dataset
    modality = text(dataset, "Modality").upper()
    if dxa:
        header.remark(finding.CONTRAST_MAPPED)
        return "dxa_picture"
    if modality == "CT" and not is_localizer(dataset):
        if hounsfield:
            return "ct"
        header.remark(finding.NOT_HOUNSFIELD)
        return "other"
    secondary = is_secondary(dataset)
    if secondary:
        header.remark(finding.SECONDARY_CAPTURE)
    if is_projection(dataset):
        return "radiograph"
    return "picture" if secondary and modality in {"", "OT", "SC"} else "other"


def is_hounsfield(dataset: Dataset, transform: Dataset) -> bool:
    """Whether a CT states the rescaling to Hounsfield units (type HU or not said)."""
    if number(transform, "RescaleIntercept") is None:
        return False
    return text(transform, "RescaleType").upper() in {"", "HU", "US", "UNSPECIFIED"} and (
        text(dataset, "Modality").upper() == "CT"
    )


def side(header: Header, named: str) -> Side:
    """Left or right: by laterality, else by the words of the examination; contradictions: none."""
    dataset = header.dataset
    coded = ""
    for keyword in ("ImageLaterality", "Laterality", "FrameLaterality"):
        coded = coded or text(dataset, keyword).upper()
    for anatomy in items(dataset, "SharedFunctionalGroupsSequence")[:1]:
        for inner in items(anatomy, "FrameAnatomySequence")[:1]:
            coded = coded or text(inner, "FrameLaterality").upper()
    by_code = _SIDES.get(coded, "")
    left, right = bool(_LEFT.search(named)), bool(_RIGHT.search(named))
    by_words: Side = "left" if left and not right else "right" if right and not left else ""
    if by_code and by_words and by_code != by_words:
        header.remark(finding.SIDE_DOUBTFUL)
        return ""
    return by_code or by_words


def body_part(header: Header) -> str:
    """The part of the body in the sender's words: the first attribute that names it."""
    for keyword in ("BodyPartExamined", "ProtocolName", "SeriesDescription", "StudyDescription"):
        if found := words(header, keyword):
            return found
    return ""


def remark_on_loss(header: Header) -> None:
    """Say that the picture was compressed with loss, where the file tells."""
    lossy = text(header.dataset, "LossyImageCompression") == "01"
    if lossy or header.syntax in _LOSSY:
        header.remark(finding.LOSSY)
