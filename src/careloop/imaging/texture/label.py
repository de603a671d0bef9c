"""What a texture feature is called, in both languages, and in which unit it is given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureLabel:
    """Key, UCUM unit and names of one feature.

    `{grey}` stands for the grey scale of the image: g/cm² in a BMD map, Hounsfield units in CT,
    the device's own levels elsewhere.
    """

    key: str
    unit: str
    zh: str
    en: str
