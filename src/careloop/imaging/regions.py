"""Where a DXA device measures a forearm: boxes by vendor definition, and what is in them.

Definitions (read off vendors' reports; `distance` counts from the ulnar styloid towards the elbow):

    GE       UD 15 mm from the radial end-plate (3 to 7 mm from the styloid on reports);
             33 % 20 mm, centred at a third of the entered forearm (ulna) length
    Hologic  global region from the styloid tip; 9.5 mm left out; UD 15 mm; MID up to 1/3;
             1/3 20 mm, centred at a third of the entered length

Hologic's line is usually put at the styloid tip (Malabanan 2018, J Clin Densitom 21:529); on the
one report seen it lies about 4 mm beyond the outlined tip. Where the report's line is known, give
it as `styloid_mm`: 1/3 hardly minds, UD does (same paper).

MID is what lies between UD and 1/3, total is all from UD to 1/3; GE prints no MID. Boxes are
upright as on the devices: turn an oblique forearm first (`preprocessing.rotate_upright`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError
from careloop.imaging.image import Image, Mask
from careloop.records.finding import Finding, declare

Labels = NDArray[np.integer[Any]]
"""What each pixel is: 0 nothing, `RADIUS`, `ULNA`, `HAND` (carpal bones and beyond)."""

RADIUS, ULNA, HAND = 1, 2, 3

Vendor = Literal["ge", "hologic"]
Distal = Literal["up", "down"]
RegionName = Literal["ud", "mid", "one_third", "total"]
Bone = Literal["radius", "ulna", "both"]
REGION_NAMES: tuple[RegionName, ...] = ("ud", "mid", "one_third", "total")
BONES: tuple[Bone, ...] = ("radius", "ulna", "both")

UD_MM = 15.0
ONE_THIRD_MM = 20.0
HOLOGIC_LEFT_OUT_MM = 9.5
GE_UD_EDGE_MM = (3.0, 7.0)
"""How far from the styloid line the UD box begins on GE reports."""

NO_LENGTH = declare(
    "I410",
    "error",
    zh="未录入前臂长度，无法确定 1/3 区域",
    en="the forearm length was not entered: the 1/3 region has no place",
    remedy_zh="量出尺骨茎突至鹰嘴的长度并录入",
    remedy_en="measure from the ulnar styloid to the olecranon and enter the length",
)
UNUSUAL_EDGE = declare(
    "I411",
    "warning",
    zh="UD 区域起点与尺骨茎突的距离异常",
    en="the UD region begins unusually near to or far from the ulnar styloid",
    remedy_zh="核对桡骨与尺骨的分割边界",
    remedy_en="check the outlines of radius and ulna at the wrist",
)
OUTSIDE = declare(
    "I412",
    "error",
    zh="测量区域超出图像",
    en="a region reaches beyond the picture",
    remedy_zh="重新扫描，包含腕部至前臂近端",
    remedy_en="scan again, from the wrist far enough towards the elbow",
)
GAPS = declare(
    "I413",
    "error",
    zh="测量区域内有无数值的像素，该区域未测量",
    en="pixels in the region have no value: the region was not measured",
    remedy_zh="检查图像来源",
    remedy_en="check where the image comes from",
)
MASKED = declare(
    "I414",
    "error",
    zh="测量区域内有伪影，该区域未测量",
    en="an artefact lies in the region: the region was not measured",
    remedy_zh="移除金属物品后重新扫描，或测量另一侧",
    remedy_en="remove the metal and scan again, or measure the other arm",
)
BONE_MISSING = declare(
    "I415",
    "error",
    zh="测量区域内缺少骨骼",
    en="a bone is missing in the region",
    remedy_zh="检查分割结果与视野",
    remedy_en="check the outlines and the field of view",
)


@dataclass(frozen=True, slots=True)
class Box:
    """An upright box: edges in mm from the top left corner, and half-open pixel ranges."""

    top_mm: float
    bottom_mm: float
    left_mm: float
    right_mm: float
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def height_mm(self) -> float:
        """Length along the forearm."""
        return self.bottom_mm - self.top_mm


@dataclass(frozen=True, slots=True)
class ForearmPlacement:
    """Boxes found on one forearm; a region that could not be placed stands in `findings`."""

    vendor: Vendor
    distal: Distal
    styloid_mm: float  # row of the ulnar styloid tip, from the picture's top
    forearm_length_mm: float | None
    boxes: Mapping[RegionName, Box]
    labels: Labels
    findings: tuple[Finding, ...]

    def mask(self, region: RegionName, *, bone: Bone = "radius") -> Mask:
        """Pixels of a bone inside a region.

        Raises
        ------
        InputError
            If the region was not placed.
        """
        if region not in self.boxes:
            problem = f"the region {region} was not placed"
            raise InputError(problem, remedy="see the findings of the placement")
        box = self.boxes[region]
        inside: Mask = np.zeros(self.labels.shape, dtype=bool)
        inside[slice(*box.rows), slice(*box.columns)] = True
        return inside & _bone_mask(self.labels, bone)


@dataclass(frozen=True, slots=True)
class RegionDensity:
    """What a region of a BMD map holds: BMC = Σ BMD · pixel area, BMD = BMC / area."""

    region: RegionName
    bone: Bone
    area_cm2: float
    bmc_g: float
    bmd_g_cm2: float


@dataclass(frozen=True, slots=True)
class RegionDensities:
    """Densities of all placed regions, and why others are missing."""

    values: tuple[RegionDensity, ...]
    findings: tuple[Finding, ...]

    def bmd(self, *, bone: Bone = "radius") -> dict[str, float]:
        """BMD in g/cm² by region name, for one bone."""
        return {one.region: one.bmd_g_cm2 for one in self.values if one.bone == bone}


def place_forearm(
    labels: Labels,
    *,
    spacing_mm: tuple[float, float],
    vendor: Vendor,
    forearm_length_mm: float | None = None,
    distal: Distal | None = None,
    styloid_mm: float | None = None,
) -> ForearmPlacement:
    """Boxes of UD, MID, 1/3 and total on a labelled forearm, as the vendor places them.

    Parameters
    ----------
    labels
        [y, x] of `RADIUS`, `ULNA`, `HAND`.
    spacing_mm
        Of rows and of columns.
    vendor
        Whose definition (see the module).
    forearm_length_mm
        The entered length of the ulna; without it only UD is placed (finding I410).
    distal
        Where the hand is; found from the label `HAND`, else where the radius is widest.
    styloid_mm
        Row of the ulnar styloid tip from the picture's top, if marked by hand; else the distal
        end of the label `ULNA`.

    Raises
    ------
    InputError
        If a bone is missing, sizes do not fit, or the direction cannot be told.
    """
    _check_input(labels, spacing_mm, vendor, forearm_length_mm)
    towards = distal or find_distal(labels, spacing_mm=spacing_mm)
    # Everything is computed with the hand up and mirrored back at the end.
    upright = labels if towards == "up" else labels[::-1]
    height_mm = labels.shape[0] * spacing_mm[0]
    if styloid_mm is None:
        line = float(np.flatnonzero((upright == ULNA).any(axis=1))[0]) * spacing_mm[0]
    else:
        line = styloid_mm if towards == "up" else height_mm - styloid_mm
    # The radial end-plate begins the GE box; Hologic counts from the styloid alone.
    plate = _end_plate(upright) * spacing_mm[0] if vendor == "ge" else None
    spans, findings = _spans(line, end_plate_mm=plate, length_mm=forearm_length_mm)
    boxes: dict[RegionName, Box] = {}
    for name, (first, last) in spans.items():
        if first < -1e-6 or last > height_mm + 1e-6:
            beyond = max(-first, last - height_mm)
            findings.append(Finding(OUTSIDE, name, detail=f"{beyond:.1f} mm"))
            continue
        edges = (first, last) if towards == "up" else (height_mm - last, height_mm - first)
        box = _box(labels, edges, spacing_mm)
        missing = [bone for bone in ("radius", "ulna") if not _crosses(labels, box, bone)]
        findings += [Finding(BONE_MISSING, name, detail=bone) for bone in missing]
        if not missing:
            boxes[name] = box
    return ForearmPlacement(
        vendor=vendor,
        distal=towards,
        styloid_mm=line if towards == "up" else height_mm - line,
        forearm_length_mm=forearm_length_mm,
        boxes=MappingProxyType(boxes),
        labels=labels,
        findings=tuple(findings),
    )


def find_distal(labels: Labels, *, spacing_mm: tuple[float, float]) -> Distal:
    """The end at which the hand is: by the label `HAND`, else where the radius is wider.

    Raises
    ------
    InputError
        If neither tells (no hand, and both ends of the radius alike).
    """
    bones = np.flatnonzero(((labels == RADIUS) | (labels == ULNA)).any(axis=1))
    hand = np.flatnonzero((labels == HAND).any(axis=1))
    if hand.size and bones.size:
        return "up" if hand.mean() < bones.mean() else "down"
    widths = (labels == RADIUS).sum(axis=1) * spacing_mm[1]
    widths = widths[widths > 0]
    end = max(1, min(round(UD_MM / spacing_mm[0]), widths.size // 2))
    upper, lower = float(widths[:end].max()), float(widths[-end:].max())
    if abs(upper - lower) < 0.15 * max(upper, lower):
        problem = "which end of the forearm is the hand cannot be told from the outlines"
        raise InputError(problem, remedy="give distal='up' or distal='down'")
    return "up" if upper > lower else "down"


def measure_forearm(
    image: Image, placement: ForearmPlacement, *, excluded: Mask | None = None
) -> RegionDensities:
    """Area, BMC and BMD of each placed region for radius, ulna and both.

    A region with pixels that have no value, or that `excluded` (artefacts) touches, is left out
    and named in the findings: its BMD is unknown.

    Raises
    ------
    InputError
        If the image is not a BMD map, or does not fit the placement.
    """
    if image.kind != "bmd_map":
        raise InputError(
            f"only a BMD map holds g/cm², not an image of the kind {image.kind}",
            where=image.origin.name,
            remedy="take BMD from the device's report",
        )
    if image.pixels.shape != placement.labels.shape:
        raise InputError(
            f"the image is {image.pixels.shape}, the labels are {placement.labels.shape}",
            where=image.origin.name,
            remedy="give labels drawn on this image",
        )
    pixel_cm2 = image.spacing_mm[0] * image.spacing_mm[1] / 100
    values: list[RegionDensity] = []
    findings = list(placement.findings)
    for region in placement.boxes:
        for bone in BONES:
            mask = placement.mask(region, bone=bone)
            bad = _unmeasurable(image.pixels, mask, excluded)
            if bad is not None:
                findings.append(Finding(bad[0], f"{region} {bone}", count=bad[1]))
                continue
            area = float(mask.sum()) * pixel_cm2
            bmc = float(image.pixels[mask].sum(dtype=np.float64)) * pixel_cm2
            values.append(RegionDensity(region, bone, area, bmc, bmc / area))
    return RegionDensities(tuple(values), tuple(findings))


def _unmeasurable(
    pixels: NDArray[Any], mask: Mask, excluded: Mask | None
) -> tuple[str, int] | None:
    """The code and the number of pixels for which a region cannot be measured."""
    gaps = int((~np.isfinite(pixels[mask])).sum())
    if gaps:
        return GAPS, gaps
    masked = 0 if excluded is None else int((mask & excluded).sum())
    return (MASKED, masked) if masked else None


def _spans(
    line: float, *, end_plate_mm: float | None, length_mm: float | None
) -> tuple[dict[RegionName, tuple[float, float]], list[Finding]]:
    """First and last mm (from the top, hand up) of each region."""
    findings: list[Finding] = []
    if end_plate_mm is None:
        ud = line + HOLOGIC_LEFT_OUT_MM
    else:
        ud = end_plate_mm
        offset = ud - line
        if not GE_UD_EDGE_MM[0] - 0.5 <= offset <= GE_UD_EDGE_MM[1] + 0.5:
            findings.append(Finding(UNUSUAL_EDGE, "ud", detail=f"{offset:.1f} mm"))
    spans: dict[RegionName, tuple[float, float]] = {"ud": (ud, ud + UD_MM)}
    if length_mm is None:
        findings.append(Finding(NO_LENGTH, "one_third"))
        return spans, findings
    centre = line + length_mm / 3
    third = (centre - ONE_THIRD_MM / 2, centre + ONE_THIRD_MM / 2)
    spans["mid"] = (ud + UD_MM, third[0])
    spans["one_third"] = third
    spans["total"] = (ud, third[1])
    return spans, findings


def _end_plate(upright: Labels) -> int:
    """The first row below the whole distal surface of the radius (hand up).

    The surface is each column's first pixel of the radius, over the inner 92 % of the columns that
    the distal 10 % of the bone spans: the rim beside it is shaft seen from its side.
    """
    radius = upright == RADIUS
    rows = np.flatnonzero(radius.any(axis=1))
    head = radius[rows[0] : rows[0] + max(3, rows.size // 10)]
    columns = np.flatnonzero(head.any(axis=0))
    rim = round(0.04 * columns.size)
    inner = columns[rim : columns.size - rim] if columns.size > 2 * rim else columns
    return int(radius[:, inner].argmax(axis=0).max())


def _box(labels: Labels, edges_mm: tuple[float, float], spacing_mm: tuple[float, float]) -> Box:
    """The box between two heights, as wide as radius and ulna are there; pixels by their centre."""
    first, last = (int(np.ceil(edge / spacing_mm[0] - 0.5 - 1e-9)) for edge in edges_mm)
    inside = np.isin(labels[first:last], (RADIUS, ULNA)).any(axis=0)
    columns = np.flatnonzero(inside)
    left, right = (int(columns[0]), int(columns[-1]) + 1) if columns.size else (0, 0)
    return Box(
        top_mm=edges_mm[0],
        bottom_mm=edges_mm[1],
        left_mm=left * spacing_mm[1],
        right_mm=right * spacing_mm[1],
        rows=(first, last),
        columns=(left, right),
    )


def _crosses(labels: Labels, box: Box, bone: str) -> bool:
    """Whether a bone is in the box: the radius in 95 % of its rows, the ulna in half of them.

    The ulna's head may end well short of the radius, so that a UD box reaches beyond it.
    """
    code, least = (RADIUS, 0.95) if bone == "radius" else (ULNA, 0.5)
    rows = (labels[slice(*box.rows)] == code).any(axis=1)
    return rows.size > 0 and float(rows.mean()) >= least


def _bone_mask(labels: Labels, bone: Bone) -> Mask:
    if bone == "both":
        return np.isin(labels, (RADIUS, ULNA))
    return np.asarray(labels == (RADIUS if bone == "radius" else ULNA))


def _check_input(
    labels: Labels, spacing_mm: tuple[float, float], vendor: str, length_mm: float | None
) -> None:
    if vendor not in {"ge", "hologic"}:
        raise InputError(f"no definition of {vendor!r}", remedy="vendor is 'ge' or 'hologic'")
    if labels.ndim != 2:
        raise InputError(f"labels must be [y, x], not {labels.ndim}-d", remedy="give one image")
    if not all(np.isfinite(step) and step > 0 for step in spacing_mm):
        raise InputError(f"spacing must be positive, not {spacing_mm}", remedy="give it in mm")
    if length_mm is not None and not (np.isfinite(length_mm) and 100 <= length_mm <= 400):
        raise InputError(
            f"a forearm of {length_mm} mm", remedy="enter the length in mm, from 100 to 400"
        )
    for code, name in ((RADIUS, "radius"), (ULNA, "ulna")):
        if not (labels == code).any():
            raise InputError(f"the labels hold no {name}", remedy="outline radius and ulna")
