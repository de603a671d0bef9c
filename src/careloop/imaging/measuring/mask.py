"""Regions to measure: drawn ones from label files, or the bright foreground of an image.

**Reference.** Otsu, A threshold selection method from gray-level histograms, IEEE Trans. Syst. Man
Cybern. 9(1):62-66, 1979.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError
from careloop.imaging.image import Image, Mask
from careloop.imaging.measuring import finding
from careloop.records.finding import FINDINGS, Finding

FOREGROUND = "foreground"
NAMES_FILE = "regions.toml"
SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".npy", ".nii", ".nii.gz")
MOST_REGIONS = 64
"""Labels of one mask; more is a picture taken for a mask."""
FEWEST_PIXELS = 16
_LEVELS = 256


@dataclass(frozen=True, slots=True)
class Region:
    """A named part of an image; `mask` has the shape of its pixels."""

    name: str
    mask: Mask
    findings: tuple[Finding, ...] = ()


class RegionError(InputError):
    """There is no region to measure; `code` is the finding that says why."""

    def __init__(self, code: str, detail: str = "", *, where: str = "") -> None:
        self.code = code
        kind = FINDINGS[code]
        super().__init__(
            f"{kind.en}: {detail}" if detail else kind.en, where=where, remedy=kind.remedy_en
        )


def foreground(image: Image) -> Region:
    """The largest bright part of an image without its holes, flagged as automatic.

    Otsu's threshold over 256 levels, the largest connected component above it, holes filled. A
    first guess for radiographs and DXA pictures; the finding I503 goes with every number from it.

    Raises
    ------
    RegionError
        If the image has no contrast.

    Examples
    --------
    >>> from careloop.imaging.image import Origin
    >>> pixels = np.zeros((40, 40)); pixels[10:30, 12:20] = 5; pixels[15, 15] = 0; pixels[2, 2] = 5
    >>> origin = Origin("a.png", "0" * 64, "png")
    >>> image = Image(pixels, (0.5, 0.5), "given", "picture", origin)
    >>> int(foreground(image).mask.sum())
    160
    """
    from scipy import ndimage

    pixels = image.pixels
    threshold = otsu(pixels)
    if threshold is None:
        raise RegionError(finding.NO_FOREGROUND)
    labels, count = ndimage.label(pixels > threshold)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    largest = labels == int(sizes.argmax())
    filled: Mask = ndimage.binary_fill_holes(largest)
    share = f"{filled.mean():.0%}"
    return Region(
        FOREGROUND, filled, (Finding(finding.AUTOMATIC_MASK, image.origin.name, detail=share),)
    )


def otsu(pixels: NDArray[Any]) -> float | None:
    """The threshold that parts the values best in two (Otsu 1979); None where all are equal.

    Values above it are the brighter class.

    Examples
    --------
    >>> otsu(np.array([1.0, 1.2, 0.9, 5.0, 5.1])) < 5
    True
    """
    if pixels.dtype == np.uint8:
        counts = np.bincount(pixels.ravel(), minlength=_LEVELS)
        middles = np.arange(_LEVELS, dtype=np.float64)
        edges = middles
    else:
        values = pixels.astype(np.float64, copy=False)
        values = values[np.isfinite(values)]
        if not values.size or values.min() == values.max():
            return None
        counts, ends = np.histogram(values, bins=_LEVELS)
        middles, edges = (ends[:-1] + ends[1:]) / 2, ends[1:]
    below = np.cumsum(counts)
    above = below[-1] - below
    total = np.cumsum(counts * middles)
    parted = (below > 0) & (above > 0)
    if not parted.any():
        return None
    mean_below = total[parted] / below[parted]
    mean_above = (total[-1] - total[parted]) / above[parted]
    between = below[parted] * above[parted] * (mean_below - mean_above) ** 2
    at = int(np.flatnonzero(parted)[between.argmax()])
    return float(edges[at])


class Masks:
    """Label files: a folder whose files are named as the images, or one file for every image.

    Labels other than 0 are regions. They are called as `regions.toml` beside the masks says
    (`1 = "ultradistal_radius"`), else `label_1` and so on; the one region of a mask without names
    is `region`. `name_<frame>` is looked for first where a file holds several images.

    Raises
    ------
    InputError
        No such folder or file, two masks of one name, or a file of names that cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            files = [file for file in sorted(self.path.iterdir()) if _suffix(file)]
            self._one: Path | None = None
            self._files: dict[str, Path] = {}
            for file in files:
                other = self._files.setdefault(_stem(file.name), file)
                if other != file:
                    raise InputError(
                        f"two masks of one name: {other.name} and {file.name}",
                        where=str(self.path),
                        remedy="keep one of them",
                    )
            names = self.path / NAMES_FILE
        elif self.path.is_file():
            self._one, self._files, names = self.path, {}, self.path.parent / NAMES_FILE
        else:
            raise InputError("no such mask", where=str(self.path), remedy="check the path")
        self.names = _names(names) if names.is_file() else {}

    def __call__(self, image: Image) -> list[Region]:
        """Regions of an image, in the order of their labels.

        Raises
        ------
        RegionError
            There is no mask for it, or it does not fit.
        """
        file = self._one or self._named(image)
        if file is None:
            raise RegionError(finding.NO_MASK, where=image.origin.name)
        labels = read_labels(file)
        if labels.shape != image.pixels.shape:
            shapes = (
                f"{'×'.join(map(str, labels.shape))} ≠ {'×'.join(map(str, image.pixels.shape))}"
            )
            raise RegionError(finding.MASK_UNFIT, shapes, where=file.name)
        return regions_of(labels, self.names, where=file.name)

    def _named(self, image: Image) -> Path | None:
        stem = _stem(PurePosixPath(image.origin.name.replace("›", "/").replace("\\", "/")).name)
        stem = stem.strip()
        frame = image.origin.frame
        by_frame = None if frame is None else self._files.get(f"{stem}_{frame}")
        return by_frame or self._files.get(stem)


def regions_of(labels: NDArray[Any], names: Mapping[int, str], *, where: str) -> list[Region]:
    """Part a label image into regions.

    Raises
    ------
    RegionError
        No label but 0, or so many that it cannot be a mask.
    """
    present = [int(label) for label in np.unique(labels) if label]
    if not present:
        raise RegionError(finding.MASK_UNFIT, "every label is 0", where=where)
    if len(present) > MOST_REGIONS:
        raise RegionError(finding.MASK_UNFIT, f"{len(present)} labels", where=where)
    if len(present) == 1 and not names:
        return [Region("region", labels == present[0])]
    return [Region(names.get(label, f"label_{label}"), labels == label) for label in present]


def read_labels(file: Path) -> NDArray[Any]:
    """A label image of whole numbers, [y, x] or [z, y, x].

    NIfTI comes through the reader of images, so that a mask lies as its image does.

    Raises
    ------
    RegionError
        Another format, several channels, or labels that are not whole numbers.
    """
    suffix = _suffix(file)
    try:
        if suffix == ".npy":
            labels = np.load(file, allow_pickle=False)
        elif suffix in {".nii", ".nii.gz"}:
            from careloop.imaging.reading import read_image

            labels = read_image(file).pixels
        elif suffix:
            from PIL import Image as Picture

            with Picture.open(file) as picture:
                labels = np.asarray(picture)
        else:
            labels = np.empty(0, object)  # refused below
    except InputError:
        raise
    except Exception as error:  # what noise makes of a decoder
        raise RegionError(finding.MASK_UNFIT, type(error).__name__, where=file.name) from None
    if labels.ndim == 3 and suffix not in {".npy", ".nii", ".nii.gz"}:
        if not (labels[..., :1] == labels[..., :3]).all():
            raise RegionError(finding.MASK_UNFIT, "a coloured picture", where=file.name)
        labels = labels[..., 0]
    if labels.ndim not in {2, 3} or labels.dtype.kind not in "biuf":
        raise RegionError(finding.MASK_UNFIT, f"{labels.ndim}-d {labels.dtype}", where=file.name)
    if labels.dtype.kind == "f" and not (np.isfinite(labels) & (labels == np.rint(labels))).all():
        raise RegionError(finding.MASK_UNFIT, "labels with fractions", where=file.name)
    whole: NDArray[Any] = labels.astype(np.int64) if labels.dtype.kind == "f" else labels
    return whole


def _names(file: Path) -> dict[int, str]:
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        names = {int(label): name for label, name in told.items()}
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(
            f"not a file of names: {error}", where=file.name, remedy='write lines like 1 = "name"'
        ) from None
    if not all(isinstance(name, str) and name for name in names.values()):
        raise InputError("a name is empty", where=file.name, remedy='write lines like 1 = "name"')
    if len(set(names.values())) < len(names):
        raise InputError("two labels of one name", where=file.name, remedy="tell them apart")
    return names


def _suffix(file: Path) -> str:
    name = file.name.lower()
    return next((suffix for suffix in reversed(SUFFIXES) if name.endswith(suffix)), "")


def _stem(name: str) -> str:
    lower = name.lower()
    for packed in (".nii.gz", ".dcm.gz"):
        if lower.endswith(packed):
            return name[: -len(packed)]
    return PurePosixPath(name).stem
