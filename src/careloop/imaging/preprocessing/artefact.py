"""Artefacts kept out of the mask that is measured."""

from __future__ import annotations

from careloop.error import InputError
from careloop.imaging.image import Image, Mask
from careloop.imaging.preprocessing.step import Step
from careloop.imaging.quality.artefact import find_artefacts


def exclude_artefacts(image: Image, mask: Mask, *, margin_mm: float = 2.0) -> tuple[Mask, Step]:
    """The mask without metal and a margin around it; never larger than the mask.

    `quality.find_artefacts` finds the metal; bone under it is not measured.

    Raises
    ------
    InputError
        If the mask has another size or the margin is negative.
    """
    if mask.shape != image.pixels.shape:
        raise InputError(
            f"a mask of {mask.shape} on an image of {image.pixels.shape}",
            where=image.origin.name,
            remedy="draw the mask on this image",
        )
    if not margin_mm >= 0:
        raise InputError(f"a margin of {margin_mm} mm", remedy="the margin is 0 mm or more")
    step = Step("exclude_artefacts", {"margin_mm": float(margin_mm)})
    found = find_artefacts(image, mask=mask)
    if not found.any():
        return mask.copy(), step
    from scipy.ndimage import distance_transform_edt

    near = distance_transform_edt(~found, sampling=image.in_plane_mm) <= margin_mm
    return mask & ~near, step
