"""Phantoms hold what they promise: mass, area and pose, at any pixel size."""

from __future__ import annotations

import numpy as np
import pytest

from careloop.imaging.phantom.section import (
    Femur,
    Tube,
    femur_bmd_map,
    polygon,
    ring_section,
    tube_bmd_map,
    tube_radiograph,
)


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (1.0, 0.6), (0.25, 0.4)])
@pytest.mark.parametrize("tilt", [0.0, 20.0, 75.0])
def test_mass_of_a_tube(spacing, tilt):
    shape = (round(70 / spacing[0]), round(70 / spacing[1]))
    bone = tube_bmd_map(
        shape, Tube(8.0, 5.0, length_mm=40.0), spacing=spacing, density_g_cm3=1.0, tilt_deg=tilt
    )
    grams = bone.pixels.sum() * spacing[0] * spacing[1] / 100
    assert grams == pytest.approx(np.pi * (0.64 - 0.25) * 4.0, rel=0.005)
    assert bone.mask.sum() * spacing[0] * spacing[1] == pytest.approx(16 * 40, rel=0.03)


def test_taper_and_flare_change_the_radius_as_told():
    tube = Tube(5.0, 3.0, taper=0.1, flare=0.01)
    along = np.array([0.0, 10.0, -10.0])
    radius = 5.0 + 0.1 * along + 0.01 * along**2
    assert (tube.path_mm(along, radius - 0.01) > 0).all()
    assert (tube.path_mm(along, radius + 0.01) == 0).all()
    assert tube.path_mm(along, np.zeros(3)) == pytest.approx(np.full(3, 4.0))


def test_lean_lengthens_paths():
    upright = tube_radiograph((40, 60), Tube(8.0, 5.0), spacing=(0.5, 0.5))
    leaning = tube_radiograph((40, 60), Tube(8.0, 5.0), spacing=(0.5, 0.5), lean_deg=30.0)
    assert leaning.pixels.sum() / upright.pixels.sum() == pytest.approx(2 / np.sqrt(3))


def test_area_of_a_ring_and_a_polygon():
    ring = ring_section(
        (90, 90), spacing=(0.5, 0.4), outer_mm=(15.0, 10.0), inner_mm=(12.0, 8.0), density=1000.0,
        tilt_deg=33.0,
    )  # fmt: skip
    assert ring.pixels.sum() * 0.2 / 1000 == pytest.approx(np.pi * (150 - 96), rel=0.003)
    square = np.array([[-10.0, -10], [-10, 10], [10, 10], [10, -10]])
    mask = polygon((100, 100), square, spacing=(0.5, 0.5), tilt_deg=30.0)
    assert mask.sum() * 0.25 == pytest.approx(400.0, rel=0.01)


def test_the_femur_is_one_bone_with_an_exact_neck():
    femur = Femur()
    bone = femur_bmd_map(
        (170, 150), femur, spacing=(1.0, 1.0), density_g_cm3=1.053, shift_mm=(-20.0, -10.0)
    )
    assert bone.mask.any()
    assert not bone.mask[[0, -1]].any()
    y, x = 84.5 - 20.0, 74.5 - 10.0  # the crossing of the axes
    angle = np.radians(femur.neck_shaft_deg)
    waist = (y + 26.0 * np.cos(angle), x + 26.0 * np.sin(angle))
    near = bone.pixels[round(waist[0]), round(waist[1])]
    assert near == pytest.approx(2 * 0.3 * 1.053, rel=0.05)  # two walls of 3 mm
    assert femur.neck_axis_length_mm == pytest.approx(100.5, abs=0.1)
