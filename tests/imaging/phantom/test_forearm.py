"""The simulated forearm: what it says of itself is what its pixels show."""

from __future__ import annotations

import numpy as np
import pytest

from careloop.error import InputError
from careloop.imaging.phantom import defect
from careloop.imaging.phantom.forearm import ForearmScan, simulate_forearm
from careloop.imaging.regions import HAND, RADIUS, ULNA

FINE = ForearmScan(spacing_mm=(0.2, 0.2))


@pytest.fixture(scope="module")
def fine():
    return simulate_forearm(FINE)


def test_says_simulated_everywhere(fine):
    for image in (fine.image(), fine.picture(), fine.radiograph()):
        assert "simulated" in image.origin.name
        assert "simulated" in image.body_part
        assert image.spacing_from == image.device == image.origin.format == "simulated"


def test_kinds_and_ranges(fine):
    assert fine.image().kind == "bmd_map"
    assert fine.picture().kind == "dxa_picture"
    assert fine.picture().pixels.dtype == np.uint8
    assert fine.picture().pixels.max() <= 252  # as GE writes it
    assert fine.radiograph().pixels.max() <= 4095


def test_levels_of_the_report(fine):
    """Radius and ulna at UD and 1/3 as the GE iDXA report in imaging.md has them."""
    regions = fine.truth.regions
    assert regions["ge radius ud"].bmd_g_cm2 == pytest.approx(0.437, abs=0.005)
    assert regions["ge radius one_third"].bmd_g_cm2 == pytest.approx(0.861, abs=0.001)
    assert regions["ge ulna one_third"].bmd_g_cm2 == pytest.approx(0.833, abs=0.001)


@pytest.mark.parametrize("bone", ["radius", "ulna"])
@pytest.mark.parametrize("s_mm", [40.0, 90.0])
def test_width_and_wall_are_in_the_pixels(fine, bone, s_mm):
    row = int((FINE.styloid_mm + s_mm) / 0.2)
    profile = np.where(fine.labels[row] == (RADIUS if bone == "radius" else ULNA), 1, 0)
    width = profile.sum() * 0.2
    assert width == pytest.approx(fine.truth.width_mm(s_mm, bone=bone), abs=0.3)
    # A hollow tube is densest above the inner edge of its wall.
    columns = np.flatnonzero(profile)
    half = fine.bmd_map[row, columns[: columns.size // 2]]
    wall = (int(half.argmax()) + 0.5) * 0.2
    assert wall == pytest.approx(fine.truth.cortical_thickness_mm(s_mm, bone=bone), abs=0.4)


def test_styloid_is_where_the_truth_says(fine):
    rows, columns = np.nonzero(fine.labels == ULNA)
    tip = rows.argmin()
    assert rows[tip] * 0.2 == pytest.approx(fine.truth.styloid_mm[0], abs=0.3)
    assert columns[tip] * 0.2 == pytest.approx(fine.truth.styloid_mm[1], abs=3)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("distal", ["up", "down"])
def test_side_and_direction(side, distal):
    phantom = simulate_forearm(ForearmScan(side=side, distal=distal, spacing_mm=(1.0, 1.0)))
    hand, bones = (
        np.nonzero(np.isin(phantom.labels, codes))[0].mean() for codes in ((HAND,), (RADIUS, ULNA))
    )
    assert (hand < bones) == (distal == "up")
    radius, ulna = (np.nonzero(phantom.labels == code)[1].mean() for code in (RADIUS, ULNA))
    # GE iDXA report: left, hand up, radius right. Hologic report: right, hand down, radius right.
    assert (radius > ulna) == ((side == "left") == (distal == "up"))


def test_turned_by_180_degrees_is_the_hand_down():
    up = simulate_forearm(ForearmScan(styloid_mm=45))
    down = simulate_forearm(ForearmScan(styloid_mm=45, distal="down"))
    np.testing.assert_allclose(down.bmd_map, up.bmd_map[::-1, ::-1], atol=1e-12)


def test_noise_is_what_was_asked_for():
    scan = ForearmScan(noise_g_cm2=0.05)
    clean, noisy = simulate_forearm(scan), simulate_forearm(scan, rng=np.random.default_rng(1))
    assert (noisy.bmd_map - clean.bmd_map).std() == pytest.approx(0.05, rel=0.02)
    assert clean.truth.noise_g_cm2 == 0


def test_same_seed_same_forearm():
    one, two = (simulate_forearm(rng=np.random.default_rng(7)) for _ in range(2))
    assert (one.bmd_map == two.bmd_map).all()


def test_density_that_bone_cannot_fill_is_refused():
    with pytest.raises(InputError, match="cannot be filled"):
        simulate_forearm(ForearmScan(density_scale=2))
    assert simulate_forearm(ForearmScan(density_scale=0.65)).bmd_map.max() > 0.5


def test_defects_name_themselves_and_change_the_map():
    rng = np.random.default_rng(0)
    phantom = simulate_forearm()
    made = [
        defect.move(phantom, rng=rng),
        defect.saturate(phantom),
        defect.flip(phantom),
        *(defect.put_metal(phantom, kind=kind, rng=rng) for kind in ("watch", "ring", "plate")),
        *(defect.truncate(phantom, edge=edge) for edge in ("distal", "proximal", "radial")),
    ]
    names = [one.truth.defects for one in made]
    assert phantom.truth.defects == ()
    assert all(len(name) == 1 for name in names)
    assert len(set(names)) == len(names)
    for one in made:
        changed = one.bmd_map.shape != phantom.bmd_map.shape
        assert changed or (one.bmd_map != phantom.bmd_map).any()
        assert one.labels.shape == one.body.shape == one.bmd_map.shape
