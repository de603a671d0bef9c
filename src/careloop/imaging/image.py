"""An image as it is measured: pixels, their size, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from careloop.records.finding import Finding

Mask = NDArray[np.bool_]

Kind = Literal["radiograph", "dxa_picture", "bmd_map", "ct", "picture", "other"]
"""What the pixels mean.

radiograph: CR, DX and other projections, brighter where more is absorbed. dxa_picture: what a DXA
device shows, contrast-mapped, **not** g/cm². bmd_map: g/cm² in each pixel. ct: Hounsfield units.
picture: PNG, JPEG or TIFF of unknown meaning. other: any other modality.
"""

Side = Literal["left", "right", ""]


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is in the picture, as the file says; identifying, never logged."""

    name: str = ""
    person_id: str = ""
    born_on: date | None = None
    sex: Literal["female", "male", ""] = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an image was read: enough to find it again."""

    name: str  # file name, `archive.zip › member` for a packed one
    sha256: str  # of the file's bytes (a series: of its slices in order)
    format: str  # "dicom", "png", "tiff", "jpeg", "nifti"
    frame: int | None = None  # from 0, where one file holds several images
    sop_instance_uid: str = ""
    series_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """Pixels [y, x] or a stack [z, y, x] with known spacing.

    `spacing_mm` has one figure an axis, in the order of the axes. `spacing_from` names where it was
    read ("PixelSpacing", "ExposedArea/matrix", "given"). `findings` are remarks of the reader.
    """

    pixels: NDArray[Any]
    spacing_mm: tuple[float, ...]
    spacing_from: str
    kind: Kind
    origin: Origin
    modality: str = ""  # DICOM (0008,0060)
    body_part: str = ""  # in the sender's words: BodyPartExamined, ProtocolName, SeriesDescription
    side: Side = ""
    device: str = ""  # manufacturer and model
    software: str = ""
    taken_at: datetime | None = None
    subject: Subject = Subject()
    findings: tuple[Finding, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pixels.ndim not in {2, 3}:
            raise ValueError(f"pixels must be [y, x] or [z, y, x], not {self.pixels.ndim}-d")
        if len(self.spacing_mm) != self.pixels.ndim:
            raise ValueError("one spacing for each axis of pixels")
        if not all(np.isfinite(step) and step > 0 for step in self.spacing_mm):
            raise ValueError(f"spacing must be positive, not {self.spacing_mm}")

    @property
    def in_plane_mm(self) -> tuple[float, float]:
        """Spacing of rows and of columns."""
        return self.spacing_mm[-2], self.spacing_mm[-1]
