"""Are the grey values fit to measure: not empty, not clipped, not drowned in noise."""

from __future__ import annotations

import numpy as np

from careloop.imaging.quality.limit import limit
from careloop.imaging.quality.outcome import Check, box, failed, not_checked, passed
from careloop.imaging.quality.scene import Scene
from careloop.records.finding import declare

EMPTY = declare(
    "I340",
    "error",
    zh="图像为空或几乎没有对比度",
    en="the picture is empty or has next to no contrast",
    remedy_zh="检查导出的是否为扫描图像",
    remedy_en="check that the scan itself was exported",
)
SATURATED = declare(
    "I341",
    "error",
    zh="骨区像素饱和（被截断到同一数值）",
    en="pixels of the bone are saturated (clipped to one value)",
    remedy_zh="以更大的数值范围重新导出，或重新曝光",
    remedy_en="export again with a wider range, or expose again",
)
DISPLAY_CLIPPED = declare(
    "I342",
    "warning",
    zh="显示映射截断了部分骨区：该图像供显示，不宜测量纹理",
    en="the display mapping clips part of the bone: to look at, not to measure texture on",
    remedy_zh="使用设备的原始数据测量",
    remedy_en="measure on the device's own data",
)
NOISY = declare(
    "I343",
    "error",
    zh="噪声过大，骨与周围难以区分",
    en="noise is too strong: bone hardly stands out",
    remedy_zh="重新扫描；体型较大者选用较慢的扫描模式",
    remedy_en="scan again; use a slower mode for a large person",
)


_FEW = 5
"""Pixels: fewer at the top are a peak, not a plateau."""


def contrast(scene: Scene) -> Check:
    """There is a picture: more than a few grey levels, over a fair part of the range."""
    key = "contrast"
    values = scene.pixels[scene.finite]
    if values.size == 0:
        return failed(key, EMPTY, where="whole picture", detail="no pixel has a value")
    levels = float(np.unique(values).size)
    if scene.kind == "bmd_map":
        peak = float(np.percentile(values, 99.5))
        measured = {"levels": levels, "peak_g_cm2": peak}
        low = peak < limit("empty_bmd_g_cm2")
        detail = f"99.5th centile {peak:.3f} g/cm²"
    else:
        share = (scene.span[1] - scene.span[0]) / _range(scene)
        measured = {"levels": levels, "range_share": share}
        low = share < limit("contrast_range")
        detail = f"{share:.1%} of the range"
    if low or levels < limit("contrast_levels"):
        detail = f"{detail}, {levels:.0f} levels"
        return failed(key, EMPTY, where="whole picture", detail=detail, **measured)
    return passed(key, **measured)


def saturation(scene: Scene) -> Check:
    """Few pixels of the bone share the highest or the lowest value of the picture.

    Without an outline the brightest third of the picture's pixels stands for bone, and only the
    highest value is looked at: the lowest is air. A DXA picture is clipped for display: a warning.
    """
    key = "saturation"
    values = scene.pixels[scene.finite]
    if values.size == 0 or values.min() == values.max():
        return not_checked(key, "the picture is empty")
    if scene.bone is not None and scene.bone.any():
        area = scene.bone & scene.finite
        low_share = float((scene.pixels[area] == values.min()).mean()) if area.any() else 0.0
    else:
        area = scene.finite & (scene.filled > np.percentile(values, 200 / 3))
        low_share = 0.0
    if not area.any():
        return not_checked(key, "no pixel of the bone has a value")
    top = values.max()
    same = scene.pixels == top
    high_share = float(same[area].mean()) if int(same[area].sum()) >= _FEW else 0.0
    measured = {"high_share": high_share, "low_share": low_share}
    if max(high_share, low_share) > limit("saturated_share"):
        clipped = area & (same if high_share >= low_share else scene.pixels == values.min())
        rows, columns = np.flatnonzero(clipped.any(axis=1)), np.flatnonzero(clipped.any(axis=0))
        where = box((int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1))
        detail = f"{high_share:.1%} at the highest, {low_share:.1%} at the lowest value"
        code = DISPLAY_CLIPPED if scene.kind == "dxa_picture" else SATURATED
        return failed(key, code, where=where, detail=detail, **measured)
    return passed(key, **measured)


def noise(scene: Scene) -> Check:
    """Bone stands out of what is not bone by several standard deviations of the noise.

    Not bone is what lies within 8 mm of labelled bones; without labels, for a mask may be a region
    inside bone, 0 g/cm² in a BMD map and else the median of the pixels below Otsu's threshold.
    Noise is the median absolute finest wavelet coefficient / 0.6745 (Donoho and Johnstone 1994).
    """
    key = "noise"
    if scene.bone is None or not (scene.bone & scene.finite).any():
        return not_checked(key, "no outline of the bones to compare with the rest")
    values = scene.pixels[scene.finite]
    if min(scene.pixels.shape) < 8 or values.min() == values.max():
        return not_checked(key, "the picture is too small or empty")
    from skimage.restoration import estimate_sigma

    low = _beside_bone(scene)
    signal = float(np.median(scene.pixels[scene.bone & scene.finite])) - low
    sigma = float(estimate_sigma(scene.filled))
    if not sigma > 0:
        return passed(key, noise=0.0, signal=signal)
    ratio = signal / sigma
    measured = {"noise": sigma, "signal": signal, "contrast_to_noise": ratio}
    if ratio < limit("contrast_to_noise"):
        return failed(key, NOISY, where="bone", detail=f"{ratio:.1f} : 1", **measured)
    return passed(key, **measured)


def _beside_bone(scene: Scene) -> float:
    """Level of what is not bone."""
    from scipy.ndimage import binary_dilation
    from skimage.filters import threshold_otsu

    if scene.labels is not None:
        near = binary_dilation(
            scene.labels > 0, iterations=max(1, round(8 / min(scene.spacing_mm)))
        )
        beside = near & ~binary_dilation(scene.labels > 0) & scene.finite
        if beside.any():
            return float(np.median(scene.pixels[beside]))
    if scene.kind == "bmd_map":
        return 0.0
    values = scene.pixels[scene.finite]
    return float(np.median(values[values <= threshold_otsu(values)]))


def _range(scene: Scene) -> float:
    """The range a picture of this type can have."""
    kind = scene.image.pixels.dtype
    if kind == np.uint8:
        return 255.0
    largest = float(np.abs(scene.pixels[scene.finite]).max())
    return largest if largest > 0 else 1.0
