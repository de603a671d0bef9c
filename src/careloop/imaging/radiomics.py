"""Radiomic features of an image or a stack of slices, as the IBSI defines them, in a millisecond.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> image, mask = rng.normal(size=(40, 30)), np.ones((40, 30), dtype=bool)
    >>> features = extract(image, mask, families=("glcm",))
    >>> len(features), round(features["glcm_joint_entropy"], 1)
    (25, 8.6)

All families are two-dimensional: slices of a stack are neighbours of nobody, whatever their
spacing. The first call compiles the counting loops (2 s, once; the result is kept on disk).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from careloop.error import InputError
from careloop.imaging.discretisation import discretise
from careloop.imaging.feature.cooccurrence import cooccurrence_features
from careloop.imaging.feature.emphasis import emphasis_features
from careloop.imaging.feature.intensity import histogram_features, statistics_features
from careloop.imaging.feature.table import FAMILIES, Feature, family_features, feature_table
from careloop.imaging.feature.tone import tone_features
from careloop.imaging.matrix.counting import (
    AGGREGATIONS,
    Aggregation,
    Extents,
    cooccurrence,
    dependences,
    run_lengths,
    zones,
)
from careloop.imaging.matrix.region import Region, frame_region

__all__ = [
    "AGGREGATIONS",
    "FAMILIES",
    "SQUARE_WITHIN",
    "Feature",
    "extract",
    "extract_each",
    "feature_table",
]

Names = Literal["name", "ibsi"]
_DIRECTIONAL = frozenset({"glcm", "glrlm"})
_PLANAR = frozenset({"glszm", "gldzm", "ngtdm", "ngldm"})


def extract(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    spacing: Sequence[float] | None = None,
    bins: int | None = 32,
    bin_width: float | None = None,
    families: Sequence[str] | None = None,
    aggregation: str = "2d_averaged",
    names: Names = "name",
) -> dict[str, float]:
    """Compute radiomic features inside a mask.

    Parameters
    ----------
    image
        [y, x] or a stack [z, y, x] of any numeric type.
    mask
        The same shape; the region is where it is not zero.
    spacing
        Millimetres along each axis, or along rows and columns only. The features are defined on
        neighbouring pixels, so it changes no number; it is there to refuse pixels that are not
        square, whose diagonals would mean another distance.
    bins
        Number of equal grey-level steps between the region's lowest and highest value. `None`
        where `bin_width` is given, or for an image that holds grey levels 1, 2, … already.
    bin_width
        Width of a grey level, counted from the region's lowest value; `bins` is then ignored
        unless it was given, too.
    families
        Names of `FAMILIES`; all of them where not given.
    aggregation
        A name of `AGGREGATIONS` or its IBSI id (`"BTW3"`): how directions and slices are combined.
    names
        `"name"`: keys such as `glcm_contrast`. `"ibsi"`: feature id, then the aggregation's id
        where the feature has one, such as `ACUI.BTW3` or `Q4LE`.

    Returns
    -------
    dict
        Feature to value, in the order of `feature_table()`. A feature that the region does not
        define (no pixel has a neighbour, a dispersion relative to a mean of zero) is NaN.

    Raises
    ------
    InputError
        Shapes differ, the mask is empty, a pixel inside it is no finite number, pixels are not
        square, or a setting is unknown.

    References
    ----------
    Zwanenburg A et al. The Image Biomarker Standardization Initiative. Radiology 2020;295:328-338;
    reference manual arXiv:1612.07003v11.
    """
    if bin_width is not None and bins == _DEFAULT_BINS:
        bins = None  # the default gives way
    wanted = _checked_families(families)
    how = _aggregation(aggregation)
    stack, region_mask = _checked_image(image, mask, spacing)
    values = stack[region_mask]
    if not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise InputError(
            f"{bad:,} pixels inside the mask are not a finite number",
            remedy="take them out of the mask, or fill them on purpose",
        )
    plane: Plane = partial(_plane, values, region_mask, bins=bins, bin_width=bin_width)
    found: list[float] = []
    for numbers in _computed(values, plane, wanted, how):
        found += numbers
    return dict(zip(_keys(tuple(wanted), how, names), found, strict=True))


def extract_each(
    images: Mapping[str, ArrayLike], mask: ArrayLike, **settings: Any
) -> dict[str, float]:
    """`extract` on several images of the same region, such as the sub-bands of a filter.

    Keys get the image's name in front: `wavelet_lh.glcm_contrast`. Settings are those of
    `extract`.
    """
    return {
        f"{name}.{key}": value
        for name, image in images.items()
        for key, value in extract(image, mask, **settings).items()
    }


_DEFAULT_BINS = 32


Plane = Callable[[], tuple[NDArray[np.int32], Region]]
"""Makes the grey levels [pixel] and the framed region; the intensity statistics need neither."""


def _plane(
    values: NDArray[Any],
    mask: NDArray[np.bool_],
    *,
    bins: int | None,
    bin_width: float | None,
) -> tuple[NDArray[np.int32], Region]:
    levels = discretise(values, bins=bins, bin_width=bin_width)
    return levels, frame_region(levels, mask)


def _computed(
    values: NDArray[Any], plane: Plane, wanted: Sequence[str], how: Aggregation
) -> Iterator[list[float]]:
    """The numbers of each wanted family in the order of `FAMILIES`."""
    if "intensity_statistics" in wanted:
        yield statistics_features(values)
    if wanted == ["intensity_statistics"]:
        return
    levels, region = plane()
    if "intensity_histogram" in wanted:
        yield histogram_features(np.bincount(levels)[1:])
    if "glcm" in wanted:
        pairs = cooccurrence(region, how)
        yield _mean(lambda: cooccurrence_features(pairs, region.grey_levels), len(pairs), 25)
    tables: dict[str, Extents] = {}
    if "glrlm" in wanted:
        tables["glrlm"] = run_lengths(region, how)
    if "glszm" in wanted or "gldzm" in wanted:
        by_size, by_distance = zones(region, how)
        tables |= {"glszm": by_size, "gldzm": by_distance}
    tones: list[float] = []
    if "ngtdm" in wanted or "ngldm" in wanted:
        tables["ngldm"], pixels, difference = dependences(region, how)
        some = pixels.any(axis=1)
        tones = _mean(lambda: tone_features(pixels[some], difference[some]), int(some.sum()), 5)
    asked = [family for family in tables if family in wanted]
    shared = dict(zip(asked, _emphases([tables[family] for family in asked]), strict=True))
    for family in ("glrlm", "glszm", "gldzm"):
        if family in shared:
            yield shared[family][:-1]  # the energy is a feature of NGLDM alone
    if "ngtdm" in wanted:
        yield tones
    if "ngldm" in shared:
        yield shared["ngldm"]


def _emphases(tables: Sequence[Extents]) -> Iterator[list[float]]:
    """The mean features of each table's matrices, all computed in one go."""
    if not tables:
        return
    matrices = [len(table.counts) for table in tables]
    width = max(len(table.extents) for table in tables)
    grey_levels = tables[0].counts.shape[1]
    counts = np.zeros((sum(matrices), grey_levels, width))
    extents = np.ones((len(counts), width))
    first = 0
    for table, number in zip(tables, matrices, strict=True):
        rows, columns = slice(first, first + number), slice(len(table.extents))
        counts[rows, :, columns] = table.counts
        extents[rows, columns] = table.extents
        first += number
    features = emphasis_features(
        counts, extents, np.concatenate([table.pixels for table in tables])
    )
    first = 0
    for number in matrices:
        yield features[:, first : first + number].mean(axis=1).tolist()
        first += number


def _mean(compute: Callable[[], NDArray[np.float64]], matrices: int, features: int) -> list[float]:
    """Mean over matrices; NaN where there is none, because no pixel has a neighbour."""
    if not matrices:
        return [np.nan] * features
    means: list[float] = compute().mean(axis=1).tolist()
    return means


@lru_cache(maxsize=64)
def _keys(families: tuple[str, ...], how: Aggregation, names: Names) -> tuple[str, ...]:
    """The keys of the features of these families, in order."""
    return tuple(
        _name(feature, how, names) for family in families for feature in family_features(family)
    )


# --- settings and input


def _checked_families(families: Sequence[str] | None) -> list[str]:
    if families is None:
        return list(FAMILIES)
    asked = [families] if isinstance(families, str) else list(families)
    unknown = sorted(set(asked) - set(FAMILIES))
    if unknown or not asked:
        raise InputError(
            f"no feature family {', '.join(unknown) or 'was named'}",
            remedy=f"choose from {', '.join(FAMILIES)}",
        )
    return [family for family in FAMILIES if family in asked]


def _aggregation(name: str) -> Aggregation:
    for key, aggregation in AGGREGATIONS.items():
        if name in {key, aggregation.directional}:
            return aggregation
    raise InputError(
        f"no aggregation {name!r}",
        remedy=f"choose from {', '.join(AGGREGATIONS)}",
    )


def _checked_image(
    image: ArrayLike, mask: ArrayLike, spacing: Sequence[float] | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Image and mask as stacks [z, y, x]."""
    pixels, inside = np.asarray(image), np.asarray(mask)
    if pixels.dtype.kind not in "iufb":
        raise InputError(
            f"the image holds {pixels.dtype}, not numbers", remedy="give one grey value a pixel"
        )
    if pixels.ndim not in {2, 3}:
        raise InputError(
            f"the image has {pixels.ndim} axes",
            remedy="give one image [y, x] or a stack [z, y, x]; turn colour into grey first",
        )
    if inside.shape != pixels.shape:
        raise InputError(
            f"the image is {_size(pixels)} and the mask {_size(inside)}",
            remedy="give a mask of the image's own size",
        )
    inside = inside if inside.dtype == np.bool_ else inside != 0
    if not inside.any():
        raise InputError("the mask is empty", remedy="mark the region to measure")
    if spacing is not None:
        _square(spacing)
    if pixels.ndim == 2:
        pixels, inside = pixels[None], inside[None]
    return pixels, inside


SQUARE_WITHIN = 0.01
"""By how much the sides of a pixel may differ, relative to the longer."""


def _square(spacing: Sequence[float]) -> None:
    steps = [float(step) for step in spacing]
    if len(steps) not in {2, 3} or not all(np.isfinite(step) and step > 0 for step in steps):
        raise InputError(
            f"the spacing {tuple(steps)} is not two or three positive lengths",
            remedy="give millimetres along rows and columns",
        )
    row, column = steps[-2:]
    if abs(row - column) > SQUARE_WITHIN * max(row, column):
        raise InputError(
            f"pixels of {row:g} × {column:g} mm are not square: texture along rows and along "
            "columns would be of different scale",
            remedy="resample first: careloop.imaging.preprocessing, or leave spacing out to accept",
        )


def _size(array: NDArray[Any]) -> str:
    return " × ".join(str(length) for length in array.shape)


def _name(feature: Feature, how: Aggregation, names: Names) -> str:
    if names == "name":
        return feature.key
    if feature.family in _DIRECTIONAL:
        return f"{feature.ibsi_id}.{how.directional}"
    if feature.family in _PLANAR:
        return f"{feature.ibsi_id}.{how.planar}"
    return feature.ibsi_id
