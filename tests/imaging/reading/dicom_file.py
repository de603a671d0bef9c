"""DICOM files made for tests: synthetic people, every transfer syntax."""

from __future__ import annotations

import io
from pathlib import Path

import gdcm
import numpy as np
from PIL import Image as Picture
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
LOSSLESS = (RLELossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless)
LOSSY = (JPEGBaseline8Bit, JPEG2000)


def gradient(rows=48, columns=40, *, high=4000, dtype=np.uint16):
    """A picture without symmetry: smooth, so that lossy compression keeps it nearly."""
    y, x = np.mgrid[:rows, :columns]
    return ((y * 3 + x) * (high / (rows * 3 + columns))).astype(dtype)


def radiograph(pixels=None, **attributes) -> Dataset:
    """A CR image with a pixel spacing of 0.2 × 0.1 mm; `None` removes an attribute."""
    pixels = gradient() if pixels is None else pixels
    dataset = Dataset()
    bits = 8 * pixels.dtype.itemsize
    values = {
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": "1.2.3.4",
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.2",
        "Modality": "CR",
        "PatientName": "Muster^Erika",
        "PatientID": "T-0001",
        "PatientBirthDate": "19500102",
        "PatientSex": "F",
        "StudyDate": "20240305",
        "StudyTime": "101530",
        "Manufacturer": "Maker",
        "PixelSpacing": [0.2, 0.1],
        "SamplesPerPixel": 1 if pixels.ndim == 2 else 3,
        "PhotometricInterpretation": "MONOCHROME2" if pixels.ndim == 2 else "RGB",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        **({"PlanarConfiguration": 0} if pixels.ndim == 3 else {}),
    }
    for keyword, value in {**values, **attributes}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    return dataset


def slice_of_ct(number: int, *, step=2.0, pixels=None, **attributes) -> Dataset:
    """Slice `number` of a CT series, 12 bits in 16, HU = stored − 1024."""
    pixels = gradient(16, 12, high=3000) + number if pixels is None else pixels
    values = {
        "SOPClassUID": CTImageStorage,
        "Modality": "CT",
        "SOPInstanceUID": f"1.2.3.5.{number + 1}",
        "SeriesInstanceUID": "1.2.3.5",
        "ImagePositionPatient": [0, 0, number * step],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.5, 0.6],
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "BitsStored": 12,
        "HighBit": 11,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    }
    return radiograph(pixels.astype(np.uint16), **{**values, **attributes})


def save(dataset: Dataset, path: Path, syntax=ExplicitVRLittleEndian) -> Path:
    """Write a file in a transfer syntax; pixels are encoded for it."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "1.2.3")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or "1.2.3"
    if syntax in NATIVE:
        dataset.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian and dataset.BitsAllocated == 16:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        dataset.save_as(
            path,
            enforce_file_format=True,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian,
        )
        return path
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if syntax in {JPEGLosslessSV1, JPEGLSLossless}:
        dataset.save_as(path, enforce_file_format=True)
        _change_with_gdcm(path, syntax)
        return path
    if syntax == RLELossless:
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    else:
        dataset.PixelData = encapsulate([_encoded(dataset, syntax)])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


def _encoded(dataset: Dataset, syntax) -> bytes:
    dtype = "<u1" if dataset.BitsAllocated == 8 else "<u2"
    shape = (dataset.Rows, dataset.Columns) + ((3,) if dataset.SamplesPerPixel == 3 else ())
    count = int(np.prod(shape))
    pixels = np.frombuffer(dataset.PixelData, dtype, count).reshape(shape)
    out = io.BytesIO()
    if syntax == JPEGBaseline8Bit:
        Picture.fromarray(pixels).save(out, "JPEG", quality=95)
    else:
        lossy = {"irreversible": True, "quality_mode": "dB", "quality_layers": [60]}
        options = lossy if syntax == JPEG2000 else {"irreversible": False}
        Picture.fromarray(pixels).save(out, "JPEG2000", no_jp2=True, **options)
    return out.getvalue()


def _change_with_gdcm(path: Path, syntax) -> None:
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    kinds = {
        JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
        JPEGLSLossless: gdcm.TransferSyntax.JPEGLSLossless,
    }
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(kinds[syntax]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    assert dcmread(path).file_meta.TransferSyntaxUID == syntax
