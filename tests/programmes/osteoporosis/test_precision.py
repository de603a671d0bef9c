"""Least significant change against the published example of facts.md §2."""

import json
from datetime import datetime

import polars as pl
import pytest

from careloop.error import InputError
from careloop.programmes.osteoporosis.precision import bmd_changes, is_real_change, precision
from careloop.records.fact import FACT_SCHEMA

PAIRS = [(1.000, 1.010), (0.900, 0.888), (0.850, 0.856), (1.120, 1.110), (0.770, 0.778)]


def test_lsc_against_published_vector():
    result = precision(PAIRS)
    assert round(result.rms_sd, 6) == 0.006663
    assert round(result.lsc, 6) == 0.018457
    assert round(result.rms_cv_pct, 4) == 0.7183
    assert round(result.lsc_pct, 4) == 1.9896
    assert result.degrees_of_freedom == 5
    assert not result.enough
    assert precision(PAIRS * 6).enough


@pytest.mark.parametrize("bad", [[], [(1.0,)], [(1.0, 1.1), (0.9, -0.1)]])
def test_precision_refuses_what_it_cannot_use(bad):
    with pytest.raises(InputError):
        precision(bad)


def test_change_is_real_from_the_lsc_on():
    assert is_real_change(-0.018457, lsc=0.018457)
    assert not is_real_change(0.0184, lsc=0.018457)


def scans(*rows, **told):
    facts = [
        {
            "person_id": "P1",
            "variable": "bmd_total_hip_g_cm2",
            "number": value,
            "unit": "g/cm2",
            "effective_at": datetime(year, 1, 1),
            "recorded_at": datetime(year, 1, 1),
            "status": "final",
            "context": json.dumps({"device": device} | told) if device else None,
        }
        for year, value, device in rows
    ]
    return pl.DataFrame(facts, schema=FACT_SCHEMA)


def test_changes_are_judged_within_one_device():
    table = scans((2020, 0.800, "hologic"), (2021, 0.750, "hologic"), (2022, 0.900, "ge_lunar"))
    changes = bmd_changes(table)
    assert changes.height == 1
    row = changes.row(0, named=True)
    assert row["change_g_cm2"] == pytest.approx(-0.05)
    assert row["lsc_g_cm2"] == pytest.approx(0.040)
    assert row["lsc_assumed"]
    assert row["real"]
    own = bmd_changes(table, lsc_g_cm2={"total_hip": 0.06}).row(0, named=True)
    assert not own["real"]
    assert not own["lsc_assumed"]


@pytest.mark.parametrize("device", [None, "", "other"])
def test_scans_that_may_be_of_two_devices_are_not_compared(device):
    assert bmd_changes(scans((2020, 0.800, device), (2021, 0.600, device))).is_empty()
    assert bmd_changes(scans((2020, 0.800, "hologic"), (2021, 0.600, "hologic"))).height == 1


def test_one_hip_is_not_compared_with_the_other():
    left = scans((2020, 0.800, "hologic"), (2022, 0.790, "hologic"), side="left")
    right = scans((2021, 0.600, "hologic"), side="right")
    changes = bmd_changes(pl.concat([left, right]))
    assert changes.select("from_g_cm2", "to_g_cm2").rows() == [(0.8, 0.79)]


def test_a_scan_that_was_withdrawn_is_no_change():
    table = scans((2020, 0.800, "hologic"), (2021, 0.700, "hologic"), (2022, 0.790, "hologic"))
    wrong = table[1:2].with_columns(
        status=pl.lit("entered_in_error"), recorded_at=pl.lit(datetime(2022, 2, 1))
    )
    changes = bmd_changes(pl.concat([table, wrong]))
    assert changes["from_g_cm2"].to_list() == [0.8]
    assert changes["to_g_cm2"].to_list() == [0.79]
    assert bmd_changes(table).height == 2


def test_forearm_has_no_largest_lsc():
    table = scans((2020, 0.6, "hologic"), (2021, 0.5, "hologic")).with_columns(
        variable=pl.lit("bmd_radius_33_g_cm2")
    )
    assert bmd_changes(table)["real"].to_list() == [None]
