"""What came of one image: numbers of one region, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from careloop import __version__
from careloop.imaging.image import Image, Subject
from careloop.imaging.measurement import ORIGINAL, Measurement
from careloop.imaging.measuring.quantity import bone_variable, units
from careloop.records.finding import FINDINGS, Finding

SOFTWARE = f"careloop {__version__}"
PASSED = "passed"
BETWEEN = "__"
"""Between filter and variable in the name of a column."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Numbers of one region of one image.

    `image` is the image without its pixels and without the person's name; `values` has a column
    (`radiomics_glcm_contrast`, `wavelet_hh__radiomics_glcm_contrast`) for each number, NaN where it
    is not defined. `quality` is "passed 9/12" (those that could not be made have not passed), or
    begins with "failed" and the codes, or "not checked". `picture` is a `data:` address, or empty.
    """

    image: Image
    shape: tuple[int, ...]
    region: str
    region_pixels: int
    mask_from: str  # "drawn", "automatic"
    values: Mapping[str, float]
    settings_id: str
    quality: str = PASSED
    findings: tuple[Finding, ...] = ()
    picture: str = ""

    def measurements(self) -> list[Measurement]:
        """The defined numbers one by one; those of the unfiltered image come last."""
        image = self.image
        common: dict[str, str | float] = {
            "kind": image.kind,
            "mask": self.mask_from,
            "quality": self.quality,
            "settings": self.settings_id,
        }
        common |= {
            name: value for name, value in (("side", image.side), ("device", image.device)) if value
        }
        unit = units()
        found: list[Measurement] = []
        by_filter: dict[str, dict[str, str | float]] = {}
        for column, value in self.values.items():
            name, _, variable = column.rpartition(BETWEEN)
            name = name or ORIGINAL
            if not np.isfinite(value):
                continue
            settings = by_filter.setdefault(name, common | {"filter": name})
            found.append(
                Measurement(
                    variable,
                    value,
                    unit[variable],
                    self.region,
                    settings,
                    image.origin,
                    SOFTWARE,
                    image.taken_at,
                )
            )
        found.sort(key=lambda each: each.filter == ORIGINAL)
        return found


@dataclass(frozen=True, slots=True)
class Refused:
    """An image, or one region of it, that was not measured. `code` is the finding that says why."""

    name: str
    code: str
    problem: str
    remedy: str = ""
    sha256: str = ""
    frame: int | None = None
    region: str = ""
    picture: str = ""
    findings: tuple[Finding, ...] = ()


def bone_measurements(
    numbers: Mapping[str, float], image: Image, *, region: str, **settings: str | float
) -> list[Measurement]:
    """What the geometry room measured, as measurements; `settings` say how (place, method).

    Parameters
    ----------
    numbers
        What the `measurements()` of a result gives; numbers that are not finite are left out.
    image
        What it was measured on.
    region
        What was measured: "radius_shaft", "femoral_neck".

    Raises
    ------
    KeyError
        A key that `geometry.feature.FEATURES` does not have.

    Examples
    --------
    >>> from careloop.imaging.image import Origin
    >>> origin = Origin("a.dcm", "", "dicom")
    >>> image = Image(np.zeros((4, 4)), (1, 1), "given", "radiograph", origin)
    >>> found = {"outer_width_mm": 14.2}
    >>> (one,) = bone_measurements(found, image, region="metacarpal", at="middle")
    >>> one.variable, one.value, one.unit, one.settings["at"]
    ('bone_outer_width_mm', 14.2, 'mm', 'middle')
    """
    told: dict[str, str | float] = {"kind": image.kind, **settings}
    told |= {name: word for name, word in (("side", image.side), ("device", image.device)) if word}
    return [
        Measurement(
            bone_variable(key),
            float(value),
            units()[bone_variable(key)],
            region,
            told,
            image.origin,
            SOFTWARE,
            image.taken_at,
        )
        for key, value in numbers.items()
        if np.isfinite(value)
    ]


def without_pixels(image: Image) -> Image:
    """The image's description alone: no pixels, and of the person nothing but the id."""
    return replace(
        image,
        pixels=np.empty((0,) * image.pixels.ndim, image.pixels.dtype),
        subject=Subject(person_id=image.subject.person_id),
    )


def refusal(
    image: Image, code: str, problem: str, *, remedy: str = "", region: str = "", picture: str = ""
) -> Refused:
    """A refusal of an image that could be read."""
    return Refused(
        image.origin.name,
        code,
        problem,
        remedy or FINDINGS[code].remedy_en,
        image.origin.sha256,
        image.origin.frame,
        region,
        picture,
    )


def codes(findings: Iterable[Finding]) -> str:
    """Codes of findings, each once, in order, parted by blanks."""
    return " ".join(sorted({each.code for each in findings}))
