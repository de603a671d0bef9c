"""Bone density over time: nothing is joined that cannot be compared."""

from __future__ import annotations

import pytest

from careloop.web.care.person.fact import standing
from careloop.web.care.person.trend import trends

from .. import factory
from . import case


@pytest.fixture
def series(tree, doctor):
    """A function: the series of somebody with these facts."""

    def of(*facts):
        resident = factory.resident(tree.centre)
        case.tell(resident, *facts)
        return trends(standing(factory.Gate(doctor).facts(resident)), "zh")

    return of


def bmd(value, on, **context):
    return case.fact("bmd_lumbar_spine_g_cm2", value, on, **context)


def t_score(value, on, **context):
    return case.fact("t_lumbar_spine", value, on, **context)


def test_scores_of_two_databases_are_two_series(series):
    found = series(
        t_score(-2.0, "2021-01-01", reference_db="nhanes3_white_female"),
        t_score(-2.4, "2022-01-01", reference_db="nhanes3_white_female"),
        t_score(-1.0, "2023-01-01", reference_db="ge_lunar_v113"),
        t_score(-1.1, "2024-01-01", reference_db="ge_lunar_v113"),
    )
    assert len(found) == 2
    assert {len(one.drawn.marks) for one in found} == {2}
    assert {one.database for one in found} == {
        "NHANES III 白人女性（男女同用，ISCD）",
        "GE Lunar v113（iDXA，女性）",
    }


def test_densities_of_two_devices_are_never_compared(series):
    found = series(
        bmd(0.80, "2021-01-01", device="hologic"), bmd(0.95, "2022-01-01", device="ge_lunar")
    )
    assert len(found) == 2
    assert all(one.drawn is None for one in found)
    assert all(row.change is None for one in found for row in one.rows)


def test_another_make_may_be_two_makes(series):
    (found,) = series(
        bmd(0.80, "2021-01-01", device="other"), bmd(0.60, "2022-01-01", device="other")
    )
    assert found.drawn is None
    assert found.apart
    assert all(row.change is None for row in found.rows)


def test_left_and_right_are_never_compared(series):
    hip = [
        case.fact("bmd_total_hip_g_cm2", value, on, device="hologic", side=side)
        for value, on, side in ((0.80, "2021-01-01", "left"), (0.70, "2022-01-01", "right"))
    ]
    assert {one.side for one in series(*hip)} == {"left", "right"}
    assert all(row.change is None for one in series(*hip) for row in one.rows)


def test_what_was_measured_on_an_unknown_device_is_not_judged(series):
    (one,) = series(bmd(0.80, "2021-01-01"), bmd(0.60, "2022-01-01"))
    assert one.apart
    assert one.drawn is None
    assert all(row.change is None for row in one.rows)


def test_scores_without_a_named_database_are_not_joined(series):
    (one,) = series(
        t_score(-2.0, "2021-01-01", device="hologic"), t_score(-3.0, "2022-01-01", device="hologic")
    )
    assert one.apart


@pytest.mark.parametrize(
    ("after", "real"),
    [(0.958, False), (0.947, True), (0.9471, False), (1.053, True), (1.0529, False)],
)
def test_lsc_of_the_lumbar_spine_is_5_3_percent(series, after, real):
    """Facts §2: largest acceptable LSC 5.3 % of 1.000 g/cm²; real if |change| ≥ LSC."""
    (one,) = series(
        bmd(1.000, "2021-01-01", device="hologic"), bmd(after, "2022-01-01", device="hologic")
    )
    change = one.rows[-1].change
    assert change.real is real
    assert change.lsc_assumed
    assert change.lsc == "0.053 g/cm²"
    (band,) = one.drawn.bands
    inside = band.y <= one.drawn.marks[-1].y <= band.y + band.height
    assert inside is not real or after in {0.947, 1.053}  # on the edge it counts as real


def test_no_lsc_is_invented_for_the_radius(series):
    (one,) = series(
        *(
            case.fact("bmd_radius_33_g_cm2", value, on, device="hologic")
            for value, on in ((0.60, "2021-01-01"), (0.50, "2022-01-01"))
        )
    )
    assert one.rows[-1].change.real is None
    assert one.drawn.bands == ()


def test_a_withdrawn_scan_is_not_in_the_trend(series):
    (one,) = series(
        bmd(0.80, "2021-01-01", device="hologic"),
        bmd(0.10, "2022-01-01", device="hologic"),
        case.fact(
            "bmd_lumbar_spine_g_cm2",
            0.10,
            "2022-01-01",
            recorded="2022-02-01",
            status="entered_in_error",
            device="hologic",
        ),
    )
    assert [row.value for row in one.rows] == ["0.800 g/cm²"]


def test_page_says_what_is_real_and_what_is_error(opened, tree, doctor):
    resident = factory.resident(tree.centre)
    case.tell(
        resident,
        bmd(0.800, "2021-01-01", device="hologic"),
        bmd(0.790, "2022-01-01", device="hologic"),
        bmd(0.700, "2023-01-01", device="hologic"),
    )
    text = opened(doctor, "page", resident)
    assert "在测量误差内（LSC 0.042 g/cm²）" in text
    assert "真实下降" in text
    assert "采用 ISCD 可接受的最大值" in text
    assert 'aria-label="腰椎(L1–L4)骨密度 (g/cm²)：2021-01-01: 0.800; 2022-01-01: 0.790' in text
