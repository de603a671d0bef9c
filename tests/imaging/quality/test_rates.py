"""How often defects of random simulated forearms are found, and how often there is a false alarm.

The table for the docs is printed by `benchmarks/quality.py`; this is a smaller run of the same.
"""

from __future__ import annotations

import pytest

from careloop.imaging.quality import CHECKS
from quality import DEFECTS, Views, random_forearm, rates

pytestmark = pytest.mark.slow

PHANTOMS = 20


@pytest.mark.parametrize("one", DEFECTS, ids=lambda one: one.name)
def test_sensitivity(one):
    """19 of 20 found on a labelled BMD map; not found is never more than not checked elsewhere."""
    counts = rates(one.make, phantoms=PHANTOMS, seed=77)
    assert counts[Views[0]][one.key, "failed"] >= PHANTOMS - 1
    assert counts[Views[2]][one.key, "failed"] >= PHANTOMS - 2
    found_or_unknown = sum(counts[Views[1]][one.key, how] for how in ("failed", "not_checked"))
    assert found_or_unknown >= PHANTOMS - 2


def test_specificity():
    """No check fails on forearms without a defect, whichever way they are looked at."""
    counts = rates(random_forearm, phantoms=PHANTOMS, seed=78)
    for view in Views:
        alarms = {key.__name__: counts[view][key.__name__, "failed"] for key in CHECKS}
        assert sum(alarms.values()) <= 1, (view, alarms)
