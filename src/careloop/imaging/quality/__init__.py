"""Quality control: may this image be measured, and if not, what failed and where.

    report = check(image, labels=labels, expected_side="left", forearm_length_mm=254.0)
    report.blocking          # do not measure without consent
    for one in report.failed: print(one.key, one.finding.where, one.finding.detail)

A check that cannot be made on an image says so (`not_checked`, finding I300) and has not passed.
Limits stand in `limits.toml` with source and mark; most are unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping

from careloop.imaging.image import Image, Mask, Side
from careloop.imaging.quality.alignment import bone_angle, rotation, seen_side, side
from careloop.imaging.quality.artefact import find_artefacts, jewellery, metal
from careloop.imaging.quality.density_order import density_order
from careloop.imaging.quality.field_of_view import field_of_view, missing_regions, missing_values
from careloop.imaging.quality.intensity import contrast, noise, saturation
from careloop.imaging.quality.limit import Limit, limits
from careloop.imaging.quality.movement import motion
from careloop.imaging.quality.outcome import Check, Outcome, QualityReport
from careloop.imaging.quality.scene import Scene, check_sizes, name_bones
from careloop.imaging.regions import Labels, Vendor

__all__ = [
    "CHECKS",
    "Check",
    "Limit",
    "Outcome",
    "QualityReport",
    "bone_angle",
    "check",
    "find_artefacts",
    "limits",
    "name_bones",
    "seen_side",
]

CHECKS = (
    contrast,
    missing_values,
    saturation,
    noise,
    field_of_view,
    missing_regions,
    rotation,
    side,
    motion,
    metal,
    jewellery,
    density_order,
)
"""Every check, in the order of the report; a function of a `Scene` that returns a `Check`."""


def check(
    image: Image,
    *,
    mask: Mask | None = None,
    labels: Labels | None = None,
    expected_side: Side = "",
    site: str = "forearm",
    region_bmd: Mapping[str, float] | None = None,
    forearm_length_mm: float | None = None,
    vendor: Vendor | None = None,
) -> QualityReport:
    """Every quality check of one image [y, x].

    Parameters
    ----------
    image
        A BMD map, a DXA picture or a radiograph; each check says what it cannot do on it.
    mask
        The bone that will be measured.
    labels
        `regions.RADIUS`, `ULNA`, `HAND`; without them radius and ulna are named by shape where a
        mask (or a BMD map) shows them apart.
    expected_side
        The arm that was ordered or declared; else the one in the image's file is checked.
    site
        "forearm", or another: then checks that know only the forearm are not made.
    region_bmd
        BMD of "ud", "mid", "one_third" as reported; measured on a BMD map where not given.
    forearm_length_mm, vendor
        For the place of the 1/3 region; where no vendor is named, Hologic if the image's device
        says so, else GE.

    Raises
    ------
    InputError
        If the image is a stack, or mask or labels have another size.
    """
    check_sizes(image, mask, labels)
    told: Vendor = "hologic" if "hologic" in image.device.casefold() else "ge"
    scene = Scene(
        image=image,
        mask=mask,
        given_labels=labels,
        expected_side=expected_side,
        site=site,
        region_bmd=region_bmd,
        forearm_length_mm=forearm_length_mm,
        vendor=vendor or told,
    )
    return QualityReport(tuple(one(scene) for one in CHECKS))
