"""Every check: finds its defect, is silent without it, and says when it cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from careloop.error import InputError
from careloop.imaging.image import Image, Origin
from careloop.imaging.phantom import defect
from careloop.imaging.phantom.forearm import ForearmScan, simulate_forearm
from careloop.imaging.quality import (
    CHECKS,
    bone_angle,
    check,
    find_artefacts,
    limits,
    name_bones,
    seen_side,
)
from careloop.imaging.quality.outcome import NOT_CHECKED
from careloop.imaging.regions import HAND, RADIUS, ULNA
from careloop.records.finding import FINDINGS

LENGTH_MM = 254.0
KEYS = [one.__name__ for one in CHECKS]


@pytest.fixture(scope="module")
def phantom():
    return simulate_forearm(rng=np.random.default_rng(11))


def run(phantom, view="map", **changes):
    image = {"map": phantom.image, "picture": phantom.picture, "film": phantom.radiograph}[view]()
    given = {"labels": phantom.labels, "forearm_length_mm": LENGTH_MM, **changes}
    return check(image, **given)


def failures(report):
    return {one.key: one.finding.code for one in report.failed}


# --- the whole report


def test_clean_forearm_passes_everything_on_a_bmd_map(phantom):
    report = run(phantom)
    assert [one.key for one in report.checks] == KEYS
    assert report.passed
    assert report.complete
    assert not report.blocking
    assert report.findings == ()


def test_clean_forearm_passes_without_labels_too(phantom):
    report = check(phantom.image(), forearm_length_mm=LENGTH_MM)
    assert report.passed
    assert report.complete


@pytest.mark.parametrize(
    ("view", "unknown"),
    [
        ("picture", {"density_order"}),
        ("film", {"density_order", "side", "motion", "metal", "jewellery"}),
    ],
)
def test_what_cannot_be_checked_has_not_passed(phantom, view, unknown):
    report = run(phantom, view)
    assert report.failed == ()
    assert {one.key for one in report.not_checked} == unknown
    assert all(one.finding.code == NOT_CHECKED and one.finding.detail for one in report.not_checked)
    assert not report.complete


def test_an_unknown_outline_is_not_a_pass(phantom):
    report = check(phantom.picture())
    unknown = {one.key for one in report.not_checked}
    assert unknown >= {"field_of_view", "missing_regions", "rotation", "side", "noise", "jewellery"}


def test_other_sites_leave_forearm_checks_unmade(phantom):
    report = run(phantom, site="AP Spine")
    unknown = {one.key for one in report.not_checked}
    assert unknown >= {"missing_regions", "rotation", "side", "density_order", "field_of_view"}


def test_findings_are_declared_in_both_languages_and_errors_block(phantom):
    for code in (f"I3{n:02}" for n in (0, 1, 2, 3, 4, 10, 11, 12, 20, 30, 31, 32, 40, 41, 42, 43)):
        kind = FINDINGS[code]
        assert all((kind.zh, kind.en, kind.remedy_zh, kind.remedy_en))
    ring = run(defect.put_metal(phantom, kind="ring", rng=np.random.default_rng(1)))
    watch = run(defect.put_metal(phantom, kind="watch", rng=np.random.default_rng(1)))
    assert (ring.passed, ring.blocking) == (False, False)  # a warning
    assert (watch.passed, watch.blocking) == (False, True)


def test_every_limit_has_a_source_and_a_mark():
    assert len(limits()) >= 14
    for one in limits().values():
        assert all((one.source, one.unit))
        assert one.mark in {"read", "unconfirmed"}


def test_stack_or_wrong_sizes_are_refused(phantom):
    image = phantom.image()
    with pytest.raises(InputError, match="3-d"):
        check(replace(image, pixels=image.pixels[None], spacing_mm=(1.0, 0.5, 0.5)))
    with pytest.raises(InputError, match="mask"):
        check(image, mask=np.ones((3, 3), bool))
    with pytest.raises(InputError, match="labels"):
        check(image, labels=np.ones((3, 3), np.uint8))


# --- one defect after another: fails exactly the check it should


@pytest.mark.parametrize("view", ["map", "picture", "film"])
@pytest.mark.parametrize("angle", [-12.0, 8.0])
def test_rotation(view, angle):
    scan = ForearmScan(rotation_deg=angle, field_mm=(180.0, 150.0), styloid_mm=55.0)
    turned = simulate_forearm(scan, rng=np.random.default_rng(2))
    report = run(turned, view)
    assert failures(report) == {"rotation": "I310"}
    assert report["rotation"].measured["rotation_deg"] == pytest.approx(angle, abs=0.5)
    assert "limit 5°" in report["rotation"].finding.detail


@pytest.mark.parametrize("angle", [-25.0, -10.0, -3.0, 0.0, 4.0, 15.0])
@pytest.mark.parametrize("distal", ["up", "down"])
def test_angle_is_measured_within_half_a_degree(angle, distal):
    scan = ForearmScan(rotation_deg=angle, distal=distal, field_mm=(160.0, 160.0))
    labels = simulate_forearm(scan).labels
    bones = np.isin(labels, (RADIUS, ULNA))
    assert bone_angle(bones, spacing_mm=(0.5, 0.5)) == pytest.approx(angle, abs=0.5)
    assert bone_angle(bones[:, ::-1], spacing_mm=(0.5, 0.5)) == pytest.approx(-angle, abs=0.5)


def test_angle_of_a_lying_bone_and_of_none():
    bone = np.zeros((40, 120), bool)
    bone[15:25, 5:115] = True
    assert abs(bone_angle(bone, spacing_mm=(1.0, 1.0))) == pytest.approx(90, abs=0.1)
    assert bone_angle(np.zeros((40, 120), bool), spacing_mm=(1.0, 1.0)) is None
    assert bone_angle(np.ones((120, 40), bool), spacing_mm=(1.0, 1.0)) is None  # all cut
    region = np.zeros((120, 120), bool)
    region[40:55, 40:70] = True  # 15 by 30 mm: a region of interest has no axis
    assert bone_angle(region, spacing_mm=(1.0, 1.0)) is None


@pytest.mark.parametrize("view", ["map", "picture"])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("distal", ["up", "down"])
def test_mirrored_or_mislabelled(view, side, distal):
    scan = ForearmScan(side=side, distal=distal, spacing_mm=(1.0, 0.6))
    right_way = simulate_forearm(scan, rng=np.random.default_rng(3))
    assert run(right_way, view)["side"].outcome == "passed"
    assert failures(run(defect.flip(right_way), view)) == {"side": "I311"}
    assert seen_side(right_way.labels, spacing_mm=(1.0, 0.6)) == side


def test_sides_that_contradict_or_are_unknown(phantom):
    assert failures(run(phantom, expected_side="right")) == {"side": "I312"}
    unnamed = replace(phantom.image(), side="")
    assert check(unnamed, labels=phantom.labels)["side"].outcome == "not_checked"
    wrong = check(unnamed, labels=phantom.labels, expected_side="right")
    assert wrong["side"].finding.code == "I311"


@pytest.mark.parametrize("view", ["map", "picture"])
@pytest.mark.parametrize("shift_mm", [2.0, 4.0])
def test_motion(phantom, view, shift_mm):
    moved = defect.move(phantom, rng=np.random.default_rng(5), shift_mm=shift_mm)
    report = run(moved, view)
    assert failures(report) == {"motion": "I320"}
    line = int(moved.truth.defects[0].split()[-1])
    assert report["motion"].measured["line"] == pytest.approx(line, abs=2)
    assert report["motion"].measured["jump_mm"] == pytest.approx(shift_mm, abs=0.5)
    assert "rows" in report["motion"].finding.where


@pytest.mark.parametrize("view", ["map", "picture"])
@pytest.mark.parametrize("kind", ["watch", "bracelet", "plate"])
def test_metal_on_the_bone(phantom, view, kind):
    report = run(defect.put_metal(phantom, kind=kind, rng=np.random.default_rng(6)), view)
    assert report["metal"].finding.code == "I330"
    assert report["jewellery"].outcome == "passed"
    assert report["metal"].measured["area_mm2"] > 100
    # What metal does to the values may be named too; nothing else may fail.
    assert set(failures(report)) <= {"metal", "saturation", "density_order"}


@pytest.mark.parametrize("view", ["map", "picture", "film"])
def test_ring_beside_the_bone(phantom, view):
    report = run(defect.put_metal(phantom, kind="ring", rng=np.random.default_rng(6)), view)
    assert failures(report) == {"jewellery": "I331"}


def test_metal_without_outline_blocks_on_a_map_and_warns_on_a_picture(phantom):
    metal = defect.put_metal(phantom, kind="plate", rng=np.random.default_rng(6))
    assert check(metal.image())["metal"].finding.code == "I330"
    unknown = check(metal.picture())
    assert unknown["metal"].finding.code == "I332"
    assert not unknown["metal"].blocking


def test_artefact_mask_is_the_metal(phantom):
    metal = defect.put_metal(phantom, kind="watch", rng=np.random.default_rng(6))
    truth = metal.bmd_map - phantom.bmd_map > 1
    for image in (metal.image(), metal.picture()):
        found = find_artefacts(image)
        assert (found & truth).sum() > 0.95 * truth.sum()
        assert (found & ~truth).sum() < 0.05 * truth.sum()
    assert not find_artefacts(phantom.image()).any()
    assert not find_artefacts(phantom.picture()).any()


def test_saturation(phantom):
    clipped = defect.saturate(phantom, share=0.1)
    assert failures(run(clipped)) == {"saturation": "I341"}
    assert run(clipped)["saturation"].measured["high_share"] == pytest.approx(0.1, abs=0.01)
    picture = run(clipped, "picture")
    assert failures(picture) == {"saturation": "I342"}  # a display mapping: a warning
    assert not picture.blocking
    dark = phantom.bmd_map - 0.5
    black = run(replace(phantom, bmd_map=np.clip(dark, 0, None)))
    assert black["saturation"].measured["low_share"] > 0.05


@pytest.mark.parametrize("view", ["map", "picture", "film"])
@pytest.mark.parametrize(
    ("edge", "key", "code"),
    [
        ("distal", "field_of_view", "I302"),
        ("radial", "field_of_view", "I301"),
        ("ulnar", "field_of_view", "I301"),
        ("proximal", "missing_regions", "I303"),
    ],
)
def test_field_cut(phantom, view, edge, key, code):
    found = failures(run(defect.truncate(phantom, edge=edge), view))
    assert found[key] == code
    assert set(found) <= {"field_of_view", "missing_regions"}


def test_missing_bone_and_missing_length(phantom):
    labels = np.where(phantom.labels == ULNA, 0, phantom.labels)
    report = run(phantom, labels=labels)
    assert report["missing_regions"].finding.where == "ulna"
    assert run(phantom, forearm_length_mm=None)["missing_regions"].outcome == "not_checked"


def test_vendor_is_told_by_the_device(phantom):
    """Hologic begins UD 5.5 mm nearer to the elbow than GE does here: a higher BMD."""
    hologic = replace(phantom.image(), device="HOLOGIC Horizon A")
    ud = [
        check(image, labels=phantom.labels, forearm_length_mm=LENGTH_MM, vendor=vendor)[
            "density_order"
        ].measured["ud_g_cm2"]
        for image, vendor in ((phantom.image(), None), (hologic, None), (hologic, "ge"))
    ]
    assert ud[1] > ud[0] + 0.02
    assert ud[2] == ud[0]


def test_missing_values(phantom):
    bmd = phantom.bmd_map.copy()
    row, column = np.argwhere(phantom.labels == RADIUS)[500]
    bmd[row, column] = np.nan
    report = run(replace(phantom, bmd_map=bmd))
    assert report["missing_values"].finding.code == "I304"
    assert report["missing_values"].finding.where == (
        f"rows {row}-{row + 1}, columns {column}-{column + 1}"
    )


@pytest.mark.parametrize("view", ["map", "picture", "film"])
def test_noise(view):
    noisy = simulate_forearm(ForearmScan(noise_g_cm2=0.4), rng=np.random.default_rng(4))
    found = failures(run(noisy, view))
    assert found["noise"] == "I343"
    assert set(found) <= {"noise", "saturation"}  # noise is clipped in 8 bit too


def test_noise_is_measured(phantom):
    assert run(phantom)["noise"].measured["noise"] == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_empty_pictures(phantom, value):
    image = replace(phantom.image(), pixels=np.full((100, 80), value))
    for kind in ("bmd_map", "dxa_picture", "radiograph"):
        report = check(replace(image, kind=kind))
        assert report["contrast"].finding.code == "I340"
        assert report.blocking


def test_density_order_from_the_report_or_the_map(phantom):
    """GE iDXA 0.437 < 0.861 and Hologic 0.355 < 0.559 < 0.673 rise; exchanged they do not."""
    picture = phantom.picture()
    hologic = {"ud": 0.355, "mid": 0.559, "one_third": 0.673}
    flipped = {"ud": 0.673, "mid": 0.559, "one_third": 0.355}
    assert check(picture, region_bmd=hologic)["density_order"].outcome == "passed"
    assert check(picture, region_bmd=flipped)["density_order"].finding.code == "I350"
    two = {"ud": 0.437, "one_third": 0.861}
    assert check(picture, region_bmd=two)["density_order"].outcome == "passed"
    gap = {"ud": 0.437, "one_third": float("nan")}
    assert check(picture, region_bmd=gap)["density_order"].outcome == "not_checked"
    assert run(phantom)["density_order"].measured["ud_g_cm2"] == pytest.approx(0.437, abs=0.01)


# --- a mask may be a region of interest, not a bone's outline


@pytest.mark.parametrize("view", ["map", "picture", "film"])
@pytest.mark.parametrize(
    "shape", ["box", "disc", "whole picture", "radius alone", "box at the side"]
)
def test_a_region_of_interest_is_no_defect(phantom, view, shape):
    """Regions inside bone, or of the whole picture, are not called cut, oblique or noisy."""
    y, x = np.ogrid[: phantom.labels.shape[0], : phantom.labels.shape[1]]
    row, column = (int(v) for v in np.argwhere(phantom.labels == RADIUS).mean(axis=0))
    masks = {
        "box": (abs(y - row) < 8) & (abs(x - column) < 12),
        "disc": (y - row) ** 2 + (x - column) ** 2 < 100,
        "whole picture": np.ones(phantom.labels.shape, bool),
        "radius alone": phantom.labels == RADIUS,
        "box at the side": (abs(y - row) < 20) & (x < 40),
    }
    report = run(phantom, view, labels=None, mask=masks[shape])
    noisy = shape in {"whole picture", "box at the side"}  # mostly not bone
    assert set(failures(report)) <= ({"noise"} if noisy else set())
    if shape in {"box", "disc"}:
        assert report["rotation"].outcome == "not_checked"
    if shape == "radius alone":
        assert report["rotation"].outcome == "passed"


# --- whatever comes, an answer


@settings(max_examples=25)
@given(
    arrays(
        st.sampled_from([np.uint8, np.uint16, np.int16, np.float32, np.float64]),
        st.sampled_from([(1, 1), (1, 30), (30, 1), (7, 9), (40, 24)]),
    ),
    st.sampled_from(["bmd_map", "dxa_picture", "radiograph", "picture", "ct", "other"]),
    st.booleans(),
)
def test_any_pixels_get_every_check_answered(pixels, kind, masked):
    image = Image(pixels, (0.5, 0.5), "given", kind, Origin("noise", "", "array"))
    mask = np.zeros(pixels.shape, bool)
    mask[: pixels.shape[0] // 2 + 1] = True
    with np.errstate(all="ignore"):
        report = check(image, mask=mask if masked else None)
    assert [one.key for one in report.checks] == KEYS
    for one in report.checks:
        assert (one.finding is None) == (one.outcome == "passed")


# --- bones named by shape


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("distal", ["up", "down"])
@pytest.mark.parametrize("spacing", [(0.25, 0.3), (1.05, 0.6)])
def test_bones_are_named_by_their_shape(side, distal, spacing):
    scan = ForearmScan(side=side, distal=distal, spacing_mm=spacing)
    truth = simulate_forearm(scan).labels
    named = name_bones(truth > 0, spacing_mm=spacing)
    for code in (RADIUS, ULNA, HAND):
        assert ((named == code) == (truth == code)).mean() > 0.99


def test_bones_that_cannot_be_told_apart_are_not_named():
    two_shafts = np.zeros((100, 40), bool)
    two_shafts[:, 5:12] = two_shafts[:, 25:32] = True
    assert name_bones(two_shafts, spacing_mm=(1.0, 1.0)) is None
    assert name_bones(two_shafts[:, :20], spacing_mm=(1.0, 1.0)) is None
    assert name_bones(two_shafts[:20], spacing_mm=(1.0, 1.0)) is None
