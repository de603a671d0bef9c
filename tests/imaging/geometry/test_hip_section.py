"""Hip structure of a synthetic tube and femur: the annulus R = 1.5 cm, r = 1.2 cm is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.imaging.geometry.axis import Axis, long_axis
from careloop.imaging.geometry.femur import femur_axes
from careloop.imaging.geometry.finding import NotMeasurable
from careloop.imaging.geometry.hip_section import annulus_thickness, hip_section
from careloop.imaging.geometry.hip_structure import hip_structure
from careloop.imaging.phantom.section import Femur, Tube, femur_bmd_map, tube_bmd_map

CSA, CSMI, MODULUS = 2.5447, 2.3475, 1.5650
NECK = Tube(15.0, 12.0)


def _section(spacing, tilt=0.0, *, tube=NECK, noise=0.0, seed=0, lean=0.0, **settings_):
    shape = (round(64 / spacing[0]), round(64 / spacing[1]))
    bone = tube_bmd_map(
        shape, tube, spacing=spacing, density_g_cm3=1.053, tilt_deg=tilt,
        shift_mm=(0.13, 0.21), lean_deg=lean,
    )  # fmt: skip
    pixels = bone.pixels + noise * np.random.default_rng(seed).normal(size=shape)
    return hip_section(
        pixels, bone.mask, spacing=spacing, kind="bmd_map",
        axis=long_axis(bone.mask, spacing=spacing), at_mm=0.0,
        **{"cortical_fraction": 1.0, **settings_},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spacing", "within"),
    [((0.5, 0.5), 0.001), ((0.25, 0.3), 0.001), ((1.0, 1.0), 0.002), ((1.05, 0.6), 0.002)],
)
@pytest.mark.parametrize("tilt", [0.0, 10.0, 30.0])
def test_known_annulus(spacing, tilt, within):
    section = _section(spacing, tilt)
    assert section.csa_cm2 == pytest.approx(CSA, rel=within)
    assert section.csmi_cm4 == pytest.approx(CSMI, rel=within)
    assert section.section_modulus_cm3 == pytest.approx(MODULUS, rel=within)
    assert section.width_cm == pytest.approx(3.0, rel=within)
    assert section.cortical_thickness_cm == pytest.approx(0.3, rel=2 * within)
    assert section.buckling_ratio == pytest.approx(5.0, rel=2 * within)
    assert section.centroid_cm == pytest.approx(0.0, abs=0.01)
    assert section.findings == ()


def test_noise_of_a_twentieth_g_cm2():
    found = np.array(
        [
            (section.csa_cm2, section.csmi_cm4, section.section_modulus_cm3)
            for section in (_section((0.5, 0.5), 10.0, noise=0.05, seed=seed) for seed in range(4))
        ]
    )
    off = found / (CSA, CSMI, MODULUS) - 1.0
    assert np.abs(off).max() < 0.012
    assert np.abs(off.mean(axis=0)).max() < 0.005


def test_margins_by_mask_are_coarser_and_the_rest_equal():
    fit, mask = _section((0.5, 0.5)), _section((0.5, 0.5), margins="mask")
    assert mask.csa_cm2 == fit.csa_cm2
    assert mask.csmi_cm4 == fit.csmi_cm4
    assert abs(mask.width_cm - 3.0) <= 0.051
    assert abs(_section((0.5, 0.5), margins="gradient").width_cm - 3.0) <= 0.06


def test_a_lean_out_of_the_plane_counts_by_its_secant():
    leaning = _section((0.5, 0.5), lean=20.0)
    secant = 1 / np.cos(np.radians(20))
    assert leaning.csa_cm2 == pytest.approx(CSA * secant, rel=0.002)
    assert leaning.csmi_cm4 == pytest.approx(CSMI * secant, rel=0.002)
    assert leaning.width_cm == pytest.approx(3.0, rel=0.002)


@given(scale=st.floats(0.6, 1.4), wall=st.floats(0.1, 0.6))
@settings(max_examples=5)
def test_scaling_laws(scale, wall):
    outer, inner = 15.0 * scale, 15.0 * scale * (1 - wall)
    section = _section((0.5, 0.5), tube=Tube(outer, inner))
    radius, canal = outer / 10, inner / 10
    csmi = np.pi / 4 * (radius**4 - canal**4)  # ∝ scale⁴
    assert section.csa_cm2 == pytest.approx(np.pi * (radius**2 - canal**2), rel=0.003)
    assert section.csmi_cm4 == pytest.approx(csmi, rel=0.005)
    assert section.section_modulus_cm3 == pytest.approx(csmi / radius, rel=0.006)


def test_a_solid_section_has_margins_too():
    section = _section((0.5, 0.5), tube=Tube(15.0, 0.0), cortical_fraction=0.6)
    assert section.csmi_cm4 == pytest.approx(np.pi / 4 * 1.5**4, rel=0.002)
    assert section.width_cm == pytest.approx(3.0, rel=0.003)


def test_cortical_fraction_and_annulus():
    assert annulus_thickness(CSA, 3.0, 1.0) == pytest.approx(0.3, abs=1e-4)
    assert annulus_thickness(CSA, 3.0, 0.6) == pytest.approx(
        1.5 - np.sqrt(2.25 - 0.6 * CSA / np.pi)
    )
    with pytest.raises(NotMeasurable, match="I433"):
        annulus_thickness(8.0, 3.0, 1.0)
    with pytest.raises(ValueError, match="fraction"):
        annulus_thickness(CSA, 3.0, 60.0)


def test_pixels_must_be_g_cm2():
    bone = tube_bmd_map((128, 128), NECK, spacing=(0.5, 0.5), density_g_cm3=1.053)
    axis = long_axis(bone.mask, spacing=(0.5, 0.5))
    given_ = {"spacing": (0.5, 0.5), "axis": axis, "at_mm": 0.0}
    for kind in ("dxa_picture", "radiograph", "picture", "ct", "other"):
        with pytest.raises(NotMeasurable, match="I430"):
            hip_section(bone.pixels, bone.mask, kind=kind, **given_)
    with pytest.raises(NotMeasurable, match="I430"):
        hip_section(bone.pixels * 200, bone.mask, kind="bmd_map", **given_)
    holed = bone.pixels.copy()
    holed[64, 64] = np.nan
    with pytest.raises(NotMeasurable, match="I437"):
        hip_section(holed, bone.mask, kind="bmd_map", **given_)
    with pytest.raises(NotMeasurable, match="I436"):
        hip_section(bone.pixels, bone.mask, kind="bmd_map", **{**given_, "at_mm": 400.0})
    assert hip_section(bone.pixels, bone.mask, kind="bmd_map", **given_).csa_cm2 > 2.5


def test_a_section_cut_by_the_image_is_refused():
    bone = tube_bmd_map((128, 70), NECK, spacing=(0.5, 0.5), density_g_cm3=1.053,
                        shift_mm=(0.0, 8.0))  # fmt: skip
    axis = Axis((32.0, 25.0), (1.0, 0.0), -30.0, 30.0)
    with pytest.raises(NotMeasurable, match="I423"):
        hip_section(bone.pixels, bone.mask, spacing=(0.5, 0.5), kind="bmd_map", axis=axis, at_mm=0)


# --- the femur


def _femur(femur, spacing=(0.5, 0.5), tilt=0.0, medial=1, turn=0):
    shape = (round(170 / spacing[0]), round(150 / spacing[1]))
    bone = femur_bmd_map(
        shape, femur, spacing=spacing, density_g_cm3=1.053, tilt_deg=tilt,
        shift_mm=(-20.0, -10.0 * medial), medial_sign=medial, oversample=2,
    )  # fmt: skip
    return np.rot90(bone.pixels, turn), np.rot90(bone.mask, turn)


@pytest.mark.parametrize(
    ("spacing", "tilt", "medial", "angle"),
    [
        ((0.5, 0.5), 0.0, 1, 127.0),
        ((0.5, 0.5), 10.0, -1, 135.0),
        ((1.0, 1.0), -8.0, 1, 115.0),
        ((1.05, 0.6), 5.0, -1, 127.0),
    ],
)
def test_femur_is_measured_where_it_was_drawn(spacing, tilt, medial, angle):
    femur = Femur(neck_shaft_deg=angle)
    pixels, mask = _femur(femur, spacing, tilt, medial)
    hip = hip_structure(pixels, mask, spacing=spacing, kind="bmd_map")
    axes = hip.axes
    assert axes.neck_shaft_deg == pytest.approx(angle, abs=0.75)
    assert axes.head_diameter_mm == pytest.approx(46.0, abs=0.5)
    assert axes.narrow_neck_width_mm == pytest.approx(30.0, abs=0.5)
    assert axes.narrow_neck_at_mm == pytest.approx(26.0, abs=3.0)
    assert axes.neck_axis_length_mm == pytest.approx(femur.neck_axis_length_mm, abs=1.2)
    assert hip.narrow_neck.csa_cm2 == pytest.approx(CSA, rel=0.005)
    assert hip.narrow_neck.csmi_cm4 == pytest.approx(CSMI, rel=0.012)  # the waist's flare
    assert hip.narrow_neck.section_modulus_cm3 == pytest.approx(MODULUS, rel=0.01)
    assert hip.shaft.csa_cm2 == pytest.approx(np.pi * (1.5**2 - 0.9**2), rel=0.002)
    assert hip.shaft.cortical_thickness_cm == pytest.approx(0.6, rel=0.01)
    assert hip.intertrochanteric.csa_cm2 > hip.narrow_neck.csa_cm2
    assert hip.findings == ()
    assert axes.hip_axis_length_mm is None
    assert "hip_axis_length_mm" not in hip.measurements()


def test_a_turned_femur_is_the_same():
    pixels, mask = _femur(Femur())
    upright = femur_axes(mask, spacing=(0.5, 0.5)).measurements()
    for turn, distal in ((1, "right"), (2, "up"), (3, "left")):
        turned = femur_axes(np.rot90(mask, turn), spacing=(0.5, 0.5), distal=distal)
        assert turned.measurements() == pytest.approx(upright, rel=0.01)
    assert pixels.max() < 5


def test_hip_axis_length_needs_the_pelvis():
    _, mask = _femur(Femur())
    alone = femur_axes(mask, spacing=(0.5, 0.5))
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] * 0.5
    neck = alone.neck
    along = (y - neck.point_mm[0]) * neck.direction[0] + (x - neck.point_mm[1]) * neck.direction[1]
    pelvis = (along > neck.end_mm + 4.0) & (along < neck.end_mm + 12.0)
    axes = femur_axes(mask, spacing=(0.5, 0.5), pelvis=pelvis)
    assert axes.hip_axis_length_mm == pytest.approx(axes.neck_axis_length_mm + 12.0, abs=0.5)
    with pytest.raises(NotMeasurable, match="I432"):
        femur_axes(mask, spacing=(0.5, 0.5), pelvis=along < neck.start_mm - 20)


def _neck_ring(mask):
    """All of the neck but a thread of 6 mm about its axis."""
    axes = femur_axes(mask, spacing=(0.5, 0.5))
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] * 0.5
    along, across = axes.neck.coordinates(np.column_stack([y.ravel(), x.ravel()]))
    ring = (np.abs(along - axes.narrow_neck_at_mm) < 4.0) & (np.abs(across) > 3.0)
    return ring.reshape(mask.shape)


def test_what_is_no_femur_is_refused():
    pixels, mask = _femur(Femur())
    head_cut = mask.copy()
    head_cut[:, 185:] = False
    short = mask.copy()
    short[195:] = False
    y, x = np.mgrid[:200, :200]
    shapes = {
        "bar": np.abs(x - 100) < 20,
        "disc": np.hypot(y - 100, x - 100) < 60,
        "square": np.pad(np.ones((100, 100), dtype=bool), 30),
        "no shaft": short,
        "no head": head_cut,
        "thread": mask & ~_neck_ring(mask),
    }
    for name, shape in shapes.items():
        with pytest.raises(NotMeasurable) as refused:
            femur_axes(shape, spacing=(0.5, 0.5))
        assert refused.value.finding.code == "I432", name
    with pytest.raises(NotMeasurable, match="I430"):
        hip_structure(pixels, mask, spacing=(0.5, 0.5), kind="dxa_picture")


def test_a_section_out_of_view_is_left_out_and_told():
    pixels, mask = _femur(Femur(shaft_length_mm=44.0))
    hip = hip_structure(pixels, mask, spacing=(0.5, 0.5), kind="bmd_map")
    assert hip.shaft is None
    assert ("I436", "shaft") in {(finding.code, finding.where) for finding in hip.findings}
    assert hip.narrow_neck.csa_cm2 == pytest.approx(CSA, rel=0.005)
