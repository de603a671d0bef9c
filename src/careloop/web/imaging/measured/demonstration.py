"""A simulated forearm for the demo, brought in through the same doors as any image."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
from PIL import Image as Picture
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

from careloop.imaging.phantom.forearm import ForearmPhantom, simulate_forearm
from careloop.imaging.regions import RADIUS, place_forearm
from careloop.web.accounts.gate import Gate
from careloop.web.imaging import keeping
from careloop.web.imaging.measured import recording, waiting, working
from careloop.web.imaging.measured.order import Order, Sent
from careloop.web.registry.resident import Resident

_REGIONS = {"ud": "ultradistal_radius", "one_third": "one_third_radius"}
_TAKEN_ON = "20260629"  # a day before that of the demo
_SEED = 20260630
_UID = generate_uid(entropy_srcs=["careloop simulated forearm"])


def add_forearm(gate: Gate, resident: Resident) -> None:
    """Measure and keep one simulated radiograph of a left forearm; nobody's arm, and it says so."""
    phantom = simulate_forearm(rng=np.random.default_rng(_SEED))
    sent = Sent(_dicom(phantom), Order("forearm", mask="mask.png"), _mask(phantom))
    if waiting.known(gate, resident, sent) is not None:
        return
    row = waiting.begun(gate, resident, sent)
    working.measure(keeping.place(row.folder), detector=None)
    result = waiting.settled(row)
    if result is None:
        raise RuntimeError("the simulated forearm was not measured")
    names = {f"label_{label}": name for label, name in enumerate(_REGIONS.values(), 1)}
    answers = recording.Answers("left", datetime.fromisoformat(result["taken_at"]), names)
    recording.keep(gate, resident, row, result=result, answers=answers)


def _mask(phantom: ForearmPhantom) -> bytes:
    """The radius in its ultradistal and 1/3 region, as a label file."""
    scan = phantom.truth.scan
    placed = place_forearm(
        phantom.labels,
        spacing_mm=scan.spacing_mm,
        vendor="ge",
        forearm_length_mm=scan.forearm_length_mm,
    )
    labels = np.zeros(phantom.labels.shape, np.uint8)
    for label, name in enumerate(_REGIONS, 1):
        box = placed.boxes[name]  # type: ignore[index]
        part = np.s_[slice(*box.rows), slice(*box.columns)]
        labels[part] = np.where(phantom.labels[part] == RADIUS, label, 0)
    out = io.BytesIO()
    Picture.fromarray(labels).save(out, "PNG")
    return out.getvalue()


def _dicom(phantom: ForearmPhantom) -> bytes:
    image = phantom.radiograph()
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    header.SOPClassUID, header.SOPInstanceUID = ComputedRadiographyImageStorage, _UID
    header.Modality, header.BodyPartExamined, header.ImageLaterality = "CR", "FOREARM", "L"
    header.Manufacturer = "模拟影像 simulated"
    header.AcquisitionDate = _TAKEN_ON
    header.AcquisitionTime = "093000"
    header.PixelSpacing = list(image.in_plane_mm)
    header.Rows, header.Columns = image.pixels.shape
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 0
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.PixelData = image.pixels.tobytes()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    out = io.BytesIO()
    header.save_as(out, enforce_file_format=True)
    return out.getvalue()
