"""Files made for the tests of the reader."""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image as Picture

sys.path.insert(0, str(Path(__file__).parent))

import dicom_file


@pytest.fixture(scope="session")
def made_files(tmp_path_factory):
    """One small file of each kind and each transfer syntax."""
    folder = tmp_path_factory.mktemp("made")
    syntaxes = (*dicom_file.NATIVE, *dicom_file.LOSSLESS, dicom_file.JPEG2000)
    files = [
        dicom_file.save(dicom_file.radiograph(), folder / f"{syntax}.dcm", syntax)
        for syntax in syntaxes
    ]
    eight = dicom_file.gradient(high=250, dtype=np.uint8)
    baseline = dicom_file.JPEGBaseline8Bit
    files.append(dicom_file.save(dicom_file.radiograph(eight), folder / "base.dcm", baseline))
    files.append(dicom_file.save(dicom_file.slice_of_ct(0), folder / "ct.dcm"))
    for name in ("a.png", "a.jpg", "a.tif"):
        Picture.fromarray(eight).save(folder / name)
        files.append(folder / name)
    volume = nibabel.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4))
    nibabel.save(volume, folder / "a.nii.gz")
    return [*files, folder / "a.nii.gz"]
