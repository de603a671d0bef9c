"""The axis, the borders and the parts of bones, against drawn bones of known size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.imaging.geometry.axis import long_axis, profiles, sample, shaft
from careloop.imaging.geometry.bone import one_bone, radius_and_ulna
from careloop.imaging.geometry.finding import NotMeasurable
from careloop.imaging.phantom.section import Tube, polygon, tube_radiograph

BONE = Tube(7.0, 4.0, length_mm=60.0)


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.25, 0.5), (1.0, 0.6)])
@pytest.mark.parametrize("tilt", [0.0, 7.0, 30.0, -60.0, 90.0])
def test_shaft_of_a_drawn_bone(spacing, tilt):
    shape = (round(90 / spacing[0]), round(90 / spacing[1]))
    bone = tube_radiograph(
        shape, BONE, spacing=spacing, tilt_deg=tilt, shift_mm=(0.13, 0.21), oversample=4
    )
    measured = shaft(bone.mask, spacing=spacing)
    pixel = max(spacing)
    assert measured.axis_tilt_deg == pytest.approx(tilt, abs=0.15)
    assert measured.shaft_diameter_mm == pytest.approx(14.0, abs=pixel)
    assert measured.bone_length_mm == pytest.approx(60.0, abs=1.25 * pixel)
    assert measured.axis_bow_mm < 0.3 * pixel
    assert measured.findings == ()


@given(
    tilt=st.floats(-80, 80),
    down=st.floats(-2, 2),
    right=st.floats(-2, 2),
)
@settings(max_examples=8)
def test_diameter_does_not_depend_on_place_or_direction(tilt, down, right):
    bone = tube_radiograph(
        (170, 170), BONE, spacing=(0.5, 0.5), tilt_deg=tilt, shift_mm=(down, right), oversample=3
    )
    measured = shaft(bone.mask, spacing=(0.5, 0.5))
    assert measured.shaft_diameter_mm == pytest.approx(14.0, abs=0.55)  # a pixel
    assert measured.axis_tilt_deg == pytest.approx(tilt, abs=0.5)


def test_normal_points_right_or_down():
    for tilt in (-89.0, -50.0, -10.0, 0.0, 30.0, 50.0, 89.0):
        bone = tube_radiograph((170, 170), BONE, spacing=(0.5, 0.5), tilt_deg=tilt, oversample=2)
        axis = long_axis(bone.mask, spacing=(0.5, 0.5))
        down, right = axis.normal
        assert np.hypot(down, right) == pytest.approx(1.0)
        assert np.dot(axis.normal, axis.direction) == pytest.approx(0.0, abs=1e-12)
        assert (right > 0) if abs(tilt) < 45 else (down > 0)


def test_ends_outside_the_image_are_told():
    cut = np.zeros((80, 60), dtype=bool)
    cut[:60, 20:34] = True
    codes = [(finding.code, finding.where) for finding in shaft(cut, spacing=(0.5, 0.5)).findings]
    assert codes == [("I420", "first end")]
    cut[:] = False
    cut[:, 20:34] = True
    assert len(shaft(cut, spacing=(0.5, 0.5)).findings) == 2


def test_a_bow_is_told():
    y, x = np.mgrid[:200, :120]
    bent = np.abs(x - 40 - 40 * np.sin(np.pi * y / 200)) < 10
    assert "I435" in {finding.code for finding in shaft(bent, spacing=(0.5, 0.5)).findings}


@pytest.mark.parametrize(
    ("mask", "code"),
    [
        (np.zeros((20, 20), dtype=bool), "I421"),
        (np.ones((3, 20, 20), dtype=bool), "I421"),
        (np.pad(np.ones((20, 20), dtype=bool), 5), "I424"),
        (np.pad(np.ones((1, 2), dtype=bool), 5), "I424"),
        (np.kron(np.eye(2), np.ones((4, 40))) > 0, None),  # touch at a corner: one part
        (np.tile(np.repeat([False, True, False], 10), (60, 2)), "I422"),
    ],
)
def test_masks_that_are_refused(mask, code):
    if code is None:
        assert one_bone(mask)[0].sum() == mask.sum()
        return
    with pytest.raises(NotMeasurable) as refused:
        shaft(mask, spacing=(0.5, 0.5))
    assert refused.value.finding.code == code
    assert refused.value.remedy


def test_islands_are_left_out_and_told():
    mask = np.zeros((80, 60), dtype=bool)
    mask[10:70, 20:34] = True
    mask[30:40, 24:28] = False  # a hole is bone
    mask[2:4, 50:53] = True
    bone, findings = one_bone(mask)
    assert bone.sum() == 60 * 14
    assert [finding.code for finding in findings] == ["I429"]


def test_spacing_must_be_positive():
    with pytest.raises(ValueError, match="spacing"):
        shaft(np.ones((40, 10), dtype=bool), spacing=(0.5, 0.0))


def test_sampling_is_bilinear_in_mm():
    y, x = np.mgrid[:8, :9].astype(float)
    plane = 2.0 * y * 0.5 - 3.0 * x * 0.3 + 1.0
    spacing = (0.5, 0.3)
    at_y, at_x = np.array([0.0, 1.23, 3.5]), np.array([0.0, 2.1, 2.4])
    assert sample(plane, at_y, at_x, spacing=spacing) == pytest.approx(2 * at_y - 3 * at_x + 1)
    beyond = sample(plane, np.array([-0.01, 3.6]), np.array([1.0, 1.0]), spacing=spacing)
    assert np.isnan(beyond).all()


def test_profiles_run_across_the_axis():
    bone = tube_radiograph((170, 170), BONE, spacing=(0.5, 0.5), tilt_deg=25.0)
    axis = long_axis(bone.mask, spacing=(0.5, 0.5))
    s = np.linspace(-9, 9, 181)
    rows = profiles(bone.pixels, axis, spacing=(0.5, 0.5), t_mm=np.linspace(-10, 10, 41), s_mm=s)
    assert rows.shape == (41, 181)
    truth = BONE.path_mm(np.zeros(181), s)
    inside = (np.abs(s) < 3.0) | ((np.abs(s) > 4.6) & (np.abs(s) < 6.3))
    assert np.abs(rows.mean(axis=0) - truth)[inside].max() < 0.35  # of 11.5 at the peak


@pytest.mark.parametrize("distal", ["up", "down", "left", "right"])
def test_radius_and_ulna_are_told_apart(distal):
    radius = np.array([[-40.0, -18.0], [-40, 8], [-15, -2], [40, -2], [40, -14], [-15, -14]])
    ulna = np.array([[-38.0, 11.0], [-38, 21], [40, 24], [40, 12], [-10, 11]])
    masks = [polygon((200, 140), each, spacing=(0.5, 0.5)) for each in (radius, ulna)]
    turns = {"up": 0, "left": 1, "down": 2, "right": 3}[distal]
    masks = [np.rot90(each, turns) for each in masks]
    found = radius_and_ulna(masks[0] | masks[1], spacing=(0.5, 0.5), distal=distal)
    assert (found[0] == masks[0]).all()
    assert (found[1] == masks[1]).all()


def test_bones_alike_are_refused():
    bar = np.tile(np.repeat([False, True, False], 10), (60, 2))
    for mask in (bar, bar[:, :30]):
        with pytest.raises(NotMeasurable, match="I434"):
            radius_and_ulna(mask, spacing=(0.5, 0.5), distal="up")
