"""The list of radiomic features: our key, the IBSI id, the family and the name in two languages."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FAMILIES: tuple[str, ...] = (
    "intensity_statistics",
    "intensity_histogram",
    "glcm",
    "glrlm",
    "glszm",
    "gldzm",
    "ngtdm",
    "ngldm",
)
"""Feature families of IBSI-1 that are defined in two dimensions, under the IBSI's own names."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One radiomic feature. `ibsi_id` is the id that the IBSI's table of reference values has."""

    key: str
    ibsi_id: str
    family: str
    zh: str
    en: str


@cache
def feature_table() -> tuple[Feature, ...]:
    """Every feature in the order of computation, from `features.csv`.

    Names and ids are those of the IBSI (CC BY 4.0). The id of the sum entropy stands as in the
    table of reference values (P6QZ1); the manual prints P6QZ.

    Examples
    --------
    >>> next(f.key for f in feature_table() if f.ibsi_id == "ACUI")
    'glcm_contrast'
    """
    text = files(__package__).joinpath("features.csv").read_text(encoding="utf-8")
    return tuple(Feature(**row) for row in csv.DictReader(text.splitlines()))


@cache
def family_features(family: str) -> tuple[Feature, ...]:
    """The features of one family, in order."""
    return tuple(feature for feature in feature_table() if feature.family == family)
