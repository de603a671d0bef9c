"""Angles of drawn wrists whose landmarks are known."""

from __future__ import annotations

import numpy as np
import pytest

from careloop.imaging.geometry.distal_radius import distal_radius, palmar_tilt
from careloop.imaging.geometry.finding import NotMeasurable
from careloop.imaging.phantom.section import polygon

DIRECTIONS = ("up", "right", "down", "left")  # clockwise


def _wrist(inclination, variance, spacing, tilt=0.0):
    """Radius and ulna, the hand above, the ulna to the right."""
    height = 30.0 * np.tan(np.radians(inclination))
    radius = np.array(
        [[-40 - height, -15], [-40, 15], [-34, 15], [-10, 7], [55, 7], [55, -7], [-10, -7],
         [-30, -15]]
    )  # fmt: skip
    head = -40.0 - variance
    ulna = np.array(
        [[head, 19], [head, 27], [head - 4, 28], [head - 4, 31], [head + 10, 31], [head + 20, 29],
         [55, 29], [55, 22], [head + 20, 22], [head + 10, 19]]
    )  # fmt: skip
    shape = (round(150 / spacing[0]), round(110 / spacing[1]))
    return tuple(
        polygon(shape, each.astype(float), spacing=spacing, tilt_deg=tilt, oversample=2)
        for each in (radius, ulna)
    )


def _lateral(tilt_deg, spacing, tilt=0.0):
    """A radius from the side, the palm to the right."""
    rise = 9.0 * np.tan(np.radians(tilt_deg))
    corners = np.array(
        [[-40 - rise, -9], [-40 + rise, 9], [-30 + rise, 9], [-10, 6], [55, 6], [55, -6],
         [-10, -6], [-30, -9]]
    )  # fmt: skip
    shape = (round(150 / spacing[0]), round(110 / spacing[1]))
    return polygon(shape, corners, spacing=spacing, tilt_deg=tilt, oversample=2)


@pytest.mark.parametrize(
    ("spacing", "tilt"),
    [((0.25, 0.25), 8.0), ((0.5, 0.5), 0.0), ((0.5, 0.5), -15.0), ((0.3, 0.5), 8.0)],
)
@pytest.mark.parametrize(("inclination", "variance"), [(22.0, -2.0), (15.0, 1.5), (30.0, 0.0)])
def test_drawn_wrist(spacing, tilt, inclination, variance):
    radius, ulna = _wrist(inclination, variance, spacing, tilt)
    measured = distal_radius(radius, spacing=spacing, distal="up", ulna=ulna)
    assert measured.radial_inclination_deg == pytest.approx(inclination, abs=1.1)
    height = 30 * np.tan(np.radians(inclination))
    assert measured.radial_height_mm == pytest.approx(height, abs=0.8)
    assert measured.ulnar_variance_mm == pytest.approx(variance, abs=0.8)
    assert measured.axis.tilt_deg == pytest.approx(tilt, abs=0.4)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("flip", [False, True])
def test_any_orientation_gives_the_same(turns, flip):
    radius, ulna = _wrist(22.0, -2.0, (0.5, 0.5))
    distal, side = DIRECTIONS[-turns % 4], DIRECTIONS[(1 - turns) % 4]
    if flip:
        radius, ulna = radius[:, ::-1], ulna[:, ::-1]
        side = DIRECTIONS[(3 - turns) % 4]
    masks = [np.rot90(each, turns) for each in (radius, ulna)]
    measured = distal_radius(masks[0], spacing=(0.5, 0.5), distal=distal, ulna=masks[1], ulnar=side)
    upright = distal_radius(
        _wrist(22.0, -2.0, (0.5, 0.5))[0], spacing=(0.5, 0.5), distal="up", ulnar="right"
    )
    same = pytest.approx(upright.radial_inclination_deg, abs=0.05)
    assert measured.radial_inclination_deg == same
    assert measured.ulnar_variance_mm == pytest.approx(-2.0, abs=0.8)
    alone = distal_radius(masks[0], spacing=(0.5, 0.5), distal=distal, ulnar=side)
    assert alone.radial_inclination_deg == measured.radial_inclination_deg
    assert "ulnar_variance_mm" not in alone.measurements()


@pytest.mark.parametrize("tilt", [0.0, -15.0])
@pytest.mark.parametrize("palmar", [11.0, 0.0, -20.0])
def test_palmar_tilt(tilt, palmar):
    mask = _lateral(palmar, (0.25, 0.25), tilt)
    measured = palmar_tilt(mask, spacing=(0.25, 0.25), distal="up", palmar="right")
    assert measured.palmar_tilt_deg == pytest.approx(palmar, abs=1.5)
    other = palmar_tilt(mask, spacing=(0.25, 0.25), distal="up", palmar="left")
    assert other.palmar_tilt_deg == pytest.approx(-measured.palmar_tilt_deg)


def test_landmarks_out_of_view_are_refused():
    radius, ulna = _wrist(22.0, -2.0, (0.5, 0.5))
    top = int(np.argmax(radius.any(axis=1)))
    settings = {"spacing": (0.5, 0.5), "distal": "up"}
    for rows in (slice(top, None), slice(top + 10, None), slice(top + 60, None)):
        with pytest.raises(NotMeasurable, match="I428"):
            distal_radius(radius[rows], ulna=ulna[rows], **settings)
        with pytest.raises(NotMeasurable, match="I428"):
            palmar_tilt(radius[rows], palmar="right", **settings)
    with pytest.raises(NotMeasurable, match="I428"):  # the styloid lies on the other side
        distal_radius(radius, ulnar="left", **settings)
    with pytest.raises(NotMeasurable, match="I428"):
        distal_radius(radius, ulna=ulna, ulnar="left", **settings)
    with pytest.raises(NotMeasurable, match="I428"):  # the bone does not point that way
        distal_radius(radius, spacing=(0.5, 0.5), distal="left", ulnar="up")
    with pytest.raises(NotMeasurable, match="I428"):
        distal_radius(radius, ulna=radius, **settings)
    with pytest.raises(ValueError, match="ulna"):
        distal_radius(radius, **settings)
    assert distal_radius(radius, ulna=ulna, **settings).radial_height_mm > 10
