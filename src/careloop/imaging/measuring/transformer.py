"""Radiomics as a step of a scikit-learn pipeline.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> images = rng.normal(100, 10, (3, 40, 30))
>>> step = RadiomicsTransformer(families=("glcm",), spacing=(0.5, 0.5))
>>> step.fit_transform(images).shape
(3, 25)
>>> step.get_feature_names_out()[0]
'radiomics_glcm_joint_maximum'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.error import InputError, MissingExtra
from careloop.imaging.image import Image, Mask
from careloop.imaging.measurement import Settings
from careloop.imaging.measuring.value import columns, values

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError:
    raise MissingExtra(
        "RadiomicsTransformer is a step of scikit-learn: pip install scikit-learn"
    ) from None

MASKS = ("whole", "foreground")


class RadiomicsTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns images into a table of numbers; the images of one call may differ in size.

    Parameters
    ----------
    families, bins, bin_width, aggregation, textures, wavelet, wavelet_levels
        As in `Settings`; `families=None` is all of them.
    spacing
        Millimetres along rows and columns, for plain arrays; an `Image` knows its own.
    mask
        Of an image that comes without one: "whole" or "foreground" (bright, automatic).

    Attributes
    ----------
    feature_names_in_, n_features_in_
        Not set: an image is not a row of features.
    settings_ : Settings
        What is measured; its `id` says whether two transformers are comparable.
    feature_names_ : list of str
        Names of the columns.

    Notes
    -----
    `X` is a sequence of images: arrays [y, x], `Image`s, or pairs (image, mask); an array
    [n, y, x] is n images. No quality check is made here: check images before you learn from them.
    A number that is not defined is NaN.
    """

    def __init__(
        self,
        *,
        families: Sequence[str] | None = None,
        bins: int | None = 32,
        bin_width: float | None = None,
        aggregation: str = "2d_averaged",
        textures: Sequence[str] = (),
        wavelet: str = "",
        wavelet_levels: int = 1,
        spacing: tuple[float, float] = (1.0, 1.0),
        mask: str = "whole",
    ) -> None:
        self.families = families
        self.bins = bins
        self.bin_width = bin_width
        self.aggregation = aggregation
        self.textures = textures
        self.wavelet = wavelet
        self.wavelet_levels = wavelet_levels
        self.spacing = spacing
        self.mask = mask

    def fit(self, X: Any, y: Any = None) -> RadiomicsTransformer:  # noqa: N803 - scikit-learn's
        """Check the settings and name the columns; nothing is learned from the images.

        Raises
        ------
        InputError
            Settings that cannot be.
        """
        del y
        _count(X)
        if self.mask not in MASKS:
            raise InputError(f"mask {self.mask!r}", remedy=f"one of {', '.join(MASKS)}")
        wanted: dict[str, Any] = {} if self.families is None else {"families": self.families}
        self.settings_ = Settings(
            bins=None if self.bin_width is not None else self.bins,
            bin_width=self.bin_width,
            aggregation=self.aggregation,  # type: ignore[arg-type]
            textures=tuple(self.textures),
            wavelet=self.wavelet,
            wavelet_levels=self.wavelet_levels,
            spacing_mm=self.spacing,
            **wanted,
        )
        self.feature_names_ = columns(self.settings_)
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:  # noqa: N803 - scikit-learn's
        """Measure each image.

        Returns
        -------
        array [n, features]
            In the order of `get_feature_names_out()`.

        Raises
        ------
        InputError
            An image that cannot be measured, by its place in `X`.
        """
        check_is_fitted(self, "feature_names_")
        place = {name: at for at, name in enumerate(self.feature_names_)}
        found = np.full((_count(X), len(place)), np.nan)
        for at, (pixels, mask, spacing) in enumerate(self._images(X)):
            try:
                numbers = values(pixels, mask, spacing_mm=spacing, settings=self.settings_)
            except InputError as error:
                raise InputError(error.problem, where=f"X[{at}]", remedy=error.remedy) from None
            found[at, [place[name] for name in numbers]] = list(numbers.values())
        return found

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the columns; `input_features` is not used, images have none."""
        del input_features
        check_is_fitted(self, "feature_names_")
        return np.asarray(self.feature_names_, dtype=object)

    def _images(self, images: Any) -> Iterator[tuple[NDArray[Any], Mask, tuple[float, ...]]]:
        from careloop.imaging.measuring.mask import foreground

        for each in images:
            image, mask = each if isinstance(each, tuple) else (each, None)
            if not isinstance(image, Image):
                image = _image(np.asarray(image), self.spacing)
            if mask is None and self.mask == "foreground":
                mask = foreground(image).mask
            inside = np.ones(image.pixels.shape, bool) if mask is None else np.asarray(mask) != 0
            yield image.pixels, inside, image.spacing_mm

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.requires_fit = True
        return tags


def _count(images: Any) -> int:
    try:
        count = len(images)
    except TypeError:
        count = 0
    if not count or (isinstance(images, np.ndarray) and images.ndim < 3 and images.dtype != object):
        raise InputError(
            "no sequence of images", remedy="give a list of images, or an array [n, y, x]"
        )
    return count


def _image(pixels: NDArray[Any], spacing: tuple[float, float]) -> Image:
    from careloop.imaging.image import Origin

    if pixels.ndim != 2 or pixels.dtype.kind not in "biuf":
        raise InputError(
            f"an image of {pixels.ndim} axes and {pixels.dtype}", remedy="give grey images [y, x]"
        )
    return Image(pixels, spacing, "given", "other", Origin("array", "", ""))
