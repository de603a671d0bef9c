"""Is all there: bones inside the field, room beyond the wrist, length for the 1/3 region."""

from __future__ import annotations

import numpy as np

from careloop.error import InputError
from careloop.imaging.image import Mask
from careloop.imaging.quality.limit import limit
from careloop.imaging.quality.outcome import Check, box, failed, not_checked, passed
from careloop.imaging.quality.scene import FOREARM, Scene
from careloop.imaging.regions import (
    NO_LENGTH,
    RADIUS,
    ULNA,
    UNUSUAL_EDGE,
    Labels,
    find_distal,
    place_forearm,
)
from careloop.records.finding import declare

BONE_CUT = declare(
    "I301",
    "error",
    zh="骨骼被图像侧边切断",
    en="the picture's side cuts a bone",
    remedy_zh="将前臂置于视野中央后重新扫描",
    remedy_en="put the arm in the middle of the field and scan again",
)
DISTAL_CUT = declare(
    "I302",
    "error",
    zh="腕部一端视野不足",
    en="too little of the wrist is in the field",
    remedy_zh="扫描范围向手部延伸，包含腕骨",
    remedy_en="begin the scan further towards the hand, with the carpal bones",
)
REGION_MISSING = declare(
    "I303",
    "error",
    zh="图像中缺少应测量的区域或骨骼",
    en="a region or bone that should be measured is not in the picture",
    remedy_zh="扫描范围向肘部延伸后重新扫描；检查前臂长度录入是否正确",
    remedy_en="scan further towards the elbow; check the forearm length that was entered",
)
NO_VALUES = declare(
    "I304",
    "error",
    zh="骨区内有像素无数值",
    en="pixels inside the bone have no value",
    remedy_zh="检查图像来源与转换过程",
    remedy_en="check where the image comes from and how it was converted",
)


def field_of_view(scene: Scene) -> Check:
    """No bone is cut by the left or right side, and there is room beyond the ulnar styloid."""
    key = "field_of_view"
    bone = scene.outline
    if bone is None:
        return not_checked(key, "no outline of the bones was given or found")
    cut = _cut(bone)
    share = max(cut.values())
    if share > limit("edge_rows_share"):
        side = max(cut, key=lambda name: cut[name])
        rows, columns = _extent(bone)
        detail = f"{share:.0%} of the bone's rows end at the {side} side"
        where = box(rows, columns)
        return failed(key, BONE_CUT, where=where, detail=detail, edge_rows_share=share)
    if scene.site != FOREARM or scene.labels is None:
        why = "the sides are free; the wrist's end was not checked: no forearm with named bones"
        return not_checked(key, why, edge_rows_share=share)
    margin = _distal_margin(scene.labels, scene.spacing_mm)
    if margin is None:
        return not_checked(key, "which end is the hand cannot be told", edge_rows_share=share)
    measured = {"edge_rows_share": share, "distal_margin_mm": margin}
    if margin < limit("field_distal_margin_mm"):
        detail = f"{margin:.1f} mm beyond the ulnar styloid, {limit('field_distal_margin_mm'):g} mm"
        return failed(key, DISTAL_CUT, where="distal", detail=f"{detail} wanted", **measured)
    return passed(key, **measured)


def missing_regions(scene: Scene) -> Check:
    """Radius, ulna and every region of the vendor's definition are in the picture."""
    key = "missing_regions"
    if scene.site != FOREARM:
        return not_checked(key, f"regions are defined for the forearm, not for {scene.site!r}")
    labels = scene.labels
    if labels is None:
        return not_checked(key, "radius and ulna were not labelled and could not be told apart")
    absent = [bone for code, bone in ((RADIUS, "radius"), (ULNA, "ulna")) if code not in labels]
    if absent:
        return failed(key, REGION_MISSING, where=", ".join(absent), detail="not labelled")
    return _placed(scene, labels)


def _placed(scene: Scene, labels: Labels) -> Check:
    """Whether every region of the vendor's definition can be placed."""
    key = "missing_regions"
    try:
        placement = place_forearm(
            labels,
            spacing_mm=scene.spacing_mm,
            vendor=scene.vendor,
            forearm_length_mm=scene.forearm_length_mm,
        )
    except InputError as error:
        return not_checked(key, error.problem)
    missing = [one for one in placement.findings if one.code not in {NO_LENGTH, UNUSUAL_EDGE}]
    if missing:
        where = ", ".join(dict.fromkeys(one.where for one in missing))
        detail = "; ".join(f"{one.where}: {one.detail}" for one in missing)
        return failed(key, REGION_MISSING, where=where, detail=detail)
    if scene.forearm_length_mm is None:
        return not_checked(key, "UD is there; for 1/3 the forearm length is needed")
    return passed(key, regions=float(len(placement.boxes)))


def missing_values(scene: Scene) -> Check:
    """Every pixel of the bone (of the picture, if the bone is unknown) has a value."""
    key = "missing_values"
    area = scene.bone if scene.bone is not None and scene.bone.any() else None
    inside = scene.finite if area is None else scene.finite[area]
    share = float(1 - inside.mean())
    if share > limit("missing_share"):
        rows, columns = _extent(~scene.finite if area is None else area & ~scene.finite)
        where = box(rows, columns)
        detail = f"{share:.2%} of the pixels"
        return failed(key, NO_VALUES, where=where, detail=detail, missing_share=share)
    return passed(key, missing_share=share)


def _cut(bone: Mask) -> dict[str, float]:
    """For each side the share of the bone's rows that end there."""
    rows = bone.any(axis=1)
    return {"left": float(bone[rows, 0].mean()), "right": float(bone[rows, -1].mean())}


def _distal_margin(labels: Labels, spacing_mm: tuple[float, float]) -> float | None:
    """From the ulna's distal end to the picture's distal edge, in mm."""
    try:
        distal = find_distal(labels, spacing_mm=spacing_mm)
    except InputError:
        return None
    rows = np.flatnonzero((labels == ULNA).any(axis=1))
    if rows.size == 0:
        return None
    free = int(rows[0]) if distal == "up" else labels.shape[0] - 1 - int(rows[-1])
    return free * spacing_mm[0]


def _extent(mask: Mask) -> tuple[tuple[int, int], tuple[int, int]]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)
