"""Sections whose moments are in every handbook: rectangle, ellipse, annulus."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.imaging.geometry.cross_section import cross_section, stress_strain_index
from careloop.imaging.geometry.finding import NotMeasurable
from careloop.imaging.phantom.section import ring_section

ANNULUS = {"outer_mm": (15.0, 15.0), "inner_mm": (12.0, 12.0), "density": 1200.0}
SSI = np.pi / 2 * (15.0**4 - 12.0**4) / 15.0  # 3.130 cm³


def _ring(spacing, shift=(0.13, 0.21), **changed):
    shape = (round(40 / spacing[0]), round(40 / spacing[1]))
    return ring_section(shape, spacing=spacing, shift_mm=shift, **{**ANNULUS, **changed})


@pytest.mark.parametrize(
    ("spacing", "within"),
    [((0.25, 0.25), 0.003), ((0.5, 0.5), 0.005), ((0.5, 0.3), 0.005), ((1.0, 1.0), 0.006)],
)
def test_polar_ssi_of_the_annulus(spacing, within):
    assert pytest.approx(3130, abs=0.5) == SSI
    for shift in ((0.0, 0.0), (0.13, 0.21)):
        ring = _ring(spacing, shift)
        index = stress_strain_index(ring.pixels, ring.pixels > 0, spacing=spacing)
        assert index.polar_mm3 == pytest.approx(SSI, rel=within)
        assert index.x_mm3 == pytest.approx(SSI / 2, rel=within)
        assert index.y_mm3 == pytest.approx(SSI / 2, rel=within)


def test_half_density_is_half_the_index():
    ring = _ring((0.5, 0.5))
    full = stress_strain_index(ring.pixels, ring.pixels > 0, spacing=(0.5, 0.5))
    half = stress_strain_index(ring.pixels / 2, ring.pixels > 0, spacing=(0.5, 0.5))
    other = stress_strain_index(
        ring.pixels, ring.pixels > 0, spacing=(0.5, 0.5), normal_density_mg_cm3=600.0
    )
    assert half.polar_mm3 == pytest.approx(full.polar_mm3 / 2)
    assert other.polar_mm3 == pytest.approx(full.polar_mm3 * 2)


def test_noise_of_a_tenth():
    ring = _ring((0.5, 0.5))
    noisy = ring.pixels + 120 * np.random.default_rng(5).normal(size=ring.pixels.shape)
    index = stress_strain_index(noisy, ring.pixels > 0, spacing=(0.5, 0.5))
    assert index.polar_mm3 == pytest.approx(SSI, rel=0.02)


def test_rectangle_is_exact():
    bar = np.pad(np.ones((30, 10), dtype=bool), 4)
    section = cross_section(bar, spacing=(0.5, 0.4))
    height, width = 15.0, 4.0
    assert section.area_mm2 == pytest.approx(60.0)
    assert section.moment_x_mm4 == pytest.approx(width * height**3 / 12)
    assert section.moment_y_mm4 == pytest.approx(height * width**3 / 12)
    assert section.moment_maximum_mm4 == pytest.approx(section.moment_x_mm4)
    assert section.section_modulus_x_mm3 == pytest.approx(width * height**2 / 6)
    assert section.section_modulus_y_mm3 == pytest.approx(height * width**2 / 6)
    assert section.principal_axis_deg == pytest.approx(0.0, abs=1e-9)
    upright = cross_section(bar.T, spacing=(0.4, 0.5))
    assert abs(upright.principal_axis_deg) == pytest.approx(90.0)


@given(long=st.floats(8, 16), share=st.floats(0.4, 0.8), tilt=st.floats(-80, 80))
@settings(max_examples=12)
def test_tilted_ellipse(long, share, tilt):
    outer = (long, long * share)
    ring = _ring((0.25, 0.25), outer_mm=outer, inner_mm=(0.0, 0.0), tilt_deg=tilt, oversample=3)
    section = cross_section(ring.mask, spacing=(0.25, 0.25))
    a, b = outer
    assert section.area_mm2 == pytest.approx(np.pi * a * b, rel=0.02)
    assert section.moment_maximum_mm4 == pytest.approx(np.pi / 4 * a**3 * b, rel=0.03)
    assert section.moment_minimum_mm4 == pytest.approx(np.pi / 4 * a * b**3, rel=0.03)
    polar = section.moment_maximum_mm4 + section.moment_minimum_mm4
    assert section.moment_polar_mm4 == pytest.approx(polar)
    # the long axis points down, turned by the tilt to the right: bending is stiffest across it
    assert section.principal_axis_deg == pytest.approx(-tilt, abs=2.0)


@given(scale=st.integers(2, 5))
@settings(max_examples=4)
def test_moments_grow_with_the_fourth_power(scale):
    ring = _ring((0.5, 0.5))
    one = cross_section(ring.mask, spacing=(0.5, 0.5))
    big = cross_section(ring.mask, spacing=(0.5 * scale, 0.5 * scale))
    assert big.moment_x_mm4 == pytest.approx(one.moment_x_mm4 * scale**4)
    assert big.section_modulus_polar_mm3 == pytest.approx(one.section_modulus_polar_mm3 * scale**3)


@given(turns=st.integers(0, 3), down=st.integers(0, 9), flip=st.booleans())
@settings(max_examples=10)
def test_turning_and_moving_change_nothing(turns, down, flip):
    ring = _ring((0.5, 0.5), outer_mm=(15.0, 10.0), inner_mm=(12.0, 8.0))
    moved = np.pad(ring.mask, ((down, 9 - down), (4, 0)))
    moved = np.rot90(moved[::-1] if flip else moved, turns)
    one = cross_section(ring.mask, spacing=(0.5, 0.5))
    other = cross_section(moved, spacing=(0.5, 0.5))
    assert other.moment_maximum_mm4 == pytest.approx(one.moment_maximum_mm4)
    assert other.section_modulus_polar_mm3 == pytest.approx(one.section_modulus_polar_mm3)


def test_refusals():
    with pytest.raises(NotMeasurable, match="I421"):
        cross_section(np.zeros((5, 5), dtype=bool), spacing=(1.0, 1.0))
    mask = np.ones((5, 5), dtype=bool)
    for density in (np.zeros((5, 5)), np.full((5, 5), np.nan)):
        with pytest.raises(NotMeasurable, match="I437"):
            stress_strain_index(density, mask, spacing=(1.0, 1.0))
    assert stress_strain_index(np.ones((5, 5)), mask, spacing=(1.0, 1.0)).polar_mm3 > 0
