"""Regions of the forearm: where vendors put them, and what they hold on a simulated forearm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.error import InputError
from careloop.imaging.phantom.forearm import ForearmScan, simulate_forearm
from careloop.imaging.regions import (
    BONE_MISSING,
    GAPS,
    HAND,
    MASKED,
    NO_LENGTH,
    OUTSIDE,
    RADIUS,
    ULNA,
    UNUSUAL_EDGE,
    find_distal,
    measure_forearm,
    place_forearm,
)

SPACINGS = [(0.25, 0.3), (1.05, 0.6), (1.0, 0.49), (1.0, 1.0)]  # iDXA, Prodigy, Horizon, Norland


def place(phantom, *, vendor="ge", length_mm=254.0, **settings):
    spacing = phantom.truth.scan.spacing_mm
    return place_forearm(
        phantom.labels,
        spacing_mm=spacing,
        vendor=vendor,
        forearm_length_mm=length_mm,
        **settings,
    )


@pytest.fixture(scope="module")
def phantom():
    return simulate_forearm()


@pytest.mark.parametrize("length_mm", [254.0, 262.0])
def test_ge_boxes_by_definition(phantom, length_mm):
    """UD 15 mm from the end-plate; 33 % 20 mm, centred at a third of the length."""
    boxes = place(phantom, length_mm=length_mm).boxes
    assert boxes["ud"].height_mm == pytest.approx(15)
    assert boxes["one_third"].height_mm == pytest.approx(20)
    centre = (boxes["one_third"].top_mm + boxes["one_third"].bottom_mm) / 2
    assert centre - 45.0 == pytest.approx(length_mm / 3, abs=0.5)
    assert 3 <= boxes["ud"].top_mm - 45.0 <= 7
    assert boxes["mid"].top_mm == boxes["ud"].bottom_mm
    assert boxes["mid"].bottom_mm == boxes["one_third"].top_mm


@pytest.mark.parametrize(("length_mm", "printed_mm"), [(254.0, 84.7), (295.0, 97.8)])
def test_ge_centre_as_measured_on_reports(phantom, length_mm, printed_mm):
    """Centre of the 33 % box as measured on an iDXA and a Prodigy report (imaging.md 4.4)."""
    long = simulate_forearm(ForearmScan(field_mm=(180.0, 110.0), forearm_length_mm=length_mm))
    box = place(long, length_mm=length_mm).boxes["one_third"]
    assert (box.top_mm + box.bottom_mm) / 2 - 45.0 == pytest.approx(printed_mm, abs=1.0)


def test_hologic_boxes_by_definition(phantom):
    """9.5 mm left out, UD 15 mm, MID between, 1/3 20 mm about a third of the length."""
    boxes = place(phantom, vendor="hologic", length_mm=240.0).boxes
    assert boxes["ud"].top_mm - 45.0 == pytest.approx(9.5, abs=0.5)
    assert boxes["ud"].bottom_mm - 45.0 == pytest.approx(24.5, abs=0.5)
    assert boxes["one_third"].top_mm - 45.0 == pytest.approx(70, abs=0.5)
    assert boxes["one_third"].bottom_mm - 45.0 == pytest.approx(90, abs=0.5)
    assert boxes["total"].top_mm == boxes["ud"].top_mm
    assert boxes["total"].bottom_mm == boxes["one_third"].bottom_mm


@pytest.mark.parametrize("vendor", ["ge", "hologic"])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_density_against_the_phantoms_truth(vendor, spacing):
    """BMD within 2 % (3 % at 1 mm), area within a line of pixels, at each device's pixel size."""
    phantom = simulate_forearm(ForearmScan(spacing_mm=spacing), rng=np.random.default_rng(2))
    found = measure_forearm(phantom.image(), place(phantom, vendor=vendor)).values
    assert {(one.region, one.bone) for one in found} >= {("ud", "radius"), ("one_third", "both")}
    compared = 0
    for one in found:
        truth = phantom.truth.regions.get(f"{vendor} {one.bone} {one.region}")
        if truth is None:  # GE UD of the ulna: the box cuts its head obliquely
            continue
        compared += 1
        assert one.bmd_g_cm2 == pytest.approx(truth.bmd_g_cm2, rel=0.02 if spacing[1] < 1 else 0.03)
        line = 2 * spacing[0] * 40 / 100 + 0.02 * truth.area_cm2  # two edges, 40 mm of bone
        assert one.area_cm2 == pytest.approx(truth.area_cm2, abs=line)
        assert one.bmc_g == pytest.approx(one.bmd_g_cm2 * one.area_cm2)
    assert compared >= 8


def test_both_is_radius_and_ulna_together(phantom):
    values = {
        (one.region, one.bone): one
        for one in measure_forearm(phantom.image(), place(phantom)).values
    }
    for region in ("ud", "mid", "one_third", "total"):
        parts = [values[region, bone] for bone in ("radius", "ulna")]
        both = values[region, "both"]
        assert both.area_cm2 == pytest.approx(sum(one.area_cm2 for one in parts))
        assert both.bmc_g == pytest.approx(sum(one.bmc_g for one in parts))


def test_total_is_its_parts(phantom):
    """As on the Hologic report: 4.46, 11.07 and 5.09 cm² make 20.62 of 0.533 g/cm²."""
    values = measure_forearm(phantom.image(), place(phantom, vendor="hologic")).values
    radius = {one.region: one for one in values if one.bone == "radius"}
    parts = [radius[name] for name in ("ud", "mid", "one_third")]
    assert radius["total"].area_cm2 == pytest.approx(sum(one.area_cm2 for one in parts))
    assert radius["total"].bmc_g == pytest.approx(sum(one.bmc_g for one in parts))


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from(["ge", "hologic"]))
def test_moving_the_picture_moves_the_boxes_only(rows, columns, vendor):
    small = _SMALL
    moved = replace(
        small,
        labels=np.pad(small.labels, ((rows, 0), (columns, 0))),
        bmd_map=np.pad(small.bmd_map, ((rows, 0), (columns, 0))),
    )
    here, there = (
        measure_forearm(one.image(), place(one, vendor=vendor)).values for one in (small, moved)
    )
    assert [(a.region, a.bone) for a in here] == [(b.region, b.bone) for b in there]
    for a, b in zip(here, there, strict=True):
        assert b.bmd_g_cm2 == pytest.approx(a.bmd_g_cm2)
        assert b.area_cm2 == pytest.approx(a.area_cm2)


_SMALL = simulate_forearm(ForearmScan(spacing_mm=(1.0, 1.0)))


@pytest.mark.parametrize("vendor", ["ge", "hologic"])
def test_hand_down_gives_the_same_numbers(vendor):
    up = simulate_forearm(ForearmScan(spacing_mm=(0.5, 0.5)))
    turned = replace(up, labels=up.labels[::-1, ::-1], bmd_map=up.bmd_map[::-1, ::-1])
    here, there = (place(one, vendor=vendor) for one in (up, turned))
    assert (here.distal, there.distal) == ("up", "down")
    for a, b in zip(
        measure_forearm(up.image(), here).values,
        measure_forearm(turned.image(), there).values,
        strict=True,
    ):
        assert b.bmd_g_cm2 == pytest.approx(a.bmd_g_cm2, rel=0.01)


def test_without_length_only_ud_is_placed(phantom):
    placement = place(phantom, length_mm=None)
    assert set(placement.boxes) == {"ud"}
    assert [one.code for one in placement.findings] == [NO_LENGTH]
    with pytest.raises(InputError, match="was not placed"):
        placement.mask("one_third")
    assert placement.mask("ud").any()


def test_region_beyond_the_picture_is_named_not_cut(phantom):
    cut = replace(phantom, labels=phantom.labels[:240], bmd_map=phantom.bmd_map[:240])
    placement = place(cut)
    assert "one_third" not in placement.boxes
    assert (OUTSIDE, "one_third") in {(one.code, one.where) for one in placement.findings}
    assert "ud" in placement.boxes


def test_bone_missing_in_a_region_is_named(phantom):
    labels = phantom.labels.copy()
    labels[230:][labels[230:] == ULNA] = 0
    placement = place(replace(phantom, labels=labels))
    assert "one_third" not in placement.boxes
    assert (BONE_MISSING, "one_third", "ulna") in {
        (one.code, one.where, one.detail) for one in placement.findings
    }


def test_unusual_edge_is_named_and_a_marked_styloid_moves_the_boxes(phantom):
    usual = place(phantom)
    marked = place(phantom, styloid_mm=35.0)
    assert usual.findings == ()
    assert [one.code for one in marked.findings] == [UNUSUAL_EDGE]
    shift = usual.boxes["one_third"].top_mm - marked.boxes["one_third"].top_mm
    assert shift == pytest.approx(10.0)


def test_region_with_artefact_or_gap_has_no_bmd(phantom):
    placement = place(phantom)
    metal = np.zeros(phantom.labels.shape, bool)
    metal[placement.mask("one_third")] = True
    masked = measure_forearm(phantom.image(), placement, excluded=metal)
    assert "one_third" not in masked.bmd()
    assert "ud" in masked.bmd()
    assert MASKED in {one.code for one in masked.findings}
    bmd = phantom.bmd_map.copy()
    bmd[placement.mask("ud")] = np.nan
    gaps = measure_forearm(replace(phantom, bmd_map=bmd).image(), placement)
    assert "ud" not in gaps.bmd()
    assert gaps.bmd()["one_third"] > 0.8
    assert GAPS in {one.code for one in gaps.findings}


def test_only_a_bmd_map_is_measured(phantom):
    placement = place(phantom)
    for image in (phantom.picture(), phantom.radiograph()):
        with pytest.raises(InputError, match="only a BMD map"):
            measure_forearm(image, placement)
    assert measure_forearm(phantom.image(), placement).values


def test_bad_input_is_refused_with_what_is_wrong(phantom):
    labels, spacing = phantom.labels, (0.5, 0.5)
    with pytest.raises(InputError, match="no ulna"):
        place_forearm(np.where(labels == ULNA, 0, labels), spacing_mm=spacing, vendor="ge")
    with pytest.raises(InputError, match=r"25\.4 mm"):  # cm entered
        place_forearm(labels, spacing_mm=spacing, vendor="ge", forearm_length_mm=25.4)
    with pytest.raises(InputError, match="norland"):
        place_forearm(labels, spacing_mm=spacing, vendor="norland")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="spacing"):
        place_forearm(labels, spacing_mm=(0.0, 0.5), vendor="ge")
    with pytest.raises(InputError, match="labels"):
        measure_forearm(simulate_forearm(ForearmScan(field_mm=(150, 100))).image(), place(phantom))


def test_direction_by_hand_by_width_or_refused(phantom):
    labels = phantom.labels
    assert find_distal(labels, spacing_mm=(0.5, 0.5)) == "up"
    bones = np.where(labels == HAND, 0, labels)
    assert find_distal(bones, spacing_mm=(0.5, 0.5)) == "up"
    assert find_distal(bones[::-1], spacing_mm=(0.5, 0.5)) == "down"
    shaft = np.zeros((100, 40), np.uint8)
    shaft[:, 5:12], shaft[:, 25:32] = RADIUS, ULNA
    with pytest.raises(InputError, match="cannot be told"):
        find_distal(shaft, spacing_mm=(1.0, 1.0))
