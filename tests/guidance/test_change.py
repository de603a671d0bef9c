"""The next plan as a difference from the last: what, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.dictionary.variable import Text
from careloop.guidance.change import plan_changes
from careloop.guidance.plan import Plan, PlanItem, Reason, Withheld

AS_OF = date(2026, 6, 30)


def words(text: str) -> Text:
    return Text(text, text)


def reason(key: str) -> Reason:
    return Reason(key, words(key), "source", "B")


def item(key: str, *because: str, **rest) -> PlanItem:
    return PlanItem(key, "medicine", words(key), because=tuple(map(reason, because)), **rest)


def plan(*items: PlanItem, risk_class: str | None = "high", withheld=()) -> Plan:
    return Plan("P1", AS_OF, "osteoporosis", "china_2022", risk_class, items, tuple(withheld))


def test_the_same_plan_is_kept_with_no_reasons():
    one = plan(item("alendronate", "t_low"), item("calcium"))
    changes = plan_changes(one, one)
    assert [(each.what, each.reasons) for each in changes] == [("kept", ()), ("kept", ())]


def test_every_change_has_its_reason():
    before = plan(item("alendronate", "t_low"), item("calcium", "gap"))
    after = plan(
        item("denosumab", "t_low", "crcl_low"),
        item("calcium", "gap", details={"mg": 500}),
        withheld=[Withheld("alendronate", words("alendronate"), (reason("crcl_35"),))],
        risk_class="very_high",
    )
    changes = {each.key: each for each in plan_changes(before, after)}
    assert [each.key for each in changes.values()] == ["denosumab", "calcium", "alendronate"]
    assert {key: each.what for key, each in changes.items()} == {
        "denosumab": "added",
        "calcium": "changed",
        "alendronate": "removed",
    }
    told = {key: [(why.why, why.key) for why in each.reasons] for key, each in changes.items()}
    assert told["denosumab"] == [
        ("began", "t_low"),
        ("began", "crcl_low"),
        ("risk_class", "risk_class"),
    ]
    assert told["calcium"] == [("value", "mg")]
    assert ("withheld", "crcl_35") in told["alendronate"]
    assert ("ceased", "t_low") in told["alendronate"]


def test_values_behind_a_clause_are_shown_where_the_facts_are_given():
    before, after = plan(item("alendronate", "t_low")), plan(item("alendronate", "crcl_ok"))
    (change,) = plan_changes(
        before,
        after,
        facts=({"crcl_ml_min": 30.0, "t_min": -2.6}, {"crcl_ml_min": 41.0, "t_min": -2.6}),
        reads={"crcl_ok": ["crcl_ml_min"], "t_low": ["t_min"]},
    )
    value = [each for each in change.reasons if each.why == "value"]
    assert [(each.key, each.before, each.after) for each in value] == [("crcl_ml_min", 30.0, 41.0)]


def test_what_was_checked_meanwhile_is_the_reason():
    before = plan(item("zoledronate", after_checking=("crcl_35",)))
    (change,) = plan_changes(before, plan(item("zoledronate")))
    assert change.what == "changed"
    assert change.reasons[0].before == ("crcl_35",)
    assert change.reasons[0].after == ()


def test_freed_medicine_says_what_no_longer_stands_against_it():
    before = plan(withheld=[Withheld("alendronate", words("a"), (reason("hypocalcaemia"),))])
    (change,) = plan_changes(before, plan(item("alendronate", "t_low")))
    assert ("ceased", "hypocalcaemia") in [(each.why, each.key) for each in change.reasons]


def test_plans_of_different_people_are_refused():
    with pytest.raises(ValueError, match="different people"):
        plan_changes(plan(), replace(plan(), person_id="P2"))


KEYS = st.lists(st.sampled_from("abcdef"), unique=True)


@given(KEYS, KEYS, st.sampled_from(["x", "y"]))
@settings(max_examples=200, deadline=None)
def test_every_item_once_and_every_difference_explained(old, new, clause):
    before = plan(*(item(key, "x") for key in old))
    after = plan(*(item(key, clause) for key in new))
    changes = plan_changes(before, after)
    assert [each.key for each in changes] == [*new, *(key for key in old if key not in new)]
    for change in changes:
        assert (change.before is None) == (change.key not in old)
        assert (change.after is None) == (change.key not in new)
        assert bool(change.reasons) == (change.what != "kept")
