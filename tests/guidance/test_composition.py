"""Plans put together: duplicates merged, contradictions settled, nothing unsafe, nothing lost."""

from __future__ import annotations

import itertools
from datetime import date
from importlib.resources import files

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.guidance.medicine import Medicine
from careloop.guidance.plan import KINDS, PlanItem, Reason, Withheld
from careloop.guidance.precedence import Precedence, precedence_columns, read_precedence
from careloop.guidance.resolution import conflict, medicine_of, merged, resolved
from careloop.programmes.planning import guidance_of
from careloop.programmes.programme import programme
from careloop.risk.decision import NamedClause

AS_OF = date(2026, 6, 30)


def words(text: str) -> Text:
    return Text(text, text)


def reason(key: str) -> Reason:
    return Reason(key, words(key), "source", "B")


def item(key: str, kind: str = "nutrition", **rest) -> PlanItem:
    return PlanItem(key, kind, words(key), **rest)


# --- merging


def test_the_same_key_is_one_item_with_all_reasons():
    first = item("calcium", priority=20, because=(reason("a"),), mark="A", due_on=date(2027, 1, 1))
    second = item(
        "calcium",
        priority=40,
        because=(reason("b"), reason("a")),
        mark="B",
        due_on=date(2026, 9, 1),
        after_checking=("x",),
    )
    (one,) = merged([second, first])
    assert one.priority == 20
    assert [each.key for each in one.because] == ["a", "b"]
    assert one.after_checking == ("x",)
    assert one.due_on == date(2026, 9, 1)
    assert one.mark == "B", "as unsure as the less sure of the two"


# --- precedence


def rule(**rest) -> Precedence:
    return Precedence(
        **{"key": "r", "gives_way": ("b*",), "text": words("r"), "source": "s", "mark": "B", **rest}
    )


def test_the_stronger_item_stays_and_the_weaker_is_kept_as_withheld():
    stand, gone = resolved([item("a"), item("b1")], {}, rules=[rule(stays=("a",))])
    assert [each.key for each in stand] == ["a"]
    assert [(each.key, each.because[0].key) for each in gone] == [("b1", "precedence.r")]
    stand, gone = resolved([item("b1")], {}, rules=[rule(stays=("a",))])
    assert [each.key for each in stand] == ["b1"]
    assert gone == ()


@pytest.mark.parametrize(
    ("holds", "unsure", "stands", "checks"),
    [
        (True, False, False, ()),
        (False, False, True, ()),
        (None, False, True, ()),
        (None, True, True, ("hypercalcaemia",)),
    ],
)
def test_a_condition_on_the_person(holds, unsure, stands, checks):
    of = rule(when="hypercalcaemia", check_unknown=unsure)
    stand, gone = resolved([item("b1")], {of.column: holds}, rules=[of])
    assert bool(stand) is stands
    assert bool(gone) is not stands
    if stands:
        assert stand[0].after_checking == checks


def test_a_condition_is_evaluated_in_three_values():
    frame = pl.DataFrame({"hypercalcaemia": [True, False, None]})
    made = frame.select(precedence_columns((rule(when="hypercalcaemia"),)))
    assert made["precedence_r"].to_list() == [True, False, None]


def test_withheld_makes_nobody_give_way_any_more():
    chain = [rule(key="one", stays=("a",)), rule(key="two", stays=("b1",), gives_way=("c",))]
    stand, _ = resolved([item("a"), item("b1"), item("c")], {}, rules=chain)
    assert [each.key for each in stand] == ["a", "c"]


def test_alert_beats_everything_else_whatever_its_priority():
    alert = item("alert.stop", "alert", priority=99, excludes=("b*",))
    stand, gone = resolved([item("b1", priority=1), alert], {})
    assert [each.key for each in stand] == ["alert.stop"]
    assert gone[0].because[0].key == "conflict.alert.stop"


def test_without_an_alert_the_lower_priority_stays():
    loser = item("b1", priority=30, excludes=("a",))
    stand, _ = resolved([loser, item("a", priority=20)], {})
    assert [each.key for each in stand] == ["a"]


def test_what_stands_is_not_also_withheld():
    stand, gone = resolved([item("a")], {}, withheld=[Withheld("a", words("a"), (reason("x"),))])
    assert [each.key for each in stand] == ["a"]
    assert gone == ()


def test_the_order_is_that_of_the_kinds():
    items = [item(kind, kind) for kind in reversed(KINDS)]
    stand, _ = resolved(items, {})
    assert [each.kind for each in stand] == list(KINDS)


# --- the last door for medicines

STOP = NamedClause("crcl_35", "crcl_ml_min < 35", words("CrCl < 35"), "label", "A")
MEDICINE = Medicine(
    "zoledronate", words("ZOL"), ("M05BA08",), "antiresorptive", "iv", words("5 mg"), 365,
    "zoledronate_current", (STOP,),
)  # fmt: skip


@pytest.mark.parametrize("key", ["zoledronate", "medicine.zoledronate", "whatever"])
def test_no_blocked_medicine_passes_the_last_door(key):
    proposed = item(key, "medicine", details={"medicine": "zoledronate"})
    row = {"zoledronate_status": "blocked", "zoledronate_stops": "crcl_35"}
    stand, gone = resolved([proposed], row, medicines=[MEDICINE])
    assert stand == ()
    assert gone[0].because == (Reason("crcl_35", words("CrCl < 35"), "label", "A"),)
    row = {"zoledronate_status": "check_first", "zoledronate_unknown": "crcl_35"}
    (kept,), _ = resolved([proposed], row, medicines=[MEDICINE])
    assert kept.after_checking == ("crcl_35",)
    (kept,), _ = resolved([proposed], {"zoledronate_status": "allowed"}, medicines=[MEDICINE])
    assert kept.after_checking == ()


ITEMS = st.lists(
    st.builds(
        item,
        st.sampled_from(["a", "b", "c", "d", "zoledronate"]),
        st.sampled_from(["alert", "medicine", "nutrition"]),
        priority=st.integers(0, 3),
        excludes=st.lists(st.sampled_from(["a", "b", "c", "d", "*"]), max_size=2).map(tuple),
    ),
    max_size=6,
)
RULES = st.lists(
    st.builds(
        rule,
        key=st.sampled_from("xy"),
        stays=st.sampled_from([("a",), ("b",), ("c",)]),
        gives_way=st.sampled_from([("b",), ("d", "zoledronate"), ("*",)]),
    ),
    max_size=3,
)


@given(ITEMS, RULES, st.sampled_from(["blocked", "check_first", "allowed"]))
@settings(max_examples=400, deadline=None)
def test_no_conflict_stands_and_nothing_is_lost(items, rules, status):
    row = {
        "zoledronate_status": status,
        "zoledronate_stops": "crcl_35",
        "zoledronate_unknown": "crcl_35",
    }
    stand, gone = resolved(items, row, rules=rules, medicines=[MEDICINE])
    assert not any(conflict(one, other) for one, other in itertools.combinations(stand, 2))
    keys = [each.key for each in stand] + [each.key for each in gone]
    assert sorted(keys) == sorted({each.key for each in items})
    assert all(one.because for one in gone)
    for one in stand:
        if medicine_of(one) == "zoledronate":
            assert status != "blocked"
            assert bool(one.after_checking) == (status == "check_first")


# --- the programme's own table

TABLE = files("careloop.programmes.osteoporosis") / "guidance" / "precedence.toml"


def test_precedence_of_the_programme_speaks_of_things_that_exist():
    guidance = guidance_of(programme("osteoporosis"))
    items = {each.key for each in (*guidance.advice, *guidance.monitoring)}
    items |= {each.key for each in guidance.medicines}
    for each in read_precedence(TABLE):
        assert each.mark in "AB"
        assert each.source
        assert each.text.zh
        assert each.text.en
        assert all(name in load() for name in each.reads()), each.key
        if guidance.advice and guidance.medicines:
            assert {*each.stays, *each.gives_way} <= items, each.key
    assert read_precedence(TABLE) == guidance.precedence


@pytest.mark.parametrize(
    "fault",
    [
        'gives_way = ["a"]',
        'gives_way = ["a"]\nwhen = "age_y IN (1)"',
        'gives_way = ["a"]\nstays = ["b"]\nstrange = 1',
        'stays = ["b"]',
    ],
)
def test_a_faulty_rule_is_refused(tmp_path, fault):
    file = tmp_path / "precedence.toml"
    head = '[[rule]]\nkey = "r"\ntext = { zh = "r", en = "r" }\nsource = "s"\nmark = "B"\n'
    file.write_text(head + 'gives_way = ["a"]\nstays = ["b"]', encoding="utf-8")
    assert len(read_precedence(file)) == 1
    file.write_text(head + fault, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_precedence(file)
