"""The size of a DICOM pixel, from the attribute that means it for this kind of image.

In order: what the user gives; functional groups of a multi-frame image; PixelSpacing;
ImagerPixelSpacing (at the detector, divided by EstimatedRadiographicMagnificationFactor where
there is one); NominalScannedPixelSpacing; ExposedArea ÷ matrix, which is all that GE iDXA files
carry. Definitions: PS3.3, C.7.6.3, C.8.11, 10.7.
"""

from __future__ import annotations

from pydicom import Dataset

from careloop.imaging.reading import finding, reason
from careloop.imaging.reading.dicom.parsing import Header
from careloop.imaging.reading.dicom.value import group, number, numbers, text, whole
from careloop.imaging.reading.refusal import refuse
from careloop.imaging.reading.spacing import Spacing, agree, checked

_PROJECTIONS = frozenset({"CR", "DX", "MG", "IO", "PX", "RF", "XA", "RG", "BMD"})
_SQUARE = 0.05


def is_projection(dataset: Dataset) -> bool:
    """Whether the modality is a projection of X-rays."""
    return text(dataset, "Modality").upper() in _PROJECTIONS


def pixel_spacing(header: Header, *, given: tuple[float, ...], frame: int, is_dxa: bool) -> Spacing:
    """Find the pixel size of one frame.

    Parameters
    ----------
    header
        The file; remarks are added to it.
    given
        The user's (row, column) or (slice, row, column), or nothing.
    frame
        From 0.
    is_dxa
        Whether a known DXA device made it: its ExposedArea is that of the picture.

    Raises
    ------
    RefusedError
        Unknown (I158), impossible (I159) or ultrasound (I161).
    """
    found = _in_file(header, frame, is_dxa=is_dxa, needed=not given)
    if not given:
        if found is None:
            if text(header.dataset, "Modality").upper() == "US":
                refuse(reason.ULTRASOUND)
            refuse(reason.SPACING_UNKNOWN)
        checked((found.row_mm, found.column_mm), found.source)
        return found
    row, column = given[-2:]
    if found is not None and not agree((row, column), (found.row_mm, found.column_mm)):
        detail = f"{found.source} {found.row_mm:.4g} × {found.column_mm:.4g} mm"
        header.remark(finding.GIVEN_DISAGREES, detail=detail)
    return Spacing(row, column, "given")


def _in_file(header: Header, frame: int, *, is_dxa: bool, needed: bool) -> Spacing | None:
    dataset = header.dataset
    measures = group(dataset, frame, "PixelMeasuresSequence")
    if measures is not None and (pair := _pair(measures, "PixelSpacing", needed=needed)):
        return Spacing(*pair, "PixelMeasuresSequence/PixelSpacing")
    plane = _pair(dataset, "PixelSpacing", needed=needed)
    detector = _pair(dataset, "ImagerPixelSpacing", needed=needed and plane is None)
    if plane is not None:
        _remark_on_plane(header, plane, detector)
        return Spacing(*plane, "PixelSpacing")
    if detector is not None:
        return _at_object(header, detector)
    scanned = _pair(dataset, "NominalScannedPixelSpacing", needed=needed)
    if scanned is not None:
        header.remark(finding.AT_DETECTOR, detail="NominalScannedPixelSpacing")
        return Spacing(*scanned, "NominalScannedPixelSpacing")
    return _from_exposed_area(header, is_dxa=is_dxa)


def _pair(dataset: Dataset, keyword: str, *, needed: bool) -> tuple[float, float] | None:
    """Two positive numbers, `None` where the attribute is absent or empty.

    A pair that is there but impossible stops the reading (where it is needed): to fall through to
    a weaker source would hide the fault.
    """
    found = numbers(dataset, keyword)
    if len(found) == 2:
        if needed:
            checked(found, keyword)
        return found[0], found[1]
    if needed and (found or keyword in dataset) and text_of(dataset, keyword):
        refuse(reason.SPACING_ABSURD, f"{keyword} is not two numbers")
    return None


def text_of(dataset: Dataset, keyword: str) -> bool:
    """Whether the attribute has any value, even one that cannot be converted."""
    try:
        element = dataset.get_item(keyword)
    except Exception:  # a broken element counts as one with a value
        return True
    return bool(getattr(element, "value", None))


def _remark_on_plane(
    header: Header, plane: tuple[float, float], detector: tuple[float, float] | None
) -> None:
    """Say whether PixelSpacing of a projection is that of the patient or of the detector."""
    if not is_projection(header.dataset):
        return
    calibrated = text(header.dataset, "PixelSpacingCalibrationType")
    if calibrated:
        return
    if detector is not None and not agree(plane, detector):
        detail = f"ImagerPixelSpacing {detector[0]:.4g} × {detector[1]:.4g} mm"
        header.remark(finding.SPACING_DISAGREES, detail=detail)
    else:
        header.remark(finding.AT_DETECTOR, detail="PixelSpacing, not calibrated")


def _at_object(header: Header, detector: tuple[float, float]) -> Spacing:
    factor = number(header.dataset, "EstimatedRadiographicMagnificationFactor")
    if factor is not None and 1.0 <= factor <= 10.0:
        row, column = detector[0] / factor, detector[1] / factor
        source = "ImagerPixelSpacing/EstimatedRadiographicMagnificationFactor"
        return Spacing(row, column, source)
    header.remark(finding.AT_DETECTOR, detail="ImagerPixelSpacing")
    return Spacing(*detector, "ImagerPixelSpacing")


def _from_exposed_area(header: Header, *, is_dxa: bool) -> Spacing | None:
    """ExposedArea (width, height in whole mm) ÷ (columns, rows).

    PS3.3 names the row's dimension first, that is the width. Pixels must come out square within
    5 %: where they do not, the area is not that of the picture.
    """
    dataset = header.dataset
    area = numbers(dataset, "ExposedArea")
    rows, columns = whole(dataset, "Rows"), whole(dataset, "Columns")
    if len(area) != 2 or not rows or not columns or min(area) <= 0:
        return None
    if not (is_dxa or is_projection(dataset)):
        return None
    row, column = area[1] / rows, area[0] / columns
    if abs(row - column) > _SQUARE * max(row, column):
        return None
    rounding = 0.5 / min(area)
    header.remark(finding.FROM_EXPOSED_AREA, detail=f"± {100 * rounding:.2f} %")
    if not is_dxa:
        header.remark(finding.AREA_OF_UNKNOWN_DEVICE)
    return Spacing(row, column, "ExposedArea/matrix")
