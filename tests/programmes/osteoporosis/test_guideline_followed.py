"""Whatever guideline is followed, advice, monitoring and timers go by its own classes."""

import pytest

from careloop.programmes.osteoporosis.guidance_assembly import guidance

KEYS = [each.key for each in guidance().guidelines]


@pytest.mark.parametrize("key", KEYS)
def test_rules_read_the_classes_of_the_guideline_followed_and_no_other(key):
    followed = guidance().by(key)
    rules = (*followed.advice, *followed.monitoring, *followed.timers)
    names = {name for rule in rules for name in rule.reads()}
    classes = {name for name in names if name.endswith(("_risk_class", "_treatment"))}
    assert classes == {f"{key}_risk_class", f"{key}_treatment"}
    assert [each.key for each in followed.guidelines] == KEYS


def test_the_default_is_kept_as_it_is():
    assert guidance().by("") is guidance().by("china_2022")
