"""Known defects of a simulated forearm: motion, metal, saturation, cut fields, mirroring.

Each function returns a new phantom whose truth names the defect. Sizes and densities of objects
are parameters of the simulation.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.image import Mask
from careloop.imaging.phantom.forearm import ForearmPhantom, with_defect
from careloop.imaging.regions import HAND, RADIUS, ULNA

MetalKind = Literal["watch", "bracelet", "ring", "plate"]
Edge = Literal["distal", "proximal", "radial", "ulnar"]


def move(
    phantom: ForearmPhantom, *, rng: np.random.Generator, shift_mm: float = 3.0
) -> ForearmPhantom:
    """The arm jumps sideways during the scan: all lines from one on are shifted.

    The line lies at a random height in the middle three fifths of radius and ulna.
    """
    bones = np.flatnonzero(np.isin(phantom.labels, (RADIUS, ULNA)).any(axis=1))
    line = int(rng.integers(bones[bones.size // 5], bones[-bones.size // 5]))
    pixels = shift_mm / phantom.truth.scan.spacing_mm[1] * (1 if rng.random() < 0.5 else -1)
    bmd, labels, body = phantom.bmd_map.copy(), phantom.labels.copy(), phantom.body.copy()
    columns = np.arange(bmd.shape[1])
    for row in range(line, bmd.shape[0]):
        bmd[row] = np.interp(columns - pixels, columns, bmd[row])
    source = np.clip(np.rint(columns - pixels).astype(int), 0, columns.size - 1)
    labels[line:], body[line:] = labels[line:, source], body[line:, source]
    return with_defect(phantom, f"motion at line {line}", bmd_map=bmd, labels=labels, body=body)


def put_metal(
    phantom: ForearmPhantom,
    *,
    kind: MetalKind,
    rng: np.random.Generator,
    metal_g_cm2: float = 4.0,
) -> ForearmPhantom:
    """A watch on the forearm, a bracelet around it, a ring on a finger, a plate on the radius.

    The map shows the sum of bone and metal.
    """
    metal = _metal(phantom, kind, rng)
    bmd = phantom.bmd_map + metal * metal_g_cm2
    return with_defect(phantom, f"metal: {kind}", bmd_map=bmd)


def _metal(phantom: ForearmPhantom, kind: MetalKind, rng: np.random.Generator) -> Mask:
    """Where the object lies."""
    step_y, step_x = phantom.truth.scan.spacing_mm
    y = (np.arange(phantom.labels.shape[0]) + 0.5)[:, None] * step_y
    x = (np.arange(phantom.labels.shape[1]) + 0.5)[None, :] * step_x
    if kind == "ring":
        rows, columns = _centre(phantom.labels == HAND, step_y, step_x)
        return np.asarray((np.abs(y - rows) < 2.0) & (np.abs(x - columns) < 8.0))
    bones = np.isin(phantom.labels, (RADIUS, ULNA))
    place = bones if kind != "plate" else phantom.labels == RADIUS
    lines = np.flatnonzero(place.any(axis=1))
    row = float(rng.uniform(lines[lines.size // 4], lines[3 * lines.size // 4])) * step_y
    band = place & (np.abs(y - row) < 3)
    _, column = _centre(band, step_y, step_x)
    if kind == "watch":
        return np.asarray((y - row) ** 2 + (x - column) ** 2 < 15.0**2)
    if kind == "bracelet":
        return np.asarray((np.abs(y - row) < 2.5) & phantom.body)
    return np.asarray((np.abs(y - row) < 20) & (np.abs(x - column) < 4))


def _centre(mask: Mask, step_y: float, step_x: float) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(rows.mean() + 0.5) * step_y, float(columns.mean() + 0.5) * step_x


def saturate(phantom: ForearmPhantom, *, share: float = 0.1) -> ForearmPhantom:
    """The densest `share` of the pixels of radius and ulna are clipped to one value."""
    bone = phantom.bmd_map[np.isin(phantom.labels, (RADIUS, ULNA))]
    ceiling = float(np.quantile(bone, 1 - share))
    return with_defect(phantom, "saturation", bmd_map=np.minimum(phantom.bmd_map, ceiling))


def truncate(phantom: ForearmPhantom, *, edge: Edge) -> ForearmPhantom:
    """The field ends too early: past the styloid, before the 1/3 region, or through a bone."""
    bones = np.isin(phantom.labels, (RADIUS, ULNA))
    rows, columns = np.flatnonzero(bones.any(axis=1)), np.flatnonzero(bones.any(axis=0))
    hand_up = phantom.truth.scan.distal == "up"
    radius_right = (phantom.truth.scan.side == "left") == hand_up
    top, bottom, left, right = 0, bones.shape[0], 0, bones.shape[1]
    if edge in {"distal", "proximal"}:
        distal_rows = round(12 / phantom.truth.scan.spacing_mm[0])  # beyond both styloids
        third_rows = round(
            phantom.truth.scan.forearm_length_mm / 3 / phantom.truth.scan.spacing_mm[0]
        )
        cut = distal_rows if edge == "distal" else third_rows
        if hand_up:
            limit = int(rows[0]) + cut
            top, bottom = (limit, bottom) if edge == "distal" else (top, limit)
        else:
            limit = int(rows[-1]) - cut
            top, bottom = (top, limit) if edge == "distal" else (limit, bottom)
    else:
        inward = round(4 / phantom.truth.scan.spacing_mm[1])
        if (edge == "radial") == radius_right:
            right = _shaft_edge(phantom.labels, edge, last=True) - inward
        else:
            left = _shaft_edge(phantom.labels, edge, last=False) + inward
        left, right = max(left, 0), min(right, int(columns[-1]) + bones.shape[1])
    part = np.s_[top:bottom, left:right]
    return with_defect(
        phantom,
        f"field cut: {edge}",
        bmd_map=phantom.bmd_map[part],
        labels=phantom.labels[part],
        body=phantom.body[part],
    )


def _shaft_edge(labels: NDArray[np.uint8], edge: Edge, *, last: bool) -> int:
    """The outermost column of a bone's shaft (median over its rows)."""
    bone = labels == (RADIUS if edge == "radial" else ULNA)
    bone = bone[bone.any(axis=1)]
    outer = bone.shape[1] - 1 - bone[:, ::-1].argmax(axis=1) if last else bone.argmax(axis=1)
    return int(np.median(outer))


def flip(phantom: ForearmPhantom) -> ForearmPhantom:
    """The picture is mirrored left to right, its declared side is not."""
    return with_defect(
        phantom,
        "flipped",
        bmd_map=phantom.bmd_map[:, ::-1].copy(),
        labels=phantom.labels[:, ::-1].copy(),
        body=phantom.body[:, ::-1].copy(),
    )
