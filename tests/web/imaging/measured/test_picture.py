"""The picture that is kept: its size, its pixels, and outlines that stay small."""

from __future__ import annotations

import numpy as np
import pytest

from careloop.imaging.image import Image, Origin
from careloop.web.imaging.measured import picture


def image(shape, spacing_mm):
    pixels = np.add.outer(np.arange(shape[0]), np.arange(shape[1])).astype(np.float32)
    return Image(pixels, spacing_mm, "given", "radiograph", Origin("a", "", "dicom"))


@pytest.mark.parametrize(
    ("shape", "spacing_mm", "size"),
    [
        ((300, 200), (0.5, 0.5), (300, 200)),
        ((300, 200), (1.0, 0.5), (600, 200)),  # pixels become square
        ((3000, 2000), (0.1, 0.1), (1200, 800)),
        ((1, 5000), (0.1, 0.1), (1, 1200)),
    ],
)
def test_the_picture_has_square_pixels_and_is_never_large(shape, spacing_mm, size):
    grey, blanked = picture.shown(image(shape, spacing_mm), detector=None)
    assert grey.shape == size
    assert grey.dtype == np.uint8
    assert blanked == 0


def test_an_outline_runs_along_the_edge_of_its_region():
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:50] = True
    (line,) = picture.outlines(mask, spacing_mm=(1.0, 0.5), mm_per_px=0.5)
    points = {tuple(map(float, point.split(","))) for point in line.split(" ")}
    assert np.min([*points], axis=0) == pytest.approx([20, 20], abs=0.5)
    assert np.max([*points], axis=0) == pytest.approx([50, 60], abs=0.5)
    assert len(points) <= 8


def test_outlines_of_noise_stay_small():
    rng = np.random.default_rng(0)
    for share in (0.02, 0.5):
        mask = rng.random((200, 200)) < share
        lines = picture.outlines(mask, spacing_mm=(0.5, 0.5), mm_per_px=0.5)
        assert sum(len(line.split(" ")) for line in lines) <= picture.MOST_POINTS
