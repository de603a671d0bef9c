"""Simulated images of nobody, as files: DICOM, PNG, and label files for them."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from PIL import Image as Picture
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from careloop.imaging.phantom.forearm import simulate_forearm
from careloop.imaging.regions import RADIUS, ULNA

SPACING_MM = 0.5


def arm(seed: int = 0) -> tuple[Any, Any]:
    """Pixels of a simulated radiograph (uint16) and its bones: 1 radius, 2 ulna."""
    phantom = simulate_forearm(rng=np.random.default_rng(seed))
    labels = np.where(phantom.labels == RADIUS, 1, np.where(phantom.labels == ULNA, 2, 0))
    return phantom.radiograph().pixels, labels.astype(np.uint8)


def dicom(pixels: Any, **attributes: Any) -> bytes:
    """A radiograph as DICOM; `None` leaves an attribute out."""
    told: dict[str, Any] = {
        "SOPClassUID": UID("1.2.840.10008.5.1.4.1.1.1"),
        "SOPInstanceUID": UID("1.2.3.1"),
        "Modality": "CR",
        "BodyPartExamined": "FOREARM",
        "ImageLaterality": "L",
        "Manufacturer": "Simulated",
        "PatientName": "Wang^Xiuying",
        "PatientID": "CANARY4711",
        "PatientBirthDate": "19500501",
        "PatientSex": "F",
        "StudyDate": "20240506",
        "AcquisitionDate": "20240506",
        "AcquisitionTime": "070809",
        "PixelSpacing": [SPACING_MM, SPACING_MM],
    }
    header = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # texts that the standard does not allow
        for name, value in (told | attributes).items():
            if value is not None:
                setattr(header, name, value)
    header.SpecificCharacterSet = "ISO_IR 192"
    header.Rows, header.Columns = pixels.shape
    header.BitsAllocated = header.BitsStored = 8 * pixels.dtype.itemsize
    header.HighBit, header.PixelRepresentation = header.BitsStored - 1, 0
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.PixelData = pixels.tobytes()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    out = io.BytesIO()
    header.save_as(out, enforce_file_format=True)
    return out.getvalue()


def png(pixels: Any) -> bytes:
    """A picture or label file."""
    out = io.BytesIO()
    Picture.fromarray(pixels).save(out, "PNG")
    return out.getvalue()
