"""What a clause rests on: the measurement it speaks of, of its day, and no other."""

from datetime import date

import pytest

from careloop.dictionary.catalogue import load
from careloop.programmes.evidence import evidence
from careloop.programmes.programme import programme
from careloop.programmes.wording import Wording

ROW = {
    "as_of": date(2026, 6, 30),
    "t_lumbar_spine": -2.1,
    "t_lumbar_spine__age_d": 1000,
    "t_femoral_neck": -2.1,
    "t_femoral_neck__age_d": 10,
    "z_total_hip": -2.1,
    "z_total_hip__age_d": 20,
    "t_lowest": -2.1,
    "z_min": -2.1,
    "osta": -2.1,
}


@pytest.fixture(scope="module")
def wording():
    return Wording(load(), programme("osteoporosis"), language="en")


@pytest.mark.parametrize(
    ("name", "key", "on"),
    [
        ("t_lowest", "t_femoral_neck", date(2026, 6, 20)),  # the newest of equal ones
        ("z_min", "z_total_hip", date(2026, 6, 10)),  # not the T-score that happens to be equal
        ("osta", "osta", None),
    ],
)
def test_a_computed_value_rests_on_a_measurement_of_its_own_kind(wording, name, key, on):
    found = evidence(name, ROW, wording)
    assert found is not None
    assert (found.name, found.on) == (wording.name(key), on)
