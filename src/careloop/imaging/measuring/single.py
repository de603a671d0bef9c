"""Measuring one image: its quality first, then the numbers of each region."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from careloop.error import InputError
from careloop.imaging.image import Image, Mask, Side
from careloop.imaging.measurement import Measurement, Settings
from careloop.imaging.measuring import finding
from careloop.imaging.measuring.mask import FEWEST_PIXELS, Region, RegionError, foreground
from careloop.imaging.measuring.result import (
    PASSED,
    Measured,
    Refused,
    codes,
    refusal,
    without_pixels,
)
from careloop.imaging.measuring.value import values
from careloop.imaging.radiomics import SQUARE_WITHIN
from careloop.records.finding import FINDINGS, Finding

if TYPE_CHECKING:  # scipy comes with it
    from careloop.imaging.preprocessing import Pipeline

AUTOMATIC, DRAWN = "automatic", "drawn"
UNCHECKED = "not checked"
_FOREARM = ("forearm", "wrist", "radius", "ulna", "前臂", "桡骨", "尺骨", "腕")


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of a run beside its settings: it changes what is measured, not the numbers."""

    expected_side: Side = ""
    site: str = ""  # "forearm", another, or empty: as the image's own words say
    allow_failed: bool = False


class QualityError(InputError):
    """A blocking quality check failed; `findings` say which."""

    def __init__(self, findings: Sequence[Finding], *, where: str) -> None:
        self.findings = tuple(findings)
        problem = "; ".join(_told(each) for each in self.findings)
        super().__init__(problem, where=where, remedy=FINDINGS[self.findings[0].code].remedy_en)


def measure(
    image: Image,
    mask: ArrayLike,
    *,
    region: str,
    settings: Settings | None = None,
    demand: Demand | None = None,
) -> list[Measurement]:
    """Measure one region of one image, if its quality allows.

    Parameters
    ----------
    image
        [y, x] or [z, y, x] with known spacing.
    mask
        The same shape; the region is where it is not zero.
    region
        What the region is called.
    settings
        What is measured and how; `Settings()` where not given.
    demand
        The side that is expected, and whether a failed check may be passed over; that is then
        recorded in every measurement.

    Returns
    -------
    list of Measurement
        Those that are defined in the region, the unfiltered image's last.

    Raises
    ------
    QualityError
        A blocking check failed; the image is not measured silently.
    RegionError
        The mask does not fit, or is too small.
    InputError
        Pixels that cannot be measured (not finite; a stack whose pixels are not square).

    Examples
    --------
    >>> from careloop.imaging.image import Origin
    >>> pixels = np.add.outer(np.arange(64.0), np.arange(48.0))
    >>> image = Image(pixels, (0.5, 0.5), "given", "picture", Origin("a.png", "0" * 64, "png"))
    >>> only = Settings(families=("glcm",))
    >>> found = measure(image, np.ones((64, 48)), region="all", settings=only)
    >>> len(found), found[0].variable, found[0].unit
    (25, 'radiomics_glcm_joint_maximum', '1')
    """
    settings, demand = settings or Settings(), demand or Demand()
    inside = np.asarray(mask)
    inside = inside if inside.dtype == np.bool_ else inside != 0
    _check_size(image, Region(region, inside))
    quality, _ = examined(image, demand=demand, mask=inside)
    one = measured_region(
        image, Region(region, inside), settings=settings, quality=quality, mask_from=DRAWN
    )
    return one.measurements()


def examined(
    image: Image, *, demand: Demand, mask: Mask | None = None
) -> tuple[str, tuple[Finding, ...]]:
    """How the quality check ended ("passed 9/12": three were not made), and what it found.

    Raises
    ------
    QualityError
        A blocking check failed and that is not allowed.
    """
    from careloop.imaging.quality import check

    if image.pixels.ndim == 3:
        return UNCHECKED, (Finding(finding.STACK, image.origin.name),)
    report = check(
        image,
        mask=mask,
        expected_side=demand.expected_side,
        site=demand.site or site_of(image),
    )
    blocking = [each.finding for each in report.checks if each.blocking and each.finding]
    failed = [each.finding for each in report.failed if each.finding]
    findings = tuple(failed)
    if blocking and not demand.allow_failed:
        raise QualityError(blocking, where=image.origin.name)
    if blocking:
        allowed = Finding(
            finding.ALLOWED_ALTHOUGH_FAILED, image.origin.name, detail=codes(blocking)
        )
        findings = (*findings, allowed)
    made = sum(each.outcome != "not_checked" for each in report.checks)
    passed = f"{PASSED} {made - len(report.failed)}/{len(report.checks)}"
    return (f"failed {codes(failed)}; {passed}" if failed else passed), findings


def site_of(image: Image) -> str:
    """The part of the body as the quality room calls it: "forearm", or "other".

    Examples
    --------
    >>> from careloop.imaging.image import Origin
    >>> pixels, origin = np.zeros((4, 4)), Origin("a.dcm", "", "dicom")
    >>> image = Image(pixels, (1, 1), "given", "radiograph", origin, body_part="Left Forearm")
    >>> site_of(image), site_of(replace(image, body_part="AP Spine"))
    ('forearm', 'other')
    """
    words = image.body_part.lower()
    return "forearm" if any(part in words for part in _FOREARM) else "other"


def steps_of(pipeline: Pipeline) -> tuple[str, ...]:
    """Pre-processing as settings hold it: steps as JSON, without the edition that wrote them."""
    entries = pipeline.to_mapping()["step"]
    return tuple(
        json.dumps(
            {name: value for name, value in entry.items() if name != "software"},
            sort_keys=True,
            ensure_ascii=False,
        )
        for entry in entries
    )


def prepared(image: Image, mask: Mask, settings: Settings) -> tuple[Image, Mask]:
    """Image and mask after the settings' pre-processing; a step may turn or resample both."""
    if not settings.preprocessing:
        return image, mask
    from careloop.imaging.preprocessing import Pipeline

    steps = [json.loads(step) for step in settings.preprocessing]
    done = Pipeline.from_mapping({"step": steps}).apply(image, mask)
    return done.image, mask if done.mask is None else done.mask


def squared(image: Image, mask: Mask) -> tuple[Image, Mask, tuple[Finding, ...]]:
    """Image and mask on square pixels of the finer of the two steps; a remark where that is new.

    Texture compares neighbours: along rows and columns they must be as far apart.
    """
    row, column = image.in_plane_mm
    if image.pixels.ndim == 3 or math.isclose(row, column, rel_tol=SQUARE_WITHIN):
        return image, mask, ()
    from careloop.imaging.preprocessing import resample, resample_mask

    finer = min(row, column)
    fresh = resample_mask(mask, from_mm=(row, column), spacing_mm=finer)
    detail = f"{row:g} × {column:g} → {finer:g} mm"
    remark = Finding(finding.RESAMPLED, image.origin.name, detail=detail)
    return resample(image, spacing_mm=finer)[0], fresh, (remark,)


def measured_region(
    image: Image,
    region: Region,
    *,
    settings: Settings,
    quality: str,
    mask_from: str,
    findings: tuple[Finding, ...] = (),
) -> Measured:
    """The numbers of one region of an image whose quality is known.

    Raises
    ------
    RegionError
        The mask does not fit, or is too small.
    """
    name = image.origin.name
    _check_size(image, region)
    ready, mask, resampled = squared(*prepared(image, region.mask, settings))
    count = int(np.count_nonzero(mask))
    if count < FEWEST_PIXELS:
        raise RegionError(finding.TOO_SMALL, f"{region.name}: {count} pixels", where=name)
    numbers = values(ready.pixels, mask, spacing_mm=ready.spacing_mm, settings=settings)
    remarks = [*image.findings, *findings, *region.findings, *resampled]
    undefined = sum(math.isnan(value) for value in numbers.values())
    if undefined:
        remarks.append(Finding(finding.UNDEFINED, name, detail=f"{undefined} of {len(numbers)}"))
    return Measured(
        without_pixels(image),
        tuple(image.pixels.shape),
        region.name,
        count,
        mask_from,
        numbers,
        settings.id,
        quality,
        tuple(remarks),
    )


@dataclass(frozen=True, slots=True)
class Task:
    """How each image of a run is measured; sent to every process once."""

    settings: Settings
    demand: Demand = Demand()
    masks: Callable[[Image], list[Region]] | None = None  # None: the foreground


def measured_image(image: Image, task: Task, *, picture: bool = False) -> list[Measured | Refused]:
    """Everything that comes of one image: numbers or a refusal for each region. Never raises.

    `picture` asks for a small picture of it with the region's outline.
    """
    drawn: list[Region] = []
    try:
        drawn = [] if task.masks is None else task.masks(image)
        for region in drawn:
            _check_size(image, region)
        quality, findings = examined(image, demand=task.demand, mask=_whole(drawn))
        regions = drawn or [foreground(image)]
    except Exception as error:  # one image must never end a run
        return [_refused(image, error, picture=_picture(image, drawn, wanted=picture))]
    found: list[Measured | Refused] = []
    for region in regions:
        shown = _picture(image, [region], wanted=picture)
        try:
            one = measured_region(
                image,
                region,
                settings=task.settings,
                quality=quality,
                mask_from=DRAWN if drawn else AUTOMATIC,
                findings=findings,
            )
            found.append(replace(one, picture=shown) if shown else one)
        except Exception as error:
            found.append(_refused(image, error, region=region.name, picture=shown))
    return found


def _check_size(image: Image, region: Region) -> None:
    if region.mask.shape != image.pixels.shape:
        shapes = f"{region.mask.shape} ≠ {image.pixels.shape}"
        raise RegionError(finding.MASK_UNFIT, shapes, where=image.origin.name)


def _refused(image: Image, error: Exception, *, region: str = "", picture: str = "") -> Refused:
    if isinstance(error, QualityError):
        told = refusal(
            image,
            finding.QUALITY_FAILED,
            error.problem,
            remedy=error.remedy,
            region=region,
            picture=picture,
        )
        return replace(told, findings=error.findings)
    if isinstance(error, RegionError):
        return refusal(
            image, error.code, error.problem, remedy=error.remedy, region=region, picture=picture
        )
    code = finding.NOT_MEASURED
    if isinstance(error, InputError):
        return refusal(
            image, code, error.problem, remedy=error.remedy, region=region, picture=picture
        )
    # The text of a foreign error may hold anything; its kind does not.
    return refusal(image, code, type(error).__name__, region=region, picture=picture)


def _whole(regions: Sequence[Region]) -> Mask | None:
    if not regions:
        return None
    whole: Mask = np.logical_or.reduce([each.mask for each in regions])
    return whole


def _picture(image: Image, regions: Sequence[Region], *, wanted: bool) -> str:
    if not wanted:
        return ""
    from careloop.imaging.measuring.picture import thumbnail

    try:
        return thumbnail(image, _whole(regions))
    except Exception:  # a picture is a help, never a reason to fail
        return ""


def _told(remark: Finding) -> str:
    kind = FINDINGS[remark.code]
    return f"{remark.code} {kind.en}" + (f" ({remark.detail})" if remark.detail else "")
