"""Synthetic images: the recipe of the speed benchmark, smaller; DICOM files of nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from careloop.imaging.image import Image, Origin, Subject


def bone(seed: int = 0, shape: tuple[int, int] = (96, 72)) -> tuple[NDArray, NDArray]:
    """A bright, textured, tilted ellipse on dark ground (uint8), and where it is."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    t = np.deg2rad(rng.uniform(-10, 10))
    yy, xx = y - shape[0] / 2, x - shape[1] / 2
    u, v = yy * np.cos(t) + xx * np.sin(t), -yy * np.sin(t) + xx * np.cos(t)
    mask = (u / (0.4 * shape[0])) ** 2 + (v / (0.25 * shape[1])) ** 2 <= 1
    noise = rng.normal(size=shape)
    noise += np.roll(noise, 1, 0) + np.roll(noise, 1, 1)
    pixels = np.where(mask, 150 + 15 * noise, 25 + 3 * noise)
    return np.clip(pixels, 1, 250).astype(np.uint8), mask


def image(seed: int = 0, *, name: str = "", person: str = "P1", **others: object) -> Image:
    """The same as the reader would give it."""
    pixels, _ = bone(seed)
    told = {
        "spacing_mm": (0.5, 0.5),
        "spacing_from": "PixelSpacing",
        "kind": "radiograph",
        "taken_at": datetime(2024, 5, 6, 7, 8),
        "subject": Subject("Test^Name", person),
    }
    origin = Origin(name or f"image{seed}.dcm", f"{seed:064x}", "dicom")
    return Image(pixels, origin=origin, **(told | others))


@pytest.fixture
def write_dicom() -> Callable[..., Path]:
    """Write an image as a DICOM file of a synthetic person."""

    def write(path: Path, seed: int = 0, *, person: str = "P1", spacing: bool = True) -> Path:
        pixels, _ = bone(seed)
        header = Dataset()
        header.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.1")
        header.SOPInstanceUID = UID(f"1.2.3.{seed + 1}")
        header.SeriesInstanceUID = UID(f"1.2.4.{seed + 1}")
        header.Modality = "CR"
        header.PatientName, header.PatientID = "Canary^Secret", person
        header.StudyDate = header.AcquisitionDate = "20240506"
        header.AcquisitionTime = "070809"
        header.Rows, header.Columns = pixels.shape
        header.BitsAllocated = header.BitsStored = 8
        header.HighBit, header.PixelRepresentation, header.SamplesPerPixel = 7, 0, 1
        header.PhotometricInterpretation = "MONOCHROME2"
        if spacing:
            header.PixelSpacing = [0.5, 0.5]
        header.PixelData = pixels.tobytes()
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.save_as(path, enforce_file_format=True)
        return path

    return write
