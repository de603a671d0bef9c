"""A measurement of an image, and the settings without which its number means nothing."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from careloop.error import InputError
from careloop.imaging.feature.table import FAMILIES
from careloop.imaging.image import Origin

Aggregation = Literal["2d_averaged", "2d_slice_merged"]

TEXTURES: tuple[str, ...] = (
    "local_binary_pattern",
    "variogram",
    "hurst",
    "lacunarity",
    "density",
)
"""Textures beyond IBSI; none is measured unless it is asked for."""

AGGREGATIONS: tuple[Aggregation, ...] = ("2d_averaged", "2d_slice_merged")

_ID_LENGTH = 16
ORIGINAL = "original"
"""The filter of an image that went through none."""


@dataclass(frozen=True)
class Settings:
    """What a measuring run does; two runs are comparable exactly if their `id` is the same.

    Parameters
    ----------
    families
        Families of IBSI features, of `FAMILIES`; order and repetition do not matter.
    bins, bin_width
        Discretisation: a fixed number of bins, or a fixed width in the image's own unit. Exactly
        one of them is set.
    aggregation
        How directions and slices are put together (IBSI BTW3 or SUJT).
    textures
        Textures beyond IBSI, of `TEXTURES`.
    wavelet, wavelet_levels
        Name of a wavelet of PyWavelets (`coif1`); all families are also measured on its sub-bands.
    log_sigma_mm
        Widths of Laplacian-of-Gaussian filters.
    gabor_wavelength_mm
        Wavelengths of Gabor filters of one octave, averaged over eight directions.
    preprocessing
        Steps applied before measuring, each as JSON with sorted keys: `steps_of` writes them.
    spacing_mm
        Rows and columns, given by the user; goes before what the files say.

    Raises
    ------
    InputError
        On construction: a name that is not known, or numbers that cannot be.

    Examples
    --------
    >>> one, same = Settings(families=("glcm", "glrlm")), Settings(families=("glrlm", "glcm"))
    >>> one.id == same.id, one.id == Settings().id
    (True, False)
    >>> Settings.from_json(one.json) == one
    True
    """

    families: tuple[str, ...] = FAMILIES
    bins: int | None = 32
    bin_width: float | None = None
    aggregation: Aggregation = "2d_averaged"
    textures: tuple[str, ...] = ()
    wavelet: str = ""
    wavelet_levels: int = 1
    log_sigma_mm: tuple[float, ...] = ()
    gabor_wavelength_mm: tuple[float, ...] = ()
    preprocessing: tuple[str, ...] = ()
    spacing_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        self._set("families", _ordered(self.families, FAMILIES, "family of features"))
        self._set("textures", _ordered(self.textures, TEXTURES, "texture"))
        self._set("preprocessing", tuple(self.preprocessing))
        for name in ("log_sigma_mm", "gabor_wavelength_mm"):
            self._set(name, tuple(sorted({float(value) for value in getattr(self, name)})))
        if self.bin_width is not None:
            self._set("bin_width", float(self.bin_width))
        if self.spacing_mm is not None:
            row, column = self.spacing_mm
            self._set("spacing_mm", (float(row), float(column)))
        if not self.wavelet:
            self._set("wavelet_levels", 1)
        for problem, remedy in self._faults():
            raise InputError(problem, where="settings", remedy=remedy)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _faults(self) -> list[tuple[str, str]]:
        numbers: dict[str, tuple[float, ...]] = {
            "bin_width": () if self.bin_width is None else (self.bin_width,),
            "log_sigma_mm": self.log_sigma_mm,
            "gabor_wavelength_mm": self.gabor_wavelength_mm,
            "spacing_mm": self.spacing_mm or (),
        }
        found = [
            (f"{name} must be a positive number, not {value:g}", "give it in the unit of its name")
            for name, values in numbers.items()
            for value in values
            if not (math.isfinite(value) and value > 0)
        ]
        if (self.bins is None) == (self.bin_width is None):
            found.append(("either bins or bin_width is set", "give one of the two"))
        if self.bins is not None and not 2 <= self.bins <= 4096:
            found.append((f"{self.bins} bins", "between 2 and 4096"))
        if self.aggregation not in AGGREGATIONS:
            found.append((f"aggregation {self.aggregation!r}", f"one of {', '.join(AGGREGATIONS)}"))
        if not 1 <= self.wavelet_levels <= 8:
            found.append((f"{self.wavelet_levels} wavelet levels", "between 1 and 8"))
        if not (self.families or self.textures):
            found.append(("nothing to measure", "name a family of features or a texture"))
        return found

    @cached_property
    def json(self) -> str:
        """The settings as canonical JSON: keys sorted, no blanks, numbers as Python writes them."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @cached_property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of `json`."""
        return hashlib.sha256(self.json.encode()).hexdigest()[:_ID_LENGTH]

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Read what `json` wrote.

        Raises
        ------
        InputError
            If it is no JSON, or names a setting that this edition does not know.
        """
        try:
            told = json.loads(text)
        except ValueError:
            told = None
        known = {each.name for each in fields(cls)}
        if not isinstance(told, dict) or not set(told) <= known:
            strange = sorted(set(told) - known) if isinstance(told, dict) else []
            raise InputError(
                f"not the settings of a measuring run {strange or ''}".rstrip(),
                remedy="take the file that `careloop image measure` wrote beside its table",
            )
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
        }
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number measured in one region of one image.

    `variable` is a key of the dictionary, `unit` UCUM. `settings` holds what must be the same
    before the number may be compared: the settings' id, the filter, the image's kind, who drew the
    region, how the quality check ended, side and device. `software` is the edition that measured.
    """

    variable: str
    value: float
    unit: str
    region: str
    settings: Mapping[str, str | float]
    origin: Origin
    software: str
    taken_at: datetime | None = None  # of the image; unknown where the file says nothing

    @property
    def filter(self) -> str:
        """The filter the image went through; "original" for none."""
        return str(self.settings.get("filter", ORIGINAL))


def _ordered(names: tuple[str, ...], known: tuple[str, ...], what: str) -> tuple[str, ...]:
    names = tuple(names)
    for name in names:
        if name not in known:
            raise InputError(
                f"no {what} {name!r}", where="settings", remedy=f"one of {', '.join(known)}"
            )
    return tuple(name for name in known if name in names)
