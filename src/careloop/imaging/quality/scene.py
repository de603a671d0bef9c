"""What the checks of one image share: pixels as numbers, the bones, and what was said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError
from careloop.imaging.image import Image, Mask
from careloop.imaging.regions import HAND, RADIUS, ULNA, Labels, Vendor

Floats = NDArray[np.float64]

FOREARM = "forearm"
_DAMAGED = 1e12
_FULL_BOX = 0.98
_BRIGHT_BORDER = 0.7
"""Share of the border above mid-grey that makes a picture one of dark bones on white."""


@dataclass(frozen=True)
class Scene:
    """One image with its mask, labels and declarations.

    `mask` is the measured bone; where only labels are given, radius and ulna.
    """

    image: Image
    mask: Mask | None
    given_labels: Labels | None
    expected_side: str
    site: str
    region_bmd: Mapping[str, float] | None
    forearm_length_mm: float | None
    vendor: Vendor

    @property
    def kind(self) -> str:
        """Meaning of the pixels."""
        return self.image.kind

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Rows, columns."""
        return self.image.in_plane_mm

    @cached_property
    def pixels(self) -> Floats:
        """Numbers [y, x]; a picture with dark bones is inverted so that more is denser."""
        numbers = np.asarray(self.image.pixels, dtype=np.float64)
        return -numbers if self.inverted else numbers

    @cached_property
    def finite(self) -> Mask:
        """Pixels that have a value; one beyond 10¹² in any unit is damage, not a value."""
        numbers = np.asarray(self.image.pixels, dtype=np.float64)
        return np.asarray(np.isfinite(numbers) & (np.abs(numbers) < _DAMAGED))

    @cached_property
    def filled(self) -> Floats:
        """Pixels with the smallest value where there is none."""
        if self.finite.all():
            return self.pixels
        lowest = float(self.pixels[self.finite].min()) if self.finite.any() else 0.0
        return np.where(self.finite, self.pixels, lowest)

    @cached_property
    def inverted(self) -> bool:
        """Whether denser is darker: told by the mask, else by a bright border. Never in g/cm²."""
        if self.kind in {"bmd_map", "ct", "radiograph"}:
            return False
        raw = np.asarray(self.image.pixels, dtype=np.float64)
        ok = self.finite
        if self.mask is not None and (self.mask & ok).any() and (~self.mask & ok).any():
            return bool(np.median(raw[self.mask & ok]) < np.median(raw[~self.mask & ok]))
        if not ok.any():
            return False
        border = np.concatenate([raw[0], raw[-1], raw[1:-1, 0], raw[1:-1, -1]])
        low, high = np.percentile(raw[ok], (1, 99))
        return bool((border > (low + high) / 2).mean() > _BRIGHT_BORDER)

    @cached_property
    def span(self) -> tuple[float, float]:
        """Robust range of the pixels: 1st and 99.5th centile."""
        values = self.pixels[self.finite]
        if values.size == 0:
            return 0.0, 0.0
        low, high = np.percentile(values, (1, 99.5))
        return float(low), float(high)

    @cached_property
    def labels(self) -> Labels | None:
        """Radius and ulna: as given, else named by shape from the mask or the BMD map."""
        if self.given_labels is not None:
            return self.given_labels
        if self.site != FOREARM:
            return None
        mask = self.mask
        if mask is None and self.kind == "bmd_map":
            mask = find_bone(self.filled, self.spacing_mm)
        return None if mask is None else name_bones(mask, spacing_mm=self.spacing_mm)

    @cached_property
    def bone(self) -> Mask | None:
        """What is measured: the mask, else radius and ulna."""
        if self.mask is not None:
            return self.mask
        if self.labels is None:
            return None
        return np.asarray((self.labels == RADIUS) | (self.labels == ULNA))

    @cached_property
    def outline(self) -> Mask | None:
        """The bone's outline, or None where the mask is no outline but a box or the whole picture.

        A mask may be a region of interest inside a bone; a full box is always one.
        """
        bone = self.bone
        if bone is None or not bone.any() or self.labels is not None:
            return bone if bone is not None and bone.any() else None
        rows, columns = np.flatnonzero(bone.any(axis=1)), np.flatnonzero(bone.any(axis=0))
        full = bone[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean()
        return None if full > _FULL_BOX else bone


def check_sizes(image: Image, mask: Mask | None, labels: Labels | None) -> None:
    """Refuse a stack, or a mask or labels of another size.

    Raises
    ------
    InputError
        With the sizes found.
    """
    if image.pixels.ndim != 2:
        raise InputError(
            f"quality is checked on one picture [y, x], not on {image.pixels.ndim}-d pixels",
            where=image.origin.name,
            remedy="check the frames or slices one by one",
        )
    for name, array in (("mask", mask), ("labels", labels)):
        if array is not None and array.shape != image.pixels.shape:
            raise InputError(
                f"{name} of {array.shape} on an image of {image.pixels.shape}",
                where=image.origin.name,
                remedy=f"draw the {name} on this image",
            )


def find_bone(bmd: Floats, spacing_mm: tuple[float, float]) -> Mask:
    """Bone in a BMD map: smoothed over 1 mm, above Otsu's threshold of the arm's positive part.

    Values above the 99th centile do not count for the threshold: metal would raise it.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_otsu

    smooth = gaussian_filter(bmd, [0.5 / step for step in spacing_mm])
    ordinary = np.clip(smooth, 0, np.percentile(smooth, 99))
    if ordinary.min() == ordinary.max():
        return np.zeros(bmd.shape, dtype=bool)
    return np.asarray(smooth > 0.6 * threshold_otsu(ordinary))


def name_bones(mask: Mask, *, spacing_mm: tuple[float, float]) -> NDArray[np.uint8] | None:
    """Labels of radius and ulna in a mask of a forearm, or None where they cannot be told.

    The two longest separate parts are the bones. The bone with the widest end is the radius and
    that end is distal: nothing in a forearm's field is wider than the distal radius. Parts beyond
    the radius' distal end are the hand.
    """
    from scipy.ndimage import find_objects, label

    parts, count = label(mask)
    if count < 2:
        return None
    boxes = find_objects(parts)
    heights = np.array([(b[0].stop - b[0].start) * spacing_mm[0] for b in boxes])
    longest = np.argsort(heights)[::-1][:2]
    if heights[longest].min() < 40 or heights[longest].min() < 0.5 * heights[longest].max():
        return None
    ends = [_end_widths(parts == i + 1, spacing_mm) for i in longest]
    first, second = sorted((max(end) for end in ends), reverse=True)
    radius = int(np.argmax([max(end) for end in ends]))
    upper, lower = ends[radius]
    if first < 1.15 * second or max(upper, lower) < 1.15 * min(upper, lower):
        return None
    labels = np.zeros(mask.shape, dtype=np.uint8)
    labels[parts == longest[radius] + 1] = RADIUS
    labels[parts == longest[1 - radius] + 1] = ULNA
    rows = boxes[longest[radius]][0]
    for index, place in enumerate(boxes):
        middle = (place[0].start + place[0].stop) / 2
        beyond = middle < rows.start if upper > lower else middle > rows.stop
        if index not in longest and beyond:
            labels[parts == index + 1] = HAND
    return labels


def _end_widths(bone: Mask, spacing_mm: tuple[float, float]) -> tuple[float, float]:
    """Median width of the upper and of the lower 5 to 20 mm."""
    widths: NDArray[Any] = bone.sum(axis=1) * spacing_mm[1]
    widths = widths[widths > 0]
    near, far = (max(1, round(mm / spacing_mm[0])) for mm in (5, 20))
    return float(np.median(widths[near:far])), float(np.median(widths[-far:-near]))
