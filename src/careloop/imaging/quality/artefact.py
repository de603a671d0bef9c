"""Metal and jewellery: compact things denser than bone can be."""

from __future__ import annotations

import numpy as np

from careloop.imaging.image import Image, Mask
from careloop.imaging.quality.limit import limit
from careloop.imaging.quality.outcome import Check, box, failed, not_checked, passed
from careloop.imaging.quality.scene import Scene, check_sizes
from careloop.records.finding import declare

METAL = declare(
    "I330",
    "error",
    zh="测量骨区内有金属或其他高密度异物",
    en="metal or another dense object lies on the bone that is measured",
    remedy_zh="取下物品后重新扫描；内固定者测量另一侧",
    remedy_en="take the object off and scan again; with an implant, measure the other arm",
)
JEWELLERY = declare(
    "I331",
    "warning",
    zh="测量骨区之外有高密度物品（如戒指）或标记",
    en="a dense object (such as a ring) or a mark lies beside the bone that is measured",
    remedy_zh="下次扫描前取下；确认未影响软组织基线",
    remedy_en="have it taken off before the next scan; make sure the soft-tissue baseline is free",
)

DENSE_SOMEWHERE = declare(
    "I332",
    "warning",
    zh="图像中有高密度物品或嵌入标记，是否压在骨上未知",
    en="a dense object or a burned-in mark is in the picture; whether it lies on bone is unknown",
    remedy_zh="勾画骨轮廓后重新检查，或人工查看",
    remedy_en="outline the bone and check again, or look at the picture",
)

_RING_MM = 1.5
"""How far around a part its rise is looked at."""


def find_artefacts(image: Image, *, mask: Mask | None = None) -> Mask:
    """Pixels of metal and other objects denser than bone.

    In a BMD map: connected pixels above the limit in g/cm². In other pictures, which show no
    g/cm²: connected pixels at the top of the range whose rim rises steeply, since bone rises
    gradually. `mask` (the bone) only tells whether denser is darker.
    """
    check_sizes(image, mask, None)
    return dense_objects(Scene(image, mask, None, "", "", None, None, "ge"))


def dense_objects(scene: Scene) -> Mask:
    """See `find_artefacts`."""
    from scipy.ndimage import find_objects, label

    dense = _dense(scene)
    found: Mask = np.zeros(dense.shape, dtype=bool)
    parts, count = label(dense)
    pixel_mm2 = scene.spacing_mm[0] * scene.spacing_mm[1]
    areas = np.bincount(parts.ravel(), minlength=count + 1) * pixel_mm2
    places = find_objects(parts)
    for index in np.flatnonzero(areas >= limit("metal_area_mm2")):
        if index == 0:
            continue
        around = _widened(places[index - 1], dense.shape, _margin_px(scene))
        part = parts[around] == index
        if scene.kind == "bmd_map" or _steep(scene, part, around):
            found[around] |= part
    return found


def metal(scene: Scene) -> Check:
    """No dense object on the measured bone (anywhere, if the bone's outline is unknown).

    A radiograph never passes: metal darker than its brightest mark is not found (an intramedullary
    nail beside a burned-in logo, for one).
    """
    key = "metal"
    if not scene.finite.any():
        return not_checked(key, "no pixel has a value")
    objects = dense_objects(scene)
    hit = objects if scene.bone is None else _touching(objects, scene.bone)
    area = float(hit.sum()) * scene.spacing_mm[0] * scene.spacing_mm[1]
    if hit.any():
        known = scene.bone is not None or scene.kind == "bmd_map"
        return _report(key, METAL if known else DENSE_SOMEWHERE, hit, area)
    if scene.kind not in {"bmd_map", "dxa_picture"}:
        why = "nothing stands out at the top of the range; metal below it would not be seen"
        return not_checked(key, why, area_mm2=0.0)
    return passed(key, area_mm2=0.0)


def jewellery(scene: Scene) -> Check:
    """No dense object beside the measured bone, such as a ring on a finger."""
    key = "jewellery"
    if scene.bone is None:
        return not_checked(key, "no outline of the bones: dense objects are all told under metal")
    objects = dense_objects(scene)
    beside = objects & ~_touching(objects, scene.bone)
    area = float(beside.sum()) * scene.spacing_mm[0] * scene.spacing_mm[1]
    if beside.any():
        return _report(key, JEWELLERY, beside, area)
    if scene.kind not in {"bmd_map", "dxa_picture"}:
        return not_checked(key, "metal below the top of the range would not be seen", area_mm2=0.0)
    return passed(key, area_mm2=0.0)


def _report(key: str, code: str, mask: Mask, area_mm2: float) -> Check:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    where = box((int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1))
    return failed(key, code, where=where, detail=f"{area_mm2:.0f} mm²", area_mm2=area_mm2)


def _dense(scene: Scene) -> Mask:
    if scene.kind == "bmd_map":
        return np.asarray(scene.filled > limit("metal_bmd_g_cm2"))
    low, high = scene.span
    top = float(scene.filled.max()) if scene.filled.size else high
    if scene.kind == "ct" or top <= low:
        return np.zeros(scene.filled.shape, dtype=bool)
    return np.asarray(scene.filled >= top - 0.02 * (top - low))


def _margin_px(scene: Scene) -> int:
    return max(1, round(_RING_MM / min(scene.spacing_mm)))


def _widened(
    place: tuple[slice, slice], shape: tuple[int, ...], margin: int
) -> tuple[slice, slice]:
    """A part's place with room around it."""
    rows, columns = (
        slice(max(0, one.start - margin - 1), min(size, one.stop + margin + 1))
        for one, size in zip(place, shape, strict=True)
    )
    return rows, columns


def _steep(scene: Scene, part: Mask, around: tuple[slice, slice]) -> bool:
    """Whether a part rises steeply all around, and stands free of the picture's edge."""
    from scipy.ndimage import binary_dilation, binary_fill_holes

    if part[0].any() or part[-1].any() or part[:, 0].any() or part[:, -1].any():
        return False  # a device's own marks and white margins
    pixels = _margin_px(scene)
    whole = binary_fill_holes(part)
    near = binary_dilation(whole, iterations=pixels)
    rim = near & ~binary_dilation(whole, iterations=max(1, pixels - 1))
    low, _ = scene.span
    filled = scene.filled[around]
    top = float(filled[part].mean())
    if not rim.any() or top <= low:
        return False
    drop = (top - filled[rim]) / (top - low)
    return bool(np.percentile(drop, 25) > limit("metal_step"))


def _touching(objects: Mask, bone: Mask) -> Mask:
    """Objects that meet the bone."""
    from scipy.ndimage import label

    parts, count = label(objects)
    hit = np.zeros(count + 1, dtype=bool)
    hit[np.unique(parts[bone])] = True
    hit[0] = False
    return np.asarray(hit[parts])
