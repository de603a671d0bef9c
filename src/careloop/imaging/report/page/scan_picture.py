"""The bone scan printed on a report page: found by its texture, cut out for display."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.report.word import Box, Page

_SIDE = 900  # pixels of the longer side in which scans are sought
_LEAST_AREA = 0.008  # of the page
_LEAST_SIDE = 0.07  # of the longer side of the page
_MOST_AREA = 0.9
_PAPER = 0.15  # of a column between two pictures that may be darker than paper
_GROUNDED = 0.88  # of a picture on dark ground that is darker than paper; on light ground 0.8
_SOLID = 0.75  # of a row of a picture on dark ground that is darker than paper
_LEAST_LEVELS = 40  # grey levels in use: a drawing has few, a scan many
_LEVEL_SHARE = 0.0008  # of the pixels for a grey level to be in use
_MOST_WORDS = 0.15  # share of the patch under words
_MOST_COLOURED = 0.35  # share of coloured pixels: a scan is grey but for the lines drawn on it


@dataclass(frozen=True, slots=True)
class ScanPicture:
    """A scan printed on a page: where (pixels of the page's picture) and its pixels (RGB)."""

    box: Box
    picture: NDArray[np.uint8]


def find_scan_pictures(page: Page) -> list[ScanPicture]:
    """The bone scans on a page, from the top down and from the left to the right.

    A scan is a large patch that is grey and textured: it has many grey levels, few coloured
    pixels and no lines of text. Graphs (flat colours), logos (small) and tables (text) are not.
    Scans side by side on dark ground are told apart by the paper between them. The picture is
    for showing and for finding the bone in; its brightness is not a density.
    """
    height, width = page.size
    scale = min(_SIDE / max(height, width), 1.0)
    small = _smaller(page.picture, scale)
    grey = small.astype(np.int16).mean(axis=2)
    coloured = np.ptp(small.astype(np.int16), axis=2) > 60
    dark = grey < float(np.percentile(grey, 90)) - 12
    words = _words_mask(page, small.shape[:2], scale)
    found = []
    patches = _patches(dark & ~words, coloured)
    for patch in patches:
        for x0, y0, x1, y1 in _frames(dark, patch, [p for p in patches if p is not patch]):
            inside = np.s_[y0:y1, x0:x1]
            if _is_scan(grey[inside], coloured[inside], words[inside], grey.shape):
                box = Box(x0 / scale, y0 / scale, min(x1 / scale, width), min(y1 / scale, height))
                found.append(ScanPicture(box, page.crop(box)))
    return sorted(found, key=lambda scan: (round(scan.box.y0 / (0.1 * height)), scan.box.x0))


def _smaller(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    from PIL import Image

    if scale >= 1:
        return picture
    size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX), np.uint8)


def _words_mask(page: Page, shape: tuple[int, ...], scale: float) -> NDArray[np.bool_]:
    """Where there are words of more than a few letters: tables and paragraphs."""
    mask = np.zeros(shape, bool)
    for word in page.words:
        if word.confidence >= 0.5 and len(word.text) > 2:
            b = word.box
            rows = slice(int(b.y0 * scale), int(b.y1 * scale) + 1)
            mask[rows, int(b.x0 * scale) : int(b.x1 * scale) + 1] = True
    return mask


Patch: TypeAlias = tuple[int, int, int, int]  # x0, y0, x1, y1


def _patches(dark: NDArray[np.bool_], coloured: NDArray[np.bool_]) -> list[Patch]:
    """Rectangles around connected patches that are darker than paper and not coloured."""
    from scipy import ndimage

    dense = ndimage.uniform_filter((dark & ~coloured).astype(np.float32), 9) > 0.5
    dense = ndimage.binary_opening(dense, iterations=4)
    dense = ndimage.binary_dilation(dense, iterations=2)
    labels, _ = ndimage.label(dense)
    return [
        (where[1].start, where[0].start, where[1].stop, where[0].stop)
        for where in ndimage.find_objects(labels)
    ]


def _frames(dark: NDArray[np.bool_], patch: Patch, others: list[Patch]) -> list[Patch]:
    """A patch as the pictures it is made of, each with its own edge."""
    x0, y0, x1, y1 = patch
    inside = dark[y0:y1, x0:x1]
    solid = np.flatnonzero(inside.mean(axis=1) > _SOLID)
    if solid.size == 0 or inside[solid[0] : solid[-1] + 1].mean() < _GROUNDED:
        return [_with_its_lines(dark, patch, others)]
    frames = []
    for a, b in _runs(dark[y0:y1, x0:x1].mean(axis=0) > _PAPER):
        rows = np.flatnonzero(dark[y0:y1, x0 + a : x0 + b].mean(axis=1) > _SOLID)
        if rows.size:
            frames.append((x0 + a, y0 + int(rows[0]), x0 + b, y0 + int(rows[-1]) + 1))
    return frames


def _with_its_lines(dark: NDArray[np.bool_], patch: Patch, others: list[Patch]) -> Patch:
    """A light-grounded picture out to the ends of what is drawn on it: frames of its regions.

    Its own ground is as white as paper, so its edge is where the last connected line ends; only
    sideways, for captions and tables stand above and below, and not into another picture.
    """
    from scipy import ndimage

    x0, y0, x1, y1 = patch
    labels, _ = ndimage.label(dark[y0:y1], structure=np.ones((3, 3)))
    touching = np.unique(labels[:, x0:x1])
    columns = np.flatnonzero(np.isin(labels, touching[touching > 0]).any(axis=0))
    if columns.size == 0:
        return patch
    beside = [o for o in others if o[1] < y1 and o[3] > y0]
    reach = x1 - x0  # a frame is not much wider than its bone
    left = max([int(columns[0]), x0 - reach, 0, *(o[2] for o in beside if o[2] <= x0 + 4)])
    right = min([int(columns[-1]) + 1, x1 + reach, *(o[0] for o in beside if o[0] >= x1 - 4)])
    return min(left, x0), y0, max(right, x1), y1


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where flags are set without a break: (start, stop) of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _is_scan(
    grey: NDArray[np.float64],
    coloured: NDArray[np.bool_],
    words: NDArray[np.bool_],
    page: tuple[int, ...],
) -> bool:
    area, side = grey.size / (page[0] * page[1]), min(grey.shape) / max(page)
    if area < _LEAST_AREA or side < _LEAST_SIDE or area > _MOST_AREA:
        return False
    if coloured.mean() > _MOST_COLOURED or words.mean() > _MOST_WORDS:
        return False
    counts = np.bincount(grey.astype(int).ravel(), minlength=256) / grey.size
    return bool((counts > _LEVEL_SHARE).sum() >= _LEAST_LEVELS)
