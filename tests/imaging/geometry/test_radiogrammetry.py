"""Radiogrammetry of synthetic tubes whose outer width D and medullary width d are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.imaging.geometry.distal_radius_thickness import distal_radius_thickness
from careloop.imaging.geometry.finding import NotMeasurable
from careloop.imaging.geometry.radiogrammetry import radiogrammetry, radiogrammetry_of_masks
from careloop.imaging.phantom.section import Tube, tube_radiograph

METACARPAL = Tube(4.0, 2.0)  # D 8 mm, d 4 mm


def _seen(tube, pixel, tilt=0.0, **pose):
    spacing = (pixel, pixel) if isinstance(pixel, float) else pixel
    shape = (round(26 / spacing[0]), round(26 / spacing[1]))
    given_ = {"spacing": spacing, "tilt_deg": tilt, "shift_mm": (0.13, 0.21), "oversample": 4}
    return tube_radiograph(shape, tube, **given_, **pose)


@pytest.mark.parametrize("tube", [METACARPAL, Tube(4.0, 2.8), Tube(8.0, 6.5)])
@pytest.mark.parametrize(("pixel", "within"), [(0.1, 0.005), (0.25, 0.005), (0.5, 0.04)])
@pytest.mark.parametrize("tilt", [0.0, 20.0])
def test_widths_of_known_tubes(tube, pixel, within, tilt):
    bone = _seen(tube, pixel, tilt)
    measured = radiogrammetry(bone.pixels, bone.mask, spacing=bone.spacing, band_mm=3.0)
    assert measured.outer_width_mm == pytest.approx(2 * tube.outer_mm, abs=within)
    assert measured.medullary_width_mm == pytest.approx(2 * tube.inner_mm, abs=within)
    assert measured.r_squared > 0.99
    assert measured.levels == 3


@pytest.mark.parametrize("pixel", [(0.25, 0.5), (0.5, 0.25), (0.3, 0.25)])
def test_unequal_spacing(pixel):
    bone = _seen(METACARPAL, pixel, 12.0)
    measured = radiogrammetry(bone.pixels, bone.mask, spacing=bone.spacing)
    assert measured.outer_width_mm == pytest.approx(8.0, abs=0.05)
    assert measured.medullary_width_mm == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize("method", ["gradient", "half_maximum"])
def test_simple_edges_read_small_as_told(method):
    for pixel in (0.1, 0.25, 0.5):
        bone = _seen(METACARPAL, pixel, 7.0)
        measured = radiogrammetry(bone.pixels, bone.mask, spacing=bone.spacing, edges=method)
        off = np.array([measured.outer_width_mm - 8.0, measured.medullary_width_mm - 4.0])
        if method == "gradient":
            assert off == pytest.approx(-pixel, abs=0.15 * pixel)  # one pixel small
        else:
            assert (off < -0.35).all()
            assert (off > -0.82).all()  # a tenth of D


def test_noise_of_two_percent_of_the_peak():
    bone = _seen(METACARPAL, 0.25, 7.0)
    peak = bone.pixels.max()
    rng = np.random.default_rng(3)
    off = []
    for _ in range(4):
        noisy = bone.pixels + 0.02 * peak * rng.normal(size=bone.pixels.shape)
        measured = radiogrammetry(noisy, bone.mask, spacing=bone.spacing, band_mm=5.0)
        off.append((measured.outer_width_mm - 8.0, measured.medullary_width_mm - 4.0))
    assert np.abs(off).max() < 0.04


def test_background_and_scale_do_not_matter():
    bone = _seen(METACARPAL, 0.25, 7.0)
    plain = radiogrammetry(bone.pixels, bone.mask, spacing=bone.spacing)
    soft = 40.0 + 0.01 * np.arange(bone.pixels.shape[1])[None, :]
    other = radiogrammetry(300.0 * bone.pixels + soft, bone.mask, spacing=bone.spacing)
    assert other.outer_width_mm == pytest.approx(plain.outer_width_mm, abs=1e-3)
    assert other.medullary_width_mm == pytest.approx(plain.medullary_width_mm, abs=1e-3)


def test_out_of_plane_lean_leaves_widths():
    bone = _seen(METACARPAL, 0.25, lean_deg=20.0)
    measured = radiogrammetry(bone.pixels, bone.mask, spacing=bone.spacing)
    assert measured.outer_width_mm == pytest.approx(8.0, abs=0.02)
    assert measured.medullary_width_mm == pytest.approx(4.0, abs=0.02)


@given(
    outer=st.floats(3.0, 5.4),
    share=st.floats(0.3, 0.85),
    tilt=st.floats(-25, 25),
    right=st.floats(-1, 1),
)
@settings(max_examples=6)
def test_any_tube(outer, share, tilt, right):
    bone = tube_radiograph(
        (80, 110), Tube(outer, outer * share), spacing=(0.25, 0.25), tilt_deg=tilt,
        shift_mm=(0.0, right),
    )  # fmt: skip
    measured = radiogrammetry(
        bone.pixels, bone.mask, spacing=(0.25, 0.25), at="middle", band_mm=2.0
    )
    third = 0.25 / 3  # of a pixel: walls here are down to two pixels thin
    assert measured.outer_width_mm == pytest.approx(2 * outer, abs=third)
    assert measured.medullary_width_mm == pytest.approx(2 * outer * share, abs=third)


def test_flips_swap_the_sides_only():
    x = np.mgrid[:120, :100][1] * 0.25 - 12.4
    image = np.sqrt(np.maximum(25 - x**2, 0)) - np.sqrt(np.maximum(9 - (x - 0.8) ** 2, 0))
    mask = np.abs(x) < 5.0
    one = radiogrammetry(image, mask, spacing=(0.25, 0.25), band_mm=3.0)
    other = radiogrammetry(image[:, ::-1], mask[:, ::-1], spacing=(0.25, 0.25), band_mm=3.0)
    upside = radiogrammetry(image[::-1], mask[::-1], spacing=(0.25, 0.25), band_mm=3.0)
    lying = radiogrammetry(image.T, mask.T, spacing=(0.25, 0.25), band_mm=3.0)
    sides = (one.cortical_thickness_first_mm, one.cortical_thickness_second_mm)
    assert sides == pytest.approx((2.8, 1.2), abs=0.05)
    for same in (upside, lying):
        assert (same.cortical_thickness_first_mm, same.cortical_thickness_second_mm) == (
            pytest.approx(sides, abs=1e-3)
        )
    assert other.cortical_thickness_first_mm == pytest.approx(sides[1], abs=1e-2)
    assert other.cortical_thickness_second_mm == pytest.approx(sides[0], abs=1e-2)


def test_indices_follow_from_the_widths():
    bone = _seen(METACARPAL, 0.1)
    values = radiogrammetry(
        bone.pixels, bone.mask, spacing=bone.spacing, band_mm=2.0
    ).measurements()
    thickness, width = values["cortical_thickness_mm"], values["outer_width_mm"]
    assert values["combined_cortical_thickness_mm"] == pytest.approx(4.0, abs=0.01)
    assert values["barnett_nordin_index"] == pytest.approx(0.5, abs=0.002)
    assert values["metacarpal_cortical_index_percent"] == pytest.approx(50.0, abs=0.2)
    assert values["cortical_area_percent"] == pytest.approx(75.0, abs=0.2)
    assert values["cortical_area_mm2"] == pytest.approx(np.pi / 4 * 48, rel=0.003)
    hollow = np.pi * thickness * width * (1 - thickness / width)
    assert values["cortical_area_mm2"] == pytest.approx(hollow)
    assert values["cortical_area_per_width_mm"] == pytest.approx(hollow / width)
    assert values["cortical_area_per_width_squared"] == pytest.approx(hollow / width**2)


def test_narrowest_place_is_found():
    waisted = Tube(5.0, 3.0, flare=0.01)
    bone = tube_radiograph((240, 120), waisted, spacing=(0.25, 0.25), shift_mm=(6.0, 0.0))
    narrow = radiogrammetry(bone.pixels, bone.mask, spacing=(0.25, 0.25), band_mm=2.0)
    assert narrow.axis.at(narrow.at_mm)[0] == pytest.approx(239 * 0.125 + 6.0, abs=1.5)
    assert narrow.outer_width_mm == pytest.approx(10.0, abs=0.05)
    end = radiogrammetry(bone.pixels, bone.mask, spacing=(0.25, 0.25), band_mm=2.0, at=0.2)
    assert end.outer_width_mm > 14.0
    with pytest.raises(ValueError, match="share"):
        radiogrammetry(bone.pixels, bone.mask, spacing=(0.25, 0.25), at=1.5)


def test_widths_of_masks():
    spacing = (0.1, 0.1)
    y, x = np.mgrid[:300, :160]
    across = (x - 80) * np.cos(np.radians(8)) * 0.1 - (y - 150) * np.sin(np.radians(8)) * 0.1
    bone, canal = np.abs(across) < 4.0, np.abs(across - 0.5) < 2.0
    values = radiogrammetry_of_masks(bone, bone & ~canal, spacing=spacing).measurements()
    assert values["outer_width_mm"] == pytest.approx(8.0, abs=0.05)
    assert values["medullary_width_mm"] == pytest.approx(4.0, abs=0.05)
    assert values["cortical_thickness_first_mm"] == pytest.approx(2.5, abs=0.05)
    with pytest.raises(NotMeasurable, match="I425"):
        radiogrammetry_of_masks(bone, bone, spacing=spacing)


def test_solid_or_blank_bones_have_no_cortex():
    solid = _seen(Tube(4.0, 0.0), 0.25)
    for image in (solid.pixels, np.ones_like(solid.pixels)):
        for method in ("shell", "gradient", "half_maximum"):
            with pytest.raises(NotMeasurable, match="I425"):
                radiogrammetry(image, solid.mask, spacing=solid.spacing, edges=method)


def test_a_bone_cut_lengthwise_is_refused():
    bone = tube_radiograph((120, 40), METACARPAL, spacing=(0.25, 0.25), shift_mm=(0.0, 3.0))
    with pytest.raises(NotMeasurable, match=r"I42[34]"):
        radiogrammetry(bone.pixels, bone.mask, spacing=(0.25, 0.25))


@pytest.mark.parametrize("distal", ["up", "down"])
def test_distal_radius_thickness_at_two_levels(distal):
    sign = 1.0 if distal == "up" else -1.0
    shaft = Tube(7.0, 4.0, length_mm=100.0, taper=-0.02 * sign)  # thinner proximally
    bone = tube_radiograph((360, 80), shaft, spacing=(0.3, 0.3), oversample=4)
    values = distal_radius_thickness(
        bone.pixels, bone.mask, spacing=(0.3, 0.3), distal=distal
    ).measurements()
    assert values["distal_radius_cortical_thickness_mm"] == pytest.approx(6.0, abs=0.05)
    deep = distal_radius_thickness(
        bone.pixels, bone.mask, spacing=(0.3, 0.3), distal=distal, levels_mm=(30.0, 50.0)
    )
    assert deep.distal.outer_width_mm == pytest.approx(14.0 + 2 * 0.02 * 20, abs=0.05)
    assert deep.proximal.outer_width_mm == pytest.approx(14.0, abs=0.05)
    with pytest.raises(NotMeasurable, match="I436"):
        distal_radius_thickness(
            bone.pixels, bone.mask, spacing=(0.3, 0.3), distal=distal, levels_mm=(50.0, 110.0)
        )
    cut = slice(40, None) if distal == "up" else slice(None, -40)
    with pytest.raises(NotMeasurable, match="I436"):
        distal_radius_thickness(bone.pixels[cut], bone.mask[cut], spacing=(0.3, 0.3), distal=distal)
